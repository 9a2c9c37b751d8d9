"""How long an optimizer step takes on a CPU, estimated from the sizes of the networks."""

from __future__ import annotations

import math

from latentlab.config.model import ModelConfig

# Of one core of a 2026 server, fitted to the runs of RESULTS.md ("A first training"); other machines differ by a
# factor of two, which is enough to tell minutes from hours.
_FLOPS_MLP = 55e9  # a second, in products of large matrices
_FLOPS_CONV = 18e9  # in convolutions of few channels, with their normalisation
_SECONDS_PER_WEIGHT = 4e-9  # of the optimizer
_SECONDS_PER_STEP = 0.002  # whatever the sizes
_PASSES = 6  # forward and backward, a multiplication and an addition each
_SMALLEST = 4  # px: the side at which convolutions end


def seconds_per_step(model: ModelConfig, image_shape: tuple[int, int, int], batch_size: int) -> float:
    """Estimated processor time of a step in seconds, of a plain model; recipes with further networks take longer.

    Parameters
    ----------
    model
        Its networks, latent size and samples count.
    image_shape
        (C, H, W).
    batch_size
        Images in a step.
    """
    is_mlp = model.architecture.kind == "mlp"
    weights, products = _mlp_size(model, image_shape) if is_mlp else _conv_size(model, image_shape)
    speed = _FLOPS_MLP if is_mlp else _FLOPS_CONV
    work = _PASSES * products * batch_size * (1 + model.samples) / 2
    return work / speed + weights * _SECONDS_PER_WEIGHT + _SECONDS_PER_STEP


def _mlp_size(model: ModelConfig, image_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Weights, and products of a forward pass, which are as many."""
    hidden, layers, pixels = model.architecture.hidden, model.architecture.layers, math.prod(image_shape)
    if not layers:
        return (both := 3 * pixels * model.latent_dim), both
    weights = 2 * pixels * hidden + 2 * (layers - 1) * hidden**2 + 3 * hidden * model.latent_dim
    return weights, weights


def _conv_size(model: ModelConfig, image_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Weights of the convolutions and affine maps, and products of a forward pass."""
    channels, height, width = image_shape
    weights = products = 0
    wide, level = channels, 0
    while max(height, width) > _SMALLEST:
        below = model.architecture.width * min(2**level, 4)
        height, width = (math.ceil(side / 2) if side > _SMALLEST else side for side in (height, width))
        kernel = (9 + 16 + 36 * (model.architecture.kind == "residual") * below // wide) * wide * below
        weights, products = weights + kernel, products + kernel * height * width
        wide, level = below, level + 1
    affine = 3 * wide * height * width * model.latent_dim
    return weights + affine, products + affine
