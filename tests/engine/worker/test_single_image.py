"""The image that the user opens, pastes or paints: inspected, refined and filled in by the worker, in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import latentlab
from latentlab.config.events import Epoch
from latentlab.engine.protocol.messages import (
    DrawingEncoded,
    EncodeDrawing,
    EncodeImage,
    ImageEncoded,
    ImageImputed,
    ImageInspected,
    ImageRefined,
    ImputeImage,
    InspectImage,
    RefineImage,
    StopImageWork,
    StopTraining,
    TrainingEvent,
    TrainingState,
)
from latentlab.engine.worker.encode_image import encode_drawing, encode_image
from latentlab.engine.worker.interactive import InteractiveRequests
from latentlab.engine.worker.workspace import Workspace
from latentlab.models import build
from latentlab.models.inference import InferenceModel, load_model
from latentlab.storage import ModelHeader
from latentlab.utils.pixels import to_bytes
from tests.engine.conftest import train
from tests.models.helpers import smaller


@pytest.fixture(scope="module")
def model():
    return load_model("bundled:mnist-2d", device="cpu")


@pytest.fixture(scope="module")
def digit(model):
    return to_bytes(model.decode([[0.4, -0.8]]))[0, 0]


@pytest.fixture
def sent():
    return []


@pytest.fixture
def workspace(model, sent):
    workspace = Workspace(sent.append)
    workspace.model, workspace.version = model, 3
    return workspace


@pytest.fixture
def interactive(workspace):
    return InteractiveRequests(workspace)


def answer(interactive, sent, *requests) -> list:
    sent.clear()
    for request in requests:
        interactive.answer(request)
        interactive.advance()
    while interactive.working_on:
        interactive.advance()
    return list(sent)


def lower_half(image: np.ndarray) -> np.ndarray:
    hidden = np.zeros(image.shape[:2], bool)
    hidden[len(hidden) // 2 :] = True
    return hidden


def inspect(digit, mean=(0.0, 0.0), **values) -> InspectImage:
    return InspectImage(1, digit, None, np.array(mean, np.float32), **values)


def test_an_image_is_inspected_as_in_python(interactive, model, sent, digit):
    (result,) = answer(interactive, sent, inspect(digit, compare=False))
    expected = latentlab.inspect(model, digit)
    assert (result.generation, result.model_version, result.done) == (1, 3, True)
    assert (result.elbo, result.rate, result.distortion) == (expected.elbo, expected.rate, expected.distortion)
    np.testing.assert_array_equal(result.draws, to_bytes(expected.draws)[:, 0])
    np.testing.assert_array_equal(result.std, expected.std[0])
    np.testing.assert_allclose(result.error, digit / np.float32(255) - expected.reconstruction[0], atol=1e-6)


def test_honest_an_image_is_compared_with_the_open_dataset_only(interactive, workspace, sent, digit, tmp_path):
    first, second = answer(interactive, sent, inspect(digit))
    assert (first.typical, first.done) == ("", False), "pictures come before the comparison"
    assert second.done
    assert "Open the training images" in second.typical
    np.save(tmp_path / "digits.npy", np.stack([digit] * 20))
    workspace.dataset = latentlab.load_dataset(tmp_path / "digits.npy")
    result = answer(interactive, sent, inspect(digit))[-1]
    assert "20 open images of digits. The model was trained on other images." in result.typical
    model = workspace.model
    data = {"fingerprint": workspace.dataset.fingerprint}
    workspace.model = InferenceModel(model.module, model.header.model_copy(update={"data": data}), "cpu")
    result = answer(interactive, sent, inspect(digit))[-1]
    assert result.typical.endswith("18 training images of digits.")
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    assert answer(interactive, sent, inspect(noise))[-1].typical.startswith("Not typical of the data")
    assert answer(interactive, sent, inspect(noise, encoded_elbo=1e6))[-1].typical.startswith("Simpler")
    np.save(tmp_path / "small.npy", np.zeros((20, 8, 8), np.uint8))
    workspace.dataset = latentlab.load_dataset(tmp_path / "small.npy")
    assert "another shape" in answer(interactive, sent, inspect(digit))[-1].typical


def test_right_a_refinement_is_streamed_and_its_elbo_never_falls(interactive, model, sent, digit):
    noisy = np.clip(digit.astype(int) + np.random.default_rng(0).integers(0, 90, digit.shape), 0, 255).astype(np.uint8)
    results = answer(interactive, sent, RefineImage(4, noisy, steps=30))
    assert [result.done for result in results] == [False] * (len(results) - 1) + [True]
    assert len(results) > 5
    last = results[-1]
    assert list(last.elbos) == sorted(last.elbos)
    assert last.elbos[-1] > last.elbos[0]
    expected = latentlab.refine(model, noisy, steps=30)
    assert last.elbos[-1] == expected.elbo
    np.testing.assert_array_equal(last.mean, expected.mean)
    np.testing.assert_array_equal(last.reconstruction, to_bytes(model.decode(expected.mean[None]))[0, 0])
    refined = answer(interactive, sent, inspect(noisy, expected.mean, compare=False))[-1]
    assert refined.elbo == pytest.approx(last.elbos[-1], abs=1.0)
    encoded = answer(interactive, sent, inspect(noisy, compare=False))[-1]
    assert encoded.elbo == pytest.approx(last.elbos[0], abs=1.0)


def test_a_refinement_is_stopped_with_the_best_so_far(interactive, sent, digit):
    sent.clear()
    interactive.answer(RefineImage(4, digit, steps=1000))
    while len(sent) < 3:
        interactive.advance()
    interactive.answer(StopImageWork("refine"))
    while interactive.working_on:
        interactive.advance()
    assert len(sent) == 4
    assert sent[-1].done
    assert sent[-1].elbos == sent[-2].elbos


def test_alive_a_newer_refinement_replaces_the_older(interactive, sent, digit):
    results = answer(interactive, sent, RefineImage(1, digit, steps=500), RefineImage(2, digit, steps=5))
    assert {result.generation for result in results if result.done} == {2}


def test_right_hidden_pixels_are_filled_in_as_by_python_and_carry_no_likelihood(interactive, model, sent, digit):
    hidden = lower_half(digit)
    results = answer(interactive, sent, ImputeImage(1, digit, hidden, draws=4, samples=64, seed=2))
    assert [result.method for result in results][:2] == ["start", "importance"]
    assert [result.done for result in results] == [False] * (len(results) - 1) + [True]
    expected = latentlab.imputations(model, digit, hidden, count=4, samples=64, seed=2)
    last = results[-1]
    np.testing.assert_array_equal(last.draws, to_bytes(expected.draws)[:, 0])
    np.testing.assert_array_equal(last.z, expected.z)
    assert last.effective_samples == expected.effective_samples
    changed = digit.copy()
    changed[hidden] = 255 - changed[hidden]
    same = answer(interactive, sent, ImputeImage(1, changed, hidden, draws=4, samples=64, seed=2))[-1]
    np.testing.assert_array_equal(same.draws, last.draws)


def test_filling_in_is_stopped(interactive, sent, digit):
    sent.clear()
    interactive.answer(ImputeImage(1, digit, lower_half(digit), samples=10_000))
    interactive.advance()
    interactive.answer(StopImageWork("impute"))
    while interactive.working_on:
        interactive.advance()
    assert [result.method for result in sent] == ["start", "start"]
    assert sent[-1].done


@pytest.mark.parametrize("recipe", ["vq-vae", "concrete-vae"])
def test_what_a_recipe_cannot_do_is_answered_with_the_reason(sent, recipe):
    config = smaller(recipe)
    workspace = Workspace(sent.append)
    module = build(config, (1, 8, 8), 0).eval()
    workspace.model = InferenceModel(module, ModelHeader(model=config, image_shape=(1, 8, 8)), "cpu")
    image = np.zeros((8, 8), np.uint8)
    interactive = InteractiveRequests(workspace)
    for request in (RefineImage(1, image), ImputeImage(1, image, lower_half(image))):
        (result,) = answer(interactive, sent, request)
        assert result.done
        assert "jumps" in result.problem


def test_every_request_is_answered(interactive, sent, digit):
    for request in (RefineImage(1, digit, steps=0), ImputeImage(1, digit, np.zeros((28, 28), bool))):
        (result,) = answer(interactive, sent, request)
        assert result.problem
        assert result.done


# --- encoding -------------------------------------------------------------------------------------


def test_a_drawing_is_encoded_as_it_is(workspace, model, sent, digit):
    encode_drawing(workspace, EncodeDrawing(7, digit, "Drawing"))
    (result,) = sent
    assert isinstance(result, DrawingEncoded)
    assert (result.generation, result.encoded.path, result.encoded.is_drawing) == (7, "Drawing", True)
    np.testing.assert_array_equal(result.encoded.image, digit)
    np.testing.assert_array_equal(result.encoded.mean, model.encode(digit[None, None])[0][0])


def test_a_drawing_of_another_model_is_fitted(workspace, sent):
    encode_drawing(workspace, EncodeDrawing(1, np.full((14, 14, 3), 200, np.uint8), "Drawing"))
    (result,) = sent
    assert result.encoded.image.shape == (28, 28)
    assert (result.encoded.image == 200).all()


@pytest.mark.parametrize(
    ("pixels", "note"),
    [
        (np.zeros((28, 28), np.uint8), ""),
        (np.zeros((40, 20), np.uint8), "20 × 40 pixels, resized to 28 × 28"),
        (np.zeros((28, 28, 3), np.uint8), "colours as greys"),
        (np.zeros((5, 5, 3), np.uint8), "5 × 5 pixels, resized to 28 × 28; colours as greys"),
    ],
)
def test_honest_what_is_changed_about_a_file_is_said(workspace, sent, tmp_path, pixels, note):
    Image.fromarray(pixels).save(tmp_path / "one.png")
    encode_image(workspace, EncodeImage(str(tmp_path / "one.png")))
    (result,) = sent
    assert isinstance(result, ImageEncoded)
    assert result.note == note


def test_the_results_belong_to_their_requests():
    for result, request in (
        (ImageInspected, InspectImage), (ImageRefined, RefineImage), (ImageImputed, ImputeImage),
        (DrawingEncoded, EncodeDrawing),
    ):  # fmt: skip
        assert result.slot == request.slot


def test_alive_an_image_is_refined_and_filled_in_beside_a_run(driver, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    driver.ask(train(tmp_path / "run", epochs=10_000))
    driver.wait(TrainingEvent, lambda result: isinstance(result.event, Epoch))
    driver.ask(RefineImage(1, image, steps=40), ImputeImage(1, image, lower_half(image), draws=2, samples=32))
    refined = driver.wait(ImageRefined, lambda result: result.done)
    assert not refined.problem
    assert list(refined.elbos) == sorted(refined.elbos), "all of the same weights"
    driver.ask(ImputeImage(2, image, lower_half(image), draws=2, samples=32))
    filled = driver.wait(ImageImputed, lambda result: result.done and result.generation == 2)
    assert np.isfinite(filled.z).all()
    driver.ask(StopTraining())
    driver.wait(TrainingState, lambda result: result.state == "idle")
