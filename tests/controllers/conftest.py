"""Controllers without pixels: a session, real widgets that are not shown, and an engine that only records."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QUndoStack

from latentlab.controllers.status_line import StatusLineController
from latentlab.engine.client.result_signals import ResultSignals
from latentlab.engine.protocol.messages import ModelInfo, NearestFound, PointsChanged
from latentlab.gui.widgets.status_bar import StatusBar
from latentlab.state.activity import Activity
from latentlab.state.session import Session


class Engine(ResultSignals):
    """Records requests; a test emits its results."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[object] = []

    def request(self, request: object) -> None:
        self.asked.append(request)

    def last(self, kind: type) -> object:
        return [request for request in self.asked if isinstance(request, kind)][-1]

    def count(self, kind: type) -> int:
        return sum(isinstance(request, kind) for request in self.asked)


def model_info(latent_dim: int = 2, **changes: object) -> ModelInfo:
    values = {
        "name": "m",
        "source": "m.safetensors",
        "recipe": "vae",
        "latent_dim": latent_dim,
        "image_shape": (1, 8, 8),
        "classes": (),
        "conditional": False,
        "parameters": 1,
        "beta": 1.0,
        "metrics": {},
        "data": {},
        "config": {},
        "path": None,
    }
    return ModelInfo(**(values | changes))


def some_points(latent_dim: int = 2, version: int = 1, count: int = 50) -> PointsChanged:
    random = np.random.default_rng(0)
    mean = random.standard_normal((count, latent_dim)).astype(np.float32)
    return PointsChanged(
        version,
        mean,
        np.full_like(mean, 0.1),
        np.zeros(count, np.int64),
        ("a",),
        np.linspace(3, 1, latent_dim, dtype=np.float32),
        components=np.eye(latent_dim, dtype=np.float32),
    )


def one_nearest(generation: int, z: object, *, name: str = "", image: np.ndarray | None = None) -> NearestFound:
    """The nearest image alone."""
    latent = np.array(z, np.float32)[None]
    row = np.zeros(1, np.int64)
    images = None if image is None else image[None]
    return NearestFound(generation, 1, row, np.full(1, 0.1, np.float32), latent, row, row, (name,), images, 1.0)


@pytest.fixture
def engine(qapp):
    return Engine()


@pytest.fixture
def undo(qapp):
    stack = QUndoStack()
    yield stack
    stack.clear()  # while Python holds the commands: freed before their stack, they crash it


@pytest.fixture
def session(qapp):
    return Session()


@pytest.fixture
def activity(qapp):
    return Activity()


@pytest.fixture
def status(qtbot, activity):
    """The status bar, which shows the activity."""
    status = StatusBar()
    qtbot.addWidget(status)
    StatusLineController(activity, status, status)
    return status
