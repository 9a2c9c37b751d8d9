"""The mean over the batch: the only place where per-image terms are reduced to scalars.

Every other part sums over pixels and latents and returns ``[K, B]``: K latents drawn for each of B images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from latentlab.config.events import IMPORTANCE_BOUND
from latentlab.models.base import Losses
from latentlab.models.functional import log_mean_exp


def batch_objective(
    log_likelihood: Tensor,
    rate: Tensor,
    cost: Callable[[Tensor], Tensor],
    importance: bool = False,
    groups: Tensor | None = None,
    extra: Mapping[str, tuple[float, Tensor]] | None = None,
    surrogate: Tensor | None = None,
) -> Losses:
    """The objective of a batch and the terms to report.

    Parameters
    ----------
    log_likelihood, rate
        [K, B] in nats.
    cost
        Cost of a rate in the objective, such as β times it (``RateSchedule.cost``). Its argument is the mean rate; the
        mean rate of each of the ``groups``; or, with ``importance``, the rate of each sample.
    importance
        Log-mean-exp over the K samples instead of their mean (Burda et al. 2016).
    groups
        Rates [B, G] of groups that are charged separately and sum to ``rate``.
    extra
        Further terms of the objective by name: its weight, and a tensor whose mean is the term.
    surrogate
        [K, B]: the gradient of its mean is added to the objective's, its value is not.

    Returns
    -------
    Losses
        ``objective`` with its gradient; without gradients ``elbo``, ``rate`` and ``distortion`` at β = 1, with
        ``importance`` also ``importance_bound`` at β = 1, and the extra terms, unweighted.

    Examples
    --------
    >>> import torch
    >>> log_likelihood, rate = torch.tensor([[-3.0, -5.0]]), torch.tensor([[1.0, 3.0]])
    >>> losses = batch_objective(log_likelihood, rate, lambda nats: 2 * nats)
    >>> losses.objective.item(), losses.terms["elbo"].item()
    (8.0, -6.0)

    References
    ----------
    Burda, Grosse & Salakhutdinov 2016, Importance Weighted Autoencoders (arXiv:1509.00519).
    """
    mean_log_likelihood, mean_rate = log_likelihood.mean(), rate.mean()
    if importance:
        objective = -log_mean_exp(log_likelihood - cost(rate)).mean()
    else:
        mean_cost = cost(mean_rate) if groups is None else cost(groups.mean(0)).sum()
        objective = mean_cost - mean_log_likelihood
    negative_distortion, rate_term = mean_log_likelihood.detach(), mean_rate.detach()
    terms = {"elbo": negative_distortion - rate_term, "rate": rate_term, "distortion": -negative_distortion}
    if importance:
        terms[IMPORTANCE_BOUND] = log_mean_exp(log_likelihood.detach() - rate.detach()).mean()
    for name, (weight, values) in (extra or {}).items():
        term = values.mean()
        objective = objective + weight * term
        terms[name] = term.detach()
    if surrogate is not None:
        estimate = surrogate.mean()
        objective = objective + (estimate - estimate.detach())
    return Losses(objective, terms)


def batch_mean(values: Tensor) -> Tensor:
    """Mean over samples and images of a loss [...] that is not a bound, such as a discriminator's."""
    return values.mean()
