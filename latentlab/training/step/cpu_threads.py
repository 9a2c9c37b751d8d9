"""The number of torch's CPU threads for a run: fixed, because the last bits of the results depend on it.

Matrix products and convolutions add in another order on another number of threads. The number is therefore chosen by a
rule from the work of a step and the number of cores, not by timing: two trials on a busy machine may choose
differently, and then the window, the command line and a repeated run with the same seed would train different models.
A checkpoint holds the number, so that a resumed run continues with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from latentlab.config import TrainingConfig
from latentlab.models.base import LatentModel
from latentlab.utils.thread_priority import available_cores

# Floating-point operations of a step per thread, if a core stays free for the window, and if all cores are used.
# Measured on 2 cores: 784-500-20 at batch 128 (0.6e9) is 1.4 times as fast on two threads when nothing else runs, and
# 0.5 to 0.8 times beside other work; convolutions gain 1.6 times. More threads than two have not been measured.
_FLOPS_PER_THREAD, _FLOPS_PER_THREAD_ON_ALL_CORES = 0.3e9, 2e9


def training_threads(config: TrainingConfig, model: LatentModel, resumed: int = 0) -> int:
    """Number of threads for the steps of a run on the CPU.

    It is ``config.threads`` if that is given; else the number that a ``resumed`` run had, if this machine has as many
    cores; else a number from the work of a step.
    """
    cores, work = available_cores(), step_flops(config, model)
    if config.threads:
        return config.threads
    if 0 < resumed <= cores:
        return resumed
    return max(1, min(cores - 1, int(work / _FLOPS_PER_THREAD)), min(cores, int(work / _FLOPS_PER_THREAD_ON_ALL_CORES)))


def step_flops(config: TrainingConfig, model: LatentModel) -> float:
    """Approximate number of floating-point operations of the networks in a step."""
    _, height, width = model.image_shape
    parameters = sum(parameter.numel() for parameter in model.parameters())
    # A convolution uses its weights at every position of its output: on average about a sixteenth of the pixels.
    uses = 1.0 if model.config.architecture.kind == "mlp" else height * width / 16
    # Two for multiply and add, three for forward and backward.
    return 6.0 * parameters * uses * config.batch_size * model.config.samples


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch use ``number`` threads in the block."""
    before = torch.get_num_threads()
    if before == number:
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
