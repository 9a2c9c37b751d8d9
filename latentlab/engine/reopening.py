"""What a run folder that is opened again says of its run (no Qt, no torch)."""

from __future__ import annotations

from pathlib import Path

from latentlab.engine.messages import RunOpened
from latentlab.errors import InputError
from latentlab.storage import RunFolder


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
        lengths = {name: _live(held.get(name), getattr(config.training, name)) for name in ("epochs", "patience")}
    except (InputError, KeyError, TypeError, ValueError):
        return RunOpened(run, config, *trained_on)
    config = config.model_copy(update={"training": config.training.model_copy(update=lengths)})
    impatient = 0 < lengths["patience"] <= stale
    reason = "done" if done >= lengths["epochs"] else "patience" if impatient else "stopped"
    return RunOpened(run, config, *trained_on, done, reason)


def _live(held: object, asked: int) -> int:
    """A length as it was last: a checkpoint holds what was asked for and what it was changed to."""
    if not isinstance(held, list):
        return asked
    before, live = held
    return int(live) if before == asked else asked
