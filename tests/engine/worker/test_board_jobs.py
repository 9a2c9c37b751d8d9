"""Pictures for the Board and directions between groups of encoded images, step by step."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from latentlab.config.capabilities import ALL
from latentlab.data import load_dataset
from latentlab.engine.protocol.messages import DirectionFound, DrawThumbnail, FindDirection, ImageGroup, ThumbnailDrawn
from latentlab.engine.worker.board_jobs import start
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.latent import direction, regression_direction
from latentlab.storage import Points

COUNT, DIM = 400, 6
PLANTED = np.array([3, 0, 0, -1, 0, 0], np.float32)


class _Decoder:
    """Decodes a latent to an image whose grey is its first number."""

    capabilities = ALL

    latent_dim = DIM

    def decode(self, z, label=None):
        return np.broadcast_to(np.clip(z[:, :1, None, None], 0, 1), (len(z), 1, 8, 8)).astype(np.float32)


@pytest.fixture
def points():
    random = np.random.default_rng(0)
    label = np.arange(COUNT) % 2
    mean = (random.standard_normal((COUNT, DIM)) + label[:, None] * PLANTED).astype(np.float32)
    return Points(mean, np.ones_like(mean), label, np.arange(COUNT)[::-1].copy())


@pytest.fixture
def workspace(points):
    sent: list = []
    made = Workspace(sent.append)
    made.points, made.points_version, made.points_data = points, 3, "data"
    made.model = _Decoder()
    return SimpleNamespace(made=made, sent=sent)


def run(workspace, request) -> tuple[object, int]:
    steps = sum(1 for _ in start(workspace.made, request))
    (result,) = workspace.sent
    return result, steps


def test_a_direction_between_two_groups_is_that_of_the_mathematics_with_its_scores(workspace, points):
    request = FindDirection(7, "data", ImageGroup(label=1), ImageGroup(label=1, are_others=True))
    found, steps = run(workspace, request)
    expected = direction(points.mean[points.label == 1], points.mean[points.label == 0])
    assert isinstance(found, DirectionFound)
    assert (found.generation, found.model_version, found.counts) == (7, 3, (200, 200))
    np.testing.assert_allclose(found.vector, expected.vector, atol=1e-5)
    np.testing.assert_allclose(found.origin, expected.origin, atol=1e-5)
    assert found.scores == pytest.approx(expected.scores)
    assert found.scores["cohens_d"] > 2.5 > 0.4 > abs(found.scores["random_cohens_d"])
    assert steps > 20


def test_orthogonal_to_another_direction_only_what_is_left_separates(workspace, points):
    against = np.stack([PLANTED, PLANTED + np.eye(DIM, dtype=np.float32)[4]])
    groups = ImageGroup(label=1), ImageGroup(label=0)
    found, _ = run(workspace, FindDirection(1, "data", *groups, against=against))
    np.testing.assert_allclose(against @ found.vector, 0, atol=1e-4)
    assert abs(found.scores["cohens_d"]) < 0.4, "all that separated them lies along the other direction"
    ends = [points.mean[points.label == label].mean(axis=0) for label in (0, 1)]
    np.testing.assert_allclose(found.origin, np.mean(ends, axis=0), atol=1e-5)
    workspace.sent.clear()
    found, _ = run(workspace, FindDirection(1, "data", *groups, against=np.eye(DIM, dtype=np.float32)[:1]))
    expected = direction(points.mean[points.label == 1][:, 1:], points.mean[points.label == 0][:, 1:])
    np.testing.assert_allclose(found.vector[1:], expected.vector, atol=1e-4)
    assert found.scores["cohens_d"] == pytest.approx(expected.cohens_d, rel=1e-3)
    with pytest.raises(InputError, match="span the whole"):
        list(start(workspace.made, FindDirection(1, "data", *groups, against=np.eye(DIM, dtype=np.float32))))


def test_groups_without_any_spread_have_an_infinite_score(workspace, points):
    points.mean[:] = points.label[:, None]
    found, _ = run(workspace, FindDirection(1, "data", ImageGroup(label=1), ImageGroup(label=0)))
    assert found.scores["cohens_d"] == np.inf


def test_groups_are_named_by_images_and_what_is_in_both_is_left_out(workspace, points):
    a, b = np.arange(0, 120), np.arange(100, 300)
    found, _ = run(workspace, FindDirection(1, "data", ImageGroup(a), ImageGroup(b)))
    in_a, in_b = np.isin(points.index, a[:100]), np.isin(points.index, b[20:])
    assert (found.shared, found.counts) == (20, (100, 180))
    np.testing.assert_allclose(found.vector, points.mean[in_a].mean(0) - points.mean[in_b].mean(0), atol=1e-5)


def test_a_direction_follows_a_column_of_numbers(workspace, points):
    values = points.mean @ PLANTED
    workspace.made.columns_of = lambda index, data: {"size": values, "name": values.astype(str)}
    found, _ = run(workspace, FindDirection(1, "data", column="size"))
    np.testing.assert_allclose(found.vector, regression_direction(points.mean, values).vector, rtol=1e-4, atol=1e-4)
    assert found.scores["r2"] > 0.99
    for column in ("name", "none"):
        with pytest.raises(InputError, match="no column of numbers"):
            list(start(workspace.made, FindDirection(1, "data", column=column)))


def test_a_principal_component_has_the_spread_of_the_points_and_its_share(workspace, points):
    component = np.eye(DIM, dtype=np.float32)[2]
    found, _ = run(workspace, FindDirection(1, "data", component=component))
    np.testing.assert_allclose(found.vector, component * points.mean[:, 2].std(), rtol=1e-4)
    np.testing.assert_allclose(found.origin, points.mean.mean(axis=0), atol=1e-5)
    assert found.scores["explained"] == pytest.approx(points.mean[:, 2].var() / points.mean.var(axis=0).sum(), rel=1e-4)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (FindDirection(1, "other", ImageGroup(label=0), ImageGroup(label=1)), "another dataset"),
        (FindDirection(1, "data", ImageGroup(label=5), ImageGroup(label=1)), "none of its images"),
        (FindDirection(1, "data", ImageGroup(label=1), ImageGroup(label=1)), "are in both"),
        (FindDirection(1, "data", component=np.ones(2, np.float32)), "6 latent dimensions"),
    ],
)
def test_what_makes_no_direction_is_refused_in_one_sentence(workspace, request_, said):
    with pytest.raises(InputError, match=said):
        list(start(workspace.made, request_))


def test_a_thumbnail_shows_latents_side_by_side_one_a_step(workspace):
    latents = np.zeros((3, DIM), np.float32)
    latents[:, 0] = (0, 0.5, 1)
    drawn, steps = run(workspace, DrawThumbnail("k", latents))
    assert isinstance(drawn, ThumbnailDrawn)
    assert (drawn.key, drawn.image.shape, steps) == ("k", (8, 24), 3)
    assert drawn.image[0, [0, 8, 16]].tolist() == [0, 128, 255]


def test_a_thumbnail_of_another_models_latent_is_none(workspace):
    drawn, _ = run(workspace, DrawThumbnail("k", np.zeros((1, DIM + 1), np.float32)))
    assert drawn.image is None


def test_a_selection_is_shown_by_its_mean_image(workspace, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", images=images)
    dataset = workspace.made.dataset = load_dataset(tmp_path / "images.npz")
    chosen = np.arange(0, COUNT, 3)
    drawn, _ = run(workspace, DrawThumbnail("k", images=chosen, fingerprint=dataset.fingerprint))
    np.testing.assert_allclose(drawn.image, images[chosen].mean(axis=0), atol=0.51)


def test_without_its_dataset_a_selection_is_shown_by_its_decoded_mean_latent(workspace, points):
    chosen = np.arange(10)
    drawn, _ = run(workspace, DrawThumbnail("k", images=chosen, fingerprint="data"))
    mean = points.mean[np.isin(points.index, chosen), 0].mean()
    assert drawn.image[0, 0] == round(255 * np.clip(mean, 0, 1))
    workspace.sent.clear()
    assert run(workspace, DrawThumbnail("k", images=chosen, fingerprint="other"))[0].image is None
