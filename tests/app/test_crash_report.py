"""Fault logs of crashes, and reports of uncaught exceptions."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
import shiboken6
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from latentlab.app.crash_report import UncaughtExceptions, take_fault_logs
from latentlab.controllers.status_line import StatusLineController
from latentlab.gui.widgets.dialogs import ReportDialog
from latentlab.gui.widgets.status_bar import StatusBar
from latentlab.state.activity import Activity


def run(code: str) -> int:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode


def test_row_24_a_segfault_leaves_a_log_for_the_next_start():
    imports = "import faulthandler; from latentlab.app.crash_report import FaultLog"
    assert run(f"{imports}; log = FaultLog(); faulthandler._sigsegv()") != 0
    (text,) = take_fault_logs()
    assert "Segmentation fault" in text
    assert take_fault_logs() == [], "reported once"


def test_a_normal_end_leaves_no_log():
    assert run("from latentlab.app.crash_report import FaultLog; FaultLog().close()") == 0
    assert take_fault_logs() == []


@pytest.fixture
def reports(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)
    reports = []
    hooks = UncaughtExceptions(lambda summary, details: reports.append((summary, details)))
    yield reports
    hooks.remove()


@pytest.mark.logs("uncaught exception")
def test_row_19_an_uncaught_exception_is_reported_with_its_traceback(reports):
    try:
        raise RuntimeError("a slot went wrong")
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    ((summary, details),) = reports
    assert summary == "RuntimeError: a slot went wrong"
    assert "test_crash_report.py" in details


@pytest.mark.logs("uncaught exception")
def test_row_19_an_exception_of_another_thread_is_reported_too(reports):
    def fail() -> None:
        raise ValueError("elsewhere")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert reports[0][0] == "ValueError: elsewhere"


@pytest.mark.logs("uncaught exception")
def test_row_19_an_exception_of_the_report_itself_does_not_repeat_for_ever(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    reported = []

    def report(summary: str, _details: str) -> None:
        reported.append(summary)
        sys.excepthook(ValueError, ValueError("while reporting"), None)  # as of a slot

    hooks = UncaughtExceptions(report)
    for number in range(2):
        sys.excepthook(RuntimeError, RuntimeError(f"first {number}"), None)
    hooks.remove()
    assert reported == ["RuntimeError: first 0", "RuntimeError: first 1"]


@pytest.mark.logs("already deleted")
def test_row_35_a_signal_for_a_deleted_widget_is_reported_and_others_receive_it(qapp, reports):
    activity, status, received = Activity(), StatusBar(), []
    controller = StatusLineController(activity, status)
    activity.changed.connect(lambda: received.append(activity.shown.text))
    shiboken6.delete(status)
    activity.set_idle_text("after the deletion")
    assert received == ["after the deletion"]
    ((summary, details),) = reports
    assert "already deleted" in summary
    assert "status_line.py" in details
    shiboken6.delete(controller)
    activity.set_idle_text("without anyone")
    assert len(reports) == 1


class FailsOnce(QWidget):
    """Raises in its first paint event, with its painter active; keeps whether a report was visible before it ended."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.seen: list[bool] = []

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self.seen:
            return
        painter = QPainter(self)
        try:
            sys.excepthook(RuntimeError, RuntimeError("while painting"), None)
            self.seen.append(bool(visible_reports(self.window())))
        finally:
            painter.end()


def visible_reports(window: QWidget) -> list[ReportDialog]:
    return [dialog for dialog in window.findChildren(ReportDialog) if dialog.isVisible()]


@pytest.fixture
def quiet_hook(monkeypatch):
    """What the program's own handler passes an exception to."""
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)


@pytest.mark.logs("uncaught exception")
def test_row_19_an_exception_of_a_paint_event_is_reported_after_it(quiet_hook, application, qtbot):
    widget = FailsOnce(application.window)
    widget.resize(20, 20)
    widget.show()
    qtbot.waitUntil(lambda: len(visible_reports(application.window)) == 1)
    assert widget.seen == [False]
    visible_reports(application.window)[0].close()
