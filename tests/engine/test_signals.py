"""Every result reaches those who listen to its kind."""

from __future__ import annotations

from latentlab.engine import messages
from latentlab.engine.messages import Notice, Result, TrainingProgress
from latentlab.engine.signals import ResultSignals, signal_of


def test_every_result_has_a_signal():
    kinds = [each for each in vars(messages).values() if isinstance(each, type) and issubclass(each, Result)]
    assert {signal_of(kind) for kind in kinds if kind is not Result} >= {"modelChanged", "pointsChanged", "decoded"}


def test_progress_is_told_as_an_event_of_the_training():
    assert signal_of(TrainingProgress) == "trainingEvent"


def test_a_result_is_told_to_all_and_to_those_who_want_its_kind(qapp):
    signals, heard = ResultSignals(), []
    signals.received.connect(lambda result: heard.append(("all", result)))
    signals.notice.connect(lambda result: heard.append(("notice", result)))
    signals.failed.connect(lambda result: heard.append(("failed", result)))
    signals.tell(Notice("a word"))
    assert heard == [("all", Notice("a word")), ("notice", Notice("a word"))]
