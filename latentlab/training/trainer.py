"""The training loop: ``Trainer`` advances a run one optimizer step at a time and reports on it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from latentlab.config import RunConfig
from latentlab.config.events import Checkpoint, Epoch, Event, Finished, Progress, Warned
from latentlab.data import Dataset
from latentlab.errors import InputError, LatentlabError, RunError
from latentlab.models import build
from latentlab.models.base import StepState
from latentlab.models.device import resolve_device
from latentlab.models.inference import InferenceModel, memory_format, to_device
from latentlab.training.batches import BatchLoader
from latentlab.training.checkpoint import BestModel, RunLimits, RunProgress, TrainerState, named_by_split
from latentlab.training.distributed import ProcessGroup
from latentlab.training.live_changes import LiveChanges
from latentlab.training.run_writer import RunWriter
from latentlab.training.running_means import RunningMeans
from latentlab.training.seeding import NOISE, WEIGHTS, RandomStream, derived_seed
from latentlab.training.snapshots import SnapshotTaker
from latentlab.training.standardised import Standardiser
from latentlab.training.step.cpu_threads import torch_threads
from latentlab.training.step.optimizer_step import OptimizerStep
from latentlab.training.step.optimizers import NonFiniteStepError
from latentlab.training.step.step_runner import StepRunner
from latentlab.training.stopping import StopRule
from latentlab.training.timing import ProgressReporter, RunClock
from latentlab.training.validation import Validation
from latentlab.utils.text import pluralize

_SECONDS_BETWEEN_EPOCH_CHECKPOINTS = 2.0  # an epoch may be shorter than writing a checkpoint


class Trainer:
    """One run: a model, its data, and the state of its training.

    The constructor raises everything that would prevent the run, before a folder is created.

    Parameters
    ----------
    dataset
        The images; its configuration replaces ``config.data``.
    config
        Model and training.
    out
        The run folder; without it nothing is written.
    resume
        Continue from the folder's last checkpoint, or start if there is none yet.
    group
        The processes of the run, each of which calls this with the same arguments; only the main one writes.
        The batches are those of a run on one process, the noise is different.
    beside_a_window
        Whether this process also serves a window, for which a run on the CPU keeps a core free where it can.

    Attributes
    ----------
    model
        The network in training.
    loaded
        The same network for encoding and decoding between steps.
    config, device
        The configuration, and the device.
    state
        What a checkpoint holds: progress, optimizers, best model and so on.
    graphed_step
        Replays steps as CUDA graphs; ``None`` if they are not recorded.

    Raises
    ------
    InputError
        For an absent device, a folder that is in use or read-only, or a run that cannot be resumed with this data.

    Examples
    --------
    >>> trainer = Trainer(dataset, RunConfig(), Path("run"))
    >>> for event in trainer.steps():
    ...     if event is not None:
    ...         print(event)
    """

    def __init__(
        self,
        dataset: Dataset,
        config: RunConfig,
        out: Path | None = None,
        resume: bool = False,
        group: ProcessGroup | None = None,
        beside_a_window: bool = False,
    ) -> None:
        self.config = config = config.model_copy(update={"data": dataset.config})
        self.device = resolve_device(config.training.device) if group is None else group.device
        training, validation = dataset.split()
        if not len(training):
            raise InputError(f"{dataset.name} holds no image to train on")
        self._dataset, self._group = dataset, group
        self._writer = RunWriter(out, resume, dataset, config, group is None or group.is_main)
        settings, seed, rank = config.training, config.training.seed, 0 if group is None else group.rank
        with RandomStream(self.device, derived_seed(seed, WEIGHTS)):
            self.model = to_device(build(config.model, dataset.image_shape, len(dataset.classes)), self.device).train()
        self._batches = BatchLoader(
            dataset.images,
            dataset.labels if self.model.classes and (dataset.labels >= 0).any() else None,
            training,
            settings.batch_size,
            self.device,
            seed,
            settings.binarise,
            dataset.config.seed,
            memory_format(self.model),
            settings.mirror,
            settings.shift,
        )
        self._optimizer_step = OptimizerStep(self.model, settings, self._batches.batch_size)
        self.state = TrainerState(
            config,
            self.model,
            self._optimizer_step.optimizers,
            RandomStream(self.device, derived_seed(seed, NOISE, rank)),
            RunningMeans(self.device),
            RunProgress(micro_batch=self._batches.batch_size),
            BestModel(),
            RunLimits(settings.epochs, settings.patience),
        )
        self._load_checkpoint(str(out))
        self._step_runner = StepRunner(self._optimizer_step, self.state, self._batches, group, beside_a_window)
        self.graphed_step = self._step_runner.graphed_step
        self._clock = RunClock(self.state.progress.seconds)
        self._validation = Validation(self.model, settings, self._batches, validation, self._clock, group)
        self._reporter = ProgressReporter(self.state, self._batches, len(validation), self._clock)
        self._live_changes = LiveChanges(self.state, self._writer, self._batches.steps_per_epoch)
        self._stop_rule = StopRule(self.state.progress, self.state.limits, group)
        self._snapshots: SnapshotTaker | None = None
        self._closing = False
        self._warnings: list[str] = []  # to be reported when the steps begin
        self._saved_at = time.monotonic()
        self.loaded = InferenceModel(self.model, self._writer.model_header(self.model, self.state.best), self.device)

    def _load_checkpoint(self, path: str) -> None:
        """Continue from the run's last checkpoint, if there is one."""
        checkpoint = self._writer.last_checkpoint()
        if checkpoint is None:
            return
        self.state.load_state_dict(checkpoint, path)
        if any(len(kept) != self._batches.num_images for kept in self.model.run_state().values()):
            raise InputError(f"{path} is damaged: it keeps something of another number of training images")
        progress, steps = self.state.progress, self._batches.steps_per_epoch
        if not 0 <= progress.step - progress.epochs_done * steps <= steps:
            raise InputError(f"{path} is damaged: step {progress.step} is not in epoch {progress.epochs_done + 1}")
        self._optimizer_step.micro_batch = min(progress.micro_batch, self._batches.batch_size)
        if self._group is not None and not self._group.is_main:
            # The sums in the checkpoint are over all processes; the main process holds them.
            names, _, sums = self.state.means.state()
            self.state.means.load_state(names, [0] * len(names), torch.zeros_like(sums))

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return self.state.progress.step

    @property
    def epoch(self) -> float:
        """Epochs done, with the fraction of the current one."""
        return self.state.progress.step / self._batches.steps_per_epoch

    @property
    def threads(self) -> int:
        """Number of CPU threads of a step; an estimate until a new run has begun."""
        return self._step_runner.threads

    @property
    def newest_snapshot(self) -> int:
        """The newest epoch that has a snapshot in the run folder; 0 if there is none."""
        return 0 if self._snapshots is None else self._snapshots.newest

    @property
    def closing(self) -> bool:
        """Whether the last checkpoint is written, and only the model's points and preview are still to be made."""
        return self._closing

    def restart_patience(self) -> None:
        """Count the epochs without a better model anew if patience had ended the run, before the first step.

        The change is recorded like one of ``patience``, and reported.
        """
        progress, patience = self.state.progress, self.state.limits.patience
        if self._stop_rule.reason == "patience":
            progress.stale_epochs = 0
            self.update(patience=patience)
            self._warnings.append(
                f"Early stopping had ended this run: the {pluralize(patience, 'epoch')} without a better ELBO after "
                "which it stops are counted anew."
            )

    def stop(self) -> None:
        """Ask the run to write a checkpoint after its current step and to end."""
        self._stop_rule.request()

    def withdraw_stop(self) -> None:
        """Let a run that was asked to stop, but failed to write its checkpoint, continue with another ``steps()``.

        Once the run is closing, another ``steps()`` only tries to close it again.
        """
        if not self._closing:
            self._stop_rule.withdraw_request()

    def update(
        self,
        learning_rate: float | None = None,
        beta: float | None = None,
        schedule: Literal["constant", "cosine"] | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        rest: float = 0.0,
    ) -> None:
        """Change the learning rate, its schedule, β, or the length of the run, from the next step on.

        A current epoch is always finished, however few epochs are asked for; a cosine schedule continues at the
        position that the new number of epochs gives. Changes are debounced: one ``Adjusted`` event ``rest`` seconds
        after the last change of the same settings, or at the next checkpoint.
        """
        if not self._closing:
            self._live_changes.apply(learning_rate, beta, schedule, epochs, patience, rest)

    def checkpoint(self) -> Checkpoint | None:
        """Write the best model so far, and everything that is needed to resume to the bit.

        Returns ``None`` without a folder, and once the run is closing, when its last checkpoint is already written.
        """
        if self._closing:
            return None
        self._check_finite()
        self._live_changes.record()
        self.state.progress.micro_batch = self._optimizer_step.micro_batch
        self.state.progress.seconds = self._clock.seconds
        event = self._writer.write_checkpoint(self.state)
        self._saved_at = time.monotonic()
        return event

    def steps(self) -> Iterator[Event | None]:
        """Train: each ``next()`` does one optimizer step, or other work of that length, or returns an event.

        Yields
        ------
        Event or None
            The first event is ``Started``, the last ``Finished``. A trial of the numbers of threads precedes the first.

        Raises
        ------
        RunError
            When the objective becomes non-finite, the device has too little memory even for one image, or the disk is
            full (``DiskFullError``): another call then continues from there, to the bit. When the run folder was
            removed: the run is saved in a new one.
        InputError
            When another run is being trained into the folder.
        """
        with self._writer.locked():
            events = self._train()
            while True:
                # The same number throughout the run; other work between the steps uses its own.
                with torch_threads(self.threads):
                    try:
                        event = next(events)
                    except StopIteration:
                        return
                    except LatentlabError as error:
                        if not self._writer.folder_was_removed:
                            raise
                        raise self._save_in_new_folder() from error
                yield event

    def _train(self) -> Iterator[Event | None]:
        """The run from its start, or its checkpoint, to its end."""
        yield from self._start()
        progress, batches = self.state.progress, self._batches
        while not self._stop_rule.is_over:
            steps_done = progress.step - progress.epochs_done * batches.steps_per_epoch
            for indices, positions in batches.epoch(progress.epochs_done, first=steps_done):
                yield from self._live_changes.events()
                yield from self._step(indices, positions)
                yield self._progress_report()
                yield from self._checkpoint_after(self.config.training.checkpoint_minutes * 60)
                if self._stop_rule.stops_now():
                    break
            else:
                yield from self._end_epoch()  # validate, keep the best model, take a snapshot
                yield from self._checkpoint_after(_SECONDS_BETWEEN_EPOCH_CHECKPOINTS)
                self._clock.end_epoch()
        yield from self._finish()

    def _start(self) -> Iterator[Event | None]:
        """Create the folder, choose the number of threads, and prepare the model."""
        progress = self.state.progress
        if self._group is not None:
            self._group.barrier()  # every process has checked that the folder may be used
        self._writer.start(progress)
        yield from self._step_runner.choose_threads()
        if progress.step == 0:
            with self.state.stream:
                first = self._batches.load_first(self.model.images_to_prepare)
                self.model.prepare(first, self._batches.num_images)
        if not progress.precision:
            self._step_runner.check_precision()
        self.state.optimizers.start_counting(progress.step)
        if self._writer.folder is not None and self.config.training.history:
            self._snapshots = SnapshotTaker(self._writer.folder.snapshots, self.loaded, self._dataset, self._clock)
        self._clock.resume()
        self._saved_at = time.monotonic()
        yield self._reporter.started(self._step_runner.precision, self.threads)
        if self._dataset.value_range.warning:
            yield Warned(f"value range: {self._dataset.value_range.warning}")
        while self._warnings:
            yield Warned(self._warnings.pop(0))
        for event in self._writer.write_pending():  # of an earlier steps() that failed
            if isinstance(event, Epoch):  # changes of settings are reported by _live_changes
                yield event

    def _step(self, indices: Tensor, positions: Tensor) -> Iterator[Warned]:
        """Take one optimizer step on a batch, and add its terms to the epoch's means.

        Parameters
        ----------
        indices, positions
            Of the batch's images, in the dataset and in the training set.
        """
        self._clock.resume()
        progress, batches, shard, count = self.state.progress, self._batches, None, len(indices)
        if self._group is not None:
            if not self._group.is_main:
                # A checkpoint holds only the main process's stream; the others' follow from the step.
                index = self._group.rank + progress.step * self._group.size
                self.state.stream.reseed(derived_seed(self.config.training.seed, NOISE, index))
            indices, positions, shard = self._group.shard(indices, positions)
        epochs = self.state.limits.epochs
        now = StepState(progress.step, progress.epochs_done, batches.steps_per_epoch, batches.num_images, epochs)
        total_steps = batches.steps_per_epoch * epochs
        learning_rate = self.state.optimizers.scheduled_rate(progress.step / total_steps)
        try:
            terms = self._step_runner.run(indices, positions, now, learning_rate, shard)
        except NonFiniteStepError as error:
            raise self._non_finite_error(error.step) from None
        self.state.means.add(terms, count if shard is None else shard.images)
        progress.step += 1
        self._clock.tick(count)
        while self._optimizer_step.notices:
            yield Warned(self._optimizer_step.notices.pop(0))

    def _progress_report(self) -> Progress | None:
        """A report ten times a second, else ``None``."""
        if not self._reporter.is_due():
            return None
        self._check_finite()
        return self._reporter.report()

    def _end_epoch(self) -> Iterator[Event | None]:
        """Validate, keep the model if it is the best so far, and take a snapshot."""
        self._check_finite()
        state, progress, limits = self.state, self.state.progress, self.state.limits
        train = state.means.read(self._group)
        rate = self._clock.images_per_second()
        validation, kl_per_dimension = yield from self._validation.run(self._optimizer_step.micro_batch)
        progress.epochs_done += 1
        is_best = state.best.offer(progress, train, validation, self.model)
        progress.stale_epochs = 0 if is_best else progress.stale_epochs + 1
        state.means.end_epoch()
        epoch = Epoch(
            epoch=progress.epochs_done,
            epochs=limits.epochs,
            train=train,
            validation=validation,
            images_per_second=rate,
            seconds=self._clock.seconds,
            step=progress.step,
            kl_per_dimension=kl_per_dimension,
        )
        self._writer.append(epoch)
        yield epoch
        self._step_runner.check_precision()
        if self._snapshots is not None and (
            self._snapshots.is_due(progress.epochs_done, limits.epochs) or self._stop_rule.is_over
        ):
            yield from self._snapshots.take(progress.epochs_done, named_by_split(train, validation))

    def _finish(self) -> Iterator[Event | None]:
        """Write the last checkpoint, then the best model with its points and preview, and load it."""
        self._live_changes.record()
        yield from self._live_changes.events()
        event = self.checkpoint()
        self._closing = True
        if event is not None:
            yield event
        if self._group is not None and not self._group.is_main:
            return
        progress, best, folder = self.state.progress, self.state.best, self._writer.folder
        unfinished = progress.step > progress.epochs_done * self._batches.steps_per_epoch
        last = progress.epochs_done + unfinished
        if self._snapshots is not None and last > self._snapshots.newest:
            yield from self._snapshots.take(last, {})
        yield from self._writer.write_best(self.loaded, best, self._standardiser())
        self._clock.tick()
        yield Finished(
            run="" if folder is None else str(folder.path),
            model="" if folder is None else str(folder.model),
            epochs=progress.epochs_done,
            seconds=self._clock.seconds,
            reason=self._stop_rule.reason,
            best_epoch=best.epoch,
        )

    def _standardiser(self) -> Standardiser | None:
        """What shifts and scales the saved model's latents; only this process takes part."""
        settings = self.config.training
        if not settings.standardise:
            return None
        training, validation = self._dataset.split()
        return Standardiser(self.model, self._batches, training, validation, settings.seed)

    def _check_finite(self) -> None:
        """Raise if the device had to skip a step; waits for the device."""
        try:
            self.state.optimizers.check()
        except NonFiniteStepError as error:
            raise self._non_finite_error(error.step) from None

    def _non_finite_error(self, step: int) -> RunError:
        folder = self._writer.folder
        saved = (
            ""
            if folder is None or not os.path.exists(folder.checkpoint)
            else f" (on disk, those of {folder.checkpoint})"
        )
        return RunError(
            f"the objective is no longer finite at step {step} (recipe {self.config.model.recipe}, learning "
            f"rate {self.state.optimizers.learning_rate:g}); training stopped before that step and the last good "
            f"weights are kept{saved}; try a lower learning rate"
        )

    def _checkpoint_after(self, seconds: float) -> Iterator[Checkpoint]:
        """Write a checkpoint if the last one is older."""
        if time.monotonic() - self._saved_at < seconds:
            return
        event = self.checkpoint()
        self._clock.tick()
        if event is not None:
            yield event

    def _save_in_new_folder(self) -> RunError:
        """Save the run after its folder was removed; returns the error that ends it."""
        self._writer.recreate_folder(self.state.best)
        if self._closing:  # the model may hold the best weights by now, from which the run cannot be resumed
            self._writer.write_model(self.model, self.state.best)
        else:
            self.checkpoint()
        return self._writer.folder_removed_error(self.step, self._closing)
