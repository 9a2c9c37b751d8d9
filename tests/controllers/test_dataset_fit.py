"""Images that do not fit the open model: reported in the Data panel, in a notice and on the map."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QLabel, QWidget

from latentlab.config.capabilities import Capabilities
from latentlab.controllers.data import DatasetFitController
from latentlab.controllers.latent_map import MapController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.data import DataPanel
from latentlab.gui.panels.dataset_facts import misfit
from latentlab.gui.widgets.toasts import Toasts
from tests.controllers.conftest import model_info, some_points
from tests.controllers.test_autosave import dataset_info

EIGHT, FACES = (1, 8, 8), (1, 28, 20)


@pytest.fixture
def texts(qtbot, session, engine):
    """The texts of the Data panel, of the notifications and of the map's note."""
    window = QWidget()
    qtbot.addWidget(window)
    panel, notifications, latent_map = DataPanel(window), Toasts(window), LatentMap(window)
    DatasetFitController(session, panel, notifications, window)
    MapController(session, engine, latent_map, window)
    return lambda: (
        panel.findChild(QLabel, "datasetMisfit").text(),
        notifications.messages(),
        latent_map.findChild(QLabel, "mapFreshness").text(),
    )


def faces(**changes):
    return replace(dataset_info(), **({"image_shape": FACES, "fingerprint": "faces"} | changes))


def test_honest_images_that_do_not_fit_are_reported_as_not_on_the_map(texts, session):
    """*Honest*: points of other images are not shown as if they were those of the open dataset."""
    session.set_model(model_info(data={"fingerprint": "digits"}), 1, is_new_model=True)
    session.set_points(replace(some_points(), fingerprint="digits"))
    assert texts() == ("", [], "")
    session.set_dataset(faces())
    panel, notices, note = texts()
    assert panel == (
        "These images (20 × 28 grey) do not fit the open model (8 × 8 grey) and are not on the map:"
        " train a model on them, or read them again with image size 8."
    )
    assert notices == [panel]
    assert note == "points of the model's training images, not of the open images"


def test_honest_points_of_an_earlier_dataset_say_so(texts, session):
    """*Honest*: the same for points of another dataset."""
    session.set_model(model_info(data={"fingerprint": "digits"}), 1, is_new_model=True)
    session.set_points(replace(some_points(), fingerprint="more digits"))
    session.set_dataset(faces())
    assert texts()[2] == "points of the images that were open before, not of the open images"


def test_the_texts_disappear_when_images_and_model_fit(texts, session):
    session.set_dataset(faces())
    session.set_model(model_info(), 1, is_new_model=True)
    assert texts()[0]
    session.set_model(model_info(image_shape=FACES), 2, is_new_model=True)
    session.set_points(replace(some_points(version=2), fingerprint="faces"))
    assert texts() == ("", [], "")


def test_images_that_a_model_cannot_encode_are_said_not_to_be_on_the_map(texts, session):
    session.set_dataset(faces())
    session.set_model(model_info(image_shape=FACES, capabilities=Capabilities(has_encoder=False)), 1, is_new_model=True)
    assert texts()[0] == "These images are not on the map: the open model has no encoder."
    assert texts()[1] == [texts()[0]]
    session.set_model(model_info(image_shape=FACES), 2, is_new_model=True)
    assert texts()[:2] == ("", [])


def test_during_a_run_the_note_names_the_epoch_of_the_points(texts, session):
    session.set_model(model_info(), 1, is_new_model=True)
    session.set_points(replace(some_points(), fingerprint="digits", epoch=2.5))
    session.set_dataset(faces())
    session.set_run_state("running")
    assert texts()[2] == "epoch 2.5"


@pytest.mark.parametrize(
    ("images", "model", "remedy"),
    [
        ((3, 8, 8), EIGHT, "train a model on them, or read them again with 1 channel."),
        ((3, 16, 16), EIGHT, "train a model on them, or read them again with image size 8 and 1 channel."),
        ((1, 16, 16), FACES, "train a model on them, or read them again with image size 20 and image height 28."),
        ((1, 28, 20), (3, 28, 20), "train a model on them, or read them again with 3 channels."),
    ],
)
def test_the_suggested_settings_would_make_the_images_fit(images, model, remedy):
    assert misfit(images, model).endswith(f"are not on the map: {remedy}")


def test_nothing_is_notified_of_images_that_a_lesson_opens(qtbot, session):
    window = QWidget()
    qtbot.addWidget(window)
    panel, notifications = DataPanel(window), Toasts(window)
    DatasetFitController(session, panel, notifications, window).is_user_opening = lambda: False
    session.set_model(model_info(), 1, is_new_model=True)
    session.set_dataset(faces())
    assert panel.findChild(QLabel, "datasetMisfit").text()
    assert notifications.messages() == []
