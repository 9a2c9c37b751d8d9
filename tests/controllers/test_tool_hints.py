"""The status line's hint about the active tool."""

from __future__ import annotations

import pytest

from latentlab.controllers.tool_hints import FIRST_HINT, ToolHintController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.state.activity import ActivityEntry
from latentlab.state.run_status import RunState


@pytest.fixture
def window(qtbot):
    window = MainWindow(LatentMap())
    yield window
    window.allow_close()


def test_each_tool_has_its_own_hint(window, session, activity, status):
    ToolHintController(session, window, activity, is_first_start=True, parent=window)
    assert status.message() == FIRST_HINT
    window.actions_.path.trigger()
    assert status.message().startswith("Click to add a waypoint, also on the path; drag to move it")
    window.actions_.select.trigger()
    assert status.message().startswith("Draw around points")
    activity.begin("loading", ActivityEntry("Opening photos"))
    assert status.message() == "Opening photos"
    activity.end("loading")
    window.actions_.explore.trigger()
    assert status.message() == FIRST_HINT


def test_the_hint_of_the_first_start_ends_with_the_first_run(window, session, activity, status):
    ToolHintController(session, window, activity, is_first_start=True, parent=window)
    session.update_run(state=RunState.RUNNING)
    session.update_run(state=RunState.IDLE)
    assert status.message() == "Ready"
