"""Every result reaches those who listen to its kind."""

from __future__ import annotations

import pytest

from latentlab.config.events import Adjusted, Checkpoint, Epoch, Event, Finished, Progress, Started, Warned
from latentlab.engine.client.result_signals import ResultSignals, signal_of
from latentlab.engine.protocol import messages
from latentlab.engine.protocol.messages import Notice, Result, TrainingEvent, TrainingProgress


def test_every_result_has_a_signal():
    kinds = [each for each in vars(messages).values() if isinstance(each, type) and issubclass(each, Result)]
    assert {signal_of(kind) for kind in kinds if kind is not Result} >= {"modelChanged", "pointsChanged", "decoded"}


def test_progress_is_told_as_an_event_of_the_training():
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
    signals, heard = ResultSignals(), []
    for name in ResultSignals.EVENT_SIGNALS.values():
        getattr(signals, name).connect(lambda received, name=name: heard.append((name, received)))
    signals.tell(TrainingProgress(event) if isinstance(event, Progress) else TrainingEvent(event))
    assert heard == [(signal, event)]


def test_no_kind_of_training_event_is_without_a_signal():
    assert set(ResultSignals.EVENT_SIGNALS) == set(Event.__subclasses__())


def test_a_result_is_told_to_all_and_to_those_who_want_its_kind(qapp):
    signals, heard = ResultSignals(), []
    signals.received.connect(lambda result: heard.append(("all", result)))
    signals.notice.connect(lambda result: heard.append(("notice", result)))
    signals.failed.connect(lambda result: heard.append(("failed", result)))
    signals.tell(Notice("a word"))
    assert heard == [("all", Notice("a word")), ("notice", Notice("a word"))]
