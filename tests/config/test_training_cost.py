"""The estimated time of a step, against the work that torch counts."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from latentlab.config import ModelConfig, validated
from latentlab.config.training_cost import seconds_per_step
from latentlab.models import Batch, StepState, build

CONV = {"width": 8, "normalisation": "group", "activation": "silu"}


def config(kind: str, **values) -> ModelConfig:
    return validated(ModelConfig, {"architecture": {**CONV, "kind": kind}, "latent_dim": 8, **values})


def counted(model: ModelConfig, side: int) -> int:
    """Floating-point operations of a step of one image, forward and backward."""
    built = build(model, (3, side, side))
    with FlopCounterMode(display=False) as counter:
        built.losses("model", Batch(torch.rand(1, 3, side, side)), StepState()).objective.backward()
    return counter.get_total_flops()


def estimated(model: ModelConfig, side: int) -> float:
    """Seconds for each image of a large batch."""
    return (seconds_per_step(model, (3, side, side), 1001) - seconds_per_step(model, (3, side, side), 1)) / 1000


@pytest.mark.parametrize("side", [28, 64])
@pytest.mark.parametrize(("kind", "family"), [("residual", "vae"), ("attention", "vae"), ("residual", "hierarchical")])
def test_blocks_and_attention_cost_what_they_add_to_the_work(kind, family, side):
    """Their work is done at 50 GFLOPS, that of plain convolutions at 18."""
    plain, other = config("conv"), config(kind, family=family)
    added = (counted(other, side) - counted(plain, side)) / 50e9
    assert estimated(other, side) - estimated(plain, side) == pytest.approx(added, rel=0.2)


def test_the_estimate_of_convolutions_follows_their_work():
    ratio = counted(config("conv"), 64) / counted(config("conv"), 32)
    assert estimated(config("conv"), 64) / estimated(config("conv"), 32) == pytest.approx(ratio, rel=0.15)
