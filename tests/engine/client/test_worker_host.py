"""How a worker's process is started."""

from __future__ import annotations

import sys

import pytest

from latentlab.engine.client.worker_host import ProcessHost, worker_command
from latentlab.engine.protocol.messages import Shutdown, WorkerReady
from latentlab.utils.child_process import MODULE_FLAG

AS_FROZEN = [MODULE_FLAG, "latentlab.engine.worker"]


def test_a_frozen_program_starts_itself_as_its_worker(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert worker_command() == [sys.executable, *AS_FROZEN]


@pytest.mark.parametrize("command", [None, [sys.executable, "-m", "latentlab", *AS_FROZEN]])
def test_the_worker_imports_nothing_from_the_current_folder(command, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the current folder')")
    if command is None:
        monkeypatch.chdir(tmp_path)
    host = ProcessHost(["cpu", "1", ""], None, command)
    kinds = []
    host.send(Shutdown())
    assert host.receive_until_exit(lambda result: kinds.append(type(result))) == 0, host.stderr_tail()
    assert kinds == [WorkerReady]


def test_the_child_inherits_nothing_but_its_end_of_the_pipe(tmp_path):
    """No standard input and no open files; a session of its own, so that Ctrl-C interrupts the window only."""
    code = (
        "import os, sys\n"
        "print(sys.stdin.read() == '', os.getsid(0) == os.getpid(), os.environ['OMP_WAIT_POLICY'])\n"
        "listed = [int(name) for name in os.listdir('/proc/self/fd')]\n"
        "print([fd for fd in listed if fd > 2 and os.path.exists(f'/proc/self/fd/{fd}')] == [int(sys.argv[1])])\n"
    )
    with open(tmp_path / "open", "w"):
        host = ProcessHost([], None, [sys.executable, "-c", code])
        assert host.receive_until_exit(lambda _: None) == 0
    assert host.stderr_tail().split() == ["True", "True", "PASSIVE", "True"]
