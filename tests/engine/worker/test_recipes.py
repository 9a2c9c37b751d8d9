"""Every recipe trains, decodes, encodes, saves, loads, resumes and evaluates by the engine's requests."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from latentlab.cli import main
from latentlab.config import DataConfig, RunConfig, with_settings
from latentlab.config.events import Epoch, Finished
from latentlab.config.recipes import RECIPES
from latentlab.engine.protocol.messages import (
    Axes,
    DatasetOpened,
    Decode,
    Decoded,
    DecodeGrid,
    EncodeImage,
    Failed,
    GridTiles,
    ImageEncoded,
    ModelChanged,
    ModelSaved,
    OpenDataset,
    OpenModel,
    PointsChanged,
    Reconstruct,
    Sample,
    SaveModel,
    Strip,
    Train,
    TrainingEvent,
)
from latentlab.models.inference import load_model
from tests.engine.conftest import Driver

SMALL = {
    "architecture.hidden": "16",
    "architecture.width": "4",
    "posterior.hidden": "8",
    "prior.components": "5",
    "prior.hidden": "8",
    "hierarchy.hidden": "8",
    "adversary.hidden": "8",
    "codebook.size": "8",
    "codebook.dimension": "3",
    "supervision.labels": "4",
}
IMAGES = 40


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    random = np.random.default_rng(0)
    labels = np.arange(IMAGES) % 2
    images = random.integers(0, 60, (IMAGES, 16, 16)) + 150 * labels[:, None, None]
    path = tmp_path_factory.mktemp("data") / "two.npz"
    np.savez(path, images=images.astype(np.uint8), labels=labels)
    return path


@pytest.fixture(scope="module")
def worker(data):
    driver = Driver("thread")
    driver.ask(OpenDataset(str(data), DataConfig()))
    driver.wait(DatasetOpened)
    yield driver
    driver.close()


def configured(name: str, **training) -> RunConfig:
    model = RECIPES[name].config()
    small = {key: value for key, value in SMALL.items() if key != "supervision.labels" or model.family != "vae"}
    if model.posterior.kind == "concrete":
        small["latent_dim"] = "20"
    if model.posterior.refine:
        small["posterior.refine"] = "2"
    config = with_settings(RunConfig(model=model), [f"model.{key}={value}" for key, value in small.items()])
    wanted = {"epochs": 1, "batch_size": 16, "device": "cpu", **training}
    return config.model_copy(update={"training": config.training.model_copy(update=wanted)})


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_answers_all_requests_of_the_window(worker, data, name, tmp_path, capsys):
    worker.results.clear()
    run = tmp_path / "run"
    worker.ask(Train(configured(name), str(run)))
    first = worker.wait(ModelChanged, lambda result: result.is_new_model).info
    epoch = worker.wait(TrainingEvent, lambda result: isinstance(result.event, Epoch)).event
    assert {"elbo", "rate", "distortion"} <= set(epoch.train)
    assert np.isfinite(list(epoch.train.values())).all()
    points = worker.wait(PointsChanged, lambda points: len(points.mean) == IMAGES)
    worker.wait(TrainingEvent, lambda result: isinstance(result.event, Finished))
    size = points.mean.shape[1]
    assert first.latent_dim == size == first.layout.latent_dim
    assert first.conditional == RECIPES[name].config().conditional

    slices = [level.indices for level in first.layout.levels]
    assert all(sum(bool(row[indices].any()) for indices in slices) == 1 for row in points.components)

    z, label = points.mean[0], 0 if first.conditional else None
    worker.ask(Decode(1, z, label))
    image = worker.wait(Decoded).image
    assert image.shape == (16, 16)
    x, y = np.eye(size, dtype=np.float32)[[0, 1]]
    worker.ask(DecodeGrid(2, Axes(z, x, y), (-1, 1), (-1, 1), 3, 3, 16, label))
    worker.wait(GridTiles, lambda tiles: tiles.done)
    worker.ask(Reconstruct(3, count=2))
    strip = worker.wait(Strip)
    assert strip.images.shape == (2, 2, 16, 16)
    classes = (strip.images[0].mean((1, 2)) > 100).astype(np.int64)  # the light images are of the second class
    model = load_model(run, "cpu")
    again = model.decode(strip.latents[1], classes)[:, 0]
    assert np.abs(again * 255 - strip.images[1]).max() <= 1
    worker.ask(Sample(4, count=2))
    strip = worker.wait(Strip)
    assert strip.images.shape == (1, 2, 16, 16)
    by_class = model.decode(strip.latents[0], [0, 1])[:, 0]
    assert np.abs(by_class * 255 - strip.images[0]).max() <= 1

    Image.fromarray(strip.images[0, 0]).save(tmp_path / "dropped.png")
    worker.ask(EncodeImage(str(tmp_path / "dropped.png"), label))
    dropped = worker.wait(ImageEncoded)
    classifies = RECIPES[name].config().family == "semi-supervised"
    expected = model.classes_of_images(dropped.image[None, None], -1)[0] if classifies else label
    assert dropped.label == expected
    reconstruction = model.decode(dropped.mean[None], dropped.label)[0, 0]
    assert np.abs(reconstruction * 255 - dropped.reconstruction).max() <= 1

    saved = tmp_path / "saved.safetensors"
    worker.ask(SaveModel(str(saved)))
    worker.wait(ModelSaved)
    worker.ask(OpenModel(str(saved)))
    opened = worker.wait(ModelChanged).info
    assert (opened.latent_dim, opened.layout) == (size, first.layout)
    worker.ask(Decode(5, z, label))
    np.testing.assert_array_equal(worker.wait(Decoded).image, image)
    loaded = load_model(saved, "cpu").decode(z[None], label)[0, 0]
    assert np.abs(loaded * 255 - image).max() <= 1

    worker.ask(Train(configured(name, epochs=2), str(run), resume=True))
    ended = worker.wait(TrainingEvent, lambda result: isinstance(result.event, Finished)).event
    assert ended.epochs == 2
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--limit", "16", "--importance-samples", "2", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert np.isfinite([numbers[key] for key in ("elbo", "rate", "distortion")]).all()
    assert worker.seen(Failed) == []
    assert main(["decode", str(run), "--samples", "3", "--out", str(tmp_path / "samples.npz")]) == 0
    with np.load(tmp_path / "samples.npz") as samples:
        by_class = load_model(run, "cpu").decode(samples["z"], [0, 1, 0])
        np.testing.assert_allclose(samples["images"], by_class, atol=1e-6)
