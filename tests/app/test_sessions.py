"""Sessions in the real window: saved, opened again with everything, and offered at the next start."""

from __future__ import annotations

import numpy as np

from latentlab import app
from latentlab.state.map_axes import AxesChoice
from tests.app.conftest import SECONDS, find


def test_a_session_brings_back_the_map_the_panels_and_what_was_drawn(application, qtbot, tmp_path):
    window, session, latent_map = application.window, application.session, application.latent_map
    session.set_latent([0.5, -1.0])
    session.set_axes(AxesChoice("pc1", "pc2"))
    session.set_locked(1, True)
    path = np.array([[0, 0], [1, 1], [1, -1]], np.float32)
    session.set_path(path)
    find(application, "playAdd").click()
    latent_map.set_layer_visible("density", True)
    latent_map.set_layer_opacity("points", 0.5)
    window.actions_.path.trigger()
    window.docks["log"].show()
    window.docks["runs"].hide()
    latent_map.view_box.show_range((0.0, 2.0), (-1.0, 1.0))
    view = latent_map.view()
    oscillator = application.play.oscillators[0]
    application.document.save_as(str(tmp_path / "all"))
    session.set_path(None)
    session.set_latent([0, 0])
    session.set_axes(AxesChoice())
    application.play.set_oscillators(())
    latent_map.set_layer_visible("density", False)
    latent_map.set_layer_opacity("points", 1.0)
    window.actions_.explore.trigger()
    window.docks["log"].hide()
    window.docks["runs"].show()
    latent_map.reset_view()
    with qtbot.waitSignal(application.restorer.restored, timeout=SECONDS):
        application.open(str(tmp_path / "all.latentlab.json"))
    assert session.latent.tolist() == [0.5, -1.0]
    assert session.axes == AxesChoice("pc1", "pc2")
    assert session.locked == {1}
    np.testing.assert_array_equal(session.path, path)
    (again,) = application.play.oscillators
    assert (again.target, again.rate) == (oscillator.target, oscillator.rate)
    layers = {layer.name: layer for layer in latent_map.layers()}
    assert (layers["density"].visible, layers["points"].opacity) == (True, 0.5)
    assert latent_map.mode() == "path"
    assert (window.docks["log"].isHidden(), window.docks["runs"].isHidden()) == (False, True)
    qtbot.waitUntil(lambda: session.points is not None, timeout=SECONDS)
    np.testing.assert_allclose(latent_map.view().x_range, view.x_range, atol=0.05)
    assert window.windowTitle() == "all[*] — mnist-2d — latentlab"
    qtbot.wait(0)
    assert not window.isWindowModified()


def test_after_a_normal_close_the_next_start_reopens_what_was_open(qtbot, own_folders, folder):
    first = app.build(["--engine", "thread", "--device", "cpu", str(folder)])
    first.window.show()
    qtbot.waitUntil(lambda: first.session.dataset is not None and first.session.model is not None, timeout=SECONDS)
    first.session.set_latent([1.0, 0.5])
    first.close()
    second = app.build(["--engine", "thread", "--device", "cpu"])
    try:
        second.window.show()
        assert second.window.notifications.messages() == [f"The last window had bundled:mnist-2d and {folder} open."]
        find(second, "notificationAction0").click()
        qtbot.waitUntil(lambda: second.session.dataset is not None, timeout=SECONDS)
        assert second.session.dataset.source == str(folder)
        qtbot.waitUntil(lambda: second.session.latent.tolist() == [1.0, 0.5], timeout=SECONDS)
    finally:
        second.close()
