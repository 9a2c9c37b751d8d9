"""Codebooks: restarts of unused codes; and the prior's part of the run."""

from __future__ import annotations

import pytest
import torch

from latentlab.config import CodebookConfig
from latentlab.models import StepState, build
from latentlab.models.families.codebook import Codebook
from tests.models.helpers import images, optimizers, smaller, step
from tests.training.helpers import bars, run_config
from tests.training.helpers import train as train_run

VQ = {"architecture": {"kind": "conv", "width": 4}, "codebook": {"size": 8, "dimension": 4, "prior": "autoregressive"}}


def test_unused_codes_are_not_all_restarted_at_once():
    """From a use of 1 all unused codes fall below .03 in one step (60 of these 64), and again some 340 steps later."""
    book = Codebook(CodebookConfig(size=64, dimension=2)).train()
    maps = torch.rand(1, 2, 2, 2)
    book.prepare(torch.rand(64, 2, 2, 2))
    restarts = []
    for _ in range(400):
        before = book.counts.clone()
        book(maps)
        book.update_entries(torch.ones(()))
        restarts.append(int(((before < 0.035) & (book.counts > 0.1)).sum()))
    assert sum(restarts) >= 40
    assert max(restarts) <= 15


@pytest.mark.parametrize(("levels", "alone"), [(1, 0.35), (2, 0.5), (1, 0.0)])
def test_at_the_end_of_a_run_only_the_prior_learns(levels, alone):
    """The prior is fitted to codes that stand still (van den Oord et al. 2017, section 4.1), not to moving ones."""
    recipe = "vq-vae" if levels == 1 else "vq-vae-2"
    model = build(smaller(recipe, codebook={"prior_alone": alone}), (1, 8, 8)).train()
    batch = images(8, (1, 8, 8))
    model.prepare(batch, 8)
    adams = optimizers(model)
    step(model, batch, adams, StepState(0, 0, 10, 8, epochs=1))
    for number, is_joint in ((4, True), (8, alone == 0)):
        before = {name: value.clone() for name, value in model.state_dict().items()}
        model.on_step_start(StepState(number, 0, 10, 8, epochs=1))
        for phase in model.phases:
            adams[phase].zero_grad()
            losses = model.losses(phase, batch, StepState(number, 0, 10, 8, epochs=1))
            if losses.applies is None or losses.applies:
                losses.objective.backward()
                adams[phase].step()
        model.on_step_end(StepState(number, 0, 10, 8, epochs=1))
        changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
        assert any(name.startswith("prior.") for name in changed)
        assert any(name.startswith("encoder") for name in changed) == is_joint
        assert any(name.startswith("codebooks") for name in changed) == is_joint
        assert any(name.startswith("decoder") for name in changed) == is_joint


def test_a_run_trains_the_prior_alone_in_its_last_third():
    config = run_config(VQ | {"family": "vq"}, epochs=3)
    trainer, events = train_run(bars(), config)
    distortions = [event.validation["distortion"] for event in events if event.event == "epoch"]
    assert distortions[0] != distortions[1] == distortions[2]
    objectives = [event.train["objective"] for event in events if event.event == "epoch"]
    assert objectives[2] > 0, "what is reported is the objective, also of a phase that is not trained"
    rates = [event.validation["rate"] for event in events if event.event == "epoch"]
    assert rates[2] < rates[1]
    assert trainer.state.best.epoch == 3


def test_a_run_that_goes_on_longer_learns_codes_again():
    model = build(smaller("vq-vae"), (1, 8, 8))
    learning = []
    for epochs in (10, 20):
        model.on_step_start(StepState(80, 8, 10, 8, epochs=epochs))
        learning.append(bool(model.learns_codes))
    assert learning == [False, True]
    model.on_step_start(StepState(80, 8, 10, 8))  # of unknown length
    assert model.learns_codes
