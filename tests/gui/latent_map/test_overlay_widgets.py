"""The panels over the map: legend, layers, notes and the message of an empty map."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QCheckBox, QLabel, QMenu, QSlider, QToolButton, QWidget

from latentlab.gui.latent_map.legend import Legend
from tests.gui.latent_map.conftest import child

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def three_classes(latent_map):
    latent_map.set_points([(-1, 1), (1, -1), (0, 0), (2, 2)], [0, 1, 2, -1], ("cat", "dog", "owl"))
    return latent_map


def test_the_legend_lists_and_toggles_classes(three_classes, qtbot):
    legend = child(three_classes, Legend, "legend")
    assert legend.isVisible()
    dog = child(three_classes, QAbstractButton, "legendClass1")
    assert dog.text() == "dog"
    with qtbot.waitSignal(legend.shownChanged) as sent:
        QTest.mouseClick(dog, LEFT)
    assert sent.args == [frozenset({-1, 0, 2})]
    with qtbot.waitSignal(legend.shownChanged) as sent:
        QTest.keyClick(dog, Qt.Key.Key_Space)
    assert sent.args == [frozenset({-1, 0, 1, 2})]


def test_a_double_click_shows_a_class_alone_and_another_shows_all(three_classes, qtbot):
    legend, owl = child(three_classes, Legend, "legend"), child(three_classes, QAbstractButton, "legendClass2")
    with qtbot.waitSignal(legend.shownChanged) as sent:
        QTest.mouseDClick(owl, LEFT)
    assert sent.args == [frozenset({2})]
    with qtbot.waitSignal(legend.shownChanged) as sent:
        QTest.mouseDClick(owl, LEFT)
    assert sent.args == [frozenset({-1, 0, 1, 2})]


def test_a_double_click_of_a_mouse_begins_with_a_click_and_shows_alone_and_all_as_well(three_classes):
    legend, owl = child(three_classes, Legend, "legend"), child(three_classes, QAbstractButton, "legendClass2")
    for shown in ({2}, {-1, 0, 1, 2}, {2}, {-1, 0, 1, 2}):
        QTest.mouseClick(owl, LEFT)
        QTest.mouseDClick(owl, LEFT)
        assert legend.shown() == shown


def test_the_legends_menu_shows_all_classes_again(three_classes, qtbot, monkeypatch):
    monkeypatch.setattr(QMenu, "popup", lambda *_: None)
    legend, owl = child(three_classes, Legend, "legend"), child(three_classes, QAbstractButton, "legendClass2")

    def entry():
        QApplication.sendEvent(owl, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint()))
        return legend.findChildren(QMenu)[-1].actions()[0]

    assert not entry().isEnabled(), "all are shown"
    QTest.mouseDClick(owl, LEFT)
    show_all = entry()
    assert (show_all.text(), show_all.isEnabled()) == ("Show all", True)
    with qtbot.waitSignal(legend.shownChanged) as sent:
        show_all.trigger()
    assert sent.args == [frozenset({-1, 0, 1, 2})]


def test_a_hidden_class_stays_hidden_when_its_points_move(three_classes, colour_at):
    QTest.mouseClick(child(three_classes, QAbstractButton, "legendClass1"), LEFT)
    three_classes.set_points([(-1, 1), (1, 1), (0, 0), (2, 2)], [0, 1, 2, -1], ("cat", "dog", "owl"))
    assert not child(three_classes, QAbstractButton, "legendClass1").isChecked()
    assert colour_at(three_classes, (1, 1)) == colour_at(three_classes, (-1, -1))


def test_one_class_needs_no_legend_and_a_hundred_fit_by_scrolling(latent_map):
    legend = child(latent_map, QWidget, "legend")
    latent_map.set_points([(0, 0)], [0], ("only",))
    assert not legend.isVisible()
    names = tuple(f"class {k}" for k in range(100))
    latent_map.set_points(np.zeros((100, 2)), np.arange(100), names)
    assert legend.isVisible()
    assert latent_map.viewport().rect().contains(legend.geometry())


def test_the_layer_panel_switches_and_fades(latent_map, qtbot):
    panel = child(latent_map, QWidget, "layerPanel")
    QTest.mouseClick(child(latent_map, QToolButton, "mapLayers"), LEFT)
    assert panel.isVisible()
    with qtbot.waitSignal(latent_map.layerChanged) as sent:
        child(panel, QCheckBox, "layerVisible_points").click()
    assert (sent.args[0].name, sent.args[0].visible) == ("points", False)
    with qtbot.waitSignal(latent_map.layerChanged) as sent:
        child(panel, QSlider, "layerOpacity_manifold").setValue(40)
    assert (sent.args[0].name, sent.args[0].opacity) == ("manifold", pytest.approx(0.4))
    now = {layer.name: layer for layer in latent_map.layers()}
    assert not now["points"].visible
    assert now["manifold"].opacity == pytest.approx(0.4)
    latent_map.set_layer_visible("points", True)
    assert child(panel, QCheckBox, "layerVisible_points").isChecked()


def test_the_layers_are_those_the_product_names(latent_map):
    names = [layer.name for layer in latent_map.layers()]
    fields = ["magnification", "uncertainty", "round_trip", "assignment", "classes"]
    over = ["trust", "points", "pictures", "neighbours", "posterior", "path", "cursor"]
    assert names == ["manifold", "density", *fields, *over]
    with pytest.raises(KeyError):
        latent_map.set_layer_visible("ghosts", True)


def test_a_note_says_that_the_latent_is_far_from_data(latent_map):
    note = child(latent_map, QLabel, "mapFarFromData")
    assert not note.isVisible()
    latent_map.set_far_from_data(True)
    assert note.isVisible()
    assert note.text() == "far from data"
    latent_map.set_far_from_data(False)
    assert not note.isVisible()


def test_the_epoch_of_the_map_is_shown_and_hidden(latent_map):
    note = child(latent_map, QLabel, "mapFreshness")
    latent_map.set_staleness_text("epoch 3 · 0.4 s ago")
    assert note.isVisible()
    assert note.text() == "epoch 3 · 0.4 s ago"
    latent_map.set_staleness_text("")
    assert not note.isVisible()


@pytest.mark.parametrize("width", [360, 700])
def test_the_notes_along_the_lower_edge_do_not_cover_each_other(latent_map, qtbot, width):
    latent_map.resize(width, 400)
    qtbot.waitUntil(lambda: latent_map.viewport().width() == width)
    latent_map.set_distances(np.zeros((2, 2), np.float32), scale=(0.42, 1.26))
    latent_map.set_far_from_data(True)
    latent_map.set_staleness_text("epoch 12.7")
    latent_map.set_staleness_text("manifold at epoch 14.5", "manifold")
    notes = [child(latent_map, QWidget, name) for name in ("distanceScale", "mapFarFromData", "mapFreshness")]
    for number, note in enumerate(notes):
        assert note.isVisible()
        assert not any(note.geometry().intersects(other.geometry()) for other in notes[number + 1 :])


def test_an_empty_map_offers_what_fills_it(latent_map):
    opened = []
    latent_map.set_message("Open a model to see its latent space.", "Open a model", lambda: opened.append(True))
    button = child(latent_map, QAbstractButton, "mapMessageButton")
    assert button.isVisible()
    QTest.mouseClick(button, LEFT)
    assert opened == [True]
    latent_map.set_message(None)
    assert not button.isVisible()


def test_axes_are_named(latent_map):
    assert latent_map.axis_names() == ("z₁", "z₂")
    latent_map.set_axes_names("z₃", "PC 1")
    assert latent_map.axis_names() == ("z₃", "PC 1")


def test_every_control_has_a_name_and_can_be_reached(three_classes):
    assert three_classes.accessibleName() == "Latent map"
    for kind in (QAbstractButton, QSlider):
        for control in three_classes.findChildren(kind):
            assert control.accessibleName(), control.objectName()
            assert control.objectName(), control


def test_steps_of_a_value_have_a_title_and_share_one_marker(latent_map, pixels_of):
    title = child(latent_map, QLabel, "legendTitle")
    names = ("low", "middle", "high")
    latent_map.set_points([(-1, 1), (1, -1), (0, 0)], [0, 1, 2], names, ordered=True, title="stroke width")
    assert title.isVisible()
    assert title.text() == "stroke width"
    latent_map.set_points([(-1, 1), (1, -1), (0, 0)], [0, 1, 2], names)
    assert not title.isVisible()


def test_the_legend_is_hidden_with_the_points(three_classes):
    legend = child(three_classes, Legend, "legend")
    three_classes.set_layer_visible("points", False)
    assert not legend.isVisible()
    three_classes.set_layer_visible("points", True)
    assert legend.isVisible()
