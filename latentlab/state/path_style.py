"""How the path drawn on the map leads through its waypoints (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PathStyle:
    """How a path leads through its waypoints, and how it is played.

    Attributes
    ----------
    kind
        ``linear``, ``spherical``, ``geodesic`` or ``graph``.
    is_closed
        Whether the last waypoint is followed by the first.
    is_even
        Whether the image, not the latent, changes at an even speed.
    """

    kind: str = "linear"
    is_closed: bool = False
    is_even: bool = False
