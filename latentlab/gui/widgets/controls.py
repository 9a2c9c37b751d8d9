"""Functions that make the controls and layouts of panels."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.plain_text import PlainLabel, set_tool_tip
from latentlab.utils.plain_text import as_line

MIN_PANEL_WIDTH = 268  # px: below this controls would be cut off


def named(widget: QWidget, name: str, accessible: str, tip: str) -> None:
    """Set a control's object name, its name for screen readers, and its tooltip."""
    widget.setObjectName(name)
    widget.setAccessibleName(as_line(accessible))
    set_tool_tip(widget, tip, lines=True)


def button(
    name: str,
    text: str,
    tip: str,
    clicked: Callable[[], object] | None = None,
    *,
    icon: str = "",
    primary: bool = False,
    link: bool = False,
) -> QPushButton:
    """A push button; ``primary`` is filled with the accent colour, ``link`` looks like a link."""
    widget = QPushButton(text)
    named(widget, name, text, tip)
    widget.setAutoDefault(False)
    widget.setProperty("primary", primary)
    widget.setProperty("link", link)
    if link:
        widget.setCursor(Qt.CursorShape.PointingHandCursor)
    if icon:
        set_icon(widget, icon, "on_accent" if primary else "text")
    if clicked is not None:
        widget.clicked.connect(lambda _checked=False: clicked())
    return widget


def tool_button(
    name: str, accessible: str, tip: str, icon: str = "", text: str = "", *, checkable: bool = False
) -> QToolButton:
    """A flat button with an icon or a text."""
    widget = QToolButton()
    named(widget, name, accessible, tip)
    widget.setCheckable(checkable)
    widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    widget.setText(text)
    if icon:
        set_icon(widget, icon, "dim")
    return widget


def combo_box() -> QComboBox:
    """A combo box that may be narrower than its longest item, so that items never widen a panel."""
    picker = QComboBox()
    picker.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    picker.setMinimumContentsLength(8)
    picker.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return picker


def label(
    text: str = "", role: str = "", *, wrap: bool = False, selectable: bool = False, lines: bool = False
) -> PlainLabel:
    """A label in one of the style sheet's roles (title, heading, section, dim, warning, error).

    One with ``lines`` keeps the line breaks of its text: names in it must be visible lines.
    """
    widget = PlainLabel(text, lines=lines)
    if role:
        widget.setProperty("role", role)
    widget.setWordWrap(wrap)
    if selectable:
        widget.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return widget


def show_fraction(bar: QProgressBar, fraction: float | None) -> None:
    """Show a fraction (0 to 1) or, for ``None``, that it is not known, with the next frame.

    By itself a progress bar paints at once, and its window with it: in the paint event of another widget that is one
    painting inside another, for which Qt has no picture to paint in.
    """
    bar.setUpdatesEnabled(False)
    bar.setRange(0, 0 if fraction is None else 1000)
    if fraction is not None:
        bar.setValue(round(fraction * 1000))
    bar.setUpdatesEnabled(True)


def rule() -> QFrame:
    """A thin line between two groups."""
    line = QFrame()
    line.setProperty("role", "rule")
    return line


class StayOpenMenu(QMenu):
    """A menu that stays open while its items are checked, until a click elsewhere."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Toggle the item under the pointer without closing."""
        action = self.actionAt(event.position().toPoint())
        if action is not None and action.isEnabled() and action.isCheckable():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)


def row(*widgets: QWidget | None, space: int = SPACE) -> QHBoxLayout:
    """Widgets side by side; ``None`` is a stretch."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(space)
    for widget in widgets:
        if widget is None:
            layout.addStretch(1)
        else:
            layout.addWidget(widget)
    return layout


def column(parent: QWidget, margin: int = SPACE + SPACE // 2, space: int = SPACE) -> QVBoxLayout:
    """The vertical layout of a panel's body."""
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(margin, margin, margin, margin)
    layout.setSpacing(space)
    return layout


def first_control(widget: QWidget) -> QWidget:
    """The first control inside a widget that Tab would reach, or the widget itself."""
    inside = widget.nextInFocusChain()
    while inside is not None and inside is not widget:
        takes_tab = bool(inside.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if takes_tab and widget.isAncestorOf(inside) and inside.isVisible() and inside.isEnabled():
            return inside
        inside = inside.nextInFocusChain()
    return widget


def is_in_front(widget: QWidget) -> bool:
    """Whether a part of a window can be seen: a panel behind another tab is visible for Qt."""
    window = widget.window()
    inside = window.childAt(widget.mapTo(window, widget.rect().center()))
    return widget.isVisible() and inside is not None and (inside is widget or widget.isAncestorOf(inside))


def scrolled(body: QWidget) -> QScrollArea:
    """A scroll area for a panel's body: it scrolls vertically, and the body is never wider than the area."""
    body.setObjectName("panelBody")
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(body)
    area.setMinimumWidth(MIN_PANEL_WIDTH)
    return area
