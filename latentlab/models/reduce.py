"""The one place where per-image terms become numbers of a batch.

Every part sums over pixels and latents and hands on ``[K, B]``: K latents drawn for each of B images.
Here, and nowhere else, the mean over the batch is taken.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from latentlab.models.base import Losses
from latentlab.models.functional import log_mean_exp


def reduce(
    log_likelihood: Tensor,
    rate: Tensor,
    weigh: Callable[[Tensor], Tensor],
    importance: bool = False,
) -> Losses:
    """Reduce a batch to its objective and what is told of it.

    Parameters
    ----------
    log_likelihood, rate
        [K, B] in nats.
    weigh
        What the rate costs in the objective: β times it, say. It is given the rate averaged over samples and
        batch, or, with ``importance``, the rate of each sample.
    importance
        Log-mean-exp over the K samples instead of their mean (Burda, Grosse & Salakhutdinov 2016).

    Returns
    -------
    Losses
        ``objective`` with its gradient; ``elbo``, ``rate`` and ``distortion`` at β = 1 without.
    """
    distortion = -log_likelihood.mean()
    mean_rate = rate.mean()
    objective = -log_mean_exp(log_likelihood - weigh(rate)).mean() if importance else distortion + weigh(mean_rate)
    shown_distortion, shown_rate = distortion.detach(), mean_rate.detach()
    return Losses(
        objective,
        {"elbo": -(shown_distortion + shown_rate), "rate": shown_rate, "distortion": shown_distortion},
    )
