"""The geometry of latent space: grids, traversals, paths, directions, neighbours, distances (numpy; no Qt)."""

from latentlab.latent.components import principal_components
from latentlab.latent.density import typical_distance
from latentlab.latent.directions import (
    Direction,
    analogy,
    direction,
    direction_in_steps,
    orthogonalise,
    project,
    regression_direction,
    regression_direction_in_steps,
)
from latentlab.latent.grids import coarse_to_fine, linear_grid, plane_through, quantile_grid
from latentlab.latent.paths import interpolate, traverse
from latentlab.latent.search import NeighbourIndex, nearest, neighbours

__all__ = [
    "Direction",
    "NeighbourIndex",
    "analogy",
    "coarse_to_fine",
    "direction",
    "direction_in_steps",
    "interpolate",
    "linear_grid",
    "nearest",
    "neighbours",
    "orthogonalise",
    "plane_through",
    "principal_components",
    "project",
    "quantile_grid",
    "regression_direction",
    "regression_direction_in_steps",
    "traverse",
    "typical_distance",
]
