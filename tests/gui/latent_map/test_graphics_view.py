"""What the map paints while the pointer moves over it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtTest import QTest

from latentlab.gui.latent_map import LatentMap
from latentlab.gui.plots.axis import Axis
from tests.gui.latent_map.conftest import RANGE


class PaintedPixels(QObject):
    """Counts the pixels of a widget that each of its paint events covers."""

    def __init__(self, widget) -> None:
        super().__init__(widget)
        self.counts = []
        widget.installEventFilter(self)

    def eventFilter(self, _watched, event) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.counts.append(sum(area.width() * area.height() for area in event.region()))
        return False


@pytest.fixture
def axis_paints(monkeypatch):
    """A list that grows with every paint of an axis."""
    paints, paint = [], Axis.paint

    def counted(self, *arguments) -> None:
        paints.append(self.orientation)
        paint(self, *arguments)

    monkeypatch.setattr(Axis, "paint", counted)
    return paints


@pytest.fixture
def filled_map(axis_paints, qtbot) -> LatentMap:
    """A shown map with a manifold, points and a cursor in its middle, painted and at rest."""
    widget = LatentMap()
    qtbot.addWidget(widget)
    widget.resize(640, 520)
    widget.set_manifold(np.full((4, 4), 90, np.uint8), RANGE, RANGE)
    widget.set_points(np.random.default_rng(0).normal(0, 1, (200, 2)))
    widget.set_cursor((0.0, 0.0))
    with qtbot.waitSignal(widget.viewChanged):
        widget.show()
    widget.viewport().repaint()
    return widget


def test_a_moving_cursor_paints_its_lines_alone_and_no_axis(filled_map, axis_paints, qtbot):
    painted = PaintedPixels(filled_map.viewport())
    axis_paints.clear()
    for step in range(1, 6):
        before = len(painted.counts)
        filled_map.set_cursor((0.2 * step, 0.1 * step))
        filled_map.set_preview((-0.2 * step, 0.3))
        qtbot.waitUntil(lambda before=before: len(painted.counts) > before)
    viewport = filled_map.viewport()
    assert 0 < max(painted.counts) < viewport.width() * viewport.height() / 8
    assert axis_paints == []
    filled_map.view_box.pan(5, 5)
    qtbot.waitUntil(lambda: set(axis_paints) == {"left", "bottom"})


def test_the_scene_is_not_searched_for_items_under_the_pointer(filled_map, qtbot):
    searches, hovered = [], []
    filled_map.view_box.scene().sigMouseHover.connect(searches.append)
    filled_map.hovered.connect(hovered.append)
    middle = filled_map.z_to_pixel((0.0, 0.0)).toPoint()
    QTest.mousePress(filled_map.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    for step in range(1, 4):
        QTest.mouseMove(filled_map.viewport(), middle + QPoint(20 * step, 0))
        QTest.qWait(15)  # pyqtgraph takes no more than a hundred moves a second
    QTest.mouseRelease(filled_map.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(filled_map.viewport(), middle)
    qtbot.waitUntil(lambda: bool(hovered))
    assert searches == []
