"""Between uint8 arrays and Qt's images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

ByteArray = NDArray[np.uint8]


def to_qimage(image: ByteArray) -> QImage:
    """A copy of a uint8 array [H, W] or [H, W, 3] as a ``QImage`` of the same size."""
    image = np.ascontiguousarray(image, dtype=np.uint8)
    if image.ndim == 3 and image.shape[2] == 1:
        image = np.ascontiguousarray(image[..., 0])
    if image.ndim == 2:
        kind, step = QImage.Format.Format_Grayscale8, image.shape[1]
    elif image.ndim == 3 and image.shape[2] == 3:
        kind, step = QImage.Format.Format_RGB888, image.shape[1] * 3
    else:
        raise ValueError(f"an image has the shape [H, W] or [H, W, 3], not {list(image.shape)}")
    return QImage(image.data, image.shape[1], image.shape[0], step, kind).copy()
