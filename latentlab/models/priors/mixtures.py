"""Mixture priors: of learned Gaussians, also as clusters, or of the posteriors at learned pseudo-inputs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from latentlab.config import PriorConfig
from latentlab.latent.mixture import fit_mixture
from latentlab.models.functional import gaussian_log_density, log_mean_exp
from latentlab.models.posteriors.base import VariationalPosterior
from latentlab.models.priors.base import Encode, ImageShape, Prior
from latentlab.models.seeded_noise import fixed_noise

# Most elements of the [latents, components, d] tensor held at once: 64 MB of float32.
MAX_ELEMENTS = 16 * 2**20
_MARGINALS = 256
_LEAST_STD, _LEAST_WEIGHT = 1e-3, 1e-4  # of a cluster when it is placed


def log_mean_density(z: Tensor, components: int, density: Callable[[Tensor], Tensor]) -> Tensor:
    """Log of the components' mean density at z [..., d], shape [...], in bounded memory.

    ``density`` maps z [N, 1, d] to log-densities [N, components].
    """
    flat = z.reshape(-1, 1, z.shape[-1])
    rows = max(1, MAX_ELEMENTS // (components * z.shape[-1]))
    parts = [log_mean_exp(density(part), dim=1) for part in torch.split(flat, rows)]
    return torch.cat(parts).view(z.shape[:-1])


class MixturePrior(Prior):
    """K diagonal Gaussians of equal weight, with learned means and standard deviations.

    Examples
    --------
    >>> prior = MixturePrior(PriorConfig(kind="mixture", components=5), 2, (1, 28, 28))
    >>> prior.log_prob(torch.zeros(3, 2)).shape, prior.sample(4).shape
    (torch.Size([3]), torch.Size([4, 2]))
    """

    def __init__(self, config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> None:
        super().__init__(config, latent_dim, image_shape)
        self.means = nn.Parameter(torch.randn(config.components, latent_dim))
        self.log_stds = nn.Parameter(torch.full((config.components, latent_dim), -0.5))

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log p(z) in nats, shape [...]."""
        return log_mean_density(
            z, len(self.means), lambda part: gaussian_log_density(part, self.means, self.log_stds).sum(-1)
        )

    def marginals(self, encode: Encode | None = None) -> tuple[Tensor, Tensor]:
        """The Gaussians' own dimensions, which are independent."""
        return self.means, self.log_stds

    def sample(
        self,
        count: int,
        generator: torch.Generator | None = None,
        encode: Encode | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Draw [count, d] latents."""
        chosen = self._components(count, generator)
        return self.means[chosen] + temperature * torch.exp(self.log_stds[chosen]) * self._normal(count, generator)

    def _components(self, count: int, generator: torch.Generator | None) -> Tensor:
        """Indices [count] of the Gaussians that latents are drawn from."""
        return self._choices(count, len(self.means), generator)


class ClusterPrior(MixturePrior):
    """K diagonal Gaussians with learned weights, whose components are read as clusters.

    Examples
    --------
    >>> prior = ClusterPrior(PriorConfig(kind="clusters", components=5), 2, (1, 28, 28))
    >>> bool(torch.allclose(prior.responsibilities(torch.zeros(3, 2)).sum(-1), torch.ones(3)))
    True

    References
    ----------
    Jiang et al. 2017, Variational Deep Embedding (arXiv:1611.05148).
    """

    def __init__(self, config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> None:
        super().__init__(config, latent_dim, image_shape)
        self.logits = nn.Parameter(torch.zeros(config.components))

    def _joint(self, z: Tensor) -> Tensor:
        """Log p(c) + log p(z|c) in nats, [N, K], of z [N, 1, d]."""
        return torch.log_softmax(self.logits, 0) + gaussian_log_density(z, self.means, self.log_stds).sum(-1)

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log p(z) in nats, shape [...]."""
        count = len(self.means)
        # The mean of K terms, each K times as large, is their sum.
        return log_mean_density(z, count, lambda part: self._joint(part) + math.log(count))

    def responsibilities(self, z: Tensor) -> Tensor:
        """p(c|z) of latents [N, d], [N, K]."""
        return torch.softmax(self._joint(z[:, None]), -1)

    def marginals(self, encode: Encode | None = None) -> tuple[Tensor, Tensor]:
        """The Gaussians' own dimensions, repeated by their weights to 256 in all."""
        shares = torch.softmax(self.logits.detach(), 0)
        counts = torch.clamp_min(torch.round(_MARGINALS * shares), 1).long()
        rows = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
        return self.means[rows], self.log_stds[rows]

    @torch.no_grad()
    def place(self, z: Tensor) -> None:
        """Set the components to a mixture fitted to latents [N, d], N ≥ 1.

        There are fewer than K components where there are fewer latents; the others keep their places, with little
        weight.
        """
        points = z.detach().cpu().numpy()
        count = min(len(points), len(self.means))
        mixture = fit_mixture(points, components=count, covariance="diagonal")
        std = np.diagonal(mixture.factors, axis1=1, axis2=2)
        for parameter, values in (
            (self.means, mixture.means),
            (self.log_stds, np.log(np.maximum(std, _LEAST_STD))),
            (self.logits, np.log(np.maximum(mixture.weights, _LEAST_WEIGHT))),
        ):
            parameter[:count] = torch.from_numpy(values.astype(np.float32)).to(parameter)
        self.logits[count:] = math.log(_LEAST_WEIGHT)

    def _components(self, count: int, generator: torch.Generator | None) -> Tensor:
        shares = torch.softmax(self.logits.detach(), 0)
        shares = shares if generator is None else shares.cpu()
        return torch.multinomial(shares, count, replacement=True, generator=generator).to(self.device)


class VampPrior(Prior):
    """The posteriors at K learned pseudo-inputs, with equal weights; ``encode`` is required.

    Examples
    --------
    >>> from latentlab.models.posteriors.diagonal import Diagonal
    >>> prior = VampPrior(PriorConfig(kind="vamp", components=3), 2, (1, 8, 8))
    >>> encode = lambda x: Diagonal(x.flatten(1)[:, :2], torch.zeros(len(x), 2))
    >>> prior.log_prob(torch.zeros(5, 2), encode).shape
    torch.Size([5])

    References
    ----------
    Tomczak & Welling 2018, VAE with a VampPrior (arXiv:1705.07120).
    """

    def __init__(self, config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> None:
        super().__init__(config, latent_dim, image_shape)
        self.pseudo_inputs = nn.Parameter(torch.rand(config.components, *image_shape))

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Set the pseudo-inputs to training images with a little noise; images repeat where there are too few."""
        times = math.ceil(len(self.pseudo_inputs) / len(x))
        chosen = x.repeat(times, 1, 1, 1)[: len(self.pseudo_inputs)]
        self.pseudo_inputs.copy_((chosen + 0.1 * torch.randn_like(chosen)).clamp(0.01, 0.99))

    def components(self, encode: Encode | None) -> VariationalPosterior:
        """The posteriors at the pseudo-inputs, which are clamped to [0, 1]."""
        return _required(encode)(self.pseudo_inputs.clamp(0, 1))

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log p(z) in nats, shape [...]."""
        components = self.components(encode)
        count = len(self.pseudo_inputs)
        return log_mean_density(z, count, lambda part: components.log_prob(part.expand(-1, count, -1)))

    def marginals(self, encode: Encode | None = None) -> tuple[Tensor, Tensor]:
        """The dimensions of the posteriors at the pseudo-inputs; with a full covariance too, they are Gaussian."""
        components = self.components(encode)
        return components.mean, torch.log(components.std)

    def sample(
        self,
        count: int,
        generator: torch.Generator | None = None,
        encode: Encode | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Draw [count, d] latents."""
        chosen = self._choices(count, len(self.pseudo_inputs), generator)
        q = _required(encode)(self.pseudo_inputs.clamp(0, 1)[chosen])
        if generator is None:
            z = q.rsample(1).z[0]
        else:
            # The posterior draws from the global stream: seed it from the generator.
            with fixed_noise(self.device, int(torch.randint(2**62, (), generator=generator))):
                z = q.rsample(1).z[0]
        return z if temperature == 1 else q.mean + temperature * (z - q.mean)


def _required(encode: Encode | None) -> Encode:
    if encode is None:
        raise TypeError("a VampPrior needs the encoder of its model: pass encode, from images to q(z|x)")
    return encode
