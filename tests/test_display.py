"""No screen: one line that says so, and never an abort (reliability row 36)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from latentlab.display import require_display
from latentlab.errors import InputError

pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="displays are X11's and Wayland's")


@pytest.mark.parametrize(("display", "says"), [("", "no display"), (":4077", "does not answer"), ("?", "not answer")])
def test_row_36_no_display_is_said_in_one_line(monkeypatch, display, says):
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(InputError, match=says) as caught:
        require_display()
    assert "\n" not in str(caught.value)


def test_row_36_the_program_exits_with_2():
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    command = [sys.executable, "-m", "latentlab"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("latentlab: error: no display")
    assert "latentlab train" in line
