"""A path in the real window, by its own worker: drawn with the mouse, solved, played, and written as it was played."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from latentlab.engine.protocol.messages import ExportFilm
from tests.app.conftest import SECONDS, at, find, shown

LEFT = Qt.MouseButton.LeftButton


def click(application, z: tuple[float, float]) -> None:
    QTest.mouseClick(application.latent_map.viewport(), LEFT, pos=at(application, z))


def drag(application, *points: tuple[float, float]) -> None:
    target = application.latent_map.viewport()
    QTest.mousePress(target, LEFT, pos=at(application, points[0]))
    for z in points[1:]:
        pixel = QPointF(at(application, z))
        where = QPointF(target.mapToGlobal(pixel.toPoint()))
        none = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(
            target, QMouseEvent(QEvent.Type.MouseMove, pixel, where, Qt.MouseButton.NoButton, LEFT, none)
        )
    QTest.mouseRelease(target, LEFT, pos=at(application, points[-1]))


def test_a_geodesic_is_drawn_dragged_played_and_written(application, qtbot, tmp_path):
    session, bar, latent_map = application.session, application.window.path_bar, application.latent_map
    qtbot.waitUntil(lambda: "starting" not in application.window.device.text(), timeout=SECONDS)
    find(application, "actionPath").trigger()
    assert bar.isVisible()
    for z in ((-1.5, 1.0), (1.5, 0.5)):
        click(application, z)
    kind = find(application, "pathKind")
    kind.setCurrentIndex(kind.findData("geodesic"))
    kind.activated.emit(kind.currentIndex())
    find(application, "pathFrames").setValue(12)
    qtbot.waitUntil(
        lambda: session.path_frames is not None and "straight" in find(application, "pathLengths").text(),
        timeout=SECONDS,
    )
    assert len(session.path_frames) == 12
    np.testing.assert_array_equal(session.path_curve[[0, -1]], session.path)
    side = session.path[1] - session.path[0]
    away = (session.path_curve - session.path[0]) @ np.array([-side[1], side[0]]) / np.linalg.norm(side)
    assert np.abs(away).max() > 0.02, "it is no straight line"

    images = {}
    application.engine.decoded.connect(lambda result: images.update({result.z.tobytes(): result.image}))
    before = session.path_curve
    drag(application, (1.5, 0.5), (1.4, 0.0), (1.2, -0.5))
    qtbot.waitUntil(lambda: session.path_frames is not None, timeout=SECONDS)
    assert not np.array_equal(session.path_curve, before)
    np.testing.assert_array_equal(session.path_curve[-1], session.path[-1])
    frames = session.path_frames

    played = []
    for index, z in reversed(list(enumerate(frames))):
        find(application, "pathScrubber").setValue(index)
        qtbot.waitUntil(
            lambda z=z: z.tobytes() in images and np.array_equal(shown(application), images[z.tobytes()]),
            timeout=SECONDS,
        )
        played.append(shown(application))
    path = tmp_path / "film.npz"
    with qtbot.waitSignal(application.engine.filmExported, timeout=SECONDS):
        application.engine.request(ExportFilm(str(path), frames, 20, 1))
    written = np.load(path)
    np.testing.assert_array_equal(np.rint(written["images"][:, 0] * 255).astype(np.uint8), played[::-1])

    QTest.keyClick(latent_map, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: find(application, "pathScrubber").value() == 5, timeout=SECONDS)
    QTest.keyClick(latent_map, Qt.Key.Key_Escape)
    assert session.preview is None
    assert len(session.path) == 2, "Escape has only stopped it"
    QTest.keyClick(latent_map, Qt.Key.Key_Escape)
    assert len(session.path) == 0
    application.undo.undo()
    qtbot.waitUntil(lambda: session.path_frames is not None, timeout=SECONDS)
