"""Snapshots in the real window: a run is trained, its first epoch is viewed, and the window returns to now."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from latentlab.storage import RunFolder
from tests.app.conftest import SECONDS, find
from tests.app.test_training import open_folder, press


@pytest.mark.logs("takes images of shape")
def test_a_run_is_replayed_compared_and_opened_again(application, qtbot, folder, monkeypatch):
    bar, session, window = application.window.snapshot_bar, application.session, application.window
    open_folder(application, qtbot, folder)
    assert bar.isHidden()
    find(application, "epochs").setValue(4)
    press(application, qtbot, "trainButton")
    with qtbot.waitSignal(application.training.finished, timeout=SECONDS):
        pass
    qtbot.waitUntil(lambda: session.run_state == "idle", timeout=SECONDS)
    run = session.run_folder
    assert RunFolder(run).snapshots.epochs() == (1, 2, 3, 4)
    live = application.session.points.mean
    drawn = []
    monkeypatch.setattr(application.latent_map, "set_points", lambda xy, *_, **__: drawn.append(xy))

    find(application, "historySlider").setFocus()
    qtbot.keyClick(find(application, "historySlider"), Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: session.viewed_epoch is not None, timeout=SECONDS)
    assert session.viewed_epoch.epoch == 1
    first = drawn[-1]
    assert np.allclose(first, RunFolder(run).snapshots.read(1).mean, atol=1e-6)
    assert not np.allclose(first, live)
    assert "epoch 1" in find(application, "mapPast").text()

    window.filmstrip.set_kind("reconstruct")
    assert find(application, "stripWhen").text() == "epoch 1"
    press(application, qtbot, "stripByEpoch")
    qtbot.waitUntil(lambda: find(application, "stripWhen").text() == "", timeout=SECONDS)

    qtbot.mouseClick(application.latent_map.viewport(), Qt.MouseButton.LeftButton)
    assert session.viewed_epoch is None
    qtbot.waitUntil(lambda: np.allclose(drawn[-1], live), timeout=SECONDS)

    application.open("bundled:mnist-2d")
    qtbot.waitUntil(lambda: session.model.name == "mnist-2d", timeout=SECONDS)
    assert bar.isHidden()
    window.curves.clear()
    window.runs_table.compareRequested.emit([run])
    qtbot.waitUntil(
        lambda: window.curves.value("elbo") is None and window.curves.curve("elbo", run)[0].size == 4, timeout=SECONDS
    )
    application.open(run)
    qtbot.waitUntil(lambda: not bar.isHidden(), timeout=SECONDS)
    qtbot.waitUntil(lambda: window.curves.current_run() == run, timeout=SECONDS)
    assert window.curves.run_keys() == [run]
