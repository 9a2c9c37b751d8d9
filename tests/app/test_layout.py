"""Nothing that the window says is cut off, and nothing lies outside of what holds it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QLabel,
    QLineEdit,
    QScrollArea,
    QTabBar,
    QToolButton,
    QWidget,
)

from latentlab.config.lessons import lessons
from latentlab.gui.style import theme
from latentlab.gui.widgets.elided_label import ElidedButton
from tests.app.conftest import SECONDS, find

PIXEL = 1  # rounding of layouts


def what_is_cut(window: QWidget) -> list[str]:
    """A line for each visible widget that has less room than its text takes, or that leaves its parent."""
    found = []
    for widget in window.findChildren(QWidget):
        if widget.isVisible() and not widget.isWindow() and not widget.visibleRegion().isEmpty():
            lack = lack_of_room(widget)
            if lack:
                found.append(f"{type(widget).__name__} {widget.objectName() or getattr(widget, 'text', str)()}: {lack}")
    return found


def lack_of_room(widget: QWidget) -> str:
    size, hint = widget.size(), widget.sizeHint()
    if isinstance(widget, ElidedButton):
        return outside(widget)
    if isinstance(widget, QLabel) and widget.text():
        if widget.wordWrap():
            height = widget.heightForWidth(size.width())
            return f"{height} px of text in {size.height()}" if height > size.height() + PIXEL else ""
        if hint.width() > size.width() + PIXEL:
            return f"{hint.width()} px of text in {size.width()}"
    is_text_button = isinstance(widget, QAbstractButton) and widget.text() and not is_icon_only(widget)
    if is_text_button and hint.width() > size.width() + PIXEL:
        return f"{hint.width()} px in {size.width()}"
    if isinstance(widget, QAbstractSpinBox):  # its hint has room for its largest number
        edit = widget.findChild(QLineEdit)
        text = widget.fontMetrics().horizontalAdvance(edit.displayText())
        if edit.width() and text > edit.width() + PIXEL:
            return f"{text} px of text in {edit.width()}"
    is_elided = isinstance(widget, QTabBar) and widget.elideMode() != Qt.TextElideMode.ElideNone
    if is_elided and hint.width() > size.width() + PIXEL:
        return f"{hint.width()} px of tabs in {size.width()}"
    if isinstance(widget, QComboBox) and widget.minimumSizeHint().width() > size.width() + PIXEL:
        return f"{widget.minimumSizeHint().width()} px in {size.width()}"
    return outside(widget)


def is_icon_only(button: QAbstractButton) -> bool:
    return isinstance(button, QToolButton) and not button.icon().isNull() and button.width() < 2 * button.height()


def outside(widget: QWidget) -> str:
    parent = widget.parentWidget()
    area = parent.parentWidget()
    never = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    if isinstance(area, QScrollArea) and area.widget() is widget and area.horizontalScrollBarPolicy() == never:
        return f"{widget.width()} px in {parent.width()}" if widget.width() > parent.width() + PIXEL else ""
    if isinstance(parent, QAbstractScrollArea) or isinstance(parent.parentWidget(), QAbstractScrollArea):
        return ""
    room = parent.rect().adjusted(-PIXEL, -PIXEL, PIXEL, PIXEL)
    return "" if room.contains(widget.geometry()) else f"{rectangle(widget.geometry())} in {rectangle(parent.rect())}"


def rectangle(rect: QRect) -> str:
    return f"{rect.width()} × {rect.height()} at {rect.x()}, {rect.y()}"


@pytest.fixture
def full_window(application, qtbot):
    """The window with images, an image of the user's own that is painted on, a path, and a lesson."""
    window = application.window
    with qtbot.waitSignal(application.session.datasetChanged, timeout=SECONDS):
        window.pathsDropped.emit(["demo:shapes"])
    window.actions_.path.trigger()
    window.actions_.paint_image.trigger()
    qtbot.waitUntil(window.your_image.canvas.isVisible, timeout=SECONDS)
    find(application, "imageModePaint").click()
    application.lessons.open(lessons()[0].name)
    return window


@pytest.fixture(params=[("dark", 1.0), ("light", 1.2)], ids=["dark", "light, large font"])
def look(request):
    """A scheme, and a font that much larger than usual; both are put back."""
    scheme, factor = request.param
    usual = QApplication.font()
    larger = QFont(usual)
    larger.setPointSizeF(usual.pointSizeF() * factor)
    yield scheme, larger
    QApplication.setFont(usual)
    theme.set_scheme("system")


def test_no_panel_cuts_what_it_says(full_window, qtbot, look):
    window = full_window
    scheme, font = look
    QApplication.setFont(font)
    theme.set_scheme(scheme)
    found = set()
    for width, height in ((1024, 700), (1440, 900)):
        window.resize(width, height)
        assert (window.width(), window.height()) == (width, height)  # no panel makes the window larger
        for dock in window.findChildren(QDockWidget):
            dock.show()
            dock.raise_()
            qtbot.waitUntil(lambda dock=dock: not dock.visibleRegion().isEmpty())
            QApplication.processEvents()  # layouts are computed when the event loop is idle
            found.update(f"{width} × {height}: {line}" for line in what_is_cut(window))
    assert not found


def test_what_is_cut_is_found(application, qtbot):
    label = find(application, "decodedDock").findChild(QLabel)
    label.parentWidget().show()
    assert not [line for line in what_is_cut(application.window) if "a label" in line]
    other = QLabel("a label that is far too long for ten pixels", application.window)
    other.setGeometry(0, 0, 10, 10)
    other.show()
    assert [line for line in what_is_cut(application.window) if "a label" in line]
