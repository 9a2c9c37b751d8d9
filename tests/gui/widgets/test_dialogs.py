"""About, the fault report and the log: what they show can be copied."""

from __future__ import annotations

import logging
import threading

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from latentlab.gui.panels.log import LogHandler, LogView
from latentlab.gui.widgets.dialogs import AboutDialog, ReportDialog


def press(qtbot, widget, name):
    qtbot.mouseClick(widget.findChild(object, name), Qt.MouseButton.LeftButton)


def test_about_is_copied_as_lines(qtbot, shown):
    dialog = shown(AboutDialog({"Versions": {"torch": "2.15"}, "Paths": {"cache": "/tmp/cache"}}))
    press(qtbot, dialog, "copyAbout")
    assert QGuiApplication.clipboard().text() == "Versions\n  torch: 2.15\nPaths\n  cache: /tmp/cache"
    press(qtbot, dialog, "closeAbout")
    assert not dialog.isVisible()


def test_the_report_is_copied_whole(qtbot, shown):
    dialog = shown(ReportDialog("ValueError: no", "Traceback\n  line"), 640, 420)
    press(qtbot, dialog, "copyReport")
    assert QGuiApplication.clipboard().text() == "Traceback\n  line"
    press(qtbot, dialog, "closeReport")
    assert not dialog.isVisible()


def test_log_lines_come_from_any_thread(qtbot, shown):
    view = shown(LogView())
    handler = LogHandler(view)
    logger = logging.Logger("latentlab.test")
    logger.addHandler(handler)
    thread = threading.Thread(target=logger.warning, args=("from %s", "afar"))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: "from afar" in view.text())
    press(qtbot, view, "copyLog")
    assert "from afar" in QGuiApplication.clipboard().text()
    press(qtbot, view, "clearLog")
    assert view.text() == ""
