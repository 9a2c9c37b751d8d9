"""Opening images: what is asked of the engine, and what panel, session and status line are told."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.controllers.data import DataController
from latentlab.engine.messages import (
    CancelLoading,
    DatasetCancelled,
    DatasetOpened,
    DatasetProgress,
    EncodeDataset,
    Failed,
    OpenDataset,
)
from latentlab.gui.data_panel import DataPanel
from latentlab.gui.status import Status
from tests.controllers.conftest import model_info
from tests.controllers.test_recovery import dataset_info


@pytest.fixture
def parts(qtbot, session, engine):
    panel, status = DataPanel(), Status()
    for widget in (panel, status):
        qtbot.addWidget(widget)
    return DataController(session, engine, panel, status), panel, status


def opened(engine) -> None:
    engine.datasetOpened.emit(DatasetOpened(dataset_info(), np.zeros((8, 8), np.uint8)))


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
def test_what_was_open_stays_when_opening_ends_without_images(parts, session, engine, end):
    controller, panel, status = parts
    opened(engine)
    controller.open("other")
    panel.cancelRequested.emit()
    assert engine.count(CancelLoading) == 1
    (engine.failed if isinstance(end, Failed) else engine.datasetCancelled).emit(end)
    assert session.dataset == dataset_info()
    assert status.message() == "Ready"


@pytest.mark.parametrize(("shape", "encoded"), [((1, 8, 8), 1), ((1, 28, 28), 0)])
def test_images_that_the_live_model_takes_are_put_on_the_map(parts, session, engine, shape, encoded):
    session.set_model(model_info(image_shape=shape), 1, fresh=True)
    opened(engine)
    assert engine.count(EncodeDataset) == encoded
