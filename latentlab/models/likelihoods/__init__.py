"""Likelihoods p(x|z), by the name of their kind in the configuration.

Decoders output logits or means, never probabilities whose logarithm would be taken later.

To add a likelihood, write a subclass of ``Likelihood`` in a file beside these, add its line to ``LIKELIHOODS``, and its
name to the choices of ``LikelihoodConfig.kind``; a test compares the two. The decoder that is used before torch is
imported, ``engine/worker/numpy_decoder.py``, has means of its own; a model with another likelihood waits for torch.
"""

from __future__ import annotations

from collections.abc import Callable

from latentlab.config import LikelihoodConfig
from latentlab.models.likelihoods.base import Likelihood
from latentlab.models.likelihoods.bernoulli import Bernoulli
from latentlab.models.likelihoods.continuous_bernoulli import ContinuousBernoulli
from latentlab.models.likelihoods.gaussian import build_gaussian
from latentlab.models.likelihoods.logistic import build_logistic

LIKELIHOODS: dict[str, Callable[[LikelihoodConfig], Likelihood]] = {
    "bernoulli": Bernoulli,
    "gaussian": build_gaussian,
    "continuous-bernoulli": ContinuousBernoulli,
    "discretised-logistic": build_logistic,
}


def build_likelihood(config: LikelihoodConfig) -> Likelihood:
    """The likelihood of ``config.kind``.

    Examples
    --------
    >>> import torch
    >>> likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="learned"))
    >>> x = torch.rand(5, 1, 8, 8)
    >>> likelihood.log_prob(torch.zeros(3, 5, 1, 8, 8), x).shape
    torch.Size([3, 5])
    """
    return LIKELIHOODS[config.kind](config)


__all__ = ["LIKELIHOODS", "Likelihood", "build_likelihood"]
