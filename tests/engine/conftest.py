"""A small model file, a small dataset, and a worker that is driven without Qt."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from latentlab.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from latentlab.data import load_dataset
from latentlab.engine.client.worker_host import launch
from latentlab.engine.protocol.messages import DatasetOpened, OpenDataset, OpenModel, PointsChanged, Shutdown, Train

SHAPE = (1, 8, 8)
SMALL = ModelConfig.model_validate({"latent_dim": 2, "architecture": {"hidden": 16}})
IMAGES = 300


class Driver:
    """Sends requests to one worker and keeps its results."""

    def __init__(self, host: str, **options) -> None:
        self.host = launch(host, **{"device": "cpu", **options})
        self.results: list = []
        self.code: int | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._receive, name=f"driver-{host}")
        self._thread.start()

    def _receive(self) -> None:
        self.code = self.host.receive_until_exit(self._keep)

    def _keep(self, result) -> None:
        with self._changed:
            self.results.append(result)
            self._changed.notify_all()

    def ask(self, *requests) -> None:
        for request in requests:
            self.host.send(request)

    def wait(self, kind, where=lambda _: True, timeout: float = 60.0):
        """Wait for the first result of a kind that fulfils a condition; removes it and all before it."""
        return self.until(kind, where, timeout)[-1]

    def until(self, kind, where=lambda _: True, timeout: float = 60.0) -> list:
        """That result and all before it; removes them."""
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                for index, result in enumerate(self.results):
                    if isinstance(result, kind) and where(result):
                        until = self.results[: index + 1]
                        del self.results[: index + 1]
                        return until
                left = end - time.monotonic()
                assert left > 0, f"no {kind.__name__} within {timeout:g} s: {self.results}\n{self.host.stderr_tail()}"
                assert self._thread.is_alive(), f"the worker ended with {self.code}: {self.host.stderr_tail()}"
                self._changed.wait(min(left, 0.5))

    def seen(self, kind) -> list:
        with self._changed:
            return [result for result in self.results if isinstance(result, kind)]

    def join(self, timeout: float = 30.0) -> int | None:
        """Wait until the worker has ended; its exit code."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "the worker is still running"
        return self.code

    def close(self) -> None:
        self.host.send(Shutdown())
        self._thread.join(30)
        if self._thread.is_alive():
            self.host.kill()
            self._thread.join(10)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    """An untrained model with its encoded points and a picture."""
    from latentlab.models import build
    from latentlab.models.inference import weights_of
    from latentlab.storage import ModelFile, ModelHeader, Points, write_model

    random = np.random.default_rng(0)
    header = ModelHeader(model=SMALL, image_shape=SHAPE, classes=("a", "b"), preview_extent=(-3, 3, -3, 3))
    points = Points(
        random.normal(size=(50, 2)).astype(np.float32),
        np.full((50, 2), 0.5, np.float32),
        random.integers(0, 2, 50),
        np.arange(50),
    )
    weights = weights_of(build(SMALL, SHAPE, 2))
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    write_model(path, ModelFile(header, weights, points, np.zeros((32, 32), np.uint8)))
    return path


@pytest.fixture(scope="session")
def image_file(tmp_path_factory) -> Path:
    """An npz of images in two classes."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, IMAGES)
    images = random.integers(0, 60, (IMAGES, 8, 8))
    images[labels == 1, :, 4:] += 180
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(path, images=images.astype(np.uint8), labels=labels)
    return path


@pytest.fixture(scope="module", params=["thread", "process"])
def shared(request, model_file, image_file):
    """One worker of each host for a module's tests, with model and dataset open."""
    driver = Driver(request.param, model=str(model_file))
    driver.ask(OpenDataset(str(image_file), DataConfig()))
    driver.wait(DatasetOpened)
    yield driver
    driver.close()


@pytest.fixture
def driver(shared, model_file):
    """The shared worker, with the small model open and no unread results."""
    shared.results.clear()
    shared.ask(OpenModel(str(model_file)))
    shared.wait(PointsChanged, lambda points: len(points.mean) == 50)
    shared.results.clear()
    return shared


def train(out: Path, epochs: int = 2, resume: bool = False, **training) -> Train:
    settings = TrainingConfig.model_validate({"epochs": epochs, "batch_size": 32, **training})
    return Train(RunConfig(model=SMALL, training=settings), str(out), resume)


def train_elsewhere(image_file, out, epochs):
    """Train outside of the worker: a thread worker does not know of this run either."""
    from latentlab.training import Trainer

    training = TrainingConfig(epochs=epochs, batch_size=32, device="cpu")
    config = RunConfig(model=SMALL, training=training)
    for _ in Trainer(load_dataset(image_file), config, out, resume=True).steps():
        pass
