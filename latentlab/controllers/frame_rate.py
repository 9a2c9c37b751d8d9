"""The number of images decoded and shown each second during a drag."""

from __future__ import annotations

import time
from collections import deque

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication

from latentlab.engine.client.client import EngineClient
from latentlab.gui.main_window import MainWindow

WINDOW_SECONDS = 1.0
INTERVAL_MS = 250


class FrameRateController(QObject):
    """Shows the rate of images decoded during a drag, over the last second; otherwise no text, and no timer runs."""

    def __init__(self, engine: EngineClient, window: MainWindow, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window = window
        self._times: deque[float] = deque()  # of the images of the last second
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._show)
        self._is_shown = True
        engine.decoded.connect(self._on_decoded)

    def set_shown(self, shown: bool) -> None:
        """Show the rate, or no rate at all."""
        self._is_shown = shown
        if not shown:
            self._times.clear()
            self._show()

    def _on_decoded(self, _result: object) -> None:
        # Outside a drag the number counts the user's key presses and looks like a slow program.
        if not self._is_shown or QGuiApplication.mouseButtons() == Qt.MouseButton.NoButton:
            return
        self._times.append(time.monotonic())
        if not self._timer.isActive():
            self._timer.start()

    def _show(self) -> None:
        start = time.monotonic() - WINDOW_SECONDS
        while self._times and self._times[0] < start:
            self._times.popleft()
        self._window.set_frame_rate(len(self._times) / WINDOW_SECONDS if len(self._times) > 1 else None)
        if not self._times:
            self._timer.stop()
