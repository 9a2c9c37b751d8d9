"""The training loop as a generator of progress, its checkpoints and its points (torch)."""

from latentlab.training.map_preview import encode_points, from_the_top, manifold_preview, tile
from latentlab.training.trainer import Training

__all__ = ["Training", "encode_points", "from_the_top", "manifold_preview", "tile"]
