"""A decoded image is compared with every image of the dataset, in several pieces."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from latentlab.api import load_dataset
from latentlab.engine.protocol.messages import CopyMeasured, MeasureCopy
from latentlab.engine.worker.interactive import InteractiveRequests
from latentlab.engine.worker.workspace import Workspace
from latentlab.models.inference import load_model

COUNT = 120


@pytest.fixture(scope="module")
def model():
    return load_model("bundled:mnist-2d", device="cpu")


@pytest.fixture(scope="module")
def dataset(model, tmp_path_factory):
    """Noise, and among it one image that the model decodes from (0.5, −1)."""
    images = np.random.default_rng(0).integers(0, 256, (COUNT, 28, 28), np.uint8)
    images[77] = np.rint(model.decode([[0.5, -1.0]])[0, 0] * 255)
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(path, images=images)
    return load_dataset(path)


@pytest.fixture
def sent():
    return []


@pytest.fixture
def workspace(model, dataset, sent):
    workspace = Workspace(sent.append)
    workspace.model, workspace.dataset, workspace.points_data, workspace.version = (
        model,
        dataset,
        dataset.fingerprint,
        3,
    )
    return workspace


@pytest.fixture
def interactive(workspace, monkeypatch):
    monkeypatch.setattr("latentlab.engine.worker.copy_search._VALUES", 28 * 28 * 16)  # 16 images at a time
    return InteractiveRequests(workspace)


def answer(interactive, request) -> int:
    interactive.answer(request)
    pieces = 0
    while interactive.working_on:
        interactive.advance()
        pieces += 1
    return pieces


def test_the_copied_image_is_found_and_the_distances_are_those_of_all_pairs(interactive, model, dataset, sent):
    z = np.array([0.5, -1.0], np.float32)
    first = answer(interactive, MeasureCopy(4, z))
    (measured,) = sent
    assert isinstance(measured, CopyMeasured)
    assert (measured.number, measured.generation, measured.model_version) == (77, 4, 3)
    pixels = np.asarray(dataset.images).reshape(COUNT, -1) / 255
    distances = cdist(model.decode(z[None]).reshape(1, -1), pixels)[0]
    assert measured.distance == pytest.approx(distances.min(), abs=1e-4)
    assert measured.around == pytest.approx(np.sort(distances)[:50].mean(), rel=1e-4)
    pairs = cdist(pixels, pixels)
    np.fill_diagonal(pairs, np.inf)
    assert measured.typical == pytest.approx(np.median(pairs.min(axis=1)), rel=0.05)  # of 64 of them
    second = answer(interactive, MeasureCopy(5, z + 1))
    assert 8 < second < first  # what is typical is measured once


def test_nothing_is_said_about_images_that_the_points_do_not_encode(interactive, workspace, sent):
    workspace.points_data = "another"
    answer(interactive, MeasureCopy(1, np.zeros(2, np.float32)))
    assert not sent
