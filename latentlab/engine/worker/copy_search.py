"""Compares a decoded image with every image of the dataset, in steps of a few milliseconds."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from latentlab.data import Dataset
from latentlab.engine.protocol.messages import CopyMeasured, MeasureCopy
from latentlab.engine.worker.workspace import Workspace
from latentlab.latent.copies import PixelSearch, TypicalPixelDistance

_VALUES = 1 << 20  # pixels compared at a time: two to four milliseconds


class CopySearch:
    """Answers ``MeasureCopy`` from the workspace's dataset.

    Parameters
    ----------
    workspace
        Holds the model, and the dataset that the points encode.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._typical_of: Dataset | None = None
        self._typical = float("inf")

    def answer(self, request: MeasureCopy) -> Generator[None, None, None]:
        """Search step by step, then send the result; nothing if the images of the points are not open."""
        model, dataset = self._workspace.model, self._workspace.dataset_of_points()
        if model is None or dataset is None or not len(dataset) or dataset.image_shape != model.image_shape:
            return
        if not model.capabilities.has_decoder:
            return  # the image that is shown is one of the dataset
        version = self._workspace.version
        search = PixelSearch(model.decode(request.z[None], request.label)[0])
        yield
        for _start, images in _blocks(dataset):
            search.add(images)
            yield
        if self._typical_of is not dataset:
            yield from self._measure_typical(dataset)
        found = search.result()
        self._workspace.send(
            CopyMeasured(
                request.generation,
                version,
                found.index,
                dataset.paths[found.index],
                found.distance,
                self._typical,
                found.around,
            )
        )

    def _measure_typical(self, dataset: Dataset) -> Generator[None, None, None]:
        typical = TypicalPixelDistance(len(dataset))
        typical.set_sampled(np.asarray(dataset.images[typical.sampled]))
        yield
        for start, images in _blocks(dataset, share=4):  # a block is compared with 64 images
            typical.add(start, images)
            yield
        self._typical_of, self._typical = dataset, typical.result()


def _blocks(dataset: Dataset, share: int = 1) -> Generator[tuple[int, np.ndarray], None, None]:
    """The dataset's images with the number of the first, in blocks of ``1 / share`` of the usual size."""
    rows = max(1, _VALUES // (share * max(1, int(np.prod(dataset.image_shape)))))
    for start in range(0, len(dataset), rows):
        yield start, np.asarray(dataset.images[start : start + rows])
