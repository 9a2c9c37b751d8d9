"""Contestants of ``bench_training.py`` that are other people's programs, run as they are where they are installed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

SOME_BATCHES = 20  # an epoch is what its trainer does at a time


def has_pythae() -> bool:
    """Whether Pythae can be imported."""
    return importlib.util.find_spec("pythae") is not None


def pythae(images: np.ndarray, hidden: int, latent: int, batch: int, device: torch.device) -> Iterator[int]:
    """Pythae's own trainer, data set and VAE at their defaults (progress bar included), with networks as large as ours.

    Chadebec et al. 2022, Pythae: Unifying Generative Autoencoders in Python (arXiv:2206.08309).
    """
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    shape = images.shape[1:]
    pixels = int(np.prod(shape))
    encoder, decoder = networks(shape, pixels, hidden, latent)
    config = VAEConfig(input_dim=shape, latent_dim=latent, reconstruction_loss="bce")
    shown = images[: SOME_BATCHES * batch]
    data = BaseDataset(torch.from_numpy(shown).to(torch.float32).div_(255), torch.zeros(len(shown)))
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        settings = BaseTrainerConfig(
            output_dir=folder, per_device_train_batch_size=batch, learning_rate=1e-3, no_cuda=device.type != "cuda"
        )
        trainer = BaseTrainer(model=VAE(config, encoder, decoder), train_dataset=data, training_config=settings)
        trainer.prepare_training()
        epoch = 0
        while True:
            epoch += 1
            with contextlib.redirect_stderr(nowhere):
                trainer.train_step(epoch)
            yield len(shown)


def networks(shape: tuple[int, ...], pixels: int, hidden: int, latent: int) -> tuple[nn.Module, nn.Module]:
    """One hidden layer each, as Pythae wants them."""
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.latent_dim = latent
            self.layer, self.mean, self.spread = (
                nn.Linear(pixels, hidden),
                nn.Linear(hidden, latent),
                nn.Linear(hidden, latent),
            )

        def forward(self, x: Tensor) -> ModelOutput:
            features = torch.relu(self.layer(x.flatten(1)))
            return ModelOutput(embedding=self.mean(features), log_covariance=self.spread(features))

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.pixels = nn.Linear(latent, hidden), nn.Linear(hidden, pixels)

        def forward(self, z: Tensor) -> ModelOutput:
            means = torch.sigmoid(self.pixels(torch.relu(self.layer(z))))
            return ModelOutput(reconstruction=means.view(-1, *shape))

    return Encoder(), Decoder()
