"""The loop: ``Trainer`` advances a run one optimizer step at a time and tells how it goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from latentlab.config import RunConfig
from latentlab.config.events import Checkpoint, Epoch, Event, Finished, Progress, Started
from latentlab.data import Dataset
from latentlab.errors import InputError, LatentlabError, RunError
from latentlab.models import build
from latentlab.models.device import resolve_device
from latentlab.models.inference import InferenceModel, memory_format, to_device
from latentlab.training.batches import BatchLoader
from latentlab.training.checkpoint import BestModel, DatasetSize, RunProgress, RunState, Schedule
from latentlab.training.closing import save_best
from latentlab.training.distributed import ProcessGroup
from latentlab.training.learning import Learner
from latentlab.training.live_changes import Adjustments
from latentlab.training.metrics import RunClock, RunningMeans
from latentlab.training.remembering import Remembering
from latentlab.training.run_writer import Output
from latentlab.training.seeding import NOISE, WEIGHTS, RandomStream, derived_seed
from latentlab.training.snapshots import Snapshots
from latentlab.training.step.cpu_threads import torch_threads, training_threads, work_of_a_step
from latentlab.training.step.cuda_graph import GraphedStep, recorder_for
from latentlab.training.step.optimizer_step import OptimizerStep
from latentlab.training.step.precision import Precision
from latentlab.training.step.precision_trial import GIVEN_UP, PrecisionTrial
from latentlab.training.stopping import Ending
from latentlab.training.timing import ProgressReporter
from latentlab.training.validation import Validation

# An epoch may be shorter than writing a checkpoint takes.
_BETWEEN_EPOCH_CHECKPOINTS = 2.0


class _Over:
    """What ``next`` gives when there is nothing left to do."""


_OVER = _Over()


class Trainer:
    """One run: a model, what it learns from, and how far it is.

    Everything that would stop it is said by the constructor, before a folder is made.

    Parameters
    ----------
    dataset
        The images; its own configuration takes the place of ``config.data``.
    config
        Model and training.
    out
        The run folder; without it nothing is written.
    resume
        Go on from the folder's last checkpoint, or begin when there is none yet.
    group
        The processes that train together, each calling this with the same arguments; only one of them writes.
        The batches are those of one process; the noise is another.

    Attributes
    ----------
    model
        The network as it learns.
    loaded
        The same, ready to encode and decode between steps.
    config, device, threads
        The run's configuration, where it computes, and with how many of torch's threads.

    Raises
    ------
    InputError
        For an absent device, a folder that is in use or read-only, or a run that cannot go on with this data.

    Examples
    --------
    >>> training = Training(dataset, RunConfig(), Path("run"))
    >>> for event in training.steps():
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
    ) -> None:
        self.config = config = config.model_copy(update={"data": dataset.config})
        self._group = group
        self.device = resolve_device(config.training.device) if group is None else group.device
        training, held_out = dataset.split()
        if not len(training):
            raise InputError(f"{dataset.name} holds no image to train on")
        self._output = Output(out, resume, dataset, config, group is None or group.writes)
        self._dataset = dataset

        seed = config.training.seed
        with RandomStream(self.device, derived_seed(seed, WEIGHTS)):
            self.model = to_device(build(config.model, dataset.image_shape, len(dataset.classes)), self.device).train()
        rank = 0 if group is None else group.rank
        self._stream = RandomStream(self.device, derived_seed(seed, NOISE, rank))
        self._extent = DatasetSize(len(training), len(held_out), min(config.training.batch_size, len(training)))
        self._feed = BatchLoader(
            dataset.images,
            dataset.labels if self.model.classes and (dataset.labels >= 0).any() else None,
            training,
            self.device,
            seed,
            config.training.binarise,
            dataset.config.seed,
            memory_format(self.model),
        )
        self._stepper = OptimizerStep(self.model, config.training, self._extent.batch)
        self._meter = RunningMeans(self.device)
        self._position = RunProgress(micro_batch=self._extent.batch)
        self._best = BestModel()
        self._plan = Schedule(config.training.epochs, config.training.patience)
        self._state = RunState(
            config,
            self.model,
            self._stepper.optimisers,
            self._stream,
            self._meter,
            self._position,
            self._best,
            self._plan,
        )
        if (checkpoint := self._output.last_checkpoint()) is not None:
            self._state.unpack(checkpoint, str(out))
            self._stepper.micro_batch = self._position.micro_batch
            if group is not None and rank:
                # The checkpoint is the first process's, and so are the epoch's means in it.
                names, _, sums = self._meter.state()
                self._meter.restore(names, [0] * len(names), torch.zeros_like(sums))
        recorder = recorder_for(self.device, config.training) if group is None else None
        self._steps = GraphedStep(self._stepper, self._feed, self.model, self.device, self._extent.batch, recorder)
        self._learner = Learner(self._state, self._extent, self._stepper, self._steps, self._feed, self._output, group)
        work = work_of_a_step(config.training, self.model)
        self._precision = Precision(config.training.precision, self.model, self.device, work, self._position.precision)
        self._trial = PrecisionTrial(self._precision, self._position, self._feed, self._stream, group)
        self.threads = training_threads(config.training, self.model)
        self._clock = RunClock(self._position.seconds)
        self._validation = Validation(self.model, config.training, self._feed, held_out, self._clock, group)
        self._read_out = ProgressReporter(self._state, self._extent, self._clock, self.device)
        self._adjustments = Adjustments(self._state, self._output, self._extent.steps_per_epoch)
        self._ending = Ending(self._position, self._plan, group)
        self._remembering = Remembering(self._position, self._plan, self._extent, self._clock)
        self._closing = False
        self._saved_at = time.monotonic()
        self.loaded = InferenceModel(self.model, self._output.header(self.model, self._best), self.device)

    # --- what others may ask of it -----------------------------------------------------------------

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return self._position.step

    @property
    def epoch(self) -> float:
        """Epochs done, with the fraction of the one that runs."""
        return self._position.step / self._extent.steps_per_epoch

    @property
    def newest_snapshot(self) -> int:
        """The newest epoch that the run's history holds; 0 while there is none."""
        return self._remembering.newest

    @property
    def closing(self) -> bool:
        """Whether the last checkpoint is written and only the points and the picture are still to be made."""
        return self._closing

    def stop(self) -> None:
        """Ask the run to checkpoint after its current step and to end."""
        self._ending.ask()

    def withdraw_stop(self) -> None:
        """Let a run that was asked to stop, and could not write its checkpoint, go on with another ``steps()``.

        Once the run is closing its end stays: another ``steps()`` tries that again.
        """
        if not self._closing:
            self._ending.withdraw()

    def update(
        self,
        learning_rate: float | None = None,
        beta: float | None = None,
        schedule: Literal["constant", "cosine"] | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        rest: float = 0.0,
    ) -> None:
        """Change the learning rate, its schedule, the weight of the rate in the objective, or how long the run goes on.

        From the next step on. An epoch that runs is brought to its end, however few epochs are asked for; a cosine
        goes on at the place that the new number of epochs gives it. The run tells it as ``Adjusted``, once for all
        changes between two steps; and once for a hand that drags, when it has not changed the same again for ``rest``
        seconds, or at the next checkpoint: only where it came to rest is told and noted.
        """
        if not self._closing:
            self._adjustments.change(learning_rate, beta, schedule, epochs, patience, rest)

    def checkpoint(self) -> Checkpoint | None:
        """Write the best model so far, and all that is needed to go on to the bit.

        ``None`` without a folder, and once the run is closing: its last checkpoint is written then.
        """
        if self._closing:
            return None
        self._learner.check()
        self._adjustments.note()
        self._position.micro_batch = self._stepper.micro_batch
        self._position.seconds = self._clock.seconds
        event = self._output.checkpoint(self._state)
        self._saved_at = time.monotonic()
        return event

    def steps(self) -> Iterator[Event | None]:
        """Train: each ``next()`` does one optimizer step, or a piece of other work as long, or hands on an event.

        Yields
        ------
        Event or None
            The first event is ``Started``, the last ``Finished``.

        Raises
        ------
        RunError
            When the objective stops being finite, the device has no memory even for one image, or the disk is full
            (``DiskFullError``): then another call goes on from where the run is, to the bit. When somebody has taken
            the folder away: the run is saved in a new one.
        InputError
            When another run is being trained into the folder.
        """
        with self._output.held():
            work = self._work()
            while True:
                # Fixed, for bits depend on it; between the steps others have theirs.
                with torch_threads(self.threads):
                    try:
                        event = next(work, _OVER)
                    except LatentlabError as error:
                        if not self._output.is_gone:
                            raise
                        raise self._saved_anew() from error
                if isinstance(event, _Over):
                    return
                yield event

    # --- the parts of it -----------------------------------------------------------------------------

    def _work(self) -> Iterator[Event | None]:
        """The run from start to end."""
        self._begin()
        yield self._started()
        for event in self._output.catch_up():
            if isinstance(event, Epoch):  # a change by hand is told below
                yield event
        at = self._position
        while self._ending.goes_on:
            first = at.step - at.epochs_done * self._extent.steps_per_epoch
            for images, places in self._feed.order(at.epochs_done, self._extent.batch, first):
                yield from self._adjustments.news()
                yield from self._train_on(images, places)
                yield self._progress()
                yield from self._checkpoint_after(self.config.training.checkpoint_minutes * 60)
                if self._ending.is_now():
                    break
            else:
                yield from self._end_epoch()
                yield from self._checkpoint_after(_BETWEEN_EPOCH_CHECKPOINTS)
                self._clock.end_epoch()
        self._adjustments.note()
        yield from self._adjustments.news()
        yield from self._finish()

    def _begin(self) -> None:
        if self._group is not None:
            self._group.wait()  # nobody looks whether the folder is empty any more
        self._output.begin(self._position)
        if self._position.step == 0:
            with self._stream:
                first = self._feed.batch(*next(self._feed.order(0, self._extent.batch)))
                self.model.prepare(first, len(self._feed))
        if not self._position.precision:
            self._try_precision()
        self._stepper.optimisers.start(self._position.step)
        if self._output.folder is not None and self.config.training.history:
            kept = Snapshots(self._output.folder.snapshots, self.loaded, self._dataset, self._clock.seconds)
            self._remembering.begin(kept)
        self._clock.resume()
        self._read_out.begin()
        self._saved_at = time.monotonic()

    def _train_on(self, images: Tensor, places: Tensor) -> Iterator[Event]:
        """One optimizer step, and what is to be told of it."""
        self._clock.resume()
        self._learner.take(images, places)
        self._clock.tick(len(images))
        yield from self._learner.warnings()

    def _progress(self) -> Progress | None:
        """How it goes, now and then."""
        if not self._read_out.is_due():
            return None
        self._learner.check()
        return self._read_out.read()

    def _end_epoch(self) -> Iterator[Event | None]:
        """Validate, keep the model if it is the best yet, and tell."""
        self._learner.check()
        train = self._meter.read(self._group)
        rate = self._clock.mark()
        validation, per_dimension = yield from self._validation.run(self._stepper.micro_batch)
        at = self._position
        at.epochs_done += 1
        better = self._best.offer(at, train, validation, self.model)
        at.stale_epochs = 0 if better else at.stale_epochs + 1
        self._meter.clear()
        epoch = Epoch(
            epoch=at.epochs_done,
            epochs=self._plan.epochs,
            train=train,
            validation=validation,
            images_per_second=rate,
            seconds=self._clock.seconds,
            step=at.step,
            kl_per_dimension=per_dimension,
        )
        self._output.note(epoch)
        yield epoch
        self._try_precision()
        yield from self._remembering.epoch(train, validation, last=not self._ending.goes_on)

    def _saved_anew(self) -> RunError:
        """Save the run where somebody took its folder away, and say so; it does not go on of its own accord."""
        self._output.make_anew(self._best)
        if self._closing:  # the weights may be the best ones by now: none to go on from
            self._output.model(self.model, self._best)
            kept = "its best model is in a new folder of that name"
        else:
            self.checkpoint()
            kept = "a new folder of that name holds its checkpoint and its best model, but not its curves so far"
        folder = self._output.folder
        where = "" if folder is None else f" {folder.path}"
        return RunError(
            f"the run's folder{where} was removed or moved while it was trained; training stopped at step "
            f"{self._position.step}, and {kept}"
        )

    def _try_precision(self) -> None:
        """See on the first images whether bfloat16 still stays within the ELBO's noise."""
        if not self._trial.holds(min(self._extent.batch, self._stepper.micro_batch)):
            self._steps.forget()
            self._steps.notices.append(GIVEN_UP)

    def _checkpoint_after(self, seconds: float) -> Iterator[Event]:
        if time.monotonic() - self._saved_at < seconds:
            return
        event = self.checkpoint()
        self._clock.tick()
        if event is not None:
            yield event

    def _finish(self) -> Iterator[Event | None]:
        """Checkpoint, then save the best model with its points and its picture, and leave it live."""
        event = self.checkpoint()
        self._closing = True
        if event is not None:
            yield event
        if self._group is not None and not self._group.writes:
            return
        yield from self._remembering.end()
        yield from save_best(self.loaded, self._best, self._dataset, self._output)
        self._clock.tick()
        folder = self._output.folder
        yield Finished(
            run="" if folder is None else str(folder.path),
            model="" if folder is None else str(folder.model),
            epochs=self._position.epochs_done,
            seconds=self._clock.seconds,
            reason=self._ending.reason,
            best_epoch=self._best.epoch,
        )

    def _started(self) -> Started:
        return Started(
            recipe=self.config.model.recipe,
            images=self._extent.training,
            validation_images=self._extent.validation,
            device=str(self.device),
            parameters=self.loaded.header.parameters,
            latent_dim=self.model.latent_dim,
            image_shape=self._dataset.image_shape,
            epoch=self._position.epochs_done,
            epochs=self._plan.epochs,
            steps_per_epoch=self._extent.steps_per_epoch,
            precision=self._precision.name,
            beta=self.model.beta,
        )
