"""The first paint of the window, in a process of its own: what has been imported by then counts."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from latentlab.app.first_paint import FirstPaint

first_paint = FirstPaint("bundled:mnist-2d")
first_paint.show()
late = [name for name in ("pyqtgraph", "pydantic", "torch") if name in sys.modules]
assert not late, late
latent_map = first_paint.make_map()
assert first_paint.window.latent_map is latent_map
assert latent_map.isVisible()
assert latent_map.hasFocus()
assert latent_map.z_to_pixel(latent_map.pixel_to_z(latent_map.rect().center())).toPoint() == latent_map.rect().center()
"""


def test_the_first_paint_waits_for_neither_pyqtgraph_nor_pydantic_and_the_map_then_has_the_focus(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    finished = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr
