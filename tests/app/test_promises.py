"""What latentlab promises: a test for each row of "You do this, it does that", and for Alive, Honest and Yours.

The README's table has the rows; each test names its row in its docstring.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QPushButton

from latentlab import app
from tests.app.conftest import SECONDS, at, find, shown


def changed(application, before):
    return lambda: not np.array_equal(before, shown(application))


def press(application, qtbot, name):
    qtbot.mouseClick(find(application, name), Qt.MouseButton.LeftButton)


def points_arrive(application, qtbot):
    qtbot.waitUntil(lambda: application.session.points is not None, timeout=SECONDS)


# --- each row of the table ------------------------------------------------------------------------


def test_start_shows_the_bundled_model_and_no_dialog(application, qtbot):
    """Start it: the window, then the bundled model's map; no dialog in the way."""
    assert not [each for each in application.window.findChildren(QDialog) if each.isVisible()]
    assert application.session.model.name == "mnist-2d"
    assert shown(application).shape == (28, 28)
    assert shown(application).std() > 1
    points_arrive(application, qtbot)
    assert len(application.session.points.mean) > 1000


def test_hovering_previews_and_leaving_shows_the_committed_latent_again(application, qtbot):
    """Move over the map: previews the decoded image; leaving the map restores the committed point."""
    viewport = application.latent_map.viewport()
    committed = shown(application)
    qtbot.mouseMove(viewport, at(application, (1.0, 1.0)))
    qtbot.waitUntil(changed(application, committed), timeout=SECONDS)
    assert application.session.latent.tolist() == [0, 0]
    application.latent_map.hovered.emit(None)
    qtbot.waitUntil(lambda: np.array_equal(committed, shown(application)), timeout=SECONDS)


def test_a_click_commits(application, qtbot):
    """Click: commits z; image and sliders follow."""
    before = shown(application)
    qtbot.mouseClick(application.latent_map.viewport(), Qt.MouseButton.LeftButton, pos=at(application, (-1.5, 0.5)))
    qtbot.waitUntil(changed(application, before), timeout=SECONDS)
    assert application.session.latent == pytest.approx([-1.5, 0.5], abs=0.05)
    assert find(application, "latentSlider0").value() == pytest.approx(-1.5, abs=0.05)


def test_a_drag_streams_and_is_undone_in_one_step(application, qtbot):
    """Drag: the image follows. Undo: the last gesture, as one step, is undone."""
    viewport = application.latent_map.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(application, (0.0, 0.0)))
    seen = []
    application.session.latentChanged.connect(lambda: seen.append(application.session.latent))
    for x in (0.5, 1.0, 1.5):
        before = shown(application)
        qtbot.mouseMove(viewport, at(application, (x, 0.2)))
        qtbot.waitUntil(changed(application, before), timeout=SECONDS)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(application, (1.5, 0.2)))
    assert len(seen) >= 3
    application.undo.undo()
    assert application.session.latent == pytest.approx([0, 0], abs=0.05)


def test_arrow_keys_nudge_and_shift_is_ten_times_finer(application, qtbot):
    """Arrow keys: nudge z along the map's axes; Shift: ten times finer."""
    application.window.activateWindow()
    application.latent_map.setFocus()
    qtbot.keyClick(application.latent_map, Qt.Key.Key_Right)
    coarse = application.session.latent[0]
    qtbot.keyClick(application.latent_map, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    fine = application.session.latent[0] - coarse
    assert coarse > 0
    assert fine == pytest.approx(coarse / 10, rel=1e-3)


def test_a_slider_is_the_same_as_the_map(application, qtbot):
    """Drag a slider: the same as moving on the map."""
    before = shown(application)
    find(application, "latentSlider1").setValue(1.25)
    qtbot.waitUntil(changed(application, before), timeout=SECONDS)
    assert application.session.latent[1] == pytest.approx(1.25, abs=0.02)


def test_the_image_is_what_the_model_decodes(application, qtbot):
    from latentlab.models.inference import load_model

    before = shown(application)
    find(application, "latentSlider0").setValue(-0.75)
    qtbot.waitUntil(changed(application, before), timeout=SECONDS)
    decoded = load_model("bundled:mnist-2d").decode(application.session.latent[None])[0, 0] * 255
    assert np.abs(shown(application) - decoded).max() <= 1


def test_the_wheel_zooms_and_the_manifold_is_decoded_for_the_view(application, qtbot):
    """Wheel: zooms; the manifold is decoded again for what is now in view."""
    latent_map = application.latent_map
    wide, done = latent_map.view(), []
    position = QPointF(at(application, (0.0, 0.0)))
    wheel = QWheelEvent(
        position, QPointF(latent_map.viewport().mapToGlobal(position.toPoint())), QPoint(), QPoint(0, 480),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(latent_map.viewport(), wheel)
    assert latent_map.view().x_max - latent_map.view().x_min < 0.9 * (wide.x_max - wide.x_min)
    application.engine.gridTiles.connect(lambda result: done.append(result.done))
    qtbot.waitUntil(lambda: any(done), timeout=SECONDS)


def test_double_click_resets_lock_holds_and_dice_samples(application, qtbot):
    """Slider: double-click resets it, the lock holds it, the dice samples it from the prior."""
    slider = find(application, "latentSlider0")
    slider.setValue(1.5)
    press(application, qtbot, "latentLock0")
    press(application, qtbot, "sampleAll")
    qtbot.waitUntil(lambda: application.session.latent[1] != 0, timeout=SECONDS)
    assert application.session.latent[0] == pytest.approx(1.5, abs=0.02)
    press(application, qtbot, "latentLock0")
    press(application, qtbot, "latentDice0")
    qtbot.waitUntil(lambda: abs(application.session.latent[0] - 1.5) > 0.02, timeout=SECONDS)
    qtbot.mouseDClick(slider, Qt.MouseButton.LeftButton)
    assert application.session.latent[0] == 0


def test_the_axes_are_any_two_dimensions_or_principal_components(qtbot, own_folders):
    """Choose the map's axes: the manifold is the slice through the current z along them."""
    with closing(app.build(["bundled:mnist-10d", "--engine", "thread", "--device", "cpu"])) as application:
        application.window.show()
        points_arrive(application, qtbot)
        tiles = []
        application.engine.gridTiles.connect(tiles.append)
        for x, y in (("z₃", "z₅"), ("PC 1", "PC 2")):
            tiles.clear()
            for name, text in (("xAxis", x), ("yAxis", y)):
                combo = find(application, name)
                index = next(i for i in range(combo.count()) if combo.itemText(i).startswith(text))
                combo.setCurrentIndex(index)
                combo.activated.emit(index)
            qtbot.waitUntil(lambda: any(each.done for each in tiles), timeout=SECONDS)
        before = application.session.latent
        qtbot.mouseClick(application.latent_map.viewport(), Qt.MouseButton.LeftButton, pos=at(application, (1.0, 0.5)))
        moved = application.session.latent - before
        plane = application.session.components[:2]
        np.testing.assert_allclose(moved, moved @ plane.T @ plane, atol=1e-4)
        assert np.abs(moved).max() > 0.01


def test_a_dropped_image_is_encoded(application, qtbot, tmp_path):
    """Drop an image file: its posterior mean is the latent; its reconstruction and error stand beside it."""
    path = tmp_path / "bar.png"
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:24, 12:16] = 255
    Image.fromarray(pixels).save(path)
    application.window.pathsDropped.emit([str(path)])
    qtbot.waitUntil(lambda: np.abs(application.session.latent).max() > 0, timeout=SECONDS)
    from latentlab.models.inference import load_model

    mean, _ = load_model("bundled:mnist-2d").encode(pixels[None, None])
    np.testing.assert_allclose(application.session.latent, mean[0], atol=1e-3)
    assert "bar.png" in find(application, "encodedImageName").text()
    assert "nat" in find(application, "encodedImageError").text()


def test_a_dropped_folder_and_a_dropped_model_are_opened(application, qtbot, folder):
    """Drop a folder, a dataset file or a model: opens it."""
    application.window.pathsDropped.emit([str(folder)])
    qtbot.waitUntil(lambda: application.session.dataset is not None, timeout=SECONDS)
    assert application.session.dataset.images == 40
    application.window.pathsDropped.emit(["bundled:shapes-6d"])
    qtbot.waitUntil(lambda: application.session.model.name == "shapes-6d", timeout=SECONDS)


def test_a_runs_checkpoint_opens_its_run(application, qtbot, tmp_path):
    """Drop a model: opens it, also by a file of its run that holds no model."""
    run = shutil.copytree(Path(__file__).parents[1] / "fixtures" / "v1" / "run", tmp_path / "run")
    application.window.pathsDropped.emit([str(run / "checkpoint.safetensors")])
    qtbot.waitUntil(lambda: Path(application.session.model.source) == run, timeout=SECONDS)


def test_the_first_start_says_what_to_do(application):
    assert find(application, "statusMessage").text().startswith("Move over the map")


def test_a_run_moves_map_and_curves_beside_the_exploring_and_closing_asks_once(application, qtbot, folder):
    """Press Train: map, points and curves move as it learns. Close: asked once, checkpointed."""
    application.window.pathsDropped.emit([str(folder)])
    qtbot.waitUntil(lambda: application.session.dataset is not None, timeout=SECONDS)
    find(application, "epochs").setValue(10_000)
    versions = []
    application.session.pointsChanged.connect(lambda: versions.append(application.session.model_version))
    press(application, qtbot, "trainButton")
    qtbot.waitUntil(lambda: len(set(versions)) > 2, timeout=SECONDS)
    assert find(application, "pauseButton").isEnabled()
    assert find(application, "stopButton").isEnabled()
    assert find(application, "betaSlider").isEnabled()
    qtbot.waitUntil(lambda: find(application, "trainingCurves").value("elbo") is not None, timeout=SECONDS)
    before = shown(application)
    find(application, "latentSlider0").setValue(2.0)
    qtbot.waitUntil(changed(application, before), timeout=SECONDS)
    application.window.close()
    assert application.window.isVisible(), "it asks first"
    with qtbot.waitSignal(application.closed, timeout=SECONDS):
        qtbot.mouseClick(find(application, "question").defaultButton(), Qt.MouseButton.LeftButton)
    assert (Path(application.session.run_folder) / "checkpoint.safetensors").is_file()


def test_sliders_are_in_the_order_of_their_kl(qtbot, own_folders):
    """The sliders are ordered by KL: what carries most is at the top."""
    with closing(app.build(["bundled:mnist-10d", "--engine", "thread", "--device", "cpu"])) as application:
        application.window.show()
        points_arrive(application, qtbot)
        kl = np.asarray(application.session.points.kl)

        def top(dimension):
            slider = find(application, f"latentSlider{dimension}")
            return slider.mapTo(application.window, QPoint(0, 0)).y()

        carrying = [int(i) for i in np.argsort(-kl) if kl[i] > 0.05]
        qtbot.waitUntil(lambda: top(carrying[0]) < top(carrying[-1]), timeout=SECONDS)
        heights = [top(each) for each in carrying]
        assert heights == sorted(heights)


def test_an_empty_panel_says_what_would_fill_it(application):
    """With nothing drawn yet every panel says in one line what would fill it, with the button that does."""
    curves = find(application, "trainingCurves")
    texts = [each.text() for each in curves.findChildren(QLabel) if each.text()]
    assert any("train" in text.lower() for text in texts), texts
    assert curves.findChildren(QPushButton)


# --- the three promises ---------------------------------------------------------------------------


def test_alive_the_windows_process_never_imports_torch():
    """*Alive*: nothing that computes ever stops the window; torch lives in the worker."""
    code = """
import sys
from latentlab import app
application = app.build(["--device", "cpu"])
application.window.show()
application.close()
print([name for name in sys.modules if name.split(".")[0] in ("torch", "torchvision")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr[-2000:]


def test_honest_the_kl_shown_is_the_mean_over_the_encoded_images(application, qtbot):
    """*Honest*: true KL per dimension, in nats."""
    points_arrive(application, qtbot)
    points = application.session.points
    mean, std = points.mean.astype(np.float64), points.std.astype(np.float64)
    kl = (0.5 * (mean**2 + std**2 - 1) - np.log(std)).mean(axis=0)
    np.testing.assert_allclose(points.kl, kl, rtol=1e-3)
    assert find(application, "latentKl0").text() == f"{kl[0]:.1f} nat"


def test_honest_no_point_is_dropped(application, qtbot):
    """*Honest*: every encoded image is a point, and the map says how many there are."""
    points_arrive(application, qtbot)
    from latentlab.paths import resource
    from latentlab.storage import read_model

    stored = read_model(resource("models", "mnist-2d.safetensors")).points
    assert len(application.session.points.mean) == len(stored.mean)


def test_yours_a_model_file_opens_with_any_safetensors_reader():
    """*Yours*: files that any safetensors reader opens, without pickle."""
    from safetensors import safe_open

    from latentlab.paths import resource

    with safe_open(str(resource("models", "mnist-2d.safetensors")), framework="numpy") as file:
        assert any(name.startswith("decoder") for name in file.keys())  # noqa: SIM118 (not a mapping)
        assert "schema_version" in "".join(file.metadata().values())


def test_every_name_that_others_hold_on_to_is_there_and_accessible(application):
    names = (
        "mainWindow latentMap decodedImage latentSlider0 latentSlider1 datasetPath openDatasetButton openModelButton "
        "recipe latentDim epochs trainButton pauseButton stopButton trainingCurves progress statusMessage filmstrip "
        "notifications xAxis yAxis"
    )
    for name in names.split():
        widget = application.window if name == "mainWindow" else find(application, name)
        assert widget.accessibleName(), name


def test_honest_far_from_data_counts_every_dimension(qtbot, own_folders):
    """*Honest*: a latent far from all data along a dimension that the map does not show is not called near."""
    with closing(app.build(["bundled:mnist-10d", "--engine", "thread", "--device", "cpu"])) as application:
        application.window.show()
        session, badge, cue = application.session, find(application, "mapFarFromData"), find(application, "decodedCue")
        qtbot.waitUntil(lambda: session.points is not None and len(session.points.mean) > 0, timeout=SECONDS)
        shown_on_the_map = {int(session.axes.x[1:]) - 1, int(session.axes.y[1:]) - 1}
        hidden = next(dimension for dimension in range(10) if dimension not in shown_on_the_map)
        away = session.points.mean[0].copy()
        away[hidden] = 20.0
        session.set_latent(away)
        qtbot.waitUntil(lambda: badge.text() == cue.text() == "far from data", timeout=SECONDS)
        session.set_latent(session.points.mean[0])
        qtbot.waitUntil(lambda: badge.text() == cue.text() == "", timeout=SECONDS)


def test_honest_images_that_do_not_fit_the_model_are_said_so_where_one_looks(application, folder, qtbot):
    """*Honest*: points of the model's own images do not stay as if they were the open ones."""
    qtbot.waitUntil(lambda: application.session.points is not None, timeout=SECONDS)
    application.window.data_panel.open(str(folder))
    qtbot.waitUntil(lambda: application.session.dataset is not None, timeout=SECONDS)
    text = find(application, "datasetMisfit").text()
    assert text.startswith("These images (16 × 16 grey) do not fit the open model (28 × 28 grey)")
    assert text in application.window.notifications.messages()
    assert "not of the open images" in find(application, "mapFreshness").text()
