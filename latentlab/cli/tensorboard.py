"""``latentlab export-tensorboard``: a run's metrics for TensorBoard."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latentlab.cli.console import write_json, write_line
from latentlab.errors import InputError
from latentlab.storage import RunFolder
from latentlab.storage.outputs import check_output

Scalar = tuple[str, float, int, float]


def export_tensorboard(arguments: argparse.Namespace) -> int:
    """Write an event file of the run's curves into ``--out``.

    Raises
    ------
    InputError
        When there are no metrics, or TensorBoard is not installed.
    """
    check_output(arguments.out, arguments.run_folder)
    run = RunFolder(arguments.run_folder)
    lines = run.read_metrics()
    if not lines:
        raise InputError(f"{run.path} has no metrics of a run")
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError('TensorBoard is not installed; install it with pip install "latentlab[export]"') from None
    count = 0
    out = Path(arguments.out)
    with SummaryWriter(str(out)) as writer:
        for name, value, step, seconds in scalars(lines):
            # The run's time, so that TensorBoard's relative time is that of the run.
            writer.add_scalar(name, value, step, walltime=seconds)
            count += 1
    if arguments.json:
        write_json({"out": str(out), "scalars": count})
    else:
        write_line(f"{out}: {count:,} values; show them with tensorboard --logdir {out}")
    return 0


def scalars(lines: list[dict[str, Any]]) -> Iterator[Scalar]:
    """Name, value, optimizer step and time in seconds of all values in a run's metrics.

    Names are ``train/elbo``, ``validation/rate``, ``kl/z1``, ``images_per_second``, and ``changed/beta`` for settings
    that the user changed during the run. What a damaged line lacks is left out.
    """
    seconds = 0.0
    for line in lines:
        step = int(line.get("step", 0))
        if line["event"] == "adjusted":
            for name in ("learning_rate", "beta"):
                if line.get(name) is not None:
                    yield f"changed/{name}", line[name], step, seconds
            continue
        seconds = line.get("seconds", seconds)
        for split in ("train", "validation"):
            for name, value in (line.get(split) or {}).items():
                yield f"{split}/{name}", value, step, seconds
        for number, value in enumerate(line.get("kl_per_dimension") or (), 1):
            yield f"kl/z{number}", value, step, seconds
        if "images_per_second" in line:
            yield "images_per_second", line["images_per_second"], step, seconds
