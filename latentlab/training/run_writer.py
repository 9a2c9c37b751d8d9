"""Writes the files of a run, or nothing when it has no folder."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.config import RunConfig, validated
from latentlab.config.events import Adjusted, Checkpoint, Epoch, Warned
from latentlab.config.layout import latent_layout
from latentlab.data import Dataset
from latentlab.errors import InputError, RunError
from latentlab.models.base import LatentModel
from latentlab.models.generate import require_plain
from latentlab.models.inference import InferenceModel, put_weights, weights_of
from latentlab.models.latent_flow import LatentFlow, fit_latent_flow_in_steps
from latentlab.storage import CheckpointFile, ModelFile, ModelHeader, Points, RunFolder, RunRecord, write_model
from latentlab.training.checkpoint import BestModel, RunProgress, TrainerState, check_same_run
from latentlab.training.map_preview import encode_points, manifold_preview
from latentlab.training.standardised import Standardiser
from latentlab.utils.array_rules import LARGEST_COORDINATE
from latentlab.utils.text import pluralize


class RunWriter:
    """The files of one run.

    Parameters
    ----------
    out
        The run folder; ``None`` to write nothing.
    resume
        Whether the folder may hold the run already.
    dataset, config
        The data and the settings of the run.
    is_main
        Whether this process writes.

    Attributes
    ----------
    folder
        The run folder, or ``None`` if this process writes nothing.

    Raises
    ------
    InputError
        When the folder is in use or read-only, or holds a different run. Nothing has been created yet.
    """

    def __init__(
        self, out: Path | None, resume: bool, dataset: Dataset, config: RunConfig, is_main: bool = True
    ) -> None:
        folder = None if out is None else RunFolder(out)
        self._resumed = folder if resume else None
        self._config = config
        self._dataset = dataset
        self._progress: RunProgress | None = None  # once the run has started
        self._unwritten: deque[Epoch | Adjusted] = deque()  # after a write error
        self._is_checked = False  # under the lock
        self._checkpoint_state: tuple[int, int] | None = None  # of the checkpoint's file when it was read
        if folder is not None:
            folder.check(resume)
            if resume and os.path.exists(folder.record):
                check_same_run(folder.read_record(), config, dataset.fingerprint, str(folder.path))
        self.folder = folder if is_main else None

    def last_checkpoint(self) -> CheckpointFile | None:
        """The checkpoint to resume from; ``None`` to start from the beginning."""
        if self._resumed is None:
            return None
        self._checkpoint_state = _state_of(self._resumed.checkpoint)
        return self._resumed.read_checkpoint()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder.

        Raises
        ------
        InputError
            When another run is being trained into it, or was since this one was made.
        """
        if self.folder is None:
            yield
            return
        with self.folder.locked():
            if not self._is_checked:
                self._check_again(self.folder)
                self._is_checked = True
            yield

    def _check_again(self, folder: RunFolder) -> None:
        """Refuse a folder that another process has written to between the first check and the lock."""
        if self._resumed is None:
            folder.check()
        elif _state_of(folder.checkpoint) != self._checkpoint_state:
            raise InputError(f"another process has just trained the run in {folder.path}; resume it again")

    def start(self, progress: RunProgress) -> None:
        """Create the folder, and remove what was written after ``progress``."""
        self._progress = progress
        if self.folder is not None:
            self.folder.create(RunRecord(self._config, self._data()))
            self.folder.trim_metrics(progress.epochs_done, progress.adjustments)
            self.folder.snapshots.trim(progress.epochs_done)

    def append(self, event: Epoch | Adjusted) -> None:
        """Append an epoch, or a change of settings, to the metrics.

        Raises
        ------
        RunError
            When the disk is full or fails; ``write_pending`` tries again.
        """
        self._unwritten.append(event)
        for _ in self.write_pending():
            pass

    def write_pending(self) -> Iterator[Epoch | Adjusted]:
        """Write the events that could not be written before, and yield them."""
        while self._unwritten:
            if self.folder is not None:
                self.folder.append_metrics(self._unwritten[0].as_json())
            yield self._unwritten.popleft()

    def write_checkpoint(self, state: TrainerState) -> Checkpoint | None:
        """Write the best model if it is new, then the checkpoint."""
        if self.folder is None:
            return None
        if not state.best.saved:
            self.write_model(state.model, state.best)
        self.folder.write_checkpoint(state.state_dict())
        return Checkpoint(str(self.folder.checkpoint), state.progress.step)

    def write_best(
        self, loaded: InferenceModel, best: BestModel, standardiser: Standardiser | None = None
    ) -> Iterator[Warned | None]:
        """Load the best weights into the model and write its file with points and preview, a piece at a time.

        Points that a file cannot hold are left out, with a warning.

        Parameters
        ----------
        loaded
            The model as trained last; afterwards the best one, with the points, preview and header of its file.
        best
            Its weights, if an epoch was done.
        standardiser
            Shifts and scales the latents of the model that is written; ``None`` to leave them.

        Raises
        ------
        RunError
            When the disk is full or fails.
        """
        if best.weights:
            put_weights(loaded.module, best.weights)
        if standardiser is not None:
            best = yield from standardiser.run(best)
        encoded = yield from encode_points(loaded, self._dataset)
        points, left_out = encoded.storable()
        if left_out:
            yield Warned(points_left_out(left_out))
        preview, extent = yield from manifold_preview(loaded)
        loaded.points, loaded.preview, loaded.flow = points, preview, None
        if self._config.training.latent_flow:
            yield from self._fit_flow(loaded, points)
        loaded.header = self.write_model(loaded.module, best, points, preview, extent, loaded.flow)

    def _fit_flow(self, loaded: InferenceModel, points: Points) -> Iterator[Warned | None]:
        """Fit the flow of the encoded dataset, a step of the optimizer at a time; or say why there is none."""
        try:
            require_plain(latent_layout(loaded.header.model, loaded.image_shape).kind)
            fit = fit_latent_flow_in_steps(points.mean, points.std, seed=self._config.training.seed)
            loaded.flow = yield from _silent(fit)
        except InputError as error:
            yield Warned(f"no flow is fitted to the latents: {error}")

    def write_model(
        self,
        model: LatentModel,
        best: BestModel,
        points: Points | None = None,
        preview: NDArray[np.uint8] | None = None,
        extent: tuple[float, float, float, float] | None = None,
        flow: LatentFlow | None = None,
    ) -> ModelHeader:
        """Write the best model, or the present one until an epoch is done; returns the header of its file."""
        known = {"preview_extent": extent, "latent_flow": None if flow is None else flow.config}
        header = self.model_header(model, best).model_copy(update=known)
        if self.folder is not None:
            weights = best.weights or weights_of(model)
            of_flow = None if flow is None else weights_of(flow)
            header = write_model(self.folder.model, ModelFile(header, weights, points, preview, of_flow))
            best.saved = bool(best.weights)
        return header

    def model_header(self, model: LatentModel, best: BestModel) -> ModelHeader:
        """The header of the model's file.

        Raises
        ------
        InputError
            When a model file cannot hold it: a class name that is too long, or too many classes.
        """
        # Without the settings that do not affect the model: the same run writes the same file.
        settings = self._config.training.model_dump(
            mode="json", exclude={"device", "checkpoint_minutes", "graphs", "history"}
        )
        # β may have been changed during the run: the one that these weights were trained with.
        beta = float(model.beta) if best.beta is None else best.beta
        values = {
            "model": self._config.model.model_copy(update={"beta": beta}),
            "image_shape": model.image_shape,
            "classes": self._dataset.classes,
            "data": self._data(),
            "training": settings | self._determined_settings() | {"epoch": best.epoch, "step": best.step},
            "metrics": {name: value for name, value in best.metrics.items() if math.isfinite(value)},
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
        }
        return validated(ModelHeader, values)

    def _determined_settings(self) -> dict[str, int]:
        """What the run has chosen by itself: with this number of threads the same run gives the same bits."""
        return {} if self._progress is None else {"threads_used": self._progress.threads}

    @property
    def folder_was_removed(self) -> bool:
        """Whether the run folder is gone while its parent folder still exists."""
        return (
            self.folder is not None
            and not os.path.exists(self.folder.path)
            and os.path.isdir(self.folder.path.absolute().parent)
        )

    def recreate_folder(self, best: BestModel) -> None:
        """Create the folder again, without the earlier metrics; the best model will be written again."""
        if self.folder is not None:
            self.folder.create(RunRecord(self._config, self._data()))
            best.saved = False
            for _ in self.write_pending():
                pass

    def folder_removed_error(self, step: int, closing: bool) -> RunError:
        """The error that ends a run whose folder was removed."""
        kept = "a new folder of that name holds its checkpoint and its best model, but not its curves so far"
        if closing:
            kept = "its best model is in a new folder of that name"
        path = "" if self.folder is None else f" {self.folder.path}"
        return RunError(
            f"the run's folder{path} was removed or moved while it was trained; training stopped at step {step}, "
            f"and {kept}"
        )

    def _data(self) -> dict[str, Any]:
        dataset = self._dataset
        return {
            "name": dataset.name,
            "source": dataset.source,
            "fingerprint": dataset.fingerprint,
            "images": len(dataset.images),
            "config": dataset.config.model_dump(mode="json"),
            "ranges": {name: list(each) for name, each in dataset.ranges._asdict().items() if each is not None},
        }


def _silent(fit: Generator[float, None, LatentFlow]) -> Generator[None, None, LatentFlow]:
    """The steps of a fit without what they report."""
    while True:
        try:
            next(fit)
        except StopIteration as end:
            flow: LatentFlow = end.value
            return flow
        yield None


def points_left_out(count: int) -> str:
    """A sentence on points that a model's file cannot hold."""
    return (
        f"{pluralize(count, 'image')} left out of the model file's map: the model encodes them beyond "
        f"±{LARGEST_COORDINATE:g} or as numbers that are not finite"
    )


def _state_of(path: Path) -> tuple[int, int] | None:
    """Identifies one state of a file; ``None`` while it does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
