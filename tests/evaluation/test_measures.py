"""Figures of a model by name: against points whose distribution is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from latentlab import load_dataset, load_model
from latentlab.config import lessons
from latentlab.errors import InputError
from latentlab.evaluation.measures import MEASURES, measure, nearest_distances

IMAGES = 2000


class PlacedModel:
    """A model that encodes image i to the i-th of some places, with a small posterior."""

    image_shape = (1, 4, 4)
    header = SimpleNamespace(model=SimpleNamespace(conditional=False))

    def __init__(self, places):
        self.places = places.astype(np.float32)

    def labels_of(self, _dataset):
        return SimpleNamespace(labels=np.full(IMAGES, -1))

    def encode(self, images, _labels):
        index = images.reshape(len(images), -1)[:, :2].astype(int) @ (1, 256)
        return self.places[index], np.full((len(index), 2), 0.05, np.float32)

    def sample_prior(self, count, seed=0):
        return np.random.default_rng(seed + 1).standard_normal((count, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def numbered():
    """Images whose first two pixels are their number."""
    images = np.zeros((IMAGES, 1, 4, 4), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.arange(IMAGES) % 256, np.arange(IMAGES) // 256
    split = np.arange(IMAGES), np.arange(0)
    return SimpleNamespace(images=images, image_shape=(1, 4, 4), split=lambda: split, factors=None)


def of(places, dataset, *names):
    return dict(measure(PlacedModel(places), dataset, names))


def test_latents_that_are_distributed_as_the_prior_are_not_outside_it_and_leave_no_hole(numbered):
    z = np.random.default_rng(0).standard_normal((IMAGES, 2))
    found = of(z, numbered, "outside-prior", "samples-off-data")
    assert found["outside-prior"] == pytest.approx(0.01, abs=0.008)
    assert found["samples-off-data"] < 0.04
    wide = of(5 * z, numbered, "outside-prior")
    # P(|5 z| > 3.03) of two standard normal numbers
    assert wide["outside-prior"] == pytest.approx(np.exp(-((3.035 / 5) ** 2) / 2), abs=0.03)


def test_samples_of_the_prior_in_a_hole_of_the_data_are_counted(numbered):
    z = np.random.default_rng(0).standard_normal((3 * IMAGES, 2))
    ring = z[np.linalg.norm(z, axis=1) > 1][:IMAGES]
    found = of(ring, numbered, "samples-off-data")
    assert 0.2 < found["samples-off-data"] < 1 - np.exp(-0.5)  # of the prior 39 % lie within one unit


def test_latents_of_the_prior_fill_the_cells_of_equal_probability_more_evenly(numbered):
    z = np.random.default_rng(0).standard_normal((IMAGES, 2))
    found = of(z, numbered, "grid-cells-even", "grid-cells-quantile")
    assert found["grid-cells-quantile"] > 0.99
    assert found["grid-cells-even"] < 0.8


def test_nearest_distances_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    points, others = rng.normal(size=(50, 5)), rng.normal(size=(70, 5))
    expected = NearestNeighbors(n_neighbors=1).fit(others).kneighbors(points)[0][:, 0]
    assert nearest_distances(points, others) == pytest.approx(expected)
    own = NearestNeighbors(n_neighbors=2).fit(points).kneighbors(points)[0][:, 1]
    assert nearest_distances(points, points, skip_same=True) == pytest.approx(own)


def test_every_figure_of_the_lessons_is_measured_and_the_same_again():
    assert set(MEASURES) == set(lessons.MEASURES)
    dataset, model = load_dataset("demo:shapes", limit=60), load_model("bundled:shapes-6d", "cpu")
    names = [name for name in MEASURES if name != "perplexity"]
    found = dict(measure(model, dataset, names))
    assert list(found) == names
    assert np.isfinite(list(found.values())).all()
    assert found["elbo"] == pytest.approx(-found["rate"] - found["distortion"])
    assert dict(measure(model, dataset, ["sample-distance"])) == {"sample-distance": found["sample-distance"]}


def test_what_cannot_be_measured_is_refused_in_a_sentence():
    dataset, model = load_dataset("demo:shapes", limit=20), load_model("bundled:shapes-6d", "cpu")
    with pytest.raises(InputError, match="no figure 'luck'"):
        list(measure(model, dataset, ["luck"]))
    with pytest.raises(InputError, match="the model has no codes"):
        list(measure(model, dataset, ["perplexity"]))
    small = load_dataset("demo:shapes", limit=20, image_size=32)
    with pytest.raises(InputError, match="images of shape"):
        list(measure(model, small, ["rate"]))
