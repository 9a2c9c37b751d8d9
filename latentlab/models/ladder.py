"""The ladder variational autoencoder: several layers of latents, inferred from the top down."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import ModelConfig
from latentlab.config.layout import layer_sizes
from latentlab.models.base import Batch, Bound, Losses, StepState
from latentlab.models.functional import gaussian_kl, standard_normal_log_density
from latentlab.models.hierarchy import LAYER_LOG_STD_RANGE, GaussianLayer, Hidden, relative
from latentlab.models.pixels import PixelModel
from latentlab.models.posteriors.diagonal import Diagonal, DiagonalPosterior
from latentlab.models.reduce import reduce


class LadderVAE(PixelModel):
    """q(z_l | x, z above) merges what is seen from below with what is expected from above (Sønderby et al. 2016).

    The latents are told in the coordinates of the prior: z_l = mean_p + std_p · ε_l, where mean_p and std_p follow
    from the layers above. All ε together are N(0, I) under the prior, and 0 everywhere below the top is the likeliest
    continuation of the top.
    """

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        hidden = config.hierarchy.hidden
        super().__init__(config, image_shape, classes, decoder_inputs=hidden)
        self.sizes = layer_sizes(config.latent_dim, config.hierarchy.layers)
        widths = [*[hidden] * (len(self.sizes) - 1), self.encoder.features]
        self.upward = nn.ModuleList(Hidden(width, hidden) for width in widths)
        self.seen = nn.ModuleList(
            DiagonalPosterior(config.posterior, hidden, size, LAYER_LOG_STD_RANGE) for size in self.sizes
        )
        self.expected = nn.ModuleList(GaussianLayer(config.posterior, hidden, hidden, size) for size in self.sizes[1:])
        above = [0, *[hidden] * (len(self.sizes) - 1)]
        self.downward = nn.ModuleList(
            Hidden(state + size, hidden) for state, size in zip(above, self.sizes, strict=True)
        )

    def _evidence(self, batch: Batch) -> list[Diagonal]:
        """What each layer sees of the image, the top first."""
        features = self.features(batch)
        evidence = []
        for level in reversed(range(len(self.sizes))):
            features = self.upward[level](features)
            evidence.append(self.seen[level](features))
        return evidence[::-1]

    def _prior(self, level: int, state: Tensor | None, like: Tensor) -> Diagonal:
        """p(z_l | z above), the top's being N(0, I)."""
        if state is None:
            zeros = torch.zeros_like(like)
            return Diagonal(zeros, zeros)
        prior: Diagonal = self.expected[level - 1](state)
        return prior

    def _down(self, level: int, state: Tensor | None, z: Tensor) -> Tensor:
        below: Tensor = self.downward[level](z if state is None else torch.cat([state, z], -1))
        return below

    def _infer(self, batch: Batch, samples: int | None) -> tuple[list[Diagonal], list[Tensor], Tensor]:
        """Walk down: each layer's q in the prior's coordinates, its ε, and the state the decoder starts from.

        With ``samples`` of ``None`` the means are followed: shapes [1, B, ·].
        """
        state: Tensor | None = None
        approximations, drawn = [], []
        for level, evidence in enumerate(self._evidence(batch)):
            like = evidence.mean.expand(samples or 1, *evidence.mean.shape)
            prior = self._prior(level, state, like)
            q = relative(merged(evidence, prior), prior)
            epsilon = q.mean if samples is None else q.rsample(1).z[0]
            approximations.append(q)
            drawn.append(epsilon)
            state = self._down(level, state, prior.mean + prior.std * epsilon)
        assert state is not None
        return approximations, drawn, state

    def _rates(self, approximations: list[Diagonal]) -> Tensor:
        """KL of each layer, [K, B, layers]: exact given the layers above."""
        return torch.stack([gaussian_kl(q.mean, q.log_std).sum(-1) for q in approximations], -1)

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The negative ELBO; the rate told is the true one, whatever free bits its layers are charged for."""
        seen = self.corrupted(batch)
        approximations, _, start = self._infer(seen, self.config.samples)
        rates = self._rates(approximations)
        free = self.config.rate.kind == "free-bits"
        losses = reduce(
            self.log_likelihood(start, seen),
            rates.sum(-1),
            lambda nats: self.cost(nats, state),
            groups=rates.mean(0) if free else None,
        )
        per_layer = rates.detach().mean((0, 1))
        names = {f"rate_layer_{level + 1}": per_layer[level] for level in range(len(self.sizes))}
        return Losses(losses.objective, losses.terms | names)

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The bound's terms; the rate is exact given each sample's upper layers."""
        approximations, drawn, start = self._infer(batch, samples)
        log_ratio = torch.stack(
            [
                (q.log_prob(epsilon) - standard_normal_log_density(epsilon).sum(-1))
                for q, epsilon in zip(approximations, drawn, strict=True)
            ]
        ).sum(0)
        return Bound(self.log_likelihood(start, batch), self._rates(approximations).sum(-1), log_ratio)

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """KL of each dimension given one draw of the layers above, [B, d], the top first."""
        approximations, _, _ = self._infer(batch, 1)
        return torch.cat([gaussian_kl(q.mean, q.log_std)[0] for q in approximations], -1)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of every ε, [B, d] each, the top first, along the means above."""
        approximations, _, _ = self._infer(batch, None)
        mean = torch.cat([q.mean[0] for q in approximations], -1)
        std = torch.cat([q.std[0] for q in approximations], -1)
        return mean, std

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Mean of p(x|z) for ε [B, d], the top first."""
        state: Tensor | None = None
        for level, epsilon in enumerate(torch.split(z, self.sizes, -1)):
            prior = self._prior(level, state, epsilon)
            state = self._down(level, state, prior.mean + prior.std * epsilon)
        assert state is not None
        return self.likelihood.mean(self.output(state))

    def sample_prior(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Latents ε [count, d]: standard normal."""
        device = next(self.parameters()).device
        where = device if generator is None else torch.device("cpu")
        return torch.randn(count, self.config.latent_dim, generator=generator, device=where).to(device)


def merged(evidence: Diagonal, prior: Diagonal) -> Diagonal:
    """Product of two Gaussians, normalised: precisions add, means are weighed by them."""
    # Relative to the prior's precision, so that nothing overflows when one of them is very sure.
    log_odds = 2 * (prior.log_std - evidence.log_std)
    share = torch.sigmoid(log_odds)
    mean = prior.mean + share * (evidence.mean - prior.mean)
    return Diagonal(mean, prior.log_std + 0.5 * nn.functional.logsigmoid(-log_odds))
