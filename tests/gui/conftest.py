"""Shown widgets, and the theme, which is restored after each test."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import delete

from latentlab.gui.style import theme


@pytest.fixture
def shown(qtbot):
    """Show a widget at a size and wait until it is exposed."""

    def show(widget: QWidget, width: int = 360, height: int = 480) -> QWidget:
        qtbot.addWidget(widget)
        widget.resize(width, height)
        with qtbot.waitExposed(widget):
            widget.show()
        return widget

    return show


@pytest.fixture
def themed(qapp: QApplication):
    """The application with the light theme, which is removed afterwards."""
    palette, name = qapp.palette(), qapp.style().objectName()
    theme.apply(qapp, "light")
    yield qapp
    theme.set_scheme("system")
    qapp.setStyleSheet("")
    delete(qapp.findChild(QObject, "latentlabTheme"))  # else the next test's window would have no style sheet
    qapp.setStyle(name)
    qapp.setPalette(palette)
