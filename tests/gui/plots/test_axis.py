"""The numbers of an axis."""

from __future__ import annotations

import math

import pyqtgraph as pg
import pytest

from latentlab.gui.plots.axis import log_ticks, tick_labels
from latentlab.gui.plots.plot import Plot


@pytest.mark.parametrize(
    ("values", "spacing", "labels"),
    [
        ([-1.0, -0.5, 0.0], 0.5, ["−1.0", "−0.5", "0.0"]),
        ([-20000.0, 0.0, 20000.0], 20000.0, ["−20000", "0", "20000"]),
        ([-0.004, 0.004], 0.002, ["−0.004", "0.004"]),
        ([-2e6, 2e6], 1e6, ["−2e+06", "2e+06"]),
    ],
)
def test_numbers_have_their_sign_and_as_many_decimals_as_tell_them_apart(values, spacing, labels):
    assert tick_labels(values, spacing) == labels


@pytest.mark.parametrize(("low", "high"), [(-3.0, 4.0), (0.0, 1.5), (2.3, 2.35), (-0.2, 0.4)])
def test_logarithmic_ticks_are_few_and_inside(low, high):
    ticks = log_ticks(low, high)
    assert 1 <= len(ticks) <= 4
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)


@pytest.mark.usefixtures("qapp")
def test_ticks_are_round_numbers_in_the_range():
    plot = Plot()
    ((spacing, values),) = plot.y_axis.tickValues(-3.2, 3.2, 500)
    assert min(values) >= -3.2 - 1e-9
    assert max(values) <= 3.2 + 1e-9
    assert all(math.isclose(value / spacing, round(value / spacing)) for value in values)


def test_a_longer_number_does_not_move_the_plot(qtbot):
    view = pg.GraphicsView()
    qtbot.addWidget(view)
    plot = Plot()
    plot.y_axis.setWidth(40)
    view.setCentralItem(plot)
    view.resize(400, 300)
    with qtbot.waitExposed(view):
        view.show()
    box = plot.getViewBox()
    before = box.sceneBoundingRect()
    plot.setYRange(-1e6, 1e6)
    view.grab()
    assert box.sceneBoundingRect() == before
