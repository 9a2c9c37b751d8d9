"""An image file is shown as the current model encodes it, and removed with that model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QPushButton

from latentlab.controllers.commands import MoveLatent
from latentlab.controllers.decoded_image import DecodedImageController
from latentlab.controllers.encoded_image import EncodedImageController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.latent_map import MapController
from latentlab.controllers.neighbours import NeighboursController
from latentlab.engine.protocol.messages import EncodeImage, Failed, ImageEncoded
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.decoded_image import DecodedImage
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.gui.widgets.qimage import PixelView
from latentlab.gui.widgets.toasts import Toasts
from tests.controllers.conftest import model_info, one_nearest, some_points


@pytest.fixture
def parts(qtbot, session, engine, undo):
    panel, latent_map, sliders = DecodedImage(), LatentMap(), LatentSliders()
    for widget in (panel, latent_map, sliders):
        qtbot.addWidget(widget)
    notifications = Toasts(panel)
    explore = ExploreController(session, undo, latent_map, sliders, panel)
    MapController(session, engine, latent_map, latent_map)
    DecodedImageController(session, engine, panel, panel)
    NeighboursController(session, engine, explore, undo, panel.nearest, panel)
    controller = EncodedImageController(session, engine, undo, panel, notifications, panel)
    session.set_model(model_info(2, name="first"), 1, is_new_model=True)
    return controller, panel, latent_map, notifications


def encoded(path: str = "face.png", version: int = 1, mean: tuple[float, ...] = (1.0, -1.0)) -> ImageEncoded:
    return ImageEncoded(
        version, path, np.array(mean, np.float32), np.full(len(mean), 0.3, np.float32),
        np.full((8, 8), 200, np.uint8), np.full((8, 8), 100, np.uint8), 12.5, 3.0,
    )  # fmt: skip


def grey(panel: DecodedImage, name: str) -> int | None:
    picture = panel.findChild(PixelView, name).picture()
    return None if picture is None else picture.pixelColor(0, 0).red()


def messages(notifications: Toasts) -> str:
    return "\n".join(each.text() for each in notifications.findChildren(QLabel))


def test_honest_the_file_is_shown_beside_its_reconstruction_with_its_error(parts, session, engine):
    controller, panel, _, _ = parts
    controller.open("photos/face.png")
    assert engine.last(EncodeImage) == EncodeImage("photos/face.png")
    engine.imageEncoded.emit(encoded("photos/face.png"))
    session.set_points(some_points())
    engine.nearestFound.emit(one_nearest(10, [0, 0], name="other.png", image=np.full((8, 8), 50, np.uint8)))
    assert (grey(panel, "originalImage"), grey(panel, "reconstructionImage")) == (200, 100)
    strip = panel.findChild(ImageStrip, "nearestStrip")
    assert strip.grab().toImage().pixelColor(strip.tile_rect(0, 0).center()).red() == 50
    assert panel.findChild(QLabel, "encodedImageError").text() == "distortion 12.5, rate 3.0 nats, of one latent"


def test_yours_opening_an_image_is_one_undo_step_with_its_latent(parts, session, engine, undo):
    controller, panel, _, _ = parts
    undo.push(MoveLatent(session, np.array([0.5, 0.5], np.float32), 1))
    controller.open("face.png")
    engine.imageEncoded.emit(encoded())
    assert session.latent.tolist() == [1, -1]
    undo.undo()
    assert session.latent.tolist() == [0.5, 0.5]
    assert grey(panel, "originalImage") is None
    undo.redo()
    assert session.latent.tolist() == [1, -1]
    assert grey(panel, "originalImage") == 200
    panel.encodedImageClosed.emit()
    assert grey(panel, "originalImage") is None
    undo.undo()
    assert grey(panel, "originalImage") == 200
    undo.undo()
    undo.undo()
    assert session.latent.tolist() == [0, 0]


def test_yours_undo_restores_the_previous_class(parts, session, engine, undo):
    controller, _, _, _ = parts
    session.set_model(model_info(2, conditional=True, classes=("a", "b")), 2, is_new_model=True)
    controller.open("face.png")
    engine.imageEncoded.emit(dataclasses.replace(encoded(version=2), label=1))
    assert session.label == 1
    undo.undo()
    assert session.label == 0


def test_honest_the_image_is_removed_with_the_model_that_encoded_it(parts, session, engine, undo):
    controller, panel, _, notifications = parts
    controller.open("face.png")
    engine.imageEncoded.emit(encoded())
    session.set_model(model_info(2, name="second"), 2, is_new_model=True)
    assert session.encoded_image is None
    assert grey(panel, "originalImage") is None
    assert "face.png was encoded by first" in messages(notifications)
    undo.undo()
    undo.redo()
    assert session.latent.tolist() == [1, -1], "the latent space is the same"
    assert session.encoded_image is None, "the second model would encode it otherwise"
    again = next(each for each in notifications.findChildren(QPushButton) if "Encode" in each.text())
    again.click()
    assert engine.count(EncodeImage) == 2
    engine.imageEncoded.emit(encoded(version=2))
    assert grey(panel, "originalImage") == 200


def test_honest_newer_weights_encode_the_image_again_and_its_latent_follows(parts, session, engine, undo, qtbot):
    controller, panel, _, _ = parts
    controller.open("face.png")
    engine.imageEncoded.emit(encoded())
    session.set_model(model_info(2, name="first"), 2, is_new_model=False)
    qtbot.waitUntil(lambda: engine.count(EncodeImage) == 2)
    engine.imageEncoded.emit(encoded(version=2, mean=(2.0, 2.0)))
    assert session.latent.tolist() == [2, 2]
    undo.undo()
    assert session.latent.tolist() == [0, 0], "the image was one step"
    undo.redo()
    qtbot.waitUntil(lambda: engine.count(EncodeImage) == 3)
    engine.imageEncoded.emit(encoded(version=2, mean=(2.0, 2.0)))
    undo.push(MoveLatent(session, np.array([0.5, 0.5], np.float32), 1))
    session.set_model(model_info(2, name="first"), 3, is_new_model=False)
    qtbot.waitUntil(lambda: engine.count(EncodeImage) == 4)
    engine.imageEncoded.emit(encoded(version=3, mean=(3.0, 3.0)))
    assert session.latent.tolist() == [0.5, 0.5], "it was moved away by the user"
    assert session.encoded_image.model_version == 3
    assert grey(panel, "originalImage") == 200


def test_honest_an_image_that_newer_weights_cannot_encode_is_removed(parts, session, engine, qtbot):
    controller, panel, _, notifications = parts
    controller.open("face.png")
    engine.imageEncoded.emit(encoded())
    session.set_model(model_info(2, name="first"), 2, is_new_model=False)
    qtbot.waitUntil(lambda: engine.count(EncodeImage) == 2)
    engine.failed.emit(Failed("EncodeImage", "face.png: no such file"))
    assert grey(panel, "originalImage") is None
    assert "face.png could not be encoded again" in messages(notifications)


def test_alive_an_image_opened_while_a_model_opens_is_encoded_by_that_model(parts, session, engine):
    controller, panel, _, _ = parts
    controller.open("face.png")
    session.set_model(model_info(3, name="second"), 2, is_new_model=True)
    engine.imageEncoded.emit(encoded(version=1))
    assert grey(panel, "originalImage") is None
    assert engine.count(EncodeImage) == 2
    engine.imageEncoded.emit(encoded(version=2, mean=(1.0, 2.0, 3.0)))
    assert session.latent.tolist() == [1, 2, 3]


def test_the_newest_of_two_images_is_shown(parts, session, engine, undo):
    controller, _, _, _ = parts
    controller.open("one.png")
    controller.open("two.png")
    engine.imageEncoded.emit(encoded("one.png", mean=(1.0, 1.0)))
    engine.imageEncoded.emit(encoded("two.png", mean=(2.0, 2.0)))
    assert session.encoded_image.path == "two.png"
    assert undo.count() == 1


def test_an_image_that_the_next_worker_encodes_is_shown(parts, engine, session, qtbot):
    """One that was lost with its worker is refused, and offered again by a notification."""
    controller, panel, _, _ = parts
    lost = Failed("EncodeImage", "Encoding face.png ended with the worker.", again=EncodeImage("face.png"))
    controller.open("face.png")
    engine.failed.emit(lost)
    controller.open("face.png")
    engine.imageEncoded.emit(encoded())
    assert session.encoded_image.path == "face.png"
    session.set_model(model_info(2, name="first"), 2, is_new_model=False)
    qtbot.waitUntil(lambda: engine.count(EncodeImage) == 3)
    engine.failed.emit(lost)
    assert grey(panel, "originalImage") is not None, "it is encoded again when the next worker has opened the model"
    session.set_model(model_info(2, name="first"), 3, is_new_model=False)
    qtbot.waitUntil(lambda: engine.count(EncodeImage) == 4)


def test_honest_the_ellipse_is_the_image_files_posterior_while_the_latent_is_its_mean(
    parts, session, engine, monkeypatch
):
    controller, _, latent_map, _ = parts
    drawn = []
    monkeypatch.setattr(latent_map, "set_posterior", lambda mean, covariance=None: drawn.append((mean, covariance)))
    session.set_points(some_points())
    controller.open("face.png")
    engine.imageEncoded.emit(encoded())
    near = one_nearest(20, [0.7, 0.7], name="other.png")
    engine.nearestFound.emit(near)
    mean, covariance = drawn[-1]
    np.testing.assert_allclose(mean, [1, -1])
    np.testing.assert_allclose(covariance, np.eye(2) * 0.09, rtol=1e-5)
    session.set_latent([0.0, 0.0])
    assert drawn[-1][0] is None
    session.set_latent(near.z[0])
    np.testing.assert_allclose(drawn[-1][0], [0.7, 0.7])
