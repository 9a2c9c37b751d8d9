"""Opening images: requests to the engine, and updates of panel, session and status line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QAbstractButton

from latentlab.config import DataConfig
from latentlab.config.events import Finished
from latentlab.controllers.data import DataController
from latentlab.engine.protocol.messages import (
    CancelLoading,
    DatasetCancelled,
    DatasetClosed,
    DatasetOpened,
    DatasetPreview,
    DatasetProgress,
    EncodeDataset,
    Failed,
    OpenDataset,
    PreviewDataset,
    TrainingEvent,
)
from latentlab.gui.panels.data import DataPanel
from latentlab.gui.widgets.qimage import PixelView
from tests.controllers.conftest import model_info, some_points
from tests.controllers.test_autosave import dataset_info


@pytest.fixture
def parts(qtbot, session, engine, activity, status):
    panel = DataPanel()
    qtbot.addWidget(panel)
    return DataController(session, engine, panel, activity), panel, status


def opened(engine) -> None:
    engine.datasetOpened.emit(DatasetOpened(dataset_info(), np.zeros((8, 8), np.uint8)))


def test_a_source_opens_with_all_its_classes_while_none_of_the_open_images_is_checked(parts, engine, qtbot):
    controller, panel, _ = parts
    classes = replace(dataset_info(), classes=("cat", "dog"), class_counts=(5, 5))
    panel.set_info(classes)
    panel.findChild(QAbstractButton, "classesFold").click()
    panel.findChild(QAbstractButton, "noClasses").click()
    with qtbot.waitSignal(panel.configRefused):  # dropped again: an exception would end in a report
        controller.open("photos")
    assert engine.count(OpenDataset) == 0
    controller.open("others")
    assert engine.last(OpenDataset).config.classes == ()


def test_progress_is_shown_until_the_images_are_open(parts, session, engine, qtbot):
    controller, _, status = parts
    controller.open("photos")
    assert engine.last(OpenDataset).source == "photos"
    engine.datasetProgress.emit(DatasetProgress("Reading images", 5, 10))
    assert status.message() == "Reading images"
    with qtbot.waitSignal(controller.opened):
        opened(engine)
    assert session.dataset == dataset_info()
    assert status.message() == "Ready"


@pytest.mark.parametrize("end", [DatasetCancelled(), Failed("OpenDataset", "there are no images in photos")])
def test_the_open_dataset_stays_when_another_cannot_be_opened(parts, session, engine, end):
    controller, panel, status = parts
    opened(engine)
    controller.open("other")
    panel.cancelRequested.emit()
    assert engine.count(CancelLoading) == 1
    (engine.failed if isinstance(end, Failed) else engine.datasetCancelled).emit(end)
    assert session.dataset == dataset_info()
    assert status.message() == "Ready"


@pytest.mark.parametrize(("shape", "encoded"), [((1, 8, 8), 1), ((1, 28, 28), 0)])
def test_images_that_fit_the_current_model_are_encoded(parts, session, engine, shape, encoded):
    session.set_model(model_info(image_shape=shape), 1, is_new_model=True)
    opened(engine)
    assert engine.count(EncodeDataset) == encoded


@pytest.mark.parametrize(
    ("shape", "state", "encoded"), [((1, 8, 8), "idle", 1), ((1, 9, 9), "idle", 0), ((1, 8, 8), "running", 0)]
)
def test_images_are_encoded_by_a_model_that_is_opened_after_them(parts, session, engine, shape, state, encoded):
    opened(engine)
    session.set_run_state(state)
    session.set_model(model_info(image_shape=shape), 1, is_new_model=True)
    assert engine.count(EncodeDataset) == encoded
    session.set_model(model_info(image_shape=shape), 2, is_new_model=False)
    assert engine.count(EncodeDataset) == encoded, "newer weights of the same model"


def preview(source: str, value: int) -> DatasetPreview:
    return DatasetPreview(source, DataConfig(), (1, 8, 8), np.full((8, 8), value, np.uint8))


def grey_shown(panel) -> int:
    picture = panel.findChild(PixelView, "contactSheet").picture()
    return picture.pixelColor(0, 0).red()


def test_the_first_images_are_previewed_until_opening_ends_or_is_cancelled(parts, engine):
    controller, panel, _ = parts
    opened(engine)
    controller.open("other")
    engine.datasetPreview.emit(preview("other", 99))
    assert grey_shown(panel) == 99
    engine.datasetCancelled.emit(DatasetCancelled())
    assert grey_shown(panel) == 0


def test_changed_controls_are_previewed_on_images_of_the_open_dataset(parts, session, engine):
    _, panel, _ = parts
    opened(engine)
    panel.previewRequested.emit("photos", DataConfig(invert=True))
    assert engine.last(PreviewDataset) == PreviewDataset("photos", DataConfig(invert=True))
    assert not engine.count(OpenDataset)
    engine.datasetPreview.emit(preview("one that was open before", 50))
    assert grey_shown(panel) == 0
    engine.datasetPreview.emit(preview("photos", 60))
    assert grey_shown(panel) == 60
    assert session.dataset == dataset_info()


@pytest.mark.parametrize("end", ["points", "failure"])
def test_the_progress_of_encoding_ends_with_it(parts, session, engine, end):
    _, _, status = parts
    session.set_model(model_info(image_shape=(1, 8, 8)), 1, is_new_model=True)
    opened(engine)
    engine.datasetProgress.emit(DatasetProgress("Encoding images", 5, 10))
    assert status.message() == "Encoding images"
    if end == "points":
        engine.pointsChanged.emit(some_points())
    else:
        engine.failed.emit(Failed("EncodeDataset", "there is too little memory for this"))
    assert status.message() == "Ready"


@pytest.mark.parametrize(("kept", "encoded"), [(4, 1), (10, 0)])
def test_all_images_are_encoded_after_a_run_whose_model_file_keeps_only_some(parts, session, engine, kept, encoded):
    opened(engine)
    session.set_points(some_points(count=kept))
    engine.trainingEvent.emit(TrainingEvent(Finished("run", "run/model.safetensors", 1, 1.0)))
    assert engine.count(EncodeDataset) == encoded


def test_row_44_images_that_the_next_worker_cannot_open_are_not_shown_any_more(parts, session, engine):
    _, panel, _ = parts
    opened(engine)
    engine.datasetClosed.emit(DatasetClosed())
    assert session.dataset is None
    assert panel.findChild(object, "datasetPath").text() == "No dataset is open"


def test_row_44_images_that_the_next_worker_opens_again_are_encoded_again(parts, session, engine):
    """An encoding that was lost with its worker is not sent again by the client."""
    session.set_model(model_info(), 1, is_new_model=True)
    opened(engine)
    opened(engine)
    assert engine.count(EncodeDataset) == 2
