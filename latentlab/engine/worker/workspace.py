"""The worker's state: the current model, its points, the open dataset (used before torch is imported)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentlab.config.capabilities import ALL, Capabilities
from latentlab.config.info import ModelInfo
from latentlab.config.layout import LatentLayout, latent_layout
from latentlab.data import Dataset
from latentlab.engine.protocol.messages import Axes, ModelChanged, ModelClosed, Notice, PointsChanged, Result, Surface
from latentlab.errors import InputError
from latentlab.latent.components import principal_components
from latentlab.latent.mixture import CLUSTER_WEIGHTS, most_probable_components
from latentlab.latent.terrain import Terrain
from latentlab.storage import ModelFile, ModelHeader, Points
from latentlab.storage.explored_model import ExploredModel
from latentlab.storage.latent_table import LatentTable
from latentlab.storage.validation import MEAN, STD
from latentlab.utils.array_rules import LARGEST_COORDINATE
from latentlab.utils.array_types import ByteArray, FloatArray, IntArray
from latentlab.utils.plain_text import TEXT, as_line
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.engine.worker.comparison import Compared
    from latentlab.models.inference import InferenceModel

Send = Callable[[Result], None]

_MAX_COMPONENTS = 16
_MAX_COLUMNS = 32
# Of the estimate of a mutual information: points whose posteriors are averaged, and how many of them are drawn from.
_MIXED_POINTS, _MIN_DRAWS, _MAX_PAIRS = 1000, 50, 4_000_000


class Workspace:
    """The worker's state, and its publication to the window.

    Attributes
    ----------
    send
        Sends a result to the window.
    model
        The current model; ``None`` before one is loaded.
    info
        Its published description.
    version
        Grows whenever the weights of ``model`` have changed.
    epoch
        Of the current weights; 0 for a model that is not in training.
    points, points_version, points_data, points_classes
        The encoded dataset, the model version that encoded it, the dataset's fingerprint, and its classes' names.
    dataset
        The open dataset.
    terrain
        The surface of the newest complete layout of the points, and the generation of its request.
    compared
        A second model beside the current one.
    table
        The table of latents that is open as a model.
    """

    def __init__(self, send: Send, first_version: int = 1) -> None:
        self.send = send
        self.version = first_version - 1
        self.epoch = 0.0
        self.model: InferenceModel | None = None
        self.info: ModelInfo | None = None
        self.points: Points | None = None
        self.points_version = -1
        self.points_data: str | None = None
        self.points_classes: tuple[str, ...] = ()
        self.dataset: Dataset | None = None
        self.terrain: tuple[int, Terrain] | None = None
        self.compared: Compared | None = None
        self.table: LatentTable | None = None
        self._reported_undrawable = self._reported_not_finite = False

    def publish_file(self, path: Path, file: ModelFile, source: str, is_new_model: bool = True) -> None:
        """Publish a model that was read from a file, and its points; needs no torch.

        Parameters
        ----------
        path, file
            The file and its contents.
        source
            The name by which it was opened.
        is_new_model
            Whether it is another model than the window shows.
        """
        header = file.header
        self.publish_model(info_of(header, source, path, file.capabilities), is_new_model)
        self.table = file.package if isinstance(file.package, LatentTable) else None
        if self.table is not None and is_new_model:
            self.send(Notice(self.table.note))
        if isinstance(file.package, ExploredModel) and is_new_model and file.package.description.note:
            self.send(Notice(as_line(file.package.description.note, TEXT)))
        if self._publish_points_of_table():
            return
        if file.points is not None:
            data = header.data.get("fingerprint")
            clusters = clusters_of(header, file.weights, file.points)
            self.publish_points(file.points, header.classes, data, 0.0, file.preview, header.preview_extent, clusters)

    def use_dataset(self, dataset: Dataset) -> None:
        """Keep a dataset that was opened; an open table's points then are of its images."""
        self.dataset = dataset
        self._publish_points_of_table()

    def _publish_points_of_table(self) -> bool:
        """Publish the points of the open table with the numbers of its images; whether these are the open dataset."""
        table, dataset = self.table, self.dataset
        if table is None or dataset is None or dataset.source != table.source:
            return False
        self.publish_points(table.points_in(dataset.paths), table.header.classes, dataset.fingerprint)
        return True

    def close_model(self) -> None:
        """Publish that no model is open any more."""
        self.table = None
        self.model = self.info = self.points = self.points_data = None
        self.send(ModelClosed(self.version))

    def need_model(self) -> InferenceModel:
        """The current model.

        Raises
        ------
        InputError
            When there is none.
        """
        if self.model is None:
            raise InputError("open a model first")
        return self.model

    def need_dataset(self) -> Dataset:
        """The open dataset.

        Raises
        ------
        InputError
            When there is none.
        """
        if self.dataset is None:
            raise InputError("open a dataset first")
        return self.dataset

    def lift(self, surface: Surface, places: FloatArray) -> FloatArray | None:
        """Latents [n, d] of places [n, 2] of the map; ``None`` on a terrain that is no more."""
        if isinstance(surface, Axes):
            return surface.lift(places)
        terrain = self.terrain_of(surface)
        return None if terrain is None else terrain.at(places)[0]

    def terrain_of(self, surface: Surface) -> Terrain | None:
        """The terrain that a surface names, if it is the newest and of the current model's size."""
        if isinstance(surface, Axes) or self.terrain is None or self.terrain[0] != surface.generation:
            return None
        terrain = self.terrain[1]
        return terrain if self.model is not None and terrain.latent_dim == self.model.latent_dim else None

    def dataset_of_points(self) -> Dataset | None:
        """The open dataset, if it is the one that the points encode."""
        dataset = self.dataset
        return dataset if dataset is not None and dataset.fingerprint == self.points_data else None

    def points_of(self, dataset: Dataset) -> Points | None:
        """The points, if the current weights encoded them from images of this dataset, and they have its indices."""
        current = self.points_version == self.version and dataset.fingerprint == self.points_data
        points = self.points if current else None
        if points is None or points.index is None or not len(points.index):
            return None
        return points if points.index.min() >= 0 and points.index.max() < len(dataset) else None

    def publish_model(self, info: ModelInfo, is_new_model: bool, training: bool = False, epoch: float = 0.0) -> None:
        """Increment the model's version and publish it; ``is_new_model`` drops the earlier model's points."""
        self.version += 1
        self.epoch = epoch
        self.info = info
        if is_new_model:
            self.points = None
            self._reported_undrawable = self._reported_not_finite = False
        self.send(ModelChanged(self.version, info, is_new_model, training, epoch))

    def publish_points(
        self,
        points: Points,
        classes: tuple[str, ...],
        data: str | None,
        epoch: float = 0.0,
        preview: ByteArray | None = None,
        extent: tuple[float, float, float, float] | None = None,
        clusters: IntArray | None = None,
    ) -> None:
        """Keep and publish the dataset as encoded by the current version.

        Parameters
        ----------
        points, classes
            The encoded dataset, and its classes' names.
        data
            Its fingerprint.
        epoch
            Of the weights.
        preview, extent
            A picture of the manifold and its range on the map's axes.
        clusters
            The cluster of each point, if the model finds some; by default by the current model.
        """
        # Not of a model that is still open while a file of another is published.
        if clusters is None and self.model is not None and self._prior_kind == "clusters":
            clusters = self.model.clusters_of(points.mean)
        columns = {} if clusters is None else {"cluster": clusters}
        drawable = self._drawable(points)
        if drawable is not points and clusters is not None:
            columns = {}  # rows are missing
        points = drawable
        self.points, self.points_version, self.points_data = points, self.version, data
        self.points_classes = classes
        layout = None if self.info is None else self.info.layout
        self.send(
            PointsChanged(
                model_version=self.version,
                mean=points.mean,
                std=points.std,
                label=points.label,
                classes=classes,
                kl=kl_per_dimension(points, layout, self._has_standard_prior) if self._has_kl else None,
                epoch=epoch,
                components=components_of(points.mean, layout),
                preview=preview,
                preview_extent=extent if preview is not None else None,
                columns=columns | self.columns_of(points.index, data),
                fingerprint=data or "",
                index=points.index,
            )
        )

    @property
    def _has_standard_prior(self) -> bool:
        """Whether the model's prior is fixed, not learned."""
        return self._prior_kind in ("standard", "categorical")

    @property
    def _has_kl(self) -> bool:
        """Whether the prior is known, without which a KL to it is not; that of a table or an autoencoder is not."""
        return self.info is None or self.info.has_prior

    @property
    def _prior_kind(self) -> str:
        prior = {} if self.info is None else self.info.config.get("prior", {})
        return str(prior.get("kind", "standard"))

    def _drawable(self, points: Points) -> Points:
        """The points without those that the map cannot draw, which are reported once for each model."""
        if MEAN.fault(points.mean, {}) is None and STD.fault(points.std, {}) is None:
            return points
        rows = np.flatnonzero(is_drawable(points.mean).all(axis=1) & is_drawable(points.std).all(axis=1))
        if not self._reported_undrawable:
            self._reported_undrawable = True
            left_out = pluralize(len(points.mean) - len(rows), "image")
            self.send(Notice(f"{left_out} left out of the map: the model encodes them beyond ±{LARGEST_COORDINATE:g}."))
        return points.of(rows)

    def report_not_finite(self) -> None:
        """Tell once for each model that images are crossed out because they are not finite."""
        if not self._reported_not_finite:
            self._reported_not_finite = True
            self.send(Notice("The model decodes some latents to values that are not finite: they are crossed out."))

    def columns_of(self, index: NDArray[np.int64] | None, data: str | None) -> dict[str, NDArray[Any]]:
        """Factors and metadata of images of the dataset with the fingerprint ``data``, if it is open."""
        dataset = self.dataset
        if dataset is None or dataset.fingerprint != data:
            return {}
        columns = {**(dataset.factors or {}), **dataset.metadata}
        rows = slice(None) if index is None else index
        return {name: np.asarray(values)[rows] for name, values in list(columns.items())[:_MAX_COLUMNS]}


def clusters_of(header: ModelHeader, weights: Mapping[str, NDArray[Any]], points: Points) -> IntArray | None:
    """The cluster of each point by the prior in a model's file; ``None`` if its prior has none."""
    if header.model.prior.kind != "clusters":
        return None
    try:
        return most_probable_components(points.mean, *(weights[f"prior.{name}"] for name in CLUSTER_WEIGHTS))
    except (KeyError, ValueError):
        return None  # weights that do not fit are refused when the model is built


def is_drawable(values: FloatArray) -> NDArray[np.bool_]:
    """Which values are finite and within the range of the map."""
    with np.errstate(invalid="ignore"):
        within: NDArray[np.bool_] = np.abs(values) <= LARGEST_COORDINATE
    return within


def require_drawable(latent: FloatArray) -> FloatArray:
    """Return a latent of the model for the window.

    Raises
    ------
    InputError
        When it is not finite or beyond the range of the map.
    """
    if not is_drawable(latent).all():
        raise InputError(f"the model gives a latent that is not finite or beyond ±{LARGEST_COORDINATE:g}")
    return latent


def info_of(header: ModelHeader, source: str, path: Path | None, capabilities: Capabilities = ALL) -> ModelInfo:
    """A model's description for the window."""
    layout = latent_layout(header.model, header.image_shape)
    return ModelInfo(
        name=_name(source),
        source=source,
        recipe=header.model.recipe,
        latent_dim=layout.latent_dim,
        image_shape=header.image_shape,
        classes=header.classes,
        conditional=header.model.conditional,
        parameters=header.parameters,
        beta=header.model.beta,
        metrics=dict(header.metrics),
        data=dict(header.data),
        config=header.model.model_dump(mode="json"),
        path=None if path is None else str(path),
        layout=layout,
        training=dict(header.training),
        sha256=header.sha256,
        capabilities=capabilities,
    )


def components_of(mean: FloatArray, layout: LatentLayout | None = None) -> FloatArray:
    """Principal components [k, d] of points [N, d]; for a hierarchy those of each level separately, top level first."""
    if layout is None or len(layout.levels) < 2:
        return principal_components(mean, _MAX_COMPONENTS)
    of_levels = []
    for level in layout.levels:
        within = principal_components(mean[:, level.indices], _MAX_COMPONENTS)
        of_levels.append(np.zeros((len(within), mean.shape[1]), np.float32))
        of_levels[-1][:, level.indices] = within
    return np.concatenate(of_levels)


def kl_per_dimension(
    points: Points, layout: LatentLayout | None = None, has_standard_prior: bool = True
) -> FloatArray | None:
    """Each dimension's KL in nats, averaged over the points, [d]; ``None`` for a posterior without a density.

    KL(q(z|x) ‖ N(0, 1)) in closed form for a diagonal Gaussian (Kingma & Welling 2014, appendix B); for categories
    each category's term of the KL to the uniform distribution, which sum to the variable's KL. A learned prior is not
    known here: its place in each dimension takes the mean of the points' own posteriors, which it is to match.
    """
    mean, std = points.mean.astype(np.float64), points.std.astype(np.float64)
    if layout is not None and layout.kind == "categories":
        share = mean * layout.categories
        parts: FloatArray = (mean * np.log(np.maximum(share, 1e-30))).mean(axis=0).astype(np.float32)
        return parts
    if len(mean) == 0 or not (std > 0).all():
        return None
    kl = 0.5 * (mean**2 + std**2 - 1) - np.log(std) if has_standard_prior else mutual_information(mean, std)
    means: FloatArray = kl.mean(axis=0).astype(np.float32)
    return means


def mutual_information(mean: NDArray[np.float64], std: NDArray[np.float64]) -> NDArray[np.float64]:
    """Terms, whose means over the rows estimate I(z_j; x) in nats, [n, d]: E[log q(z_j|x) − log 1/M Σ_m q(z_j|x_m)].

    For any prior, the mean KL of a dimension to the prior's marginal p_j is I(z_j; x) + KL(1/M Σ_m q(z_j|x_m) ‖ p_j)
    (Hoffman & Johnson 2016, ELBO surgery). At most log M, with M up to 1,000 points; exactly 0 where all posteriors
    are equal.

    Parameters
    ----------
    mean, std
        [N, d], ``std`` above 0.
    """
    rows = np.unique(np.linspace(0, len(mean) - 1, _MIXED_POINTS).astype(np.int64))
    mean, std = mean[rows], std[rows]
    count = max(_MIN_DRAWS, _MAX_PAIRS // mean.size)
    drawn = np.unique(np.linspace(0, len(mean) - 1, count).astype(np.int64))
    noise = np.random.default_rng(0).standard_normal((len(drawn), mean.shape[1]))
    z = mean[drawn] + std[drawn] * noise
    terms = np.empty_like(z)
    for j in range(mean.shape[1]):
        densities = np.exp(-0.5 * ((z[:, j, None] - mean[:, j]) / std[:, j]) ** 2) / std[:, j]
        terms[:, j] = -0.5 * noise[:, j] ** 2 - np.log(std[drawn, j]) - np.log(densities.mean(axis=1))
    return terms


def _name(source: str) -> str:
    """A short name for display: the bundled model's, the file's, or the run's."""
    path = Path(source.removeprefix("bundled:"))
    if path.name == "model.safetensors":
        path = path.parent
    return path.name.removesuffix(".safetensors").removesuffix(".explore")
