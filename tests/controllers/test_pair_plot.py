"""The pair plot: pictures of pairs, a click on one chooses the map's axes."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from latentlab.config.layout import LatentLayout, Level
from latentlab.controllers.pair_plot import PairPlotController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.model import ModelPanel
from latentlab.gui.panels.pair_plot import PairGrid, PairPlot, scatter
from latentlab.state.map_axes import AxesChoice
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def window(qtbot, session, undo):
    window = QWidget()
    qtbot.addWidget(window)
    panel, latent_map = ModelPanel(window), LatentMap(window)
    PairPlotController(session, undo, panel, latent_map, window, window)
    yield window
    for plot in window.findChildren(PairPlot):
        plot.close()


def opened(window, session, size=8) -> PairGrid:
    session.set_model(model_info(size), 1, is_new_model=True)
    session.set_points(some_points(size))
    window.findChild(QPushButton, "allPairs").click()
    return window.findChild(PairGrid, "pairGrid")


def test_a_click_on_a_picture_shows_its_pair_and_can_be_undone(window, session, undo):
    grid = opened(window, session)
    assert len(grid.pairs()) == 15, "of the six strongest of eight dimensions"
    before = session.axes
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid.cell((2, 4)).center())
    assert session.axes == AxesChoice("z3", "z5")
    assert undo.count() == 1
    undo.undo()
    assert session.axes == before


def test_keys_choose_a_picture(window, session):
    grid = opened(window, session)
    session.set_axes(AxesChoice("z1", "z2"))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):
        QTest.keyClick(grid, key)
    assert session.axes == AxesChoice("z2", "z3"), "right of that is the diagonal"


def test_the_strongest_dimensions_come_first(window, session):
    kl = np.array([0, 3, 1, 2], np.float32)
    from dataclasses import replace

    session.set_model(model_info(4), 1, is_new_model=True)
    session.set_points(replace(some_points(4), kl=kl))
    window.findChild(QPushButton, "allPairs").click()
    grid = window.findChild(PairGrid, "pairGrid")
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid.cell((0, 1)).center())
    assert session.axes == AxesChoice("z2", "z4")


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (model_info(2), "There is one pair, which the map shows"),
        (
            model_info(12, layout=LatentLayout("codes", (Level("", 0, 12, (2, 2)),), codes=4)),
            "Single numbers of this model's latents mean little",
        ),
    ],
)
def test_where_there_are_no_pairs_the_button_says_why(window, session, info, reason):
    session.set_model(info, 1, is_new_model=True)
    session.set_points(some_points(info.latent_dim))
    button = window.findChild(QPushButton, "allPairs")
    assert not button.isEnabled()
    assert button.toolTip() == reason


def test_another_model_closes_it(window, session):
    opened(window, session)
    session.set_model(model_info(5), 2, is_new_model=True)
    assert not window.findChild(PairPlot, "pairPlot").isVisible()


def test_points_are_drawn_where_they_are_and_the_last_is_seen():
    x, y = np.array([-3.2, 3.2, 0, 0, np.nan], np.float32), np.array([-3.2, 3.2, 0, 0, 0], np.float32)
    colours = np.array([1, 2, 3, 4, 5], np.uint32)
    pixels = scatter(x, y, colours, 65)
    assert (pixels[64, 0], pixels[0, 64], pixels[32, 32]) == (1, 2, 4)
    assert (pixels != 0).sum() == 3
    assert not scatter(x[:0], y[:0], colours[:0], 10).any()
    far = scatter(np.array([6.4, 0], np.float32), np.zeros(2, np.float32), colours[:2], 65)
    assert far[32, 64] == 1
