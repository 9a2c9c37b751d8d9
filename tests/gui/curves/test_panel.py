"""The training curves: runs, terms, changes, zoom and legend."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QAction, QWheelEvent
from PySide6.QtWidgets import QApplication, QScrollArea, QToolButton

from latentlab.gui.curves.canvas import CurveCanvas
from latentlab.gui.curves.change_marks import ChangeMarks
from latentlab.gui.curves.panel import MAX_RUNS, TrainingCurves
from latentlab.gui.curves.run_legend import RunLegend, distinct
from latentlab.gui.curves.series import MAX_POINTS, Series
from latentlab.gui.style.theme import current_theme
from latentlab.gui.widgets.controls import StayOpenMenu
from latentlab.gui.widgets.elided_label import ElidedLabel


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


def canvas(curves: TrainingCurves) -> CurveCanvas:
    return curves.findChild(CurveCanvas)


def plot_of(curves: TrainingCurves, term: str) -> pg.PlotItem:
    return canvas(curves).plots[term]


def items(plot: pg.PlotItem, kind: type) -> list:
    return [item for item in plot.items if isinstance(item, kind)]


def lines(plot: pg.PlotItem) -> list[pg.PlotDataItem]:
    """The curves of a plot that have data."""
    return [item for item in items(plot, pg.PlotDataItem) if item.xData is not None and item.xData.size]


def zoom(plot: pg.PlotItem, left: float, right: float) -> None:
    """Zoom as the wheel does."""
    plot.setXRange(left, right, padding=0)
    plot.getViewBox().sigRangeChangedManually.emit([True, False])


def check(curves: TrainingCurves, term: str) -> QAction | None:
    return curves.findChild(QAction, f"curve_{term}")


def colour_index(curves: TrainingCurves, key: str) -> int | None:
    return next((entry.colour_index for entry in legend(curves).entries() if entry.key == key), None)


def painted(curves: TrainingCurves) -> int:
    """How many different colours are on the canvas: more than a few once curves are drawn."""
    image = canvas(curves).grab().toImage()
    return len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 2)})


def drawn(curves: TrainingCurves) -> bool:
    return bool(curves.shown_terms()) and curves.is_up_to_date()


def test_terms_are_drawn_as_they_come(qtbot, curves):
    feed(curves)
    qtbot.waitUntil(lambda: curves.shown_terms() == ["elbo", "rate", "distortion"])
    assert curves.value("elbo") == -98.5
    assert curves.value("elbo", validation=True) == -101.0
    assert curves.value("distortion", validation=True) is None
    assert painted(curves) > 20


def test_a_term_can_be_shown_and_hidden(qtbot, curves):
    feed(curves)
    curves.set_kl([2.0, 0.5, 0.0])
    qtbot.waitUntil(lambda: check(curves, "objective") is not None and check(curves, "kl") is not None)
    for term in ("objective", "kl", "rate"):
        check(curves, term).trigger()
    assert curves.shown_terms() == ["elbo", "distortion", "objective", "kl"]


def test_chosen_terms_alone_are_shown_and_unknown_ones_change_nothing(qtbot, curves):
    curves.start_run("one")
    curves.add_progress(1.0, {"elbo": -1.0, "rate": 2.0, "gradient_norm": 3.0})
    qtbot.waitUntil(lambda: curves.shown_terms() == ["elbo", "rate"])
    curves.show_terms(("elbo", "gradient_norm"))
    assert curves.shown_terms() == ["elbo", "gradient_norm"]
    curves.show_terms(("luck",))
    assert curves.shown_terms() == ["elbo", "gradient_norm"]


def test_an_epoch_drawn_within_keeps_its_last_point_and_others_get_the_mean(curves):
    curves.start_run("vae")
    for epoch in (0.3, 0.9):
        curves.add_progress(epoch, {"elbo": -100.0})
    curves.add_epoch(1, {"elbo": -400.0, "rate": 3.0}, {"elbo": -101.0})
    assert curves.value("elbo") == -100.0, "the epoch's mean is of older weights"
    assert curves.value("rate") == 3.0
    assert curves.value("elbo", validation=True) == -101.0
    curves.add_epoch(2, {"elbo": -90.0})
    assert curves.value("elbo") == -90.0


def test_the_logarithm_of_a_negative_term_is_of_its_magnitude(qtbot, curves):
    feed(curves)
    qtbot.waitUntil(lambda: drawn(curves))
    curves.findChild(QToolButton, "logCurves").click()
    plot = plot_of(curves, "elbo")
    curves.grab()  # pyqtgraph fits the range as it paints
    low, high = plot.getViewBox().viewRange()[1]
    assert 1.9 < low <= np.log10(98.5)
    assert np.log10(101.0) <= high < 2.1
    assert "−ELBO" in plot.titleLabel.text


def test_the_zoom_survives_the_log_scale_and_its_ticks_are_plain_numbers(qtbot, curves):
    feed(curves)
    qtbot.waitUntil(lambda: drawn(curves))
    plot = plot_of(curves, "rate")
    zoom(plot, 0.5, 1.25)
    curves.findChild(QToolButton, "logCurves").click()
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
    assert len(lines(plot_of(curves, "elbo"))) == 4
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
    view = canvas(curves).viewport()
    position = QPointF(view.width() / 2, 40)
    nowhere = QPoint(0, 0)
    phase = Qt.ScrollPhase.NoScrollPhase
    globally = QPointF(view.mapToGlobal(position.toPoint()))
    event = QWheelEvent(position, globally, nowhere, QPoint(0, -240), Qt.MouseButton.NoButton, modifiers, phase, False)
    QApplication.sendEvent(view, event)
    return event.isAccepted()


def test_the_steep_start_of_a_long_run_may_be_outside_the_plot_and_the_best_epoch_has_a_ring(qtbot, curves):
    feed_long(curves)
    qtbot.waitUntil(lambda: drawn(curves))
    plot = plot_of(curves, "elbo")
    (best,) = items(plot, pg.ScatterPlotItem)
    low, high = plot.getViewBox().viewRange()[1]
    assert -170 < low < -108
    assert high >= -100.0
    assert [float(each[0]) for each in best.getData()] == pytest.approx([30.0, -100.0])
    zoom(plot, 0, 4)
    qtbot.waitUntil(lambda: drawn(curves))
    assert plot.getViewBox().viewRange()[1][0] < -200, "the start is visible after zooming into it"


def test_a_long_title_does_not_make_the_plots_wider_than_the_view(qtbot, curves):
    curves.resize(260, 420)
    for run in range(6):
        curves.start_run(str(run), f"/runs/{run}")
        feed_epochs(curves, None, -123.4 - run)
    qtbot.waitUntil(lambda: drawn(curves))
    plot = plot_of(curves, "elbo")
    assert plot.titleLabel.item.boundingRect().width() > canvas(curves).width(), "or this tests nothing"
    curves.grab()
    assert plot.sceneBoundingRect().right() <= canvas(curves).width()


def test_the_wheel_zooms_within_the_run_and_scrolls_if_not_all_plots_fit(qtbot, curves):
    feed_long(curves)
    qtbot.waitUntil(lambda: drawn(curves))
    plots = canvas(curves)
    assert turn_wheel(curves)
    assert plots.shown_epochs() == pytest.approx((0.0, 40.0))
    curves.add_epoch(41, {"elbo": -100.0}, {"elbo": -100.0})
    qtbot.waitUntil(lambda: plots.shown_epochs() == pytest.approx((0.0, 41.0)))
    curves.resize(420, 140)
    (area,) = [each for each in curves.findChildren(QScrollArea) if each.widget() is plots]
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0)
    assert not turn_wheel(curves), "the scroll area handles it"
    zoom(plots.plots["elbo"], 10, 20)
    assert turn_wheel(curves, Qt.KeyboardModifier.ControlModifier)
    left, right = plots.shown_epochs()
    assert 0.0 <= left < 10 < 20 < right <= 41.0 + 1e-9


def test_changes_are_labelled_inside_the_plot_without_overlap(qtbot, curves):
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
    (marks,) = items(plot_of(curves, "elbo"), ChangeMarks)
    found = marks.labels_within(view, view.width() / 40, 0.0)
    assert found[0][1] == "epochs 60"
    assert "epochs 50" not in [text for _, text in found], "only the last of changes at one position is labelled"
    assert "β 2" in [text for _, text in found]
    assert all(view.contains(position) for position, _ in found)
    assert not any(one.intersects(other) for k, (one, _) in enumerate(found) for other, _ in found[:k])
    curves.mark_epoch(10.1)
    assert curves.findChild(ElidedLabel, "curvesReadout").text() == "epoch 10.1 · β 2"


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_several_terms_can_be_chosen_without_reopening_the_menu(qtbot, curves):
    feed(curves)
    qtbot.waitUntil(lambda: drawn(curves))
    menu = curves.findChild(StayOpenMenu)
    menu.popup(curves.mapToGlobal(QPoint(0, 0)))
    for term in ("objective", "rate"):
        position = menu.actionGeometry(check(curves, term)).center()
        qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=position)
    assert menu.isVisible()
    assert curves.shown_terms() == ["elbo", "distortion", "objective"]
    menu.close()


def test_every_run_has_a_colour_and_a_legend_line_that_hides_or_removes_it(qtbot, curves):
    curves.start_run("one", "/runs/one")
    feed_epochs(curves, None, -100.0)
    assert not legend(curves).isVisible(), "one run needs no legend"
    curves.start_run("two", "/runs/two")
    feed_epochs(curves, None, -90.0)
    curves.compare_run("three", "/runs/three")
    feed_epochs(curves, "/runs/three", -80.0)
    qtbot.waitUntil(lambda: len(legend(curves).entries()) == 3)
    entries = legend(curves).entries()
    assert [(entry.name, entry.colour_index) for entry in entries] == [("two", 1), ("three", 2), ("one", 0)]
    assert curves.value("elbo") == -90.0, "a compared run does not become the current one"
    plot = plot_of(curves, "elbo")
    qtbot.waitUntil(lambda: "-90" in plot.titleLabel.text.replace("−", "-"))
    pens = [curve.opts["pen"].color().name() for curve in lines(plot)]
    assert pens == [current_theme().series[index] for index in (0, 0, 2, 2, 1, 1)]

    (line,) = [each for each in curves.findChildren(object, "legendRun") if each.text() == "three"]
    line.click()
    assert len(lines(plot)) == 4
    with qtbot.waitSignal(curves.runRemoved) as removed:
        legend(curves).removed.emit("/runs/one")
    assert removed.args == ["/runs/one"]
    assert curves.run_keys() == ["/runs/three", "/runs/two"]
    curves.start_run("four", "/runs/four")
    feed_epochs(curves, None, -70.0)
    qtbot.waitUntil(lambda: colour_index(curves, "/runs/four") == 0)  # the first free colour


def test_a_restarted_run_is_not_drawn_twice(qtbot, curves):
    for _ in range(2):
        curves.start_run("one", "/runs/one")
        feed_epochs(curves, None, -100.0)
    assert curves.run_keys() == ["/runs/one"]


def test_an_earlier_run_can_become_the_current_one_again(curves):
    curves.start_run("one", "/runs/one")
    feed_epochs(curves, None, -100.0)
    curves.start_run("two", "/runs/two")
    assert not curves.make_current("/runs/three")
    assert curves.make_current("/runs/one")
    assert (curves.current_run(), curves.value("elbo")) == ("/runs/one", -100.0)
    curves.add_progress(2.5, {"elbo": -50.0})
    assert curves.value("elbo") == -50.0
    assert curves.run_keys() == ["/runs/two", "/runs/one"]


def test_the_oldest_run_is_removed_when_there_are_too_many(qtbot, curves):
    gone = []
    curves.runRemoved.connect(gone.append)
    for number in range(MAX_RUNS + 2):
        curves.start_run(str(number), f"/runs/{number}")
    assert gone == ["/runs/0", "/runs/1"]


def test_values_that_arrive_while_hidden_are_drawn_when_shown(qtbot, curves):
    curves.hide()
    feed(curves)
    assert curves.shown_terms() == []
    curves.show()
    assert curves.shown_terms() == ["elbo", "rate", "distortion"]


def test_a_long_run_is_thinned_and_keeps_its_first_and_last_point():
    series = Series()
    for step in range(3 * MAX_POINTS):
        series.add(step / 100, float(step))
    epochs, _values = series.arrays()
    assert epochs.size <= MAX_POINTS
    assert (epochs[0], epochs[-1]) == (0.0, (3 * MAX_POINTS - 1) / 100)
    assert np.all(np.diff(epochs) > 0)
    assert series.at(50.0) == pytest.approx(5000, abs=10)


def test_a_resumed_run_replaces_the_points_after_its_checkpoint():
    series = Series()
    for epoch, value in ((1.0, 5.0), (2.0, 4.0), (3.0, 3.0), (2.0, 4.5)):
        series.add(epoch, value)
    assert [values.tolist() for values in series.arrays()] == [[1.0, 2.0], [5.0, 4.5]]


def test_names_too_long_for_the_legend_are_shortened_to_what_differs():
    names = ["vae · 2026-11-21-070832-vae-photos", "2026-11-21-071000-vae-photos"]
    assert distinct(names) == ["…070832-vae-photos", "…071000-vae-photos"]
    assert distinct(["one", "two"]) == ["one", "two"]
