"""What the worker publishes: numbers that the window can draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentlab.engine.protocol.messages import Notice, PointsChanged
from latentlab.engine.worker.workspace import Workspace, info_of, kl_per_dimension, require_drawable
from latentlab.errors import InputError
from latentlab.storage import Points, read_model

FIXTURES = Path(__file__).parents[2] / "fixtures" / "v1" / "models"


def points(*means):
    mean = np.array([[0.5, -1.0], *means], np.float32)
    return Points(mean, np.ones_like(mean), np.zeros(len(mean), np.int64), np.arange(len(mean)))


def test_row_40_points_beyond_any_range_are_left_out_and_reported_once():
    sent = []
    workspace = Workspace(sent.append)
    for _ in range(2):
        workspace.publish_points(points([np.inf, 0], [3e38, 0], [np.nan, 0], [1e9, -1e9]), (), "f")
    notice, *changed = sent[0], *(result for result in sent if isinstance(result, PointsChanged))
    assert notice == Notice("3 images left out of the map: the model encodes them beyond ±1e+09.")
    assert len(changed) == 2
    for result in changed:
        assert result.mean.tolist() == [[0.5, -1.0], [1e9, -1e9]]
        assert np.isfinite(result.components).all()
        assert np.isfinite(result.kl).all()
    assert workspace.points.index.tolist() == [0, 4]
    assert [type(result) for result in sent].count(Notice) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38, -2e9])
def test_row_40_a_latent_beyond_any_range_is_refused(value):
    latent = np.array([0, 1e9], np.float32)
    assert require_drawable(latent) is latent
    with pytest.raises(InputError, match=r"not finite or beyond ±1e\+09"):
        require_drawable(np.array([0, value], np.float32))


def test_under_a_learned_prior_a_dimension_counts_with_its_mutual_information():
    """Two equally likely, well separated posteriors: I(z; x) = log 2, however far they are from N(0, 1)."""
    side = np.where(np.arange(2000) % 4 < 2, 8.0, -8.0)
    mean = np.stack([side, np.full(2000, 5.0), np.linspace(-20, 20, 2000)], 1).astype(np.float32)
    std = np.array([0.3, 0.2, 1.0], np.float32) * np.ones_like(mean)
    encoded = Points(mean, std, np.zeros(2000, np.int64), np.arange(2000))
    kl = kl_per_dimension(encoded, has_standard_prior=False)
    assert kl[0] == pytest.approx(np.log(2), abs=0.01)
    assert kl[1] == pytest.approx(0, abs=1e-6), "it ignores the image"
    # A uniform distribution of width w, seen with noise of deviation s << w: log w − log(s √(2πe)).
    assert kl[2] == pytest.approx(np.log(40 / np.sqrt(2 * np.pi * np.e)), abs=0.1)
    assert kl_per_dimension(encoded)[1] > 10
    few = kl_per_dimension(encoded.of(np.arange(1)), has_standard_prior=False)
    assert few == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("prior", "expected"), [("standard", 12.5), ("vamp", 0.0)])
def test_the_model_s_prior_decides_how_dimensions_are_measured(prior, expected):
    sent = []
    workspace = Workspace(sent.append)
    header = read_model(FIXTURES / "vae.safetensors").header
    workspace.info = info_of(header, "vae", None)
    workspace.info.config["prior"]["kind"] = prior
    mean = np.full((10, 2), 5.0, np.float32)
    workspace.publish_points(Points(mean, np.ones_like(mean), np.zeros(10, np.int64), np.arange(10)), (), "f")
    assert sent[-1].kl == pytest.approx([expected] * 2, abs=1e-6)
