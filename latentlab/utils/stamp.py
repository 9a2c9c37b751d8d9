"""What an output says of its origin, as one line of text: the program, the model, the seed and the latents."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from latentlab.utils.array_types import FloatArray

STAMP_KEY = "latentlab"
"""Name of the text in a PNG file, of the array in an ``.npz`` file, and of the entry in a parquet file's schema."""
_MOST_NUMBERS = 4096  # of latents: of more only how many there are is said


@dataclass(frozen=True)
class Stamp:
    """Where an output is from.

    Attributes
    ----------
    model
        SHA-256 of the model's tensors; empty while a run changes them, or if it is not known.
    seed
        Of the noise that is in the output; ``None`` if there is none.
    z
        float32 [N, d], the latents that are shown, in order; ``None`` if it is not of latents.
    label
        Class that they were decoded for.

    Examples
    --------
    >>> Stamp("ab12", z=np.zeros((1, 2), np.float32)).text()
    '{"program": "latentlab 0.1.0", "model_sha256": "ab12", "z": [[0.0, 0.0]]}'
    """

    model: str = ""
    seed: int | None = None
    z: FloatArray | None = None
    label: int | None = None

    def of(self, z: FloatArray, label: int | None = None) -> Stamp:
        """The stamp of an output of these latents."""
        return replace(self, z=np.asarray(z, np.float32), label=label)

    def values(self) -> dict[str, Any]:
        """What is known, by name; numbers as they are written in JSON."""
        values: dict[str, Any] = {"program": f"latentlab {version('latentlab')}"}
        if self.model:
            values["model_sha256"] = self.model
        if self.seed is not None:
            values["seed"] = self.seed
        if self.z is not None and self.z.size <= _MOST_NUMBERS:
            # Each number as short as it is to the last bit of a float32.
            values["z"] = [[float(np.format_float_positional(each, unique=True)) for each in row] for row in self.z]
        elif self.z is not None:
            values["latents"] = len(self.z)
        if self.label is not None:
            values["label"] = self.label
        return values

    def text(self) -> str:
        """One line of JSON in ASCII."""
        return json.dumps(self.values())
