"""A dock with its own title bar, which is hidden while the dock is one of several tabs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QWidget

from latentlab.gui.action_text import describe
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import label, tool_button


class Dock(QDockWidget):
    """A movable, closable panel; while tabbed with others, the tab serves as title and handle."""

    def __init__(self, name: str, title: str, window: QMainWindow) -> None:
        super().__init__(title, window)
        self.setObjectName(f"{name}Dock")
        self.setAccessibleName(title)
        self.set_panel(QWidget())  # replaced when the panel is made
        self.toggleViewAction().setObjectName(f"view{name.capitalize()}")
        describe(self.toggleViewAction(), f"Show or hide the panel {title}")
        self._title = self._make_title(name, title)
        self._no_title = QWidget(self)
        self._no_title.hide()
        self.setTitleBarWidget(self._title)
        self.topLevelChanged.connect(self.match_tabs)
        self.toggleViewAction().triggered.connect(self._on_toggled)

    def set_panel(self, panel: QWidget) -> None:
        """Show this panel instead of the one before, whose focus it gets."""
        old_panel = self.widget()
        had_focus = old_panel is not None and old_panel.hasFocus()
        panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWidget(panel)
        if had_focus:
            panel.setFocus()
        if old_panel is not None:
            old_panel.deleteLater()

    def match_tabs(self) -> None:
        """Show the title bar if the dock stands alone, hide it if it is one of several tabs."""
        window = self.parentWidget()
        assert isinstance(window, QMainWindow)
        tabbed = not self.isFloating() and bool(window.tabifiedDockWidgets(self))
        wanted, other = (self._no_title, self._title) if tabbed else (self._title, self._no_title)
        if self.titleBarWidget() is not wanted:
            self.setTitleBarWidget(wanted)
            wanted.show()
            other.hide()

    def _on_toggled(self, shown: bool) -> None:
        if shown:  # not behind the tab that was in front
            self.raise_()

    def _make_title(self, name: str, title: str) -> QWidget:
        bar = QWidget(self)
        bar.setObjectName("dockTitle")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        floating = tool_button(f"{name}Float", f"float {title}", "Detach from the window, or dock again", "float")
        closing = tool_button(f"{name}Close", f"close {title}", "Close; the View menu brings it back", "close")
        floating.clicked.connect(lambda: self.setFloating(not self.isFloating()))
        closing.clicked.connect(self.close)
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(SPACE + SPACE // 2, SPACE // 4, SPACE // 2, SPACE // 4)
        layout.setSpacing(0)
        layout.addWidget(label(title, "heading"), 1)
        for button in (floating, closing):
            button.setProperty("small", True)
            layout.addWidget(button)
        return bar
