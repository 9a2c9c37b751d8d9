"""Strips are painted pixel for pixel; a click emits the latent of its tile."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabBar, QToolButton

from latentlab.gui.panels.filmstrip import KINDS, Filmstrip
from latentlab.gui.widgets.image_strip import ImageStrip


@pytest.fixture
def filmstrip(shown) -> Filmstrip:
    return shown(Filmstrip(), 640, 200)


@pytest.fixture
def filled(filmstrip) -> Filmstrip:
    images = np.zeros((2, 5, 8, 8), np.uint8)
    images[1, 3] = 200
    latents = np.arange(2 * 5 * 2, dtype=np.float32).reshape(2, 5, 2)
    filmstrip.set_strip("traverse", images, ["z₁", "z₂"], latents)
    return filmstrip


def view(filmstrip: Filmstrip) -> ImageStrip:
    return filmstrip.findChild(ImageStrip, "stripView")


def test_a_click_picks_the_tiles_latent(qtbot, filled):
    position = view(filled).tile_rect(1, 3).center()
    with qtbot.waitSignal(filled.latentPicked) as picked:
        qtbot.mouseClick(view(filled).viewport(), Qt.MouseButton.LeftButton, pos=position)
    assert picked.args[0].tolist() == [16.0, 17.0]


def test_tiles_are_painted_where_they_are_said_to_be(filled):
    painted = view(filled).viewport().grab().toImage()
    assert painted.pixelColor(view(filled).tile_rect(1, 3).center()).red() == 200
    assert painted.pixelColor(view(filled).tile_rect(0, 3).center()).red() == 0


def test_keys_walk_and_choose(qtbot, filled):
    view(filled).setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        qtbot.keyClick(view(filled), key)
    with qtbot.waitSignal(filled.latentPicked) as picked:
        qtbot.keyClick(view(filled), Qt.Key.Key_Return)
    assert picked.args[0].tolist() == [12.0, 13.0]


def test_a_tab_asks_for_its_strip_once(qtbot, filled):
    tabs = filled.findChild(QTabBar, "stripKinds")
    with qtbot.waitSignal(filled.kindChosen) as chosen:
        qtbot.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(list(KINDS).index("sample")).center())
    assert chosen.args == ["sample"]
    assert filled.kind() == "sample"
    with qtbot.assertNotEmitted(filled.kindChosen):
        filled.set_kind("traverse")
    assert view(filled).isVisible()


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_strip_offers_what_fills_it(filmstrip, kind):
    filmstrip.set_kind(kind)
    assert not view(filmstrip).isVisible()
    assert filmstrip.findChild(object, f"fill_{kind}").isVisible()


def test_without_latents_nothing_is_picked(qtbot, filmstrip):
    filmstrip.set_strip("traverse", np.zeros((1, 3, 8, 8), np.uint8))
    with qtbot.assertNotEmitted(filmstrip.latentPicked):
        pos = view(filmstrip).tile_rect(0, 1).center()
        qtbot.mouseClick(view(filmstrip).viewport(), Qt.MouseButton.LeftButton, pos=pos)


def test_the_wheel_scrolls_to_what_does_not_fit(qtbot, filmstrip):
    images = np.zeros((1, 60, 8, 8), np.uint8)
    images[0, -1] = 255
    filmstrip.set_strip("visited", images, (), np.zeros((1, 60, 2), np.float32))
    filmstrip.set_kind("visited")
    last = view(filmstrip).tile_rect(0, 59)
    assert view(filmstrip).viewport().rect().contains(last)  # the newest is in sight


@pytest.mark.parametrize("kind", ["sample", "reconstruct"])
def test_the_first_epoch_is_named_even_where_its_tile_is_narrow(filmstrip, kind):
    images = np.zeros((2, 24, 8, 8), np.uint8)
    filmstrip.set_kind(kind)
    filmstrip.set_has_epochs(True)
    filmstrip.findChild(QToolButton, "stripByEpoch").setChecked(True)
    filmstrip.set_epochs(kind, range(1, 25), images, images[:, 0] if kind == "reconstruct" else None)
    painted = view(filmstrip).viewport().grab().toImage()
    first = view(filmstrip).tile_rect(0, 1 if kind == "reconstruct" else 0)
    head = [painted.pixel(x, y) for x in range(first.left(), first.right()) for y in range(first.top())]
    assert len(set(head)) > 2, "there are letters over it"
