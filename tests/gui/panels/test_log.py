"""The Log panel: lines of any thread, visible and bounded."""

from __future__ import annotations

import logging
import threading

import pytest
import shiboken6
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QPushButton

from latentlab.gui.panels.log import LogHandler, LogView


class Recording(LogView):
    """Remembers the threads that add lines."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[threading.Thread] = []

    def add_line(self, line: str, level: str = "info") -> None:
        self.threads.append(threading.current_thread())
        super().add_line(line, level)


@pytest.fixture
def logged(qapp):
    """A view, and a function that logs in another thread."""
    view, logger = Recording(), logging.getLogger("tests.log")
    handler = LogHandler(view)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    def log(text: str) -> None:
        thread = threading.Thread(target=logger.info, args=("%s", text))
        thread.start()
        thread.join()

    yield view, log
    logger.removeHandler(handler)
    if shiboken6.isValid(view):
        shiboken6.delete(view)


def test_row_34_a_line_of_another_thread_is_added_on_the_gui_thread(logged, qtbot):
    view, log = logged
    log("from elsewhere")
    qtbot.waitUntil(lambda: "from elsewhere" in view.text())
    assert view.threads == [threading.main_thread()]


def test_row_35_a_line_for_a_deleted_view_is_dropped(logged, capsys):
    view, log = logged
    log("on its way")
    shiboken6.delete(view)
    log("too late")
    QApplication.processEvents()
    assert view.threads == []
    assert capsys.readouterr().err == ""


def test_a_line_shows_what_it_hides_and_is_cut(logged, qtbot):
    view, log = logged
    log("\x1b[2J\u202egnp" + "x" * 1_000_000)
    qtbot.waitUntil(lambda: bool(view.text()))
    assert "\\x1b[2J\\u202egnp" in view.text()
    assert len(view.text()) == 5000


def test_lines_are_filtered_by_level_and_text_and_what_is_shown_is_copied(logged):
    view, _ = logged
    view.add_notice("info", "Saved photos.png")
    view.add_notice("warning", "The disk is nearly full")
    view.add_notice("error", "No such file", "Traceback")
    view.findChild(QComboBox, "logLevel").setCurrentText("warnings and errors")
    assert "WARNING: The disk is nearly full" in view.text()
    assert "ERROR: No such file\nTraceback" in view.text()
    assert "Saved" not in view.text()
    view.findChild(QLineEdit, "logFilter").setText("DISK")
    view.findChild(QPushButton, "copyLog").click()
    copied = QApplication.clipboard().text()
    assert copied.endswith("WARNING: The disk is nearly full")
    assert copied[2] == copied[5] == ":", "with its time"
    view.findChild(QLineEdit, "logFilter").clear()
    view.findChild(QComboBox, "logLevel").setCurrentText("everything")
    assert len(view.text().splitlines()) == 4
    view.clear()
    assert view.text() == ""


def test_a_record_of_a_notification_is_not_shown_twice(logged):
    view, _ = logged
    logging.getLogger("tests.log").info("seen already", extra={"is_notice": True})
    logging.getLogger("tests.log").info("a line")
    QApplication.processEvents()
    assert view.text().endswith("tests.log: a line")
    assert "seen already" not in view.text()
