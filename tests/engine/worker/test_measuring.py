"""Figures of the current model on the open images, and closing these."""

from __future__ import annotations

import pytest

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.engine.protocol.messages import (
    CancelLoading,
    CloseDataset,
    DatasetClosed,
    DatasetOpened,
    Failed,
    MeasureModel,
    ModelMeasured,
    OpenDataset,
)
from latentlab.evaluation.measures import measure
from latentlab.models.inference import load_model

NAMES = ("rate", "distortion", "outside-prior")


def test_figures_are_those_of_the_model_and_the_images(driver, model_file, image_file):
    driver.ask(OpenDataset(str(image_file), DataConfig()), MeasureModel(4, NAMES))
    measured = driver.wait(ModelMeasured)
    expected = dict(measure(load_model(model_file, "cpu"), load_dataset(image_file), NAMES))
    assert measured.generation == 4
    assert measured.values == pytest.approx(expected, rel=1e-4)


def test_a_measurement_is_answered_although_an_opening_is_cancelled(driver, image_file):
    driver.ask(MeasureModel(5, NAMES), OpenDataset("demo:shapes", DataConfig(image_size=160)), CancelLoading())
    assert set(driver.wait(ModelMeasured).values) == set(NAMES)


@pytest.mark.logs("open a dataset first|no figure")
def test_what_cannot_be_measured_is_refused_and_the_images_can_be_closed(driver, image_file):
    driver.ask(MeasureModel(6, ("luck",)))
    assert driver.wait(Failed).message == "there is no figure 'luck'"
    driver.ask(CloseDataset(), MeasureModel(7, NAMES))
    driver.wait(DatasetClosed)
    assert driver.wait(Failed).message == "open a dataset first"
    driver.ask(OpenDataset(str(image_file), DataConfig()))
    driver.wait(DatasetOpened)
