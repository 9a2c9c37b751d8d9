"""Models of Pythae become models of ours that give the same numbers, and what is no such model is refused."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import latentlab
from latentlab.cli import main
from latentlab.errors import InputError, OtherFormatError
from latentlab.exchange.pythae import import_pythae
from latentlab.storage import find_model, read_model
from latentlab.storage.pythae_folder import HIDDEN, folder_of_pythae
from latentlab.storage.source_kind import kind_of

SHAPE, LATENTS = (1, 4, 6), 3
TOLERANCE = 1e-6
"""Of images in [0, 1], and of means. Measured: 0 and 2.2e-7; of standard deviations 5.2e-6."""


def networks(is_variational: bool) -> dict[str, torch.Tensor]:
    """The weights of the default networks, as Pythae 0.1.2 names them."""
    torch.manual_seed(0)
    pixels = SHAPE[0] * SHAPE[1] * SHAPE[2]
    layers = {"encoder.layers.0.0": (HIDDEN, pixels), "encoder.embedding": (LATENTS, HIDDEN)}
    layers |= {"encoder.log_var": (LATENTS, HIDDEN)} if is_variational else {}
    layers |= {"decoder.layers.0.0": (HIDDEN, LATENTS), "decoder.layers.1.0": (pixels, HIDDEN)}
    found = {}
    for name, (outputs, inputs) in layers.items():
        found[f"{name}.weight"] = torch.randn(outputs, inputs) / inputs**0.5
        found[f"{name}.bias"] = 0.1 * torch.randn(outputs)
    return found


def write(folder: Path, weights: Any = None, **changes: Any) -> Path:
    """A folder as ``BaseAE.save`` writes it; whole and right but for what is given."""
    settings = {
        "name": "VAEConfig",
        "input_dim": list(SHAPE),
        "latent_dim": LATENTS,
        "uses_default_encoder": True,
        "uses_default_decoder": True,
        "reconstruction_loss": "mse",
    } | changes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_config.json").write_text(json.dumps(settings))
    (folder / "environment.json").write_text('{"name": "EnvironmentConfig", "python_version": "3.11"}')
    state = networks(is_variational="AE_" not in str(settings["name"])) if weights is None else weights
    torch.save({"model_state_dict": state}, folder / "model.pt")
    return folder


@pytest.fixture(scope="module")
def pythae() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("pythae.models")


@pytest.mark.parametrize(
    ("name", "settings", "recipe"),
    [
        ("VAE", {}, "pythae-vae"),
        ("VAE", {"reconstruction_loss": "bce"}, "pythae-vae"),
        ("BetaVAE", {"beta": 4.0}, "pythae-betavae"),
        ("AE", {}, "pythae-ae"),
        ("WAE_MMD", {}, "pythae-wae-mmd"),
        ("RAE_L2", {}, "pythae-rae-l2"),
        ("IWAE", {}, "pythae-iwae"),
        ("INFOVAE_MMD", {}, "pythae-infovae-mmd"),
    ],
)
def test_latents_images_and_elbo_are_those_of_pythae(pythae, tmp_path, capsys, name, settings, recipe):
    torch.manual_seed(1)
    names = [f"{name}Config", f"{name}_Config"]
    kind = next(getattr(pythae, each) for each in names if hasattr(pythae, each))
    original = getattr(pythae, name)(kind(input_dim=SHAPE, latent_dim=LATENTS, **settings)).eval()
    original.save(str(tmp_path / "own"))
    assert main(["import", str(tmp_path / "own"), "--out", str(tmp_path / "model.safetensors")]) == 0
    assert "is a pickle" in capsys.readouterr().err
    model = latentlab.load_model(tmp_path / "model.safetensors", "cpu")
    assert model.header.model.recipe == recipe
    assert model.header.model.beta == settings.get("beta", 1.0)
    x, z = torch.rand(5, *SHAPE), torch.randn(5, LATENTS)
    with torch.no_grad():
        encoded = original.encoder(x)
        images = original.decoder(z).reconstruction.numpy()
    mean, std = model.encode(x.numpy())
    assert np.abs(mean - encoded.embedding.numpy()).max() < TOLERANCE
    assert np.abs(model.decode(z.numpy()) - images).max() < TOLERANCE
    if "log_covariance" in encoded:
        expected = torch.exp(0.5 * encoded.log_covariance).numpy()
        np.testing.assert_allclose(std, expected, rtol=1e-4)
        kl = -0.5 * (1 + encoded.log_covariance - encoded.embedding**2 - encoded.log_covariance.exp()).sum(-1)
        shown = latentlab.inspect(model, x[0].numpy())
        assert shown.rate == pytest.approx(kl[0].item(), rel=1e-3)


def test_its_file_format_is_imported_without_pythae(tmp_path):
    folder = write(tmp_path / "own")
    file = import_pythae(folder)
    assert file.header.image_shape == SHAPE
    state = networks(is_variational=True)
    np.testing.assert_array_equal(file.weights["posterior.log_std.weight"], state["encoder.log_var.weight"] / 2)
    np.testing.assert_array_equal(file.weights["decoder.pixels.bias"], state["decoder.layers.1.0.bias"])
    x = torch.rand(2, *SHAPE)
    hidden = torch.relu(x.flatten(1) @ state["encoder.layers.0.0.weight"].T + state["encoder.layers.0.0.bias"])
    mean = hidden @ state["encoder.embedding.weight"].T + state["encoder.embedding.bias"]
    latentlab.storage.write_model(tmp_path / "model.safetensors", file)
    model = latentlab.load_model(tmp_path / "model.safetensors", "cpu")
    np.testing.assert_allclose(model.encode(x.numpy())[0], mean, atol=1e-5)


def test_the_folder_of_a_training_holds_the_final_model(tmp_path):
    write(tmp_path / "VAE_training" / "final_model")
    assert folder_of_pythae(tmp_path / "VAE_training") == tmp_path / "VAE_training" / "final_model"


def test_it_is_never_opened_but_says_how_it_is_imported(tmp_path):
    folder = write(tmp_path / "own")
    for path in (folder, folder / "model.pt", folder / "model_config.json"):
        assert kind_of(str(path)) == "model"
        with pytest.raises(
            OtherFormatError, match=r"model\.pt is a pickle and is never opened; import it first"
        ) as raised:
            read_model(find_model(path))
    assert f"latentlab import {folder} --out model.safetensors" in raised.value.recipe
    assert len(raised.value.recipe.splitlines()) >= 5


REFUSED = [
    ({"name": "RHVAEConfig"}, r"name: 'RHVAEConfig' is not read, only the models VAE, BetaVAE"),
    ({"name": 3}, "name: Input should be a valid string"),
    ({"input_dim": [784]}, "input_dim: it must be channels, height and width"),
    ({"input_dim": None}, "input_dim: Input should be a valid list"),
    ({"input_dim": [1, 10**9, 28]}, r"input_dim\.1: "),
    ({"latent_dim": 10**12}, "latent_dim: "),
    ({"latent_dim": 4}, r"disagree: encoder\.embedding\.weight is \[3, 512\] instead of \[4, 512\]"),
    ({"input_dim": [4, 4096, 4096]}, "disagree: encoder.layers.0.0.weight is"),
    ({"reconstruction_loss": "l1"}, "reconstruction_loss: 'l1' is not read"),
    ({"beta": -1.0}, "beta: "),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED)
def test_other_settings_are_refused_by_name(tmp_path, changes, sentence):
    with pytest.raises(InputError, match=sentence) as raised:
        import_pythae(write(tmp_path / "own", **changes))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_networks_of_its_users_own_are_refused_with_a_recipe(tmp_path, part):
    with pytest.raises(OtherFormatError, match=f"its {part} is code of its own in {part}.pkl") as raised:
        import_pythae(write(tmp_path / "own", **{f"uses_default_{part}": False}))
    assert len(raised.value.recipe.splitlines()) == 5
    assert "AutoModel.load_from_folder" in raised.value.recipe


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_that_would_run_code_is_refused_and_nothing_runs(tmp_path):
    folder, touched = write(tmp_path / "own"), tmp_path / "touched"
    torch.save({"model_state_dict": networks(True), "more": Payload(touched)}, folder / "model.pt")
    with pytest.raises(InputError, match="holds more than weights, or is damaged"):
        import_pythae(folder)
    (folder / "model.pt").write_bytes(pickle.dumps(Payload(touched)))
    with pytest.raises(InputError, match=r"is not a file of torch\.save"):
        import_pythae(folder)
    assert not touched.exists()


def test_an_archive_that_unpacks_to_more_is_refused_before_it_is_read(tmp_path):
    folder = write(tmp_path / "own")
    with zipfile.ZipFile(folder / "model.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/data.pkl", bytes(1 << 20))
    with pytest.raises(InputError, match="unpacks to more than it is"):
        import_pythae(folder)
    with zipfile.ZipFile(folder / "model.pt", "w") as archive:
        archive.writestr("model/data.pkl", bytes(2 << 20))
    with pytest.raises(InputError, match="too many for the names of its weights"):
        import_pythae(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("encoder.log_var.bias"), "encoder.log_var.bias is missing"),
        (lambda state: state.update(discriminator=torch.zeros(1)), "discriminator is not one of its weights"),
        (lambda state: state["decoder.layers.0.0.bias"].fill_(float("nan")), "not finite"),
        (lambda state: state.update({"encoder.embedding.bias": "text"}), "has no model_state_dict of tensors"),
        # A view of 10¹² numbers of a storage of one takes no memory until it is copied.
        (
            lambda state: state.update({"encoder.embedding.bias": torch.zeros(1).expand(10**12)}),
            "is .1000000000000. inst",
        ),
    ],
)
def test_other_weights_are_refused_by_name(tmp_path, change, sentence):
    state = networks(is_variational=True)
    change(state)
    with pytest.raises(InputError, match=sentence):
        import_pythae(write(tmp_path / "own", state))


def test_an_image_size_is_refused(tmp_path, capsys):
    arguments = ["import", str(write(tmp_path / "own")), "--out", str(tmp_path / "m.safetensors"), "--image-size", "8"]
    assert main(arguments) == 2
    assert "--image-size is for models of diffusers" in capsys.readouterr().err
