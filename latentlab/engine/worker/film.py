"""Writes the film of a path: each image decoded by itself, as it is when it is played."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

from latentlab.data.images.film import FILM_SUFFIXES, check_film, check_film_size
from latentlab.engine.protocol.messages import ExportFilm, FilmExported, FilmProgress
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.exchange.encoded import decoding_each, stamp_of
from latentlab.storage.outputs import check_output
from latentlab.training.image_output import write_film_images, write_images
from latentlab.utils.array_types import FloatArray

MAX_FRAMES = 10_000
_ONE_ROW = 20  # images of a .png
_POLL_SECONDS = 0.004  # while the file is written

Steps = Generator[None, None, None]


def exporting_film(workspace: Workspace, request: ExportFilm) -> Steps:
    """Decode, then write in a thread, so that the window's images are decoded meanwhile.

    Raises
    ------
    InputError, RunError
        When the model is another one, or nothing can be written there.
    """
    path, model = Path(request.path), workspace.need_model()
    suffix = path.suffix.lower()
    _check(workspace, request, suffix)
    decoding = decoding_each(model, request.latents, request.label)
    while True:
        if workspace.model is not model:
            raise InputError("the film was not written: another model has been opened")
        try:
            done, total = next(decoding)
        except StopIteration as end:
            images: FloatArray = end.value
            break
        workspace.send(FilmProgress(done, total))
        yield
    stamp = stamp_of(model).of(request.latents, request.label)
    is_left = Event()
    with ThreadPoolExecutor(1, thread_name_prefix="film") as pool:
        if suffix in FILM_SUFFIXES:
            frames = _until(is_left, images)
            writing = pool.submit(write_film_images, path, frames, request.fps, request.scale, stamp)
        else:
            columns = len(images) if len(images) <= _ONE_ROW else 0
            writing = pool.submit(
                write_images, path, images, columns, scale=request.scale, stamp=stamp, z=request.latents
            )
        try:
            while not writing.done():
                wait((writing,), _POLL_SECONDS)
                yield
        finally:  # cancelled: the rest of the film is not written, nor the file
            is_left.set()
        writing.result()
    workspace.send(FilmExported(request.path, len(images)))


def _until(is_left: Event, images: FloatArray) -> Iterator[FloatArray]:
    """The images one by one; no more of them, but an error, once the writing is left."""
    for image in images:
        if is_left.is_set():
            raise InputError("the film was cancelled")
        yield image


def _check(workspace: Workspace, request: ExportFilm, suffix: str) -> None:
    model, info, count = workspace.need_model(), workspace.info, len(request.latents)
    if request.latents.ndim != 2 or request.latents.shape[1] != model.latent_dim:
        raise InputError("the film is of another latent space than the model's")
    if not 1 <= count <= MAX_FRAMES:
        raise InputError(f"a film has 1 to {MAX_FRAMES:,} images, not {count:,}")
    if suffix in FILM_SUFFIXES:
        check_film(suffix)
        check_film_size(count, *model.image_shape[1:], request.scale)
    elif suffix not in (".png", ".npz"):
        raise InputError(f"a film is written as .gif, .webp, .mp4, .png or .npz, not {suffix or 'without an ending'}")
    dataset = workspace.dataset
    read = [] if info is None else [each for each in (info.source, info.path) if each]
    check_output(request.path, *read, data="" if dataset is None else dataset.source, follows_links=False)
