"""The notes and buttons over the map."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from latentlab.gui.latent_map.legend import paint_ground
from latentlab.gui.style.icons import pixmap
from latentlab.gui.style.theme import DARK, Theme
from latentlab.gui.widgets.controls import button
from latentlab.gui.widgets.plain_text import PlainLabel, set_tool_tip
from latentlab.utils.plain_text import as_line

INSET = 8
_NOTE_MARGINS = (8, 3, 8, 3)  # px: left, top, right, bottom


class Note(PlainLabel):
    """A short line of text; hidden while it is empty, and the mouse goes through it."""

    def __init__(self, name: str, accessible: str, parent: QWidget) -> None:
        super().__init__(parent=parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setContentsMargins(*_NOTE_MARGINS)
        self._theme: Theme = DARK
        self.hide()

    def show_text(self, text: str) -> None:
        """Show this text; an empty one hides the note."""
        text = as_line(text)
        if text != self.text():
            self.setContentsMargins(*_NOTE_MARGINS)  # another theme's style sheet has reset them
            self.setText(text)
            self.adjustSize()
        self.setVisible(bool(text))

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self._theme = theme
        self.setStyleSheet(f"color: {theme.text}; background: transparent;")

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the background, then the text."""
        paint_ground(self, self._theme)
        super().paintEvent(event)


class Banner(Note):
    """A note that must be seen: the map does not show what one would expect."""

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self._theme = theme
        self.setStyleSheet(f"color: {theme.on_accent}; background: transparent; font-weight: 600;")

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the background, then the text."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("accent"))
            painter.drawRoundedRect(self.rect(), 6, 6)
        PlainLabel.paintEvent(self, event)


class Message(QFrame):
    """What the map says while there is nothing on it: one line, and the button that would fill it.

    Signals
    -------
    clicked()
        The button was clicked.
    """

    clicked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("mapMessage")
        self._theme: Theme = DARK
        self._line = PlainLabel()
        self._line.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._button = button("mapMessageButton", "Open", "Fill the map", self.clicked.emit, primary=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 22, 28, 22)
        column.setSpacing(14)
        column.addWidget(self._line)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignHCenter)
        self.hide()

    def show_text(self, text: str, action: str) -> None:
        """Show this line and a button that reads ``action`` (none if empty); no text hides it all."""
        self._line.setText(text)
        self.setAccessibleName(as_line(text))
        self._button.setText(action)
        self._button.setAccessibleName(action or "Open")
        self._button.setVisible(bool(action))
        self.setVisible(bool(text))
        self.adjustSize()

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self._theme = theme
        self._line.setStyleSheet(f"color: {theme.text}; background: transparent;")

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the panel's background."""
        paint_ground(self, self._theme)


class CornerTools(QFrame):
    """Two small buttons in the map's upper right corner: show everything, and the layers.

    Signals
    -------
    fitClicked()
        Show all points.
    layersToggled(bool)
        Open or close the panel of layers.
    """

    fitClicked = Signal()
    layersToggled = Signal(bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("mapTools")
        self._theme: Theme = DARK
        self._fit = self._make_button("mapFit", "Fit", "Show all points (Home)")
        self._layers = self._make_button("mapLayers", "Layers", "What the map shows, and how strongly")
        self._layers.setCheckable(True)
        self._fit.clicked.connect(self.fitClicked)
        self._layers.toggled.connect(self.layersToggled)
        row = QHBoxLayout(self)
        row.setContentsMargins(3, 3, 3, 3)
        row.setSpacing(2)
        row.addWidget(self._fit)
        row.addWidget(self._layers)
        self.adjustSize()

    def set_layers_shown(self, shown: bool) -> None:
        """Open or close the panel of layers, as the button does."""
        self._layers.setChecked(shown)

    def _make_button(self, name: str, accessible: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        button.setAccessibleName(accessible)
        set_tool_tip(button, tip)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setIconSize(QSize(16, 16))
        return button

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self._theme = theme
        self._fit.setIcon(pixmap("fit", theme.text, 32))
        self._layers.setIcon(pixmap("layers", theme.text, 32))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the panel's background."""
        paint_ground(self, self._theme)


def at_corner(widget: QWidget, inside: QRect, corner: Qt.Corner, offset: int = 0) -> None:
    """Put a widget into a corner of a rectangle, ``offset`` pixels farther along the vertical edge."""
    right = corner in (Qt.Corner.TopRightCorner, Qt.Corner.BottomRightCorner)
    low = corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner)
    x = inside.right() - widget.width() - INSET if right else inside.left() + INSET
    y = inside.bottom() - widget.height() - INSET - offset if low else inside.top() + INSET + offset
    widget.move(QPoint(x, y))
