"""Small pictures by row, side by side in one image that Qt draws from; the oldest make room for new ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage

from latentlab.gui.latent_map.pictures import to_argb, wrap_image

ByteArray = npt.NDArray[np.uint8]
COLUMNS = 64
CAPACITY = COLUMNS * COLUMNS


class Thumbnails:
    """Pictures of at most ``side × side`` pixels, each in a frame.

    Parameters
    ----------
    side
        Device pixels on the longer side of a picture.
    border
        Width of its frame in device pixels.

    Attributes
    ----------
    image
        All pictures with their frames, for Qt to draw from.
    """

    def __init__(self, side: int, border: int) -> None:
        self.side, self.border = side, border
        self._pitch = side + 2 * border
        # The system gives memory to the rows that are written: 1 MB for every 110 pictures of 44 pixels.
        self._pixels = np.zeros((COLUMNS * self._pitch, COLUMNS * self._pitch), np.uint32)
        self.image: QImage = wrap_image(self._pixels)
        self._slots: OrderedDict[int, int] = OrderedDict()  # by row, the one that was used last at the end
        self._framed: dict[int, npt.NDArray[np.uint32]] = {}  # by row: the part of the pixels, with the frame
        self._colours: dict[int, int] = {}  # of the frames
        self._originals: dict[int, ByteArray] = {}
        self._stale: set[int] = set()

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, row: int) -> bool:
        return row in self._slots

    def is_wanted(self, row: int) -> bool:
        """Whether there is no picture of a row, or an outdated one."""
        return row not in self._slots or row in self._stale

    def mark_stale(self) -> None:
        """Ask for every picture again; the present ones are drawn until then."""
        self._stale = set(self._slots)

    def put(self, row: int, picture: ByteArray) -> None:
        """Store a picture, uint8 [h, w] or [h, w, 3], scaled to fit a slot."""
        slot = self._slots.pop(row, None)
        if slot is None:
            slot = self._free_slot()
        self._slots[row] = slot
        self._stale.discard(row)
        self._originals[row] = picture
        scaled = _scaled(picture, self.side)
        height, width = scaled.shape
        top, left = slot // COLUMNS * self._pitch, slot % COLUMNS * self._pitch
        framed = self._pixels[top : top + height + 2 * self.border, left : left + width + 2 * self.border]
        framed[self.border : self.border + height, self.border : self.border + width] = scaled
        self._framed[row] = framed
        self._colours.pop(row, None)

    def _free_slot(self) -> int:
        if len(self._slots) < CAPACITY:
            return len(self._slots)
        row, slot = self._slots.popitem(last=False)
        del self._framed[row], self._originals[row]
        self._colours.pop(row, None)
        self._stale.discard(row)
        return slot

    def keep(self, rows: Iterable[int]) -> None:
        """Let these rows be the last that make room for others."""
        for row in rows:
            if row in self._slots:
                self._slots.move_to_end(row)

    def framed(self, row: int, colour: int) -> npt.NDArray[np.uint32]:
        """A row's picture in a frame of an opaque colour, ARGB [h, w]; not a copy."""
        framed = self._framed[row]
        if self._colours.get(row) != colour:
            self._colours[row] = colour
            width = self.border
            framed[:width] = framed[-width:] = framed[:, :width] = framed[:, -width:] = colour
        return framed

    def source(self, row: int) -> QRect:
        """Where a row's picture is in ``image``, with its frame."""
        slot, (height, width) = self._slots[row], self._framed[row].shape
        return QRect(slot % COLUMNS * self._pitch, slot // COLUMNS * self._pitch, width, height)

    def original(self, row: int) -> ByteArray | None:
        """A row's picture as it was given."""
        return self._originals.get(row)


def _scaled(picture: ByteArray, side: int) -> npt.NDArray[np.uint32]:
    """The picture as ARGB [h, w], as large as fits a square."""
    pixels = np.ascontiguousarray(to_argb(picture))
    height, width = pixels.shape
    if max(height, width) == side:
        return pixels
    mode = Qt.TransformationMode.SmoothTransformation
    scaled = wrap_image(pixels).scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio, mode)
    scaled = scaled.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    rows = np.frombuffer(scaled.constBits(), np.uint32).reshape(scaled.height(), scaled.bytesPerLine() // 4)
    return rows[:, : scaled.width()].copy()
