"""Clusters in latent space: a VAE whose prior is a mixture, placed after a pretraining without a rate."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.config import ModelConfig
from latentlab.models.base import Batch, Losses, StepState
from latentlab.models.batch_reduction import gather_rows
from latentlab.models.families.vae import VAE
from latentlab.models.posteriors import PosteriorSample, VariationalPosterior
from latentlab.models.priors import ClusterPrior
from latentlab.models.rate_schedule import schedule_at

MEMORY = 2048
"""Latents of the last images seen, to which the components are fitted."""

_LARGEST_PRETRAINING = 1 / 3  # of a run


class ClusterVAE(VAE):
    """A VAE with a ``ClusterPrior``.

    The objective sums the clusters out: E_q[log p(x|z) + log Σ_c p(c) p(z|c) − log q(z|x)]. It is that of the paper
    with its best q(c|x), p(c|z) of each sample, instead of their mean. At first it has no rate, as the paper's
    pretraining, until the components are placed by a fit to the latents of the last images.

    Attributes
    ----------
    recent, seen
        The latents kept, [MEMORY, d], and how many there were in all.
    is_placed
        Scalar, 1 once the components are placed.

    Examples
    --------
    >>> from latentlab.config.recipes import RECIPES
    >>> model = ClusterVAE(RECIPES["vade"].config(), (1, 8, 8))
    >>> model.clusters(Batch(torch.rand(5, 1, 8, 8))).shape
    torch.Size([5])

    References
    ----------
    Jiang et al. 2017, Variational Deep Embedding (arXiv:1611.05148).
    """

    recent: Tensor
    seen: Tensor
    is_placed: Tensor

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        self.register_buffer("recent", torch.zeros(MEMORY, config.latent_dim))
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("is_placed", torch.zeros(()))

    @property
    def is_capturable(self) -> bool:
        """Not as a CUDA graph: what a step does changes when the components are placed."""
        return False

    def on_step_start(self, state: StepState) -> None:
        """Place the components when the pretraining is over; until then the rate has no weight."""
        super().on_step_start(state)
        wanted = self.config.prior.pretraining
        most = min(wanted, _LARGEST_PRETRAINING * state.epochs) if state.epochs else wanted
        if not self.is_placed and self.seen and state.epochs_done >= most:
            self._place()
        warmup, _ = schedule_at(self.config.rate, state.epochs_done)
        self.rate_schedule.weight.fill_(self.beta * warmup if self.is_placed else 0.0)

    def _place(self) -> None:
        assert isinstance(self.prior, ClusterPrior)
        self.prior.place(self.recent[: min(MEMORY, int(self.seen))])
        self.is_placed.fill_(1)

    def objective(
        self,
        q: VariationalPosterior,
        draw: PosteriorSample,
        log_likelihood: Tensor,
        state: StepState,
        surrogate: Tensor | None = None,
    ) -> Losses:
        """That of the VAE; during the pretraining the latents are kept."""
        if self.training and not self.is_placed:
            means = gather_rows(q.mean.detach())[-MEMORY:]
            rows = (self.seen.long() + torch.arange(len(means), device=means.device)) % MEMORY
            self.recent[rows] = means.to(self.recent)
            self.seen.add_(len(means))
        return super().objective(q, draw, log_likelihood, state, surrogate)

    def clusters(self, batch: Batch) -> Tensor:
        """The component that each image's latent most probably comes from, int64 [B]."""
        assert isinstance(self.prior, ClusterPrior)
        return self.prior.responsibilities(self.infer(batch).mean).argmax(-1)
