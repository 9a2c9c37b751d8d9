"""The images that a selection is about: those of the open dataset that the points encode, or the points alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data import Dataset
from latentlab.data.image_search import SearchedImages
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.storage import Points
from latentlab.utils.array_types import FloatArray, IntArray
from latentlab.utils.tag_columns import Tag, tag_columns

_NO_POINTS = "there are no images: open a dataset, or a model that keeps its points"


@dataclass(frozen=True)
class SelectableImages:
    """All images that can be selected.

    Attributes
    ----------
    images
        int64 [N], their numbers in the dataset, ascending.
    labels, classes
        int64 [N], −1 where unknown, and the classes' names.
    fingerprint
        Of the dataset.
    dataset
        The open dataset, if these are its images.
    points
        Points of some or all of them.
    """

    images: IntArray
    labels: IntArray
    classes: tuple[str, ...]
    fingerprint: str
    dataset: Dataset | None
    points: Points | None

    def columns(self, tags: tuple[Tag, ...]) -> dict[str, NDArray[Any]]:
        """Columns of the dataset and the user's own, [N] each."""
        dataset = self.dataset
        own = {} if dataset is None else {**(dataset.factors or {}), **dataset.metadata}
        return {**{name: np.asarray(values) for name, values in own.items()}, **tag_columns(tags, self.images)}

    def searched(self, tags: tuple[Tag, ...]) -> SearchedImages:
        """What a search looks at."""
        paths = [] if self.dataset is None else self.dataset.paths
        return SearchedImages(paths, self.labels, self.classes, self.columns(tags))

    def latents(self, chosen: IntArray) -> tuple[FloatArray, IntArray]:
        """Means [k, d] of the points of ``chosen`` images, and which rows of it have a point, int64 [k]."""
        rows, has_point = self._rows(chosen)
        return np.zeros((0, 0), np.float32) if self.points is None else self.points.mean[rows], has_point

    def posteriors(self, chosen: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
        """Means and standard deviations [k, d] of the points of ``chosen`` images, and which rows have a point."""
        rows, has_point = self._rows(chosen)
        if self.points is None:
            return np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32), has_point
        return self.points.mean[rows], self.points.std[rows], has_point

    def _rows(self, chosen: IntArray) -> tuple[IntArray, IntArray]:
        """Rows of the points of ``chosen`` images, and which of these images have a point: int64 [k] each."""
        points = self.points
        if points is None:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        index = np.arange(len(points.mean)) if points.index is None else points.index
        order = np.argsort(index, kind="stable")
        at = np.searchsorted(index, chosen, sorter=order)
        has_point = at < len(index)
        has_point[has_point] = index[order[at[has_point]]] == chosen[has_point]
        return order[at[has_point]], np.flatnonzero(has_point)


def selectable_images(workspace: Workspace) -> SelectableImages:
    """The images that can be selected now.

    Raises
    ------
    InputError
        When there are none.
    """
    points, dataset = workspace.points, workspace.dataset_of_points()
    if points is None:
        dataset = workspace.dataset
    if dataset is not None:
        return SelectableImages(
            np.arange(len(dataset)), dataset.labels, dataset.classes, dataset.fingerprint, dataset, points
        )
    if points is None:
        raise InputError(_NO_POINTS)
    images = np.arange(len(points.mean)) if points.index is None else points.index
    order = np.argsort(images, kind="stable")
    classes = () if workspace.info is None else workspace.info.classes
    return SelectableImages(images[order], points.label[order], classes, workspace.points_data or "", None, points)


def checked(images: IntArray, available: SelectableImages) -> IntArray:
    """Those of the images that there are.

    Raises
    ------
    InputError
        When there is none of them.
    """
    found = images[np.isin(images, available.images)]
    if not len(found):
        raise InputError("the selected images are not among those that are open")
    return found
