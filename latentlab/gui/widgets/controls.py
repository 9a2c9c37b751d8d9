"""Functions that make the controls and layouts of panels."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE

MIN_PANEL_WIDTH = 268  # px: below this controls would be cut off


def named(widget: QWidget, name: str, accessible: str, tip: str) -> None:
    """Set a control's object name, its name for screen readers, and its tooltip."""
    widget.setObjectName(name)
    widget.setAccessibleName(accessible)
    widget.setToolTip(tip)


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
    made = QPushButton(text)
    named(made, name, text, tip)
    made.setAutoDefault(False)
    made.setProperty("primary", primary)
    made.setProperty("link", link)
    if link:
        made.setCursor(Qt.CursorShape.PointingHandCursor)
    if icon:
        set_icon(made, icon, "on_accent" if primary else "text")
    if clicked is not None:
        made.clicked.connect(lambda _checked=False: clicked())
    return made


def tool_button(
    name: str, accessible: str, tip: str, icon: str = "", text: str = "", *, checkable: bool = False
) -> QToolButton:
    """A flat button with an icon or a text."""
    made = QToolButton()
    named(made, name, accessible, tip)
    made.setCheckable(checkable)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setText(text)
    if icon:
        set_icon(made, icon, "dim")
    return made


def combo_box() -> QComboBox:
    """A combo box that may be narrower than its longest item, so that items never widen a panel."""
    made = QComboBox()
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(8)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return made


def label(text: str = "", role: str = "", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """A label in one of the style sheet's roles (title, heading, section, dim, warning, error)."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    made.setWordWrap(wrap)
    if selectable:
        made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


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
    made = QHBoxLayout()
    made.setContentsMargins(0, 0, 0, 0)
    made.setSpacing(space)
    for widget in widgets:
        if widget is None:
            made.addStretch(1)
        else:
            made.addWidget(widget)
    return made


def column(parent: QWidget, margin: int = SPACE + SPACE // 2, space: int = SPACE) -> QVBoxLayout:
    """The vertical layout of a panel's body."""
    made = QVBoxLayout(parent)
    made.setContentsMargins(margin, margin, margin, margin)
    made.setSpacing(space)
    return made


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
