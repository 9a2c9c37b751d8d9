"""Clusters read off a mixture prior: its density, its placement, and what a run finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import distributions

from latentlab.config import PriorConfig
from latentlab.engine.protocol.messages import PointsChanged
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.evaluation import evaluate
from latentlab.evaluation.cluster_accuracy import best_matching, cluster_accuracy
from latentlab.models import Batch, StepState, build
from latentlab.models.inference import InferenceModel, load_model
from latentlab.models.priors import build_prior
from latentlab.storage import ModelHeader, Points, read_model
from tests.models.helpers import images, optimizers, smaller, step


def a_prior(components: int = 4, latent_dim: int = 3):
    prior = build_prior(PriorConfig(kind="clusters", components=components), latent_dim, (1, 3, 4))
    torch.nn.init.normal_(prior.logits)
    return prior


def test_the_density_is_that_of_torch_and_responsibilities_are_bayes_rule():
    prior, z = a_prior(), torch.randn(2, 5, 3)
    parts = distributions.Independent(distributions.Normal(prior.means, torch.exp(prior.log_stds)), 1)
    reference = distributions.MixtureSameFamily(distributions.Categorical(logits=prior.logits), parts)
    torch.testing.assert_close(prior.log_prob(z), reference.log_prob(z), atol=1e-5, rtol=1e-5)
    flat = z.flatten(0, 1)
    joint = parts.log_prob(flat[:, None]) + torch.log_softmax(prior.logits, 0)
    torch.testing.assert_close(prior.responsibilities(flat), torch.exp(joint - reference.log_prob(flat)[:, None]))


def test_draws_and_marginals_follow_the_weights():
    prior = a_prior(2, 1)
    with torch.no_grad():
        prior.means.copy_(torch.tensor([[-5.0], [5.0]]))
        prior.logits.copy_(torch.log(torch.tensor([0.25, 0.75])))
    drawn = prior.sample(4000, torch.Generator().manual_seed(0))
    assert (drawn > 0).float().mean().item() == pytest.approx(0.75, abs=0.03)
    means, _ = prior.marginals()
    assert (means > 0).float().mean().item() == pytest.approx(0.75, abs=0.01)


def test_components_are_placed_on_planted_clusters():
    prior, centres = a_prior(3, 2), torch.tensor([[-8.0, 0], [8, 0], [0, 9]])
    planted = torch.arange(300) % 3
    prior.place(centres[planted] + 0.5 * torch.randn(300, 2))
    torch.testing.assert_close(prior.means[torch.cdist(centres, prior.means).argmin(1)], centres, atol=0.3, rtol=0)
    found = prior.responsibilities(centres).argmax(1)
    assert sorted(found.tolist()) == [0, 1, 2]
    torch.testing.assert_close(torch.exp(prior.log_stds), torch.full((3, 2), 0.5), atol=0.15, rtol=0)
    prior.place(torch.randn(2, 2))
    assert torch.softmax(prior.logits, 0)[2] < 0.01, "fewer latents than components"


def planted_images(count: int = 96) -> Batch:
    generator = torch.Generator().manual_seed(1)
    templates = torch.rand(3, 1, 6, 6, generator=generator).round()
    label = torch.arange(count) % 3
    return Batch((0.1 + 0.8 * templates[label] + 0.1 * torch.rand(count, 1, 6, 6, generator=generator)), label)


def test_a_run_finds_planted_classes_and_says_how_many_images_it_has_right():
    torch.manual_seed(0)
    model = build(smaller("vade", prior={"components": 3, "pretraining": 4.0}, latent_dim=2), (1, 6, 6)).train()
    batch, adams = planted_images(), None
    adams = optimizers(model, 1e-2)
    for number in range(60):
        terms = step(model, batch, adams, StepState(number, number // 10, 10, 96, epochs=30))
        assert bool(model.is_placed) == (number >= 40)
        if number < 40:
            torch.testing.assert_close(model.rate_schedule.weight, torch.tensor(0.0))
        assert torch.isfinite(terms["elbo"])
    pixels = (batch.x * 255).round().to(torch.uint8)
    assert evaluate(model, pixels, batch.label, 1).figures["cluster_accuracy"] == 1.0
    assert "cluster_accuracy" not in evaluate(model, pixels, None, 1).figures
    unknown = torch.where(torch.arange(96) < 90, -1, batch.label)
    assert evaluate(model, pixels, unknown, 1).figures["cluster_accuracy"] == 1.0


def test_a_short_run_places_them_after_a_third():
    model = build(smaller("vade"), (1, 6, 6)).train()
    adams = optimizers(model)
    placed = []
    for number in range(12):
        step(model, images(8, (1, 6, 6)), adams, StepState(number, number // 4, 4, 32, epochs=3))
        placed.append(bool(model.is_placed))
    assert placed == [False] * 4 + [True] * 8
    assert model.rate_schedule.weight == 1
    again = build(smaller("vade"), (1, 6, 6))
    again.load_state_dict(model.state_dict())
    again.on_step_start(StepState(0, 0, 4, 32, epochs=3))
    assert again.rate_schedule.weight == 1, "a resumed run does not begin its pretraining again"


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (4, 4), (7, 3), (3, 6)])
def test_the_best_matching_is_that_of_scipy(rows, columns):
    for seed in range(20):
        table = np.random.default_rng(seed).integers(0, 9, (rows, columns))
        table[0, 0] += 1
        size = max(rows, columns)
        padded = np.zeros((size, size), np.int64)
        padded[:rows, :columns] = table
        matched = best_matching(padded)
        assert sorted(matched.tolist()) == list(range(size))
        first, second = linear_sum_assignment(-table)
        assert padded[np.arange(size), matched].sum() == table[first, second].sum()
        counts = {(int(row), int(column)): int(table[row, column]) for row, column in np.argwhere(table)}
        assert cluster_accuracy(counts) == pytest.approx(table[first, second].sum() / table.sum())


@pytest.mark.parametrize(
    "changes", [{"posterior": {"kind": "delta"}}, {"conditional": True}, {"rate": {"kind": "capacity"}}]
)
def test_what_does_not_go_with_clusters_is_refused(changes):
    with pytest.raises(InputError, match=r"prior\.kind=clusters needs"):
        smaller("vade", **changes)


def test_points_have_the_cluster_of_their_images_as_a_column(tmp_path):
    config = smaller("vade", prior={"components": 3}, latent_dim=2)
    module = build(config, (1, 6, 6)).eval()
    batch = planted_images(12)
    module.prior.place(module.encode(batch)[0])
    header = ModelHeader(model=config, image_shape=(1, 6, 6))
    model = InferenceModel(module, header, "cpu")
    expected = module.clusters(batch).numpy()
    np.testing.assert_array_equal(model.clusters(batch.x.numpy()), expected)
    assert len(set(expected.tolist())) > 1
    mean, std = model.encode(batch.x.numpy())
    model.points = Points(mean, std, np.zeros(12, np.int64), np.arange(12))
    model.save(tmp_path / "m.safetensors")
    sent = []
    workspace = Workspace(sent.append)
    workspace.publish_file(tmp_path / "m.safetensors", read_model(tmp_path / "m.safetensors"), "m")  # before torch
    workspace.model = model
    workspace.publish_points(model.points, (), None)
    published = [result for result in sent if isinstance(result, PointsChanged)]
    assert len(published) == 2
    for result in published:
        np.testing.assert_array_equal(result.columns["cluster"], expected)
    assert load_model("bundled:mnist-2d", "cpu").clusters_of(np.zeros((1, 2))) is None
