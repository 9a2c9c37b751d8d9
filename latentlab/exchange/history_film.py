"""Writes what a run has learned, epoch by epoch, as a film."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from latentlab.data.images.film import FILM_SUFFIXES, check_film, check_film_size, write_film
from latentlab.errors import InputError
from latentlab.exchange.encoded import Progress
from latentlab.storage import RunFolder, Snapshot, atomic_write, read_model
from latentlab.storage.snapshots import Extent
from latentlab.utils.array_types import ByteArray
from latentlab.utils.stamp import Stamp

Subject: TypeAlias = Literal["manifold", "reconstructions", "samples"]
SUBJECTS: tuple[str, ...] = get_args(Subject)
MAX_FRAMES = 10_000
_MOST_TILES = 64  # of reconstructions or samples
_LINE_PX = 16  # below the picture: which epoch it is, and a bar
_BAR_PX = 2
_TEXT_PX = 11
_LIGHT, _GROUND = 235, 32  # grey levels
_LARGEST_PLANE = 1024  # px


def history_frames(run: str | Path, frames: int = 0) -> tuple[int, ...]:
    """The epochs that a film of a run shows, in order, at an even pace.

    A run keeps the snapshots of some epochs, the early ones more densely. A frame stands for the same number of epochs
    as any other, and shows the newest snapshot that is not after its epoch.

    Parameters
    ----------
    run
        The run folder.
    frames
        How many; by default as many as there are snapshots.

    Raises
    ------
    InputError
        When the run has no snapshots, or for more than 10,000 frames.
    """
    kept = np.array(RunFolder(run).snapshots.epochs())
    if not len(kept):
        raise InputError(f"{run} has no epochs that were kept: a film needs a run folder of latentlab train")
    count = frames or len(kept)
    if count > MAX_FRAMES:
        raise InputError(f"a film has 1 to {MAX_FRAMES:,} images, not {count:,}")
    wanted = np.linspace(kept[0], kept[-1], count) if count > 1 else kept[-1:]
    at = np.searchsorted(kept, wanted + 1e-9, side="right") - 1
    return tuple(kept[at].tolist())


def writing_history(
    run: str | Path, out: Path, subject: str = "manifold", frames: int = 0, fps: int = 10, scale: int = 1
) -> Generator[Progress, None, int]:
    """Write the film in pieces.

    Parameters
    ----------
    run
        The run folder.
    out
        ``.gif``, ``.webp`` or ``.mp4``.
    subject
        ``manifold``: the first two dimensions, decoded; ``reconstructions`` of some images, or ``samples`` of the
        prior, the same ones in every epoch.
    frames, fps
        How many (as many as epochs were kept), and how many a second.
    scale
        Side of the square that a pixel becomes.

    Returns
    -------
    int
        The number of frames.

    Raises
    ------
    InputError, RunError
        When there are no snapshots, or the film cannot be written.
    """
    suffix = out.suffix.lower()
    if suffix not in FILM_SUFFIXES:
        raise InputError(f"a film is written as .gif, .webp or .mp4, not {suffix or 'without an ending'}")
    if subject not in SUBJECTS:
        raise InputError(f"a film of a run shows manifold, reconstructions or samples, not {subject!r}")
    check_film(suffix)
    epochs = history_frames(run, frames)
    shown = sorted(set(epochs))
    pictures: dict[int, ByteArray] = {}
    extents: dict[int, Extent] = {}
    for number, epoch in enumerate(shown, 1):
        snapshot = RunFolder(run).snapshots.read(epoch)
        pictures[epoch], extents[epoch] = _picture(snapshot, subject), snapshot.extent
        yield number, len(shown)
    if subject == "manifold":
        pictures = _on_one_plane(pictures, extents)
    height, width = pictures[epochs[-1]].shape[:2]
    if any(each.shape[:2] != (height, width) for each in pictures.values()):
        raise InputError(f"{run} has epochs whose images are of different sizes")
    check_film_size(len(epochs), height * scale + _LINE_PX, width * scale)
    film = [_framed(pictures[each].repeat(scale, 0).repeat(scale, 1), each, epochs[-1]) for each in epochs]
    yield len(shown), len(shown)
    stamp = _stamp_of(run)
    atomic_write(out, lambda file: write_film(file, np.stack(film), suffix, fps, stamp=stamp))
    return len(film)


def _stamp_of(run: str | Path) -> Stamp:
    """The run's best model and its seed, if it has one already."""
    folder = RunFolder(run)
    try:
        header = read_model(folder.model).header
    except InputError:
        return Stamp()
    seed = header.training.get("seed")
    return Stamp(header.sha256, seed if isinstance(seed, int) else None)


def _picture(snapshot: Snapshot, subject: str) -> ByteArray:
    """One picture of an epoch."""
    if subject == "manifold":
        return snapshot.picture
    images = (snapshot.samples if subject == "samples" else snapshot.reconstructions)[:_MOST_TILES]
    across = int(np.ceil(np.sqrt(len(images))))
    down = -(-len(images) // across)
    cells = np.zeros((down * across, *images.shape[1:]), np.uint8)
    cells[: len(images)] = images
    sheet = cells.reshape(down, across, *images.shape[1:]).swapaxes(1, 2)
    tiled: ByteArray = sheet.reshape(down * images.shape[1], across * images.shape[2], *images.shape[3:])
    return tiled


def _on_one_plane(pictures: dict[int, ByteArray], extents: dict[int, Extent]) -> dict[int, ByteArray]:
    """Pictures of the plane where they belong in all of it: an epoch's picture is as large as its latents reach."""
    lefts, rights, bottoms, tops = zip(*extents.values(), strict=True)
    left, right, bottom, top = min(lefts), max(rights), min(bottoms), max(tops)
    newest = max(pictures)
    per_unit = min(
        pictures[newest].shape[1] / max(extents[newest][1] - extents[newest][0], 1e-9),
        _LARGEST_PLANE / max(right - left, top - bottom, 1e-9),
    )
    size = max(1, round((top - bottom) * per_unit)), max(1, round((right - left) * per_unit))
    placed = {}
    for epoch, picture in pictures.items():
        at_left, at_right = (round((x - left) * per_unit) for x in extents[epoch][:2])
        at_bottom, at_top = (round((top - y) * per_unit) for y in extents[epoch][2:])
        plane = np.full((*size, *picture.shape[2:]), _GROUND, np.uint8)
        wide, tall = max(1, at_right - at_left), max(1, at_bottom - at_top)
        sized = np.asarray(Image.fromarray(picture).resize((wide, tall), Image.Resampling.BILINEAR))
        area = plane[at_top : at_top + tall, at_left : at_left + wide]
        area[:] = sized[: area.shape[0], : area.shape[1]]
        placed[epoch] = plane
    return placed


def _framed(picture: ByteArray, epoch: int, last: int) -> NDArray[np.uint8]:
    """A picture above a line with its epoch and a bar that grows with it."""
    height, width = picture.shape[:2]
    frame = np.zeros((height + _LINE_PX, *picture.shape[1:]), np.uint8)
    frame[:height] = picture
    line = Image.new("L", (width, _LINE_PX))
    draw = ImageDraw.Draw(line)
    draw.rectangle((0, 0, round(width * epoch / last) - 1, _BAR_PX - 1), fill=_LIGHT)
    draw.text((4, _BAR_PX + 1), f"epoch {epoch:,}", fill=_LIGHT, font=ImageFont.load_default(_TEXT_PX))
    drawn = np.asarray(line)
    frame[height:] = drawn if picture.ndim == 2 else drawn[..., None]
    return frame
