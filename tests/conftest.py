"""Fixtures for every test: an offscreen screen, its own folders, and checks of what it logged and left behind."""

from __future__ import annotations

import gc
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes share the cores already

# The same examples in every run, and no failure because the machine is busy.
settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Escape lone surrogates of hostile names in what was captured: several processes report it to one as UTF-8."""
    report = yield
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode("utf-8")) for title, text in report.sections
    ]
    return report


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the program's cache, data and settings away from the user's own."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    monkeypatch.setenv("HOME", str(home))
    return home


class _Warnings(logging.Handler):
    """Keeps every record of level WARNING and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def no_unexpected_log_lines(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that logs a warning or an error which it does not expect.

    A test expects what it marks with ``@pytest.mark.logs("regular expression")``, or anything if it uses ``caplog``.
    """
    handler, root = _Warnings(), logging.getLogger()
    root.addHandler(handler)
    yield
    root.removeHandler(handler)
    if "caplog" in request.fixturenames:
        return
    expected = [pattern for marker in request.node.iter_markers("logs") for pattern in marker.args]
    messages = [f"{record.name}: {record.getMessage()}" for record in handler.records]
    unexpected = [text for text in messages if not any(re.search(pattern, text) for pattern in expected)]
    assert not unexpected, f"unexpected log lines: {unexpected}"


_modules_when_frozen = 0


@pytest.fixture(autouse=True)
def imported_objects_are_frozen() -> None:
    """Take what libraries made on import out of the garbage collector's lists.

    torch and Qt bring a million objects. The search for timers left behind walks all objects that the collector knows,
    after a whole collection: without this it takes most of the time of a test of the window.
    """
    global _modules_when_frozen
    if len(sys.modules) > _modules_when_frozen + 20:
        gc.collect()
        gc.freeze()
        _modules_when_frozen = len(sys.modules)


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest):
    """Fail the test that leaves a thread, a running timer or a top-level widget behind."""
    threads_before = set(threading.enumerate())
    uses_qt = "qtbot" in request.fixturenames or "qapp" in request.fixturenames
    widgets_before = _top_level_widgets() if uses_qt else set()
    if uses_qt:
        gc.disable()  # or a worker's thread might free the Qt objects of an earlier test while this one uses others
    yield
    gc.enable()
    left = _wait_until_gone(threads_before)
    assert not left, f"threads left behind: {[thread.name for thread in left]}"
    if uses_qt:
        widgets = {w for w in _top_level_widgets() - widgets_before if w.isVisible()}
        assert not widgets, f"top-level widgets left behind: {widgets}"
        timers = _active_timers()
        assert not timers, f"timers left running: {timers}"
        _delete_windows(_top_level_widgets() - widgets_before)


def _wait_until_gone(before: set[threading.Thread], seconds: float = 5.0) -> list[threading.Thread]:
    # Threads made by native pools (torch's, tqdm's monitor) and zarr's are of the process, not of the test.
    end = time.monotonic() + seconds
    while True:
        left = [
            thread
            for thread in threading.enumerate()
            if thread not in before
            and thread.is_alive()
            and not thread.name.startswith(("Dummy", "tqdm", "pydevd", "zarr_io", "asyncio_"))
        ]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.02)


def _top_level_widgets() -> set:
    from PySide6.QtWidgets import QApplication

    return set(QApplication.topLevelWidgets()) if QApplication.instance() else set()


def _delete_windows(windows: set) -> None:
    """Delete the main windows that a test made and hid: slots that are functions keep theirs alive for ever.

    They and their hundreds of widgets would be styled anew whenever a later test changes the colours, which took 16 s
    after a hundred tests.
    """
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QMainWindow

    for window in windows:
        if _is_alive(window) and isinstance(window, QMainWindow):
            window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _active_timers() -> list[str]:
    """Running QTimers without a living parent: nothing would ever stop them."""
    from PySide6.QtCore import QCoreApplication, QEvent, QTimer

    application = QCoreApplication.instance()
    if application is None:
        return []
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    return [
        repr(timer)
        for timer in gc.get_objects()
        if type(timer) is QTimer and _is_alive(timer) and timer.isActive() and timer.parent() is None
    ]


def _is_alive(item: object) -> bool:
    import shiboken6

    return shiboken6.isValid(item)
