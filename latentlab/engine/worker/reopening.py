"""What a run folder that is opened again says of its run (no Qt, no torch)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentlab.config import RunConfig, validated
from latentlab.engine.protocol.messages import RunOpened
from latentlab.errors import InputError
from latentlab.storage import RunFolder

_CHANGED_LIVE = ("epochs", "patience", "learning_rate", "schedule")


def opened_run(source: str) -> RunOpened | None:
    """The run that a folder, or the model file in it, is of; ``None`` for any other model.

    A checkpoint that cannot be read leaves the run as one that does not go on: its model is there all the same.
    """
    path = Path(source)
    folder = RunFolder(path.parent if path.name == "model.safetensors" else path)
    try:
        record = folder.read_record()
    except InputError:
        return None
    data, config = record.data, record.config
    run, trained_on = str(folder.path), (str(data.get("source", "")), str(data.get("fingerprint", "")))
    try:
        held = folder.read_position()
        if held is None:
            return RunOpened(run, config, *trained_on)
        at = held["position"]
        done, stale = int(at["epochs_done"]), int(at["stale_epochs"])
        config = _as_it_was_last(config, held)
    except (InputError, KeyError, TypeError, ValueError):
        return RunOpened(run, config, *trained_on)
    impatient = 0 < config.training.patience <= stale
    reason = "done" if done >= config.training.epochs else "patience" if impatient else "stopped"
    return RunOpened(run, config, *trained_on, done, reason)


def _as_it_was_last(config: RunConfig, held: dict[str, Any]) -> RunConfig:
    """A run's settings with what was changed while it went on: a checkpoint holds what was asked for and that.

    Raises
    ------
    InputError
        When a value is none that the setting can have.
    """
    values = config.model_dump()
    for part, names in (("training", _CHANGED_LIVE), ("model", ("beta",))):
        for name in names:
            kept = held.get(name)
            if isinstance(kept, list) and len(kept) == 2 and kept[0] == values[part][name]:
                values[part][name] = kept[1]
    return validated(RunConfig, values)
