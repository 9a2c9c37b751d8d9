"""Run by two processes at once: trains with both and asserts in each of them."""

import sys
from pathlib import Path

import torch

from latentlab.storage import RunFolder
from latentlab.training import Trainer
from latentlab.training.distributed import process_group
from tests.training.helpers import bars, run_config

RECIPES = {
    "vae": {},
    "factor-vae": {"family": "factor", "latent_dim": 3},
    # A phase is skipped in almost every step, in each process another one.
    "vae-gan": {"family": "vae-gan", "architecture": {"kind": "conv", "width": 4}, "adversary": {"margin": 0.0}},
    "vq-vae": {"family": "vq", "architecture": {"kind": "conv", "width": 4}, "codebook": {"size": 8, "dimension": 4}},
    "tc-vae": {"latent_dim": 3, "divergence": {"kind": "total-correlation"}},
}


def run(group, model, folder, resume=False, stop_at=None):
    """A run of 16 steps; the second process asks to stop after step ``stop_at``."""
    # 54 training images in batches of 15: shards of 8 and 7, and of 5 and 4 at an epoch's end.
    trainer = Trainer(bars(), run_config(model, batch_size=15, epochs=4), folder, resume, group)
    before = weights(trainer)
    seen = {trainer.step}
    for _ in trainer.steps():
        if trainer.step == stop_at and group.rank == 1:
            trainer.stop()
        if trainer.step not in seen:
            seen.add(trainer.step)
            now = weights(trainer)
            assert torch.isfinite(now).all()
            assert not torch.equal(now, before)
            assert torch.equal(group.sum(now), 2 * now), "both processes have the same weights"
    group.barrier()
    return trainer


def weights(trainer):
    return torch.cat([parameter.detach().flatten().double() for parameter in trainer.model.parameters()])


def main(folder):
    with process_group("cpu") as group:
        for name, model in RECIPES.items():
            assert run(group, model, folder / name).step == 16
        stopped = run(group, {}, folder / "parts", stop_at=3)
        assert stopped.step == 10, "both end after the step at which they agree"
        assert run(group, {}, folder / "parts", resume=True).step == 16
        whole, parts = (RunFolder(folder / name).read_checkpoint().tensors for name in ("vae", "parts"))
        assert whole.keys() == parts.keys()
        for tensor, array in whole.items():
            assert (parts[tensor] == array).all(), tensor


if __name__ == "__main__":
    main(Path(sys.argv[1]))
