"""What the user does on the map, by real events: hover, click, drag, wheel, keys, drop."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent, QRegion, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QCheckBox, QToolButton, QWidget

from tests.gui.latent_map.conftest import at, child, only

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
BOX = [(-0.5, -0.5), (1.5, -0.5), (1.5, 0.5), (-0.5, 0.5)]
PIXEL = 0.02  # more than half a pixel of these maps, in units of the axes


class Recorder:
    """The arguments of every emission of a signal."""

    def __init__(self, signal) -> None:
        self.calls: list[tuple] = []
        signal.connect(lambda *args: self.calls.append(args))


def drag(widget, button, *pixels: QPoint, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    """Press, move, release."""
    target = widget.viewport()
    QTest.mousePress(target, button, modifier, pixels[0])
    for pixel in pixels[1:]:
        event_button = Qt.MouseButton.NoButton
        position = QPointF(pixel)
        event = _mouse_event(QEvent.Type.MouseMove, position, target, event_button, button, modifier)
        QApplication.sendEvent(target, event)
    QTest.mouseRelease(target, button, modifier, pixels[-1])


def _mouse_event(kind, position, target, button, buttons, modifier):
    return QMouseEvent(kind, position, QPointF(target.mapToGlobal(position.toPoint())), button, buttons, modifier)


def wheel(widget, pixel: QPoint, steps: int) -> None:
    """Turn the wheel over a pixel."""
    target = widget.viewport()
    event = QWheelEvent(
        QPointF(pixel),
        QPointF(target.mapToGlobal(pixel)),
        QPoint(),
        QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(target, event)


@pytest.mark.parametrize("z", [(-1.5, 0.0), (1.5, 0.5), (0.0, -2.9)])
def test_pixels_and_points_agree(latent_map, z):
    np.testing.assert_allclose(latent_map.pixel_to_z(latent_map.z_to_pixel(z)), z, atol=1e-9)
    np.testing.assert_allclose(latent_map.pixel_to_z(at(latent_map, z)), z, atol=PIXEL)


def test_a_click_commits_the_point_under_it(latent_map, qtbot):
    with qtbot.waitSignal(latent_map.committed) as emitted:
        QTest.mouseMove(latent_map.viewport(), at(latent_map, (1.5, 0.5)))
        QTest.mouseClick(latent_map.viewport(), LEFT, pos=at(latent_map, (1.5, 0.5)))
    np.testing.assert_allclose(emitted.args[0], (1.5, 0.5), atol=PIXEL)


def test_a_drag_streams_under_one_gesture_and_the_next_click_has_another(latent_map):
    recorded = Recorder(latent_map.committed)
    drag(latent_map, LEFT, *[at(latent_map, (x, 0.0)) for x in (-1.0, 0.0, 1.0)])
    QTest.mouseClick(latent_map.viewport(), LEFT, pos=at(latent_map, (2.0, 1.0)))
    np.testing.assert_allclose([xy[0] for xy, _ in recorded.calls], [-1, 0, 1, 2], atol=PIXEL)
    gestures = [gesture for _, gesture in recorded.calls]
    assert len(set(gestures[:3])) == 1
    assert gestures[3] != gestures[0]


def test_moving_hovers_and_leaving_emits_none(latent_map, qtbot):
    with qtbot.waitSignal(latent_map.hovered) as emitted:
        QTest.mouseMove(latent_map.viewport(), at(latent_map, (0.5, -0.5)))
    np.testing.assert_allclose(emitted.args[0], (0.5, -0.5), atol=PIXEL)
    with qtbot.waitSignal(latent_map.hovered) as emitted:
        QApplication.sendEvent(latent_map.viewport(), QEvent(QEvent.Type.Leave))
    assert emitted.args == [None]


def test_a_zoom_under_a_pointer_at_rest_is_no_hovering(latent_map):
    pixel = at(latent_map, (0.5, -0.5))
    QTest.mouseMove(latent_map.viewport(), pixel)
    hovered = Recorder(latent_map.hovered)
    wheel(latent_map, pixel, 2)
    for _ in range(3):
        QApplication.processEvents()
    assert hovered.calls == []


def test_hovering_commits_nothing(latent_map):
    recorded = Recorder(latent_map.committed)
    QTest.mouseMove(latent_map.viewport(), at(latent_map, (0.5, -0.5)))
    assert recorded.calls == []


def test_a_click_on_an_axis_commits_nothing(latent_map):
    recorded = Recorder(latent_map.committed)
    QTest.mouseClick(latent_map.viewport(), LEFT, pos=QPoint(5, 250))
    assert recorded.calls == []


def test_the_wheel_zooms_about_the_pointer(latent_map, qtbot):
    pixel = at(latent_map, (1.0, -1.0))
    under = latent_map.pixel_to_z(pixel)
    before = latent_map.view()
    with qtbot.waitSignal(latent_map.viewChanged) as emitted:
        wheel(latent_map, pixel, 3)
    view = emitted.args[0]
    assert (before.x_max - before.x_min) / (view.x_max - view.x_min) == pytest.approx(1.2**3)
    np.testing.assert_allclose(latent_map.pixel_to_z(pixel), under, atol=1e-9)


def test_zooming_stops_where_there_is_nothing_more_to_see(latent_map):
    for points, extent in ((None, 6.4), ([(-100, 0), (100, 0)], 208.0)):
        latent_map.set_points(points)
        for _ in range(80):
            wheel(latent_map, at(latent_map, (0, 0)), 8)
        assert latent_map.view().y_max - latent_map.view().y_min == pytest.approx(extent / 1000, rel=0.3)
        for _ in range(160):
            wheel(latent_map, QPoint(300, 250), -8)
        assert latent_map.view().y_max - latent_map.view().y_min == pytest.approx(8 * extent, rel=0.3)
        latent_map.reset_view()


def test_the_right_button_pans_and_commits_nothing(latent_map):
    recorded = Recorder(latent_map.committed)
    start = at(latent_map, (0.0, 0.0))
    drag(latent_map, RIGHT, start, start + QPoint(30, 0), start + QPoint(60, -40))
    np.testing.assert_allclose(latent_map.pixel_to_z(start + QPoint(60, -40)), (0.0, 0.0), atol=PIXEL)
    assert recorded.calls == []


def test_a_drag_over_the_edge_does_not_pan_the_map(latent_map):
    view = latent_map.view()
    latent_map.committed.connect(lambda xy, _gesture: latent_map.follow(xy))
    start = at(latent_map, (0.0, 0.0))
    drag(latent_map, LEFT, start, start + QPoint(2000, 0))
    assert latent_map.view() == view
    latent_map.follow((9.0, 0.0))
    assert latent_map.view().x_max > 9.0


def test_the_aspect_stays_locked(latent_map):
    for size in ((640, 520), (900, 400), (420, 700)):
        latent_map.resize(*size)
        view = latent_map.view()
        across, down = view.width_px / (view.x_max - view.x_min), view.height_px / (view.y_max - view.y_min)
        assert across == pytest.approx(down, rel=0.01)


@pytest.mark.parametrize(
    ("key", "direction"),
    [
        (Qt.Key.Key_Left, (-1, 0)),
        (Qt.Key.Key_Right, (1, 0)),
        (Qt.Key.Key_Up, (0, 1)),
        (Qt.Key.Key_Down, (0, -1)),
    ],
)
def test_arrows_nudge_and_shift_is_ten_times_finer(latent_map, key, direction):
    recorded = Recorder(latent_map.nudged)
    QTest.keyClick(latent_map, key)
    QTest.keyClick(latent_map, key, Qt.KeyboardModifier.ShiftModifier)
    (coarse, first), (fine, second) = recorded.calls
    np.testing.assert_allclose(coarse / np.abs(coarse).max(), direction)
    np.testing.assert_allclose(fine * 10, coarse)
    assert first != second
    assert 0 < np.abs(coarse).max() < latent_map.view().y_max


def test_the_paths_of_dropped_files_are_emitted(latent_map, qtbot, tmp_path):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png")), QUrl("https://example.org/b.png")])
    what = (Qt.DropAction.CopyAction, mime, LEFT, Qt.KeyboardModifier.NoModifier)
    with warnings.catch_warnings():  # Qt 6.12 deprecates the only constructor that Qt 6.10 has
        warnings.simplefilter("ignore", DeprecationWarning)
        enter = QDragEnterEvent(QPoint(200, 200), *what)
    QApplication.sendEvent(latent_map.viewport(), enter)
    assert enter.isAccepted()
    with qtbot.waitSignal(latent_map.filesDropped) as emitted:
        QApplication.sendEvent(latent_map.viewport(), QDropEvent(QPointF(200, 200), *what))
    assert emitted.args == [[str(tmp_path / "a.png")]]


@pytest.fixture
def grid_of_points(latent_map) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(-2, 2, 5), np.linspace(-2, 2, 5))
    xy = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    latent_map.set_points(xy, np.arange(25) % 2, ("even", "odd"))
    return xy


def test_a_lasso_selects_what_it_surrounds(latent_map, grid_of_points, qtbot):
    latent_map.set_mode("select")
    commits = Recorder(latent_map.committed)
    corners = [(-0.5, -0.5), (1.5, -0.5), (1.5, 0.5), (-0.5, 0.5)]
    with qtbot.waitSignal(latent_map.pointsSelected) as emitted:
        drag(latent_map, LEFT, *[at(latent_map, z) for z in corners])
    np.testing.assert_allclose(grid_of_points[emitted.args[0]], [(0, 0), (1, 0)])
    assert emitted.args[1:] == ["replace", "lasso"]
    assert commits.calls == []


@pytest.mark.parametrize("tool", ["select", "box"])
@pytest.mark.usefixtures("grid_of_points")
def test_the_preview_ends_with_the_press_and_comes_back_when_the_pointer_moves(latent_map, tool):
    latent_map.set_mode(tool)
    corners = [at(latent_map, z) for z in ((-0.5, -0.5), (1.5, -0.5), (1.5, 0.5), (-0.5, 0.5))]
    QTest.mouseMove(latent_map.viewport(), corners[0])
    hovered = Recorder(latent_map.hovered)
    drag(latent_map, LEFT, *corners)
    for _ in range(3):
        QApplication.processEvents()
    assert hovered.calls == [(None,)]
    QTest.mouseMove(latent_map.viewport(), at(latent_map, (1.0, 1.0)))
    np.testing.assert_allclose(hovered.calls[-1][0], (1.0, 1.0), atol=PIXEL)


def test_a_box_selects_points_of_shown_classes_and_a_click_clears(latent_map, grid_of_points, qtbot):
    latent_map.set_mode("box")
    QTest.mouseClick(child(latent_map, QAbstractButton, "legendClass1"), LEFT)
    with qtbot.waitSignal(latent_map.pointsSelected) as emitted:
        drag(latent_map, LEFT, *[at(latent_map, z) for z in ((-2.5, -0.5), (0.0, 0.0), (2.5, 0.5))])
    np.testing.assert_allclose(grid_of_points[emitted.args[0]], [(-2, 0), (0, 0), (2, 0)])
    assert emitted.args[1:] == ["replace", "box"]
    with qtbot.waitSignal(latent_map.pointsSelected) as emitted:
        QTest.mouseClick(latent_map.viewport(), LEFT, pos=at(latent_map, (1, 1)))
    assert len(emitted.args[0]) == 0


@pytest.mark.parametrize(
    ("modifier", "mode"),
    [
        (Qt.KeyboardModifier.ShiftModifier, "add"),
        (Qt.KeyboardModifier.AltModifier, "subtract"),
        (Qt.KeyboardModifier.ControlModifier, "subtract"),
    ],
)
def test_a_modifier_adds_or_takes_away_what_is_surrounded_or_clicked(latent_map, grid_of_points, modifier, mode):
    latent_map.set_mode("select")
    selected = Recorder(latent_map.pointsSelected)
    drag(latent_map, LEFT, *[at(latent_map, z) for z in BOX], modifier=modifier)
    QTest.mouseClick(latent_map.viewport(), LEFT, modifier, at(latent_map, (1, 1)))
    QTest.mouseClick(latent_map.viewport(), LEFT, modifier, at(latent_map, (1.5, 1.5)))
    (inside, *one), (clicked, *other) = selected.calls
    np.testing.assert_allclose(grid_of_points[inside], [(0, 0), (1, 0)])
    np.testing.assert_allclose(grid_of_points[clicked], [(1, 1)])
    assert (one, other) == ([mode, "lasso"], [mode, "click"])


def press_and_move(widget, *pixels: QPoint, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    """Press and move, without a release."""
    QTest.mousePress(widget.viewport(), LEFT, modifier, pixels[0])
    for pixel in pixels[1:]:
        move = _mouse_event(
            QEvent.Type.MouseMove, QPointF(pixel), widget.viewport(), Qt.MouseButton.NoButton, LEFT, modifier
        )
        QApplication.sendEvent(widget.viewport(), move)


def test_what_an_outline_would_select_is_shown_and_counted_as_it_grows(latent_map, grid_of_points, qtbot, colour_at):
    only(latent_map, "points")
    latent_map.set_selection([24])  # (2, 2)
    latent_map.set_mode("select")
    dimmed, bright = sum(colour_at(latent_map, (0, 0))), sum(colour_at(latent_map, (2, 2)))
    counts = Recorder(latent_map.selectionPreviewed)
    shift = Qt.KeyboardModifier.ShiftModifier
    press_and_move(latent_map, *[at(latent_map, z) for z in BOX], modifier=shift)
    qtbot.waitUntil(lambda: bool(counts.calls) and counts.calls[-1] == (3,))
    assert sum(colour_at(latent_map, (0, 0))) > 1.5 * dimmed
    assert abs(sum(colour_at(latent_map, (2, 2))) - bright) < 10, "what is selected already stays"
    QTest.keyClick(latent_map, Qt.Key.Key_Escape)
    assert counts.calls[-1] == (-1,)
    assert abs(sum(colour_at(latent_map, (0, 0))) - dimmed) < 10


def test_escape_gives_up_the_outline_and_only_then_clears(latent_map, grid_of_points):
    latent_map.set_mode("select")
    latent_map.set_selection([3])
    selected = Recorder(latent_map.pointsSelected)
    press_and_move(latent_map, *[at(latent_map, z) for z in BOX])
    QTest.keyClick(latent_map, Qt.Key.Key_Escape)
    QTest.mouseRelease(latent_map.viewport(), LEFT, pos=at(latent_map, (0, 0)))
    assert selected.calls == []
    QTest.keyClick(latent_map, Qt.Key.Key_Escape)
    assert [(len(rows), mode) for rows, mode, _ in selected.calls] == [(0, "replace")]


def test_another_tool_gives_up_the_outline(latent_map, grid_of_points):
    latent_map.set_mode("select")
    selected = Recorder(latent_map.pointsSelected)
    press_and_move(latent_map, *[at(latent_map, z) for z in BOX])
    latent_map.set_mode("explore")
    QTest.mouseRelease(latent_map.viewport(), LEFT, pos=at(latent_map, (0, 0)))
    assert selected.calls == []


def test_a_gesture_that_follows_at_once_does_not_lose_the_one_before(latent_map):
    """The points inside are still being searched when the next click comes."""
    xy = np.random.default_rng(0).uniform(-2, 2, (3_000_000, 2)).astype(np.float32)
    latent_map.set_points(xy, None, ())
    latent_map.set_mode("box")
    selected = Recorder(latent_map.pointsSelected)
    drag(latent_map, LEFT, *[at(latent_map, z) for z in ((-1.9, -1.9), (0, 0), (1.9, 1.9))])
    QTest.mouseClick(latent_map.viewport(), LEFT, Qt.KeyboardModifier.ShiftModifier, at(latent_map, (0, 0)))
    assert [how for _, _, how in selected.calls] == ["box", "click"]


def test_a_large_crowd_is_selected_exactly_in_slices(latent_map, qtbot):
    """More points than one slice searches; no point is left out or counted twice."""
    xy = np.random.default_rng(0).uniform(-2, 2, (2_000_000, 2)).astype(np.float32)
    latent_map.set_points(xy, None, ())
    latent_map.set_mode("box")
    with qtbot.waitSignal(latent_map.pointsSelected) as emitted:
        corners = [at(latent_map, z) for z in ((-1.9, -1.9), (0, 0), (1.9, 1.9))]
        drag(latent_map, LEFT, *corners)
    low, high = sorted([latent_map.pixel_to_z(corners[0]).tolist(), latent_map.pixel_to_z(corners[-1]).tolist()])
    expected = np.flatnonzero(((xy >= low) & (xy < high)).all(axis=1))
    np.testing.assert_array_equal(np.sort(emitted.args[0]), expected)


def test_path_mode_adds_moves_and_removes_waypoints(latent_map):
    latent_map.set_mode("path")
    recorded = Recorder(latent_map.pathEdited)
    for z in ((-1.0, 0.0), (1.0, 0.0)):
        QTest.mouseClick(latent_map.viewport(), LEFT, pos=at(latent_map, z))
    drag(latent_map, LEFT, at(latent_map, (1.0, 0.0)), at(latent_map, (1.0, 1.0)))
    np.testing.assert_allclose(recorded.calls[-1][0], [(-1, 0), (1, 1)], atol=PIXEL)
    QTest.keyClick(latent_map, Qt.Key.Key_Backspace)
    np.testing.assert_allclose(recorded.calls[-1][0], [(-1, 0)], atol=PIXEL)
    QTest.keyClick(latent_map, Qt.Key.Key_Escape)
    assert recorded.calls[-1][0].shape == (0, 2)
    gestures = [gesture for *_, gesture in recorded.calls]
    assert len(set(gestures)) == 5, "two clicks, a drag and two keys"
    sources = [each.tolist() for _, each, _ in recorded.calls]
    assert sources[:3] == [[-1], [0, -1], [0, 1]]
    assert sources[-2:] == [[0], []]


def test_a_click_on_the_path_inserts_a_waypoint_and_ctrl_click_removes_one(latent_map):
    latent_map.set_mode("path")
    recorded = Recorder(latent_map.pathEdited)
    latent_map.set_path([(-1.0, 0.0), (1.0, 0.0), (1.0, 1.0)])
    bend = np.linspace(0, np.pi, 32)
    curve = [*np.stack([-np.cos(bend), np.sin(bend)], axis=1), *np.linspace((1, 0), (1, 1), 32)[1:]]
    latent_map.set_path_curve(curve)
    drag(latent_map, LEFT, at(latent_map, (0.0, 1.0)), at(latent_map, (0.0, 0.5)))
    points, sources, _ = recorded.calls[-1]
    np.testing.assert_allclose(points, [(-1, 0), (0, 0.5), (1, 0), (1, 1)], atol=PIXEL)
    assert [each.tolist() for _, each, _ in recorded.calls] == [[0, -1, 1, 2], [0, 1, 2, 3]]
    assert len({gesture for *_, gesture in recorded.calls}) == 1, "one step of undo"
    QTest.mouseClick(latent_map.viewport(), LEFT, Qt.KeyboardModifier.ControlModifier, pos=at(latent_map, (-1.0, 0.0)))
    points, sources, _ = recorded.calls[-1]
    np.testing.assert_allclose(points, [(0, 0.5), (1, 0), (1, 1)], atol=PIXEL)
    assert sources.tolist() == [1, 2, 3]
    QTest.mouseClick(latent_map.viewport(), LEFT, Qt.KeyboardModifier.ControlModifier, pos=at(latent_map, (-1.5, -1.5)))
    assert recorded.calls[-1][0] is points, "there is no waypoint"


def test_on_the_way_back_of_a_loop_the_waypoint_is_the_last(latent_map):
    latent_map.set_mode("path")
    corners = np.array([(-1.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    latent_map.set_path(corners)
    sides = [np.linspace(corners[i], corners[i - 2], 31)[:-1] for i in range(3)]
    latent_map.set_path_curve(np.concatenate([*sides, corners[:1]]))
    recorded = Recorder(latent_map.pathEdited)
    QTest.mouseClick(latent_map.viewport(), LEFT, pos=at(latent_map, (-0.5, 0.5)))
    assert recorded.calls[-1][1].tolist() == [0, 1, 2, -1]


def test_a_drag_with_shift_draws_by_hand_in_one_gesture(latent_map):
    latent_map.set_mode("path")
    recorded = Recorder(latent_map.pathEdited)
    line = [at(latent_map, (x, x)) for x in np.linspace(-1.5, 1.5, 30)]
    drag(latent_map, LEFT, *line, modifier=Qt.KeyboardModifier.ShiftModifier)
    points = recorded.calls[-1][0]
    assert 8 < len(points) <= 30
    np.testing.assert_allclose(points[:, 0], points[:, 1], atol=2 * PIXEL)
    assert len({gesture for *_, gesture in recorded.calls}) == 1


def test_space_plays_a_path_and_escape_first_stops_playing(latent_map):
    latent_map.set_mode("path")
    latent_map.set_path([(-1.0, 0.0), (1.0, 0.0)])
    toggled, stopped, edits = map(
        Recorder, (latent_map.pathPlayToggled, latent_map.pathPlayStopped, latent_map.pathEdited)
    )
    QTest.keyClick(latent_map, Qt.Key.Key_Space)
    assert len(toggled.calls) == 1
    latent_map.set_path_is_played(True)
    QTest.keyClick(latent_map, Qt.Key.Key_Escape)
    assert len(stopped.calls) == 1
    assert edits.calls == []
    latent_map.set_path_is_played(False)
    QTest.keyClick(latent_map, Qt.Key.Key_Escape)
    assert len(edits.calls[-1][0]) == 0


def test_the_preview_follows_a_dragged_waypoint(latent_map):
    latent_map.set_mode("path")
    QTest.mouseClick(latent_map.viewport(), LEFT, pos=at(latent_map, (1.0, 0.0)))
    hovered = Recorder(latent_map.hovered)
    drag(latent_map, LEFT, at(latent_map, (1.0, 0.0)), at(latent_map, (1.0, 0.5)), at(latent_map, (1.0, 1.0)))
    np.testing.assert_allclose(hovered.calls[-1][0], (1.0, 1.0), atol=PIXEL)


def test_a_click_beside_the_open_layer_panel_only_closes_it(latent_map):
    latent_map.set_mode("path")
    panel = child(latent_map, QWidget, "layerPanel")
    QTest.mouseClick(child(latent_map, QToolButton, "mapLayers"), LEFT)
    assert panel.isVisible()
    edits = Recorder(latent_map.pathEdited)
    drag(latent_map, LEFT, at(latent_map, (-1.0, 0.0)), at(latent_map, (0.0, 0.0)))
    assert not panel.isVisible()
    assert edits.calls == []
    QTest.mouseClick(latent_map.viewport(), LEFT, pos=at(latent_map, (-1.0, 0.0)))
    assert len(edits.calls) == 1


def test_a_click_inside_the_layer_panel_stays_there(latent_map):
    QTest.mouseClick(child(latent_map, QToolButton, "mapLayers"), LEFT)
    panel, commits = child(latent_map, QWidget, "layerPanel"), Recorder(latent_map.committed)
    QTest.mouseClick(panel, LEFT, pos=QPoint(2, 2))
    child(panel, QCheckBox, "layerVisible_density").click()
    assert panel.isVisible()
    assert commits.calls == []


def test_an_unknown_mode_is_refused(latent_map):
    with pytest.raises(ValueError, match="dance"):
        latent_map.set_mode("dance")


def test_many_changes_of_the_view_at_once_are_emitted_once(latent_map, qtbot):
    recorded = Recorder(latent_map.viewChanged)
    for _ in range(20):
        wheel(latent_map, QPoint(300, 250), 1)
    qtbot.waitUntil(lambda: bool(recorded.calls))
    assert recorded.calls == [(latent_map.view(),)]


class Watch(QObject):
    """Records the regions of paint events."""

    def __init__(self, widget, kind: QEvent.Type) -> None:
        super().__init__()
        self.kind, self.seen = kind, []
        widget.installEventFilter(self)

    def eventFilter(self, _watched, event) -> bool:
        if event.type() == self.kind:
            self.seen.append(QRegion(event.region()))
        return False


def test_a_moved_cross_hair_paints_only_where_it_was_and_is(latent_map, qtbot):
    latent_map.set_points(np.random.default_rng(0).normal(size=(500, 2)))
    latent_map.set_cursor((0.0, 0.0))
    for _ in range(3):  # earlier paint requests are handled
        QApplication.processEvents()
    painted = Watch(latent_map.viewport(), QEvent.Type.Paint)
    latent_map.set_cursor((1.0, 0.5))
    qtbot.waitUntil(lambda: bool(painted.seen))
    area = sum(part.width() * part.height() for region in painted.seen for part in region)
    assert area < 0.1 * latent_map.viewport().width() * latent_map.viewport().height()


# --- by keys --------------------------------------------------------------------------------------


def press_at(latent_map, xy, key=Qt.Key.Key_Return, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key with the cross-hair at a point, where the arrow keys would bring it."""
    latent_map.set_cursor(xy)
    QTest.keyClick(latent_map, key, modifier)


def test_waypoints_are_set_and_removed_by_keys(latent_map):
    latent_map.set_mode("path")
    edited = Recorder(latent_map.pathEdited)
    for xy in ((-1.0, 0.0), (1.0, 0.5)):
        press_at(latent_map, xy)
        latent_map.set_path(edited.calls[-1][0])
    np.testing.assert_allclose(latent_map.path_points(), [(-1.0, 0.0), (1.0, 0.5)], atol=PIXEL)
    press_at(latent_map, (-1.0, 0.0), modifier=Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_allclose(edited.calls[-1][0], [(1.0, 0.5)], atol=PIXEL)


@pytest.mark.parametrize(
    ("mode", "corners"), [("box", (BOX[0], BOX[2])), ("select", (*BOX, BOX[3]))], ids=["box", "lasso"]
)
def test_points_are_selected_by_keys(latent_map, qtbot, mode, corners):
    latent_map.set_points(np.array([(0.0, 0.0), (1.0, 0.2), (2.5, 0.0)]), np.array([-1, -1, -1]))
    latent_map.set_mode(mode)
    selected = Recorder(latent_map.pointsSelected)
    for xy in corners:
        press_at(latent_map, xy)
    qtbot.waitUntil(lambda: bool(selected.calls))
    assert sorted(selected.calls[-1][0]) == [0, 1]
    assert selected.calls[-1][2] == ("box" if mode == "box" else "lasso")


def test_enter_means_nothing_to_the_tool_that_explores(latent_map):
    committed = Recorder(latent_map.committed)
    press_at(latent_map, (0.5, 0.5))
    assert committed.calls == []
