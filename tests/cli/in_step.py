"""Run by two processes at once: trainings together, and what must hold in both of them."""

import sys
from pathlib import Path

import torch

from latentlab.storage import RunFolder
from latentlab.training import Trainer
from latentlab.training.distributed import joined
from tests.training.helpers import bars, run_config

RECIPES = {
    "vae": {},
    "factor-vae": {"family": "factor", "latent_dim": 3},
    # One player or the other is always ahead, in each process another one.
    "vae-gan": {"family": "vae-gan", "architecture": {"kind": "conv", "width": 4}, "adversary": {"margin": 0.0}},
    "vq-vae": {"family": "vq", "architecture": {"kind": "conv", "width": 4}, "codebook": {"size": 8, "dimension": 4}},
    "tc-vae": {"latent_dim": 3, "divergence": {"kind": "total-correlation"}},
}


def run(group, model, folder, resume=False, stop_at=None):
    """A run of 16 steps; the second process asks to stop after one of them."""
    # 54 images for training in batches of 15: shares of 8 and 7, and of 5 and 4 at an epoch's end.
    training = Trainer(bars(), run_config(model, batch_size=15, epochs=4), folder, resume, group)
    before = weights(training)
    looked_at = {training.step}
    for _ in training.steps():
        if training.step == stop_at and group.rank == 1:
            training.stop()
        if training.step not in looked_at:
            looked_at.add(training.step)
            now = weights(training)
            assert torch.isfinite(now).all()
            assert not torch.equal(now, before)
            assert torch.equal(group.sum(now), 2 * now), "both have the same weights"
    group.wait()
    return training


def weights(training):
    return torch.cat([parameter.detach().flatten().double() for parameter in training.model.parameters()])


def main(folder):
    with joined("cpu") as group:
        for name, model in RECIPES.items():
            assert run(group, model, folder / name).step == 16
        stopped = run(group, {}, folder / "parts", stop_at=3)
        assert stopped.step == 10, "all end with the step at which they ask each other"
        assert run(group, {}, folder / "parts", resume=True).step == 16
        whole, parts = (RunFolder(folder / name).read_checkpoint().tensors for name in ("vae", "parts"))
        assert whole.keys() == parts.keys()
        for tensor, array in whole.items():
            assert (parts[tensor] == array).all(), tensor


if __name__ == "__main__":
    main(Path(sys.argv[1]))
