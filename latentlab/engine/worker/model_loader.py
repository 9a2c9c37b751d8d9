"""Loads models from files and run folders (a folder is watched while it is trained elsewhere)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from latentlab.config import RunConfig, validated
from latentlab.config.training import end_reason
from latentlab.engine.protocol.messages import FunctionRunning, Notice, OpenModel, RunFollowed, RunOpened
from latentlab.engine.worker.run_history import RunHistoryReader
from latentlab.engine.worker.run_watcher import RunWatcher
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.models.foreign import ForeignModel
from latentlab.models.inference import InferenceModel, model_from
from latentlab.storage import ModelFile, RunFolder, find_model, read_model
from latentlab.storage.explored_model import ExploredModel

_CHANGED_DURING_TRAINING = ("epochs", "patience", "learning_rate", "schedule")


class ModelLoader:
    """Loads models into the workspace, and watches the run folder that the current one came from.

    Parameters
    ----------
    workspace
        Holds the current model.
    run_history
        Publishes which epochs of a run have snapshots.
    device
        Where models compute.
    is_superseded
        Whether something was requested that makes an answer of the current model pointless.
    """

    def __init__(
        self,
        workspace: Workspace,
        run_history: RunHistoryReader,
        device: torch.device,
        is_superseded: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_superseded = is_superseded
        self._workspace, self._run_history, self._device = workspace, run_history, device
        self._watcher: RunWatcher | None = None

    def load_published(self, path: Path, file: ModelFile) -> None:
        """Load a model that has been published already."""
        self._load(path, file)
        if self._workspace.info is not None:
            self._publish_run(self._workspace.info.source)
            self._watch(self._workspace.info.source)

    def open(self, request: OpenModel) -> None:
        """Load and publish a model; the current one stays if this fails.

        Raises
        ------
        InputError
            When it cannot be read.
        """
        path = find_model(request.source)
        file = read_model(path)
        self._load(path, file)
        self._workspace.publish_file(path, file, request.source, request.is_new_model)
        if request.is_new_model:
            self._publish_run(request.source)
        self._watch(request.source)

    def wait(self) -> float | None:
        """Seconds until the run folder is to be checked again; ``None`` when none is watched."""
        return None if self._watcher is None else self._watcher.wait()

    def check(self) -> None:
        """Publish what the watched run has gained since the last check.

        Raises
        ------
        InputError
            When its model cannot be read.
        """
        watcher = self._watcher
        if watcher is None:
            return
        update, run = watcher.check(), str(watcher.folder.path)
        if update.events:
            self._workspace.send(RunFollowed(run, update.events, is_trained_elsewhere=watcher.is_locked_by_trainer))
        if update.has_other_snapshots:
            self._run_history.publish_epochs(run)
        if update.model is not None:
            path = watcher.folder.model
            self._load(path, update.model)
            self._workspace.publish_file(path, update.model, run, is_new_model=False)
        if update.has_ended:
            self._publish_run(run)

    def stop_watching(self) -> None:
        """Watch no run folder any more."""
        self._watcher = None

    def _load(self, path: Path, file: ModelFile) -> None:
        model = self._workspace.model = model_from(file, self._device, path)
        if isinstance(file.package, ExploredModel):
            self._watch_functions(model, file.package)

    def _watch_functions(self, model: InferenceModel, explored: ExploredModel) -> None:
        """Tell the window while a function of the other process runs, and wait no longer than the window wants."""
        from latentlab.foreign.remote_functions import RemoteFunctions

        functions = model.module.functions if isinstance(model.module, ForeignModel) else None
        if isinstance(functions, RemoteFunctions):
            functions.on_wait = self._on_function_running
        shape = explored.description.latent_shape
        if len(shape) > 1:
            axes, count = " × ".join(map(str, shape)), f"{explored.description.latent_dim:,}"
            self._workspace.send(Notice(f"Each latent is an array of {axes} numbers, shown as a vector of {count}."))

    def _on_function_running(self, function: str, seconds: float) -> None:
        self._workspace.send(FunctionRunning(function, seconds))
        if seconds and self._is_superseded():
            raise InputError(f"your function {function} was not waited for any longer")

    def _publish_run(self, source: str) -> None:
        """Publish the run that an opened model belongs to, if any; one that is trained elsewhere has not ended."""
        run = opened_run(source)
        if run is not None:
            self._workspace.send(replace(run, reason="") if RunFolder(run.run).is_locked() else run)

    def _watch(self, source: str) -> None:
        """Watch the opened run folder; for any other model stop watching."""
        self._watcher = RunWatcher(Path(source)) if os.path.exists(RunFolder(source).record) else None


def opened_run(source: str) -> RunOpened | None:
    """The run of a run folder, or of the model file in it; ``None`` for any other model.

    If the checkpoint cannot be read, the run cannot be continued, but its model can be opened.
    """
    path = Path(source)
    folder = RunFolder(path.parent if path.name == "model.safetensors" else path)
    try:
        record = folder.read_record()
    except InputError:
        return None
    data, config = record.data, record.config
    run, dataset = str(folder.path), (str(data.get("source", "")), str(data.get("fingerprint", "")))
    try:
        checkpoint = folder.read_position()
        if checkpoint is None:
            return RunOpened(run, config, *dataset)
        progress = checkpoint["position"]
        epochs, stale_epochs = int(progress["epochs_done"]), int(progress["stale_epochs"])
        config = _with_changes(config, checkpoint)
    except (InputError, KeyError, TypeError, ValueError):
        return RunOpened(run, config, *dataset)
    reason = end_reason(config.training.epochs, config.training.patience, epochs, stale_epochs)
    return RunOpened(run, config, *dataset, epochs, reason)


def _with_changes(config: RunConfig, checkpoint: dict[str, Any]) -> RunConfig:
    """A run's settings with those that were changed during training; a checkpoint holds both values of each.

    Raises
    ------
    InputError
        When a value is not valid.
    """
    values = config.model_dump()
    for part, names in (("training", _CHANGED_DURING_TRAINING), ("model", ("beta",))):
        for name in names:
            pair = checkpoint.get(name)
            if isinstance(pair, list) and len(pair) == 2 and pair[0] == values[part][name]:
                values[part][name] = pair[1]
    return validated(RunConfig, values)
