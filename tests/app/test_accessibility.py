"""Everything in the window can be reached by keys, read aloud and explained."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface, QContextMenuEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QLabel,
    QLineEdit,
    QMenu,
    QScrollBar,
    QTabBar,
    QWidget,
)

from latentlab.gui.style import theme
from latentlab.gui.widgets.controls import is_in_front
from tests.app.conftest import SECONDS, find

Role = QAccessible.Role
CONTROLS = (QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit, QAbstractSlider, QTabBar, QAbstractItemView)
BLACK_BOXES = (Role.Client, Role.NoRole, Role.Window)


def is_of_qt(widget: QWidget) -> bool:
    """Whether Qt makes this part of another control, or of the window's frame."""
    name = widget.objectName()
    parent = widget.parentWidget()
    return (
        name.startswith(("qt_", "Scroll"))
        or isinstance(widget, QScrollBar)
        or (isinstance(parent, QAbstractScrollArea) and parent.viewport() is widget)
        or (isinstance(widget, QTabBar) and not name)  # of docks
        or isinstance(parent, QDockWidget | QComboBox | QAbstractSpinBox)
        or (not name and isinstance(parent, QLineEdit | QAbstractItemView))
        or "QComboBox" in type(parent).__name__
        or (parent is not None and "QComboBoxPrivate" in parent.metaObject().className())
    )


def controls(window: QWidget) -> list[QWidget]:
    found = [each for each in window.findChildren(QWidget) if isinstance(each, CONTROLS) and not is_of_qt(each)]
    own = [
        each
        for each in window.findChildren(QWidget)
        if type(each).__module__.startswith("latentlab") and each.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    return [*found, *(each for each in own if each not in found)]


def walk(interface: QAccessibleInterface | None, depth: int = 0) -> Iterator[QAccessibleInterface]:
    if interface is None or not interface.isValid() or depth > 60:
        return
    yield interface
    for number in range(interface.childCount()):
        yield from walk(interface.child(number), depth + 1)


def called(widget: QWidget) -> str:
    return f"{type(widget).__name__} {widget.objectName()!r} in {type(widget.parentWidget()).__name__}"


def test_whats_this_explains_every_control(application):
    without = [called(each) for each in controls(application.window) if not each.whatsThis()]
    assert not without, "\n".join(without)


def test_every_control_has_a_role_a_name_and_a_value(application):
    """Walked as a screen reader does, from the window down."""
    wrong = []
    for each in walk(QAccessible.queryAccessibleInterface(application.window)):
        widget = each.object()
        if not isinstance(widget, QWidget) or is_of_qt(widget):
            continue
        name = each.text(QAccessible.Text.Name)
        if isinstance(widget, CONTROLS) and not name:
            wrong.append(f"{called(widget)} has no name")
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not isinstance(widget, QLabel):
            if not name:
                wrong.append(f"{called(widget)} can have the focus and has no name")
            if each.role() in BLACK_BOXES:
                wrong.append(f"{called(widget)} has no role")
        if each.role() in (Role.Slider, Role.SpinBox, Role.ProgressBar) and each.valueInterface() is None:
            wrong.append(f"{called(widget)} has no value")
    assert not wrong, "\n".join(wrong)


def test_a_strip_says_which_image_the_keys_would_choose(application, qtbot):
    strip = find(application, "stripView")
    qtbot.waitUntil(lambda: "images" in strip.accessibleDescription(), timeout=SECONDS)
    interface = QAccessible.queryAccessibleInterface(strip)
    assert interface.role() == Role.List
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    qtbot.keyClick(strip, Qt.Key.Key_Down)
    assert interface.text(QAccessible.Text.Description).startswith("image 1 of ")
    assert interface.text(QAccessible.Text.Description).endswith("z₂")


def test_the_map_says_where_the_cross_hair_is(application, qtbot):
    application.latent_map.setFocus()
    qtbot.keyClick(application.latent_map, Qt.Key.Key_Home)
    find(application, "latentSlider0").setValue(1.25)
    interface = QAccessible.queryAccessibleInterface(application.latent_map)
    assert interface.role() == Role.Canvas
    assert interface.text(QAccessible.Text.Description).startswith("At 1.25, 0.00. ")


@pytest.mark.parametrize("panel", ["data", "model", "training", "selection", "filmstrip", "generate", "play", "board"])
def test_tab_reaches_every_control_of_a_panel_in_its_order(application, panel):
    window = application.window
    window.show_panel(panel)
    dock = window.docks[panel]
    assert is_in_front(dock)
    wanted = [
        each
        for each in controls(dock)
        if each.isVisible() and each.isEnabled() and each.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    reached, each = [], window.nextInFocusChain()
    while each is not window:
        if each in wanted:
            reached.append(each)
        each = each.nextInFocusChain()
    assert {called(each) for each in wanted} == {called(each) for each in reached}
    order = [dock.mapFromGlobal(each.mapToGlobal(QPoint(0, 0))) for each in reached]
    backwards = [
        (called(reached[number]), called(reached[number + 1]))
        for number in range(len(order) - 1)
        if order[number + 1].y() < order[number].y() - 60
    ]
    assert len(backwards) <= 2, backwards  # a column beside another begins at its top


def menu_of(widget: QWidget, at: QPoint, name: str) -> QMenu:
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, widget.mapToGlobal(at))
    QApplication.sendEvent(widget, event)
    return next(each for each in QApplication.topLevelWidgets() if each.objectName() == name)


def entry(menu: QMenu, text: str):
    return next(each for each in menu.actions() if each.text().replace("&", "").startswith(text))


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_the_maps_menu_acts_where_it_was_opened(application, qtbot):
    latent_map = application.latent_map
    pixel = latent_map.z_to_pixel((1.0, 0.5)).toPoint()
    view = latent_map.view()
    qtbot.mouseClick(latent_map.viewport(), Qt.MouseButton.RightButton, pos=pixel)
    menu = latent_map.findChild(QMenu, "mapMenu")
    entry(menu, "Go to").trigger()
    assert application.session.latent == pytest.approx([1.0, 0.5], abs=0.05)
    assert latent_map.view() == view, "a click pans nothing"
    entry(menu, "Set a waypoint").trigger()
    assert len(application.session.path) == 1
    menu.close()
    latent_map.setFocus()
    qtbot.keyClick(latent_map, Qt.Key.Key_Menu)
    again = next(each for each in latent_map.findChildren(QMenu, "mapMenu") if each is not menu)
    assert entry(again, "Keep latent").isEnabled()
    again.close()


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_sliders_menu_resets_and_locks(application):
    slider = find(application, "latentSlider1")
    slider.setValue(1.0)
    menu = menu_of(slider, QPoint(3, 3), "sliderMenu")
    entry(menu, "Keep when").trigger()
    assert application.session.locked == {1}
    entry(menu, "Reset").trigger()
    assert application.session.latent[1] == 0
    menu.close()


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_strips_menu_goes_to_a_latent_and_copies(application, qtbot):
    strip = find(application, "stripView")
    qtbot.waitUntil(lambda: "images" in strip.accessibleDescription(), timeout=SECONDS)
    at = strip.tile_rect(0, 2).center()
    QApplication.sendEvent(
        strip.viewport(), QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, strip.viewport().mapToGlobal(at))
    )
    menu = application.window.filmstrip.findChild(QMenu, "stripMenu")
    entry(menu, "Copy image").trigger()
    assert QApplication.clipboard().image().width() == 28
    before = application.session.latent.copy()
    entry(menu, "Go to its latent").trigger()
    assert application.session.latent[0] != before[0]
    menu.close()


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_layers_menu_hides_the_others(application):
    latent_map = application.latent_map
    latent_map.show_layer_panel()
    panel = latent_map.findChild(QWidget, "layerPanel")
    switch = panel.findChild(QWidget, "layerVisible_points")
    menu = menu_of(panel, switch.geometry().center(), "layerMenu")
    entry(menu, "Hide all others").trigger()
    assert [layer.name for layer in latent_map.layers() if layer.visible] == ["points"]
    entry(menu, "Opacity 50").trigger()
    assert next(layer for layer in latent_map.layers() if layer.name == "points").opacity == pytest.approx(0.5)
    menu.close()


@pytest.mark.parametrize(
    "panel",
    [
        *("data", "model", "training", "selection", "image", "lessons", "curves", "runs", "sliders"),
        *("filmstrip", "generate", "play", "log"),
    ],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_has_the_focus_looks_different(application, panel, scheme):
    window = application.window
    theme.set_scheme(scheme)
    window.activateWindow()
    window.show_panel(panel)
    dock = window.docks[panel]
    same = []
    for each in controls(dock):
        if not (each.isVisible() and each.isEnabled() and each.focusPolicy() & Qt.FocusPolicy.TabFocus):
            continue
        window.latent_map.setFocus()
        before = each.grab().toImage()
        each.setFocus(Qt.FocusReason.TabFocusReason)
        if each.grab().toImage() == before:
            same.append(called(each))
    theme.set_scheme("system")
    assert not same, "\n".join(same)


def test_the_map_shows_that_it_has_the_focus(application, qtbot):
    window = application.window
    window.activateWindow()
    find(application, "latentSlider0").setFocus()
    before = window.latent_map.grab().toImage()
    window.latent_map.setFocus()
    qtbot.waitUntil(lambda: window.latent_map.grab().toImage() != before)
