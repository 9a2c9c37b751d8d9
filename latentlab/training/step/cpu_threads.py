"""The number of torch's CPU threads for a run: fixed, because the last bits of the results depend on it.

Matrix products and convolutions add in another order on another number of threads. A run therefore keeps the number
with which it began, and its checkpoints hold it. Which number is fastest depends on the machine, and on what else it
does: a new run on the CPU finds it by a trial (`latentlab.training.step.threads_trial`). Where a trial is not worth its
time, or could not be the same in all processes of a run, a rule gives a number from the work of a step and the cores.
"""

from __future__ import annotations

import os
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

# Below this a step takes a millisecond or less, of which the operations that several threads can share are a part.
_LEAST_FLOPS_FOR_A_TRIAL = 0.1e9
_LEAST_STEPS_FOR_A_TRIAL = 100  # a trial takes up to some thirty


def given_threads(config: TrainingConfig, resumed: int = 0) -> int:
    """The number of threads that is configured, or that a ``resumed`` run had; 0 if there is none.

    A resumed run keeps its number if this machine has as many cores.
    """
    if config.threads:
        return config.threads
    return resumed if resumed <= most_threads() else 0


def estimated_threads(config: TrainingConfig, model: LatentModel) -> int:
    """Number of threads by the work of a step and the cores, without a trial; cautious beside a window."""
    cores, work = most_threads(), step_flops(config, model)
    return max(1, min(cores - 1, int(work / _FLOPS_PER_THREAD)), min(cores, int(work / _FLOPS_PER_THREAD_ON_ALL_CORES)))


def is_trial_worthwhile(config: TrainingConfig, model: LatentModel, steps: int) -> bool:
    """Whether a run of ``steps`` steps may gain by trying several numbers of threads."""
    is_long = steps >= _LEAST_STEPS_FOR_A_TRIAL and step_flops(config, model) >= _LEAST_FLOPS_FOR_A_TRIAL
    return is_long and most_threads() > 1


def most_threads() -> int:
    """Number of cores that this process may use, or of threads if ``OMP_NUM_THREADS`` says fewer."""
    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    cores = available_cores()
    return min(cores, int(limit)) if limit.isdigit() and int(limit) else cores


def step_flops(config: TrainingConfig, model: LatentModel) -> float:
    """Approximate number of floating-point operations of the networks in a step."""
    _, height, width = model.image_shape
    parameters = sum(parameter.numel() for parameter in model.parameters())
    path = getattr(model, "linear_path", None)
    once = 0 if path is None else sum(parameter.numel() for parameter in path.parameters())
    # A convolution uses its weights at every position of its output: on average about a sixteenth of the pixels.
    uses = 1.0 if model.config.architecture.kind == "mlp" else height * width / 16
    # Two for multiply and add, three for forward and backward.
    return 6.0 * ((parameters - once) * uses + once) * config.batch_size * model.config.samples


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
