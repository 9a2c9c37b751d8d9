"""The flow fitted to a model's latents: an exact density, its inverse, its fit, and its place in a model file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.config import LatentFlowConfig
from latentlab.errors import InputError
from latentlab.latent import fit_mixture
from latentlab.models.functional import standard_normal_log_density
from latentlab.models.generate import default_source
from latentlab.models.inference import load_model
from latentlab.models.latent_flow import Coupling, LatentFlow, fit_latent_flow
from latentlab.models.networks.splines import spline, spline_parameters
from latentlab.storage import Points, read_model
from tests.storage.rewrite import rewrite

SMALL = LatentFlowConfig(steps=4, hidden=16, bins=4)


def scrambled(latent_dim: int) -> LatentFlow:
    """A flow that is far from its start."""
    flow = LatentFlow(latent_dim, SMALL)
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    flow.center.fill_(0.5)
    flow.log_scale.fill_(-0.3)
    return flow.requires_grad_(False)


def test_a_spline_is_inverted_and_its_slope_is_its_derivative():
    parameters = spline_parameters(torch.randn(200, 3 * 6 - 1, dtype=torch.float64) * 2)
    x = torch.linspace(-5, 5, 200, dtype=torch.float64, requires_grad=True)
    y, log_slope = spline(x, parameters)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(torch.log(slope), log_slope)
    back, log_slope_back = spline(y, parameters, inverse=True)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(log_slope_back, -log_slope)
    identity, flat = spline(x, spline_parameters(torch.zeros(200, 17, dtype=torch.float64)))
    torch.testing.assert_close(identity, x)
    torch.testing.assert_close(flat, torch.zeros_like(flat))


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_a_density_is_that_of_the_change_of_variables(latent_dim):
    flow = scrambled(latent_dim).double()
    z = torch.randn(6, latent_dim, dtype=torch.float64)

    def to_noise(one: torch.Tensor) -> torch.Tensor:
        u = ((one - flow.center) * torch.exp(-flow.log_scale))[None]
        for step in flow.steps:
            u, _ = step(u)
        return u[0]

    for one in z:
        jacobian = torch.autograd.functional.jacobian(to_noise, one)
        expected = standard_normal_log_density(to_noise(one)).sum() + torch.linalg.slogdet(jacobian)[1]
        torch.testing.assert_close(flow.log_prob(one[None])[0], expected)


def test_a_density_integrates_to_1_and_draws_have_its_moments():
    flow = scrambled(2)
    axis = torch.linspace(-8, 8, 401)
    grid = torch.cartesian_prod(axis, axis)
    mass = torch.exp(flow.log_prob(grid)) * (axis[1] - axis[0]) ** 2
    assert mass.sum().item() == pytest.approx(1, abs=5e-3)
    drawn = torch.from_numpy(flow.sample(20_000, seed=1))
    torch.testing.assert_close(drawn.mean(0), (mass[:, None] * grid).sum(0), atol=0.05, rtol=0)
    np.testing.assert_array_equal(flow.sample(3, seed=4), flow.sample(3, seed=4))


@pytest.mark.parametrize("latent_dim", [2, 3, 7])
def test_every_dimension_moves_and_depends_on_others(latent_dim):
    couplings = [step for step in LatentFlow(latent_dim).steps if isinstance(step, Coupling)]
    assert {j for step in couplings for j in step.moved} == set(range(latent_dim))
    assert all(sorted(step.moved + step.kept) == list(range(latent_dim)) and step.kept for step in couplings)


def test_the_fit_describes_what_one_gaussian_does_not(monkeypatch):
    """Two arcs: held out, the flow's density is above that of a Gaussian and close to that of a mixture."""
    monkeypatch.setattr("latentlab.models.latent_flow._MAX_STEPS", 200)
    random = np.random.default_rng(0)
    angle = random.uniform(0, np.pi, 2000)
    side = random.integers(0, 2, 2000)
    arcs = np.stack([np.cos(angle) + side, (1 - 2 * side) * np.sin(angle)], 1) * 10 + random.normal(size=(2000, 2))
    flow = fit_latent_flow(arcs[:1500], config=SMALL)
    density = flow.log_prob(torch.from_numpy(arcs[1500:]).float()).mean().item()
    gaussian = fit_mixture(arcs[:1500], components=1, covariance="full").log_density(arcs[1500:]).mean()
    assert density > gaussian + 0.5
    assert not any(parameter.requires_grad for parameter in flow.parameters())


def test_a_fit_of_posteriors_includes_their_spread_and_a_flat_dimension_is_kept(monkeypatch):
    monkeypatch.setattr("latentlab.models.latent_flow._MAX_STEPS", 60)
    mean = np.zeros((300, 2), np.float32)
    flow = fit_latent_flow(mean, np.broadcast_to(np.float32([0.5, 0.0]), (300, 2)), config=SMALL)
    drawn = flow.sample(2000)
    assert drawn[:, 0].std() == pytest.approx(0.5, rel=0.1)
    assert abs(drawn[:, 1]).max() < 1e-3


def test_the_same_seed_gives_the_same_fit_and_disturbs_no_other_random_numbers(monkeypatch):
    monkeypatch.setattr("latentlab.models.latent_flow._MAX_STEPS", 30)
    points = np.random.default_rng(0).normal(size=(40, 2))
    state = torch.get_rng_state()
    first, second, other = (fit_latent_flow(points, config=SMALL, seed=seed).sample(5) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("points", "why"),
    [(np.zeros((1, 2)), "at least two"), (np.full((5, 2), np.nan), "finite")],
)
def test_what_a_flow_is_not_fitted_to(points, why):
    with pytest.raises(InputError, match=why):
        fit_latent_flow(points)


# --- with a model -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """With a small flow: its fit is tested above."""
    model = load_model("bundled:mnist-2d", "cpu")
    model.points = model.points.of(np.arange(300))
    model.flow = scrambled(2)
    return model


def test_a_flow_is_saved_with_its_model(model, tmp_path):
    model.save(tmp_path / "m.safetensors")
    back = load_model(tmp_path / "m.safetensors", "cpu")
    assert back.header.latent_flow == SMALL
    for images, expected in zip(back.generate(4, "flow", seed=3), model.generate(4, "flow", seed=3), strict=True):
        np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(back.points.mean, model.points.mean)
    images, z = model.generate(4, "flow", seed=3)
    np.testing.assert_array_equal(z, model.flow.sample(4, 3))
    np.testing.assert_array_equal(images, model.decode(z))


def test_a_file_without_a_flow_does_not_name_it(model, tmp_path):
    """Earlier versions refuse a description that they do not know."""
    plain = load_model("bundled:mnist-2d", "cpu")
    plain.save(tmp_path / "m.safetensors")
    assert b"latent_flow" not in (tmp_path / "m.safetensors").read_bytes()
    assert load_model(tmp_path / "m.safetensors", "cpu").flow is None


def test_a_flow_in_a_file_is_checked_against_its_description(model, tmp_path):
    path = tmp_path / "m.safetensors"
    model.save(path)
    rewrite(path, "latentlab", edit=lambda header: header["latent_flow"].update(hidden=17))
    with pytest.raises(InputError, match="flow of its latents"):
        load_model(path, "cpu")
    model.save(path)
    rewrite(path, "latentlab", edit=lambda header: header.pop("latent_flow"))
    with pytest.raises(InputError, match="disagree on whether it has a flow"):
        read_model(path)


def test_points_of_an_autoencoder_are_drawn_from_where_its_images_are(model):
    """Not from a prior that they do not follow (Ghosh et al. 2020)."""
    from tests.models.helpers import smaller
    from tests.models.test_generate import with_config

    points = Points(np.full((50, 2), 30, np.float32), np.zeros((50, 2), np.float32), np.zeros(50, np.int64))
    for recipe, source in (("ae", "aggregate"), ("wae", "aggregate"), ("vae", "prior"), ("vq-vae", "prior")):
        other = with_config(smaller(recipe))
        assert default_source(other) == "prior"  # without encoded images
        other.points = points
        assert default_source(other) == source
    ae = with_config(smaller("ae"))
    ae.points = points
    np.testing.assert_allclose(ae.generate(3)[1], 30, atol=0.1)


def test_a_run_fits_a_flow_at_its_end_if_it_is_asked_to(tmp_path, monkeypatch):
    from tests.training.helpers import bars, run_config, train

    monkeypatch.setattr("latentlab.models.latent_flow._MAX_STEPS", 20)
    trainer, _ = train(bars(), run_config(epochs=1, latent_flow=True), tmp_path / "run")
    model = load_model(tmp_path / "run", "cpu")
    np.testing.assert_array_equal(model.flow.sample(4), trainer.loaded.flow.sample(4))
    assert train(bars(), run_config(epochs=1), tmp_path / "without")[0].loaded.flow is None
    discrete = {"latent_dim": 4, "posterior": {"kind": "concrete", "categories": 2}, "prior": {"kind": "categorical"}}
    _, events = train(bars(), run_config(discrete, epochs=1, latent_flow=True))
    warnings = [event.message for event in events if event.event == "warning"]
    assert any("no flow is fitted to the latents: this model's latents are categories" in each for each in warnings)
