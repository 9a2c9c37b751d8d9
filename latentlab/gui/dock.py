"""A dock whose title bar goes when a tab already says its name."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget


class Dock(QDockWidget):
    """A movable, closable panel; while tabbed with others the tab is its title and its handle."""

    def __init__(self, name: str, title: str, panel: QWidget, window: QMainWindow) -> None:
        super().__init__(title, window)
        self.setObjectName(f"{name}Dock")
        self.setAccessibleName(title)
        panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWidget(panel)
        self.toggleViewAction().setStatusTip(f"Show or hide {title}")
        self._no_title = QWidget(self)
        self._no_title.hide()

    def match_tabs(self) -> None:
        """Show or hide the title bar as the dock stands alone or is one of several tabs."""
        window = self.parentWidget()
        assert isinstance(window, QMainWindow)
        tabbed = not self.isFloating() and bool(window.tabifiedDockWidgets(self))
        wanted = self._no_title if tabbed else None
        if self.titleBarWidget() is not wanted:
            self.setTitleBarWidget(wanted)
            self._no_title.setVisible(tabbed)
