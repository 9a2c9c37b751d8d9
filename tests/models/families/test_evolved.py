"""Binary latents with evolved sets, against the enumeration of all latents."""

from __future__ import annotations

import itertools

import pytest
import torch

from latentlab.errors import InputError
from latentlab.models import Batch, StepState
from latentlab.models.families.evolved import duplicates
from latentlab.storage import CheckpointFile, RunFolder
from latentlab.training import Trainer
from tests.models.helpers import images, tiny
from tests.training.helpers import bars, run_config, train

BITS = 5


def evolved(states=6, **values):
    torch.manual_seed(3)
    evolution = {"states": states, "children": 4, "pool": 16, "search": 3}
    model = tiny(family="evolved", latent_dim=2 * BITS, evolution=evolution, **values)
    with torch.no_grad():
        model.prior_logits.copy_(torch.linspace(-2, 1, BITS))
        for weight in model.decoder.parameters():
            weight.mul_(6)  # posteriors that are not flat
    return model


def every_state():
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=BITS)))[:, None]


def exact_log_likelihood(model, batch):
    """log p(x) [B] by enumeration."""
    return torch.logsumexp(sum(model.log_joint(every_state(), batch)), 0)


def bound_of(model, states, batch):
    q, log_likelihood, log_prior = model.posterior_weights(states, batch)
    return (q * (log_likelihood + log_prior) - torch.xlogy(q, q)).sum(0)


def test_the_joint_is_that_of_the_distributions():
    model, batch = evolved(), images(4)
    states = every_state().expand(-1, 4, -1)
    _, log_prior = model.log_joint(states, batch)
    expected = torch.distributions.Bernoulli(logits=model.prior_logits).log_prob(states).sum(-1)
    torch.testing.assert_close(log_prior, expected)
    assert torch.logsumexp(log_prior[:, 0], 0).item() == pytest.approx(0, abs=1e-5)


def test_the_truncated_bound_is_below_the_likelihood_and_rises_with_each_generation():
    model, batch = evolved(), images(7)
    exact = exact_log_likelihood(model, batch)
    states = (torch.rand(6, 7, BITS) < 0.5).float()
    bounds = [bound_of(model, states, batch)]
    for _ in range(25):
        states = model.evolve(states, batch, 1)
        bounds.append(bound_of(model, states, batch))
    bounds = torch.stack(bounds)
    assert (bounds <= exact + 1e-4).all()
    assert (bounds[1:] >= bounds[:-1] - 1e-4).all()
    assert (bounds[-1] > bounds[0] + 0.1).any()
    best = sum(model.log_joint(every_state(), batch)).topk(6, 0).values
    torch.testing.assert_close(bounds[-1], torch.logsumexp(best, 0), rtol=0, atol=0.05)


def test_with_every_latent_in_the_set_bound_gradient_and_moments_are_exact():
    model, batch = evolved(states=2**BITS), images(4)
    model.pool.data = every_state()[:, 0].clone()
    bound = model.bound(batch, 2)
    exact = exact_log_likelihood(model, batch)
    torch.testing.assert_close(bound.log_likelihood - bound.rate, exact.expand(2, -1), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(bound.log_likelihood - bound.log_ratio, exact.expand(2, -1), rtol=1e-5, atol=1e-4)
    posterior = torch.softmax(sum(model.log_joint(every_state(), batch)), 0)
    expected = (posterior[..., None] * every_state()).sum(0)
    mean, std = model.encode(batch)
    torch.testing.assert_close(mean[:, 1::2], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mean[:, ::2], 1 - expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(std[:, 1::2], (expected * (1 - expected)).clamp_min(0).sqrt(), rtol=1e-3, atol=1e-3)
    model.losses("model", batch, StepState()).objective.backward()
    own = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    (-exact_log_likelihood(model, batch).mean()).backward()
    torch.testing.assert_close(own, [parameter.grad for parameter in model.parameters()], rtol=1e-3, atol=1e-4)


def test_a_repeated_latent_counts_once():
    model, batch = evolved(), images(3)
    states = torch.zeros(6, 3, BITS)
    states[1] = 1
    assert duplicates(states).T.tolist() == [[False, False, True, True, True, True]] * 3
    two = torch.logsumexp(sum(model.log_joint(states[:2], batch)), 0)
    torch.testing.assert_close(bound_of(model, states, batch), two)


def test_the_search_for_an_image_does_not_depend_on_the_others():
    model, batch = evolved().eval(), images(6)
    whole = model.encode(batch)[0]
    torch.testing.assert_close(model.encode(Batch(batch.x[2:3]))[0], whole[2:3])


def test_latents_are_drawn_from_the_posterior_of_the_set():
    """On average they have its moments, those of pairs of latents too."""
    model, batch = evolved(states=2**BITS).eval(), images(2)
    model.pool.data = every_state()[:, 0].clone()
    posterior = torch.softmax(sum(model.log_joint(every_state(), batch)), 0)
    drawn = model.sample_posterior(batch, 20_000)[..., 1::2]
    every = every_state()[:, 0]
    pairs = torch.einsum("sb,si,sj->bij", posterior, every, every)
    torch.testing.assert_close(torch.einsum("kbi,kbj->bij", drawn, drawn) / 20_000, pairs, rtol=0, atol=0.02)


def test_marginals_explain_at_most_the_rate():
    model, batch = evolved().eval(), images(6)
    parts, rate = model.kl_per_dimension(batch), model.bound(batch).rate[0]
    assert (parts >= -1e-6).all()
    assert (parts.sum(1) <= rate + 1e-4).all()


def test_samples_are_pairs_of_off_and_on_with_the_priors_probabilities():
    model = evolved()
    z = model.sample_prior(20_000, torch.Generator().manual_seed(0)).view(-1, BITS, 2)
    assert (z.sum(-1) == 1).all()
    torch.testing.assert_close(z[..., 1].mean(0), torch.sigmoid(model.prior_logits), rtol=0, atol=0.02)
    decided = model.decode(torch.tensor([[0.4, 0.6] * BITS]))
    torch.testing.assert_close(decided, model.decode(torch.tensor([[0.0, 1.0] * BITS])))


CONFIG = {"family": "evolved", "latent_dim": 20, "evolution": {"states": 4, "children": 4, "pool": 16, "search": 3}}


def test_sets_are_kept_for_each_image_and_resumed_to_the_bit(tmp_path):
    whole, events = train(bars(), run_config(CONFIG, epochs=4), tmp_path / "whole")
    epochs = [event for event in events if event.event == "epoch"]
    assert epochs[-1].train["elbo"] > epochs[0].train["elbo"]
    trainer = Trainer(bars(), run_config(CONFIG, epochs=4), tmp_path / "parts")
    for _ in trainer.steps():
        if trainer.step == 6:
            trainer.stop()
    train(bars(), run_config(CONFIG, epochs=4), tmp_path / "parts", resume=True)
    whole, parts = (RunFolder(tmp_path / name).read_checkpoint().tensors for name in ("whole", "parts"))
    assert whole["images.states"].shape == (54, 4, 2)
    assert {name: array.tobytes() for name, array in whole.items()} == {
        name: array.tobytes() for name, array in parts.items()
    }


@pytest.mark.parametrize("change", [lambda kept: kept[:-1], lambda kept: kept[:, :3], lambda kept: None])
def test_a_checkpoint_with_other_sets_is_refused(tmp_path, change):
    trainer = Trainer(bars(), run_config(CONFIG, epochs=1), tmp_path / "run")
    for _ in trainer.steps():
        if trainer.step == 2:
            trainer.stop()
    folder = RunFolder(tmp_path / "run")
    found = folder.read_checkpoint()
    kept = change(found.tensors.pop("images.states"))
    tensors = found.tensors | ({} if kept is None else {"images.states": kept.copy()})
    folder.write_checkpoint(CheckpointFile(found.position, tensors))
    with pytest.raises(InputError, match="is damaged"):
        Trainer(bars(), run_config(CONFIG, epochs=1), tmp_path / "run", resume=True)
