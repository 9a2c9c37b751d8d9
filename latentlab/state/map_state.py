"""What the latent map shows, as one frozen value that is resolved from the session (no widgets, no torch)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.engine.protocol.messages import Axes, FloatArray, LayoutSurface, PointsChanged, SnapshotRead, Surface
from latentlab.state.board import BoardItem
from latentlab.state.dimension_names import titled
from latentlab.state.field_reasons import refused_fields
from latentlab.state.map_axes import EMBEDDINGS, AxesChoice, is_embedding_axis
from latentlab.state.selection import Selection
from latentlab.state.session import Embedding, Posterior, Session
from latentlab.state.tags import tagged
from latentlab.utils.plain_text import as_line
from latentlab.utils.text import format_epoch, format_number

_LONGEST_NAME = 32  # letters of a name on an axis
_SLANTED = 0.01  # cosine of the angle from which an axis is not orthogonal: 0.6 degrees off
OF_TRAINING_IMAGES = "points of the model's training images, not of the open images"
OF_EARLIER_IMAGES = "points of the images that were open before, not of the open images"
STORED_PLANE = "An epoch keeps its manifold on z₁ and z₂ only: choose these axes to see it"
SPHERE = "Latents lie on a sphere: a place of the map is decoded in its direction from 0"
NEAREST_IMAGES = "The ground is the nearest image of the table at each place: nothing is decoded"


@dataclass(frozen=True, eq=False)
class MapState:
    """What the latent map shows; two states are compared field by field with :func:`changed_fields`.

    Attributes
    ----------
    opened_version, model_version
        Version at which the current model was opened, and that of its present weights; −1 without a model.
    source
        Where the current model is from; empty without a model.
    latent
        The committed latent, float32 [d].
    axes, axis_names
        The directions shown, and their names as the user reads them.
    plane
        The plane through the latent that the map shows; ``None`` on a layout of the points.
    label
        Class that a conditional model decodes for.
    points, has_images
        The encoded dataset, and whether its images are open.
    embedded
        The points as laid out by t-SNE or UMAP, [N, 2], if the axes are a layout's; the marks below are then at points.
    terrain, terrain_note
        The surface of a complete layout, and what is said of it.
    viewed_epoch
        A snapshot of the run that is shown instead of the current model.
    selection
        The selected images.
    tagged
        The items of the Board that are values of the user's own columns.
    colour_by
        Column that the points' colours stand for; empty for their class.
    cursor, preview
        The committed latent and the one under the pointer on the shown axes, [2].
    posterior
        Mean [2] and covariance [2, 2], on the shown axes, of the posterior of the image whose latent is committed.
    neighbours
        Encoded images nearest to the latent shown, on the shown axes, [k, 2].
    path, path_curve
        Waypoints on the shown axes, [n, 2], and points close to each other on the way through them, [m, 2].
    refused_fields
        Names and reasons of the quantities that cannot be shown at every place of the map.
    is_far_from_data
        Whether the latent shown is far from every encoded image.
    staleness
        The epoch or the images that outdated points belong to; empty when they are up to date.
    plane_note
        What is decoded at a place of the map, where that is not the latent at the place, or why an epoch has no
        manifold on these axes; else empty.
    run_is_active, is_learning
        Whether there is a run, and whether it may change the weights at any moment.
    """

    opened_version: int = -1
    model_version: int = -1
    source: str = ""
    latent: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    axes: AxesChoice = field(default_factory=AxesChoice)
    axis_names: tuple[str, str] = ("", "")
    plane: Axes | None = None
    label: int | None = None
    points: PointsChanged | None = None
    has_images: bool = False
    embedded: FloatArray | None = None
    terrain: LayoutSurface | None = None
    terrain_note: str = ""
    viewed_epoch: SnapshotRead | None = None
    selection: Selection | None = None
    tagged: tuple[BoardItem, ...] = ()
    colour_by: str = ""
    cursor: FloatArray | None = None
    preview: FloatArray | None = None
    posterior: tuple[FloatArray, FloatArray] | None = None
    neighbours: FloatArray | None = None
    path: FloatArray | None = None
    path_curve: FloatArray | None = None
    refused_fields: tuple[tuple[str, str], ...] = ()
    is_far_from_data: bool = False
    staleness: str = ""
    plane_note: str = ""
    run_is_active: bool = False
    is_learning: bool = False

    @property
    def has_model(self) -> bool:
        """Whether a model is open."""
        return self.model_version >= 0

    @property
    def surface(self) -> Surface | None:
        """What the map shows: a plane, or the terrain of a layout; ``None`` on a layout that is not complete."""
        return self.terrain if self.plane is None else self.plane

    @property
    def shown_points(self) -> PointsChanged | SnapshotRead | None:
        """The viewed epoch's points, or the current model's."""
        return self.points if self.viewed_epoch is None else self.viewed_epoch


def resolve(session: Session) -> MapState:
    """The map's state that follows from the session."""
    model, plane = session.model, session.plane()
    preview, path, neighbours = session.preview, session.path, session.neighbours
    state = MapState(
        opened_version=-1 if model is None else session.opened_version,
        model_version=-1 if model is None else session.model_version,
        source="" if model is None else model.source,
        latent=session.latent,
        axes=session.axes,
        axis_names=axis_names(session, plane),
        plane=plane,
        label=session.label,
        points=session.points,
        has_images=_has_images(session),
        viewed_epoch=session.viewed_epoch,
        selection=session.selection,
        tagged=tagged(session.board.items),
        colour_by=session.colour_by,
        cursor=None if model is None else plane.project(session.latent[None])[0],
        preview=None if preview is None else plane.project(preview[None])[0],
        posterior=_posterior(session, plane),
        # Not of a snapshot: its points are others.
        neighbours=None if neighbours is None or session.viewed_epoch is not None else plane.project(neighbours),
        path=None if path is None else plane.project(path),
        path_curve=None if session.path_curve is None else plane.project(session.path_curve),
        refused_fields=refused_fields(session),
        # A snapshot's points are not those that the distance was measured to.
        is_far_from_data=session.is_far_from_data and session.viewed_epoch is None,
        staleness=_staleness(session),
        plane_note=plane_note(session, session.viewed_epoch),
        run_is_active=session.run_is_active,
        is_learning=session.is_learning,
    )
    return _on_embedding(state, session) if state.axes.embedding else state


def _on_embedding(state: MapState, session: Session) -> MapState:
    """The state on a layout of the points: marks are where the point with their latent is, and else nowhere."""
    embedding, points = session.embedding, session.points
    positions = None if embedding is None else embedding.positions

    def at(latents: FloatArray | None) -> FloatArray | None:
        if latents is None or positions is None or points is None or latents.shape[1:] != points.mean.shape[1:]:
            return None
        rows = [row for latent in latents for row in _rows_at(points.mean, latent)[:1]]
        return positions[rows] if rows else None

    cursor = at(session.latent[None])
    preview = at(None if session.preview is None else session.preview[None])
    return replace(
        state,
        embedded=positions,
        terrain=None if embedding is None or session.viewed_epoch is not None else embedding.terrain,
        terrain_note="" if embedding is None else _terrain_note(embedding),
        plane=None,
        cursor=None if cursor is None else cursor[0],
        preview=None if preview is None else preview[0],
        neighbours=at(session.neighbours) if session.viewed_epoch is None else None,
        posterior=None,
        path=None,
        path_curve=None,
    )


def plane_note(session: Session, snapshot: SnapshotRead | None) -> str:
    """What is to be said of the plane on which the model, or an epoch of its run, is shown."""
    if snapshot is not None and session.axes != AxesChoice():
        return STORED_PLANE
    if session.model is not None and not session.model.has_decoder:
        return NEAREST_IMAGES if session.model.data.get("images_found") else ""
    return SPHERE if session.layout.is_sphere else ""


def _terrain_note(embedding: Embedding) -> str:
    """What a place of the terrain decodes, and how far the latents of the images there are from that."""
    if embedding.terrain is None:
        return ""
    text = "a place decodes the mean of the images around"
    if not embedding.spread:
        return text
    error, spread = (format_number(each, ".2g") for each in (embedding.error, embedding.spread))
    return f"{text}; median error {error}, all latents' spread {spread}"


def _rows_at(mean: FloatArray, latent: FloatArray) -> NDArray[np.int64]:
    """Rows of ``mean`` [N, d] that are this latent [d]."""
    rows = np.flatnonzero(mean[:, 0] == latent[0])
    equal: NDArray[np.int64] = rows[(mean[rows] == latent).all(axis=1)]
    return equal


def changed_fields(old: MapState, new: MapState) -> frozenset[str]:
    """Names of the fields in which two states differ; points are compared by identity, other arrays by value."""
    names = (each.name for each in fields(MapState))
    return frozenset(name for name in names if not _same(getattr(old, name), getattr(new, name)))


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, PointsChanged | SnapshotRead):
        return False
    if isinstance(one, Axes) and isinstance(other, Axes):
        return _same((one.origin, one.x, one.y), (other.origin, other.x, other.y))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other)
    return bool(one == other)


def axis_names(session: Session, plane: Axes) -> tuple[str, str]:
    """Names of the axes; the first one names the level of principal components, for which the second has no room."""
    axes, level = session.axes, session.layout.levels[session.level].name
    suffix = f" · {level}" if axes.is_principal and level else ""
    x, y = _axis_name(session, axes.x), _axis_name(session, axes.y)
    # Of a second axis that is not orthogonal to the first only the orthogonal part is shown: see MapAxes.plane.
    is_part = axes.directions and plane.x.size > 1 and abs(float(plane.x @ _unit(session, axes.y))) > _SLANTED
    return x + suffix, f"{y} ⟂" if is_part else y


def _unit(session: Session, axis: str) -> FloatArray:
    vector = session.axis_vector(axis)
    unit: FloatArray = vector / max(float(np.linalg.norm(vector)), 1e-20)
    return unit


def _axis_name(session: Session, name: str) -> str:
    """``z1`` as z₁, ``pc1`` as PC 1, a direction by its name on the Board."""
    if is_embedding_axis(name):
        return f"{EMBEDDINGS[name[:-1]]} {name[-1]}"
    if name.startswith("d:"):
        item = session.board.item(name[2:])
        return "z₁" if item is None else as_line(item.name, _LONGEST_NAME)
    if name.startswith("pc"):
        return f"PC {name[2:]}"
    return as_line(titled(int(name[1:]) - 1, session.names), _LONGEST_NAME)


def _has_images(session: Session) -> bool:
    points, dataset = session.points, session.dataset
    return points is not None and dataset is not None and points.fingerprint == dataset.fingerprint != ""


def _posterior(session: Session, plane: Axes) -> tuple[FloatArray, FloatArray] | None:
    """The posterior of the opened image or the data point whose mean the latent is; none beside a snapshot.

    Anywhere else an ellipse would be of an image that is not at the cross-hair.
    """
    encoded, posterior, latent = session.encoded_image, session.nearest_posterior, session.latent
    if encoded is not None and np.array_equal(encoded.mean, latent):
        posterior = Posterior(encoded.mean, encoded.std)
    if posterior is None or session.viewed_epoch is not None or not np.array_equal(posterior.mean, latent):
        return None
    directions = np.stack([plane.x, plane.y])  # [2, d]
    covariance = ((directions * posterior.std**2) @ directions.T).astype(np.float32)
    return plane.project(posterior.mean[None])[0], covariance


def _staleness(session: Session) -> str:
    """At which epoch of an active run the points were encoded, or that they are not of the open images."""
    points = session.points
    if points is None or session.viewed_epoch is not None:
        return ""
    if session.run_is_active:
        return format_epoch(points.epoch)
    if session.points_are_of_dataset:
        return ""
    trained_on = "" if session.model is None else session.model.data.get("fingerprint", "")
    return OF_TRAINING_IMAGES if points.fingerprint in ("", trained_on) else OF_EARLIER_IMAGES
