"""Nothing that the window says is cut off, and nothing lies outside of what holds it."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QLabel,
    QLineEdit,
    QToolButton,
    QWidget,
)

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
    if isinstance(widget, QComboBox) and widget.minimumSizeHint().width() > size.width() + PIXEL:
        return f"{widget.minimumSizeHint().width()} px in {size.width()}"
    return outside(widget)


def is_icon_only(button: QAbstractButton) -> bool:
    return isinstance(button, QToolButton) and not button.icon().isNull() and button.width() < 2 * button.height()


def outside(widget: QWidget) -> str:
    parent = widget.parentWidget()
    if isinstance(parent, QAbstractScrollArea) or isinstance(parent.parentWidget(), QAbstractScrollArea):
        return ""
    room = parent.rect().adjusted(-PIXEL, -PIXEL, PIXEL, PIXEL)
    return "" if room.contains(widget.geometry()) else f"{rectangle(widget.geometry())} in {rectangle(parent.rect())}"


def rectangle(rect: QRect) -> str:
    return f"{rect.width()} × {rect.height()} at {rect.x()}, {rect.y()}"


def test_no_panel_cuts_what_it_says(application, qtbot):
    window = application.window
    with qtbot.waitSignal(application.session.datasetChanged, timeout=SECONDS):
        window.pathsDropped.emit(["demo:shapes"])
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
