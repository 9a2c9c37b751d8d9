"""Widgets around others: an empty state, a section that folds, room for a changing line of text."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import column, label, row, tool_button


class EmptyState(QWidget):
    """Shown in an empty panel: a line of text, and buttons that would fill the panel."""

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

    def set_text(self, text: str) -> None:
        """Replace the line of text."""
        self._text = text
        self._line.setText(text)

    def set_waiting(self, text: str) -> None:
        """Show a waiting message without the buttons; an empty text restores the empty state."""
        self._line.setText(text or self._text)
        for each in self._buttons:
            each.setVisible(not text)


class Fold(QWidget):
    """A heading that folds and unfolds the widget below it.

    Signals
    -------
    toggled(unfolded)
        The heading was clicked; emitted before the widget is shown.
    """

    toggled = Signal(bool)

    def __init__(self, name: str, title: str, tip: str, body: QWidget, *, unfolded: bool = False) -> None:
        super().__init__()
        self._body = body
        self._head = tool_button(name, title, tip, text=title, checkable=True)
        self._head.setProperty("fold", True)
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.toggled.connect(self._on_head_toggled)
        layout = column(self, 0, SPACE // 2)
        layout.addLayout(row(self._head, None))
        layout.addWidget(body)
        self._head.setChecked(unfolded)
        self._on_head_toggled(unfolded)

    def set_title(self, title: str) -> None:
        """Change the heading."""
        self._head.setText(title)
        self._head.setAccessibleName(title)

    def is_unfolded(self) -> bool:
        """Whether the widget below is shown."""
        return self._head.isChecked()

    def _on_head_toggled(self, unfolded: bool) -> None:
        set_icon(self._head, "down" if unfolded else "right", "dim")
        self.toggled.emit(unfolded)  # before the body is shown: its content may be made only now
        self._body.setVisible(unfolded)


class SteadyLabel(QWidget):
    """A frame of stable size for a label whose text changes many times a second.

    A label asks its layout for a new layout with every text, and a dock's layout is the whole window's. Here the label
    keeps the height it needed once.

    Parameters
    ----------
    line
        The label, which becomes a child.
    """

    def __init__(self, line: QLabel) -> None:
        super().__init__()
        self._line = line
        line.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(line.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Grow if the text needs more lines."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit(self.height())
        return bool(super().event(event))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the label to the new width."""
        if event.size().width() != event.oldSize().width():
            self._fit(0)
        self._line.setGeometry(self.rect())

    def _fit(self, min_height: int) -> None:
        wraps = self._line.hasHeightForWidth()
        height = self._line.heightForWidth(self.width()) if wraps else self._line.sizeHint().height()
        self.setFixedHeight(max(min_height, height))
