"""Messages about a path through latents: how it leads, how long it is, and its film (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from latentlab.engine.protocol.requests import Request
from latentlab.engine.protocol.results import Result
from latentlab.utils.array_types import FloatArray


@dataclass(frozen=True)
class SolvePath(Request):
    """Find the path through waypoints, its lengths, and the latents that are played, as ``latentlab path`` does.

    Attributes
    ----------
    waypoints
        [n, d], n ≥ 2.
    kind
        ``linear``, ``spherical``, ``geodesic`` or ``graph``.
    is_closed
        Whether it returns to the first waypoint.
    frames
        Number of latents to play.
    is_even
        Whether the image, not the latent, is to change at an even speed.
    label
        Class to decode for.
    """

    slot: ClassVar[str | None] = "path"
    generation: int
    waypoints: FloatArray
    kind: str
    is_closed: bool
    frames: int
    is_even: bool
    label: int | None = None


@dataclass(frozen=True)
class Lengths:
    """Lengths of a path; see :class:`latentlab.latent.PathLengths`."""

    latent: float
    pixel: float
    metric: float


@dataclass(frozen=True)
class PathSolved(Result):
    """A path as far as it is known; the last result of a request is ``done``.

    Attributes
    ----------
    curve
        float32 [m, d]: latents close to each other on the whole path.
    frames
        float32 [n, d]: the latents to play; before ``done`` not yet at an even speed. ``None`` with a ``problem``.
    lengths, straight
        Of the path, and of straight lines through its waypoints; ``None`` before ``done``.
    is_from_file
        Whether the data that a ``graph`` path leads through are in the model's file.
    problem
        Why there is no such path; empty if there is.
    seconds
        Computing time so far.
    """

    slot: ClassVar[str | None] = "path"
    generation: int
    model_version: int
    curve: FloatArray | None
    frames: FloatArray | None
    lengths: Lengths | None = None
    straight: Lengths | None = None
    is_from_file: bool = True
    problem: str = ""
    done: bool = False
    seconds: float = 0.0
    epoch: float = 0.0


@dataclass(frozen=True)
class ExportFilm(Request):
    """Write the images of latents as a film, a picture or arrays; each is decoded by itself, as it is when played.

    Attributes
    ----------
    path
        ``.gif``, ``.webp``, ``.mp4``, ``.png`` (tiles) or ``.npz`` (``images``, ``z``).
    latents
        [n, d].
    fps
        Frames a second.
    scale
        Side of the square that a pixel becomes in a film.
    label
        Class to decode for.
    """

    path: str
    latents: FloatArray
    fps: int
    scale: int
    label: int | None = None


@dataclass(frozen=True)
class FilmProgress(Result):
    """How many images of a film are decoded."""

    slot: ClassVar[str | None] = "film-progress"
    done: int
    total: int


@dataclass(frozen=True)
class FilmExported(Result):
    """The film is written; ``frames`` is the number of its images."""

    path: str
    frames: int


@dataclass(frozen=True)
class CancelFilm(Request):
    """Cancel the film that is being written; no file is left."""


@dataclass(frozen=True)
class FilmCancelled(Result):
    """The film is not written."""
