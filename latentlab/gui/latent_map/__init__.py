"""The latent map: the plane that the user explores, in layers, as one widget."""

from latentlab.gui.latent_map.layers.base import LayerState
from latentlab.gui.latent_map.view import View
from latentlab.gui.latent_map.widget import LatentMap

__all__ = ["LatentMap", "LayerState", "View"]
