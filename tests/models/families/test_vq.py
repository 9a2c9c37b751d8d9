"""Codebooks: restarts of unused codes; and the prior's part of the run."""

from __future__ import annotations

import pytest
import torch

from latentlab.config import CodebookConfig
from latentlab.config.layout import latent_layout
from latentlab.config.recipes import RECIPES
from latentlab.errors import InputError
from latentlab.models import StepState, build
from latentlab.models.families.codebook import Codebook, FiniteScalars
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


# --- finite scalars -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dimension", "values"), [(1, 7), (2, 4), (3, 5)])
def test_finite_scalars_are_all_combinations_and_each_is_its_own_nearest(dimension, values):
    book = FiniteScalars(CodebookConfig(kind="finite-scalar", dimension=dimension, values=values))
    assert book.entries.shape == (values**dimension, dimension)
    assert len(book.entries.unique(dim=0)) == values**dimension
    codes = torch.arange(values**dimension).view(1, 1, -1)
    assert torch.equal(book.nearest(book.lookup(codes)), codes)
    maps = torch.randn(4, dimension, 3, 3)
    distances = ((maps[:, None] - book.entries[None, :, :, None, None]) ** 2).sum(2)
    assert torch.equal(book.nearest(maps), distances.argmin(1))
    assert not book.state_dict()


def test_finite_scalars_round_the_bounded_number_and_pass_its_gradient_on():
    book = FiniteScalars(CodebookConfig(kind="finite-scalar", dimension=1, values=5))
    maps = torch.tensor([-9.0, -0.6, 0.1, 0.3, 9.0]).view(5, 1, 1, 1).requires_grad_()
    quantised = book(maps)
    assert quantised.entries.flatten().tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert torch.equal(quantised.codes, book.codes_of(maps))
    quantised.entries.sum().backward()
    torch.testing.assert_close(maps.grad, 1 - torch.tanh(maps.detach()) ** 2)
    assert quantised.distance.tolist() == [0.0] * 5


def test_too_many_finite_scalars_are_refused():
    for dimension in (8, 1024):
        with pytest.raises(InputError, match=r"entries, at most 65,536: set codebook.dimension=4"):
            smaller("fsq-vae", codebook={"dimension": dimension, "values": 5})
    assert RECIPES["fsq-vae"].config().codebook.entries == 625


# --- residual codebooks -------------------------------------------------------------------------------------


def unquantised(model, batch):
    return model.to_fine(model.encoder(model.inputs(batch, None)))


def a_residual_model(**codebook):
    model = build(smaller("rvq-vae", codebook={"depth": 3, **codebook}), (1, 8, 8))
    model.prepare(images(16, (1, 8, 8)), 16)
    return model


def test_each_codebook_quantises_what_the_ones_before_have_left():
    model, batch = a_residual_model().eval(), images(5, (1, 8, 8))
    left = unquantised(model, batch)
    errors = [(left**2).sum()]
    for codes, quantised in zip(model.codes(batch), model.quantise(batch), strict=True):
        entries = model.codebook_entries()[len(errors) - 1]
        assert torch.equal(codes, quantised.codes)
        each = ((left[:, None] - entries[None, :, :, None, None]) ** 2).sum(2)
        assert torch.equal(codes, each.argmin(1))
        left = left - entries[codes].permute(0, 3, 1, 2)
        torch.testing.assert_close(quantised.distance, (left**2).flatten(1).sum(1))
        errors.append((left**2).sum())
    assert errors[-1] < errors[1] < errors[0]
    assert all(map(torch.equal, model.codes_only(batch), model.codes(batch)))


def test_the_gradient_of_a_sum_of_entries_is_that_of_one_straight_through_step():
    model, batch = a_residual_model().train(), images(5, (1, 8, 8))
    maps = unquantised(model, batch).detach().requires_grad_()
    model.to_fine.register_forward_hook(lambda *_: maps)
    torch.stack([level.entries for level in model.quantise(batch)]).sum(0).sum().backward()
    torch.testing.assert_close(maps.grad, torch.ones_like(maps))


def test_a_latent_has_the_entries_of_every_codebook_and_decodes_their_sum():
    model, batch = a_residual_model().eval(), images(3, (1, 8, 8))
    z, _ = model.encode(batch)
    levels = latent_layout(model.config, (1, 8, 8)).levels
    assert [level.name for level in levels] == ["codebook 1", "codebook 2", "codebook 3"]
    assert z.shape == (3, levels[-1].start + levels[-1].size)
    total = torch.stack([level.entries for level in model.quantise(batch)]).sum(0)
    torch.testing.assert_close(model.decode(z), model.likelihood.mean(model.decoder(model.from_codes(total))))
    assert all(map(torch.equal, model.codes_from_latents(z), model.codes(batch)))


def test_residual_codebooks_have_one_grid():
    with pytest.raises(InputError, match=r"codebook\.levels=1"):
        smaller("rvq-vae", codebook={"levels": 2})
