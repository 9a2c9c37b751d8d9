"""Models as ONNX packages, checked with onnxruntime, and the PyTorch models of others."""

import numpy as np
import pytest
import torch
from torch import nn

import latentlab
from latentlab.config.recipes import recipe
from latentlab.errors import InputError
from latentlab.exchange.adopt import adopt, load_own_model
from latentlab.exchange.onnx_export import export_onnx
from latentlab.models import build
from latentlab.models.inference import InferenceModel
from latentlab.storage import ModelHeader

SHAPE = (1, 16, 16)


def untrained(name, classes=("a", "b", "c"), **changes):
    """A small model of a recipe with random weights, with changes to its settings."""
    torch.manual_seed(0)
    config = recipe(name).config()
    small = config.architecture.model_copy(update={"hidden": 16, "width": 4})
    config = config.model_copy(update={"architecture": small, **changes})
    module = build(config, SHAPE, len(classes))
    return InferenceModel(module.eval(), ModelHeader(model=config, image_shape=SHAPE, classes=classes), "cpu")


@pytest.mark.parametrize("name", ["cvae"])
def test_a_package_encodes_and_decodes_as_the_model_does(tmp_path, name):
    model = untrained(name)
    differences = export_onnx(model, tmp_path / "package")
    assert max(differences.values()) < 1e-4
    again = latentlab.load_model(tmp_path / "package", "cpu")
    labels = [0, 2, 1] if model.module.classes else None
    image = np.random.default_rng(0).uniform(0, 1, (3, *SHAPE)).astype(np.float32)
    for ours, theirs in zip(model.encode(image, labels), again.encode(image, labels), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-4)
    mean = model.encode(image, labels)[0]
    np.testing.assert_allclose(again.decode(mean, labels), model.decode(mean, labels), atol=1e-4)
    assert again.header.classes == model.header.classes


def test_a_model_that_searches_its_posterior_gives_a_package_of_its_decoder(tmp_path):
    model = untrained("decoder-only-vae")
    export_onnx(model, tmp_path / "package")
    again = latentlab.load_model(tmp_path / "package", "cpu")
    z = np.ones((2, model.latent_dim), np.float32)
    np.testing.assert_allclose(again.decode(z), model.decode(z), atol=1e-5)
    with pytest.raises(InputError, match="has no encoder"):
        again.encode(np.zeros((1, *SHAPE), np.float32))


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        export_onnx(untrained("vae"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


class OwnVAE(nn.Module):
    """As somebody else would write it: colour in [−1, 1], and a log-variance."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 16), nn.ReLU())
        self.mu, self.log_var = nn.Linear(16, 3), nn.Linear(16, 3)
        self.decoder = nn.Sequential(nn.Linear(3, 3 * 8 * 8), nn.Tanh(), nn.Unflatten(1, (3, 8, 8)))

    def encode(self, x):
        hidden = self.encoder(x)
        return self.mu(hidden), self.log_var(hidden)

    def decode(self, z):
        return self.decoder(z)


def test_a_pytorch_model_of_ones_own_becomes_a_package(tmp_path):
    own = OwnVAE()
    differences = adopt(own, tmp_path / "package", (3, 8, 8), spread="log-variance", value_range=(-1, 1))
    assert set(differences) == {"decoded", "mean", "std"}
    model = latentlab.load_model(tmp_path / "package", "cpu")
    image = np.random.default_rng(0).uniform(0, 1, (2, 3, 8, 8)).astype(np.float32)
    mean, std = model.encode(image)
    with torch.no_grad():
        expected, log_variance = own.encode(torch.from_numpy(image) * 2 - 1)
        decoded = (own.decode(expected) + 1) / 2
    np.testing.assert_allclose(mean, expected, atol=1e-5)
    np.testing.assert_allclose(std, torch.exp(0.5 * log_variance), atol=1e-5)
    np.testing.assert_allclose(model.decode(mean), decoded.numpy(), atol=1e-5)


def test_what_the_second_output_is_must_be_said(tmp_path):
    with pytest.raises(InputError, match="say what the second one is"):
        adopt(OwnVAE(), tmp_path / "package", (3, 8, 8))
    assert not list((tmp_path / "package").iterdir())


class WithDistribution(OwnVAE):
    def encode(self, x):
        mean, log_variance = super().encode(x)
        return torch.distributions.Normal(mean, torch.exp(0.5 * log_variance))


def test_a_distribution_says_what_it_is(tmp_path):
    assert set(adopt(WithDistribution(), tmp_path / "package", (3, 8, 8))) == {"decoded", "mean", "std"}


class Broken(OwnVAE):
    def decode(self, z):
        raise ValueError("no weights yet")


def test_an_error_of_ones_own_code_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"decode fails on \[8, 3\]: ValueError: no weights yet"):
        adopt(Broken(), tmp_path / "package", (3, 8, 8), spread="std")


OWN = """
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.map = nn.Linear(2, 4)
    def encode(self, x):
        return x.flatten(1)[:, :2]
    def decode(self, z):
        return torch.sigmoid(self.map(z)).view(-1, 1, 2, 2)

number = 3
"""


def test_a_model_is_imported_from_a_file_with_its_weights(tmp_path):
    file = tmp_path / "own_model_for_test.py"
    file.write_text(OWN)
    torch.save({"map.weight": torch.ones(4, 2), "map.bias": torch.zeros(4)}, tmp_path / "weights.pt")
    model = load_own_model(f"{file}:Model", str(tmp_path / "weights.pt"))
    assert torch.equal(model.map.weight, torch.ones(4, 2))
    with pytest.raises(InputError, match=r"number in .* is not a torch\.nn\.Module"):
        load_own_model(f"{file}:number")
    with pytest.raises(InputError, match=r"^there is no modl in .*: did you mean Model\?$"):
        load_own_model(f"{file}:modl")
    with pytest.raises(InputError, match="is not a file of Python and a name in it"):
        load_own_model(str(file))
    named_like_pythons = tmp_path / "colorsys.py"
    named_like_pythons.write_text(OWN)
    load_own_model(f"{named_like_pythons}:Model")
    import colorsys

    assert colorsys.rgb_to_hsv
    (tmp_path / "no.pt").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_own_model(f"{file}:Model", str(tmp_path / "no.pt"))
