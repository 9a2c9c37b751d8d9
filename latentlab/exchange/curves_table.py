"""Writes the curves of a run as a table: a row for each epoch."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from latentlab.errors import InputError
from latentlab.storage import RunFolder, atomic_write


def write_curves(run: str | Path, out: str | Path) -> int:
    """Write a CSV file with the columns ``epoch``, ``step``, ``seconds``, ``train_elbo`` …, ``validation_elbo`` ….

    Returns
    -------
    int
        The number of epochs.

    Raises
    ------
    InputError, RunError
        When the run has no metrics, or the file cannot be written.
    """
    lines = [line for line in RunFolder(run).read_metrics() if line.get("event") == "epoch"]
    if not lines:
        raise InputError(f"{run} has no metrics of a run")
    rows = []
    for line in lines:
        row: dict[str, Any] = {name: line[name] for name in ("epoch", "step", "seconds") if name in line}
        for split in ("train", "validation"):
            row |= {f"{split}_{name}": value for name, value in (line.get(split) or {}).items()}
        row |= {f"kl_z{number}": value for number, value in enumerate(line.get("kl_per_dimension") or (), 1)}
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, names)
    table.writeheader()
    table.writerows(rows)
    atomic_write(out, text.getvalue().encode("utf-8"))
    return len(rows)
