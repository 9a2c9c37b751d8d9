"""How many images a second are decoded and shown, while the hand moves."""

from __future__ import annotations

import time
from collections import deque

from PySide6.QtCore import QObject, QTimer

from latentlab.engine.client.client import EngineClient
from latentlab.gui.main_window import MainWindow

WINDOW_SECONDS = 1.0


class FrameRateController(QObject):
    """Shows the rate of decoded images over the last second; nothing, and no timer, while the hand rests."""

    def __init__(self, engine: EngineClient, window: MainWindow, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window = window
        self._shown: deque[float] = deque()
        self._timer = QTimer(self)
        self._timer.setInterval(250)
        self._timer.timeout.connect(self._show)
        engine.decoded.connect(self._on_decoded)

    def close(self) -> None:
        """Show nothing more: the window goes."""
        self._timer.stop()

    def _on_decoded(self, _result: object) -> None:
        self._shown.append(time.monotonic())
        if not self._timer.isActive():
            self._timer.start()

    def _show(self) -> None:
        since = time.monotonic() - WINDOW_SECONDS
        while self._shown and self._shown[0] < since:
            self._shown.popleft()
        self._window.set_frame_rate(len(self._shown) / WINDOW_SECONDS if len(self._shown) > 1 else None)
        if not self._shown:
            self._timer.stop()
