"""Generated images are those that Python and the command line make of the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.cli import main
from latentlab.engine.protocol.messages import (
    Axes,
    DecodeGrid,
    ExportSelection,
    Generate,
    Generated,
    GenerationProgress,
)
from latentlab.engine.worker.interactive import InteractiveRequests
from latentlab.engine.worker.selection_export import exporting
from latentlab.engine.worker.workspace import Workspace
from latentlab.latent import fit_mixture
from latentlab.models.inference import load_model
from latentlab.models.latent_flow import LatentFlow, fit_latent_flow
from latentlab.storage import Points
from latentlab.utils.pixels import to_bytes


@pytest.fixture(scope="module")
def model():
    """With few points, so that a mixture is fitted fast."""
    model = load_model("bundled:mnist-2d", device="cpu")
    model.points = model.points.of(np.arange(300))
    return model


@pytest.fixture
def sent():
    return []


@pytest.fixture
def workspace(model, sent):
    workspace = Workspace(sent.append)
    workspace.model, workspace.version = model, 3
    random = np.random.default_rng(0)
    mean = random.normal(size=(40, 2)).astype(np.float32)
    workspace.points = Points(mean, np.full_like(mean, 0.1), np.zeros(40, np.int64), np.arange(100, 140))
    return workspace


@pytest.fixture
def interactive(workspace):
    return InteractiveRequests(workspace)


def answer(interactive, sent, *requests) -> list:
    """The results, with the requests made one piece apart."""
    sent.clear()
    for request in requests:
        interactive.answer(request)
        interactive.advance()
    while interactive.working_on:
        interactive.advance()
    return list(sent)


@pytest.mark.parametrize("source", ["prior", "aggregate"])
def test_images_are_those_of_the_models_own_generate(interactive, model, sent, source):
    result = answer(interactive, sent, Generate(5, source, 6, temperature=0.7, seed=4))[-1]
    images, z = model.generate(6, source, temperature=0.7, seed=4)
    assert isinstance(result, Generated)
    assert (result.generation, result.model_version, result.is_from_file, result.problem) == (5, 3, True, "")
    np.testing.assert_array_equal(result.latents, z)
    np.testing.assert_array_equal(result.images, to_bytes(images)[:, 0])


def test_a_selection_is_drawn_from_the_mixture_of_its_own_points(interactive, workspace, sent):
    chosen = np.array([101, 105, 110, 111, 120, 139])
    result = answer(interactive, sent, Generate(1, "selection", 5, seed=2, images=chosen))[-1]
    points = workspace.points.of(chosen - 100)
    expected = fit_mixture(points.mean, points.std).sample(5, 2)
    np.testing.assert_array_equal(result.latents, expected)
    assert not result.is_from_file


def test_an_exported_table_gives_the_same_images_on_the_command_line(interactive, workspace, sent, tmp_path):
    """Also if its rows are in another order, as after a ranking: the mixture depends on the order it is fitted in."""
    chosen = np.arange(100, 130)
    workspace.points = workspace.points.of(np.random.default_rng(1).permutation(40))
    result = answer(interactive, sent, Generate(1, "selection", 5, temperature=0.7, seed=2, images=chosen))[-1]
    table, out = tmp_path / "odd.csv", tmp_path / "odd.npz"
    list(exporting(workspace, ExportSelection(str(table), chosen[::-1], "table")))
    options = ["--count", "5", "--temperature", "0.7", "--seed", "2", "--out", str(out)]
    assert main(["generate", "bundled:mnist-2d", "--from", str(table), *options]) == 0
    with np.load(out) as arrays:
        np.testing.assert_array_equal(arrays["z"], result.latents)
        np.testing.assert_array_equal(to_bytes(arrays["images"])[:, 0], result.images)


def test_along_a_direction_each_row_is_a_draw_of_the_prior_moved_in_even_steps(interactive, model, sent):
    vector, origin = np.array([0.0, 0.5], np.float32), np.array([1.0, 1.0], np.float32)
    request = Generate(1, "direction", 10, temperature=0.5, seed=3, vector=vector, origin=origin, steps=5)
    z = answer(interactive, sent, request)[-1].latents.reshape(2, 5, 2)
    drawn = model.sample_prior(2, 3)
    np.testing.assert_allclose(z[:, :, 0], np.repeat(drawn[:, :1], 5, axis=1), atol=1e-6)
    np.testing.assert_allclose(z[:, :, 1], np.tile(1 + 0.5 * np.linspace(-1, 1, 5), (2, 1)), atol=1e-6)


def test_a_fit_goes_on_for_a_newer_request_and_is_kept(interactive, sent):
    """A temperature that is dragged would begin it anew each time."""
    results = answer(interactive, sent, *(Generate(each, "aggregate", 2, temperature=0.1 * each) for each in (1, 2, 3)))
    assert [each.generation for each in results if isinstance(each, Generated)] == [3]
    again = answer(interactive, sent, Generate(4, "aggregate", 2, seed=9))
    assert not any(isinstance(each, GenerationProgress) for each in again)


def test_a_flow_is_fitted_once_a_step_at_a_time_and_saved_with_the_model(
    interactive, workspace, model, sent, monkeypatch
):
    monkeypatch.setattr("latentlab.models.latent_flow._MAX_STEPS", 20)
    monkeypatch.setattr(model, "flow", None)
    expected = fit_latent_flow(model.points.mean, model.points.std)
    results = answer(interactive, sent, Generate(1, "flow", 3, temperature=0.7, seed=4))
    assert isinstance(results[0], GenerationProgress)
    assert results[0].message.startswith("Fitting a flow to 300 encoded images")
    np.testing.assert_array_equal(results[-1].latents, expected.sample(3, 4, 0.7))
    assert not results[-1].is_from_file
    assert model.flow is not None
    (again,) = answer(interactive, sent, Generate(2, "flow", 3, seed=9))
    np.testing.assert_array_equal(again.latents, expected.sample(3, 9))
    assert not again.is_from_file
    monkeypatch.setattr(model, "flow", LatentFlow(2))  # as opened with a file
    (from_file,) = answer(interactive, sent, Generate(3, "flow", 3, seed=9))
    assert from_file.is_from_file
    np.testing.assert_array_equal(from_file.latents, model.flow.sample(3, 9))


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (Generate(1, "prior", 0), "1 to 400"),
        (Generate(1, "prior", 2, temperature=-1), "temperature"),
        (Generate(1, "selection", 2), "select images"),
        (Generate(1, "selection", 2, images=np.array([5])), "the selected images are not among"),
        (Generate(1, "direction", 2, vector=np.zeros(3, np.float32), origin=np.zeros(3, np.float32)), "another latent"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_sentence(interactive, sent, request_, problem):
    result = answer(interactive, sent, request_)[-1]
    assert problem in result.problem
    assert result.images is None


def test_without_points_there_is_no_aggregate_posterior(interactive, workspace, model, sent, monkeypatch):
    monkeypatch.setattr(model, "points", None)
    workspace.points = None
    assert "open a dataset" in answer(interactive, sent, Generate(1, "aggregate", 2))[-1].problem


def test_images_are_made_while_the_manifold_is_decoded_again_and_again(interactive, sent):
    """As beside a run, which asks for another manifold before the one before is complete."""
    axes = Axes(np.zeros(2, np.float32), *np.eye(2, dtype=np.float32))
    interactive.answer(Generate(5, "prior", 6))
    for generation in range(200):
        interactive.answer(DecodeGrid(generation, axes, (-3, 3), (-3, 3), 16, 16, 28))
        interactive.advance()
        if any(isinstance(result, Generated) for result in sent):
            return
    pytest.fail("the manifold left no turn to the images")
