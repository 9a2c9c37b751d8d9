"""Batch sizes that follow measured times."""

from __future__ import annotations

import pytest

from latentlab.utils.adaptive_batch_size import AdaptiveBatchSize


@pytest.mark.parametrize(("seconds_per_image", "expected"), [(0.001, 10), (1.0, 1), (1e-6, 128), (0.0, 128)])
def test_the_size_approaches_what_fits_the_time(seconds_per_image, expected):
    batch_size = AdaptiveBatchSize(0.0101, first=16)
    assert batch_size.images == 16
    for _ in range(40):
        batch_size.record(batch_size.images, seconds_per_image * batch_size.images)
    assert batch_size.images == expected
