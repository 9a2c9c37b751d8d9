"""Activities: the newest is shown, each ends with its cause, and below them is the idle text."""

from __future__ import annotations

import pytest

from latentlab.state.activity import Activity, ActivityEntry


@pytest.fixture
def activity(qapp) -> Activity:
    return Activity()


def test_the_newest_activity_is_shown_and_the_one_before_it_again_when_it_ends(activity):
    activity.begin("run", ActivityEntry("Training", 0.25))
    activity.begin("loading", ActivityEntry("Reading images", is_busy=True))
    activity.begin("run", ActivityEntry("Training", 0.5))
    assert activity.shown.text == "Reading images", "an update does not bring an activity to the top"
    activity.end("loading")
    assert activity.shown == ActivityEntry("Training", 0.5)
    activity.end("run")
    assert activity.shown == ActivityEntry("Ready")


def test_the_idle_text_is_shown_only_without_activities(activity):
    activity.begin("loading", ActivityEntry("Reading images"))
    activity.set_idle_text("Paused at epoch 3 of 20")
    assert activity.shown.text == "Reading images"
    activity.end("loading")
    assert activity.shown.text == "Paused at epoch 3 of 20"


def test_a_transient_message_ends_by_itself_and_the_activity_below_is_shown_again(activity, qtbot):
    activity.begin("run", ActivityEntry("Training"))
    activity.show_for("selection", "3 points selected", 0.05)
    assert activity.shown.text == "3 points selected"
    qtbot.waitUntil(lambda: activity.shown.text == "Training")


def test_a_transient_message_shown_again_starts_its_time_again(activity, qtbot):
    activity.show_for("selection", "3 points selected", 0.05)
    activity.show_for("selection", "5 points selected", 600)
    with qtbot.assertNotEmitted(activity.changed, wait=150):
        pass
    assert activity.shown.text == "5 points selected"


def test_changes_are_signalled_only_if_the_shown_entry_differs(activity, qtbot):
    activity.begin("run", ActivityEntry("Training"))
    with qtbot.assertNotEmitted(activity.changed):
        activity.begin("run", ActivityEntry("Training"))
        activity.end("loading")
        activity.set_idle_text("Ready")
    with qtbot.waitSignal(activity.changed):
        activity.end("run")


def test_the_shown_activity_is_cancelled_and_no_other(activity):
    cancelled = []
    activity.begin("loading", ActivityEntry("Reading", cancel=lambda: cancelled.append("loading")))
    activity.begin("saving", ActivityEntry("Saving"))
    activity.cancel()
    assert cancelled == []
    activity.end("saving")
    activity.cancel()
    assert cancelled == ["loading"]
