"""The common interface, for every recipe: training, bounds, encoding, decoding, sampling, restoring weights."""

from __future__ import annotations

import math

import pytest
import torch

from latentlab.config.recipes import RECIPES
from latentlab.evaluation import quick_bound
from latentlab.models import Batch, StepState, build
from tests.models.helpers import optimizers, smaller, step, train

SHAPE = (1, 8, 8)
CLASSES = 4


def bars(count: int = 48) -> Batch:
    """Images of one of four bars, labelled by its number."""
    label = torch.arange(count) % CLASSES
    x = torch.zeros(count, *SHAPE)
    for i, name in enumerate(label.tolist()):
        x[i, 0, 2 * name : 2 * name + 2] = 1
    return Batch(x, label, torch.arange(count))


@pytest.fixture(params=RECIPES)
def model(request):
    torch.manual_seed(0)
    return build(smaller(request.param), SHAPE, CLASSES)


def test_training_lowers_the_distortion(model):
    batch = bars()
    history = train(model, batch, 120, rate=1e-2)
    for terms in history:
        assert {"elbo", "rate", "distortion"} <= terms.keys()
        assert all(math.isfinite(term) for term in terms.values())
        assert terms["elbo"] == pytest.approx(-(terms["rate"] + terms["distortion"]), rel=1e-5)
    if model.config.family == "vae-gan":
        return  # it does not minimise the distortion of pixels
    assert min(terms["distortion"] for terms in history) < 0.75 * history[0]["distortion"]


def test_bound_encode_decode_and_sample(model):
    batch = bars(6)
    train(model, batch, 2)
    model.eval()
    with torch.inference_mode():
        bound = model.bound(batch, 3)
        assert all(part.shape == (3, 6) and torch.isfinite(part).all() for part in bound)
        mean, std = model.encode(batch)
        assert mean.shape == std.shape == (6, model.latent_dim)
        assert (std >= 0).all()
        again = model.encode(batch)
        assert torch.equal(mean, again[0])
        assert torch.equal(std, again[1])
        images = model.decode(mean, batch.label)
        assert images.shape == (6, *SHAPE)
        assert 0 <= images.min() <= images.max() <= 1
        assert model.decode(mean).shape == (6, *SHAPE)
        drawn = model.sample_prior(5, torch.Generator().manual_seed(1))
        assert drawn.shape == (5, model.latent_dim)
        assert torch.equal(drawn, model.sample_prior(5, torch.Generator().manual_seed(1)))
        assert model.decode(drawn).shape == (5, *SHAPE)
        assert model.kl_per_dimension(batch).shape == (6, model.latent_dim)


def test_encoding_does_not_depend_on_the_rest_of_the_batch(model):
    batch = bars(6)
    train(model, batch, 2)
    model.eval()
    mean, std = model.encode(batch)
    alone = [model.encode(Batch(batch.x[i : i + 1], batch.label[i : i + 1])) for i in range(6)]
    torch.testing.assert_close(torch.cat([part[0] for part in alone]), mean, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(torch.cat([part[1] for part in alone]), std, rtol=1e-3, atol=1e-4)


def test_quick_bound_has_one_kl_per_dimension(model):
    images = (bars(6).x * 255).to(torch.uint8)
    quick = quick_bound(model, images, bars(6).label)
    assert len(quick.kl_per_dimension) == model.latent_dim
    assert quick.elbo == -(quick.rate + quick.distortion)


def test_every_weight_belongs_to_one_phase_and_gets_a_gradient(model):
    names = {id(p): name for name, p in model.named_parameters()}
    stepped = [id(p) for phase in model.phases for p in model.phase_parameters(phase)]
    assert sorted(stepped) == sorted(names)
    batch = bars(8)
    model.train()
    model.prepare(batch, 8)
    for phase in model.phases:
        model.zero_grad()
        model.losses(phase, batch, StepState(0, 0, 1, 8)).objective.backward()
        without = [names[id(p)] for p in model.phase_parameters(phase) if p.grad is None]
        assert not without


def test_training_continues_from_the_weights_bit_for_bit(model):
    batch = bars(8)
    train(model, batch, 3)
    other = build(model.config, SHAPE, CLASSES)
    other.load_state_dict(model.state_dict())
    other.load_run_state(model.run_state())
    terms = []
    for each in (model, other):
        torch.manual_seed(5)
        each.train()
        adams = optimizers(each)
        terms.append([step(each, batch, adams, StepState(3 + i, 0, 10, 8)) for i in range(2)][-1])
    for name, value in terms[0].items():
        assert torch.equal(value, terms[1][name]), name
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))


def test_it_can_be_built_on_the_meta_device(model):
    with torch.device("meta"):
        outline = build(model.config, SHAPE, CLASSES)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert {name: tensor.shape for name, tensor in outline.state_dict().items()} == shapes


def test_training_on_one_image(model):
    batch = Batch(bars(1).x, bars(1).label, bars(1).index)
    history = train(model, batch, 2)
    assert all(math.isfinite(term) for term in history[-1].values())


@pytest.mark.parametrize("white", [0.0, 1.0])
def test_gradients_are_finite_at_extremes(model, white):
    batch = Batch(torch.full((4, *SHAPE), white), torch.arange(4), torch.arange(4))
    model.train()
    model.prepare(batch, 4)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(10)
    for phase in model.phases:
        model.zero_grad()
        losses = model.losses(phase, batch, StepState(0, 0, 1, 4))
        losses.objective.backward()
        assert torch.isfinite(losses.objective)
        assert all(torch.isfinite(p.grad).all() for p in model.phase_parameters(phase) if p.grad is not None)


@pytest.mark.parametrize("kind", ["noise", "mask"])
def test_training_on_corrupted_images(model, kind):
    config = smaller(model.config.recipe, corruption={"kind": kind, "level": 0.3})
    corrupting = build(config, SHAPE, CLASSES)
    history = train(corrupting, bars(16), 3)
    assert all(math.isfinite(term) for term in history[-1].values())
    corrupting.eval()
    mean, _ = corrupting.encode(bars(4))
    assert corrupting.decode(mean, bars(4).label).shape == (4, *SHAPE)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 9), (1, 28, 28)], ids=str)
def test_two_levels_of_codes(shape):
    model = build(smaller("vq-vae-2"), shape).eval()
    batch = Batch(torch.rand(3, *shape))
    coarse, fine = model.codes(batch)
    assert coarse.shape[1] < fine.shape[1]
    assert [tuple(grid.shape[1:]) for grid in (coarse, fine)] == model.grids
    z = model.latents_from_codes([coarse, fine])
    assert z.shape == (3, model.latent_dim)
    assert all(torch.equal(a, b) for a, b in zip(model.codes_from_latents(z), (coarse, fine), strict=True))
    assert torch.equal(model.encode(batch)[0], z)
    # A latent is decoded as the nearest codes.
    torch.testing.assert_close(model.decode(z + 1e-4), model.decode(z))
