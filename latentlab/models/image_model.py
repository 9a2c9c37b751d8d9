"""Base class of the models that are made of an encoder, a decoder and a likelihood."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.config import ModelConfig
from latentlab.errors import InputError
from latentlab.models.base import Batch, LatentModel
from latentlab.models.encoder_inputs import EncoderInputs, corrupted, one_hot_labels
from latentlab.models.likelihoods import build_likelihood
from latentlab.models.networks import build_decoder, build_encoder
from latentlab.models.networks.linear_path import LinearPath


class ImageModel(LatentModel):
    """Encoder, decoder and likelihood, with labels and missing pixels if the configuration has them.

    Parameters
    ----------
    config, image_shape, classes
        As for every model.
    decoder_inputs
        Number of latents that the decoder reads, without the label; ``latent_dim`` by default.
    """

    def __init__(
        self,
        config: ModelConfig,
        image_shape: tuple[int, int, int],
        classes: int = 0,
        decoder_inputs: int | None = None,
    ) -> None:
        super().__init__(config, image_shape, classes if config.conditional else 0)
        if config.conditional and classes < 2:
            raise InputError("a conditional model needs images with labels of at least two classes")
        channels, height, width = image_shape
        self.inputs = EncoderInputs(image_shape, self.classes, config.corruption.kind == "mask")
        # A model whose search for q begins at the prior has no encoder.
        self.has_encoder = config.posterior.start == "encoder" and config.family != "evolved"
        if self.has_encoder:
            self.encoder = build_encoder(config.architecture, (self.inputs.channels, height, width))
        self.likelihood = build_likelihood(config.likelihood)
        start = (config.latent_dim if decoder_inputs is None else decoder_inputs) + self.classes
        output_shape = (channels * self.likelihood.parameters_per_pixel, height, width)
        self.decoder = build_decoder(config.architecture, start, output_shape)
        self.linear_path: LinearPath | None = None
        if config.architecture.linear_path:
            self.linear_path = LinearPath(image_shape, start, output_shape[0])
        self.is_density = self.likelihood.is_density

    @property
    def is_capturable(self) -> bool:
        """Whether a step can be captured as a CUDA graph."""
        return True

    @property
    def feature_count(self) -> int:
        """Number of ``features``."""
        return self.encoder.features + (0 if self.linear_path is None else self.linear_path.features)

    def corrupted(self, batch: Batch) -> Batch:
        """The batch with the configuration's corruption, for training."""
        return corrupted(batch, self.config.corruption)

    def features(self, batch: Batch) -> Tensor:
        """The encoder's features, [B, F]; with a linear path the principal components come last."""
        one_hot = self.one_hot(batch.label, batch.x.shape[0], batch.x.device) if self.classes else None
        features: Tensor = self.encoder(self.inputs(batch, one_hot))
        if self.linear_path is None:
            return features
        seen = batch.x if batch.seen is None else batch.seen
        return torch.cat([features, self.linear_path.coordinates(seen, batch.mask)], -1)

    def one_hot(self, label: Tensor | None, count: int, device: torch.device) -> Tensor:
        """One-hot labels, [count, classes]."""
        return one_hot_labels(label, self.classes, count, device)

    def output(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The decoder's output [..., C', H, W] for latents [..., B, D]; ``label`` is [B]."""
        if self.classes:
            one_hot = self.one_hot(label, z.shape[-2], z.device)
            z = torch.cat([z, one_hot.expand(*z.shape[:-1], self.classes)], -1)
        rows = z.reshape(-1, z.shape[-1])
        flat: Tensor = self.decoder(rows)
        if self.linear_path is not None:
            flat = flat + self.linear_path(rows)
        return flat.reshape(*z.shape[:-1], *flat.shape[1:])

    def log_likelihood(self, z: Tensor, batch: Batch, weights: Tensor | None = None) -> Tensor:
        """Log p(x|z) in nats, [K, B], of latents [K, B, D], over the observed pixels.

        ``weights`` [B] are those of ``Likelihood.log_prob``.
        """
        return self.likelihood.log_prob(self.output(z, batch.label), batch.x, batch.mask, weights)

    def decoder_output(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The decoder's output for z [B, d]."""
        return self.output(z, label)
