"""The two directions of the latent space that the map shows, and when the encoded points may choose them (no Qt)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from latentlab.config.embedding import LAYOUTERS
from latentlab.config.layout import LatentLayout, Level
from latentlab.engine.protocol.messages import Axes, FloatArray

VectorOf = Callable[[str], FloatArray | None]

EMBEDDINGS: dict[str, str] = {method: layouter.title for method, layouter in LAYOUTERS.items()}
"""Title of each method of laying out the points."""
_DIRECTION = "d:"
_NEARLY_PARALLEL = 1e-4


@dataclass(frozen=True)
class AxesChoice:
    """Names of the two directions the map shows.

    ``z1`` … for dimensions, ``pc1`` … for principal components, ``d:`` and an id for directions of the Board; ``tsne1``
    and ``tsne2``, or ``umap`` or ``flat`` with these numbers, for a layout of the points, whose axes are no directions.
    """

    x: str = "z1"
    y: str = "z2"

    @property
    def is_principal(self) -> bool:
        """Whether they are principal components."""
        return self.x.startswith("pc")

    @property
    def embedding(self) -> str:
        """The method of the layout that is shown, such as ``tsne``; empty for axes of the latent space."""
        return self.x[:-1] if is_embedding_axis(self.x) else ""

    @property
    def directions(self) -> tuple[str, ...]:
        """Ids of the Board's directions among the axes."""
        return tuple(name[len(_DIRECTION) :] for name in (self.x, self.y) if name.startswith(_DIRECTION))


def is_embedding_axis(name: str) -> bool:
    """Whether an axis is one of a layout of the points."""
    return name[:-1] in EMBEDDINGS and name[-1:] in ("1", "2")


def direction_axis(identity: str) -> str:
    """Name of the axis along the Board's direction with this id."""
    return f"{_DIRECTION}{identity}"


class MapAxes:
    """The directions shown, from the opening of a model to the user's own choice.

    The first points of an opened model may replace the first two dimensions by those with the highest KL, unless the
    user has chosen others or has begun to explore.

    Attributes
    ----------
    choice
        The directions shown.
    """

    def __init__(self) -> None:
        self.choice = AxesChoice()
        self._is_chosen = False  # by the user, or restored with a session
        self._expects_first_points = False
        self._last_given: tuple[FloatArray, FloatArray] | None = None
        self._last_made: tuple[FloatArray, FloatArray] | None = None

    def reset(self, layout: LatentLayout) -> None:
        """Show the first two directions of another latent space: components if single numbers mean little."""
        kind = "z" if layout.kind == "plain" and not layout.is_spatial else "pc"
        self.choice = AxesChoice(f"{kind}1", f"{kind}2" if layout.latent_dim > 1 else f"{kind}1")
        self._is_chosen = False

    def choose(self, choice: AxesChoice) -> bool:
        """Show these directions, whatever points come; returns whether they are others than before."""
        self._is_chosen = True
        before, self.choice = self.choice, choice
        return choice != before

    def expect_first_points(self) -> None:
        """Let the next points choose: a model was opened."""
        self._expects_first_points = True

    def ignore_first_points(self) -> None:
        """Let the next points choose no more: other axes would move the map while it is used."""
        self._expects_first_points = False

    def choose_strongest(self, kl: FloatArray | None, layout: LatentLayout, level: Level) -> bool:
        """Show the two dimensions of a level with the highest KL, in order of number.

        Parameters
        ----------
        kl
            Mean KL of each dimension in nats, [d]; ``None`` if unknown or without a meaning yet.
        layout, level
            The structure of the latents, and the level shown.

        Returns
        -------
        bool
            Whether the directions are others than before. They stay unless these are an opened model's first points.
        """
        expected, self._expects_first_points = self._expects_first_points, False
        if not expected or kl is None or layout.kind != "plain" or layout.is_spatial or self._is_chosen:
            return False
        level_kl = kl[level.indices]
        if level_kl.size <= 2 or not np.isfinite(level_kl).all():
            return False
        x, y = np.sort(np.argsort(-level_kl, kind="stable")[:2]) + level.start + 1
        before, self.choice = self.choice, AxesChoice(f"z{x}", f"z{y}")
        return self.choice != before

    def plane(self, latent: FloatArray, components: FloatArray, vector_of: VectorOf = lambda _name: None) -> Axes:
        """The plane through a latent [d] that the map shows.

        Its axes have unit length and are orthogonal, so that distances on the map are distances in the latent space
        and a point of the map is the latent that is projected there: of a second axis that is not orthogonal to the
        first one, only the orthogonal part is shown. A one-dimensional latent space has a second axis along which
        nothing changes.

        Parameters
        ----------
        latent
            [d].
        components
            Principal components [k, d]; beyond these a name falls back to the dimension of its number.
        vector_of
            Vector [d] of a direction's axis by the name of the axis, or ``None`` if there is no such direction: the
            axis is then the first dimension.
        """
        x = axis_vector(self.choice.x, latent.size, components, vector_of)
        y = axis_vector(self.choice.y, latent.size, components, vector_of)
        if latent.size == 1:
            y = np.zeros(1, np.float32)
        elif latent.size and self.choice.directions:
            x, y = self._orthonormal(x, y)
        origin = latent - (latent @ x) * x - (latent @ y) * y
        return Axes(origin.astype(np.float32), x, y)

    def _orthonormal(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """As :func:`_orthonormal`, made once for the same vectors: the plane is asked for at every move."""
        given = self._last_given
        if self._last_made is None or given is None or not all(map(np.array_equal, given, (x, y))):
            self._last_given, self._last_made = (x.copy(), y.copy()), _orthonormal(x, y)
        return self._last_made


def level_components(components: FloatArray, level: Level) -> FloatArray:
    """The principal components [k, d] that lie in a level of the latent."""
    if level.size == components.shape[1]:
        return components
    of_level: FloatArray = components[np.abs(components[:, level.indices]).max(axis=1, initial=0.0) > 0]
    return of_level


def _orthonormal(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Unit vectors of the plane of two vectors, the first one along ``x``; parallel ones lie in some plane."""
    first = x.astype(np.float64) / np.linalg.norm(x.astype(np.float64))
    others = [y.astype(np.float64), *np.eye(len(x))[np.argsort(np.abs(first), kind="stable")[:1]]]
    for other in others:
        rest = other - (other @ first) * first
        rest -= (rest @ first) * first  # twice is enough for full precision (Kahan's and Parlett's rule)
        length = np.linalg.norm(rest)
        if length > _NEARLY_PARALLEL * np.linalg.norm(other):
            break
    return first.astype(np.float32), (rest / length).astype(np.float32)


def axis_vector(name: str, size: int, components: FloatArray, vector_of: VectorOf) -> FloatArray:
    """The vector [d] that an axis is named after, of any length."""
    if name.startswith(_DIRECTION):
        vector = vector_of(name)
        if vector is not None and vector.size == size and vector.any():
            return vector
        name = "z1"
    index = int(name[-1:] if is_embedding_axis(name) else name.lstrip("pcz")) - 1
    if name.startswith("pc") and index < len(components):
        return np.asarray(components[index], np.float32)
    direction = np.zeros(size, np.float32)
    if index < size:
        direction[index] = 1.0
    return direction
