"""The geometry of latent space: grids, traversals, paths, directions, neighbours, distances (numpy; no Qt)."""

from latentlab.latent.density import typical_distance
from latentlab.latent.directions import principal_components
from latentlab.latent.grids import coarse_to_fine, linear_grid, plane_through, quantile_grid
from latentlab.latent.neighbours import nearest
from latentlab.latent.paths import interpolate, traverse

__all__ = [
    "coarse_to_fine",
    "interpolate",
    "linear_grid",
    "nearest",
    "plane_through",
    "principal_components",
    "quantile_grid",
    "traverse",
    "typical_distance",
]
