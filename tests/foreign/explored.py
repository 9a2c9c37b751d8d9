"""A small model of functions, and a process's end of an exploration without a window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.foreign.model_server import ModelServer
from latentlab.foreign.user_model import UserModel
from latentlab.storage.explored_model import ExploredDescription, address_in

SHAPE = (1, 4, 4)
KEY = "5e" * 32
WEIGHTS = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 16)).astype(np.float32)


def decode(z: np.ndarray) -> np.ndarray:
    """Image = 0.5 + z W."""
    return (0.5 + z @ WEIGHTS).reshape(-1, *SHAPE)


def encode(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of ``decode``, and a standard deviation of 0.5."""
    mean = (images.reshape(len(images), -1) - 0.5) @ np.linalg.pinv(WEIGHTS)
    return mean, np.full_like(mean, 0.5)


def user_model(**changes: Any) -> UserModel:
    """The functions above, or others."""
    given: dict[str, Any] = {
        "encode": encode, "decode": decode, "image_shape": SHAPE, "latent_shape": (2,), "spread": "std",
    }  # fmt: skip
    given |= changes
    return UserModel(given.pop("encode"), given.pop("decode"), **given)


def serve(folder: Path, model: UserModel, on_report: Any = None, **described: Any) -> tuple[ModelServer, Path]:
    """Write the description of a model, with further fields, and answer for it."""
    can = model.capabilities
    description = ExploredDescription(
        image_shape=list(model.image_shape),
        latent_shape=list(model.latent_shape),
        has_encoder=can.has_encoder,
        has_likelihood=can.has_likelihood,
        has_jvp=can.has_jvp,
        key=KEY,
        **described,
    )
    path = folder / "toy.explore"
    path.write_text(json.dumps(description.model_dump(mode="json")))
    return ModelServer(model, address_in(folder, KEY), bytes.fromhex(KEY), on_report or (lambda *_of: None)), path


class ClosedWindow:
    """Stands for the process of a window that has been closed already."""

    def poll(self) -> int:
        return 0

    def wait(self, timeout: float | None = None) -> int:
        return 0
