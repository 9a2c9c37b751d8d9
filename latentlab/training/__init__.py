"""The training loop as a generator of events, its checkpoints, and the map stored with a model (torch, no Qt)."""

from latentlab.training.map_preview import encode_points, from_the_top, manifold_preview, tile
from latentlab.training.trainer import Trainer

__all__ = ["Trainer", "encode_points", "from_the_top", "manifold_preview", "tile"]
