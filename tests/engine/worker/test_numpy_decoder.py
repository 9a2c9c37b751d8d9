"""The numpy decoder, which stands in for torch's until that is imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentlab.config import ModelConfig
from latentlab.engine.worker.numpy_decoder import numpy_decoder
from latentlab.models import build
from latentlab.models.device import resolve_device
from latentlab.models.inference import model_from
from latentlab.storage import ModelFile, ModelHeader

SHAPE = (3, 8, 8)


def model_file_of(**values) -> ModelFile:
    config = ModelConfig.model_validate({"latent_dim": 3, **values})
    model = build(config, SHAPE, 2)
    weights = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    header = ModelHeader(model=config, image_shape=SHAPE, classes=("a", "b"), parameters=0, sha256="")
    return ModelFile(header, weights, None, None)


@pytest.mark.parametrize("mean", ["linear", "sigmoid"])
@pytest.mark.parametrize("sigma", [None, "fixed", "learned", "optimal"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "elu", "silu", "softplus"])
def test_the_numpy_decoder_decodes_what_torch_decodes(activation, sigma, mean):
    likelihood = {"kind": "bernoulli"} if sigma is None else {"kind": "gaussian", "sigma": sigma, "mean": mean}
    file = model_file_of(architecture={"hidden": 9, "layers": 2, "activation": activation}, likelihood=likelihood)
    z = 5 * np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    decoder = numpy_decoder(file)
    assert decoder is not None
    expected = model_from(file, resolve_device("cpu"), Path("m")).decode(z)
    np.testing.assert_allclose(decoder.decode(z), expected, atol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        {"architecture": {"kind": "conv", "width": 4}},
        {"conditional": True},
        {"likelihood": {"kind": "gaussian", "sigma": "pixel"}},
        {"family": "ladder"},
    ],
    ids=lambda values: next(iter(values)),
)
def test_other_decoders_are_left_to_torch(values):
    assert numpy_decoder(model_file_of(**values)) is None


def test_weights_that_do_not_match_the_configuration_are_left_to_torch():
    file = model_file_of(architecture={"hidden": 9, "layers": 1})
    for name, shape in (("layers.0.weight", (9, 5)), ("pixels.bias", (3,)), ("pixels.weight", (1,))):
        spoilt = file.weights | {f"decoder.{name}": np.zeros(shape, np.float32)}
        assert numpy_decoder(ModelFile(file.header, spoilt)) is None
