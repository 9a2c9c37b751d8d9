"""An image's posterior, as seen in the map's pixels."""

from __future__ import annotations

import numpy as np
import pytest


def test_the_posterior_reaches_as_far_as_its_deviations(latent_map, pixels_of):
    empty = pixels_of(latent_map)
    latent_map.set_posterior((0.0, 0.0), np.diag([0.04, 0.25]))
    rows, columns = np.nonzero((pixels_of(latent_map) != empty).any(axis=-1))
    scale = latent_map.view().scale
    across, down = np.ptp(columns) / scale, np.ptp(rows) / scale
    assert across == pytest.approx(2 * 2.45 * 0.2, abs=0.12)
    assert down == pytest.approx(2 * 2.45 * 0.5, abs=0.12)
