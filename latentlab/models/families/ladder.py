"""The ladder VAE: several layers of latents, inferred top-down."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import ModelConfig
from latentlab.config.layout import layer_sizes
from latentlab.models.base import Batch
from latentlab.models.families.hierarchy import (
    LAYER_LOG_STD_RANGE,
    GaussianLayer,
    Hidden,
    LayeredModel,
    log_ratio,
    standardised,
)
from latentlab.models.functional import gaussian_kl
from latentlab.models.image_model import ImageModel
from latentlab.models.posteriors.diagonal import Diagonal, DiagonalPosterior


class LadderVAE(ImageModel, LayeredModel):
    """q(z_l | x, z above) combines bottom-up features of the image with the top-down state.

    A new ladder acts as a single layer of all latents, so that it learns as fast without batch normalisation: the
    decoder reads every layer's latents and every layer's q the encoder's features (skip connections as in BIVA); the
    dependences between layers, in q and in the conditional priors, are initialised to zero.

    With ``hierarchy.bottom_up`` half of each layer but the top one is inferred bottom-up instead, from the image and
    the samples below, and passed to the layers above (BIVA's bidirectional inference). The generative model is the
    same.

    Examples
    --------
    >>> model = LadderVAE(ModelConfig(family="ladder", latent_dim=6), (1, 8, 8))
    >>> len(model.sizes), sum(model.sizes)
    (3, 6)
    >>> model.decode(model.sample_prior(5)).shape
    torch.Size([5, 1, 8, 8])

    References
    ----------
    Sønderby et al. 2016, Ladder Variational Autoencoders (arXiv:1602.02282).
    Maaløe et al. 2019, BIVA: A Very Deep Hierarchy of Latent Variables for Generative Modeling (arXiv:1902.02102).
    """

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        hidden, part = config.hierarchy.hidden, config.posterior
        self.sizes = layer_sizes(config.latent_dim, config.hierarchy.layers)
        upper, features = len(self.sizes) - 1, self.encoder.features
        # Number of each layer's latents, its last ones, that are inferred bottom-up.
        self.bottom_up_sizes = [0, *(size // 2 if config.hierarchy.bottom_up else 0 for size in self.sizes[1:])]
        seen = [*[hidden] * upper, features]
        state = [0, *[hidden] * upper]
        # Inputs of each layer's q beside the encoder's features: bottom-up features, and the state from above.
        extra = [*(hidden + above for above in state[:-1]), hidden]
        self.upward = nn.ModuleList(
            Hidden(width + size, hidden) for width, size in zip(seen[1:], self.bottom_up_sizes[1:], strict=True)
        )
        self.rising = nn.ModuleList(
            DiagonalPosterior(part, width, size, LAYER_LOG_STD_RANGE) if size else nn.Identity()
            for width, size in zip(seen, self.bottom_up_sizes, strict=True)
        )
        self.seen = nn.ModuleList(
            reading_features_only(
                DiagonalPosterior(part, features + more, size - bottom_up, LAYER_LOG_STD_RANGE), features
            )
            for more, size, bottom_up in zip(extra, self.sizes, self.bottom_up_sizes, strict=True)
        )
        self.expected = nn.ModuleList(GaussianLayer(part, hidden, hidden, size) for size in self.sizes[1:])
        for layer in self.expected:
            assert isinstance(layer, GaussianLayer)
            layer.reset_to_standard()
        self.downward = nn.ModuleList(
            Hidden(above + size, hidden) for above, size in zip(state[:-1], self.sizes[:-1], strict=True)
        )

    def _bottom_up(self, batch: Batch, samples: int | None) -> tuple[list[Tensor], list[Diagonal | None], list[Tensor]]:
        """Each layer's inputs [K, B, ·], its q of the latents inferred bottom-up, and their samples, top first."""
        first = features = self.features(batch).expand(samples or 1, -1, -1)
        seen, posteriors, drawn = [], [], []
        for level in reversed(range(len(self.sizes))):
            seen.append(first if level == len(self.sizes) - 1 else torch.cat([first, features], -1))
            q = self.rising[level](features) if self.bottom_up_sizes[level] else None
            z = features[..., :0] if q is None else q.mean if samples is None else q.rsample(1).z[0]
            posteriors.append(q)
            drawn.append(z)
            if level:
                features = self.upward[level - 1](torch.cat([features, z], -1))
        return seen[::-1], posteriors[::-1], drawn[::-1]

    def _prior(self, level: int, state: Tensor | None, like: Tensor) -> Diagonal:
        """p(z_l | z above); N(0, I) for the top layer."""
        if state is None:
            zeros = torch.zeros_like(like)
            return Diagonal(zeros, zeros)
        prior: Diagonal = self.expected[level - 1](state)
        return prior

    def _next_state(self, level: int, state: Tensor | None, z: Tensor) -> Tensor | None:
        """The top-down state for the layer below; ``None`` after the last."""
        if level == len(self.sizes) - 1:
            return None
        below: Tensor = self.downward[level](z if state is None else torch.cat([state, z], -1))
        return below

    def infer_layers(self, batch: Batch, samples: int | None) -> tuple[list[Diagonal], list[Tensor], Tensor]:
        """Each layer's q in the prior's coordinates, its ε, and all z, the decoder's input; shapes [K, B, ·].

        With ``samples=None`` the means take the place of samples, and K is 1.
        """
        state: Tensor | None = None
        posteriors, drawn, latents = [], [], []
        for level, (seen, bottom_up, z_bottom_up) in enumerate(zip(*self._bottom_up(batch, samples), strict=True)):
            prior = self._prior(level, state, seen[..., :1].expand(*seen.shape[:-1], self.sizes[level]))
            own = self.sizes[level] - self.bottom_up_sizes[level]
            top_down = self.seen[level](seen if state is None else torch.cat([seen, state], -1))
            q = standardised(top_down, Diagonal(prior.mean[..., :own], prior.log_std[..., :own]))
            epsilon = q.mean if samples is None else q.rsample(1).z[0]
            if bottom_up is not None:
                part = Diagonal(prior.mean[..., own:], prior.log_std[..., own:])
                q = concatenated(q, standardised(bottom_up, part))
                epsilon = torch.cat([epsilon, (z_bottom_up - part.mean) / part.std], -1)
            z = prior.mean + prior.std * epsilon
            posteriors.append(q)
            drawn.append(epsilon)
            latents.append(z)
            state = self._next_state(level, state, z)
        return posteriors, drawn, torch.cat(latents, -1)

    def rates(self, posteriors: list[Diagonal], drawn: list[Tensor]) -> list[Tensor]:
        """Rate of each latent in nats, [K, B, size] for each layer.

        The KL given the layers above; for latents inferred bottom-up, on whose samples the layers above depend,
        log q − log p of the sample.
        """
        rates = []
        for q, epsilon, size, bottom_up in zip(posteriors, drawn, self.sizes, self.bottom_up_sizes, strict=True):
            rate = gaussian_kl(q.mean, q.log_std)
            if bottom_up:
                own = size - bottom_up
                rate = torch.cat([rate[..., :own], log_ratio(q, epsilon)[..., own:]], -1)
            rates.append(rate)
        return rates

    def decoder_output(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The decoder's output for ε [B, d], the top layer first."""
        state: Tensor | None = None
        latents = []
        for level, epsilon in enumerate(torch.split(z, self.sizes, -1)):
            prior = self._prior(level, state, epsilon)
            latents.append(prior.mean + prior.std * epsilon)
            state = self._next_state(level, state, latents[-1])
        return self.output(torch.cat(latents, -1))


def reading_features_only(head: DiagonalPosterior, features: int) -> DiagonalPosterior:
    """Initialise ``head`` to depend on its first ``features`` inputs only."""
    for affine in (head.mean, head.log_std):
        alone = nn.Linear(features, affine.out_features)
        with torch.no_grad():
            affine.weight.zero_()
            affine.weight[:, :features] = alone.weight
            affine.bias.copy_(alone.bias)
    return head


def concatenated(first: Diagonal, second: Diagonal) -> Diagonal:
    """The product of two independent Gaussians, their dimensions side by side."""
    pairs = ((first.mean, second.mean), (first.log_std, second.log_std))
    return Diagonal(*(torch.cat(pair, -1) for pair in pairs))
