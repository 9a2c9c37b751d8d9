"""Answers interactive requests except ``Decode``: manifold, strips and neighbours, in pieces shorter than a frame.

(One image is decoded by :mod:`latentlab.engine.worker.decode_service`, between the pieces.)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from latentlab.engine.protocol.messages import (
    Axes,
    Codebooks,
    DecodeBoth,
    DecodeGrid,
    DecodeOtherGrid,
    DecodeRows,
    DescribeDimension,
    DistanceToData,
    DrawLatent,
    Generate,
    GridTiles,
    ImputeImage,
    InspectImage,
    Interpolate,
    LatentDrawn,
    MeasureCopy,
    MeasureFields,
    MeasurePlane,
    Nearest,
    OtherTiles,
    PicturesOfPoints,
    PointPictures,
    ReadCodebooks,
    Reconstruct,
    RefineImage,
    Request,
    Sample,
    SolvePath,
    StopImageWork,
    Strip,
    Surface,
    Traverse,
)
from latentlab.engine.worker import point_pictures
from latentlab.engine.worker.copy_search import CopySearch
from latentlab.engine.worker.decode_both import decode_both
from latentlab.engine.worker.decoded_images import decode_for_display
from latentlab.engine.worker.dimension import describing
from latentlab.engine.worker.generating import ImageGenerator
from latentlab.engine.worker.nearest_search import NearestSearch
from latentlab.engine.worker.path_solver import PathSolver
from latentlab.engine.worker.plane_fields import PlaneFields
from latentlab.engine.worker.plane_search import PlaneSearch
from latentlab.engine.worker.workspace import Workspace, require_drawable
from latentlab.errors import InputError
from latentlab.latent import coarse_to_fine, interpolate, linear_grid, traverse
from latentlab.latent.grids import Pass
from latentlab.models.inference import InferenceModel
from latentlab.training.snapshots import shown_images
from latentlab.utils.adaptive_batch_size import AdaptiveBatchSize
from latentlab.utils.array_types import ByteArray, FloatArray, IntArray
from latentlab.utils.pixels import as_pixels, shrink, to_bytes
from latentlab.utils.text import subscript

if TYPE_CHECKING:
    from latentlab.engine.worker.single_image import SingleImage

_SLICE_SECONDS = 0.008  # seconds of decoding between two checks of the mailbox
_SEARCH_SLICE_SECONDS = 0.004  # seconds of searching
_MAX_CELLS = 512  # a side
_SEARCHES = ("nearest", "distance", "plane")  # slots, in the order in which they are worked on
_DECODED_FIRST = ("strip", "dimension", "inspect", "pictures")  # slots, in this order: they are soon done
_DECODED_IN_TURN = ("path", "grid", "other-grid", "generate", "copy", "fields", "refine", "impute")
_IMAGES_READ = 64  # at a time, for pictures of the points

_Strip: TypeAlias = DecodeRows | Traverse | Interpolate | Reconstruct | Sample


@dataclass
class _Work:
    """A request that is being answered piece by piece."""

    name: str
    model: InferenceModel | None
    pieces: Iterator[None]
    seconds: float = 0.0  # spent so far


class InteractiveRequests:
    """Answers interactive requests.

    A request that takes more than one piece is a generator, one for each slot, advanced by :meth:`advance`. A newer
    request of its slot replaces it, except for a search, which is finished first: its result is still of use, and
    under a moving pointer none would ever be finished otherwise. Another model ends them all. During training the
    pieces are decoded by slightly different weights; results carry their epoch.

    Parameters
    ----------
    workspace
        Holds the model, points and dataset.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._batch_size = AdaptiveBatchSize(_SLICE_SECONDS, first=4)
        self._search = NearestSearch(workspace)
        self._copy_search = CopySearch(workspace)
        self._plane_search = PlaneSearch(workspace, self._search.typical)
        self._path_solver = PathSolver(workspace)
        self._plane_fields = PlaneFields(workspace)
        self._generator = ImageGenerator(workspace, self._decoded)
        self._single_image: SingleImage | None = None
        self._work: dict[str, _Work] = {}  # by slot
        self._next_search: dict[str, Nearest | DistanceToData] = {}  # by slot
        self._searched_last = False
        self._in_turn = list(_DECODED_IN_TURN)
        self._piece_began = 0.0

    @property
    def working_on(self) -> str:
        """Name of the request whose next piece is due; empty if there is none."""
        slot = self._due()
        return "" if slot is None else self._work[slot].name

    def answer(self, request: Request) -> None:
        """Answer a short request at once; begin a long one.

        Raises
        ------
        InputError
            When the model or dataset that it needs is not open.
        TypeError
            For a request of an unknown class.
        """
        workspace = self._workspace
        size = _latent_size(request)
        if size is not None and workspace.model is not None and size != workspace.model.latent_dim:
            return  # stale, by the same rule as a Decode
        pieces = self._pieces_of(request)
        if pieces is not None:
            self._begin(request, pieces)
            return
        match request:
            case Nearest() | DistanceToData():
                assert request.slot is not None
                if request.slot in self._work:
                    self._next_search[request.slot] = request
                else:
                    self._begin(request, self._search.answer(request))
            case DrawLatent():
                z = require_drawable(workspace.need_model().sample_prior(1, request.seed)[0])
                workspace.send(LatentDrawn(request.generation, workspace.version, z))
            case ReadCodebooks():
                entries = tuple(workspace.need_model().codebooks())
                workspace.send(Codebooks(request.generation, workspace.version, entries))
            case DecodeBoth():
                decode_both(workspace, request)
            case StopImageWork():
                if self._single_image is not None:
                    self._single_image.stop(request)
            case DecodeOtherGrid():
                pass  # of a model that is compared no more
            case _:
                raise TypeError(f"unknown request {type(request).__name__}: the worker has no code that answers it")

    def _pieces_of(self, request: Request) -> Iterator[None] | None:
        """The pieces of a request that a newer one replaces; ``None`` for any other."""
        pieces: Iterator[None] | None = None
        match request:
            case MeasureCopy():
                pieces = self._copy_search.answer(request)
            case MeasurePlane():
                pieces = self._plane_search.answer(request, lambda: self._seconds("plane"))
            case MeasureFields():
                pieces = self._plane_fields.answer(request, lambda: self._seconds("fields"))
            case Generate():
                pieces = self._generator.answer(request)
            case SolvePath():
                pieces = self._path_solver.answer(request, lambda: self._seconds("path"))
            case DecodeOtherGrid():
                compared = self._workspace.compared
                model = None if compared is None else compared.model
                if model is not None and model.latent_dim == _latent_size_of(request.axes):  # else of an earlier one
                    pieces = self._grid(request, model)
            case DecodeGrid():
                pieces = self._grid(request, self._workspace.need_model())
            case DescribeDimension():
                pieces = describing(self._workspace, request, self._decoded)
            case PicturesOfPoints():
                pieces = self._pictures(request)
            case InspectImage() | RefineImage() | ImputeImage():
                pieces = self._of_single_image(request)
            case DecodeRows() | Traverse() | Interpolate() | Reconstruct() | Sample():
                pieces = self._strip(request)
        return pieces

    def _of_single_image(self, request: InspectImage | RefineImage | ImputeImage) -> Iterator[None]:
        if self._single_image is None:
            # Imported here: the first image that a model decodes does not wait for it.
            from latentlab.engine.worker.single_image import SingleImage

            self._single_image = SingleImage(self._workspace)
        match request:
            case InspectImage():
                return self._single_image.inspecting(request)
            case RefineImage():
                return self._single_image.refining(request)
        return self._single_image.imputing(request)

    def advance(self) -> None:
        """Do one piece, alternating between a search and a decoding.

        The strip is decoded before the manifold; what else takes long is decoded in turn with the manifold.
        """
        slot = self._due()
        if slot is None:
            return
        self._searched_last = is_search = slot in _SEARCHES
        if slot in self._in_turn:  # the manifold is decoded again and again while a run changes the weights
            self._in_turn.remove(slot)
            self._in_turn.append(slot)
        work = self._work[slot]
        # Weights that change during training do not end it, or it would never be finished.
        if work.model is not self._workspace.model:
            self._end(slot)
            return
        self._piece_began = time.perf_counter()
        try:
            next(work.pieces)
            while is_search and time.perf_counter() - self._piece_began < _SEARCH_SLICE_SECONDS:
                next(work.pieces)
            work.seconds += time.perf_counter() - self._piece_began
        except BaseException as error:
            self._end(slot)
            if not isinstance(error, StopIteration):
                raise

    def cancel_all(self) -> None:
        """Cancel what is being answered."""
        self._work.clear()
        self._next_search.clear()

    def _due(self) -> str | None:
        """The slot whose piece is next."""
        search, decoding = (
            next((slot for slot in slots if slot in self._work), None)
            for slots in (_SEARCHES, (*_DECODED_FIRST, *self._in_turn))
        )
        return decoding if search is None or (self._searched_last and decoding is not None) else search

    def _begin(self, request: Request, pieces: Iterator[None]) -> None:
        assert request.slot is not None
        self._work[request.slot] = _Work(type(request).__name__, self._workspace.model, pieces)

    def _end(self, slot: str) -> None:
        del self._work[slot]
        waiting = self._next_search.pop(slot, None)
        if waiting is not None:
            self.answer(waiting)

    def _seconds(self, slot: str) -> float:
        """Computing time of the request so far, which the training has lost."""
        return self._work[slot].seconds + time.perf_counter() - self._piece_began

    def _decoded(
        self, model: InferenceModel, z: FloatArray, label: int | IntArray | None
    ) -> Iterator[tuple[slice, FloatArray]]:
        """Decode latents [N, d] in pieces that are shorter than a frame."""
        start = 0
        while start < len(z):
            piece = slice(start, min(start + self._batch_size.images, len(z)))
            began = time.perf_counter()
            labels = label[piece] if isinstance(label, np.ndarray) else label
            images = decode_for_display(self._workspace, model, z[piece], labels)
            self._batch_size.record(len(images), time.perf_counter() - began)
            yield piece, images
            start = piece.stop

    def _grid(self, request: DecodeGrid, model: InferenceModel) -> Iterator[None]:
        """Decode the manifold, each cell once: a coarse tile is used again for its own cell in the finer passes."""
        columns, rows = request.columns, request.rows
        if not (0 < columns <= _MAX_CELLS and 0 < rows <= _MAX_CELLS):
            raise InputError(f"a manifold of {columns} × {rows} cells is out of bounds")
        positions = linear_grid(columns, rows, request.x_range, request.y_range).astype(np.float32)
        is_decoded = np.zeros((rows, columns), bool)
        tiles: ByteArray | None = None
        for scan in coarse_to_fine(columns, rows):
            column, row = scan.sources.T
            decoded = is_decoded[row, column]
            missing = np.flatnonzero(~decoded)
            if tiles is not None and decoded.any():
                at = np.flatnonzero(decoded)
                self._send_tiles(request, scan, at, tiles[row[at], column[at]], scan.span == 1 and not len(missing))
            latents = self._workspace.lift(request.axes, positions[row[missing], column[missing]])
            if latents is None:
                return
            for piece, images in self._decoded(model, latents, request.label):
                new = as_pixels(to_bytes(shrink(images, request.tile_pixels)))
                if tiles is None:
                    tiles = np.zeros((rows, columns, *new.shape[1:]), np.uint8)
                at = missing[piece]
                tiles[row[at], column[at]] = new
                is_decoded[row[at], column[at]] = True
                self._send_tiles(request, scan, at, new, scan.span == 1 and piece.stop == len(missing))
                yield

    def _send_tiles(self, request: DecodeGrid, scan: Pass, at: IntArray, tiles: ByteArray, is_last: bool) -> None:
        compared = self._workspace.compared
        is_other = isinstance(request, DecodeOtherGrid)
        version = compared.request.generation if is_other and compared is not None else self._workspace.version
        self._workspace.send(
            (OtherTiles if is_other else GridTiles)(
                generation=request.generation,
                model_version=version,
                cells=scan.cells[at],
                span=scan.span,
                tiles=tiles,
                done=is_last,
                seconds=self._seconds(request.slot or ""),
                epoch=self._workspace.epoch,
            )
        )

    def _pictures(self, request: PicturesOfPoints) -> Iterator[None]:
        """Read or decode pictures of the points, and send each piece at once."""
        model, workspace = self._workspace.need_model(), self._workspace
        rows, version = point_pictures.known_rows(workspace, request), workspace.points_version

        def send(piece: IntArray, pictures: ByteArray, is_last: bool) -> None:
            now = workspace.version
            workspace.send(
                PointPictures(
                    request.generation, now, version, request.kind, piece, pictures, is_last, self._seconds("pictures")
                )
            )

        if not len(rows):
            send(rows, np.zeros((0, 1, 1), np.uint8), True)
        elif request.kind == "real":
            for start in range(0, len(rows), _IMAGES_READ):
                piece = rows[start : start + _IMAGES_READ]
                send(
                    piece,
                    point_pictures.real_pictures(workspace, piece, request.pixels),
                    start + len(piece) == len(rows),
                )
                yield
                if workspace.points_version != version:  # other points, perhaps of another dataset: their rows differ
                    return
        else:
            latents, labels = point_pictures.latents_of(workspace, model, rows)
            for part, images in self._decoded(model, latents, labels):
                send(rows[part], point_pictures.small(images, request.pixels), part.stop == len(rows))
                yield

    def _strip(self, request: _Strip) -> Iterator[None]:
        """Decode the filmstrip's rows and send them together."""
        model = self._workspace.need_model()
        originals: ByteArray | None = None
        label: int | IntArray | None = None
        match request:
            case DecodeRows():
                kind, latents, names, label = "traverse", request.latents, request.row_names, request.label
            case Traverse():
                _check_dimensions(request.dimensions, model.latent_dim)
                kind, latents = "traverse", traverse(request.z, request.dimensions, request.values)
                names = tuple(f"z{subscript(dimension + 1)}" for dimension in request.dimensions)
                label = request.label
            case Interpolate():
                kind, latents = "interpolate", interpolate(request.waypoints, request.steps, request.spherical)[None]
                names, label = ("path",), request.label
            case Sample():
                kind, latents = "sample", model.sample_prior(request.count, request.seed)[None]
                names, label = ("samples",), model.classes_of_samples(request.count)
            case Reconstruct():
                kind, names = "reconstruct", ("images", "reconstructions")
                originals, latents, label = self._some_images(model, request)
        flat = latents.reshape(-1, latents.shape[-1])
        parts, epoch = [], self._workspace.epoch
        for _piece, images in self._decoded(model, flat, label):
            parts.append(to_bytes(images))
            yield
        pixels = as_pixels(np.concatenate(parts))
        rows = pixels.reshape(*latents.shape[:2], *pixels.shape[1:])
        if originals is not None:
            rows, latents = np.concatenate([originals[None], rows]), np.concatenate([latents, latents])
        version, seconds = self._workspace.version, self._seconds("strip")
        self._workspace.send(Strip(request.generation, version, kind, rows, names, latents, seconds, epoch))

    def _some_images(self, model: InferenceModel, request: Reconstruct) -> tuple[ByteArray, FloatArray, IntArray]:
        """Validation images as pixels, their latents [1, n, d] and their classes [n]."""
        dataset = self._workspace.need_dataset()
        if dataset.image_shape != model.image_shape:
            raise InputError(f"the model takes images of shape {model.image_shape}, not {dataset.image_shape}")
        chosen = shown_images(dataset, request.count, request.seed)
        images = np.asarray(dataset.images[chosen])
        labels = model.classes_of_images(images, model.labels_of(dataset).labels[chosen])
        mean, _std = model.encode(images, labels)
        return as_pixels(images), mean[None], labels


def _latent_size(request: Request) -> int | None:
    """Size of the latents in a request; ``None`` if it has none."""
    size: int | None = None  # also of a request about the compared model
    match request:
        case DecodeOtherGrid():
            pass
        case InspectImage():
            size = request.mean.size
        case Nearest() | DistanceToData() | Traverse() | DescribeDimension() | MeasureCopy():
            size = request.z.size
        case DecodeGrid() | MeasurePlane() | MeasureFields():
            size = _latent_size_of(request.axes)
        case Interpolate() | SolvePath():
            size = int(request.waypoints.shape[-1])
        case DecodeRows():
            size = int(request.latents.shape[-1])
    return size


def _latent_size_of(surface: Surface) -> int | None:
    return surface.origin.size if isinstance(surface, Axes) else None


def _check_dimensions(dimensions: Sequence[int], latent_dim: int) -> None:
    if not dimensions or not all(0 <= dimension < latent_dim for dimension in dimensions):
        raise InputError(f"the model has dimensions 1 to {latent_dim}")
