"""Folders of diffusers with random weights, made without diffusers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from latentlab.config.autoencoder import AUTOENCODERS
from latentlab.config.autoencoder_shapes import weight_shapes

WEIGHTS = "diffusion_pytorch_model.safetensors"

KL: dict[str, Any] = {
    "_class_name": "AutoencoderKL",
    "_diffusers_version": "0.30.0",
    "block_out_channels": [4, 8],
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "norm_num_groups": 2,
    "latent_channels": 2,
    "sample_size": 16,
    "scaling_factor": 0.5,
}
TINY: dict[str, Any] = {
    "_class_name": "AutoencoderTiny",
    "encoder_block_out_channels": [4, 4],
    "decoder_block_out_channels": [4, 4],
    "num_encoder_blocks": [1, 1],
    "num_decoder_blocks": [1, 1],
    "latent_channels": 2,
}


def weights_for(settings: dict[str, Any], seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights for settings, by name."""
    own = {name: value for name, value in settings.items() if not name.startswith("_")}
    config = AUTOENCODERS[settings["_class_name"]].model_validate(own)
    random = np.random.default_rng(seed)
    return {
        name: random.normal(0, 0.2, shape).astype(np.float32) + (len(shape) == 1 and name.endswith("weight"))
        for name, shape in weight_shapes(config).items()
    }


def write(
    folder: Path, settings: dict[str, Any] | None = None, weights: dict[str, np.ndarray] | None = None, **changes: Any
) -> Path:
    """A folder of diffusers; whole and right but for what is given."""
    values = (KL if settings is None else settings) | changes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(values))
    save_file(weights_for(KL if settings is None else settings) if weights is None else weights, folder / WEIGHTS)
    return folder
