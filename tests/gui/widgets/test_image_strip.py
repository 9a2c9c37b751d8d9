"""A strip of images."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject

from latentlab.gui.widgets.image_strip import ImageStrip


class _Resizes(QObject):
    """Counts how often a widget is resized."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Resize
        return False


@pytest.mark.parametrize(("rows", "columns"), [(2, 12), (3, 7), (1, 30)])
def test_no_size_makes_the_scroll_bars_appear_and_disappear_without_end(qtbot, rows, columns):
    strip = ImageStrip()
    qtbot.addWidget(strip)
    strip.set_rows(np.zeros((rows, columns, 16, 16), np.uint8), [], pickable=True)
    strip.show()
    resizes = _Resizes()
    strip.viewport().installEventFilter(resizes)
    for width in range(380, 412):
        for height in (48, 65, 96, 110):
            strip.resize(width, height)
            resizes.count = 0
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            assert resizes.count < 10, f"at {width} × {height}"
