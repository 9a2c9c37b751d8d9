"""The Image panel: what it shows, greys and asks for."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QPushButton, QScrollArea, QSlider, QToolButton

from latentlab.gui.panels.gap_curve import GapCurve
from latentlab.gui.panels.your_image import YourImagePanel
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.gui.widgets.qimage import PixelView

GREY = np.zeros((8, 8), np.uint8)


@pytest.fixture
def panel(qtbot):
    panel = YourImagePanel()
    qtbot.addWidget(panel)
    panel.resize(320, 900)
    panel.show()
    return panel


def tool(panel, name: str) -> QToolButton:
    return panel.findChild(QToolButton, name)


def text(panel, name: str) -> str:
    return panel.findChild(QLabel, name).text()


def test_an_empty_panel_says_what_would_fill_it(panel, qtbot):
    for name, signal in (("openImage", panel.openRequested), ("paintImage", panel.paintRequested)):
        with qtbot.waitSignal(signal):
            panel.findChild(QPushButton, name).click()
    assert not panel.canvas.isVisible()


def test_an_image_is_shown_with_what_was_changed_about_it(panel):
    panel.set_image(GREY + 9, "face.png", "640 × 480 pixels, resized to 8 × 8")
    assert panel.canvas.isVisible()
    assert (panel.canvas.pixels() == 9).all()
    assert "resized to 8 × 8" in text(panel, "yourImageNote")
    panel.set_image(None)
    assert not panel.canvas.isVisible()


def test_the_brush_is_shown_in_the_modes_that_have_one(panel):
    panel.set_image(GREY, "x")
    size, shade, half = (
        panel.findChild(QSlider, "brushSize"),
        panel.findChild(QSlider, "brushShade"),
        tool(panel, "hideHalf"),
    )
    assert not size.isVisible()
    tool(panel, "imageModePaint").click()
    assert size.isVisible()
    assert shade.isVisible()
    assert not half.isVisible()
    small = size.value()
    tool(panel, "imageModeHide").click()
    assert half.isVisible()
    assert not shade.isVisible()
    assert size.value() > small, "a region is hidden with a larger brush"
    tool(panel, "imageModePaint").click()
    assert size.value() == small
    panel.set_image(np.zeros((8, 8, 3), np.uint8), "x")
    assert panel.findChild(QPushButton, "brushColour").isVisible()
    assert not shade.isVisible()


def test_the_shade_has_a_label_and_the_half_its_name(panel):
    panel.set_image(GREY, "x")
    panel.set_mode("paint")
    shade = panel.findChild(QLabel, "brushShadeLabel")
    assert (shade.text(), shade.isVisible()) == ("Shade", True)
    panel.set_mode("hide")
    assert not shade.isVisible()
    assert tool(panel, "hideHalf").text() == "Lower half"


def test_the_canvas_is_scrolled_to(panel):
    panel.set_image(GREY, "x")
    panel.set_inspection(None, None, np.zeros((4, 8, 8), np.uint8), np.zeros((4, 8, 8), np.uint8), "", "")
    panel.resize(320, 200)
    bar = panel.findChild(QScrollArea).verticalScrollBar()
    bar.setValue(bar.maximum())
    assert not panel.canvas.visibleRegion().boundingRect().contains(panel.canvas.rect().topLeft())
    panel.show_canvas()
    assert bar.value() == 0


def test_paper_sets_a_brush_that_is_seen_on_it(panel):
    panel.set_image(GREY, "x")
    panel.set_mode("paint")
    panel.set_paper(True)
    assert panel.paper() == 255
    assert panel.findChild(QSlider, "brushShade").value() == 0
    panel.set_paper(False)
    assert panel.findChild(QSlider, "brushShade").value() == 255


def test_maps_have_their_scale_and_are_seen(panel):
    panel.set_image(GREY, "x")
    error, std = np.zeros((8, 8), np.float32), np.full((8, 8), 0.25, np.float32)
    error[0, 0], std[0, 0] = -0.5, 0.5
    tiles = np.zeros((3, 8, 8), np.uint8)
    panel.set_inspection(error, std, tiles, tiles, "ELBO −1 nats", "Typical of the data: …")
    assert text(panel, "errorMapCaption") == "error ±0.50"
    assert text(panel, "pixelSigmaCaption") == "σ to 0.50"
    blue = panel.findChild(PixelView, "errorMap").picture().pixelColor(0, 0)
    assert blue.blue() > blue.red()
    assert panel.findChild(QLabel, "imageTypical").property("role") == "dim"
    panel.set_typical("Not typical of the data: …")
    assert panel.findChild(QLabel, "imageTypical").property("role") == "warning"


def test_a_click_on_a_sample_or_a_filling_says_which(panel, qtbot):
    panel.set_image(GREY, "x")
    tiles = np.zeros((4, 8, 8), np.uint8)
    panel.set_inspection(None, None, tiles, tiles, "", "")
    panel.set_fillings(GREY, np.zeros((9, 8, 8), np.uint8), "nine")
    for name, kind, at, place in (("imageSamples", "samples", (1, 2), 2), ("imageFillings", "fillings", (1, 2), 7)):
        strip = panel.findChild(ImageStrip, name)
        with qtbot.waitSignal(panel.chosen) as chosen:
            qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=strip.tile_rect(*at).center())
        assert chosen.args == [kind, place]


def test_what_a_model_cannot_do_is_greyed_with_the_reason(panel):
    panel.set_image(GREY, "x")
    panel.set_mode("hide")
    panel.set_refine_reason("its latents are codes")
    panel.set_hide_reason("its latents are codes")
    button, mode = panel.findChild(QPushButton, "refineImage"), tool(panel, "imageModeHide")
    for each in (button, mode):
        assert not each.isEnabled()
        assert "codes" in each.toolTip()
    assert panel.canvas.mode == "view"
    panel.set_refine_reason("")
    assert button.isEnabled()
    assert "Ctrl+Shift+R" in button.toolTip()


def test_the_gap_is_drawn_while_it_closes(panel):
    panel.set_image(GREY, "x")
    panel.set_refinement((0, 5, 10), (-9.0, -7.0, -6.5), "gap 2.5 nats", running=True, last=150)
    assert panel.findChild(QPushButton, "stopRefining").isVisible()
    assert panel.findChild(GapCurve).curve() == ([0.0, 5.0, 10.0], [-9.0, -7.0, -6.5])
    panel.set_refinement((0, 5, 10), (-9.0, -7.0, -6.5), "gap 2.5 nats")
    assert not panel.findChild(QPushButton, "stopRefining").isVisible()
    assert text(panel, "gapText") == "gap 2.5 nats"


def test_escape_is_for_the_panel(panel, qtbot):
    panel.set_image(GREY, "x")
    panel.set_mode("paint")
    with qtbot.waitSignal(panel.escapePressed):
        qtbot.keyClick(panel.canvas, Qt.Key.Key_Escape)


def menu_at(panel, name: str, at: tuple[int, int]) -> QMenu | None:
    """The menu that a right click on an image of a strip opens."""
    strip = panel.findChild(ImageStrip, name)
    place = strip.tile_rect(*at).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, strip.mapToGlobal(QPoint(0, 0)))
    QApplication.sendEvent(strip.viewport(), event)
    return next(iter(panel.findChildren(QMenu)), None)


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_what_cannot_be_done_with_the_expected_image_is_greyed_with_the_reason(panel):
    panel.set_image(GREY, "x")
    panel.set_fillings(GREY, np.zeros((9, 8, 8), np.uint8), "nine")
    menu = menu_at(panel, "imageFillings", (0, 0))
    assert menu.toolTipsVisible()
    actions = {each.text(): each for each in menu.actions()}
    assert [name for name, each in actions.items() if each.isEnabled()] == ["Save image…"]
    assert all("no latent" in actions[name].toolTip() for name in ("Go to its latent", "Keep on the Board"))
    menu.close()


@pytest.mark.qt_log_ignore("This plugin does not support")
@pytest.mark.parametrize(
    ("name", "at", "kind", "place"),
    [
        ("imageFillings", (1, 2), "fillings", 7),
        ("imageSamples", (0, 2), "samples", 2),
        ("imageSamples", (1, 2), "draws", 2),
    ],
)
def test_an_image_of_a_strip_can_be_saved_by_its_menu(panel, qtbot, name, at, kind, place):
    panel.set_image(GREY, "x")
    tiles = np.zeros((4, 8, 8), np.uint8)
    panel.set_inspection(None, None, tiles, tiles, "", "")
    panel.set_fillings(GREY, np.zeros((9, 8, 8), np.uint8), "nine")
    menu = menu_at(panel, name, at)
    assert all(each.isEnabled() for each in menu.actions())
    with qtbot.waitSignal(panel.saveRequested) as asked:
        next(each for each in menu.actions() if each.text() == "Save image…").trigger()
    assert asked.args == [kind, place]
    menu.close()


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_place_without_a_filling_has_no_menu(panel):
    panel.set_image(GREY, "x")
    panel.set_fillings(GREY, np.zeros((8, 8, 8), np.uint8), "eight")
    assert menu_at(panel, "imageFillings", (1, 4)) is None
