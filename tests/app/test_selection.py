"""Images are selected by the real mouse, shown, tagged, exported and trained on, with a real worker."""

from __future__ import annotations

import csv

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from latentlab.data import load_dataset
from tests.app.conftest import SECONDS, find

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def draw_box(application, low, high) -> None:
    """Drag from one corner of the axes to another with the Box tool."""
    find(application, "actionBox").trigger()
    latent_map = application.latent_map
    target = latent_map.viewport()
    pixels = [latent_map.z_to_pixel(z) for z in (low, ((low[0] + high[0]) / 2, high[1]), high)]
    QTest.mousePress(target, LEFT, NONE, pixels[0].toPoint())
    for pixel in pixels[1:]:
        where = QPointF(target.mapToGlobal(pixel.toPoint()))
        move = QMouseEvent(QEvent.Type.MouseMove, pixel, where, Qt.MouseButton.NoButton, LEFT, NONE)
        QApplication.sendEvent(target, move)
    QTest.mouseRelease(target, LEFT, NONE, pixels[-1].toPoint())


def test_points_of_a_bundled_model_are_selected_shown_and_undone(application, qtbot):
    session = application.session
    draw_box(application, (-1, -1), (1, 1))
    qtbot.waitUntil(lambda: session.selection is not None, timeout=SECONDS)
    xy = session.plane().project(session.points.mean)
    expected = (np.abs(xy) < 1).all(axis=1).sum()
    assert abs(len(session.selection) - expected) < 0.02 * expected, "to the pixel"
    assert find(application, "selectionCount").text() == f"{len(session.selection):,} images of {len(xy):,}"
    qtbot.waitUntil(lambda: find(application, "selectionSheet").isVisible(), timeout=SECONDS)
    assert find(application, "decodedMean").isVisible()
    assert not find(application, "meanImage").isVisible(), "the images themselves are not open"
    find(application, "actionUndo").trigger()
    assert session.selection is None


def test_images_are_found_tagged_exported_and_trained_on(application, folder, qtbot, tmp_path):
    session, window = application.session, application.window
    model = session.model.source
    find(application, "imageSize").setValue(28)  # as the bundled model takes them
    application.open(str(folder))
    qtbot.waitUntil(
        lambda: session.dataset is not None and session.points is not None and len(session.points.mean) == 40,
        timeout=SECONDS,
    )
    search = find(application, "chooseSearch")
    assert isinstance(search, QLineEdit)
    search.setText("path: 1 and class = light")
    QTest.keyClick(search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: session.selection is not None, timeout=SECONDS)
    names = {f"light/{number}.png" for number in range(20) if "1" in str(number)}
    assert len(session.selection) == len(names)
    qtbot.waitUntil(lambda: find(application, "meanImage").isVisibleTo(window.selection_panel), timeout=SECONDS)

    window.selection_panel.tagRequested.emit("mine", "ones")
    table = tmp_path / "picked.csv"
    window.selection_panel.exportRequested.emit("table", str(table))
    qtbot.waitUntil(table.exists, timeout=SECONDS)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["path"].replace("\\", "/") for row in rows} == names
    assert {row["mine"] for row in rows} == {"ones"}

    find(application, "trainWithout").trigger()
    qtbot.waitUntil(lambda: session.dataset.images == 40 - len(names), timeout=SECONDS)
    assert session.model.source == model
    again = load_dataset(session.dataset.source, session.dataset.config)
    assert not names & {"/".join(path.replace("\\", "/").split("/")[-2:]) for path in again.paths}
