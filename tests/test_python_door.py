"""The names that scripts hold on to: ``latentlab.load_dataset``, ``train``, ``load_model``, ``evaluate``."""

import subprocess
import sys

import numpy as np
import pytest

import latentlab
from latentlab.errors import InputError
from tests.training.helpers import bars


@pytest.mark.real
def test_importing_is_light():
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


def test_what_is_wrong_is_said_at_the_call(tmp_path):
    for settings in ({"recipe": "no-such"}, {"no_such": 1}, {"epochs": 0}, {"device": "cuda:99"}):
        with pytest.raises(InputError):
            latentlab.train(bars(), out=tmp_path / "run", **settings)
    with pytest.raises(InputError):
        latentlab.load_dataset("demo:shapes", image_size=3)
    with pytest.raises(InputError):
        latentlab.load_model("bundled:absent")
    assert not (tmp_path / "run").exists()


def test_recipes_are_named():
    assert "vae" in latentlab.recipes.RECIPES
    with pytest.raises(AttributeError):
        _ = latentlab.no_such_name
