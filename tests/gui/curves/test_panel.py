"""Curves keep what they are told and draw it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from latentlab.gui.curves.panel import MOST_RUNS, TrainingCurves
from latentlab.gui.curves.run_legend import RunLegend, distinct
from latentlab.gui.curves.series import MOST_POINTS, Series
from latentlab.gui.style.theme import current_theme


@pytest.fixture
def curves(shown) -> TrainingCurves:
    return shown(TrainingCurves(), 420, 420)


def feed(curves: TrainingCurves) -> None:
    curves.start_run("vae")
    for epoch in (0.5, 1.0, 1.5):
        curves.add_progress(epoch, {"elbo": -100.0 + epoch, "rate": 20.0, "distortion": 80.0, "objective": 100.0})
    curves.add_epoch(1.0, {}, {"elbo": -101.0, "rate": 20.5})


def feed_epochs(curves: TrainingCurves, key: str | None, elbo: float) -> None:
    for epoch in (1.0, 2.0):
        curves.add_epoch(epoch, {"elbo": elbo}, {"elbo": elbo}, key)


def legend(curves: TrainingCurves) -> RunLegend:
    return curves.findChild(RunLegend)


def legend_place(curves: TrainingCurves, key: str) -> int:
    curves._redraw()
    return next(entry.place for entry in legend(curves).entries() if entry.key == key)


def painted(curves: TrainingCurves) -> int:
    """How many different colours are on the canvas: more than a few once curves are drawn."""
    image = curves._canvas.grab().toImage()
    return len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 2)})


def drawn(curves: TrainingCurves) -> bool:
    """Whether all plots are there, and show what has come."""
    return bool(curves.shown_terms()) and not curves._timer.isActive()


def test_terms_are_drawn_as_they_come(qtbot, curves):
    feed(curves)
    qtbot.waitUntil(lambda: curves.shown_terms() == ["elbo", "rate", "distortion"])
    assert curves.value("elbo") == -98.5
    assert curves.value("elbo", validation=True) == -101.0
    assert curves.value("distortion", validation=True) is None
    assert painted(curves) > 20


def test_a_term_can_be_chosen_and_left_out(qtbot, curves):
    feed(curves)
    curves.set_kl([2.0, 0.5, 0.0])
    qtbot.waitUntil(lambda: "objective" in curves._checks and "kl" in curves._checks)
    for term in ("objective", "kl", "rate"):
        curves._checks[term].trigger()
    assert curves.shown_terms() == ["elbo", "distortion", "objective", "kl"]


def test_a_followed_epoch_ends_where_it_has_come_to_and_another_at_its_mean(curves):
    curves.start_run("vae")
    for epoch in (0.3, 0.9):
        curves.add_progress(epoch, {"elbo": -100.0})
    curves.add_epoch(1, {"elbo": -400.0, "rate": 3.0}, {"elbo": -101.0})
    assert curves.value("elbo") == -100.0, "the mean of the epoch is of weights long gone"
    assert curves.value("rate") == 3.0
    assert curves.value("elbo", validation=True) == -101.0
    curves.add_epoch(2, {"elbo": -90.0})
    assert curves.value("elbo") == -90.0


def test_logarithm_of_a_negative_term_is_of_its_size(qtbot, curves):
    feed(curves)
    qtbot.waitUntil(lambda: drawn(curves))
    curves._log.click()
    plot = curves._canvas.plots["elbo"]
    curves.grab()  # pyqtgraph fits the range as it paints
    low, high = plot.getViewBox().viewRange()[1]
    assert 1.9 < low <= np.log10(98.5)
    assert np.log10(101.0) <= high < 2.1
    assert "−ELBO" in plot.titleLabel.text


def test_a_zoom_survives_the_logarithm_and_its_ticks_are_plain_numbers(qtbot, curves):
    feed(curves)
    qtbot.waitUntil(lambda: drawn(curves))
    plot = curves._canvas.plots["rate"]
    plot.setXRange(0.5, 1.25, padding=0)
    curves._canvas._on_zoomed()
    curves._log.click()
    curves.grab()
    assert plot.getViewBox().viewRange()[0] == pytest.approx([0.5, 1.25])
    axis = plot.getAxis("left")
    for low, high, ticks in ((0.0, 3.9, ["1", "100"]), (2.0, 2.3, ["100", "150"]), (-0.5, 2.6, ["1", "100"])):
        ((_, values),) = axis.logTickValues(low, high, 60, None)
        assert axis.logTickStrings(values, 1.0, None) == ticks


def test_runs_are_overlaid_and_cleared(qtbot, curves):
    feed(curves)
    feed(curves)
    curves.add_change(1.2, "β 2")
    qtbot.waitUntil(lambda: drawn(curves))
    assert len([curve for curve in curves._canvas.plots["elbo"]._curves if curve.xData.size]) == 4
    curves.clear()
    assert curves.shown_terms() == []
    assert curves.value("elbo") is None


def feed_long(curves: TrainingCurves, epochs: int = 40) -> None:
    curves.start_run("vae")
    for epoch in range(1, epochs + 1):
        elbo = -100.0 - 400.0 * np.exp(-epoch) - (epoch - 30) ** 2 / 100
        curves.add_epoch(epoch, {"elbo": elbo, "rate": 5.0, "distortion": -elbo}, {"elbo": elbo})


def turn_wheel(curves: TrainingCurves, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> bool:
    """Whether the plots took the wheel for themselves."""
    view = curves._canvas.viewport()
    place = QPointF(view.width() / 2, 40)
    nowhere = QPoint(0, 0)
    phase = Qt.ScrollPhase.NoScrollPhase
    globally = QPointF(view.mapToGlobal(place.toPoint()))
    event = QWheelEvent(place, globally, nowhere, QPoint(0, -240), Qt.MouseButton.NoButton, modifiers, phase, False)
    QApplication.sendEvent(view, event)
    return event.isAccepted()


def test_the_steep_beginning_of_a_long_run_may_leave_the_plot_and_the_best_epoch_has_a_ring(qtbot, curves):
    feed_long(curves)
    qtbot.waitUntil(lambda: drawn(curves) and bool(curves._canvas.plots["elbo"]._best.getData()[0].size))
    plot = curves._canvas.plots["elbo"]
    low, high = plot.getViewBox().viewRange()[1]
    assert -170 < low < -108
    assert high >= -100.0
    assert [float(each[0]) for each in plot._best.getData()] == pytest.approx([30.0, -100.0])
    plot.setXRange(0, 4, padding=0)
    curves._canvas._on_zoomed()
    curves._redraw()
    assert plot.getViewBox().viewRange()[1][0] < -200, "zoomed into, the beginning is seen"


def test_no_title_is_so_long_that_the_plots_leave_what_they_are_seen_through(qtbot, curves):
    curves.resize(260, 420)
    for run in range(6):
        curves.start_run(str(run), f"/runs/{run}")
        feed_epochs(curves, None, -123.4 - run)
    qtbot.waitUntil(lambda: drawn(curves))
    plot = curves._canvas.plots["elbo"]
    assert plot.titleLabel.item.boundingRect().width() > curves._canvas.width(), "or this tests nothing"
    curves.grab()
    assert plot.sceneBoundingRect().right() <= curves._canvas.width()


def test_the_wheel_zooms_no_further_than_the_run_and_scrolls_where_not_all_plots_fit(qtbot, curves):
    feed_long(curves)
    qtbot.waitUntil(lambda: drawn(curves))
    canvas = curves._canvas
    assert turn_wheel(curves)
    assert canvas.shown_epochs() == pytest.approx((0.0, 40.0))
    assert not canvas._zoomed
    curves.resize(420, 140)
    qtbot.waitUntil(lambda: curves._area.verticalScrollBar().maximum() > 0)
    assert not turn_wheel(curves), "it is left to the area around, which scrolls"
    canvas.plots["elbo"].setXRange(10, 20, padding=0)
    canvas._on_zoomed()
    assert turn_wheel(curves, Qt.KeyboardModifier.ControlModifier)
    left, right = canvas.shown_epochs()
    assert 0.0 <= left < 10 < 20 < right <= 40.0 + 1e-9


def test_changes_are_named_beside_their_lines_inside_the_plot_and_clear_of_each_other(qtbot, curves):
    feed_long(curves)
    for epoch, text in (
        (10.0, "β 2"),
        (38.0, "learning rate 0.0003"),
        (38.5, "schedule cosine"),
        (39.0, "epochs 50"),
        (39.1, "epochs 60"),
    ):
        curves.add_change(epoch, text)
    qtbot.waitUntil(lambda: drawn(curves))
    view = QRectF(44, 0, 280, 48)
    found = curves._canvas.plots["elbo"]._changes.names_within(view, view.width() / 40, 0.0)
    assert found[0][1] == "epochs 60"
    assert "epochs 50" not in [text for _, text in found], "the last of those on one spot"
    assert "β 2" in [text for _, text in found]
    assert all(view.contains(place) for place, _ in found)
    assert not any(one.intersects(other) for k, (one, _) in enumerate(found) for other, _ in found[:k])
    curves.mark_epoch(10.1)
    assert curves._readout.text() == "epoch 10.1 · β 2"


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_several_terms_are_chosen_without_opening_the_menu_again(qtbot, curves):
    feed(curves)
    qtbot.waitUntil(lambda: drawn(curves))
    curves._menu.popup(curves.mapToGlobal(QPoint(0, 0)))
    for term in ("objective", "rate"):
        place = curves._menu.actionGeometry(curves._checks[term]).center()
        qtbot.mouseClick(curves._menu, Qt.MouseButton.LeftButton, pos=place)
    assert curves._menu.isVisible()
    assert curves.shown_terms() == ["elbo", "distortion", "objective"]
    curves._menu.close()


def test_every_run_has_a_colour_and_a_line_in_the_legend_that_hides_and_removes_it(qtbot, curves):
    curves.start_run("one", "/runs/one")
    feed_epochs(curves, None, -100.0)
    assert not legend(curves).isVisible(), "there is nothing to tell apart"
    curves.start_run("two", "/runs/two")
    feed_epochs(curves, None, -90.0)
    curves.compare_run("three", "/runs/three")
    feed_epochs(curves, "/runs/three", -80.0)
    qtbot.waitUntil(lambda: len(legend(curves).entries()) == 3)
    entries = legend(curves).entries()
    assert [(entry.name, entry.place) for entry in entries] == [("two", 1), ("three", 2), ("one", 0)]
    assert curves.value("elbo") == -90.0, "what is compared is not the current run"
    plot = curves._canvas.plots["elbo"]
    qtbot.waitUntil(lambda: "-90" in plot.titleLabel.text.replace("−", "-"))
    pens = [curve.opts["pen"].color().name() for curve in plot._curves if curve.xData.size]
    assert pens == [current_theme().series[place] for place in (0, 0, 2, 2, 1, 1)]

    (line,) = [each for each in curves.findChildren(object, "legendRun") if each.text() == "three"]
    line.click()
    assert sum(curve.xData is not None and curve.xData.size > 0 for curve in plot._curves) == 4
    with qtbot.waitSignal(curves.runRemoved) as removed:
        legend(curves).removed.emit("/runs/one")
    assert removed.args == ["/runs/one"]
    assert curves.run_keys() == ["/runs/three", "/runs/two"]
    curves.start_run("four", "/runs/four")
    assert legend_place(curves, "/runs/four") == 0, "the first colour that is free"


def test_a_run_that_begins_again_is_not_drawn_twice(qtbot, curves):
    for _ in range(2):
        curves.start_run("one", "/runs/one")
        feed_epochs(curves, None, -100.0)
    assert curves.run_keys() == ["/runs/one"]


def test_a_run_goes_on_after_another_was_the_current_one(curves):
    curves.start_run("one", "/runs/one")
    feed_epochs(curves, None, -100.0)
    curves.start_run("two", "/runs/two")
    assert not curves.go_on("/runs/three")
    assert curves.go_on("/runs/one")
    assert (curves.current_run(), curves.value("elbo")) == ("/runs/one", -100.0)
    curves.add_progress(2.5, {"elbo": -50.0})
    assert curves.value("elbo") == -50.0
    assert curves.run_keys() == ["/runs/two", "/runs/one"]


def test_the_oldest_gives_way_when_there_are_too_many(qtbot, curves):
    gone = []
    curves.runRemoved.connect(gone.append)
    for number in range(MOST_RUNS + 2):
        curves.start_run(str(number), f"/runs/{number}")
    assert gone == ["/runs/0", "/runs/1"]


def test_what_came_while_hidden_is_there_when_shown(qtbot, curves):
    curves.hide()
    feed(curves)
    assert curves.shown_terms() == []
    curves.show()
    assert curves.shown_terms() == ["elbo", "rate", "distortion"]


def test_a_long_run_is_thinned_and_keeps_its_ends():
    series = Series()
    for step in range(3 * MOST_POINTS):
        series.add(step / 100, float(step))
    epochs, _values = series.arrays()
    assert epochs.size <= MOST_POINTS
    assert (epochs[0], epochs[-1]) == (0.0, (3 * MOST_POINTS - 1) / 100)
    assert np.all(np.diff(epochs) > 0)
    assert series.at(50.0) == pytest.approx(5000, abs=10)


def test_a_resumed_run_replaces_what_came_after_its_checkpoint():
    series = Series()
    for epoch, value in ((1.0, 5.0), (2.0, 4.0), (3.0, 3.0), (2.0, 4.5)):
        series.add(epoch, value)
    assert [values.tolist() for values in series.arrays()] == [[1.0, 2.0], [5.0, 4.5]]


def test_names_too_long_for_the_legend_show_what_tells_them_apart():
    names = ["vae · 2026-11-21-070832-vae-photos", "2026-11-21-071000-vae-photos"]
    assert distinct(names) == ["…070832-vae-photos", "…071000-vae-photos"]
    assert distinct(["one", "two"]) == ["one", "two"]
