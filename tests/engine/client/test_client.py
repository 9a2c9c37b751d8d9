"""The window's side: hosts, signals, lost workers and shutdown, with a worker that needs no torch."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QThread, QTimer

from latentlab.engine.client import client as client_module
from latentlab.engine.client.client import EngineClient
from latentlab.engine.client.worker_host import ProcessHost, ThreadHost
from latentlab.engine.protocol.messages import (
    Decode,
    EncodeImage,
    Failed,
    OpenModel,
    RestartWorker,
    SaveModel,
    WorkerState,
)
from tests.engine import fake_worker

FAKE = [sys.executable, str(Path(fake_worker.__file__))]


def launch_fake(host="process", device="auto", model=None, first_version=1):
    if host == "process":
        return ProcessHost([model or "", str(first_version)], model, FAKE)
    return ThreadHost(lambda inbox, send: fake_worker.work(inbox, send, model or "", first_version), model)


@pytest.fixture(params=["process", "thread"])
def host(request):
    return request.param


@pytest.fixture
def engine(qapp, host, monkeypatch):
    monkeypatch.setattr(client_module, "launch", launch_fake)
    client = EngineClient()
    client.start(host)
    yield client
    client.shutdown(2.0)
    client.deleteLater()


in_a_process = pytest.mark.parametrize("host", ["process"], indirect=True)
loses_workers = pytest.mark.logs("the worker ended with code")


def decode(generation: int) -> Decode:
    return Decode(generation, np.zeros(2, np.float32))


def test_a_request_is_answered_on_the_gui_thread(engine, qtbot):
    threads = []
    engine.decoded.connect(lambda _: threads.append(QThread.currentThread() is engine.thread()))
    with qtbot.waitSignal(engine.decoded, timeout=10_000) as decoded:
        engine.request(decode(5))
    assert decoded.args[0].generation == 5
    assert decoded.args[0].image[0, 0] == 5
    assert threads == [True]


def test_of_fast_requests_the_last_is_always_answered(engine, qtbot):
    generations = []
    engine.decoded.connect(lambda result: generations.append(result.generation))
    for generation in range(2000):
        engine.request(decode(generation))
    qtbot.waitUntil(lambda: bool(generations) and generations[-1] == 1999, timeout=10_000)
    assert generations == sorted(set(generations))


def test_large_results_arrive_whole(engine, qtbot):
    with qtbot.waitSignal(engine.pointsChanged, timeout=10_000) as points:
        engine.request(SaveModel("anywhere"))
    assert points.args[0].mean.shape == (400_000, 2)


def test_row_20_a_flood_of_results_loses_none_and_leaves_the_event_loop_time(engine, qtbot):
    numbers, at_once = [], [0]

    def slowly(failed):  # slower than they arrive, so that they pile up
        numbers.append(int(failed.message))
        at_once[-1] += 1
        end = time.perf_counter() + 0.0002
        while time.perf_counter() < end:
            pass

    engine.failed.connect(slowly)
    timer = QTimer(engine)
    timer.timeout.connect(lambda: at_once.append(0))
    timer.start(0)
    engine.request(EncodeImage("flood"))
    qtbot.waitUntil(lambda: len(numbers) == 5000, timeout=120_000)  # takes two seconds; twenty on a machine under load
    timer.stop()
    assert numbers == list(range(5000))
    # 4 ms, or 20 results, at a time; then everything else that waits has its turn.
    assert max(at_once) <= 60


def test_shutdown_leaves_no_worker_and_may_be_repeated(qapp, qtbot, host, monkeypatch):
    monkeypatch.setattr(client_module, "launch", launch_fake)
    client = EngineClient()
    assert client.shutdown()  # never started
    with qtbot.waitSignal(client.workerReady, timeout=10_000):
        client.start(host)
    worker = client.host
    assert client.shutdown(5.0)
    assert client.host is None
    assert client.shutdown()
    if host == "process":
        assert worker.process.returncode == 0
    client.request(decode(1))  # nobody answers, but it is no error
    with qtbot.waitSignal(client.workerReady, timeout=10_000):
        client.start(host)
    assert client.shutdown(5.0)
    client.deleteLater()


def test_row_22_a_worker_that_does_not_stop_is_killed_in_time_and_that_is_reported(engine, qtbot):
    """A step that hangs."""
    with qtbot.waitSignal(engine.decoded, timeout=10_000):
        engine.request(decode(1))
    worker = engine.host
    engine.request(EncodeImage("hang"))
    notices = []
    engine.notice.connect(lambda notice: notices.append(notice.message))
    qtbot.wait(50)
    start = time.monotonic()
    assert not engine.shutdown(0.3)
    assert time.monotonic() - start < 3
    assert "did not answer" in notices[0]
    if isinstance(worker, ProcessHost):
        assert worker.process.returncode == -signal.SIGKILL
    else:
        fake_worker.released.set()  # a thread can only be abandoned; let it end before the test


@pytest.mark.parametrize("how", ["kill", "segfault", "abort"])
@in_a_process
@loses_workers
def test_row_22_a_lost_worker_is_replaced_and_opens_the_same_model(engine, qtbot, how):
    """SIGKILL (also what the kernel sends when memory is out), a native crash, and ``std::bad_alloc``."""
    with qtbot.waitSignal(engine.modelChanged, timeout=10_000) as before:
        engine.request(OpenModel("one.safetensors"))
    with qtbot.waitSignals([engine.workerLost, engine.modelChanged], timeout=10_000, order="strict"):
        lost = _keep(engine.workerLost)
        after = _keep(engine.modelChanged)
        if how == "kill":
            os.kill(engine.host.process.pid, signal.SIGKILL)
        else:
            engine.request(EncodeImage(how))
    code = {"kill": signal.SIGKILL, "segfault": signal.SIGSEGV, "abort": signal.SIGABRT}[how]
    assert lost[0].exit_code == -code
    assert code.name in lost[0].message
    assert how == "kill" or "Fatal Python error: " in lost[0].details
    assert after[0].info.source == "one.safetensors"
    assert not after[0].is_new_model
    assert after[0].model_version > before.args[0].model_version
    with qtbot.waitSignal(engine.decoded, timeout=10_000):
        engine.request(decode(1))


def _keep(signal_):
    kept = []
    signal_.connect(kept.append)
    return kept


@loses_workers
def test_an_error_that_escapes_the_worker_ends_it(engine, qtbot):
    lost = _keep(engine.workerLost)
    with qtbot.waitSignals([engine.workerLost, engine.workerReady], timeout=10_000):
        engine.request(EncodeImage("raise"))
    assert lost[0].exit_code == 1
    assert "ValueError: as asked" in lost[0].details


@loses_workers
def test_a_worker_that_crashes_at_start_is_not_started_forever(qapp, qtbot, monkeypatch):
    starts = []

    def launch_crashing(*arguments, **_):
        starts.append(arguments)
        return ProcessHost(["crash", "1"], None, FAKE)

    monkeypatch.setattr(client_module, "launch", launch_crashing)
    monkeypatch.setattr("latentlab.engine.client.restart._FIRST_PAUSE", 1)
    client = EngineClient()
    with qtbot.waitSignal(client.failed, timeout=30_000) as failed:
        client.start("process")
    assert "not started again" in failed.args[0].message
    assert len(starts) == 3
    assert client.host is None
    qtbot.waitUntil(lambda: client.status.state is WorkerState.GIVEN_UP)
    client.shutdown()
    client.deleteLater()


@loses_workers
def test_row_15_an_accelerator_that_stays_lost_is_replaced_by_the_cpu(qapp, qtbot, monkeypatch):
    devices = []

    def launch_on(_home, device, *_):
        devices.append(device)
        return ProcessHost(["" if device == "cpu" else "device lost", "1"], None, FAKE)

    monkeypatch.setattr(client_module, "launch", launch_on)
    monkeypatch.setattr("latentlab.engine.client.restart._FIRST_PAUSE", 1)
    client = EngineClient()
    notices = _keep(client.notice)
    with qtbot.waitSignal(client.workerReady, timeout=30_000):
        client.start("process", "auto")
    assert devices == ["auto", "auto", "cpu"]
    assert "CPU" in notices[0].message
    assert client.shutdown()
    client.deleteLater()


@in_a_process
def test_the_workers_output_goes_to_its_log_not_to_the_channel(engine, qtbot):
    with qtbot.waitSignal(engine.notice, timeout=10_000):
        engine.request(EncodeImage("print"))
    assert engine.host.stderr_tail().strip() == "a line on stdout"


@in_a_process
@loses_workers
def test_requests_without_a_worker_reach_the_next_one(engine, qtbot):
    with qtbot.waitSignal(engine.workerReady, timeout=10_000):
        pass
    engine.workerLost.connect(lambda _: engine.request(decode(9)))
    with qtbot.waitSignal(engine.decoded, timeout=10_000) as decoded:
        engine.host.process.kill()
    assert decoded.args[0].generation == 9


@in_a_process
def test_a_stopped_child_never_blocks_the_window(engine, qtbot):
    with qtbot.waitSignal(engine.workerReady, timeout=10_000):
        pass
    os.kill(engine.host.process.pid, signal.SIGSTOP)
    slowest = 0.0
    for generation in range(5000):
        start = time.perf_counter()
        engine.request(decode(generation))
        slowest = max(slowest, time.perf_counter() - start)
    os.kill(engine.host.process.pid, signal.SIGCONT)
    seen = _keep(engine.decoded)
    qtbot.waitUntil(lambda: bool(seen) and seen[-1].generation == 4999, timeout=10_000)
    assert slowest < 0.25


def states(engine) -> list[WorkerState]:
    seen = []
    engine.workerStatus.connect(lambda status: seen.append(status.state))
    return seen


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("latentlab.engine.client.answer_watch.SILENCE", 0.2)


def decodes(engine, qtbot, generation: int) -> None:
    with qtbot.waitSignal(engine.decoded, timeout=10_000) as decoded:
        engine.request(decode(generation))
    assert decoded.args[0].generation == generation


@loses_workers
def test_row_45_a_hanging_worker_is_said_not_to_answer_and_can_be_restarted(engine, qtbot, impatient):
    with qtbot.waitSignal(engine.modelChanged, timeout=10_000):
        engine.request(OpenModel("one.safetensors"))
    seen, changed, failed = states(engine), _keep(engine.modelChanged), _keep(engine.failed)
    fake_worker.released.clear()
    engine.request(EncodeImage("hang"))
    qtbot.waitUntil(lambda: engine.status.state is WorkerState.NOT_ANSWERING, timeout=10_000)
    assert engine.status.unanswered == ("EncodeImage",)
    assert engine.host is not None, "it is not ended for that"
    with qtbot.waitSignal(engine.workerLost, timeout=10_000) as lost:
        engine.request(RestartWorker())
    assert "as you asked" in lost.args[0].message
    fake_worker.released.set()  # a thread can only be abandoned; let it end before the test
    qtbot.waitUntil(lambda: bool(changed), timeout=10_000)
    assert (changed[0].info.source, changed[0].is_new_model) == ("one.safetensors", False)
    decodes(engine, qtbot, 7)
    assert [failure.again for failure in failed] == [EncodeImage("hang")], "not sent again: it would hang again"
    assert seen[:3] == [WorkerState.BUSY, WorkerState.NOT_ANSWERING, WorkerState.RESTARTING]


@loses_workers
def test_row_45_what_is_opened_while_the_worker_hangs_is_opened_by_the_next_one(engine, qtbot, impatient):
    """The window would ask the model that hung for the same image again, so that no restart would get out of it."""
    with qtbot.waitSignal(engine.modelChanged, timeout=10_000):
        engine.request(OpenModel("one.safetensors"))
    changed, failed = _keep(engine.modelChanged), _keep(engine.failed)
    fake_worker.released.clear()
    engine.request(EncodeImage("hang"))
    qtbot.waitUntil(lambda: engine.status.state is WorkerState.NOT_ANSWERING, timeout=10_000)
    engine.request(OpenModel("two.safetensors"))
    with qtbot.waitSignal(engine.workerLost, timeout=10_000):
        engine.request(RestartWorker())
    fake_worker.released.set()
    qtbot.waitUntil(lambda: bool(changed), timeout=10_000)
    decodes(engine, qtbot, 7)
    assert [each.info.source for each in changed] == ["two.safetensors"]
    assert [failure.again for failure in failed] == [EncodeImage("hang")]
    assert engine.status.unanswered == ()


@in_a_process
def test_row_45_a_stopped_worker_is_said_not_to_answer_until_it_goes_on(engine, qtbot, impatient):
    decodes(engine, qtbot, 1)
    os.kill(engine.host.process.pid, signal.SIGSTOP)
    seen = states(engine)
    engine.request(decode(2))
    qtbot.waitUntil(lambda: seen == [WorkerState.NOT_ANSWERING], timeout=10_000)
    os.kill(engine.host.process.pid, signal.SIGCONT)
    qtbot.waitUntil(lambda: seen == [WorkerState.NOT_ANSWERING, WorkerState.READY], timeout=10_000)


@in_a_process
@loses_workers
def test_row_44_after_three_quick_ends_the_worker_is_given_up_and_started_on_request(engine, qtbot, monkeypatch):
    monkeypatch.setattr("latentlab.engine.client.restart._FIRST_PAUSE", 1)
    with qtbot.waitSignal(engine.modelChanged, timeout=10_000):
        engine.request(OpenModel("one.safetensors"))
    failed, changed = _keep(engine.failed), _keep(engine.modelChanged)
    for count in range(3):
        qtbot.waitUntil(lambda count=count: len(changed) == count, timeout=10_000)
        with qtbot.waitSignal(engine.workerLost, timeout=10_000) as lost:
            engine.host.process.kill()
    assert "started" not in lost.args[0].message, "it would be false"
    assert engine.status.state is WorkerState.GIVEN_UP
    assert engine.status.model == ""
    assert [failure.again for failure in failed] == [RestartWorker()]
    engine.request(decode(8))  # the window asks again when the model is open
    engine.request(SaveModel("there"))
    qtbot.waitUntil(lambda: len(failed) == 2)
    assert isinstance(failed[1], Failed)
    assert failed[1].again == SaveModel("there")
    engine.request(RestartWorker())
    qtbot.waitUntil(lambda: engine.status.state is WorkerState.READY and len(changed) == 3, timeout=10_000)
    assert (changed[-1].info.source, changed[-1].is_new_model) == ("one.safetensors", False)
    assert engine.status.model == "one.safetensors"
    decodes(engine, qtbot, 9)
