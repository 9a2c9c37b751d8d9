"""A separate q for each image, found by search: from the encoder's output (semi-amortised), or without an encoder."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from latentlab.models.base import Batch, Losses, StepState
from latentlab.models.families.vae import VAE
from latentlab.models.freeze import frozen
from latentlab.models.posteriors import VariationalPosterior, standard_posterior
from latentlab.models.posteriors.base import standard_noise
from latentlab.models.seeded_noise import fixed_noise

# Evolution strategy: children per point and generation, and factors of the step size after success and failure.
CHILDREN = 8
GROWTH, DECAY = 1.5, 0.9
# Gradient ascent.
ADAM_DECAYS = (0.9, 0.999)


class PerDatapointVAE(VAE):
    """The decoder is trained with the refined q of each image; the encoder, if there is one, with its own ELBO.

    The model stores nothing per image: q is searched for at every call. Outside training the noise is the same at every
    call and for every image, so that the result for an image does not depend on the other images of the batch. The
    model file stores the means of the dataset as its points.

    Examples
    --------
    >>> from latentlab.config import ModelConfig, PosteriorConfig
    >>> model = PerDatapointVAE(ModelConfig(posterior=PosteriorConfig(refine=3)), (1, 8, 8))
    >>> model.infer(Batch(torch.rand(5, 1, 8, 8))).mean.shape
    torch.Size([5, 2])

    References
    ----------
    Krishnan, Liang & Hoffman 2018, On the challenges of learning with inference networks (arXiv:1710.06085).
    Hjelm et al. 2016, Iterative Refinement of the Approximate Posterior (arXiv:1511.06382).
    """

    def infer(self, batch: Batch) -> VariationalPosterior:
        """The refined q(z|x) of each image."""
        return self.refined(self.initial_posterior(batch), batch)

    def initial_posterior(self, batch: Batch) -> VariationalPosterior:
        """The start of the search: the encoder's q(z|x), or the prior."""
        if self.has_encoder:
            return super().infer(batch)
        return standard_posterior(self.config.posterior.kind, batch.x, self.config.latent_dim)

    def refined(self, q: VariationalPosterior, batch: Batch) -> VariationalPosterior:
        """Refine ``q`` with the configuration's search, at the model's β; in training, at that of the warm-up."""
        settings = self.config.posterior
        if self.training:
            weight = self.rate_schedule.weight
            return refine(self, q, batch, settings.refine, settings.refine_rate, settings.search, beta=weight)
        with fixed_noise(batch.x.device, 0):
            return refine(self, q, batch, settings.refine, settings.refine_rate, settings.search, shared_noise=True)

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The bound of the refined q for the decoder, and that of the encoder's q for the encoder."""
        seen = self.corrupted(batch)
        start = self.initial_posterior(seen)
        q = self.refined(start, seen)
        surrogate, encoder_terms = self._encoder_loss(start, seen, state) if self.has_encoder else (None, {})
        draw = q.rsample(self.config.samples)
        losses = self.objective(q, draw, self.log_likelihood(draw.z, seen), state, surrogate)
        return dataclasses.replace(losses, terms=losses.terms | encoder_terms)

    def _encoder_loss(self, q: VariationalPosterior, seen: Batch, state: StepState) -> tuple[Tensor, dict[str, Tensor]]:
        """The encoder's objective with the decoder frozen, and its ELBO, for comparison with the refined one."""
        with frozen(self.decoder, self.likelihood, self.prior), self.likelihood.held():
            draw = q.rsample(self.config.samples)
            losses = self.objective(q, draw, self.log_likelihood(draw.z, seen), state)
        return losses.objective, {"encoder_elbo": losses.terms["elbo"]}


def refine(
    model: VAE,
    q: VariationalPosterior,
    batch: Batch,
    steps: int,
    rate: float = 0.1,
    search: str = "gradient",
    shared_noise: bool = False,
    beta: Tensor | float | None = None,
) -> VariationalPosterior:
    """Refine the posterior of each image with the model fixed.

    Parameters
    ----------
    model
        The ELBO (for a point mass, log p(x, z)) of this model is maximised.
    q
        The start of the search; not modified.
    batch
        The images.
    steps, rate
        Steps and learning rate of Adam; or generations and initial step size of the evolution strategy.
    search
        ``gradient``, or ``evolution`` for point masses.
    shared_noise
        Draw the same noise for every image, so that the result for one does not depend on the others.
    beta
        Weight of the rate in what is maximised; by default the model's.

    Returns
    -------
    VariationalPosterior
        Of the same family, detached from the encoder.
    """
    # The search needs gradients also where they are disabled; inference tensors must be copied to take part.
    # An optimal σ is not that of the search: the found latents estimate it, and no search depends on other images.
    with torch.inference_mode(False), torch.enable_grad(), model.likelihood.held():
        parameters = tuple(p.detach().clone() for p in q.parameters())
        # Not dataclasses.astuple, which deep-copies each tensor.
        parts = (batch.x, batch.label, batch.index, batch.seen, batch.mask)
        x, *others = (None if part is None else part.clone() for part in parts)
        assert x is not None
        own = Batch(x, *others)
        if search == "evolution":
            best = _evolve(model, parameters[0], own, steps, rate, shared_noise)
            return q.with_parameters((best,))
        weight = model.rate_schedule.beta if beta is None else beta
        return q.with_parameters(_ascend(model, q, parameters, own, steps, rate, shared_noise, weight))


def _ascend(
    model: VAE,
    q: VariationalPosterior,
    parameters: tuple[Tensor, ...],
    batch: Batch,
    steps: int,
    rate: float,
    shared_noise: bool,
    beta: Tensor | float,
) -> tuple[Tensor, ...]:
    leaves = [p.requires_grad_() for p in parameters]
    moments = [(torch.zeros_like(leaf), torch.zeros_like(leaf)) for leaf in leaves]
    for step in range(steps):
        # The sum, not the mean, so that an image's search does not depend on the batch size.
        noise = _noise(1, leaves[0], shared_noise)
        objective = -fitness(model, q.with_parameters(tuple(leaves)), batch, noise, beta).sum()
        gradients = torch.autograd.grad(objective, leaves, allow_unused=True)
        decayed = rate * (1 - step / steps)  # to 0, so that the noise of single samples averages out
        for leaf, gradient, (first, second) in zip(leaves, gradients, moments, strict=True):
            if gradient is not None:
                adam_step(leaf, gradient, first, second, step + 1, decayed)
    return tuple(leaf.detach() for leaf in leaves)


@torch.no_grad()
def adam_step(leaf: Tensor, gradient: Tensor, first: Tensor, second: Tensor, step: int, rate: float) -> None:
    """A step of Adam, bit for bit as torch's, but with the step count as a Python number, as a CUDA graph needs it."""
    first.lerp_(gradient, 1 - ADAM_DECAYS[0])
    second.mul_(ADAM_DECAYS[1]).addcmul_(gradient, gradient, value=1 - ADAM_DECAYS[1])
    scale = (second.sqrt() / (1 - ADAM_DECAYS[1] ** step) ** 0.5).add_(1e-8)
    leaf.addcdiv_(first, scale, value=-rate / (1 - ADAM_DECAYS[0] ** step))


def _noise(samples: int, like: Tensor, shared_noise: bool) -> Tensor:
    """Standard normal noise [samples, *like.shape]; with ``shared_noise`` the same for every row of ``like``."""
    return standard_noise(samples, like[:1] if shared_noise else like).expand(samples, *like.shape)


def fitness(model: VAE, q: VariationalPosterior, batch: Batch, noise: Tensor, beta: Tensor | float) -> Tensor:
    """The quantity to maximise, [B]: the ELBO with its rate times β at noise [1, B, d], or log p(x, z) of a point."""
    draw = q.from_noise(noise)
    log_likelihood = model.log_likelihood(draw.z, batch)[0]
    if not q.has_density:
        return log_likelihood + model.log_prior(draw.z)[0]
    per_dimension = model.rate_per_dimension(q)
    rate = model.log_ratio(q, draw)[0] if per_dimension is None else per_dimension.sum(-1)
    return log_likelihood - beta * rate


@torch.no_grad()
def _evolve(model: VAE, z: Tensor, batch: Batch, generations: int, first_step: float, shared_noise: bool) -> Tensor:
    """A (1 + 8) evolution strategy for all images at once (Rechenberg 1973): keep the best, adapt the step size."""
    step = torch.full_like(z[:, :1], first_step)
    best = model.log_likelihood(z[None], batch)[0] + model.log_prior(z)
    for _ in range(generations):
        children = z + step * _noise(CHILDREN, z, shared_noise)
        scores = model.log_likelihood(children, batch) + model.log_prior(children)
        score, index = scores.max(0)
        child = children.gather(0, index[None, :, None].expand(1, -1, z.shape[1]))[0]
        better = score > best
        z = torch.where(better[:, None], child, z)
        best = torch.where(better, score, best)
        step = torch.where(better[:, None], step * GROWTH, step * DECAY)
    return z
