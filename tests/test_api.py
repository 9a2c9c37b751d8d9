"""The public functions: ``latentlab.load_dataset``, ``train``, ``load_model``, ``evaluate``, ``impute``."""

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import latentlab
import latentlab.api
from latentlab.errors import InputError
from tests.training.helpers import bars


@pytest.mark.real
def test_importing_latentlab_imports_no_large_package():
    code = "import sys, latentlab; assert not {'torch', 'PySide6', 'numpy', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_from_images_to_latents_and_back(tmp_path):
    np.save(tmp_path / "images.npy", bars().images[:, 0])
    dataset = latentlab.load_dataset(tmp_path / "images.npy", validation=0.2)
    assert dataset.images.dtype == np.uint8
    settings = {"latent_dim": 3, "epochs": 2, "batch_size": 16, "architecture.hidden": 16, "device": "cpu"}
    events = list(latentlab.train(dataset, recipe="vae", out=tmp_path / "run", **settings))
    assert [event.event for event in events if event.event != "checkpoint"] == [
        "started", "epoch", "epoch", "finished",
    ]  # fmt: skip
    model = latentlab.load_model(tmp_path / "run")
    mean, std = model.encode(dataset.images[:16])
    assert mean.shape == std.shape == (16, 3)
    assert mean.dtype == np.float32
    images = model.decode(mean)
    assert images.shape == (16, 1, 8, 8)
    assert images.dtype == np.float32
    assert 0 <= images.min() <= images.max() <= 1
    found = latentlab.evaluate(model, dataset, importance_samples=3)
    assert found.images == 60
    assert found.log_likelihood >= found.elbo


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (
            {"validation": 0.5},
            "validation is a setting of the data, which are prepared already: give it to load_dataset",
        ),
        ({"image_size": 32}, "image_size"),
        ({"limit": 10}, "limit=10"),
        ({"data.channels": 3}, "channels=3"),
        ({"codebook.size": 4}, "does nothing"),
        ({"recipe": "vae", "divergence.weight": 4}, "does nothing"),
    ],
)
def test_settings_that_cannot_act_are_refused(tmp_path, settings, why):
    with pytest.raises(InputError) as error:
        latentlab.train(bars(), out=tmp_path / "run", **settings)
    assert why in str(error.value)
    assert not (tmp_path / "run").exists()


def test_impute_replaces_hidden_pixels_only(tmp_path):
    dataset = bars()
    settings = {"epochs": 1, "batch_size": 16, "architecture.hidden": 16, "corruption.kind": "mask", "device": "cpu"}
    for _ in latentlab.train(dataset, out=tmp_path / "run", **settings):
        pass
    model = latentlab.load_model(tmp_path / "run", "cpu")
    mask = np.zeros((8, 8), bool)
    mask[:, 4:] = True
    filled = latentlab.impute(model, dataset.images[:3], mask)
    assert filled.shape == (3, 1, 8, 8)
    assert filled.dtype == np.float32
    np.testing.assert_allclose(filled[:, :, ~mask], dataset.images[:3][:, :, ~mask] / np.float32(255))
    assert 0 <= filled.min() <= filled.max() <= 1
    changed = dataset.images[:3].copy()
    changed[:, :, mask] = 255
    assert (latentlab.impute(model, changed, mask) == filled).all(), "hidden pixels have no influence"
    assert latentlab.impute(model, dataset.images[0, 0], np.uint8(mask * 255)).shape == (8, 8)
    per_image = np.stack([mask, ~mask, mask])
    assert (latentlab.impute(model, dataset.images[:3], per_image)[0] == filled[0]).all()


@pytest.mark.parametrize(
    ("image", "mask", "options", "message"),
    [
        (np.zeros((1, 8, 9)), np.ones((8, 8), bool), {}, r"images of shape \[1, 8, 8\], not \[1, 8, 9\]"),
        (np.zeros(64), np.ones((8, 8), bool), {}, "images of shape"),
        (np.zeros((1, 8, 8)), np.ones((4, 8), bool), {}, r"shape \[8, 8\], not \[4, 8\]"),
        (np.zeros((1, 8, 8)), np.zeros((8, 8), bool), {}, "hides nothing"),
        (np.full((1, 8, 8), 7.0), np.eye(8, dtype=bool), {}, "floats from 0 to 1"),
        (np.full((1, 8, 8), np.nan), np.eye(8, dtype=bool), {}, "floats from 0 to 1"),
        (np.zeros((1, 8, 8)), np.eye(8, dtype=bool), {"samples": 0}, "at least 1 sample"),
        (np.zeros((1, 8, 8)), np.eye(8, dtype=bool), {"label": 1}, "takes no class"),
    ],
)
def test_impute_refuses_bad_input_in_one_sentence(image, mask, options, message):
    model = latentlab.load_model(Path(__file__).parent / "fixtures/v1/run", "cpu")
    with pytest.raises(InputError, match=message):
        latentlab.impute(model, image, mask, **options)


def test_bad_arguments_are_refused_at_the_call(tmp_path):
    for settings in ({"recipe": "no-such"}, {"no_such": 1}, {"epochs": 0}, {"device": "cuda:99"}):
        with pytest.raises(InputError):
            latentlab.train(bars(), out=tmp_path / "run", **settings)
    with pytest.raises(InputError):
        latentlab.load_dataset("demo:shapes", image_size=3)
    with pytest.raises(InputError):
        latentlab.load_model("bundled:absent")
    assert not (tmp_path / "run").exists()


def test_the_examples_are_true():
    found = doctest.testmod(latentlab.api)
    assert found.failed == 0
    assert found.attempted > 15


def test_recipes_are_found_without_an_import_and_with_one():
    assert "vae" in latentlab.recipes.RECIPES
    from latentlab.recipes import recipe

    assert recipe("vae") is latentlab.recipes.RECIPES["vae"]
    with pytest.raises(AttributeError):
        _ = latentlab.no_such_name
