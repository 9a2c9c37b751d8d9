"""The ladder variational autoencoder: several layers of latents, inferred from the top down."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import ModelConfig
from latentlab.config.layout import layer_sizes
from latentlab.models.base import Batch, Bound, Losses, StepState
from latentlab.models.families.hierarchy import LAYER_LOG_STD_RANGE, GaussianLayer, Hidden, relative
from latentlab.models.functional import gaussian_kl, gaussian_log_density, standard_normal_log_density
from latentlab.models.image_model import PixelModel
from latentlab.models.objective import reduce
from latentlab.models.posteriors.diagonal import Diagonal, DiagonalPosterior
from latentlab.models.seeded_noise import standard_normal


class LadderVAE(PixelModel):
    """q(z_l | x, z above) joins what is seen from below with what follows from above (Sønderby et al. 2016).

    The latents are told in the coordinates of the prior: z_l = mean_p + std_p · ε_l, where mean_p and std_p follow
    from the layers above. All ε together are N(0, I) under the prior, and 0 everywhere below the top is the likeliest
    continuation of the top.

    It begins as a single layer of the same latents, so that it learns as fast without batch normalisation: the decoder
    reads every layer's latents and every layer's q the encoder's features (skip connections as of BIVA, Maaløe et al.
    2019); what the layers say to each other, in q and in the conditional priors, begins at nothing.

    With ``hierarchy.bottom_up`` a part of each layer but the top one is inferred on the way up instead, from the
    image and what was drawn below it, and told to the layers above (BIVA's bidirectional inference). The generative
    model is the same.
    """

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        hidden, part = config.hierarchy.hidden, config.posterior
        self.sizes = layer_sizes(config.latent_dim, config.hierarchy.layers)
        upper, features = len(self.sizes) - 1, self.encoder.features
        # How many of each layer's latents, its last, are inferred from the bottom up.
        self.risen = [0, *(size // 2 if config.hierarchy.bottom_up else 0 for size in self.sizes[1:])]
        seen = [*[hidden] * upper, features]
        state = [0, *[hidden] * upper]
        # Beside the encoder's features, the layers above the bottom see what became of them on the way up.
        told = [*(hidden + above for above in state[:-1]), hidden]
        self.upward = nn.ModuleList(
            Hidden(width + risen, hidden) for width, risen in zip(seen[1:], self.risen[1:], strict=True)
        )
        self.rising = nn.ModuleList(
            DiagonalPosterior(part, width, risen, LAYER_LOG_STD_RANGE) if risen else nn.Identity()
            for width, risen in zip(seen, self.risen, strict=True)
        )
        self.seen = nn.ModuleList(
            began(DiagonalPosterior(part, features + more, size - risen, LAYER_LOG_STD_RANGE), features)
            for more, size, risen in zip(told, self.sizes, self.risen, strict=True)
        )
        self.expected = nn.ModuleList(GaussianLayer(part, hidden, hidden, size) for size in self.sizes[1:])
        for layer in self.expected:
            assert isinstance(layer, GaussianLayer)
            layer.begin_as_standard()
        self.downward = nn.ModuleList(
            Hidden(above + size, hidden) for above, size in zip(state[:-1], self.sizes[:-1], strict=True)
        )

    def _rise(self, batch: Batch, samples: int | None) -> tuple[list[Tensor], list[Diagonal | None], list[Tensor]]:
        """Walk up: what each layer sees [K, B, ·], its q of the latents inferred on the way, and these, top first."""
        first = features = self.features(batch).expand(samples or 1, -1, -1)
        seen, approximations, drawn = [], [], []
        for level in reversed(range(len(self.sizes))):
            seen.append(first if level == len(self.sizes) - 1 else torch.cat([first, features], -1))
            q = self.rising[level](features) if self.risen[level] else None
            z = features[..., :0] if q is None else q.mean if samples is None else q.rsample(1).z[0]
            approximations.append(q)
            drawn.append(z)
            if level:
                features = self.upward[level - 1](torch.cat([features, z], -1))
        return seen[::-1], approximations[::-1], drawn[::-1]

    def _prior(self, level: int, state: Tensor | None, like: Tensor) -> Diagonal:
        """p(z_l | z above), the top's being N(0, I)."""
        if state is None:
            zeros = torch.zeros_like(like)
            return Diagonal(zeros, zeros)
        prior: Diagonal = self.expected[level - 1](state)
        return prior

    def _down(self, level: int, state: Tensor | None, z: Tensor) -> Tensor | None:
        """What the layer below is told; nothing below the last."""
        if level == len(self.sizes) - 1:
            return None
        below: Tensor = self.downward[level](z if state is None else torch.cat([state, z], -1))
        return below

    def _infer(self, batch: Batch, samples: int | None) -> tuple[list[Diagonal], list[Tensor], Tensor]:
        """Walk up and down: each layer's q in the prior's coordinates, its ε, and all z, which the decoder reads.

        With ``samples`` of ``None`` the means are followed: shapes [1, B, ·].
        """
        state: Tensor | None = None
        approximations, drawn, latents = [], [], []
        for level, (seen, risen, z_risen) in enumerate(zip(*self._rise(batch, samples), strict=True)):
            prior = self._prior(level, state, seen[..., :1].expand(*seen.shape[:-1], self.sizes[level]))
            own = self.sizes[level] - self.risen[level]
            fallen = self.seen[level](seen if state is None else torch.cat([seen, state], -1))
            q = relative(fallen, Diagonal(prior.mean[..., :own], prior.log_std[..., :own]))
            epsilon = q.mean if samples is None else q.rsample(1).z[0]
            if risen is not None:
                part = Diagonal(prior.mean[..., own:], prior.log_std[..., own:])
                q = joined(q, relative(risen, part))
                epsilon = torch.cat([epsilon, (z_risen - part.mean) / part.std], -1)
            z = prior.mean + prior.std * epsilon
            approximations.append(q)
            drawn.append(epsilon)
            latents.append(z)
            state = self._down(level, state, z)
        return approximations, drawn, torch.cat(latents, -1)

    def _rates(self, approximations: list[Diagonal], drawn: list[Tensor]) -> list[Tensor]:
        """Rate of each latent, [K, B, size] for each layer.

        Exact given the layers above; but the layers above know what was drawn on the way up, so that its rate is
        log q − log p of the draw.
        """
        rates = []
        for q, epsilon, size, risen in zip(approximations, drawn, self.sizes, self.risen, strict=True):
            rate = gaussian_kl(q.mean, q.log_std)
            if risen:
                rate = torch.cat([rate[..., : size - risen], _log_ratio(q, epsilon)[..., size - risen :]], -1)
            rates.append(rate)
        return rates

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The negative ELBO; the rate told is the true one, whatever free bits its layers are charged for."""
        seen = self.corrupted(batch)
        approximations, drawn, start = self._infer(seen, self.config.samples)
        rates = torch.stack([rate.sum(-1) for rate in self._rates(approximations, drawn)], -1)
        free = self.config.rate.kind == "free-bits"
        losses = reduce(
            self.log_likelihood(start, seen),
            rates.sum(-1),
            self.rate_schedule.cost,
            groups=rates.mean(0) if free else None,
        )
        per_layer = rates.detach().mean((0, 1))
        names = {f"rate_layer_{level + 1}": per_layer[level] for level in range(len(self.sizes))}
        return Losses(losses.objective, losses.terms | names)

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The bound's terms; the rate is as of ``losses``, exact where it can be."""
        approximations, drawn, start = self._infer(batch, samples)
        ratios = [_log_ratio(q, epsilon) for q, epsilon in zip(approximations, drawn, strict=True)]
        rate = torch.cat(self._rates(approximations, drawn), -1).sum(-1)
        return Bound(self.log_likelihood(start, batch), rate, torch.cat(ratios, -1).sum(-1))

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """Rate of each dimension given one draw of the others, [B, d], the top first."""
        approximations, drawn, _ = self._infer(batch, 1)
        return torch.cat(self._rates(approximations, drawn), -1)[0]

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of every ε, [B, d] each, the top first, along the means above."""
        approximations, _, _ = self._infer(batch, None)
        mean = torch.cat([q.mean[0] for q in approximations], -1)
        std = torch.cat([q.std[0] for q in approximations], -1)
        return mean, std

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Mean of p(x|z) for ε [B, d], the top first."""
        state: Tensor | None = None
        latents = []
        for level, epsilon in enumerate(torch.split(z, self.sizes, -1)):
            prior = self._prior(level, state, epsilon)
            latents.append(prior.mean + prior.std * epsilon)
            state = self._down(level, state, latents[-1])
        return self.likelihood.mean(self.output(torch.cat(latents, -1)))

    def sample_prior(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Latents ε [count, d]: standard normal."""
        return standard_normal(count, self.config.latent_dim, next(self.parameters()).device, generator)


def began(head: DiagonalPosterior, features: int) -> DiagonalPosterior:
    """A head that at first looks only at the first ``features`` inputs, as if there were no others."""
    for affine in (head.mean, head.log_std):
        alone = nn.Linear(features, affine.out_features)
        with torch.no_grad():
            affine.weight.zero_()
            affine.weight[:, :features] = alone.weight
            affine.bias.copy_(alone.bias)
    return head


def joined(first: Diagonal, second: Diagonal) -> Diagonal:
    """Both, side by side."""
    pairs = ((first.mean, second.mean), (first.log_std, second.log_std))
    return Diagonal(*(torch.cat(pair, -1) for pair in pairs))


def _log_ratio(q: Diagonal, epsilon: Tensor) -> Tensor:
    """Log q − log p of each latent at a draw, [K, B, size]; in either coordinates the same."""
    return gaussian_log_density(epsilon, q.mean, q.log_std) - standard_normal_log_density(epsilon)
