"""Small pieces every panel is made of: labelled controls, empty states, folds."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
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

NARROWEST = 268  # px: of a panel whose controls must not be cut off


def named(widget: QWidget, name: str, accessible: str, tip: str) -> None:
    """Give a control its object name, the name a screen reader says, and its tooltip."""
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
    """A push button with its names; ``primary`` is the one that stands out, ``link`` looks like a line of text."""
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
    """A flat button with an icon or a word."""
    made = QToolButton()
    named(made, name, accessible, tip)
    made.setCheckable(checkable)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setText(text)
    if icon:
        set_icon(made, icon, "dim")
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
    """A hairline between two groups."""
    line = QFrame()
    line.setProperty("role", "rule")
    return line


class StayingMenu(QMenu):
    """A menu of things to check that stays open until one clicks elsewhere: several are chosen in one go."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Check what is under the pointer, or uncheck it, and stay."""
        action = self.actionAt(event.position().toPoint())
        if action is not None and action.isEnabled() and action.isCheckable():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)


class Still(QWidget):
    """A place for a line of text that changes many times a second.

    A label tells its layout of every new text, and the layout of a dock is the window's: each would be laid out anew.
    Here the text has the room that it needed once.

    Parameters
    ----------
    line
        The label, taken over.
    """

    def __init__(self, line: QLabel) -> None:
        super().__init__()
        self._line = line
        line.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(line.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Give the text more room, should it need it."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit(self.height())
        return bool(super().event(event))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the text all there is, and its height by its width."""
        if event.size().width() != event.oldSize().width():
            self._fit(0)
        self._line.setGeometry(self.rect())

    def _fit(self, least: int) -> None:
        wraps = self._line.hasHeightForWidth()
        needed = self._line.heightForWidth(self.width()) if wraps else self._line.sizeHint().height()
        self.setFixedHeight(max(least, needed))


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
    """A body that scrolls up and down when it does not fit, and is never wider than its frame."""
    body.setObjectName("panelBody")
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(body)
    area.setMinimumWidth(NARROWEST)
    return area


class EmptyState(QWidget):
    """What a panel says while there is nothing to show: one line, and the buttons that would fill it."""

    def __init__(self, text: str, *buttons: QPushButton) -> None:
        super().__init__()
        self._text, self._buttons = text, buttons
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE * 2, SPACE, SPACE * 2, SPACE)
        layout.setSpacing(SPACE)
        layout.addStretch(1)
        self._line = label(text, "dim", wrap=True)
        self._line.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(self._line)
        if buttons:
            layout.addLayout(row(None, *buttons, None))
        layout.addStretch(1)

    def set_waiting(self, text: str) -> None:
        """Say what is on its way, and offer nothing meanwhile; an empty text takes that back."""
        self._line.setText(text or self._text)
        for each in self._buttons:
            each.setVisible(not text)


class Fold(QWidget):
    """A line that folds away what is under it.

    Signals
    -------
    toggled(unfolded)
        It was folded or unfolded.
    """

    toggled = Signal(bool)

    def __init__(self, name: str, title: str, tip: str, body: QWidget, *, unfolded: bool = False) -> None:
        super().__init__()
        self._body = body
        self._head = tool_button(name, title, tip, text=title, checkable=True)
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.toggled.connect(self._on_head_toggled)
        layout = column(self, 0, SPACE // 2)
        layout.addLayout(row(self._head, None))
        layout.addWidget(body)
        self._head.setChecked(unfolded)
        self._on_head_toggled(unfolded)

    def set_title(self, title: str) -> None:
        """Change the line's words."""
        self._head.setText(title)
        self._head.setAccessibleName(title)

    def is_unfolded(self) -> bool:
        """Whether the body is shown."""
        return self._head.isChecked()

    def _on_head_toggled(self, unfolded: bool) -> None:
        set_icon(self._head, "down" if unfolded else "right", "dim")
        self.toggled.emit(unfolded)  # before it is seen: what it holds may be made only now
        self._body.setVisible(unfolded)
