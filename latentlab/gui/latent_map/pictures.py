"""Arrays as images that Qt draws (no pyqtgraph: the map's preview is painted before it is imported)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from latentlab.errors import InputError
from latentlab.gui.latent_map.view import Range, View

ByteArray = npt.NDArray[np.uint8]
Pixels = npt.NDArray[np.uint32]

BORDER_PX = 48
"""Images are drawn so much larger than the view on each side, so that a small pan uncovers no gap."""


def to_argb(picture: ByteArray, axes: int = 2) -> Pixels:
    """Pack opaque grey or colour levels into ARGB.

    Parameters
    ----------
    picture : ndarray of uint8, [..., H, W] or [..., H, W, 3]
        One picture, or a stack of them.
    axes : int
        How many axes a grey picture or stack has.

    Returns
    -------
    ndarray of uint32, [..., H, W]

    Raises
    ------
    InputError
        When the picture is neither grey nor colour.
    """
    if picture.dtype != np.uint8:
        raise InputError(f"pictures for the latent map are uint8, not {picture.dtype}")
    if picture.ndim == axes:
        picture = picture[..., None]
    elif picture.ndim != axes + 1 or picture.shape[-1] != 3:
        raise InputError(f"a picture of shape {picture.shape} is neither grey nor red, green and blue")
    red, green, blue = (picture[..., min(k, picture.shape[-1] - 1)].astype(np.uint32) for k in range(3))
    return np.uint32(0xFF000000) | (red << np.uint32(16)) | (green << np.uint32(8)) | blue


def wrap_image(pixels: Pixels) -> QImage:
    """Let Qt read premultiplied ARGB pixels, uint32 [H, W] contiguous, in place: keep the array alive."""
    height, width = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)


def draw_image(painter: QPainter, view: View, image: QImage, x_range: Range, y_range: Range) -> None:
    """Draw an image over a rectangle of the axes; only the part in view, since Qt would resample all of it."""
    area = view.rectangle(x_range, y_range)
    seen = area.intersected(view.rect())
    if seen.isEmpty():
        return
    across, down = image.width() / area.width(), image.height() / area.height()
    source = QRectF(
        (seen.left() - area.left()) * across,
        (seen.top() - area.top()) * down,
        seen.width() * across,
        seen.height() * down,
    )
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(seen, image, source)
