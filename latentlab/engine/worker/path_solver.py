"""Finds paths through latents in pieces shorter than a frame, and shows how far they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

import numpy as np
from numpy.typing import NDArray

from latentlab.config.layout import latent_layout, why_no_path
from latentlab.engine.protocol.messages import Lengths, PathSolved, SolvePath
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.latent import NeighbourGraph, PathLengths
from latentlab.latent.lengths import Answer, Evaluate
from latentlab.latent.path_plan import KnownGeodesics, PathPlan, plan_in_steps
from latentlab.latent.polyline import at_positions
from latentlab.models.inference import InferenceModel
from latentlab.storage import Points
from latentlab.utils.adaptive_batch_size import AdaptiveBatchSize
from latentlab.utils.array_types import FloatArray

MAX_FRAMES, MAX_WAYPOINTS = 10_000, 2_000
_SLICE_SECONDS = 0.008  # of decoding between two checks of the mailbox
_BETWEEN_SHOWN = 0.03  # seconds between two results that show the path on its way

Steps = Generator[None, None, None]


class PathSolver:
    """Answers ``SolvePath``.

    Geodesics between the same waypoints are kept while the weights stay, and the graph of the data while they stay.

    Parameters
    ----------
    workspace
        Holds the model and the encoded dataset.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._batch_size = AdaptiveBatchSize(_SLICE_SECONDS, first=4)
        self._derivatives = AdaptiveBatchSize(_SLICE_SECONDS, first=2)
        self._piece_began = 0.0
        self._known = KnownGeodesics()
        self._known_of: tuple[int, int | None] = (-1, None)  # version of the weights, and class
        self._graph: NeighbourGraph | None = None
        self._graph_of: Points | None = None

    def answer(self, request: SolvePath, seconds: Callable[[], float]) -> Steps:
        """Find the path step by step; what has none is said in the result.

        Parameters
        ----------
        seconds
            Returns the computing time of the request so far.
        """
        workspace = self._workspace
        model, version = workspace.need_model(), workspace.version
        self._piece_began = time.perf_counter()
        try:
            _check(request, model)
            if self._known_of != (version, request.label):
                self._known, self._known_of = KnownGeodesics(), (version, request.label)
            graph = (yield from self._graph_of_points()) if request.kind == "graph" else None
            plan = yield from self._plan(request, model, version, graph)
        except InputError as error:
            workspace.send(PathSolved(request.generation, version, None, None, problem=str(error), done=True))
            return
        workspace.send(
            PathSolved(
                request.generation,
                version,
                plan.curve,
                plan.frames,
                _lengths(plan.lengths),
                _lengths(plan.straight),
                is_from_file=request.kind != "graph" or workspace.points is model.points,
                done=True,
                seconds=seconds(),
                epoch=workspace.epoch,
            )
        )

    def _plan(
        self, request: SolvePath, model: InferenceModel, version: int, graph: NeighbourGraph | None
    ) -> Generator[None, None, PathPlan]:
        steps = plan_in_steps(
            request.waypoints,
            request.frames,
            request.kind,
            loop=request.is_closed,
            is_even=request.is_even,
            graph=graph,
            known=self._known,
        )
        shown_at = 0.0
        shown: NDArray[np.float64] | None = None
        asked = next(steps)
        while True:
            if asked.curve is not shown and time.monotonic() - shown_at >= _BETWEEN_SHOWN:
                shown, shown_at = asked.curve, time.monotonic()
                self._show(request, version, asked.curve)
            answer = yield from self._answered(asked, model, request.label)
            try:
                asked = steps.send(answer)
            except StopIteration as end:
                plan: PathPlan = end.value
                return plan

    def _show(self, request: SolvePath, version: int, curve: NDArray[np.float64]) -> None:
        """Send the path as far as it is known; it can be played already, at the speed of its latents."""
        position = np.linspace(0, len(curve) - 1, request.frames, endpoint=not request.is_closed)
        frames = at_positions(curve, position).astype(np.float32)
        epoch = self._workspace.epoch
        self._workspace.send(PathSolved(request.generation, version, curve.astype(np.float32), frames, epoch=epoch))

    def _answered(self, asked: Evaluate, model: InferenceModel, label: int | None) -> Generator[None, None, Answer]:
        """Decode, and differentiate, in pieces that are shorter than a frame."""
        latents, directions = asked.latents, asked.directions
        images = yield from self._in_pieces(
            len(latents),
            self._batch_size,
            lambda rows: model.decode(latents[rows], label).reshape(rows.stop - rows.start, -1),
        )
        if directions is None:
            return images, None
        slopes = yield from self._in_pieces(
            len(latents),
            self._derivatives,
            lambda rows: model.decoder_jacobian(
                latents[rows], directions if directions.ndim == 2 else directions[rows], label
            ).reshape(rows.stop - rows.start, directions.shape[-2], -1),
        )
        return images, slopes

    def _in_pieces(
        self, count: int, batch_size: AdaptiveBatchSize, compute: Callable[[slice], FloatArray]
    ) -> Generator[None, None, NDArray[np.float64]]:
        parts, start = [], 0
        while start < count:
            rows = slice(start, min(count, start + batch_size.images))
            began = time.perf_counter()
            parts.append(compute(rows))
            batch_size.record(rows.stop - start, time.perf_counter() - began)
            start = rows.stop
            # Several short batches are one piece: beside a run a few pieces are done with each training step.
            if time.perf_counter() - self._piece_began >= _SLICE_SECONDS:
                yield
                self._piece_began = time.perf_counter()
        return np.concatenate(parts).astype(np.float64)

    def _graph_of_points(self) -> Generator[None, None, NeighbourGraph]:
        points = self._workspace.points
        if points is None or not len(points.mean):
            raise InputError("there are no encoded images for a path to lead through: open a dataset")
        if self._graph is None or self._graph_of is not points:
            for step in NeighbourGraph.in_steps(points.mean):
                if step is not None:
                    self._graph, self._graph_of = step, points
                yield
        assert self._graph is not None
        return self._graph


def _check(request: SolvePath, model: InferenceModel) -> None:
    reason = why_no_path(request.kind, latent_layout(model.header.model, model.image_shape).kind)
    if reason:
        raise InputError(f"there is no {request.kind} path in this model: {reason}")
    if not 1 <= request.frames <= MAX_FRAMES:
        raise InputError(f"a path has 1 to {MAX_FRAMES:,} frames, not {request.frames}")
    if not 2 <= len(request.waypoints) <= MAX_WAYPOINTS:
        raise InputError(f"a path leads through 2 to {MAX_WAYPOINTS:,} waypoints, not {len(request.waypoints)}")


def _lengths(lengths: PathLengths) -> Lengths:
    return Lengths(lengths.latent, lengths.pixel, lengths.metric)
