"""A model of another program may answer with anything."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latentlab.config import ModelConfig
from latentlab.errors import InputError
from latentlab.models.base import Batch
from latentlab.models.foreign import ForeignModel


def model_that_gives(decoded: np.ndarray, encoded: np.ndarray) -> ForeignModel:
    functions = SimpleNamespace(
        has_encoder=True,
        has_prior=True,
        encode=lambda _images, _label: (encoded, encoded),
        decode=lambda _z, _label: decoded,
    )
    config = ModelConfig(recipe="onnx", family="foreign", latent_dim=2)
    return ForeignModel(config, (1, 2, 3), 0, functions)


def test_fewer_images_than_latents_are_refused_with_both_numbers():
    model = model_that_gives(np.zeros((3, 1, 2, 3)), np.zeros((3, 2)))
    with pytest.raises(InputError, match=r"\[3, 1, 2, 3\] instead of \[4, 1, 2, 3\]"):
        model.decode(torch.zeros(4, 2))


def test_fewer_latents_than_images_are_refused_with_both_numbers():
    model = model_that_gives(np.zeros((3, 1, 2, 3)), np.zeros((3, 2)))
    with pytest.raises(InputError, match=r"\[3, 2\] instead of \[4, 2\]"):
        model.encode(Batch(torch.zeros(4, 1, 2, 3)))
