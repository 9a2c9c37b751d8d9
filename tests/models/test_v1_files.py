"""Model files written by an earlier version open, and give the same latents and images.

The files in ``tests/fixtures/v1/models`` were written by the program at commit 42809bb: tiny networks, two epochs of
``demo:shapes`` at 8 × 8 pixels. ``expected.npz`` holds what that program computed with them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import latentlab

FOLDER = Path(__file__).parents[1] / "fixtures" / "v1" / "models"
FILES = sorted(path.stem for path in FOLDER.glob("*.safetensors"))
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module")
def expected():
    with np.load(FOLDER / "expected.npz") as arrays:
        return dict(arrays)


def test_there_are_files_of_every_family():
    families = {latentlab.load_model(FOLDER / f"{name}.safetensors", "cpu").header.model.family for name in FILES}
    assert families == {"vae", "factor", "vae-gan", "vq", "ladder", "wake-sleep", "semi-supervised"}


@pytest.mark.parametrize("name", FILES)
def test_latents_and_images_are_the_same(expected, name):
    model = latentlab.load_model(FOLDER / f"{name}.safetensors", "cpu")
    labels = expected["labels"] if model.module.classes else None
    mean, std = model.encode(expected["images"], labels)
    np.testing.assert_allclose(mean, expected[f"{name}/mean"], **TOLERANCE)
    np.testing.assert_allclose(std, expected[f"{name}/std"], **TOLERANCE)
    np.testing.assert_allclose(model.decode(mean, labels), expected[f"{name}/decoded"], **TOLERANCE)


@pytest.mark.parametrize("name", FILES)
def test_samples_of_the_prior_are_the_same(expected, name):
    model = latentlab.load_model(FOLDER / f"{name}.safetensors", "cpu")
    z = model.sample_prior(4, seed=5)
    np.testing.assert_allclose(z, expected[f"{name}/prior"], **TOLERANCE)
    labels = expected["labels"] if model.module.classes else None
    np.testing.assert_allclose(model.decode(z, labels), expected[f"{name}/decoded_prior"], **TOLERANCE)


def test_points_and_preview_are_read():
    model = latentlab.load_model(FOLDER / "vae.safetensors", "cpu")
    assert model.points is not None
    assert model.points.mean.shape == (24, 2)
    assert model.preview is not None
    assert model.preview.dtype == np.uint8
