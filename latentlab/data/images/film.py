"""Write frames as a film: GIF, WebP or MP4."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentlab.data.sources.extras import import_extra
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes, format_bytes
from latentlab.utils.stamp import Stamp

FILM_SUFFIXES = (".gif", ".webp", ".mp4")
MAX_SIDE = 4096
_IMAGE_DESCRIPTION = 0x010E  # of EXIF
_BYTES_PER_PIXEL = 4  # while it is written
_QUALITY = "18"  # constant rate factor of H.264: differences are hard to see


def check_film(suffix: str) -> None:
    """Refuse an ``.mp4`` when PyAV is missing, before anything is computed.

    Raises
    ------
    InputError
        Says what to install.
    """
    if suffix == ".mp4":
        _video_library()


def check_film_size(count: int, height: int, width: int, scale: int = 1) -> None:
    """Refuse a film that is too large, before anything is computed.

    Raises
    ------
    InputError
        For a side above 4,096 pixels, or more frames than fit in memory.
    """
    height, width = height * scale, width * scale
    if max(height, width) > MAX_SIDE:
        raise InputError(f"a film of {width} × {height} pixels is too large: at most {MAX_SIDE:,} on a side")
    needed, limit = count * height * width * _BYTES_PER_PIXEL, available_bytes()
    if needed > limit:
        raise InputError(
            f"{count:,} frames of {width} × {height} pixels take {format_bytes(needed)}, more than the limit of "
            f"{format_bytes(limit)} on this machine"
        )


def write_film(
    file: BinaryIO,
    frames: Iterable[NDArray[np.uint8]],
    suffix: str,
    fps: int = 20,
    scale: int = 1,
    stamp: Stamp | None = None,
) -> None:
    """Write a film that repeats.

    Parameters
    ----------
    file
        Open for writing, and for seeking back.
    frames
        uint8 [H, W] or [H, W, 3] each, at least one. All but those of a ``.webp`` are taken one by one.
    suffix
        ``.gif`` (times are rounded to hundredths of a second), ``.webp`` (lossless) or ``.mp4`` (H.264, played once;
        extra ``video``).
    fps
        Frames a second.
    scale
        Side of the square that a pixel becomes.
    stamp
        Where the film is from: a GIF's comment, the image description in a WebP's EXIF, an MP4's comment.

    Raises
    ------
    InputError
        For ``.mp4`` without PyAV, or with a PyAV that lacks H.264.
    """
    if suffix == ".mp4":
        _write_video(file, frames, fps, scale, stamp)
        return
    images = (Image.fromarray(_enlarged(frame, scale)) for frame in frames)
    options: dict[str, Any] = {"lossless": True, "method": 0} if suffix == ".webp" else {"optimize": False}
    if stamp is not None:
        options |= {"exif": _exif(stamp)} if suffix == ".webp" else {"comment": stamp.text().encode()}
    next(images).save(
        file,
        format=suffix[1:].upper(),
        save_all=True,
        append_images=images,
        duration=round(1000 / fps),
        loop=0,
        **options,
    )


def _exif(stamp: Stamp) -> bytes:
    exif = Image.Exif()
    exif[_IMAGE_DESCRIPTION] = stamp.text()
    return exif.tobytes()


def _enlarged(frame: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    return frame if scale == 1 else np.repeat(np.repeat(frame, scale, axis=0), scale, axis=1)


def _video_library() -> Any:
    return import_extra("av", "PyAV", "video", "an .mp4 film is written")


def _write_video(
    file: BinaryIO, frames: Iterable[NDArray[np.uint8]], fps: int, scale: int, stamp: Stamp | None
) -> None:
    av = _video_library()
    remaining = iter(frames)
    first = next(remaining)
    height, width = (side * scale for side in first.shape[:2])
    with av.open(file, "w", format="mp4") as container:
        if stamp is not None:
            container.metadata["comment"] = stamp.text()
        try:
            stream = container.add_stream("libx264", rate=Fraction(fps), options={"crf": _QUALITY})
        except (ValueError, av.error.FFmpegError):
            raise InputError("PyAV was built without H.264: write a .webp or .gif film") from None
        # The colours of two pixels are stored together: sides are even.
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        for frame in chain((first,), remaining):
            pixels = _enlarged(frame, scale)
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), *[(0, 0)] * (pixels.ndim - 2)), mode="edge")
            if pixels.ndim == 2:
                pixels = np.repeat(pixels[..., None], 3, axis=-1)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
