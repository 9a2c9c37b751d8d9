"""The geometry of latent space: grids, traversals, paths, directions, neighbours, distances (numpy; no Qt)."""

from latentlab.latent.alignment import Procrustes, procrustes
from latentlab.latent.components import principal_components
from latentlab.latent.copies import Memorisation, memorisation
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
from latentlab.latent.geodesics import geodesic
from latentlab.latent.grids import coarse_to_fine, linear_grid, plane_through, quantile_grid
from latentlab.latent.lengths import PathLengths
from latentlab.latent.magnification import magnification
from latentlab.latent.mixture import GaussianMixture, fit_mixture, fit_mixture_in_steps
from latentlab.latent.neighbour_graph import NeighbourGraph
from latentlab.latent.path_plan import PathPlan
from latentlab.latent.paths import at_even_speed, interpolate, path_length, plan_path, traverse
from latentlab.latent.search import NeighbourIndex, nearest, neighbours
from latentlab.latent.selection import class_shares, contains, mean_image, ranked
from latentlab.latent.terrain import AssignmentError, Terrain
from latentlab.latent.way import PATH_KINDS

__all__ = [
    "PATH_KINDS",
    "AssignmentError",
    "Direction",
    "GaussianMixture",
    "Memorisation",
    "NeighbourGraph",
    "NeighbourIndex",
    "PathLengths",
    "PathPlan",
    "Procrustes",
    "Terrain",
    "analogy",
    "at_even_speed",
    "class_shares",
    "coarse_to_fine",
    "contains",
    "direction",
    "direction_in_steps",
    "fit_mixture",
    "fit_mixture_in_steps",
    "geodesic",
    "interpolate",
    "linear_grid",
    "magnification",
    "mean_image",
    "memorisation",
    "nearest",
    "neighbours",
    "orthogonalise",
    "path_length",
    "plan_path",
    "plane_through",
    "principal_components",
    "procrustes",
    "project",
    "quantile_grid",
    "ranked",
    "regression_direction",
    "regression_direction_in_steps",
    "traverse",
    "typical_distance",
]
