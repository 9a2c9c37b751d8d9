"""The latent map: the plane that the user explores, in layers, as one widget.

`LatentMap` is imported when it is first asked for: it needs pyqtgraph, which takes longer to import than the window
to be painted with a `MapPreview` in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentlab.gui.latent_map.preview import MapPreview
from latentlab.gui.latent_map.view import View

if TYPE_CHECKING:
    from latentlab.gui.latent_map.widget import LatentMap

__all__ = ["LatentMap", "MapPreview", "View"]


def __getattr__(name: str) -> Any:
    if name == "LatentMap":
        from latentlab.gui.latent_map.widget import LatentMap

        return LatentMap
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
