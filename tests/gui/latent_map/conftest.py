"""A shown map of a known size, and a look at the pixels on it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from latentlab.gui.latent_map import LatentMap
from latentlab.gui.style.theme import DARK

RANGE = (-2.0, 2.0)


def only(latent_map: LatentMap, *names: str) -> None:
    """Show these layers alone, opaque."""
    for layer in latent_map.layers():
        latent_map.set_layer_visible(layer.name, layer.name in names)
        latent_map.set_layer_opacity(layer.name, 1.0)


def child(widget: QWidget, kind: type, name: str) -> QWidget:
    """The part of a widget that has this object name."""
    found = widget.findChild(kind, name)
    assert found is not None, name
    return found


def at(widget: LatentMap, z) -> QPoint:
    """The pixel of the viewport that a point of the axes lies in."""
    return widget.z_to_pixel(z).toPoint()


@pytest.fixture
def latent_map(qtbot) -> LatentMap:
    widget = LatentMap()
    qtbot.addWidget(widget)
    widget.set_theme(DARK)
    widget.resize(640, 520)
    views = []
    widget.viewChanged.connect(views.append)
    with qtbot.waitExposed(widget):
        widget.show()
    widget.reset_view()
    qtbot.waitUntil(lambda: bool(views) and views[-1] == widget.view())
    return widget


@pytest.fixture
def colour_at():
    """The colour, (red, green, blue), that a map shows at a point of its axes."""

    def look(widget: LatentMap, z) -> tuple[int, int, int]:
        pixel = at(widget, z)
        return widget.viewport().grab().toImage().pixelColor(pixel).getRgb()[:3]

    return look


@pytest.fixture
def pixels_of():
    """All that a map shows, uint8 [H, W, 3]."""

    def look(widget: LatentMap) -> np.ndarray:
        image = widget.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()

    return look
