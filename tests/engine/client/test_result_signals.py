"""Every result is emitted by the signal of its kind."""

from __future__ import annotations

import pytest

from latentlab.config.events import Adjusted, Checkpoint, Epoch, Event, Finished, Progress, Started, Suggested, Warned
from latentlab.engine.client.result_signals import ResultSignals, signal_of
from latentlab.engine.protocol import messages
from latentlab.engine.protocol.messages import Notice, Result, TrainingEvent, TrainingProgress


def test_every_result_has_a_signal():
    kinds = [each for each in vars(messages).values() if isinstance(each, type) and issubclass(each, Result)]
    assert {signal_of(kind) for kind in kinds if kind is not Result} >= {"modelChanged", "pointsChanged", "decoded"}


def test_progress_is_emitted_as_a_training_event():
    assert signal_of(TrainingProgress) == "trainingEvent"


@pytest.mark.parametrize(
    ("signal", "event"),
    [
        ("trainingStarted", Started("vae", 9, 1, "cpu", 1, 2, (1, 8, 8))),
        ("trainingProgressed", Progress(1, 9, 1, 2, {}, 1.0, 1.0, None)),
        ("epochCompleted", Epoch(1, 2, {}, None, 1.0, 1.0)),
        ("trainingAdjusted", Adjusted(1, 1.0, beta=2.0)),
        ("checkpointWritten", Checkpoint("run/checkpoint.safetensors", 7)),
        ("trainingWarned", Warned("a warning")),
        ("trainingFinished", Finished("run", "run/model.safetensors", 2, 1.0)),
    ],
)
def test_every_kind_of_training_event_has_a_signal_of_its_own(qapp, signal, event):
    signals, emitted = ResultSignals(), []
    for name in ResultSignals.EVENT_SIGNALS.values():
        getattr(signals, name).connect(lambda received, name=name: emitted.append((name, received)))
    signals.emit_result(TrainingProgress(event) if isinstance(event, Progress) else TrainingEvent(event))
    assert emitted == [(signal, event)]


def test_no_kind_of_training_event_is_without_a_signal():
    # Suggested comes before a run that starts without a recipe: the worker is always given one.
    assert set(ResultSignals.EVENT_SIGNALS) == set(Event.__subclasses__()) - {Suggested}


def test_a_result_is_emitted_for_all_and_for_its_kind(qapp):
    signals, emitted = ResultSignals(), []
    signals.received.connect(lambda result: emitted.append(("all", result)))
    signals.notice.connect(lambda result: emitted.append(("notice", result)))
    signals.failed.connect(lambda result: emitted.append(("failed", result)))
    signals.emit_result(Notice("a message"))
    assert emitted == [("all", Notice("a message")), ("notice", Notice("a message"))]
