"""Autoencoders of diffusers: the same numbers as diffusers' own, and what they are as models of ours."""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import latentlab
from latentlab.config import ModelConfig
from latentlab.config.autoencoder import AUTOENCODERS
from latentlab.config.autoencoder_shapes import weight_shapes
from latentlab.errors import InputError
from latentlab.models.autoencoders import build_autoencoder
from latentlab.storage import write_model
from latentlab.storage.diffusers_folder import read_diffusers
from tests.storage.diffusers_files import KL, TINY, write

TOLERANCE = 2e-6
"""Of images in [0, 1], and of latents. Measured: 7.2e-7 and 1.1e-7 for AutoencoderKL, 0 for AutoencoderTiny."""

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("AutoencoderKL", {"block_out_channels": (32, 64), "shift_factor": 0.1}),
    ("AutoencoderKL", {"block_out_channels": (8,), "norm_num_groups": 4, "in_channels": 1, "out_channels": 1}),
    ("AutoencoderKL", {"block_out_channels": (8, 8, 16), "norm_num_groups": 2, "mid_block_add_attention": False}),
    ("AutoencoderKL", {"block_out_channels": (8,), "norm_num_groups": 8, "use_quant_conv": False, "act_fn": "relu"}),
    (
        "AutoencoderKL",
        {
            "block_out_channels": (8, 8),
            "norm_num_groups": 8,
            "use_post_quant_conv": False,
            "latents_mean": (0.1, 0.2, -0.3, 0.4),
            "latents_std": (0.5, 1.0, 2.0, 4.0),
        },
    ),
    (
        "AutoencoderTiny",
        {
            "encoder_block_out_channels": (8, 8, 8),
            "decoder_block_out_channels": (8, 8, 8),
            "num_encoder_blocks": (1, 2, 0),
            "num_decoder_blocks": (2, 1, 1),
            "latent_channels": 3,
        },
    ),
    (
        "AutoencoderTiny",
        {
            "encoder_block_out_channels": (4, 4),
            "decoder_block_out_channels": (8, 8),
            "num_encoder_blocks": (1, 1),
            "num_decoder_blocks": (1, 1),
            "act_fn": "gelu",
            "scaling_factor": 2.0,
            "shift_factor": 0.5,
        },
    ),
]


@pytest.fixture(scope="module")
def diffusers() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("diffusers")


@pytest.mark.parametrize(("name", "settings"), KINDS)
def test_latents_and_images_are_those_of_diffusers(diffusers, tmp_path, name, settings):
    blocks = len(settings.get("block_out_channels", ()))
    if name == "AutoencoderKL":
        settings = settings | {
            "down_block_types": ("DownEncoderBlock2D",) * blocks,
            "up_block_types": ("UpDecoderBlock2D",) * blocks,
            "sample_size": 24,
        }
    torch.manual_seed(0)
    original = getattr(diffusers, name)(**settings).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        original.save_pretrained(tmp_path / "own")
    size = [] if name == "AutoencoderKL" else ["--image-size", "24"]
    from latentlab.cli import main

    assert main(["import", str(tmp_path / "own"), "--out", str(tmp_path / "model.safetensors"), *size]) == 0
    model = latentlab.load_model(tmp_path / "model.safetensors", "cpu")
    config = original.config
    x = torch.rand(3, config.in_channels, 24, 24, generator=torch.Generator().manual_seed(1))
    z = torch.randn(3, *model.header.model.latent_shape, generator=torch.Generator().manual_seed(2))
    scale = torch.full((config.latent_channels, 1, 1), config.scaling_factor)
    shift = torch.full((config.latent_channels, 1, 1), config.shift_factor or 0.0)
    if config.get("latents_mean") is not None:
        scale = config.scaling_factor / torch.tensor(config.latents_std).view(-1, 1, 1)
        shift = torch.tensor(config.latents_mean).view(-1, 1, 1)
    with torch.no_grad():
        encoded = original.encode(2 * x - 1)
        means = encoded.latent_dist.mean if name == "AutoencoderKL" else encoded.latents
        stds = encoded.latent_dist.std if name == "AutoencoderKL" else torch.zeros_like(means)
        images = (original.decode(z / scale + shift).sample / 2 + 0.5).clamp(0, 1)
    mean, std = model.encode(x.numpy())
    assert np.abs(mean - ((means - shift) * scale).flatten(1).numpy()).max() < TOLERANCE
    assert np.abs(std - (stds * scale).flatten(1).numpy()).max() < TOLERANCE
    assert np.abs(model.decode(z.flatten(1).numpy()) - images.numpy()).max() < TOLERANCE


@pytest.mark.parametrize(("name", "settings"), KINDS)
def test_the_shapes_that_files_are_compared_with_are_those_of_the_networks(name, settings):
    blocks = len(settings.get("block_out_channels", ()))
    types = {"down_block_types": ("DownEncoderBlock2D",) * blocks, "up_block_types": ("UpDecoderBlock2D",) * blocks}
    config = AUTOENCODERS[name](**settings, **(types if blocks else {}))
    model = build_autoencoder(ModelConfig(family="foreign"), (config.in_channels, 24, 24), config)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes == weight_shapes(config)


@pytest.mark.parametrize("settings", [KL, TINY])
def test_many_images_go_through_in_parts(tmp_path, monkeypatch, settings):
    write_model(tmp_path / "small.safetensors", read_diffusers(write(tmp_path / "own", settings), 16))
    model = latentlab.load_model(tmp_path / "small.safetensors", "cpu")
    x = np.random.default_rng(0).uniform(0, 1, (5, *model.image_shape)).astype(np.float32)
    mean, std = model.encode(x)
    images = model.decode(mean)
    model.module.images_at_once = 2
    in_parts = model.encode(x)
    np.testing.assert_allclose(in_parts[0], mean, atol=1e-5)
    np.testing.assert_allclose(in_parts[1], std, atol=1e-5)
    np.testing.assert_allclose(model.decode(mean), images, atol=1e-5)
    assert model.encode(x[:0])[0].shape == (0, model.latent_dim)
    assert model.decode(mean[:0]).shape == (0, *model.image_shape)


def test_derivatives_are_differences_of_images(tmp_path):
    model = latentlab.load_model(write(tmp_path / "own"), "cpu")
    z = np.random.default_rng(0).standard_normal((1, model.latent_dim)).astype(np.float32) * 0.1
    along = np.random.default_rng(1).standard_normal(model.latent_dim).astype(np.float32)
    step = 1e-3
    differences = (model.decode(z + step * along) - model.decode(z - step * along)) / (2 * step)
    images = model.decode(z)
    inside = (images > 0.1) & (images < 0.9)  # not clipped
    assert inside.sum() > 50
    np.testing.assert_allclose(model.decoder_derivative(z, along)[inside], differences[inside], atol=0.02)


def test_what_it_cannot_do_is_said(tmp_path):
    model = latentlab.load_model(write(tmp_path / "own"), "cpu")
    x = np.zeros(model.image_shape, np.float32)
    with pytest.raises(InputError, match="prior is not known"):
        model.generate(2)
    for ask in (
        lambda: latentlab.inspect(model, x),
        lambda: latentlab.refine(model, x),
        lambda: model.pixel_std(np.zeros((1, model.latent_dim))),
    ):
        with pytest.raises(InputError, match="likelihood is not known"):
            ask()
