"""A model of another program may answer with anything."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latentlab.config import ModelConfig
from latentlab.config.capabilities import Capabilities
from latentlab.errors import InputError, NotFiniteError
from latentlab.models.base import Batch
from latentlab.models.foreign import ForeignModel
from latentlab.models.inference import InferenceModel
from latentlab.storage import ModelHeader


def model_that_gives(decoded: np.ndarray, encoded: np.ndarray) -> ForeignModel:
    functions = SimpleNamespace(
        capabilities=Capabilities(has_likelihood=False, has_jvp=False),
        value_range=(0.0, 1.0),
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


def inference_model(decode) -> InferenceModel:
    functions = SimpleNamespace(
        capabilities=Capabilities(has_encoder=False, has_jvp=False), value_range=(0.0, 1.0), decode=decode
    )
    config = ModelConfig(recipe="onnx", family="foreign", latent_dim=2)
    return InferenceModel(
        ForeignModel(config, (1, 2, 3), 0, functions), ModelHeader(model=config, image_shape=(1, 2, 3)), "cpu"
    )


def test_derivatives_are_those_of_the_decoder():
    weights = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 6))
    model = inference_model(lambda z, _label: (0.5 + np.sin(z) @ weights).reshape(-1, 1, 2, 3))
    z = np.array([[0.3, -0.5], [0.0, 1.0], [2.0, 0.1]])
    expected = (np.cos(z)[:, :, None] * weights).reshape(3, 2, 1, 2, 3)
    np.testing.assert_allclose(model.decoder_jacobian(z), expected, atol=1e-4)
    directions = np.array([[3.0, 4.0]])
    np.testing.assert_allclose(
        model.decoder_jacobian(z, directions)[:, 0], np.einsum("d,ndchw->nchw", directions[0], expected), atol=5e-4
    )


def test_what_is_not_finite_is_refused_with_the_images_that_are():
    model = inference_model(lambda z, _label: np.where(z[:, :1, None, None] > 0, 0.5, np.nan) * np.ones((1, 1, 2, 3)))
    with pytest.raises(NotFiniteError) as refused:
        model.decode([[1.0, 0.0], [-1.0, 0.0]])
    assert np.isfinite(refused.value.images).all(axis=(1, 2, 3)).tolist() == [True, False]
