"""Quantities at every cell of the map's plane, computed in pieces shorter than a frame, coarse first."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

import numpy as np

from latentlab.engine.protocol.messages import Axes, FieldKind, FieldsMeasured, MeasureFields
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.latent import coarse_to_fine, linear_grid, magnification
from latentlab.latent.search import NeighbourIndex
from latentlab.latent.voting import majority
from latentlab.models.inference import InferenceModel
from latentlab.storage import Points
from latentlab.utils.adaptive_batch_size import AdaptiveBatchSize
from latentlab.utils.array_types import FloatArray, IntArray
from latentlab.utils.defaults import VOTING_NEIGHBOURS

_SLICE_SECONDS = 0.008  # of computing between two checks of the mailbox
_MAX_CELLS = 512  # a side

Values = dict[FieldKind, FloatArray]


class PlaneFields:
    """Answers ``MeasureFields`` with the workspace's model and points.

    Parameters
    ----------
    workspace
        Holds the model and the encoded dataset.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._batch_size = AdaptiveBatchSize(_SLICE_SECONDS, first=2)
        self._index: tuple[Points, NeighbourIndex, IntArray] | None = None

    def answer(self, request: MeasureFields, seconds: Callable[[], float]) -> Generator[None, None, None]:
        """Compute piece by piece, each cell once: a coarse block's cell is not computed again in the finer passes.

        Raises
        ------
        InputError
            When there is no model, or the grid is out of bounds.
        """
        columns, rows = request.columns, request.rows
        if not (0 < columns <= _MAX_CELLS and 0 < rows <= _MAX_CELLS):
            raise InputError(f"a grid of {columns} × {rows} cells is out of bounds")
        model = self._workspace.need_model()
        positions = linear_grid(columns, rows, request.x_range, request.y_range).astype(np.float32)
        known: Values = {kind: np.full((rows, columns), np.nan, np.float32) for kind in request.kinds}
        share = np.full((rows, columns), np.nan, np.float32)
        is_known = np.zeros((rows, columns), bool)
        for scan in coarse_to_fine(columns, rows):
            column, row = scan.sources.T
            missing = np.flatnonzero(~is_known[row, column])
            start = 0
            while start < len(missing):
                at = missing[start : start + self._batch_size.images]
                began = time.perf_counter()
                cells = row[at], column[at]
                latents = self._workspace.lift(request.axes, positions[cells])
                if latents is None:  # of a terrain that is no more
                    return
                values, of_share = self._values(model, request, positions[cells], latents)
                self._batch_size.record(len(at), time.perf_counter() - began)
                for kind, computed in values.items():
                    known[kind][cells] = computed
                share[cells] = of_share
                is_known[cells] = True
                start += len(at)
                if start < len(missing):
                    self._send(request, scan.cells[at], scan.span, known, share, cells, seconds())
                    yield
            # All of the pass, those cells included that the coarser passes have computed.
            self._send(request, scan.cells, scan.span, known, share, (row, column), seconds(), done=scan.span == 1)
            yield

    def _send(
        self,
        request: MeasureFields,
        cells: IntArray,
        span: int,
        known: Values,
        share: FloatArray,
        at: tuple[IntArray, IntArray],
        seconds: float,
        done: bool = False,
    ) -> None:
        self._workspace.send(
            FieldsMeasured(
                generation=request.generation,
                model_version=self._workspace.version,
                cells=cells,
                span=span,
                values={kind: values[at] for kind, values in known.items()},
                share=share[at] if "classes" in known else None,
                done=done,
                seconds=seconds,
                epoch=self._workspace.epoch,
            )
        )

    def _values(
        self, model: InferenceModel, request: MeasureFields, places: FloatArray, z: FloatArray
    ) -> tuple[Values, FloatArray]:
        """All kinds at places [n, 2] of the map with latents [n, d], and the shares of the classes, if asked for."""
        values: Values = {}
        share = np.full(len(z), np.nan, np.float32)
        for kind in request.kinds:
            match kind:
                case "round_trip":
                    values[kind] = round_trip(model, z, request.label)
                case "magnification":
                    if not isinstance(request.axes, Axes):
                        raise InputError("a terrain has no plane whose magnification could be computed")
                    directions = np.stack([each for each in (request.axes.x, request.axes.y) if each.any()])
                    values[kind] = magnification(model.decoder_jacobian(z, directions, request.label)).astype(
                        np.float32
                    )
                case "uncertainty":
                    values[kind] = model.pixel_std(z, request.label).sum(axis=(1, 2, 3))
                case "assignment":
                    terrain = self._workspace.terrain_of(request.axes)
                    values[kind] = np.full(len(z), np.nan, np.float32) if terrain is None else terrain.at(places)[1]
                case "classes":
                    winner, share = self._classes(z)
                    values[kind] = winner.astype(np.float32)
        return values, share

    def _classes(self, z: FloatArray) -> tuple[IntArray, FloatArray]:
        """The class of most of the nearest encoded images with a class, and their share; −1 without any."""
        points = self._workspace.points
        if points is None or points.mean.shape[1] != z.shape[1] or not (points.label >= 0).any():
            return np.full(len(z), -1, np.int64), np.zeros(len(z), np.float32)
        if self._index is None or self._index[0] is not points:
            labelled = points.label >= 0
            self._index = points, NeighbourIndex(points.mean[labelled]), points.label[labelled]
        _, index, labels = self._index
        found, _ = index.query(z, VOTING_NEIGHBOURS)
        return majority(labels[found])


def round_trip(model: InferenceModel, z: FloatArray, label: int | None = None) -> FloatArray:
    """How far the latent of a decoded image is from the latent that it was decoded from: ‖z − E(D(z))‖, float32 [n].

    E is the mean of the posterior. It is large where the decoder draws what the encoder does not recognise.
    """
    images = model.decode(z, label)
    mean, _ = model.encode(images, None if label is None else np.full(len(z), label))
    distance: FloatArray = np.linalg.norm(z - mean, axis=1).astype(np.float32)
    return distance
