"""p(x|z) p(z) of one image as a function of the latent, over its observed pixels."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from latentlab.models import LatentModel
from latentlab.models.base import Batch
from latentlab.models.families.vae import VAE
from latentlab.models.functional import standard_normal_log_density
from latentlab.models.posteriors import PosteriorSample, VariationalPosterior

_PIXELS_IN_A_PIECE = 16 * 1024
_MOST_IN_A_PIECE = 16


class LatentTarget:
    """The logarithm of p(x, z) for the observed pixels of one image, and bounds of its integral.

    Hidden pixels carry no likelihood: they are set to 0, and the mask leaves them out.

    Parameters
    ----------
    model
        Its latents are plain numbers. It is copied, so that a run may change the weights meanwhile, and no gradients
        of its weights are computed.
    x
        float32 [1, C, H, W] in [0, 1], on the model's device.
    hidden
        bool [H, W], true where a pixel is hidden; ``None``: none is.
    label
        int64 [1], for a conditional model; ``None`` for the most probable class if the model classifies.
    """

    def __init__(
        self, model: LatentModel, x: Tensor, hidden: Tensor | None = None, label: Tensor | None = None
    ) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.mask = None if hidden is None else (~hidden)[None, None].to(x.dtype)
        self.x = x if self.mask is None else torch.where(self.mask > 0, x, 0.0)
        if label is None and model.classes:
            label = self.model.classify(Batch(self.x, mask=self.mask))
        self.label = label

    @property
    def piece(self) -> int:
        """How many latents to decode between two yields: fewer of larger images, the same on every machine."""
        _, height, width = self.model.image_shape
        return max(1, min(_MOST_IN_A_PIECE, _PIXELS_IN_A_PIECE // (height * width)))

    @property
    def batch(self) -> Batch:
        """The image as a batch."""
        return Batch(self.x, self.label, mask=self.mask)

    def output(self, z: Tensor) -> Tensor:
        """What the likelihood reads for latents [K, d]: [K, C', H, W]."""
        label = None if self.label is None else self.label.expand(len(z))
        return self.model.decoder_output(z, label)

    def log_likelihood_of(self, output: Tensor) -> Tensor:
        """Log p(x|z) in nats, [K], of outputs [K, C', H, W]."""
        return self.model.likelihood.log_prob(output[:, None], self.x, self.mask)[:, 0]

    def log_likelihood(self, z: Tensor) -> Tensor:
        """Log p(x|z) in nats, [K], of latents [K, d]."""
        return self.log_likelihood_of(self.output(z))

    def log_prior(self, z: Tensor) -> Tensor:
        """Log p(z) in nats, [K], of latents [K, d]; hierarchies have N(0, I) in the latents that they are given."""
        if isinstance(self.model, VAE):
            return self.model.log_prior(z)
        return standard_normal_log_density(z).sum(-1)

    def rate(self, q: VariationalPosterior, draw: PosteriorSample) -> Tensor:
        """KL(q ‖ p) in nats: [1] in closed form, or [K] from latents [K, 1, d]; 0 for a point mass."""
        model = self.model
        per_dimension = model.rate_per_dimension(q) if isinstance(model, VAE) else q.kl_to_prior()
        if per_dimension is not None:
            return per_dimension.sum(-1)
        return draw.log_q[:, 0] - self.log_prior(draw.z[:, 0])

    def bound(self, q: VariationalPosterior, noise: Tensor) -> Tensor:
        """The ELBO of each sample in nats, [K], at noise [K, 1, d]; for a point mass log p(x, z)."""
        draw = q.from_noise(noise)
        log_likelihood = self.log_likelihood(draw.z[:, 0])
        if not q.has_density:
            return log_likelihood + self.log_prior(draw.z[:, 0])
        return log_likelihood - self.rate(q, draw)
