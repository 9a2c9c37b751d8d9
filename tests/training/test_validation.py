"""How many validation images are evaluated at once."""

import numpy as np
import pytest
import torch

from latentlab.config import TrainingConfig
from latentlab.evaluation.quick import QuickBound
from latentlab.models import build
from latentlab.training import validation
from latentlab.training.timing import RunClock
from latentlab.training.validation import Validation
from tests.training.helpers import run_config


class Batches:
    """Batches of 16 on a device that need not exist; an image is its index."""

    batch_size = 16

    def __init__(self, device):
        self.device = torch.device(device)

    def gather(self, index):
        return index, None


def result_of(steps):
    """The return value of a generator."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value


@pytest.mark.parametrize(
    ("device", "size", "side", "refine", "at_once"),
    [
        ("cpu", 16, 28, 0, 16),
        ("cuda", 16, 28, 0, 64),
        ("cuda", 8, 28, 0, 8),  # the memory was too small for 16
        ("cuda", 16, 28, 2, 16),
        ("cuda", 16, 384, 0, 28),
        ("cuda", 16, 1024, 0, 16),
    ],
)
def test_a_gpu_evaluates_more_images_at_once_if_they_fit(monkeypatch, device, size, side, refine, at_once):
    """The means are over all images, whatever the batch size."""
    sizes = []

    def quick_bound(model, images, labels, batch_size, binarise, seed, importance_samples):
        sizes.append(len(images))
        assert len(images) <= batch_size
        mean = float(images.mean())
        return QuickBound(-2 * mean, mean, mean, (mean, 0.0))

    monkeypatch.setattr(validation, "quick_bound", quick_bound)
    with torch.device("meta"):
        model = build(run_config({"posterior": {"refine": refine}}).model, (1, side, side))
    held_out = Validation(model, TrainingConfig(batch_size=16), Batches(device), np.arange(150), RunClock(), None)
    found = result_of(held_out.run(size))
    assert sizes == [at_once] * (150 // at_once) + [150 % at_once]
    assert found.means["rate"] == pytest.approx(74.5)
