"""Data points that are hovered over and picked, by real events."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.gui.latent_map.conftest import at
from tests.gui.latent_map.test_tools import LEFT, Recorder, _mouse_event, drag

CTRL, NONE = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier
POINTS = np.array([(-1.0, 0.0), (1.0, 0.5), (np.nan, 0.0), (0.0, -1.0)])


@pytest.fixture
def with_points(latent_map):
    latent_map.set_points(POINTS, [0, 1, 0, 1], ("a", "b"))
    return latent_map


def hover(widget, z, modifiers=NONE) -> None:
    pixel = at(widget, z).toPointF()
    button = Qt.MouseButton.NoButton
    event = _mouse_event(QEvent.Type.MouseMove, pixel, widget.viewport(), button, button, modifiers)
    QApplication.sendEvent(widget.viewport(), event)


def test_ctrl_click_picks_the_point_at_the_pointer_and_none_elsewhere(with_points):
    picked, committed = Recorder(with_points.pointPicked), Recorder(with_points.committed)
    for z in ((1.02, 0.52), (2.0, 2.0), (0.0, -1.0)):
        QTest.mouseClick(with_points.viewport(), LEFT, CTRL, at(with_points, z))
    assert [index for index, _ in picked.calls] == [1, 3]
    assert picked.calls[0][1] != picked.calls[1][1]
    assert committed.calls == []


def test_a_plain_click_and_a_drag_over_points_stay_free(with_points):
    picked, committed = Recorder(with_points.pointPicked), Recorder(with_points.committed)
    drag(with_points, LEFT, *[at(with_points, z) for z in ((-1.0, 0.0), (1.0, 0.5))])
    assert picked.calls == []
    assert len(committed.calls) == 2


def test_a_double_click_picks_in_one_gesture_with_its_first_click(with_points):
    picked, committed = Recorder(with_points.pointPicked), Recorder(with_points.committed)
    pixel = at(with_points, (1.0, 0.5))
    QTest.mouseClick(with_points.viewport(), LEFT, NONE, pixel)
    QTest.mouseDClick(with_points.viewport(), LEFT, NONE, pixel)
    (index, gesture), (_, first) = picked.calls[-1], committed.calls[-1]
    assert (index, gesture) == (1, first)


def test_a_drag_with_ctrl_picks_every_point_it_meets_under_one_gesture(with_points):
    picked = Recorder(with_points.pointPicked)
    drag(with_points, LEFT, *[at(with_points, z) for z in ((-1, 0), (0, 0.2), (1.0, 0.5))], modifier=CTRL)
    assert [index for index, _ in picked.calls] == [0, 1]
    assert len({gesture for _, gesture in picked.calls}) == 1


def test_hovering_marks_a_point_and_with_ctrl_previews_it(with_points):
    hovered, previewed, free = (
        Recorder(signal) for signal in (with_points.pointHovered, with_points.pointPreviewed, with_points.hovered)
    )
    hover(with_points, (1.0, 0.5))
    assert hovered.calls == [(1, False)]
    assert previewed.calls == []
    assert len(free.calls) == 1
    hover(with_points, (1.01, 0.5), CTRL)
    assert previewed.calls == [(1,)]
    assert len(free.calls) == 1, "the point's own latent is previewed, not the plane's"
    hover(with_points, (2.0, 2.0))
    assert hovered.calls == [(1, False), (-1, False)]


def test_points_that_are_hidden_are_not_picked(with_points):
    picked = Recorder(with_points.pointPicked)
    with_points.layer_stack.points.set_hidden([0])
    for z in POINTS[[0, 3]]:
        QTest.mouseClick(with_points.viewport(), LEFT, CTRL, at(with_points, z))
    assert [index for index, _ in picked.calls] == [3], "with the index that it has among all points"
    with_points.set_layer_visible("points", False)
    QTest.mouseClick(with_points.viewport(), LEFT, CTRL, at(with_points, POINTS[3]))
    assert len(picked.calls) == 1


def test_the_nearest_of_many_points_is_found(with_points):
    xy = np.random.default_rng(0).standard_normal((20_000, 2)).astype(np.float32)
    with_points.set_points(xy)
    for wanted in ((0.0, 0.0), (0.7, -0.3), (-2.0, 1.5)):
        squared = ((xy - np.float32(wanted)) ** 2).sum(axis=1)
        assert with_points.layer_stack.points.nearest(wanted, 0.5) == squared.argmin()
    assert with_points.layer_stack.points.nearest((50.0, 0.0), 0.5) is None


def test_where_only_points_can_be_picked_the_nearest_is_however_far(with_points):
    picked, committed, previewed = (
        Recorder(signal) for signal in (with_points.pointPicked, with_points.committed, with_points.pointPreviewed)
    )
    with_points.set_picks_only(True)
    hover(with_points, (2.5, 2.0))
    assert previewed.calls == [(1,)]
    QTest.mouseClick(with_points.viewport(), LEFT, NONE, at(with_points, (2.5, 2.0)))
    QTest.mouseClick(with_points.viewport(), LEFT, NONE, at(with_points, (-2.5, 0.5)))
    assert [index for index, _ in picked.calls] == [1, 0]
    assert committed.calls == []
