"""An own q for each image, found by search: from the encoder's output (semi-amortised), or without any encoder."""

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

# Of the evolution: children of each point and step, and how the step size answers success and failure.
CHILDREN = 8
GROWTH, DECAY = 1.5, 0.9
# Of the climb.
ADAM_DECAYS = (0.9, 0.999)


class PerDatapointVAE(VAE):
    """The decoder learns from the refined q of each image; the encoder, if there is one, from its own ELBO.

    (Krishnan, Liang & Hoffman 2018; Hjelm et al. 2016.) The model stores nothing per image: every q is searched for
    when it is asked for. Outside training the noise is the same each time and for each image, so that what is found
    for an image does not depend on when it is asked for, nor with which others. The table of what was found is kept
    as the points of the model file.
    """

    def infer(self, batch: Batch) -> VariationalPosterior:
        """The refined q(z|x) of each image."""
        return self.refined(self.start(batch), batch)

    def start(self, batch: Batch) -> VariationalPosterior:
        """Where the search begins: the encoder's q(z|x), or the prior."""
        if self.has_encoder:
            return super().infer(batch)
        return standard_posterior(self.config.posterior.kind, batch.x, self.config.latent_dim)

    def refined(self, q: VariationalPosterior, batch: Batch) -> VariationalPosterior:
        """Improve ``q`` as the configuration says, at the model's β."""
        settings = self.config.posterior
        if self.training:
            return refine(self, q, batch, settings.refine, settings.refine_rate, settings.search)
        with fixed_noise(batch.x.device, 0):
            return refine(self, q, batch, settings.refine, settings.refine_rate, settings.search, alike=True)

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The refined q's bound for the decoder, and the encoder's own for the encoder."""
        seen = self.corrupted(batch)
        start = self.start(seen)
        q = self.refined(start, seen)
        surrogate, encoder_terms = self._encoder_loss(start, seen, state) if self.has_encoder else (None, {})
        draw = q.rsample(self.config.samples)
        losses = self.reduced(q, draw, self.log_likelihood(draw.z, seen), state, surrogate)
        return dataclasses.replace(losses, terms=losses.terms | encoder_terms)

    def _encoder_loss(self, q: VariationalPosterior, seen: Batch, state: StepState) -> tuple[Tensor, dict[str, Tensor]]:
        """What the encoder minimises, with the decoder held, and its ELBO to compare with the refined one."""
        with frozen(self.decoder, self.likelihood, self.prior):
            draw = q.rsample(self.config.samples)
            losses = self.reduced(q, draw, self.log_likelihood(draw.z, seen), state)
        return losses.objective, {"encoder_elbo": losses.terms["elbo"]}


def refine(
    model: VAE,
    q: VariationalPosterior,
    batch: Batch,
    steps: int,
    rate: float = 0.1,
    search: str = "gradient",
    alike: bool = False,
) -> VariationalPosterior:
    """Improve each image's own approximation, the model held.

    Parameters
    ----------
    model
        Whose ELBO (or, for a point, log p(x, z)) is climbed.
    q
        Where to begin; it is left as it is.
    batch
        The images.
    steps, rate
        Steps of Adam and its learning rate; or generations, and the first step's size.
    search
        ``gradient`` or ``evolution``; the latter for points.
    alike
        Draw the same noise for every image: what is found for one does not depend on the others then.

    Returns
    -------
    VariationalPosterior
        Of the same family, detached from encoder and search.
    """
    # Also where gradients are off: the search needs its own. Tensors made there cannot take part, copies can.
    with torch.inference_mode(False), torch.enable_grad():
        parameters = tuple(p.detach().clone() for p in q.parameters())
        # Not dataclasses.astuple, which copies each tensor too, and storage by storage.
        parts = (batch.x, batch.label, batch.index, batch.seen, batch.mask)
        x, *others = (None if part is None else part.clone() for part in parts)
        assert x is not None
        own = Batch(x, *others)
        if search == "evolution":
            found = _evolve(model, parameters[0], own, steps, rate, alike)
            return q.with_parameters((found,))
        return q.with_parameters(_climb(model, q, parameters, own, steps, rate, alike))


def _climb(
    model: VAE,
    q: VariationalPosterior,
    parameters: tuple[Tensor, ...],
    batch: Batch,
    steps: int,
    rate: float,
    alike: bool,
) -> tuple[Tensor, ...]:
    leaves = [p.requires_grad_() for p in parameters]
    moments = [(torch.zeros_like(leaf), torch.zeros_like(leaf)) for leaf in leaves]
    for step in range(steps):
        # The sum, not the mean: no image's search may depend on how many others there are.
        objective = -fitness(model, q.with_parameters(tuple(leaves)), batch, _noise(1, leaves[0], alike)).sum()
        gradients = torch.autograd.grad(objective, leaves, allow_unused=True)
        falling = rate * (1 - step / steps)  # ends at rest, where one sample's noise no longer moves it
        for leaf, gradient, (first, second) in zip(leaves, gradients, moments, strict=True):
            if gradient is not None:
                _adam(leaf, gradient, first, second, step + 1, falling)
    return tuple(leaf.detach() for leaf in leaves)


@torch.no_grad()
def _adam(leaf: Tensor, gradient: Tensor, first: Tensor, second: Tensor, step: int, rate: float) -> None:
    """A step of Adam, to the bit torch's own; but steps are counted where a GPU need not be asked, nor records it."""
    first.lerp_(gradient, 1 - ADAM_DECAYS[0])
    second.mul_(ADAM_DECAYS[1]).addcmul_(gradient, gradient, value=1 - ADAM_DECAYS[1])
    scale = (second.sqrt() / (1 - ADAM_DECAYS[1] ** step) ** 0.5).add_(1e-8)
    leaf.addcdiv_(first, scale, value=-rate / (1 - ADAM_DECAYS[0] ** step))


def _noise(samples: int, like: Tensor, alike: bool) -> Tensor:
    """Standard normal noise [samples, *like.shape]; ``alike``: the same for each of the rows of ``like``."""
    return standard_noise(samples, like[:1] if alike else like).expand(samples, *like.shape)


def fitness(model: VAE, q: VariationalPosterior, batch: Batch, noise: Tensor) -> Tensor:
    """What is climbed, [B]: the ELBO, its rate times β, of noise [1, B, d], or log p(x, z) of a point."""
    draw = q.from_noise(noise)
    log_likelihood = model.log_likelihood(draw.z, batch)[0]
    if not q.has_density:
        return log_likelihood + model.log_prior(draw.z)[0]
    per_dimension = model.rate_per_dimension(q)
    rate = model.log_ratio(q, draw)[0] if per_dimension is None else per_dimension.sum(-1)
    return log_likelihood - model.rate_schedule.beta * rate


@torch.no_grad()
def _evolve(model: VAE, z: Tensor, batch: Batch, generations: int, first_step: float, alike: bool) -> Tensor:
    """A (1 + 8) evolution strategy for every image at once (Rechenberg 1973): keep the best, adapt the step."""
    step = torch.full_like(z[:, :1], first_step)
    best = model.log_likelihood(z[None], batch)[0] + model.log_prior(z)
    for _ in range(generations):
        children = z + step * _noise(CHILDREN, z, alike)
        scores = model.log_likelihood(children, batch) + model.log_prior(children)
        score, place = scores.max(0)
        child = children.gather(0, place[None, :, None].expand(1, -1, z.shape[1]))[0]
        better = score > best
        z = torch.where(better[:, None], child, z)
        best = torch.where(better, score, best)
        step = torch.where(better[:, None], step * GROWTH, step * DECAY)
    return z
