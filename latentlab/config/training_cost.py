"""How long an optimizer step takes on a CPU, estimated from the sizes of the networks."""

from __future__ import annotations

import math

from latentlab.config.layout import latent_map_sizes, pyramid
from latentlab.config.model import ModelConfig
from latentlab.config.parts import ArchitectureConfig

# Of one core of a 2026 server, fitted to the runs of RESULTS.md ("A first training"); other machines differ by a
# factor of two, which is enough to tell minutes from hours.
_FLOPS_MLP = 55e9  # a second, in products of large matrices
_FLOPS_CONV = 18e9  # in strided convolutions of few channels, with their normalisation
_FLOPS_BLOCKS = 50e9  # in residual blocks and attention, whose inputs and outputs are equally wide
_SECONDS_PER_WEIGHT = 4e-9  # of the optimizer
_SECONDS_PER_STEP = 0.002  # whatever the sizes
_PASSES = 6  # forward and backward, a multiplication and an addition each


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


def _mlp_size(model: ModelConfig, image_shape: tuple[int, int, int]) -> tuple[float, float]:
    """Weights, and products of a forward pass, which are as many."""
    hidden, layers, pixels = model.architecture.hidden, model.architecture.layers, math.prod(image_shape)
    if not layers:
        return (both := 3 * pixels * model.latent_dim), both
    weights = 2 * pixels * hidden + 2 * (layers - 1) * hidden**2 + 3 * hidden * model.latent_dim
    return weights, weights


def _conv_size(model: ModelConfig, image_shape: tuple[int, int, int]) -> tuple[float, float]:
    """Weights of the convolutions and affine maps, and products of a forward pass, those of blocks at their speed."""
    weights, products, blocks = 0, 0.0, 0.0
    sizes = pyramid(*image_shape[1:])
    wide = image_shape[0]
    for level, size in enumerate(sizes[1:] or sizes):
        below, positions = model.architecture.width * min(2**level, 4), math.prod(size)
        kernels = 25 * wide * below  # 3 × 3 downwards, 4 × 4 upwards
        of_blocks = _block_weights(model, below, size, image_shape)
        weights += kernels + of_blocks
        products += kernels * positions
        blocks += (of_blocks + _attention_products(model.architecture, below, size)) * positions
        wide = below
    affine = 3 * wide * math.prod(sizes[-1]) * model.latent_dim
    return weights + affine, products + affine + blocks * _FLOPS_CONV / _FLOPS_BLOCKS


def _block_weights(model: ModelConfig, width: int, size: tuple[int, int], image_shape: tuple[int, int, int]) -> int:
    """Weights of the residual blocks and of a hierarchy's maps at one size of the pyramid, encoder and decoder."""
    if model.architecture.kind == "conv":
        return 0
    block = 18 * width**2
    if _attends(model.architecture, size):
        block = 2 * block + 4 * width**2
    if model.family != "hierarchical":
        return 2 * block
    maps = latent_map_sizes(image_shape, model.hierarchy.layers - 1).count(size)
    return 2 * block + maps * (block + block + 36 * width * model.hierarchy.channels)


def _attends(architecture: ArchitectureConfig, size: tuple[int, int]) -> bool:
    return architecture.kind == "attention" and max(size) <= architecture.attention


def _attention_products(architecture: ArchitectureConfig, width: int, size: tuple[int, int]) -> int:
    """Products for each position of a map that attends to all others, in encoder and decoder."""
    return 4 * math.prod(size) * width if _attends(architecture, size) else 0
