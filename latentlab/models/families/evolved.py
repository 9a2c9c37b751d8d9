"""A VAE with binary latents and no encoder: each image keeps a set of latents that evolution improves."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import ModelConfig
from latentlab.models.base import Batch, Bound, Losses, StepState
from latentlab.models.image_model import ImageModel
from latentlab.models.objective import batch_objective
from latentlab.models.seeded_noise import fixed_noise

# Smallest weight of the rate in the choice of states, which divides by it.
_LEAST_WEIGHT = 1e-3
# Probability of each latent before training.
_FIRST_PROBABILITY = 0.2


class EvolvedBinaryVAE(ImageModel):
    """Binary latents z ~ Π Bernoulli(π_h) with truncated posteriors, found by evolution without gradients.

    The posterior of an image is the exact one, restricted to a set Φ of latents: q(z) ∝ p(x, z) for z in Φ. The ELBO is
    then log Σ_{z ∈ Φ} p(x, z), at most log p(x), and never falls when a latent of Φ is replaced by one of larger
    p(x, z). Each training image keeps its Φ, of ``evolution.states`` latents. In each step children of it are tried
    (crossover of two parents, chosen by fitness, and the flip of a bit), and the best remain; then decoder and π take
    a step along the gradient of the ELBO.

    No encoder exists. The search for an image without a set begins with the best of a pool of good latents of training
    images, which is saved with the model (the papers have none). Of a random half of the children one parent is passed
    on unchanged but for the flip.

    Each latent is two numbers outside of this class, off and on, one of them 1: a category of two.

    Examples
    --------
    >>> model = EvolvedBinaryVAE(ModelConfig(family="evolved", latent_dim=6), (1, 8, 8))
    >>> mean, std = model.encode(Batch(torch.rand(5, 1, 8, 8)))
    >>> mean.view(5, 3, 2).sum(-1).allclose(torch.ones(5, 3))
    True

    References
    ----------
    Drefs, Guiraud & Lücke 2022, Evolutionary Variational Optimization of Generative Models (arXiv:2012.12294).
    Guiraud, Drefs & Lücke 2020, Direct Evolutionary Optimization of Variational Autoencoders with Binary Latents
    (arXiv:2011.13704).
    """

    pool: Tensor
    shifts: Tensor
    kept: Tensor

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        self.bits = config.latent_dim // 2
        super().__init__(config, image_shape, classes, decoder_inputs=self.bits)
        self.prior_logits = nn.Parameter(
            torch.full((self.bits,), math.log(_FIRST_PROBABILITY / (1 - _FIRST_PROBABILITY)))
        )
        self.register_buffer("pool", (torch.rand(config.evolution.pool, self.bits) < _FIRST_PROBABILITY).float())
        self.register_buffer("shifts", torch.arange(8, dtype=torch.uint8), persistent=False)
        # The sets of the training images, 8 latents a byte; none before ``prepare``. A buffer, so that it follows the
        # model to its device; saved by ``run_state``, as a model file holds nothing of single images.
        none = torch.zeros(0, config.evolution.states, -(-self.bits // 8), dtype=torch.uint8)
        self.register_buffer("kept", none, persistent=False)

    def prepare(self, batch: Batch, images: int) -> None:
        """Draw the first sets of all training images from the prior."""
        probability = torch.sigmoid(self.prior_logits.detach())
        size = self.config.evolution.states
        parts = [
            self._packed(torch.rand(min(1024, images - start), size, self.bits, device=batch.x.device) < probability)
            for start in range(0, images, 1024)
        ]
        self.kept = torch.cat(parts)

    def run_state(self) -> dict[str, Tensor]:
        """The sets of the training images."""
        return {"states": self.kept}

    def load_run_state(self, state: dict[str, Tensor]) -> None:
        """Continue with these sets."""
        kept = state.get("states")
        if kept is None or kept.shape[1:] != self.kept.shape[1:]:
            raise ValueError("tensor images.states is not the sets of latents of this model")
        self.kept = kept.to(self.pool.device, copy=True)

    # --- the set of each image -----------------------------------------------------------------------

    def log_joint(self, states: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log p(x|z) and log p(z) in nats, [S, B] each, of latents [S, B, H], or [S, 1, H] for all images the same."""
        outputs = self.output(states)
        outputs = outputs.expand(-1, len(batch.x), *outputs.shape[2:])
        log_likelihood = self.likelihood.log_prob(outputs, batch.x, batch.mask)
        log_prior = -functional.softplus(torch.where(states > 0, -self.prior_logits, self.prior_logits)).sum(-1)
        return log_likelihood, log_prior.expand_as(log_likelihood)

    @torch.no_grad()
    def first_states(self, batch: Batch) -> Tensor:
        """The sets [S, B, H] that the search begins with: those kept, else the best of the pool."""
        if self._has_sets(batch):
            return self._unpacked(self.kept[batch.index]).transpose(0, 1)
        size = self.config.evolution.states
        candidates = self.pool[:, None]
        with self.likelihood.held():
            # In parts, as every latent is compared with every image.
            scores = torch.cat([self._fitness(part, batch, self._weight()) for part in torch.split(candidates, 64)])
        scores = scores.masked_fill(duplicates(candidates), -torch.inf)
        best = scores.topk(min(size, len(scores)), 0).indices
        best = best[torch.arange(size, device=best.device) % len(best)]  # a smaller pool is repeated
        return self.pool[best]

    @torch.no_grad()
    def evolve(self, states: Tensor, batch: Batch, generations: int, shared_noise: bool = False) -> Tensor:
        """Improve sets of latents [S, B, H] by some generations; returns sets of that size.

        The best of parents and children remain, so that no image's ELBO falls. With ``shared_noise`` the random
        numbers are the same for every image, so that the result for one does not depend on the others.
        """
        weight, size = self._weight(), len(states)
        with self.likelihood.held():
            scores = self._fitness(states, batch, weight)
            for _ in range(generations):
                children = self._children(states, scores, shared_noise)
                states = torch.cat([states, children])
                scores = torch.cat([scores, self._fitness(children, batch, weight)])
                best = scores.masked_fill(duplicates(states), -torch.inf).topk(size, 0).indices
                states = states.gather(0, best[..., None].expand(-1, -1, self.bits))
                scores = scores.gather(0, best)
        return states

    def posterior_weights(self, states: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The q of the latents of the sets [S, B, H], 0 of a repeated one; log p(x|z), log p(z); [S, B] each."""
        log_likelihood, log_prior = self.log_joint(states, batch)
        scores = log_likelihood.detach() / self._weight() + log_prior.detach()
        q = torch.softmax(scores.masked_fill(duplicates(states), -torch.inf), 0)
        return q, log_likelihood, log_prior

    def _fitness(self, states: Tensor, batch: Batch, weight: Tensor | float) -> Tensor:
        log_likelihood, log_prior = self.log_joint(states, batch)
        return log_likelihood + weight * log_prior

    def _weight(self) -> Tensor | float:
        """The rate's weight in the objective; 1 outside of training."""
        return self.rate_schedule.weight.clamp_min(_LEAST_WEIGHT) if self.training else 1.0

    def _children(self, states: Tensor, scores: Tensor, shared_noise: bool) -> Tensor:
        """Children [C, B, H] of two parents each, chosen with probabilities linear in the fitness's rank."""
        size, images, bits = states.shape
        count, columns = self.config.evolution.children, 1 if shared_noise else images
        order = scores.argsort(0)  # the fittest last; u → √u gives rank r a probability that grows linearly with r
        ranks = (torch.rand(2, count, columns, device=states.device).sqrt() * size).long().clamp_max(size - 1)
        chosen = order.gather(0, ranks.flatten(0, 1).expand(-1, images)).view(2, count, images)
        first, second = (states.gather(0, part[..., None].expand(-1, -1, bits)) for part in chosen)
        crosses = torch.rand(count, columns, 1, device=states.device) < 0.5
        from_second = crosses & (torch.rand(count, columns, bits, device=states.device) < 0.5)
        children = torch.where(from_second, second, first)
        flipped = torch.randint(bits, (count, columns, 1), device=states.device).expand(-1, images, -1)
        return children.scatter(2, flipped, 1 - children.gather(2, flipped))

    def _has_sets(self, batch: Batch) -> bool:
        """Whether a set is kept for each image of the batch."""
        return self.training and len(self.kept) > 0 and batch.index is not None

    def _searched(self, batch: Batch) -> Tensor:
        """The sets of images, found anew; the same at every call."""
        with fixed_noise(batch.x.device, 0):
            states = self.first_states(batch)
            return self.evolve(states, batch, self.config.evolution.search, shared_noise=True)

    def _packed(self, states: Tensor) -> Tensor:
        """Latents [..., H] as bytes [..., ⌈H/8⌉]."""
        padded = functional.pad(states.to(torch.uint8), (0, -self.bits % 8))
        bytes_of_bits = padded.view(*padded.shape[:-1], -1, 8) << self.shifts
        return bytes_of_bits.sum(-1, dtype=torch.uint8)

    def _unpacked(self, packed: Tensor) -> Tensor:
        """The latents of ``_packed``, float32 [..., H]."""
        bits = (packed[..., None] >> self.shifts) & 1
        return bits.flatten(-2)[..., : self.bits].to(torch.float32)

    # --- as every model ------------------------------------------------------------------------------

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """Evolve the sets of the batch's images, and the negative bound at the sets found."""
        seen = self.corrupted(batch)
        states = self.evolve(self.first_states(seen), seen, self.config.evolution.generations)
        if self._has_sets(seen):
            self.kept[seen.index] = self._packed(states.transpose(0, 1))
        q, log_likelihood, log_prior = self.posterior_weights(states, seen)
        self._remember(states, q)
        return batch_objective(
            (q * log_likelihood).sum(0, keepdim=True),
            (torch.xlogy(q, q) - q * log_prior).sum(0, keepdim=True),
            self.rate_schedule.cost,
        )

    @torch.no_grad()
    def _remember(self, states: Tensor, q: Tensor) -> None:
        """Put the most probable latents of some images of the batch in places of the pool."""
        best = states.gather(0, q.argmax(0)[None, :, None].expand(1, -1, self.bits))[0]
        count = min(len(best), max(1, len(self.pool) // 8))
        self.pool[torch.randperm(len(self.pool), device=best.device)[:count]] = best[:count]

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The terms of the ELBO, which is log Σ p(x, z) over the set; every importance weight is that sum."""
        q, log_likelihood, log_prior = self.posterior_weights(self._searched(batch), batch)
        rate = (torch.xlogy(q, q) - q * log_prior).sum(0).expand(samples, -1)
        return Bound((q * log_likelihood).sum(0).expand(samples, -1), rate, rate)

    def probabilities(self, batch: Batch) -> Tensor:
        """Probability of each latent of being on under q, [B, H]."""
        states = self._searched(batch)
        return (self.posterior_weights(states, batch)[0][..., None] * states).sum(0)

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """KL of each latent's q to its prior, split over off and on so that none is negative, [B, 2H].

        The latents of q depend on each other, so that the sum is at most the rate.
        """
        q, prior = self._pairs(self.probabilities(batch)), self._pairs(torch.sigmoid(self.prior_logits))
        return torch.xlogy(q, q) - torch.xlogy(q, prior) - (q - prior)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Probabilities of off and on of each latent and their standard deviations, [B, 2H] each."""
        mean = self._pairs(self.probabilities(batch))
        return mean, torch.sqrt(mean * (1 - mean))

    def sample_posterior(self, batch: Batch, samples: int) -> Tensor:
        """Draw latents [samples, B, 2H] from q, whose latents depend on each other."""
        states = self._searched(batch)
        q = self.posterior_weights(states, batch)[0]
        chosen = torch.multinomial(q.T, samples, replacement=True).T
        return self._pairs(states.gather(0, chosen[..., None].expand(-1, -1, self.bits)))

    def decoder_output(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The decoder's output for z [B, 2H], each latent on where its second number is the larger."""
        pairs = z.view(len(z), self.bits, 2)
        return self.output((pairs[..., 1] > pairs[..., 0]).to(z.dtype))

    def sample_prior(self, count: int, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
        """Draw latents [count, 2H] from the prior, whose logits ``temperature`` divides."""
        device = self.prior_logits.device
        drawn_on = device if generator is None else torch.device("cpu")
        uniform = torch.rand(count, self.bits, generator=generator, device=drawn_on).to(device)
        return self._pairs((uniform < torch.sigmoid(self.prior_logits / max(temperature, 1e-6))).to(torch.float32))

    @staticmethod
    def _pairs(on: Tensor) -> Tensor:
        """Off and on of each latent side by side: [..., H] to [..., 2H]."""
        return torch.stack([1 - on, on], -1).flatten(-2)


def duplicates(states: Tensor) -> Tensor:
    """Whether each latent of sets [S, B, H] is the same as an earlier one of its set, [S, B].

    A repeated latent must not count twice: the sum over the set would no longer be below p(x).

    Examples
    --------
    >>> duplicates(torch.tensor([[[1.0, 0.0]], [[1.0, 1.0]], [[1.0, 0.0]]]))
    tensor([[False],
            [False],
            [ True]])
    """
    sets = states.transpose(0, 1)
    ones = sets.sum(-1)
    differing = ones[:, :, None] + ones[:, None] - 2 * sets @ sets.transpose(1, 2)
    earlier = torch.ones(len(states), len(states), dtype=torch.bool, device=states.device).tril(-1)
    return ((differing < 0.5) & earlier).any(-1).T
