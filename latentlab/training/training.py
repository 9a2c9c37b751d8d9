"""The loop: ``Training`` advances a run one optimizer step at a time and tells how it goes."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from latentlab.config import RunConfig
from latentlab.data import Dataset
from latentlab.errors import InputError, RunError
from latentlab.evaluation import Binarise, quick_bound
from latentlab.events import Adjusted, Checkpoint, Epoch, Event, Finished, Progress, Started, Warned
from latentlab.models import build
from latentlab.models.base import StepState
from latentlab.models.device import resolve_device
from latentlab.models.loaded import LoadedModel, memory_format, place, put_weights
from latentlab.training.feed import Feed
from latentlab.training.graphs import Steps, recorder_for
from latentlab.training.group import Group
from latentlab.training.meter import Clock, Meter, device_memory
from latentlab.training.optimisers import BadStep
from latentlab.training.output import Output
from latentlab.training.points import MOST_POINTS, encode_points, manifold_preview
from latentlab.training.precision import Precision
from latentlab.training.randomness import NOISE, VALIDATION, WEIGHTS, RandomStream, derived_seed
from latentlab.training.snapshots import Snapshots
from latentlab.training.state import Best, Plan, Position, RunState
from latentlab.training.stepper import Stepper
from latentlab.training.threads import torch_threads, training_threads, work_of_a_step

_READ_OUT_SECONDS = 0.1
# An epoch may be shorter than writing a checkpoint takes.
_BETWEEN_EPOCH_CHECKPOINTS = 2.0
_STEPS_BETWEEN_QUESTIONS = 10  # whether to stop, put to every process: an answer makes the device wait

# Of a training step's work on an image: forward through the networks, and through the encoder alone.
_WORK_OF_VALIDATION = 1 / 3
_WORK_OF_ENCODING = 1 / 6

Means = dict[str, float]


class _Over:
    """What ``next`` gives when there is nothing left to do."""


_OVER = _Over()


class Training:
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
        group: Group | None = None,
    ) -> None:
        self.config = config = config.model_copy(update={"data": dataset.config})
        self._group = group
        self.device = resolve_device(config.training.device) if group is None else group.device
        self._training_index, self._validation_index = dataset.split()
        if not len(self._training_index):
            raise InputError(f"{dataset.name} holds no image to train on")
        self._output = Output(out, resume, dataset, config, group is None or group.writes)
        self._dataset = dataset

        seed = config.training.seed
        with RandomStream(self.device, derived_seed(seed, WEIGHTS)):
            self.model = place(build(config.model, dataset.image_shape, len(dataset.classes)), self.device).train()
        rank = 0 if group is None else group.rank
        self._stream = RandomStream(self.device, derived_seed(seed, NOISE, rank))
        self._batch_size = min(config.training.batch_size, len(self._training_index))
        self._steps_per_epoch = -(-len(self._training_index) // self._batch_size)
        self._feed = Feed(
            dataset.images,
            dataset.labels if self.model.classes and (dataset.labels >= 0).any() else None,
            self._training_index,
            self.device,
            seed,
            config.training.binarise,
            dataset.config.seed,
            memory_format(self.model),
        )
        self._stepper = Stepper(self.model, config.training, self._batch_size)
        self._meter = Meter(self.device)
        self._position = Position(micro_batch=self._batch_size)
        self._best = Best()
        self._plan = Plan(config.training.epochs, config.training.patience)
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
        self._steps = Steps(self._stepper, self._feed, self.model, self.device, self._batch_size, recorder)
        work = work_of_a_step(config.training, self.model)
        self._precision = Precision(config.training.precision, self.model, self.device, work, self._position.precision)
        self.threads = training_threads(config.training, self.model)
        self._clock = Clock(self._position.seconds)
        self._changes: dict[str, Any] = {}
        self._changed_at, self._told_from = (0, 0.0), 0.0  # step and epoch of the last change, and when it is told
        self._noted: list[Adjusted] = []
        self._stopping = False
        self._agreed = False  # to stop, where several processes have to
        self._closing = False
        self._read_out_at = self._saved_at = time.monotonic()
        self.loaded = LoadedModel(self.model, self._output.header(self.model, self._best), self.device)
        self._snapshots: Snapshots | None = None

    # --- what others may ask of it -----------------------------------------------------------------

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return self._position.step

    @property
    def epoch(self) -> float:
        """Epochs done, with the fraction of the one that runs."""
        return self._position.step / self._steps_per_epoch

    @property
    def _total_steps(self) -> int:
        return self._steps_per_epoch * self._plan.epochs

    @property
    def newest_snapshot(self) -> int:
        """The newest epoch that the run's history holds; 0 while there is none."""
        return 0 if self._snapshots is None else self._snapshots.newest

    @property
    def closing(self) -> bool:
        """Whether the last checkpoint is written and only the points and the picture are still to be made."""
        return self._closing

    def stop(self) -> None:
        """Ask the run to checkpoint after its current step and to end."""
        self._stopping = True

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
        if self._closing:
            return
        if epochs is not None:
            self._plan.epochs = epochs = max(epochs, self._position.epochs_done + 1)
        if patience is not None:
            self._plan.patience = patience
        if learning_rate is not None:
            self._stepper.optimisers.learning_rate = learning_rate
        if schedule is not None:
            self._stepper.optimisers.schedule = schedule
        if beta is not None:
            self.model.beta = beta
        new = {
            "learning_rate": learning_rate,
            "beta": beta,
            "schedule": schedule,
            "epochs": epochs,
            "patience": patience,
        }
        changes = {name: value for name, value in new.items() if value is not None}
        here = self.step, self.epoch
        if here != self._changed_at and self._changes.keys() - changes.keys():
            self._note_changes()  # of other things, from another step on
        self._changes |= changes
        self._changed_at, self._told_from = here, time.monotonic() + rest

    def checkpoint(self) -> Checkpoint | None:
        """Write the best model so far, and all that is needed to go on to the bit.

        ``None`` without a folder, and once the run is closing: its last checkpoint is written then.
        """
        if self._closing:
            return None
        self._check_steps()
        self._note_changes()
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
            When the objective stops being finite, the device has no memory even for one image, or the disk is full.
        """
        work = self._work()
        while True:
            # Fixed, for bits depend on it; between the steps others have theirs.
            with torch_threads(self.threads):
                event = next(work, _OVER)
            if isinstance(event, _Over):
                return
            yield event

    # --- the parts of it -----------------------------------------------------------------------------

    def _work(self) -> Iterator[Event | None]:
        """The run from start to end."""
        self._begin()
        yield self._started()
        at = self._position
        while self._goes_on():
            first = at.step - at.epochs_done * self._steps_per_epoch
            for images, places in self._feed.order(at.epochs_done, self._batch_size, first):
                yield from self._adjusted()
                yield from self._train_on(images, places)
                yield self._progress()
                yield from self._checkpoint_after(self.config.training.checkpoint_minutes * 60)
                if self._is_to_stop():
                    break
            else:
                yield from self._end_epoch()
                yield from self._checkpoint_after(_BETWEEN_EPOCH_CHECKPOINTS)
                self._clock.end_epoch()
        self._note_changes()
        yield from self._adjusted()
        yield from self._finish()

    def _begin(self) -> None:
        if self._group is not None:
            self._group.wait()  # nobody looks whether the folder is empty any more
        self._output.begin(self._position)
        if self._position.step == 0:
            with self._stream:
                first = self._feed.batch(*next(self._feed.order(0, self._batch_size)))
                self.model.prepare(first, len(self._feed))
        if not self._position.precision:
            self._try_precision()
        self._stepper.optimisers.start(self._position.step)
        if self._output.folder is not None and self.config.training.history:
            self._snapshots = Snapshots(self._output.folder.history, self.loaded, self._dataset, self._clock.seconds)
        self._clock.resume()
        self._read_out_at = self._saved_at = time.monotonic()

    def _train_on(self, images: Tensor, places: Tensor) -> Iterator[Event]:
        """One optimizer step; tells when the batch had to be split."""
        self._clock.resume()
        at, size, micro_batch = self._position, len(images), self._stepper.micro_batch
        share = None
        if self._group is not None:
            if not self._group.writes:
                # A checkpoint holds the first process's stream; the others' follow from the step.
                place = self._group.rank + at.step * self._group.size
                self._stream.restart(derived_seed(self.config.training.seed, NOISE, place))
            images, places, share = self._group.share(images, places)
        state = StepState(at.step, at.epochs_done, self._steps_per_epoch, len(self._feed))
        rate = self._stepper.optimisers.scheduled(at.step / self._total_steps)
        try:
            with self._stream:
                terms = self._steps.take(images, places, state, rate, share)
        except BadStep as bad:
            raise self._not_finite(bad) from None
        self._meter.add(terms, size if share is None else share.images)
        at.step += 1
        self._clock.tick(size)
        if self._stepper.micro_batch < micro_batch:
            yield Warned(
                f"{self.device} has too little memory for {min(size, micro_batch)} images at a time; "
                f"going on with {self._stepper.micro_batch}, their gradients added up"
            )
        while self._steps.notices:
            yield Warned(self._steps.notices.pop())

    def _adjusted(self) -> Iterator[Adjusted]:
        """Tell what was changed since the last step."""
        if self._changes and time.monotonic() >= self._told_from:
            self._note_changes()
        told, self._noted = self._noted, []
        yield from told

    def _note_changes(self) -> None:
        """Write down what was changed; before a checkpoint too, which holds the changed values."""
        if self._changes:
            event = Adjusted(*self._changed_at, **self._changes)
            self._changes = {}
            self._output.note(event)
            self._position.adjustments += 1
            self._noted.append(event)

    def _progress(self) -> Progress | None:
        """The means so far, ten times a second: reading them makes the device wait."""
        now = time.monotonic()
        if now - self._read_out_at < _READ_OUT_SECONDS:
            return None
        self._check_steps()
        self._read_out_at = now
        return Progress(
            step=self._position.step,
            steps=self._total_steps,
            epoch=self._position.epochs_done + 1,
            epochs=self._plan.epochs,
            train=self._meter.read(),
            images_per_second=self._clock.mark(),
            seconds=self._clock.seconds,
            remaining=self._remaining(),
            device_memory=device_memory(self.device),
        )

    def _remaining(self) -> float | None:
        """Seconds to the end of the run, its closing included; no patience is counted on."""
        validation, points = len(self._validation_index), min(MOST_POINTS, len(self._dataset.images))
        return self._clock.remaining(
            self._total_steps - self._position.step,
            self._plan.epochs - self._position.epochs_done,
            _WORK_OF_VALIDATION * validation / self._batch_size,
            _WORK_OF_ENCODING * points / self._batch_size,
        )

    def _end_epoch(self) -> Iterator[Event | None]:
        """Validate, keep the model if it is the best yet, and tell."""
        self._check_steps()
        train = self._meter.read(self._group)
        rate = self._clock.mark()
        validation, per_dimension = yield from self._validate()
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
        yield from self._remember(train, validation)

    def _remember(self, train: Means, validation: Means | None) -> Iterator[None]:
        """Keep the epoch that has just ended in the run's history, where it is the last or does not take too long."""
        done = self._position.epochs_done
        due = self._snapshots is not None and self._snapshots.due(self._clock.seconds, done, self._plan.epochs)
        if due or not self._goes_on():
            splits = {"train": train, "validation": validation or {}}
            metrics = {f"{split}_{name}": value for split, means in splits.items() for name, value in means.items()}
            yield from self._keep(done, metrics)

    def _keep(self, epoch: int, metrics: dict[str, float]) -> Iterator[None]:
        if self._snapshots is None:
            return
        for _ in self._snapshots.take(epoch, metrics):
            self._clock.tick()
            yield None
            self._clock.resume()

    def _keep_last(self) -> Iterator[None]:
        """Keep what the run came to, under the number of the epoch it was in: going on from there makes that again."""
        at = self._position
        within = at.step > at.epochs_done * self._steps_per_epoch
        epoch = at.epochs_done + within
        if self._snapshots is not None and epoch > self._snapshots.newest:
            yield from self._keep(epoch, {})

    def _try_precision(self) -> None:
        """See on the first images whether bfloat16 still stays within the ELBO's noise."""
        self._position.precision = self._precision.name
        if not self._precision.may_change:
            return
        images, places = next(self._feed.order(0, min(self._batch_size, self._stepper.micro_batch)))
        with self._stream.aside():
            failed = not self._precision.holds(self._feed.batch(images, places))
        if self._group is not None:
            failed = self._group.any(failed)
        if failed:
            self._precision.give_up()
            self._position.precision = self._precision.name
            self._steps.forget()
            self._steps.notices.append(
                "bfloat16 would move the ELBO by more than its noise over a batch; the networks compute in float32"
            )

    def _validate(self) -> Generator[None, None, tuple[Means | None, tuple[float, ...] | None]]:
        """Means over the images held out, a batch at a time; ``None`` when none are."""
        count, size = len(self._validation_index), self._stepper.micro_batch
        if not count:
            return None, None
        totals = np.zeros(3 + self.model.latent_dim)
        seed = derived_seed(self.config.training.seed, VALIDATION)
        # A static draw is in the feed's images already.
        draw: Binarise = "dynamic" if self.config.training.binarise == "dynamic" else "none"
        group = self._group
        first, stride = (0, size) if group is None else (group.rank * size, group.size * size)
        for start in range(first, count, stride):
            self._clock.resume()
            index = self._validation_index[start : start + size]
            images, labels = self._feed.gather(index)
            # The noise depends on the place alone, so that an epoch is compared with the one before it.
            bound = quick_bound(self.model, images, labels, size, draw, (seed + start) % 2**63)
            totals += len(index) * np.array([bound.elbo, bound.rate, bound.distortion, *bound.kl_per_dimension])
            self._clock.tick()
            yield None
        if group is not None:
            totals = group.sum(torch.from_numpy(totals)).numpy()
        elbo, rate, distortion, *per_dimension = (totals / count).tolist()
        return {"elbo": elbo, "rate": rate, "distortion": distortion}, tuple(per_dimension)

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
        yield from self._keep_last()
        if self._best.weights:
            put_weights(self.model, self._best.weights)
        points = yield from encode_points(self.loaded, self._dataset)
        preview, extent = yield from manifold_preview(self.loaded)
        self.loaded.points, self.loaded.preview = points, preview
        self.loaded.header = self._output.model(self.model, self._best, points, preview, extent)
        self._clock.tick()
        folder = self._output.folder
        yield Finished(
            run="" if folder is None else str(folder.path),
            model="" if folder is None else str(folder.model),
            epochs=self._position.epochs_done,
            seconds=self._clock.seconds,
            reason=self._reason(),
        )

    def _started(self) -> Started:
        return Started(
            recipe=self.config.model.recipe,
            images=len(self._training_index),
            validation_images=len(self._validation_index),
            device=str(self.device),
            parameters=self.loaded.header.parameters,
            latent_dim=self.model.latent_dim,
            image_shape=self._dataset.image_shape,
            epoch=self._position.epochs_done,
            epochs=self._plan.epochs,
            steps_per_epoch=self._steps_per_epoch,
            precision=self._precision.name,
            beta=self.model.beta,
        )

    def _is_to_stop(self) -> bool:
        """Whether to end after this step; several processes agree on it every few steps, and end after the same."""
        if self._group is not None:
            asked = self._position.step % _STEPS_BETWEEN_QUESTIONS == 0 and self._group.any(self._stopping)
            self._agreed = self._agreed or asked
            return self._agreed
        return self._stopping

    def _goes_on(self) -> bool:
        epochs_left = self._position.epochs_done < self._plan.epochs
        return epochs_left and not (self._agreed if self._group else self._stopping) and not self._out_of_patience()

    def _reason(self) -> str:
        if self._position.epochs_done >= self._plan.epochs:
            return "done"
        return "patience" if self._out_of_patience() else "stopped"

    def _out_of_patience(self) -> bool:
        return 0 < self._plan.patience <= self._position.stale_epochs

    def _check_steps(self) -> None:
        """See whether the device had to skip a step."""
        try:
            self._stepper.optimisers.check()
        except BadStep as bad:
            raise self._not_finite(bad) from None

    def _not_finite(self, bad: BadStep) -> RunError:
        folder = self._output.folder
        where = "" if folder is None or not folder.checkpoint.exists() else f" (on disk, those of {folder.checkpoint})"
        return RunError(
            f"the objective is no longer finite at step {bad.step} (recipe {self.config.model.recipe}, learning rate "
            f"{self._stepper.optimisers.learning_rate:g}); training stopped before that step and the last good weights "
            f"are kept{where}; try a lower learning rate"
        )
