"""The map as a whole: its theme, and what is in view."""

from __future__ import annotations

import pyqtgraph as pg
import pytest
from PySide6.QtGui import QColor, QPalette

from latentlab.gui.latent_map import LatentMap
from latentlab.gui.style.palettes import DARK, LIGHT


def test_its_plot_is_a_pyqtgraph_view_box(latent_map):
    assert isinstance(latent_map.view_box, pg.ViewBox)
    latent_map.view_box.setRange(xRange=(1, 3), yRange=(1, 3), padding=0)
    corner = latent_map.view_box.mapViewToScene(pg.Point(1, 3))
    assert latent_map.z_to_pixel((1, 3)).x() == pytest.approx(corner.x())
    assert latent_map.z_to_pixel((1, 3)).y() == pytest.approx(corner.y())
    assert latent_map.pixel_to_z(corner) == pytest.approx((1, 3))


def test_the_theme_follows_the_palette_unless_it_is_set(qtbot, colour_at):
    widget = LatentMap()
    qtbot.addWidget(widget)
    widget.resize(400, 300)
    palette = QPalette()
    for theme in (DARK, LIGHT):
        palette.setColor(QPalette.ColorRole.Window, QColor(theme.background))
        widget.setPalette(palette)
        assert colour_at(widget, (0.5, 0.5)) == QColor(theme.background).getRgb()[:3]
    widget.set_theme(dark=True)
    assert colour_at(widget, (0.5, 0.5)) == QColor(DARK.background).getRgb()[:3]
