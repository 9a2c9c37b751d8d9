"""Make a bundled model again: ``python tools/bundled_models.py mnist-2d FOLDER_OF_IDX_FILES``.

Each is trained from its recipe below with a fixed seed, evaluated on images it has not seen, and written to
``resources/models/NAME.safetensors`` with the encoded points and the picture of the manifold inside.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from latentlab.config import DataConfig, RunConfig, validated
from latentlab.config.events import Epoch, Event
from latentlab.data import Dataset, load_dataset
from latentlab.evaluation import evaluate
from latentlab.models.inference import load_model
from latentlab.paths import resource
from latentlab.storage import Points, read_model, write_model
from latentlab.training import Trainer


@dataclass(frozen=True)
class Bundled:
    """How one model is made.

    ``train`` and ``test`` name files within the folder given, or a demo; ``settings`` is a run's configuration
    as plain values; ``points`` is how many encoded images the file keeps.
    """

    train: str
    test: str
    settings: dict[str, dict[str, object]]
    points: int


_MNIST = ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz")
_LONG = {"learning_rate": 1e-3, "schedule": "cosine", "batch_size": 128, "seed": 1}

MODELS = {
    "mnist-2d": Bundled(
        *_MNIST,
        {
            "data": {"validation": 0.05},
            "model": {"latent_dim": 2, "architecture": {"kind": "mlp", "hidden": 360, "layers": 2}},
            "training": {**_LONG, "epochs": 120},
        },
        points=20_000,
    ),
    "mnist-10d": Bundled(
        *_MNIST,
        {
            "data": {"validation": 0.05},
            "model": {"latent_dim": 10, "architecture": {"kind": "mlp", "hidden": 340, "layers": 2}},
            "training": {**_LONG, "epochs": 20},
        },
        points=6_000,
    ),
    "shapes-6d": Bundled(
        "demo:shapes",
        "demo:shapes",
        {
            "data": {"validation": 0.05},
            "model": {"latent_dim": 6, "architecture": {"kind": "conv", "width": 16}},
            "training": {**_LONG, "epochs": 20, "batch_size": 64},
        },
        points=4_000,
    ),
}


def main() -> None:
    """Train, evaluate and write one model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=MODELS)
    parser.add_argument("folder", nargs="?", default=".", help="where MNIST's IDX files are")
    parser.add_argument("--epochs", type=int, help="fewer epochs, for a first look")
    parser.add_argument("--limit", type=int, help="fewer images")
    parser.add_argument("--out", type=Path, help="another file to write")
    arguments = parser.parse_args()
    bundled = MODELS[arguments.name]
    settings = bundled.settings
    if arguments.epochs:
        settings["training"]["epochs"] = arguments.epochs
    config = validated(RunConfig, {**settings, "data": {**settings["data"], "limit": arguments.limit}})
    train = load_dataset(_source(bundled.train, arguments.folder), config.data)
    held_out = _held_out(bundled, arguments.folder, train)
    with tempfile.TemporaryDirectory() as scratch:
        training = Trainer(train, config, Path(scratch) / "run")
        _follow(training.steps(), config.training.epochs)
        path = Path(scratch) / "run" / "model.safetensors"
        score = evaluate(load_model(path, config.training.device).module, *held_out, importance_samples=50)
        file = read_model(path)
    # A demo has no test set: its validation images chose the best epoch, and are called what they are.
    kind = "validation" if bundled.test == bundled.train else "test"
    metrics = file.header.metrics | {
        f"{kind}_images": float(score.images),
        f"{kind}_elbo": score.elbo,
        f"{kind}_rate": score.rate,
        f"{kind}_distortion": score.distortion,
        f"{kind}_log_likelihood": score.log_likelihood,
    }
    data = file.header.data | {"source": bundled.train}  # not where it lay on this machine
    header = file.header.model_copy(update={"metrics": metrics, "data": data})
    points = None if file.points is None else _first(file.points, bundled.points)
    out = arguments.out or resource("models", f"{arguments.name}.safetensors")
    write_model(out, dataclasses.replace(file, header=header, points=points))
    tqdm.write(f"{out}: {out.stat().st_size / 1e6:.2f} MB, {kind} ELBO {score.elbo:.2f} nats")


def _source(name: str, folder: str) -> str:
    return name if name.startswith("demo:") else str(Path(folder) / name)


def _held_out(bundled: Bundled, folder: str, train: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels to measure on: another file's, or the validation images of a demo."""
    if bundled.test == bundled.train:
        _, validation = train.split()
        return train.images[validation], train.labels[validation]
    test = load_dataset(_source(bundled.test, folder), DataConfig())
    return test.images, test.labels


def _first(points: Points, most: int) -> Points:
    """At most so many points; their images are not at hand later, so neither are their places kept."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(points.mean))[:most])
    return Points(points.mean[chosen], points.std[chosen], points.label[chosen])


def _follow(events: Iterable[Event | None], epochs: int) -> None:
    with tqdm(total=epochs, unit="epoch", file=sys.stderr) as bar:
        for event in events:
            if isinstance(event, Epoch):
                bar.update()
                bar.set_postfix({k: f"{v:.2f}" for k, v in (event.validation or event.train).items()})


if __name__ == "__main__":
    main()
