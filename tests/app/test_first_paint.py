"""The first paint of the window, in a process of its own: what has been imported by then counts."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from PySide6.QtWidgets import QApplication
from latentlab.app.first_paint import FirstPaint

first_paint = FirstPaint("bundled:mnist-2d")
first_paint.show()
late = [name for name in ("pyqtgraph", "pydantic", "torch") if name in sys.modules]
assert not late, late
preview, steps = first_paint.window.latent_map, 0
for _ in first_paint.build_map():  # the window reacts to events between two steps
    steps += 1
    assert first_paint.window.latent_map is preview
    assert preview.isVisible()
    QApplication.processEvents()
assert steps >= 5, steps
latent_map = first_paint.latent_map
assert first_paint.window.latent_map is latent_map
assert latent_map.isVisible()
assert latent_map.hasFocus()
assert latent_map.z_to_pixel(latent_map.pixel_to_z(latent_map.rect().center())).toPoint() == latent_map.rect().center()
"""


def test_the_first_paint_waits_for_neither_pyqtgraph_nor_pydantic_and_the_map_then_has_the_focus(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    finished = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr
