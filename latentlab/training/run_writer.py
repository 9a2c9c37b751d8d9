"""What a run writes, or does not write when it has no folder."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.config import RunConfig
from latentlab.config.events import Adjusted, Checkpoint, Epoch
from latentlab.data import Dataset
from latentlab.models.base import LatentModel
from latentlab.models.inference import weights_of
from latentlab.storage import CheckpointFile, ModelFile, ModelHeader, Points, RunFolder, RunRecord, write_model
from latentlab.training.checkpoint import BestModel, RunProgress, RunState, check_same_run


class Output:
    """The files of one run.

    Parameters
    ----------
    out
        The run folder; ``None`` to write nothing.
    resume
        Whether the folder may hold the run already.
    dataset, config
        What is trained on, and how.
    writes
        Whether this process is the one that writes.

    Attributes
    ----------
    folder
        The run folder, or ``None`` when nothing is written.

    Raises
    ------
    InputError
        When the folder is in use or read-only, or holds a run that is not this one. Nothing is made yet.
    """

    def __init__(
        self, out: Path | None, resume: bool, dataset: Dataset, config: RunConfig, writes: bool = True
    ) -> None:
        self.folder = self._read = None if out is None else RunFolder(out)
        self._resume = resume
        self._config = config
        self._dataset = dataset
        self._unwritten: deque[Epoch | Adjusted] = deque()  # what a full disk did not take
        if self.folder is not None:
            self.folder.check(resume)
            if resume and self.folder.record.exists():
                check_same_run(self.folder.read_record(), config, dataset.fingerprint, str(self.folder.path))
        if not writes:
            self.folder = None

    def last_checkpoint(self) -> CheckpointFile | None:
        """Where the run can go on; ``None`` when it begins."""
        return self._read.read_checkpoint() if self._read is not None and self._resume else None

    def held(self) -> AbstractContextManager[None]:
        """Keep other runs out of the folder meanwhile.

        Raises
        ------
        InputError
            When another run is trained into it.
        """
        return nullcontext() if self.folder is None else self.folder.held()

    def begin(self, position: RunProgress) -> None:
        """Make the folder, and cut what was written after ``position``."""
        if self.folder is not None:
            self.folder.create(RunRecord(self._config, self._data()))
            self.folder.trim_metrics(position.epochs_done, position.adjustments)
            self.folder.snapshots.trim(position.epochs_done)

    def note(self, event: Epoch | Adjusted) -> None:
        """Append an epoch, or a change made by hand, to the metrics.

        Raises
        ------
        RunError
            When the disk is full or fails; ``catch_up`` tries again.
        """
        self._unwritten.append(event)
        for _ in self.catch_up():
            pass

    def catch_up(self) -> Iterator[Epoch | Adjusted]:
        """Write what could not be written before, and tell it."""
        while self._unwritten:
            if self.folder is not None:
                self.folder.append_metrics(self._unwritten[0].as_json())
            yield self._unwritten.popleft()

    def checkpoint(self, state: RunState) -> Checkpoint | None:
        """Write the best model where it is new, then the checkpoint."""
        if self.folder is None:
            return None
        if not state.best.saved:
            self.model(state.model, state.best)
        self.folder.write_checkpoint(state.pack())
        return Checkpoint(str(self.folder.checkpoint), state.position.step)

    @property
    def is_gone(self) -> bool:
        """Whether the folder that was made is there no more, but its place is."""
        return self.folder is not None and not self.folder.path.exists() and self.folder.path.absolute().parent.is_dir()

    def make_anew(self, best: BestModel) -> None:
        """Make the folder again, without the epochs told before; the best model is to be written again."""
        if self.folder is not None:
            self.folder.create(RunRecord(self._config, self._data()))
            best.saved = False
            for _ in self.catch_up():
                pass

    def model(
        self,
        model: LatentModel,
        best: BestModel,
        points: Points | None = None,
        preview: NDArray[np.uint8] | None = None,
        extent: tuple[float, float, float, float] | None = None,
    ) -> ModelHeader:
        """Write the best model, or the present one while no epoch is done; tell what its file says."""
        header = self.header(model, best).model_copy(update={"preview_extent": extent})
        if self.folder is not None:
            weights = best.weights or weights_of(model)
            header = write_model(self.folder.model, ModelFile(header, weights, points, preview))
            best.saved = bool(best.weights)
        return header

    def header(self, model: LatentModel, best: BestModel) -> ModelHeader:
        """What the model's file says of it."""
        # Not where and when it ran, nor what was kept of its epochs: the same run makes the same file.
        settings = self._config.training.model_dump(
            mode="json", exclude={"device", "checkpoint_minutes", "graphs", "history"}
        )
        # The weight may have been changed by hand while the run went on: what these weights were trained with.
        beta = float(model.beta) if best.beta is None else best.beta
        return ModelHeader(
            model=self._config.model.model_copy(update={"beta": beta}),
            image_shape=model.image_shape,
            classes=self._dataset.classes,
            data=self._data(),
            training=settings | {"epoch": best.epoch, "step": best.step},
            metrics=best.metrics,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
        )

    def _data(self) -> dict[str, Any]:
        dataset = self._dataset
        return {
            "name": dataset.name,
            "source": dataset.source,
            "fingerprint": dataset.fingerprint,
            "images": len(dataset.images),
            "config": dataset.config.model_dump(mode="json"),
        }
