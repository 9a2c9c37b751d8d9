"""Processor time of a training step with each kind of network, interleaved; for `RESULTS.md`.

``python -m tests.benchmarks.bench_networks --side 64 --width 16 --batch 16 --rounds 3``
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import torch

from latentlab.config import ModelConfig, validated
from latentlab.models import Batch, StepState, build

KINDS = ("conv", "residual", "attention")


def seconds_of_a_step(kind: str, side: int, width: int, batch: int, steps: int = 2) -> float:
    """Processor seconds of one step of Adam on random colour images, after one that is not counted."""
    torch.manual_seed(0)
    architecture = {"kind": kind, "width": width}
    model = build(validated(ModelConfig, {"latent_dim": 32, "architecture": architecture}), (3, side, side))
    model = model.to(memory_format=torch.channels_last)
    x, optimizer = torch.rand(batch, 3, side, side), torch.optim.Adam(model.parameters())
    for number in range(steps + 1):
        if number == 1:
            begun = time.process_time()
        optimizer.zero_grad()
        model.losses("model", Batch(x), StepState()).objective.backward()
        optimizer.step()
    return (time.process_time() - begun) / steps


def main() -> None:
    """Print the median of each kind, and its ratio to ``conv``."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("side", 64), ("width", 16), ("batch", 16), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sizes = (arguments.side, arguments.width, arguments.batch)
    rounds = [{kind: seconds_of_a_step(kind, *sizes) for kind in KINDS} for _ in range(arguments.rounds)]
    for kind in KINDS:
        found = median(each[kind] for each in rounds)
        ratio = median(each[kind] / each["conv"] for each in rounds)
        print(f"{kind}: {found * 1e3:.0f} ms, {ratio:.2f} x conv")


if __name__ == "__main__":
    main()
