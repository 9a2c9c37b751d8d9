"""What goes wrong in the window's own process, in a process of its own (rows of the reliability table)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from latentlab.storage import RunFolder

ROOT = Path(__file__).parents[2]

# A window that trains for ever, and says so after its first epochs.
WINDOW = """
import json, sys, threading
from PySide6.QtCore import QObject, QThread, QTimer
from latentlab import app
from latentlab.config.events import Epoch

application = app.build(["--device", "cpu"])
application.window.show()
found = lambda name: application.window.findChild(QObject, name)

def say(**what):
    print(json.dumps(what), flush=True)

def on_training_event(result):
    if isinstance(result.event, Epoch) and result.event.epoch == 2:
        say(run=application.session.run_folder)
        begin()

application.engine.datasetOpened.connect(lambda _: (found("epochs").setValue(1_000_000), found("trainButton").click()))
application.engine.trainingEvent.connect(on_training_event)
application.window.pathsDropped.emit([sys.argv[1]])
"""

CLOSES = """
def begin():
    application.window.close()
    found("question").defaultButton().click()
"""

WAITS = """
def begin():
    pass
"""

RAISES = """
def begin():
    # No regular autosave has this latent, and the next one is due in seconds.
    application.session.set_latent([1.25, -0.75])
    for _ in range(3):
        QTimer.singleShot(0, lambda: 1 / 0)
    failing = threading.Thread(target=lambda: [][0])
    failing.start()
    failing.join()
    QTimer.singleShot(200, look)

from latentlab.controllers.autosave import AutosaveController
from latentlab.gui.widgets.dialogs import ReportDialog
from latentlab.storage.session_file import autosave_path, read_session

def look():
    dialogs = application.window.findChildren(ReportDialog)
    say(
        dialogs=len(dialogs),
        report=dialogs[0].findChild(QObject, "report").toPlainText(),
        saved=read_session(autosave_path()).latent,
        state=application.session.run_state,
    )
    dialogs[0].close()
    AutosaveController.autosave = lambda self: [].pop()
    QTimer.singleShot(0, lambda: {}["the second"])
    QTimer.singleShot(200, look_again)

def look_again():
    shown = [each for each in application.window.findChildren(ReportDialog) if each.isVisible()]
    say(reports=[each.findChild(QObject, "report").toPlainText() for each in shown])
    application.close()
"""


def opened(what: str, folder: Path) -> subprocess.Popen[str]:
    code = WINDOW + what + "\nsys.exit(application.run())\n"
    command = [sys.executable, "-X", "faulthandler", "-c", code, str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, **pipes)


def next_word(window: subprocess.Popen[str]) -> dict:
    line = window.stdout.readline()
    assert line, window.stderr.read()
    return json.loads(line)


def complaints(errors: str) -> list[str]:
    """What was said on the standard error; the offscreen platform says one thing of its own."""
    return [line for line in errors.splitlines() if "propagateSizeHints" not in line]


@pytest.mark.real
def test_row_21_a_window_closed_while_it_trains_checkpoints_and_ends_with_0(own_folders, folder):
    with opened(CLOSES, folder) as window:
        run = next_word(window)["run"]
        _, errors = window.communicate(timeout=60)
    assert window.returncode == 0, errors
    assert complaints(errors) == [], "no destroyed thread, no timer that keeps running"
    assert RunFolder(run).read_checkpoint().position["position"]["epochs_done"] >= 2


@pytest.mark.real
def test_row_23_a_signal_to_the_window_checkpoints_and_ends_with_0(own_folders, folder):
    with opened(WAITS, folder) as window:
        run = next_word(window)["run"]
        window.send_signal(signal.SIGTERM)
        _, errors = window.communicate(timeout=60)
    assert window.returncode == 0, errors
    assert complaints(errors) == []
    assert RunFolder(run).read_checkpoint().position["position"]["epochs_done"] >= 2


@pytest.mark.real
def test_row_19_exceptions_nobody_caught_are_one_report_and_the_session_is_saved(own_folders, folder):
    """Three in a slot and one in another thread; the run continues."""
    with opened(RAISES, folder) as window:
        next_word(window)
        seen = next_word(window)
        (after_failed_save,) = next_word(window)["reports"]
        _, errors = window.communicate(timeout=60)
    assert window.returncode == 0, errors
    assert "the second" in after_failed_save, "also if the session cannot be saved"
    assert seen["dialogs"] == 1
    assert "Traceback" in seen["report"]
    assert "Python" in seen["report"], "what is asked for with every report"
    assert seen["saved"] == [1.25, -0.75], "saved when the exception came"
    assert seen["state"] == "running"
    assert errors.count("ZeroDivisionError") == 3, "the terminal sees all of them"
    assert "IndexError" in errors
