"""The real window with the real engine, driven by the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QObject, QPoint

from latentlab import app
from tests.controllers.conftest import activity, session

__all__ = ["activity", "session"]

SECONDS = 60_000


@pytest.fixture
def application(qtbot, own_folders):
    """The window with the bundled model, shown with its first image; the worker is a thread of this process."""
    application = app.build(["--engine", "thread", "--device", "cpu"])
    application.window.show()
    qtbot.waitUntil(lambda: find(application, "decodedImage").image() is not None, timeout=SECONDS)
    yield application
    application.close()


@pytest.fixture
def folder(tmp_path):
    """Forty small images in two class folders."""
    random = np.random.default_rng(0)
    for name, grey in (("dark", 60), ("light", 200)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(grey - 50, grey + 50, (16, 16)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    return tmp_path / "images"


def find(application, name: str) -> QObject:
    found = application.window.findChild(QObject, name)
    assert found is not None, f"no object is called {name}"
    return found


def at(application, z: tuple[float, float]) -> QPoint:
    return application.latent_map.z_to_pixel(z).toPoint()


def shown(application) -> np.ndarray:
    return np.array(find(application, "decodedImage").image())
