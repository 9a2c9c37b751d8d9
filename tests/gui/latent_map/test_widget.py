"""The map as a whole: its theme, and what is in view."""

from __future__ import annotations

import pyqtgraph as pg
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from latentlab.gui.latent_map import LatentMap
from latentlab.gui.style import theme
from latentlab.gui.style.theme import DARK, LIGHT


def test_its_plot_is_a_pyqtgraph_view_box(latent_map):
    assert isinstance(latent_map.view_box, pg.ViewBox)
    latent_map.view_box.setRange(xRange=(1, 3), yRange=(1, 3), padding=0)
    corner = latent_map.view_box.mapViewToScene(pg.Point(1, 3))
    assert latent_map.z_to_pixel((1, 3)).x() == pytest.approx(corner.x())
    assert latent_map.z_to_pixel((1, 3)).y() == pytest.approx(corner.y())
    assert latent_map.pixel_to_z(corner) == pytest.approx((1, 3))


@pytest.mark.usefixtures("themed")
def test_the_map_follows_the_scheme(qtbot, colour_at):
    widget = LatentMap()
    qtbot.addWidget(widget)
    widget.resize(400, 300)
    with qtbot.waitExposed(widget):
        widget.show()
    for name, colours in (("dark", DARK), ("light", LIGHT), ("dark", DARK)):
        theme.set_scheme(name)
        assert colour_at(widget, (0.5, 0.5)) == QColor(colours.map).getRgb()[:3]


def test_a_change_of_the_palette_while_its_parts_are_made_is_taken_over(qtbot, colour_at):
    widget = LatentMap(parts_later=True)
    qtbot.addWidget(widget)
    for number, _ in enumerate(widget.build()):
        if number == 1:
            QApplication.sendEvent(widget, QEvent(QEvent.Type.PaletteChange))
    widget.resize(400, 300)
    with qtbot.waitExposed(widget):
        widget.show()
    assert colour_at(widget, (0.5, 0.5)) == QColor(theme.current_theme().map).getRgb()[:3]
