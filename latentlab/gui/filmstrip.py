"""Rows of decoded images: traversals, an interpolation, reconstructions, samples, and where the hand has been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QButtonGroup, QFrame, QStackedLayout, QWidget

from latentlab.gui.images import ByteArray, to_qimage
from latentlab.gui.parts import EmptyState, button, column, row, tool_button
from latentlab.gui.theme import SPACE, tokens_of

KINDS = {
    "traverse": ("Traversals", "Each dimension swept, with the others held"),
    "interpolate": ("Interpolation", "The images along the path on the map"),
    "reconstruct": ("Reconstructions", "Images of the dataset above what the model makes of them"),
    "sample": ("Samples", "Images of latents drawn from the prior"),
    "history": ("History", "Where you have been"),
}
_EMPTY = {
    "traverse": "Each latent dimension swept from end to end, once a model is open.",
    "interpolate": "Draw a path on the map (Path tool): the images along it show here.",
    "reconstruct": "Open the dataset: its images and their reconstructions show here.",
    "sample": "Images of latents drawn from the prior, once a model is open.",
    "history": "Click on the map: the images you have been to collect here.",
}


class StripView(QAbstractScrollArea):
    """Paints rows of images in one widget, and tells which was clicked.

    Signals
    -------
    tileClicked(row, column)
    """

    tileClicked = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self._images: list[list[QImage]] = []
        self._names: tuple[str, ...] = ()
        self.setFrameShape(QFrame.Shape.NoFrame)

    def set_rows(self, images: ByteArray | None, names: Sequence[str]) -> None:
        """Show rows of images [rows, columns, H, W] or [rows, columns, H, W, 3]."""


class Filmstrip(QWidget):
    """Strips of decoded images under the map.

    Signals
    -------
    kindChosen(kind)
        Another strip is wanted: traverse, interpolate, reconstruct, sample or history.
    latentPicked(z)
        A tile was clicked whose latent is known (float32 [d]).
    refreshRequested(kind)
        The shown strip is to be made anew (other samples, other images).
    """

    kindChosen = Signal(str)
    latentPicked = Signal(object)
    refreshRequested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filmstrip")
        self.setAccessibleName("filmstrip")

    def kind(self) -> str:
        """The strip that is shown."""
        return "traverse"

    def set_kind(self, kind: str) -> None:
        """Show another strip, without telling it back."""

    def set_strip(
        self,
        kind: str,
        images: ByteArray | None,
        row_names: Sequence[str] = (),
        latents: NDArray[np.float32] | None = None,
    ) -> None:
        """Fill a strip: images [rows, columns, H, W(, 3)] and, where known, latents [rows, columns, d]."""
