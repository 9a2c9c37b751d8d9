"""The bar of the path in a narrow window."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QSpinBox

from latentlab.gui.panels.path_bar import PathBar


def test_no_number_is_clipped_beside_the_columns_of_a_narrow_window(themed, shown):
    bar = shown(PathBar(), 444, 90)  # in a window of 1024 px
    bar.set_frames(60)
    for name in ("pathFrames", "pathSpeed"):
        field = bar.findChild(QSpinBox, name)
        line = field.findChild(QLineEdit)
        assert line.width() > line.fontMetrics().horizontalAdvance(line.text())
        assert field.geometry().right() < field.parentWidget().width()
