"""A new run tries several numbers of CPU threads, which changes nothing else about it."""

from __future__ import annotations

import pytest
import torch

from latentlab.config.events import Started
from latentlab.errors import RunError
from latentlab.models.families.vae import VAE
from latentlab.storage import RunFolder, read_model
from latentlab.training import Trainer
from latentlab.training.step import cpu_threads, step_runner, threads_trial
from tests.training.helpers import bars, run_config, train


class Clock:
    """Time passes by the number of torch's threads: ``seconds`` for each reading."""

    def __init__(self, seconds: dict[int, float]) -> None:
        self.seconds, self.now = seconds, 0.0
        self.tried: set[int] = set()

    def perf_counter(self) -> float:
        self.tried.add(torch.get_num_threads())
        self.now += self.seconds[torch.get_num_threads()]
        return self.now


@pytest.fixture
def machine(monkeypatch):
    """Sets the number of cores, and how long a step takes with each number of threads; every run is worth a trial."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(step_runner, "is_trial_worthwhile", lambda *_: True)
    before = torch.get_num_threads()
    torch.set_num_threads(1)

    def set_machine(*seconds: float) -> Clock:
        """Seconds of a step with 1, 2, … threads."""
        clock = Clock(dict(enumerate(seconds, 1)))
        monkeypatch.setattr(cpu_threads, "available_cores", lambda: len(seconds))
        monkeypatch.setattr(threads_trial, "time", clock)
        return clock

    yield set_machine
    torch.set_num_threads(before)


def chosen(config=None, **arguments):
    """The number of threads of a run that has just started."""
    trainer = Trainer(bars(), config or run_config(), **arguments)
    return next(event.threads for event in trainer.steps() if isinstance(event, Started))


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ((0.04, 0.03), 2),
        ((0.04, 0.0395), 1),  # the gain is within the noise
        ((0.04, 0.4), 1),
        ((0.04, 0.03, 0.02, 0.01), 4),
        ((0.04, 0.02, 0.03, 0.03), 2),
    ],
)
def test_the_fastest_number_is_taken(machine, seconds, best):
    machine(*seconds)
    assert chosen() == best


def test_numbers_beyond_one_that_is_far_slower_are_not_tried(machine):
    clock = machine(*[0.01] + [0.1] * 7)
    assert chosen() == 1
    assert clock.tried == {1, 2}


def test_beside_a_window_a_core_stays_free_or_the_last_gains_much(machine):
    machine(0.04, 0.03, 0.02, 0.01)
    assert chosen(beside_a_window=True) == 3
    machine(0.04, 0.037)
    assert chosen(beside_a_window=True) == 1
    assert chosen() == 2
    machine(0.04, 0.03)
    assert chosen(beside_a_window=True) == 2


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"prior": {"kind": "vamp", "components": 7}},
        {"family": "factor"},
        {"family": "vq", "architecture": {"kind": "conv", "width": 4}, "codebook": {"size": 8, "dimension": 2}},
        {"posterior": {"refine": 2}},
        {"likelihood": {"kind": "gaussian", "sigma": "optimal"}},
    ],
    ids=["vae", "vamp", "factor", "vq", "refined", "optimal-sigma"],
)
def test_a_trial_changes_neither_weights_nor_random_numbers(machine, tmp_path, model):
    """The run that has tried and the one that was given the same number are the same to the bit."""
    machine(0.04, 0.03)
    auto, given = (run_config(model, epochs=1, binarise="dynamic", threads=n) for n in (0, 2))
    trainer, _ = train(bars(), auto, tmp_path / "auto")
    assert trainer.threads == 2
    train(bars(), given, tmp_path / "given")
    auto, given = (RunFolder(tmp_path / name).read_checkpoint().tensors for name in ("auto", "given"))
    assert {name: array.tobytes() for name, array in auto.items()} == {
        name: array.tobytes() for name, array in given.items()
    }


def test_the_number_is_kept_with_the_run_and_a_resumed_one_does_not_try_again(machine, tmp_path):
    machine(0.04, 0.03)
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    for _ in trainer.steps():
        if trainer.step == 3:
            trainer.stop()
    clock = machine(0.01, 1.0)
    trainer, events = train(bars(), run_config(), tmp_path / "run", resume=True)
    assert not clock.tried
    assert trainer.threads == events[0].threads == 2
    assert read_model(RunFolder(tmp_path / "run").model).header.training["threads_used"] == 2
    assert RunFolder(tmp_path / "run").read_record().config.training.threads == 0


def test_a_step_that_fails_ends_the_trial_and_the_run_says_why(machine, monkeypatch):
    machine(0.04, 0.03)
    monkeypatch.setattr(VAE, "log_likelihood", lambda self, z, _: z.sum(-1) * torch.nan)
    with pytest.raises(RunError, match="no longer finite at step 0"):
        train(bars(), run_config())


def test_small_steps_and_short_runs_are_not_worth_a_trial(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(cpu_threads, "available_cores", lambda: 8)
    monkeypatch.setattr(threads_trial, "ThreadsTrial", None)
    small, short = run_config(epochs=100), run_config({"architecture": {"hidden": 5000}}, epochs=1, batch_size=128)
    for config in (small, short):
        model = Trainer(bars(), config).model
        assert not cpu_threads.is_trial_worthwhile(config.training, model, steps=4 * config.training.epochs)
    assert cpu_threads.is_trial_worthwhile(short.training, model, steps=400)
