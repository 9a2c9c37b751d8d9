"""The live model that was read from disk: a file, or a run folder, followed while it is trained elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from latentlab.engine.protocol.messages import OpenModel, RunFollowed
from latentlab.engine.worker.reopening import opened_run
from latentlab.engine.worker.run_history import RunHistoryReader
from latentlab.engine.worker.run_watcher import RunWatcher
from latentlab.engine.worker.workspace import Workspace
from latentlab.models.inference import model_from
from latentlab.storage import ModelFile, RunFolder, find_model, read_model


class OpenedModel:
    """Reads models into the workspace, and looks after the folder they came from.

    Parameters
    ----------
    workspace
        What holds the live model, and tells the window.
    past
        Which epochs of a run can be seen again.
    device
        Where models compute.
    """

    def __init__(self, workspace: Workspace, past: RunHistoryReader, device: torch.device) -> None:
        self._workspace, self._past, self._device = workspace, past, device
        self._following: RunWatcher | None = None

    def begin(self, path: Path, file: ModelFile) -> None:
        """Load a model that the window has been told of already."""
        self._load(path, file)
        if self._workspace.info is not None:
            self._tell_run(self._workspace.info.source)
            self._watch(self._workspace.info.source)

    def open(self, request: OpenModel) -> None:
        """Read a model and tell it; the live one stays when this fails.

        Raises
        ------
        InputError
            When it cannot be read.
        """
        path = find_model(request.source)
        file = read_model(path)
        self._load(path, file)
        self._workspace.tell_file(path, file, request.source, request.is_new_model)
        if request.is_new_model:
            self._tell_run(request.source)
        self._watch(request.source)

    def wait(self) -> float | None:
        """Seconds until the run's folder is to be looked at again; ``None`` when none is."""
        return None if self._following is None else self._following.wait()

    def look(self) -> None:
        """Tell what the run that is trained elsewhere has gained since the last look.

        Raises
        ------
        InputError
            When its model cannot be read.
        """
        following = self._following
        if following is None:
            return
        news, run = following.news(), str(following.folder.path)
        if news.events:
            self._workspace.send(RunFollowed(run, news.events, is_trained_elsewhere=following.is_live))
        if news.kept:
            self._past.tell_epochs(run)
        if news.model is not None:
            path = following.folder.model
            self._load(path, news.model)
            self._workspace.tell_file(path, news.model, run, is_new_model=False)
        if news.ended:
            self._tell_run(run)

    def forget(self) -> None:
        """Follow no folder any more."""
        self._following = None

    def _load(self, path: Path, file: ModelFile) -> None:
        self._workspace.model = model_from(file, self._device, path)

    def _tell_run(self, source: str) -> None:
        """Tell of the run whose folder was opened, if it is one's: one that is trained elsewhere has not ended."""
        run = opened_run(source)
        if run is not None:
            self._workspace.send(replace(run, reason="") if RunFolder(run.run).is_held() else run)

    def _watch(self, source: str) -> None:
        """Follow the run folder that was opened as the live model; any other model ends it."""
        self._following = RunWatcher(Path(source)) if RunFolder(source).record.exists() else None
