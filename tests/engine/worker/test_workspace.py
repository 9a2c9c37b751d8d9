"""What the worker publishes: numbers that the window can draw."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.engine.protocol.messages import Notice, PointsChanged
from latentlab.engine.worker.workspace import Workspace, require_drawable
from latentlab.errors import InputError
from latentlab.storage import Points


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
