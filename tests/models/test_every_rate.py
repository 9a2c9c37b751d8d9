"""Annealing and free bits for every recipe that has a rate; a sentence says why for the others."""

from __future__ import annotations

import pytest
import torch

from latentlab.config import ModelConfig, RunConfig, validated, with_settings
from latentlab.config.recipes import RECIPES
from latentlab.config.unread import check_settings_act
from latentlab.errors import InputError
from latentlab.models import Batch, StepState, build

POINTS = ("ae", "wae", "swae", "energy-vae", "kernel-vae", "decoder-only-vae")
NOT_LOWERED = ("vq-vae", "vq-vae-2", "fsq-vae", "rvq-vae", "helmholtz")
NO_ANNEALING = {"capacity-vae", *POINTS, *NOT_LOWERED}
NO_FREE_BITS = {"iwae", "vade", "evolved-binary-vae", "semi-supervised-vae", "per-datapoint-vae", *POINTS, *NOT_LOWERED}
CLASSES = 3


def config(name: str, beta: float, **rate: object) -> ModelConfig:
    """The recipe with tiny networks, another β and another rate."""
    values = {key: dict(value) if isinstance(value, dict) else value for key, value in RECIPES[name].values.items()}
    values["architecture"] = values.get("architecture", {}) | {"hidden": 8, "width": 2}
    for part, small in (
        ("prior", {"components": 4}),
        ("adversary", {"hidden": 8}),
        ("hierarchy", {"hidden": 8}),
        ("evolution", {"states": 4, "children": 4, "pool": 8, "search": 2}),
        ("codebook", {"size": 4, "dimension": 2}),
        ("supervision", {"labels": 3}),
    ):
        values[part] = values.get(part, {}) | small
    if values.get("posterior", {}).get("refine"):
        values["posterior"]["refine"] = 2
    return validated(ModelConfig, values | {"recipe": name, "beta": beta, "rate": rate})


def gradients(model_config: ModelConfig, epochs_done: float) -> list[torch.Tensor]:
    """The gradients of the first phase's objective after some epochs, with the same weights and noise in every call."""
    torch.manual_seed(1)
    model = build(model_config, (1, 8, 8), CLASSES if model_config.conditional else 0).train()
    batch = Batch(torch.rand(6, 1, 8, 8), torch.arange(6) % CLASSES, torch.arange(6))
    model.prepare(batch, 6)
    state = StepState(round(100 * epochs_done), int(epochs_done), 100, 6, 100)
    model.on_step_start(state)
    torch.manual_seed(2)
    model.losses(model.phases[0], batch, state).objective.backward()
    return [parameter.grad for parameter in model.phase_parameters(model.phases[0]) if parameter.grad is not None]


def assert_same(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - NO_ANNEALING))
def test_a_warm_up_weighs_the_rate_by_a_rising_beta_once_or_in_cycles(name):
    for rate, weights in (
        ({"warmup": 4.0}, {0.0: 0.0, 2.0: 1.0, 12.0: 2.0}),
        ({"warmup": 4.0, "cycle": 10.0}, {2.0: 1.0, 12.0: 1.0}),
    ):
        for epochs_done, beta in weights.items():
            assert_same(gradients(config(name, 2.0, **rate), epochs_done), gradients(config(name, beta), epochs_done))


@pytest.mark.parametrize("name", sorted(NO_ANNEALING))
def test_where_nothing_is_annealed_a_warm_up_is_refused(name):
    settings = ["rate.warmup=4"]
    with pytest.raises(InputError, match=r"rate\.warmup does nothing for this model") as refused:
        check_settings_act(with_settings(RunConfig(model=RECIPES[name].config()), settings), settings)
    assert "\n" not in str(refused.value)
    assert_same(gradients(config(name, 2.0, **_own_kind(name), warmup=4.0), 2.0), _plain(name))


def _own_kind(name):
    return {"kind": "capacity", "epochs": 1.0} if name == "capacity-vae" else {}


def _plain(name):
    return gradients(config(name, 2.0, **_own_kind(name)), 2.0)


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - NO_FREE_BITS))
def test_below_its_free_bits_a_rate_has_no_gradient(name):
    many, none = (config(name, 2.0, kind="free-bits", free_bits=bits) for bits in (1000.0, 0.0))
    assert_same(gradients(many, 0.0), gradients(config(name, 0.0), 0.0))
    assert_same(gradients(none, 0.0), gradients(config(name, 2.0), 0.0))


@pytest.mark.parametrize("name", sorted(NO_FREE_BITS))
def test_where_free_bits_make_no_sense_they_are_refused(name):
    settings = ["rate.kind=free-bits"]
    with pytest.raises(InputError, match=r"rate\.kind") as refused:
        check_settings_act(with_settings(RunConfig(model=RECIPES[name].config()), settings), settings)
    assert "\n" not in str(refused.value)


def test_free_bits_are_of_each_categorical_latent_not_of_each_category():
    """Ten latents of 10 categories carry at most log 10 nats each: at 1 nat the gradient is that of those above."""
    model = build(config("concrete-vae", 1.0, kind="free-bits", free_bits=1.0), (1, 8, 8))
    torch.manual_seed(0)
    q = model.infer(Batch(torch.rand(6, 1, 8, 8)))
    rates = model.charged_groups(q.kl_to_prior())
    assert rates.shape == (6, 20)
    torch.testing.assert_close(rates.sum(-1), q.kl_to_prior().sum(-1))


def test_free_bits_of_a_rate_without_parts_are_those_of_all_dimensions():
    """With a flow each of the 10 dimensions brings .5 nats: below 5 nats in all nothing is charged."""
    model = build(config("iaf-vae", 1.0, kind="free-bits", free_bits=0.5), (1, 8, 8))
    assert model.rate_schedule.cost(torch.tensor(4.0), model.latent_dim).item() == 5.0
    batch = Batch(torch.rand(6, 1, 8, 8))
    torch.manual_seed(3)
    losses = model.losses("model", batch, StepState())
    charged = max(5.0, losses.terms["rate"].item())
    assert losses.objective.item() == pytest.approx(losses.terms["distortion"].item() + charged, rel=1e-5)
