"""What follows the hand: one decode at once; the manifold, strips and neighbours in pieces shorter than a frame."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentlab.engine.protocol.messages import (
    Codebooks,
    Decode,
    DecodeGrid,
    DecodeRows,
    DistanceMeasured,
    DistanceToData,
    DrawLatent,
    GridTiles,
    IntArray,
    Interpolate,
    LatentDrawn,
    Nearest,
    NearestFound,
    ReadCodebooks,
    Reconstruct,
    Request,
    Sample,
    Strip,
    Traverse,
)
from latentlab.engine.worker.decoded_images import as_pixels, decoded, shrink, to_bytes
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.latent import coarse_to_fine, interpolate, linear_grid, nearest, traverse, typical_distance
from latentlab.latent.grids import Pass
from latentlab.models.inference import InferenceModel
from latentlab.storage import Points
from latentlab.training.snapshots import shown_images
from latentlab.utils.text import subscript

FloatArray = NDArray[np.float32]

_PIECE = 0.008  # seconds of decoding between two looks at the mailbox
_MOST_AT_ONCE = 128
_MOST_CELLS = 512  # a side
_LONG_SLOTS = ("strip", "grid")


class AdaptiveBatchSize:
    """How many images may be decoded at a time so that a piece lasts less than a frame; learned by measuring."""

    def __init__(self) -> None:
        self._per_image = _PIECE / 4  # until something has been measured

    @property
    def images(self) -> int:
        """How many to decode next."""
        return int(np.clip(_PIECE / self._per_image, 1, _MOST_AT_ONCE))

    def note(self, images: int, seconds: float) -> None:
        """Take in how long a piece took."""
        self._per_image += 0.5 * (seconds / images - self._per_image)


@dataclass
class _Running:
    """What is being decoded piece by piece: for which request, by which model, and for how many seconds so far."""

    name: str
    model: InferenceModel | None
    work: Iterator[None]
    spent: float = 0.0


class InteractiveRequests:
    """Answers live requests from the workspace's model.

    What takes more than one piece is a generator, one of each kind, advanced by :meth:`advance`; a newer request
    of its kind takes its place, and another model ends it. While the live one learns, the pieces are of slightly
    different weights; each says of which.

    Parameters
    ----------
    workspace
        Whose model and dataset are shown.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._pace = AdaptiveBatchSize()
        self._running: dict[str, _Running] = {}  # by slot
        self._piece_began = 0.0
        self._latest: InferenceModel | None = None
        self._size_before: int | None = None  # of the latents of the model before that one
        self._closest_to: tuple[Points, FloatArray, int, float] | None = None  # points, z, place, distance
        self._typical_of: Points | None = None
        self._typical_distance = float("inf")

    @property
    def working_on(self) -> str:
        """Name of the request whose next piece is due; empty when nothing is left to decode."""
        for slot in _LONG_SLOTS:
            if slot in self._running:
                return self._running[slot].name
        return ""

    def answer(self, request: Request) -> None:
        """Answer at once what is short, begin what is not.

        Raises
        ------
        InputError
            When it asks for what is not there.
        """
        if self._is_of_the_model_before(request):
            return  # the window asks again once it knows of this one
        match request:
            case Decode():
                self._decode(request)
            case Nearest():
                self._nearest(request)
            case DistanceToData():
                self._distance(request)
            case DrawLatent():
                z = self._workspace.need_model().sample_prior(1, request.seed)[0]
                self._workspace.send(LatentDrawn(request.generation, self._workspace.version, z))
            case ReadCodebooks():
                entries = tuple(self._workspace.need_model().codebooks())
                self._workspace.send(Codebooks(request.generation, self._workspace.version, entries))
            case DecodeGrid():
                self._begin(request, self._grid(request))
            case DecodeRows() | Traverse() | Interpolate() | Reconstruct() | Sample():
                self._begin(request, self._strip(request))
            case _:
                raise AssertionError(f"{request!r} is not live")

    def _is_of_the_model_before(self, request: Request) -> bool:
        """Whether it speaks of latents as only the model before had them: it was asked before the window knew."""
        model = self._workspace.model
        if model is None:
            return False
        if model is not self._latest:
            self._size_before = None if self._latest is None else self._latest.latent_dim
            self._latest = model
        size = _latent_size(request)
        return size is not None and size == self._size_before != model.latent_dim

    def advance(self) -> None:
        """Do one piece of what runs, the strip before the manifold."""
        for slot in _LONG_SLOTS:
            running = self._running.get(slot)
            if running is None:
                continue
            # Another model's: the window asks again. One that learns meanwhile goes on, or it would never be done.
            if running.model is not self._workspace.model:
                del self._running[slot]
                continue
            self._piece_began = time.perf_counter()
            try:
                next(running.work)
                running.spent += time.perf_counter() - self._piece_began
            except StopIteration:
                del self._running[slot]
            except BaseException:
                del self._running[slot]
                raise
            return

    def _spent(self, slot: str) -> float:
        """Seconds that what runs has taken, telling included: they are a training's loss."""
        return self._running[slot].spent + time.perf_counter() - self._piece_began

    def drop(self) -> None:
        """Give up what runs."""
        self._running.clear()

    def _begin(self, request: Request, work: Iterator[None]) -> None:
        assert request.slot is not None
        self._running[request.slot] = _Running(type(request).__name__, self._workspace.model, work)

    # --- one image -----------------------------------------------------------------------------------

    def _decode(self, request: Decode) -> None:
        self._workspace.send(decoded(self._workspace.need_model(), request, self._workspace.version))

    def _nearest(self, request: Nearest) -> None:
        workspace = self._workspace
        points = workspace.points
        if points is None or not len(points.mean):
            return  # asked before another model came, which has none yet
        place, distance = self._closest(points, request.z)
        index = int(place) if points.index is None else int(points.index[place])
        image, path = None, ""
        dataset = workspace.dataset_of_points()
        if dataset is not None and points.index is not None:
            image, path = as_pixels(np.asarray(dataset.images[index : index + 1]))[0], dataset.paths[index]
        workspace.send(
            NearestFound(
                request.generation,
                workspace.points_version,
                place,
                distance,
                points.mean[place],
                int(points.label[place]),
                path,
                image,
                self._typical(points),
            )
        )

    def _distance(self, request: DistanceToData) -> None:
        points, version = self._workspace.points, self._workspace.points_version
        if points is None or not len(points.mean):
            return  # asked before another model came, which has none yet
        _place, distance = self._closest(points, request.z)
        typical = self._typical(points)
        self._workspace.send(DistanceMeasured(request.generation, version, distance, typical, request.preview))

    def _closest(self, points: Points, z: FloatArray) -> tuple[int, float]:
        """Place and distance of the point nearest to ``z``; kept, as both of its requests come for a committed z."""
        kept = self._closest_to
        if kept is None or kept[0] is not points or not np.array_equal(kept[1], z):
            (place,), (distance,) = nearest(points.mean, z)
            kept = self._closest_to = (points, z, int(place), float(distance))
        return kept[2:]

    def _typical(self, points: Points) -> float:
        """Typical distance between neighbours of these points, computed once for them."""
        if self._typical_of is not points:
            self._typical_of, self._typical_distance = points, typical_distance(points.mean)
        return self._typical_distance

    # --- many images ---------------------------------------------------------------------------------

    def _decoded(
        self, model: InferenceModel, z: FloatArray, label: int | IntArray | None
    ) -> Iterator[tuple[slice, FloatArray]]:
        """Decode latents [N, d] in pieces that last less than a frame."""
        start = 0
        while start < len(z):
            piece = slice(start, min(start + self._pace.images, len(z)))
            began = time.perf_counter()
            images = model.decode(z[piece], label[piece] if isinstance(label, np.ndarray) else label)
            self._pace.note(len(images), time.perf_counter() - began)
            yield piece, images
            start = piece.stop

    def _grid(self, request: DecodeGrid) -> Iterator[None]:
        """Decode the manifold, each cell once: a coarse tile's image serves its own cell when that comes."""
        model = self._workspace.need_model()
        columns, rows = request.columns, request.rows
        if not (0 < columns <= _MOST_CELLS and 0 < rows <= _MOST_CELLS):
            raise InputError(f"a manifold of {columns} × {rows} cells is out of bounds")
        places = linear_grid(columns, rows, request.x_range, request.y_range).astype(np.float32)
        there = np.zeros((rows, columns), bool)
        tiles: NDArray[np.uint8] | None = None
        for scan in coarse_to_fine(columns, rows):
            column, row = scan.sources.T
            known = there[row, column]
            missing = np.flatnonzero(~known)
            if tiles is not None and known.any():
                last = scan.span == 1 and not len(missing)
                at = known.nonzero()[0]
                self._tell_tiles(request, scan, at, tiles[row[at], column[at]], last)
            latents = request.axes.lift(places[row[missing], column[missing]])
            for piece, images in self._decoded(model, latents, request.label):
                new = as_pixels(to_bytes(shrink(images, request.tile_pixels)))
                if tiles is None:
                    tiles = np.zeros((rows, columns, *new.shape[1:]), np.uint8)
                at = missing[piece]
                tiles[row[at], column[at]] = new
                there[row[at], column[at]] = True
                self._tell_tiles(request, scan, at, new, scan.span == 1 and piece.stop == len(missing))
                yield

    def _tell_tiles(self, request: DecodeGrid, scan: Pass, at: IntArray, tiles: NDArray[np.uint8], last: bool) -> None:
        version, epoch, spent = self._workspace.version, self._workspace.epoch, self._spent("grid")
        self._workspace.send(
            GridTiles(request.generation, version, scan.cells[at], scan.span, tiles, last, spent, epoch)
        )

    def _strip(self, request: DecodeRows | Traverse | Interpolate | Reconstruct | Sample) -> Iterator[None]:
        """Decode the filmstrip's rows and tell them as a whole."""
        model = self._workspace.need_model()
        above: NDArray[np.uint8] | None = None
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
                above, latents, label = self._some_images(model, request)
        flat = latents.reshape(-1, latents.shape[-1])
        parts, epoch = [], self._workspace.epoch
        for _piece, images in self._decoded(model, flat, label):
            parts.append(to_bytes(images))
            yield
        pixels = as_pixels(np.concatenate(parts))
        rows = pixels.reshape(*latents.shape[:2], *pixels.shape[1:])
        if above is not None:
            rows, latents = np.concatenate([above[None], rows]), np.concatenate([latents, latents])
        version, spent = self._workspace.version, self._spent("strip")
        self._workspace.send(Strip(request.generation, version, kind, rows, names, latents, spent, epoch))

    def _some_images(
        self, model: InferenceModel, request: Reconstruct
    ) -> tuple[NDArray[np.uint8], FloatArray, IntArray]:
        """Some images the model was not trained on, as pixels, their latents [1, n, d] and their classes [n]."""
        dataset = self._workspace.need_dataset()
        if dataset.image_shape != model.image_shape:
            raise InputError(f"the model takes images of shape {model.image_shape}, not {dataset.image_shape}")
        chosen = shown_images(dataset, request.count, request.seed)
        images = np.asarray(dataset.images[chosen])
        labels = model.classes_of_images(images, dataset.labels[chosen])
        mean, _std = model.encode(images, labels)
        return as_pixels(images), mean[None], labels


def _latent_size(request: Request) -> int | None:
    """Size of the latents that a request speaks of; ``None`` when it holds none."""
    match request:
        case Decode() | Nearest() | DistanceToData() | Traverse():
            return request.z.size
        case DecodeGrid():
            return request.axes.origin.size
        case Interpolate():
            return int(request.waypoints.shape[-1])
        case DecodeRows():
            return int(request.latents.shape[-1])
    return None


def _check_dimensions(dimensions: Sequence[int], latent_dim: int) -> None:
    if not dimensions or not all(0 <= dimension < latent_dim for dimension in dimensions):
        raise InputError(f"the model has dimensions 1 to {latent_dim}")
