"""Models with several layers of latents: rates, coordinates, and initialisation."""

from __future__ import annotations

import pytest
import torch

from latentlab.config.layout import latent_layout
from latentlab.models import StepState, build
from latentlab.models.functional import gaussian_kl, log_mean_exp
from tests.models.families.test_every_recipe import bars
from tests.models.helpers import images, smaller, train

SHAPE = (1, 6, 5)


def hierarchy(recipe: str, latent_dim: int = 6, **changes):
    """A hierarchy whose layers depend weakly on each other, so that importance weights have light tails."""
    model = build(smaller(recipe, latent_dim=latent_dim, **changes), SHAPE).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(0.5).add_(0.05 * torch.randn_like(weight))
    return model


MAPS = {"layers": 3, "channels": 1}  # 6 latents above two maps of 3 × 3
LAYERED = [
    ("ladder-vae", {}),
    ("ladder-vae", {"hierarchy": {"bottom_up": True}}),
    ("helmholtz", {}),
    ("hierarchical-vae", {"hierarchy": MAPS}),
]
named = pytest.mark.parametrize(("recipe", "changes"), LAYERED, ids=["ladder", "bottom-up", "helmholtz", "maps"])


@named
@torch.no_grad()
def test_importance_weights_of_the_prior_average_to_one(recipe, changes):
    # E_q[p(z) / q(z|x)] = 1 for any q: every layer's density is counted exactly once.
    bound = hierarchy(recipe, **changes).bound(images(3, SHAPE), 10_000 if recipe == "hierarchical-vae" else 100_000)
    weights = torch.exp(-bound.log_ratio.double())
    error = weights.std(0) / len(weights) ** 0.5
    assert (error < 0.05).all()
    assert ((weights.mean(0) - 1).abs() < 5 * error).all()


@named
@torch.no_grad()
def test_rate_matches_its_sampled_estimate(recipe, changes):
    bound = hierarchy(recipe, **changes).bound(images(3, SHAPE), 5_000)
    difference = (bound.rate - bound.log_ratio).double()
    assert (difference.mean(0).abs() <= 5 * difference.std(0) / len(difference) ** 0.5 + 1e-6).all()


@named
@torch.no_grad()
def test_bounds_tighten_with_samples(recipe, changes):
    bound = hierarchy(recipe, **changes).bound(images(4, SHAPE), 5_000)
    log_weights = (bound.log_likelihood - bound.log_ratio).double()
    levels = [log_mean_exp(log_weights.view(-1, k, 4), dim=1).mean().item() for k in (1, 5, 50)]
    assert levels[0] < levels[1] < levels[2]


@named
@torch.no_grad()
def test_decoding_inverts_the_change_of_coordinates(recipe, changes):
    model, batch = hierarchy(recipe, **changes), images(3, SHAPE)
    mean, std = model.encode(batch)
    assert (std > 0).all()
    if recipe == "helmholtz":
        return
    _, drawn, latents = model.infer_layers(batch, None)
    torch.testing.assert_close(torch.cat(drawn, -1)[0], mean)
    # What is generated top-down from an image's latents is what its bound was computed with.
    _, drawn, latents = model.infer_layers(batch, 4)
    for epsilon, log_likelihood in zip(torch.cat(drawn, -1), model.log_likelihood(latents, batch), strict=True):
        output = model.decoder_output(epsilon)[None]
        torch.testing.assert_close(model.likelihood.log_prob(output, batch.x)[0], log_likelihood)


@pytest.mark.parametrize("bottom_up", [False, True])
def test_a_new_ladder_acts_as_one_layer(bottom_up):
    model = build(smaller("ladder-vae", hierarchy={"bottom_up": bottom_up}), SHAPE)
    z = torch.randn(4, model.latent_dim)
    # The conditional priors are N(0, I), so that ε = z, and the decoder reads every latent.
    torch.testing.assert_close(model.decode(z), model.likelihood.mean(model.output(z)))
    posteriors, drawn, _ = model.infer_layers(images(5, SHAPE), 7)
    rate = torch.cat(model.rates(posteriors, drawn), -1).sum(-1)
    if not bottom_up:
        mean, log_std = (torch.cat([getattr(q, part) for q in posteriors], -1) for part in ("mean", "log_std"))
        torch.testing.assert_close(rate, gaussian_kl(mean, log_std).sum(-1))
    bound = model.bound(images(5, SHAPE), 7)
    assert bound.rate.shape == (7, 5)


@pytest.mark.parametrize("recipe", ["ladder-vae", "hierarchical-vae"])
def test_free_bits_change_the_objective_but_not_the_reported_rate(recipe):
    rate = {"kind": "free-bits", "free_bits": 50.0, "warmup": 0.0}
    model, batch = hierarchy(recipe, rate=rate), images(4, SHAPE)
    losses = model.losses("model", batch, StepState())
    torch.testing.assert_close(losses.objective.detach(), losses.terms["distortion"] + 3 * 50.0)
    layers = [losses.terms[f"rate_layer_{number}"] for number in (1, 2, 3)]
    torch.testing.assert_close(losses.terms["rate"], torch.stack([torch.as_tensor(rate) for rate in layers]).sum())
    assert losses.terms["rate"] < 100


def test_the_bottom_up_path_is_trained_and_restored():
    torch.manual_seed(0)
    config = smaller("ladder-vae", latent_dim=12, hierarchy={"bottom_up": True})
    model, batch = build(config, (1, 8, 8)), bars(24)
    assert model.bottom_up_sizes == [0, 1, 3]
    history = train(model, batch, 60, rate=1e-2)
    assert history[-1]["distortion"] < 0.5 * history[0]["distortion"]
    assert all(p.grad is not None for p in model.parameters())
    other = build(config, (1, 8, 8))
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.eval().encode(batch)[0], model.eval().encode(batch)[0])


def test_a_new_hierarchy_of_maps_has_standard_priors_and_a_layout_of_its_layers():
    model = build(smaller("hierarchical-vae", latent_dim=5), (3, 28, 20))
    layers = latent_layout(model.config, (3, 28, 20)).levels
    assert [(level.name, level.size) for level in layers] == [
        ("top", 5),
        ("layer 2 (4 × 3)", 2 * 4 * 3),
        ("bottom (7 × 5)", 2 * 7 * 5),
    ]
    assert [level.size for level in layers] == model.sizes
    z = model.sample_prior(4)
    # The state takes up ε itself: a prior's mean is 0 and its deviation 1, whatever is above.
    others = {name: value for name, value in model.state_dict().items() if "prior" not in name}
    other = build(model.config, (3, 28, 20))
    other.load_state_dict(others, strict=False)
    assert torch.equal(model.decode(z), other.decode(z))


def test_the_top_changes_the_whole_image_and_a_position_of_the_bottom_map_its_surroundings():
    torch.manual_seed(0)
    model = build(smaller("hierarchical-vae", latent_dim=5), (1, 64, 64)).eval()
    with torch.no_grad():
        model.start.weight.mul_(20)
        for up in model.decoder:
            for layer in up.maps:
                layer.inward.weight.mul_(20)
    bottom = latent_layout(model.config, (1, 64, 64)).levels[-1]

    def changed(index: int) -> torch.Tensor:
        z = torch.zeros(2, model.latent_dim)
        z[1, index] = 1
        with torch.no_grad():
            first, second = model.decoder_output(z)[:, 0]
        return (first - second).abs()

    whole, part = changed(0), changed(bottom.start)  # the position in the upper left corner
    assert whole[:32, :32].max() > 1e-3
    assert whole[32:, 32:].max() > 1e-3
    assert part[:24, :24].mean() > 2 * part[32:, 32:].mean()  # normalisation over the whole map spreads it a little


def test_images_of_any_size_have_a_hierarchy():
    for shape in ((1, 4, 4), (1, 3, 9), (3, 33, 17)):
        model = build(smaller("hierarchical-vae", hierarchy={"layers": 5}), shape)
        batch = images(2, shape)
        assert model.decode(model.encode(batch)[0]).shape == batch.x.shape
        assert torch.isfinite(model.losses("model", batch, StepState()).objective)
