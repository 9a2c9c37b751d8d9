"""Writes files for other programs in pieces, between which the window is answered."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from latentlab.data import Dataset
from latentlab.data.images.film import check_film
from latentlab.data.match_classes import with_folder_classes
from latentlab.engine.protocol.messages import Axes, DecodeMap, ExportFile, ExportProgress, FileExported, MapDecoded
from latentlab.engine.worker.jobs import as_the_model_reads
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.exchange.encoded import Encoded, Progress, decoding, encoded_images, stamp_of
from latentlab.latent.grids import linear_grid
from latentlab.models.inference import InferenceModel
from latentlab.storage.outputs import check_output
from latentlab.training.image_output import write_images
from latentlab.utils.memory import format_bytes
from latentlab.utils.pixels import as_pixels, to_bytes
from latentlab.utils.text import pluralize

Steps = Generator[None, None, None]
Pieces = Generator[Progress | None, None, str]
_T = TypeVar("_T")
_OF_RUN = ("history", "curves")
_POLL_SECONDS = 0.004  # while a file is written in a thread
_PROCESS_SECONDS = 0.05  # while a process writes
_MAX_CELLS = 200  # a side


def exporting_file(workspace: Workspace, request: ExportFile) -> Steps:
    """Write one file or folder.

    Raises
    ------
    InputError, RunError
        When it cannot be written, or another model was opened meanwhile.
    """
    info, dataset = workspace.info, workspace.dataset
    read = [] if info is None else [each for each in (info.source, info.path) if each]
    check_output(request.path, *read, data="" if dataset is None else dataset.source, follows_links=False)
    is_of_model = request.what not in _OF_RUN
    model, version = workspace.need_model() if is_of_model else None, workspace.version
    pieces = _of_run(request) if model is None else _of_model(workspace, model, request)
    while True:
        try:
            progress = next(pieces)
        except StopIteration as end:
            sentence: str = end.value
            break
        if progress is not None:
            workspace.send(ExportProgress(*progress))
        yield
        if is_of_model and workspace.version != version:
            pieces.close()
            raise InputError(f"{Path(request.path).name} was not written: the model is another one now")
    workspace.send(FileExported(request.path, sentence))


def _of_run(request: ExportFile) -> Pieces:
    from latentlab.exchange.curves_table import write_curves
    from latentlab.exchange.history_film import writing_history

    out = Path(request.path)
    if request.what == "curves":
        yield None
        return f"{pluralize(write_curves(request.run, out), 'epoch')} in {out.name}"
    check_film(out.suffix.lower())
    steps = writing_history(request.run, out, request.of, request.frames, request.fps, request.scale)
    frames = yield from _in_thread(steps)
    return f"{pluralize(frames, 'frame')} in {out.name}"


def _of_model(workspace: Workspace, model: InferenceModel, request: ExportFile) -> Pieces:
    out = Path(request.path)
    match request.what:
        case "image" | "traversals":
            return (yield from _images(model, request, out))
        case "latents":
            from latentlab.exchange.latents_file import check_latents_file, write_latents

            check_latents_file(out.suffix.lower())
            encoded = yield from _encoded(workspace, model, request)
            write_latents(out, encoded, stamp_of(model))
            return f"{pluralize(len(encoded), 'latent')} in {out.name}"
        case "projector":
            from latentlab.exchange.projector import writing_projector

            encoded = yield from _encoded(workspace, model, request)
            yield from writing_projector(model, encoded, out, stamp_of(model))
            return f"{pluralize(len(encoded), 'image')} for TensorBoard's projector in {out.name}"
        case "html":
            return (yield from _page(workspace, model, request, out))
        case "card":
            from latentlab.exchange.model_card import write_model_card

            write_model_card(model.header, out, request.source, model.name)
            return f"the model's card, {out.name}"
    return (yield from _package(request))


def _images(model: InferenceModel, request: ExportFile, out: Path) -> Pieces:
    from latentlab.exchange.traversals import traversal_latents

    assert request.z is not None
    z, columns = request.z[None], 1
    if request.what == "traversals":
        assert request.values is not None
        z, columns = traversal_latents(request.z, request.dimensions, request.values), len(request.values)
    images = yield from decoding(model, z, request.label)
    stamp = stamp_of(model).of(z, request.label)
    columns = 0 if request.what == "image" else columns
    write_images(out, images, columns, scale=request.scale, stamp=stamp, z=z)
    return f"{pluralize(len(images), 'image')} in {out.name}"


def _page(workspace: Workspace, model: InferenceModel, request: ExportFile, out: Path) -> Pieces:
    from latentlab.exchange.html_page import title_of_model, writing_html

    dataset = None
    if request.with_images:
        dataset = yield from _dataset(workspace, model)
    written = yield from writing_html(model, out, dataset, request.label, title_of_model(request.source))
    return f"the page {out.name}, {format_bytes(int(written['bytes']))}"


def _encoded(
    workspace: Workspace, model: InferenceModel, request: ExportFile
) -> Generator[Progress | None, None, Encoded]:
    """The open images, or those in the model's file."""
    if not request.with_images:
        return (yield from encoded_images(model, None))
    dataset = yield from _dataset(workspace, model)
    return (yield from encoded_images(model, dataset, model.labels_of(dataset).labels))


def _dataset(workspace: Workspace, model: InferenceModel) -> Generator[None, None, Dataset]:
    """The open images as the model reads them, with the classes' names that a command would give them."""
    dataset = workspace.need_dataset()
    if dataset.image_shape != model.image_shape:
        raise InputError(
            f"the model takes images of shape {list(model.image_shape)}, these are {list(dataset.image_shape)}"
        )
    dataset = yield from as_the_model_reads(workspace, model, dataset)
    return with_folder_classes(dataset, model.header.classes) if model.module.classes else dataset


def _in_thread(steps: Generator[Progress, None, _T]) -> Generator[Progress | None, None, _T]:
    """All steps in a thread, for what needs no torch; they are left at the next step once this is closed."""
    newest: list[Progress] = []
    is_closed = False

    def run() -> _T:
        while True:
            try:
                newest[:] = [next(steps)]
            except StopIteration as end:
                result: _T = end.value
                return result
            if is_closed:
                steps.close()
                raise InputError("cancelled")

    with ThreadPoolExecutor(1, thread_name_prefix="export") as pool:
        running = pool.submit(run)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    return running.result(timeout=_POLL_SECONDS)
                yield newest[0] if newest else None
        finally:
            is_closed = True


def _package(request: ExportFile) -> Pieces:
    """An ONNX package, written by the command in a process of its own: to trace a network takes seconds at once."""
    arguments = ["export", request.source, "--onnx", request.path]
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "latentlab", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        creationflags=flags,
    )
    try:
        while True:
            try:
                said, errors = process.communicate(timeout=_PROCESS_SECONDS)
                break
            except subprocess.TimeoutExpired:
                yield None
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines() or [f"it ended with code {process.returncode}"]
        raise InputError(lines[-1].removeprefix("latentlab: error: "))
    return said.decode(errors="replace").strip().splitlines()[-1]


def decoding_map(workspace: Workspace, request: DecodeMap) -> Steps:
    """Decode every cell of a manifold.

    Raises
    ------
    InputError
        For too many cells, or when the model is another one meanwhile.
    """
    model, version = workspace.need_model(), workspace.version
    if not (0 < request.columns <= _MAX_CELLS and 0 < request.rows <= _MAX_CELLS):
        raise InputError(f"a manifold of {request.columns} × {request.rows} cells is out of bounds")
    places = linear_grid(request.columns, request.rows, request.x_range, request.y_range).astype(np.float32)
    latents = workspace.lift(request.surface, places.reshape(-1, 2))
    if latents is None:
        raise InputError("the map's layout is another one now")
    steps = decoding(model, latents, request.label)
    while True:
        try:
            done, total = next(steps)
        except StopIteration as end:
            tiles = as_pixels(to_bytes(np.nan_to_num(end.value)))
            break
        workspace.send(ExportProgress(done, total))
        yield
        if workspace.version != version:
            raise InputError("the map was not drawn: the model is another one now")
    tiles = tiles.reshape(request.rows, request.columns, *tiles.shape[1:])
    decoded = MapDecoded(request.generation, version, tiles, model.header.sha256 or "")
    workspace.send((yield from _with_distances(workspace, request, decoded)))


def _with_distances(workspace: Workspace, request: DecodeMap, decoded: MapDecoded) -> Generator[None, None, MapDecoded]:
    """The result with the distances to the points, if they are asked for and there are any."""
    from latentlab.engine.worker.nearest_search import TypicalDistance
    from latentlab.engine.worker.plane_search import plane_among

    points, axes = workspace.points, request.surface
    if not request.with_distances or points is None or not len(points.mean) or not isinstance(axes, Axes):
        return decoded
    typical = yield from TypicalDistance().of(points)
    if not np.isfinite(typical):
        return decoded
    plane = yield from plane_among(points, axes, request.x_range, request.y_range, typical)
    measured = None
    for distance in plane.distances():
        measured = distance
        yield
    return replace(decoded, distances=measured, x_range=plane.x_range, y_range=plane.y_range, typical=typical)
