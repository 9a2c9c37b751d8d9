"""How panels look, light and dark, against stored pictures: ``LATENTLAB_WRITE_PICTURES=1`` writes them anew.

The font is a file of this repository, without hinting, so that a picture depends neither on the machine's fonts nor on
its font settings. Releases of Qt draw the edges of letters and lines a little differently: pictures are compared at a
third of their size, and the mean difference of no square of 8 such pixels may exceed `TOLERANCE` of 255 grey values.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontDatabase, QImage
from PySide6.QtWidgets import QLabel, QWidget

from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.board import BoardPanel
from latentlab.gui.panels.data import DataPanel
from latentlab.gui.panels.generate import GeneratePanel
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.panels.model import ModelPanel
from latentlab.gui.panels.selection import SelectionPanel
from latentlab.gui.style import theme
from latentlab.gui.widgets.toasts import Toasts
from tests.gui.panels.test_data import INFO as DATASET
from tests.gui.panels.test_model import INFO as MODEL

PICTURES = Path(__file__).parent / "pictures"
FONT = Path(__file__).parents[1] / "fixtures" / "fonts" / "DejaVuSans-subset.ttf"
SMALLER = 3
SQUARE = 8
TOLERANCE = 12.0
IS_WRITING = bool(os.environ.get("LATENTLAB_WRITE_PICTURES"))


@pytest.fixture
def pinned_font(qapp):
    before = qapp.font()
    number = QFontDatabase.addApplicationFont(str(FONT))
    font = QFont(QFontDatabase.applicationFontFamilies(number)[0])
    font.setPixelSize(12)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    qapp.setFont(font)
    yield
    qapp.setFont(before)
    QFontDatabase.removeApplicationFont(number)


def images(count: int) -> np.ndarray:
    """Discs of growing size, uint8 [count, 24, 24]."""
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    radius = np.linspace(0.2, 0.9, count)[:, None, None]
    return np.clip(255 * 6 * (radius - np.hypot(x, y)), 0, 255).astype(np.uint8)


def sliders() -> LatentSliders:
    panel = LatentSliders()
    panel.set_dimensions(5)
    panel.set_kl([3.7, 0.0, 1.25, 2.0, 0.004])
    panel.set_latent([0.5, 0.0, -1.25, 2.0, 0.0])
    panel.set_locked({2})
    return panel


def model() -> ModelPanel:
    panel = ModelPanel()
    panel.set_bundled([("bundled:mnist-2d", "Digits, 2 dimensions")])
    panel.set_info(MODEL)
    panel.set_axes(3, 2, "z1", "z3")
    return panel


def data() -> DataPanel:
    panel = DataPanel()
    panel.set_info(DATASET)
    return panel


def selection() -> SelectionPanel:
    panel = SelectionPanel()
    panel.set_selection(9, "lasso", [("cat", 6), ("dog", 3)], 50)
    panel.set_images(images(9), images(9)[::-1])
    return panel


def generate() -> GeneratePanel:
    panel = GeneratePanel()
    panel.set_images(images(12))
    return panel


def curves() -> TrainingCurves:
    panel = TrainingCurves()
    panel.start_run("vae")
    for epoch in np.linspace(0.1, 8, 40):
        rate, distortion = 20 * (1 - np.exp(-epoch)), 60 + 90 * np.exp(-epoch / 2)
        terms = {"elbo": -rate - distortion, "rate": rate, "distortion": distortion, "objective": rate + distortion}
        panel.add_progress(float(epoch), {name: float(value) for name, value in terms.items()})
    for epoch in range(1, 9):
        panel.add_epoch(float(epoch), {}, {"elbo": -85.0 - 90 / epoch, "rate": 18.0})
    return panel


def notifications() -> QWidget:
    host = QWidget()
    host.setAutoFillBackground(True)
    cards = Toasts(host)
    cards.notify("error", "photo.png: the image is cut short", "Traceback\n…")
    cards.notify("warning", "12 files could not be read.", actions=[("Show them", lambda: None)])
    return host


def latent_map() -> LatentMap:
    widget = LatentMap()
    random = np.random.default_rng(0)
    labels = np.arange(400) % 3
    xy = random.normal(size=(400, 2)) * 0.5 + np.array([(-1, 0), (1, 0.5), (0, -1)])[labels]
    widget.set_theme(theme.current_theme())
    widget.set_points(xy.astype(np.float32), labels, ("cat", "dog", "owl"))
    widget.set_cursor((0.5, 0.25))
    return widget


WIDGETS: dict[str, tuple[Callable[[], QWidget], int, int]] = {
    "board": (BoardPanel, 300, 260),
    "curves": (curves, 360, 300),
    "data": (data, 300, 620),
    "generate": (generate, 640, 190),
    "latent-map": (latent_map, 420, 340),
    "model": (model, 300, 560),
    "notifications": (notifications, 420, 220),
    "selection": (selection, 300, 520),
    "sliders": (sliders, 300, 240),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", WIDGETS)
def test_a_panel_looks_as_it_did(name, scheme, pinned_font, themed, shown, qtbot):
    theme.set_scheme(scheme)
    make, width, height = WIDGETS[name]
    widget = shown(make(), width, height)
    path = PICTURES / f"{name}-{scheme}.png"
    if IS_WRITING:
        qtbot.wait(500)
        picture_of(widget).save(str(path))
        return
    stored = QImage(str(path))
    assert not stored.isNull(), f"{path} is missing"
    # What is drawn at rest, and movements that end, take a moment.
    qtbot.waitUntil(lambda: same(widget, stored), timeout=4000)


@pytest.mark.parametrize("change", ["text", "colour", "place"])
def test_a_change_that_a_person_would_see_is_found(change, pinned_font, themed, shown):
    widget = shown(model(), 300, 560)
    before = picture_of(widget)
    assert difference(before, before) is None
    title = next(label for label in widget.findChildren(QLabel) if label.text() == MODEL.name)
    match change:
        case "text":
            title.setText("another name of the model")
        case "colour":
            theme.set_scheme("dark")
        case "place":
            title.setContentsMargins(0, 20, 0, 0)
    assert difference(picture_of(widget), before) is not None


def same(widget: QWidget, stored: QImage) -> bool:
    found = difference(picture_of(widget), stored)
    assert found is None, found
    return True


def picture_of(widget: QWidget) -> QImage:
    return widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def difference(picture: QImage, stored: QImage) -> str | None:
    """What differs by more than another release of Qt may draw; ``None`` if nothing does."""
    if picture.size() != stored.size():
        return f"{picture.size()} instead of {stored.size()}"
    ours, theirs = (smaller(each) for each in (picture, stored))
    apart = np.abs(ours - theirs).max(axis=-1)
    rows, columns = (side // SQUARE for side in apart.shape)
    squares = apart[: rows * SQUARE, : columns * SQUARE].reshape(rows, SQUARE, columns, SQUARE).mean(axis=(1, 3))
    row, column = np.unravel_index(squares.argmax(), squares.shape)
    if squares.max() <= TOLERANCE:
        return None
    side = SQUARE * SMALLER
    return f"{squares.max():.1f} grey values apart at {column * side}, {row * side}"


def smaller(image: QImage) -> np.ndarray:
    """The colours float [rows, columns, 3] at a third of the size."""
    size = image.size() / SMALLER
    mode = Qt.TransformationMode.SmoothTransformation
    small = image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, mode)
    small = small.convertToFormat(QImage.Format.Format_RGBA8888)
    pixels = np.frombuffer(small.constBits(), np.uint8).reshape(small.height(), small.width(), 4)
    return pixels[..., :3].astype(float)
