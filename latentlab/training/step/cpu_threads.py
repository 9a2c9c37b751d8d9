"""How many of the processor's threads a training takes: fixed for a run, because its last bits depend on it.

Matrix products and convolutions add up in another order on another number of threads. The number therefore never
follows the load of the machine: the window, the command line and a resumed run compute the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from latentlab.config import TrainingConfig
from latentlab.models.base import LatentModel
from latentlab.utils.thread_priority import available_cores

_WORTH_A_THREAD = 2e9
"""Floating-point operations of a step below which one thread more costs more than it brings (measured on 2 cores:
784-500-20 at batch 128 needs 0.6e9 and is up to twice as slow on two threads; convolutions gain 1.6 times)."""


def training_threads(config: TrainingConfig, model: LatentModel) -> int:
    """Number of threads for a run's steps on the CPU: ``config.threads``, or by how much work a step is."""
    if config.threads:
        return config.threads
    return max(1, min(available_cores(), int(work_of_a_step(config, model) / _WORTH_A_THREAD)))


def work_of_a_step(config: TrainingConfig, model: LatentModel) -> float:
    """About how many floating-point operations a step's networks take."""
    _, height, width = model.image_shape
    parameters = sum(parameter.numel() for parameter in model.parameters())
    # A convolution's weights are used at every place of its output: on average about a sixteenth of the pixels.
    uses = 1.0 if model.config.architecture.kind == "mlp" else height * width / 16
    # Two for multiply and add, three for forward and backward.
    return 6.0 * parameters * uses * config.batch_size * model.config.samples


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch use so many threads meanwhile."""
    before = torch.get_num_threads()
    if before == number:
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
