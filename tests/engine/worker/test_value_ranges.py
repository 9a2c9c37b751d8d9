"""The worker encodes open images, and single ones, with the value range of the model's training images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from latentlab.config import DataConfig
from latentlab.engine.protocol.messages import (
    DatasetOpened,
    EncodeDataset,
    EncodeImage,
    ImageEncoded,
    Notice,
    OpenDataset,
    OpenModel,
    PointsChanged,
)
from latentlab.models.inference import load_model
from latentlab.storage import read_model, write_model

DARK = np.random.default_rng(5).integers(0, 901, (12, 8, 8)).astype(np.uint16)


@pytest.fixture(scope="module")
def twelve_bit_model(model_file, tmp_path_factory):
    """The small model, as if it was trained on images with values 0 to 4,095."""
    file = read_model(model_file)
    data = {**file.header.data, "ranges": {"whole": [0, 4095]}}
    path = tmp_path_factory.mktemp("models") / "twelve.safetensors"
    write_model(path, replace(file, header=file.header.model_copy(update={"data": data})))
    return path


@pytest.fixture
def asked(driver, twelve_bit_model, tmp_path):
    """A worker with that model, and the opening of dark images with the given settings."""

    def ask(**settings):
        np.save(tmp_path / "dark.npy", DARK)
        driver.ask(OpenModel(str(twelve_bit_model)), OpenDataset(str(tmp_path / "dark.npy"), DataConfig(**settings)))
        info = driver.wait(DatasetOpened).info
        driver.ask(EncodeDataset())
        *before, points = driver.until(PointsChanged, lambda points: points.fingerprint == info.fingerprint)
        return info, points, [each.message for each in before if isinstance(each, Notice)]

    return ask


def latents(model, high):
    images = np.rint(np.minimum(DARK, high) * (255 / high)).astype(np.uint8)
    return load_model(model, "cpu").encode(images[:, None])[0]


def test_open_images_are_encoded_with_the_models_range_and_shown_with_their_own(asked, twelve_bit_model):
    info, points, notices = asked()
    assert info.value_range == (0, 1023)
    np.testing.assert_allclose(points.mean, latents(twelve_bit_model, 4095), atol=1e-5)
    assert points.fingerprint == info.fingerprint, "they are the points of the open images"
    assert any("with 0 as black and 4,095 as white, as the model's training images" in text for text in notices)


def test_a_range_set_by_hand_is_kept_and_the_difference_said(asked, twelve_bit_model):
    _, points, notices = asked(levels="0,2000")
    np.testing.assert_allclose(points.mean, latents(twelve_bit_model, 2000), atol=1e-5)
    assert any("2,000 as white as set, and the model was trained with" in text for text in notices)


def test_a_single_image_is_encoded_with_the_models_range(driver, twelve_bit_model, tmp_path):
    Image.fromarray(DARK[0]).save(tmp_path / "dark.png")
    driver.ask(OpenModel(str(twelve_bit_model)), EncodeImage(str(tmp_path / "dark.png")))
    found = driver.wait(ImageEncoded)
    np.testing.assert_allclose(found.mean, latents(twelve_bit_model, 4095)[0], atol=1e-5)
