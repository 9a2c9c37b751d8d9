"""Likelihoods p(x|z)."""

from latentlab.models.likelihoods.gaussian import GAUSSIANS, Likelihood, build_likelihood

__all__ = ["GAUSSIANS", "Likelihood", "build_likelihood"]
