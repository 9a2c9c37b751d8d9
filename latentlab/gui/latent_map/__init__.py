"""The latent map: the plane one explores, in layers, as one widget."""

from latentlab.gui.latent_map.layer_panel import Layer
from latentlab.gui.latent_map.view_box import View
from latentlab.gui.latent_map.widget import LatentMap

__all__ = ["LatentMap", "Layer", "View"]
