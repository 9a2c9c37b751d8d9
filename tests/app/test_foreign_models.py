"""Models of other programs in the real window: opened, encoded, explored, or refused with a recipe."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.cli import main
from latentlab.config import DataConfig
from latentlab.state.selection import Selection
from latentlab.storage import write_model
from latentlab.storage.diffusers_folder import read_diffusers
from tests.app.conftest import SECONDS, find, shown
from tests.exchange import test_pythae
from tests.storage import diffusers_files, onnx_files


def open_model(application, qtbot, path, recipe: str) -> None:
    application.open(str(path))
    session = application.session
    qtbot.waitUntil(lambda: session.model is not None and session.model.recipe == recipe, timeout=SECONDS)
    qtbot.waitUntil(lambda: shown(application).shape[:2] == session.model.image_shape[1:], timeout=SECONDS)


def colours(folder):
    path = folder / "colours.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3)).astype(np.uint8))
    return path


def test_a_folder_of_diffusers_is_explored_by_components(application, qtbot, tmp_path):
    open_model(application, qtbot, diffusers_files.write(tmp_path / "own"), "autoencoder-kl")
    session = application.session
    assert session.model.layout.is_spatial
    assert find(application, "componentsOpenDataset").isVisibleTo(application.window)
    application.open(str(colours(tmp_path)))
    qtbot.waitUntil(lambda: session.points is not None and len(session.points.mean) == 12, timeout=SECONDS)
    assert session.points.mean.shape == (12, 128)
    assert session.axes.is_principal
    qtbot.waitUntil(lambda: bool(session.latent.any()), timeout=SECONDS)
    before = shown(application)
    find(application, "componentSlider0").setValue(3.0)
    qtbot.waitUntil(lambda: not np.array_equal(shown(application), before), timeout=SECONDS)


def test_an_imported_model_file_opens_by_a_drop(application, qtbot, tmp_path):
    own = diffusers_files.write(tmp_path / "own", diffusers_files.TINY)
    write_model(tmp_path / "small.safetensors", read_diffusers(own, 16))
    application.window.pathsDropped.emit([str(tmp_path / "small.safetensors")])
    qtbot.waitUntil(lambda: application.session.model.recipe == "autoencoder-tiny", timeout=SECONDS)
    qtbot.waitUntil(lambda: shown(application).shape == (16, 16, 3), timeout=SECONDS)


def open_images(application, qtbot, folder, shape) -> None:
    """Open 12 random images of the model's shape; they are encoded and on the map."""
    channels, height, width = shape
    pixels = np.random.default_rng(0).integers(0, 256, (12, height, width, channels)).astype(np.uint8)
    np.savez(folder / "own.npz", images=pixels)
    application.data.open(str(folder / "own.npz"), DataConfig(channels=channels, image_size=width, image_height=height))
    session = application.session
    qtbot.waitUntil(lambda: session.points is not None and len(session.points.mean) == 12, timeout=SECONDS)


def drag_first_slider(application, qtbot) -> None:
    before = shown(application)
    find(application, "latentSlider0").setValue(2.5)
    qtbot.waitUntil(lambda: not np.array_equal(shown(application), before), timeout=SECONDS)


def test_an_imported_model_of_pythae_is_explored(application, qtbot, tmp_path):
    shape = (1, 8, 8)
    own = test_pythae.write(tmp_path / "own", pythae_networks(shape), input_dim=list(shape))
    assert main(["import", str(own), "--out", str(tmp_path / "own.safetensors")]) == 0
    open_model(application, qtbot, tmp_path / "own.safetensors", "pythae-vae")
    drag_first_slider(application, qtbot)
    open_images(application, qtbot, tmp_path, shape)
    assert application.session.model.has_likelihood
    assert find(application, "sampleAll").isEnabled()


def pythae_networks(shape) -> dict[str, torch.Tensor]:
    """Small random weights of Pythae's default networks for images of another shape."""
    pixels = int(np.prod(shape))
    return {
        name: torch.randn([pixels if size == 24 else size for size in values.shape]) * 0.1
        for name, values in test_pythae.networks(is_variational=True).items()
    }


def test_an_onnx_package_is_explored(application, qtbot, tmp_path):
    open_model(application, qtbot, onnx_files.write(tmp_path / "package"), "onnx")
    drag_first_slider(application, qtbot)
    model = application.session.model
    assert (model.has_encoder, model.has_likelihood) == (True, False)
    assert not find(application, "pixelSigma").isEnabled()
    assert not application.window.actions_.save_model.isEnabled()


@pytest.mark.logs("never opened")
@pytest.mark.parametrize("name", ["vae.pt", "vae.keras"])
def test_a_file_of_another_program_is_refused_with_its_recipe(application, qtbot, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    before = application.session.model
    with qtbot.waitSignal(application.engine.failed, timeout=SECONDS) as signal:
        application.window.pathsDropped.emit([str(path)])
    assert signal.args[0].expected
    assert len(signal.args[0].details.splitlines()) >= 5
    assert find(application, "notificationDetails").isVisibleTo(application.window)
    assert application.session.model is before


def test_a_table_of_latents_shows_its_nearest_images(application, qtbot, tmp_path, folder):
    """Points of two classes far from each other, whose images are dark or light."""
    names = [str(path.relative_to(tmp_path)) for path in sorted(folder.rglob("*.png"))]
    places = [(-2.0, 0.1 * row) if "dark" in name else (2.0, 0.1 * row) for row, name in enumerate(names)]
    lines = [f"{name},{name.split('/')[1]},{x},{y}" for name, (x, y) in zip(names, places, strict=True)]
    (tmp_path / "map.csv").write_text("\n".join(["path,label,x,y", *lines, "absent.png,dark,0,0"]))
    open_model(application, qtbot, tmp_path / "map.csv", "table")
    session = application.session
    qtbot.waitUntil(lambda: session.points is not None and len(session.points.mean) == 41, timeout=SECONDS)
    assert session.points.classes == ("dark", "light")
    assert any("1 of the 41 images" in message for message in application.window.notifications.messages())
    for x, is_light in ((-2.0, False), (2.0, True)):
        find(application, "latentSlider0").setValue(x)
        qtbot.waitUntil(lambda light=is_light: bool((shown(application).mean() > 130) == light), timeout=SECONDS)
    assert not session.model.has_decoder
    assert find(application, "filmstrip").kind() == "traverse"
    assert not application.window.actions_.open_image.isEnabled()
    for name in ("sampleAll", "latentDice0", "latentName0"):
        assert not find(application, name).isEnabled()
        assert "a table of latents" in " ".join(find(application, name).toolTip().split())
    assert not find(application, "actionExportFilm").isEnabled()
    assert "nearest image of the table" in find(application, "mapView").text()


def test_the_images_of_a_table_of_latents_are_open_with_it(application, qtbot, tmp_path, folder):
    """One row names an image that is not there, which has a point and no image."""
    names = [str(path.relative_to(tmp_path)) for path in sorted(folder.rglob("*.png"))]
    lines = ["absent.png,dark,0,0", *(f"{name},{name.split('/')[1]},{row},1" for row, name in enumerate(names))]
    (tmp_path / "map.csv").write_text("\n".join(["path,label,x,y", *lines]))
    open_model(application, qtbot, tmp_path / "map.csv", "table")
    session, window = application.session, application.window
    qtbot.waitUntil(lambda: session.points is not None and session.points.index is not None, timeout=SECONDS)
    assert session.dataset.images == 40
    assert session.points.fingerprint == session.dataset.fingerprint
    assert session.points.index.tolist() == [40, *range(40)]
    assert not find(application, "datasetMisfit").text()
    found = []
    application.engine.nearestFound.connect(found.append)
    session.set_latent([17, 1])
    qtbot.waitUntil(lambda: bool(found) and found[-1].z[0].tolist() == [17, 1], timeout=SECONDS)
    assert found[-1].paths[0] == names[17]
    assert found[-1].images.shape == (8, 16, 16, 3)
    session.set_latent([0, 0])
    qtbot.waitUntil(lambda: found[-1].z[0].tolist() == [0, 1], timeout=SECONDS)
    assert found[-1].numbers.tolist() == list(range(8)), "the nearest point has no image"
    session.set_selection(Selection(np.arange(5, 9), session.dataset.fingerprint, "lasso"))
    qtbot.waitUntil(lambda: find(application, "meanImage").isVisibleTo(window.selection_panel), timeout=SECONDS)
    window.selection_panel.exportRequested.emit("folder", str(tmp_path / "links"))
    links = tmp_path / "links" / "dark"
    qtbot.waitUntil(lambda: links.is_dir() and len(list(links.iterdir())) == 4, timeout=SECONDS)
    assert {path.resolve() for path in links.iterdir()} == {(tmp_path / name).resolve() for name in names[5:9]}
