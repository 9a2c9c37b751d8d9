"""The map's preview, which is painted before pyqtgraph is imported."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtGui import QImage

from latentlab.gui.latent_map import LatentMap, MapPreview
from latentlab.gui.latent_map.view import AXIS_HEIGHT, AXIS_WIDTH, MARGIN

SIZE = (701, 483)
RANGE = (-3.5, 3.5)


def pixels(widget) -> np.ndarray:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (224, 224), dtype=np.uint8)


def test_the_map_takes_the_place_of_its_preview_without_a_changed_pixel(qtbot, picture):
    preview, latent_map = MapPreview(picture, RANGE, RANGE), LatentMap()
    latent_map.set_manifold(picture, RANGE, RANGE)
    for widget in (preview, latent_map):
        qtbot.addWidget(widget)
        widget.resize(*SIZE)
        with qtbot.waitExposed(widget):
            widget.show()
    before, after = pixels(preview), pixels(latent_map)
    # Beside the ticks of the axes and the buttons of the map.
    plot = (slice(60, SIZE[1] - AXIS_HEIGHT), slice(AXIS_WIDTH + 1, SIZE[0] - MARGIN - 80))
    assert np.ptp(before[plot]) > 100
    np.testing.assert_array_equal(after[plot], before[plot])


def test_the_preview_needs_no_pyqtgraph():
    code = "import sys, latentlab.gui.latent_map.preview; assert 'pyqtgraph' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
