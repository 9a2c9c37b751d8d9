"""The one place where per-image terms become numbers of a batch.

Every part sums over pixels and latents and hands on ``[K, B]``: K latents drawn for each of B images.
Here, and nowhere else, the mean over the batch is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from latentlab.models.base import Losses
from latentlab.models.functional import log_mean_exp


def reduce(
    log_likelihood: Tensor,
    rate: Tensor,
    cost: Callable[[Tensor], Tensor],
    importance: bool = False,
    groups: Tensor | None = None,
    extra: Mapping[str, tuple[float, Tensor]] | None = None,
    surrogate: Tensor | None = None,
) -> Losses:
    """Reduce a batch to its objective and what is told of it.

    Parameters
    ----------
    log_likelihood, rate
        [K, B] in nats.
    cost
        What rates cost in the objective: β times them, say. It is given the mean rate; the mean rate of each of
        the ``groups``; or, with ``importance``, the rate of each sample.
    importance
        Log-mean-exp over the K samples instead of their mean (Burda, Grosse & Salakhutdinov 2016).
    groups
        Rates [B, G] of parts that are weighed each by itself and sum to ``rate``.
    extra
        Further terms of the objective by name: weight, and a tensor whose mean is the term.
    surrogate
        [K, B]: its mean's gradient is added to the objective's, its value is not.

    Returns
    -------
    Losses
        ``objective`` with its gradient; ``elbo``, ``rate`` and ``distortion`` at β = 1 and the extra terms,
        unweighted, without.
    """
    mean_log_likelihood, mean_rate = log_likelihood.mean(), rate.mean()
    if importance:
        objective = -log_mean_exp(log_likelihood - cost(rate)).mean()
    else:
        mean_cost = cost(mean_rate) if groups is None else cost(groups.mean(0)).sum()
        objective = mean_cost - mean_log_likelihood
    shown, shown_rate = mean_log_likelihood.detach(), mean_rate.detach()
    terms = {"elbo": shown - shown_rate, "rate": shown_rate, "distortion": -shown}
    for name, (weight, values) in (extra or {}).items():
        term = values.mean()
        objective = objective + weight * term
        terms[name] = term.detach()
    if surrogate is not None:
        through = surrogate.mean()
        objective = objective + (through - through.detach())
    return Losses(objective, terms)


def average(values: Tensor) -> Tensor:
    """Mean over samples and images of a loss that is no bound, a discriminator's say: [...] per image."""
    return values.mean()
