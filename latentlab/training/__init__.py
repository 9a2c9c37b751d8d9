"""The training loop as a generator of progress, its checkpoints and its points (torch)."""

from latentlab.training.points import encode_points, from_the_top, manifold_preview, tile
from latentlab.training.training import Training

__all__ = ["Training", "encode_points", "from_the_top", "manifold_preview", "tile"]
