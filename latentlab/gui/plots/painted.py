"""What is painted, as pixels or as an SVG file."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QBuffer, QIODevice, QRect, QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

Paint = Callable[[QPainter], object]
Size = tuple[int, int]


def painted_image(size: Size, ratio: float, paint: Paint) -> QImage:
    """Paint an image of this size in logical pixels, of which each has ``ratio`` pixels."""
    image = QImage(round(size[0] * ratio), round(size[1] * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(0)
    painter = QPainter(image)
    paint(painter)
    painter.end()
    return image


def painted_pixels(size: Size, ratio: float, paint: Paint) -> npt.NDArray[np.uint8]:
    """Paint pixels, uint8 [H, W, 3]."""
    image = painted_image(size, ratio, paint)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    return np.ascontiguousarray(pixels[..., 2::-1])


def painted_svg(size: Size, ratio: float, paint: Paint, title: str, description: str = "") -> bytes:
    """Paint an SVG file of this size in logical pixels, of which each has ``ratio`` pixels, with title and description.

    The file gives its width and height in pixels, those of the image of the same size.
    """
    buffer, generator = QBuffer(), QSvgGenerator()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator.setOutputDevice(buffer)
    generator.setSize(QSize(*size))
    generator.setViewBox(QRect(0, 0, *size))
    generator.setResolution(96)
    generator.setTitle(title)
    generator.setDescription(description)
    painter = QPainter(generator)
    paint(painter)
    painter.end()
    width, height = (round(side * ratio) for side in size)
    # Qt gives millimetres only, which each program turns into pixels in its own way.
    pixels = f'<svg width="{width}" height="{height}"'.encode()
    return re.sub(rb'<svg width="[\d.]+mm" height="[\d.]+mm"', pixels, bytes(buffer.data().data()), count=1)
