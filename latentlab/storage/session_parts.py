"""Parts of a session file beside the Board: path, layers, oscillators, comparison, places (no Qt, no torch)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from latentlab.storage.board_file import LARGEST_LATENT, floats
from latentlab.storage.validation import LONGEST_TEXT, Claim, any_text

LONGEST_PATH = 1 << 20
"""Characters of the waypoints of the path that is drawn, in base64."""
_LONGEST_RELATIVE = 1 << 14  # characters; a dataset of more files than that is known by its absolute paths

Place = Annotated[str, any_text(LONGEST_TEXT)]
Relative = Annotated[str, any_text(_LONGEST_RELATIVE)]


class KeptWaypoints(Claim):
    """The path drawn on the map: waypoints [n, d] in one text, and how it leads through them."""

    latent_dim: Annotated[int, Field(ge=1, le=LARGEST_LATENT)]
    waypoints: Annotated[str, Field(max_length=LONGEST_PATH)]
    interpolation: Literal["linear", "spherical", "geodesic", "graph"] = "linear"
    is_closed: bool = False
    is_even: bool = False

    @model_validator(mode="after")
    def _check_size(self) -> KeptWaypoints:
        count = len(floats(self.waypoints))
        if not count or count % self.latent_dim:
            raise ValueError(f"{count:,} numbers are no waypoints of {self.latent_dim} dimensions")
        return self


class KeptLayer(Claim):
    """A layer of the map as the user has set it."""

    name: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    visible: bool
    opacity: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    choice: Annotated[str, Field(max_length=40)] = ""


class KeptOscillator(Claim):
    """An oscillator; see :class:`latentlab.gui.panels.play.OscillatorRow`."""

    target: Annotated[str, Field(pattern=r"^(z[1-9]\d{0,6}|d:[0-9a-f]{1,32})$")]
    shape: Literal["sine", "triangle", "wander"] = "sine"
    rate: Annotated[float, Field(ge=0.0, le=10.0)] = 0.1
    depth: Annotated[float, Field(ge=0.0, le=100.0)] = 1.5
    phase: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


class KeptComparison(Claim):
    """The second model: its source, and the epoch of its run that is compared."""

    source: Place
    epoch: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class KeptPlaces(Claim):
    """Where the sources of a session are, seen from its folder, with ``/`` between folders; empty if not known."""

    model: Relative = ""
    dataset: Relative = ""
    run_folder: Relative = ""
    compared: Relative = ""
