"""Tiny models, and one whose marginal likelihood is known."""

from __future__ import annotations

from typing import Any

import torch

from latentlab.config import ModelConfig, validated
from latentlab.models import Batch, LatentModel, StepState, build

SHAPE = (1, 3, 4)


def tiny(shape: tuple[int, int, int] = SHAPE, classes: int = 0, **values: Any) -> LatentModel:
    """A model with 16 hidden units by default."""
    architecture = {"hidden": 16, **values.pop("architecture", {})}
    return build(validated(ModelConfig, {"architecture": architecture, **values}), shape, classes)


def images(count: int, shape: tuple[int, int, int] = SHAPE) -> Batch:
    return Batch(torch.rand(count, *shape))


def ppca(sigma: float = 0.5, latent_dim: int = 3, offset: float = 0.0, **values: Any) -> LatentModel:
    """A linear-Gaussian VAE whose posterior is the exact one when ``offset`` is 0.

    x = W z + b + σ ε with orthogonal columns of W, so that the true posterior is a diagonal Gaussian.
    """
    model = tiny(
        latent_dim=latent_dim,
        architecture={"layers": 0},
        likelihood={"kind": "gaussian", "sigma_value": sigma},
        **values,
    )
    pixels = 12
    columns = torch.linalg.qr(torch.randn(pixels, latent_dim))[0] * torch.tensor([2.0, 1.0, 0.3])[:latent_dim]
    bias = torch.rand(pixels)
    precision = (columns**2).sum(0) / sigma**2 + 1
    with torch.no_grad():
        model.decoder.pixels.weight.copy_(columns)
        model.decoder.pixels.bias.copy_(bias)
        mean_map = (columns / sigma**2 / precision).T
        model.posterior.mean.weight.copy_(mean_map)
        model.posterior.mean.bias.copy_(-mean_map @ bias + offset)
        model.posterior.log_std.weight.zero_()
        model.posterior.log_std.bias.copy_(-0.5 * precision.log())
    return model


def ppca_marginal(model: LatentModel, sigma: float = 0.5) -> torch.distributions.MultivariateNormal:
    """The exact p(x) of :func:`ppca`."""
    columns, bias = model.decoder.pixels.weight.detach(), model.decoder.pixels.bias.detach()
    covariance = columns @ columns.T + sigma**2 * torch.eye(len(bias))
    return torch.distributions.MultivariateNormal(bias.double(), covariance.double())


def optimizers(model: LatentModel, rate: float = 3e-3) -> dict[str, torch.optim.Optimizer]:
    return {phase: torch.optim.Adam(model.phase_parameters(phase), rate) for phase in model.phases}


def step(
    model: LatentModel, batch: Batch, adams: dict[str, torch.optim.Optimizer], state: StepState
) -> dict[str, torch.Tensor]:
    """One step as in training: every phase in turn; returns the terms."""
    terms: dict[str, torch.Tensor] = {}
    model.on_step_start(state)
    for phase in model.phases:
        adams[phase].zero_grad()
        losses = model.losses(phase, batch, state)
        losses.objective.backward()
        adams[phase].step()
        terms |= losses.terms
    model.on_step_end(state)
    return terms


def train(model: LatentModel, batch: Batch, steps: int, rate: float = 3e-3) -> list[dict[str, float]]:
    """Train on one batch; returns the terms of every step."""
    adams = optimizers(model, rate)
    model.train()
    model.prepare(batch, 1000)
    history = [step(model, batch, adams, StepState(i, i // 10, 10, 1000)) for i in range(steps)]
    return [{name: term.item() for name, term in terms.items()} for terms in history]


def smaller(recipe: str, **changes: Any) -> ModelConfig:
    """A recipe's configuration with small networks, for small images."""
    from latentlab.config.recipes import RECIPES

    config = RECIPES[recipe].config().model_dump()
    config["architecture"] |= {"hidden": 32, "width": 8}
    config["hierarchy"]["hidden"] = 32
    config["adversary"]["hidden"] = 32
    config["codebook"] |= {"size": 16, "dimension": 4}
    config["posterior"] |= {"hidden": 16, "refine": min(config["posterior"]["refine"], 5)}
    config["prior"]["components"] = 8
    for name, value in changes.items():
        config[name] = {**config[name], **value} if isinstance(value, dict) else value
    return validated(ModelConfig, config)
