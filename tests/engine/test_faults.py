"""Faults in the worker and how it must react; numbers are the rows of the reliability table."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from latentlab.config.events import Checkpoint, Epoch, Finished, Started
from latentlab.data import load_dataset
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.exit_codes import DEVICE_LOST
from latentlab.engine.protocol.messages import (
    DatasetOpened,
    Decode,
    Decoded,
    Failed,
    ModelChanged,
    ModelSaved,
    Notice,
    OpenDataset,
    OpenModel,
    PauseTraining,
    SaveModel,
    Shutdown,
    StopTraining,
    TrainingEvent,
    TrainingState,
    UnpauseTraining,
    WorkerReady,
)
from latentlab.models import VAE
from latentlab.models.inference import InferenceModel
from latentlab.storage import RunFolder
from latentlab.training import Trainer
from latentlab.training.step.optimizer_step import OptimizerStep
from tests.engine.conftest import Driver, train

ZERO = np.zeros(2, np.float32)


@pytest.fixture
def worker(model_file, image_file):
    """A worker in a thread, with model and dataset open."""
    driver = Driver("thread", model=str(model_file))
    driver.ask(OpenDataset(str(image_file)))
    driver.wait(DatasetOpened)
    yield driver
    driver.close()


def full_disk(monkeypatch, name: str) -> threading.Event:
    """While the event is set, the disk is full for files whose path contains ``name``."""
    is_full, real = threading.Event(), os.fsync

    def fsync(descriptor):
        if is_full.is_set() and name in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return is_full


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="identifies files by their descriptors")
@pytest.mark.parametrize("file", [".metrics", "metrics", ".checkpoint", "history", ".model"])
def test_row_8_a_full_disk_pauses_the_run_and_nothing_is_lost(worker, image_file, monkeypatch, tmp_path, file):
    """Whichever file cannot be written (with a dot: replaced); unpaused, the run ends with the same result."""
    request = train(tmp_path / "run", epochs=3, seed=3)
    for _ in Trainer(load_dataset(image_file), request.config, tmp_path / "alone").steps():
        pass
    is_full = full_disk(monkeypatch, f"run/{file}")
    is_full.set()
    worker.ask(request)
    results = worker.until(TrainingState, lambda state: state.state == "paused")
    (failed,) = (result for result in results if isinstance(result, Failed))
    assert "the disk is full; free some space or save elsewhere; the run is paused" in failed.message
    assert not failed.details
    worker.ask(SaveModel(str(tmp_path / "elsewhere")))
    worker.wait(ModelSaved)
    if file == ".checkpoint":  # as before closing the window, which must know that it is still not written
        worker.ask(PauseTraining())
        assert any(isinstance(result, Failed) for result in worker.until(TrainingState))
    is_full.clear()
    worker.ask(UnpauseTraining())
    results += worker.until(TrainingEvent, lambda event: isinstance(event.event, Finished))
    events = [result.event for result in results if isinstance(result, TrainingEvent)]
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1, 2, 3]
    run, alone = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "alone")
    assert [line["epoch"] for line in run.read_metrics()] == [1, 2, 3]
    assert run.model.read_bytes() == alone.model.read_bytes()
    ended, other = run.read_checkpoint().tensors, alone.read_checkpoint().tensors
    assert all(ended[name].tobytes() == other[name].tobytes() for name in other)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="identifies files by their descriptors")
@pytest.mark.parametrize("file", [".checkpoint", ".model"])
def test_row_8_a_stop_on_a_full_disk_pauses_too_and_a_shutdown_reports_what_it_could_not_write(
    worker, image_file, monkeypatch, tmp_path, file
):
    """Unpaused, the run ends with the same result as without the request to stop."""
    request = train(tmp_path / "run", epochs=3, seed=3)
    for _ in Trainer(load_dataset(image_file), request.config, tmp_path / "alone").steps():
        pass
    is_full = full_disk(monkeypatch, f"run/{file}")
    worker.ask(request)
    worker.until(TrainingEvent, lambda event: isinstance(event.event, Started))
    is_full.set()
    worker.ask(StopTraining())
    results = worker.until(TrainingState, lambda state: state.state == "paused")
    (failed,) = (result for result in results if isinstance(result, Failed))
    assert failed.request == "Checkpoint"
    assert "the disk is full" in failed.message
    assert "the run is paused" in failed.message
    is_full.clear()
    worker.ask(UnpauseTraining())
    worker.until(TrainingEvent, lambda event: isinstance(event.event, Finished) and event.event.reason == "done")
    run, alone = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "alone")
    assert run.model.read_bytes() == alone.model.read_bytes()

    worker.ask(train(tmp_path / "another" / "run", epochs=1000))
    worker.until(TrainingEvent, lambda event: isinstance(event.event, Started))
    is_full.set()
    worker.ask(Shutdown())
    assert worker.wait(Failed, lambda failed: failed.request == "Shutdown").expected
    assert worker.join() == 0


def test_row_15_a_lost_accelerator_is_reported_and_ends_the_worker(worker, monkeypatch):
    def lost(*_):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(InferenceModel, "decode", lost)
    worker.ask(Decode(1, ZERO))
    failed = worker.wait(Failed)
    assert not failed.expected
    assert "illegal memory access" in failed.message
    assert worker.join() == DEVICE_LOST


def test_row_15_a_step_that_loses_the_accelerator_ends_the_worker_too(worker, monkeypatch, tmp_path):
    """The error is raised in the model's losses, below whatever takes the step."""

    def lost(*_):
        raise torch.AcceleratorError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(VAE, "losses", lost)
    worker.ask(train(tmp_path / "run"))
    assert "unspecified launch failure" in worker.wait(Failed).message
    assert worker.join() == DEVICE_LOST


def test_row_15_missing_memory_does_not_end_the_worker(worker, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(InferenceModel, "decode", full)
    worker.ask(Decode(1, ZERO))
    assert "too little memory" in worker.wait(Failed).message
    monkeypatch.undo()
    worker.ask(Decode(2, ZERO))
    assert worker.wait(Decoded).generation == 2


def test_row_16_an_absent_device_becomes_the_cpu_with_a_notice(model_file):
    driver = Driver("thread", model=str(model_file), device="cuda:99")
    try:
        assert "cuda:99" in driver.wait(Notice).message
        assert driver.wait(WorkerReady).device == "cpu"
        driver.ask(Decode(1, ZERO))
        driver.wait(Decoded)
    finally:
        driver.close()


@pytest.mark.parametrize("where", ["step", "decode", "load"])
def test_row_18_an_exception_anywhere_is_a_result_with_details_and_the_next_works(
    worker, monkeypatch, tmp_path, image_file, where
):
    def fail(*_, **__):
        raise RuntimeError("a fault of the program")

    if where == "step":
        monkeypatch.setattr(OptimizerStep, "run", fail)
        worker.ask(train(tmp_path / "run"))
    elif where == "decode":
        monkeypatch.setattr(InferenceModel, "decode", fail)
        worker.ask(Decode(1, ZERO))
    else:
        monkeypatch.setattr("latentlab.engine.worker.jobs.open_dataset", fail)
        worker.ask(OpenDataset(str(image_file)))
    failed = worker.wait(Failed)
    assert not failed.expected
    assert "a fault of the program" in failed.message
    assert "Traceback" in failed.details
    if where == "step":
        assert worker.wait(TrainingState).state == "idle"
    monkeypatch.undo()
    worker.ask(train(tmp_path / "next", epochs=1))
    worker.wait(TrainingEvent, lambda result: isinstance(result.event, Finished))
    worker.ask(Decode(2, ZERO))
    worker.wait(Decoded)


def test_row_23_sigterm_checkpoints_and_ends_cleanly(model_file, image_file, tmp_path):
    driver = Driver("process", model=str(model_file))
    driver.ask(OpenDataset(str(image_file)))
    driver.wait(DatasetOpened)
    driver.ask(train(tmp_path / "run", epochs=1_000_000))
    driver.wait(TrainingEvent, lambda result: isinstance(result.event, Epoch))
    os.kill(driver.host.process.pid, signal.SIGTERM)
    driver.wait(TrainingEvent, lambda result: isinstance(result.event, Checkpoint))
    assert driver.join() == 0
    assert RunFolder(tmp_path / "run").read_checkpoint() is not None


@pytest.mark.logs("the worker ended with code")
def test_rows_10_and_22_a_killed_workers_run_resumes_from_its_checkpoint_and_ends_as_if_uninterrupted(
    qapp, qtbot, model_file, image_file, tmp_path
):
    """To the bit."""
    client = EngineClient()
    results = []
    client.received.connect(results.append)

    def wait(kind, where=lambda _: True):
        qtbot.waitUntil(lambda: any(isinstance(r, kind) and where(r) for r in results), timeout=60_000)
        found = next(r for r in results if isinstance(r, kind) and where(r))
        del results[: results.index(found) + 1]
        return found

    client.start("process", "cpu", str(model_file))
    try:
        client.request(OpenDataset(str(image_file)))
        wait(DatasetOpened)
        request = train(tmp_path / "run", epochs=100, seed=3, checkpoint_minutes=1e-3)
        client.request(request)
        step = wait(TrainingEvent, lambda result: isinstance(result.event, Checkpoint)).event.step
        with qtbot.waitSignal(client.workerLost, timeout=10_000) as lost:
            os.kill(client.host.process.pid, signal.SIGKILL)
        assert lost.args[0].run == str(tmp_path / "run")
        assert wait(TrainingState).state == "idle"
        changed = wait(ModelChanged)  # the model that the run saved
        assert changed.info.path == str(tmp_path / "run" / "model.safetensors")
        wait(DatasetOpened)
        client.request(Decode(1, ZERO))
        wait(Decoded)
        assert lost.args[0].again == replace(request, resume=True)
        client.request(lost.args[0].again)
        resumed = wait(TrainingEvent, lambda result: isinstance(result.event, Checkpoint)).event
        assert resumed.step > step
        wait(TrainingEvent, lambda result: isinstance(result.event, Finished))
    finally:
        assert client.shutdown(30)
        client.deleteLater()
    for _ in Trainer(load_dataset(image_file), request.config, tmp_path / "alone").steps():
        pass
    run, alone = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "alone")
    assert run.model.read_bytes() == alone.model.read_bytes()
    ended, other = run.read_checkpoint().tensors, alone.read_checkpoint().tensors
    assert all(ended[name].tobytes() == other[name].tobytes() for name in other)


WINDOW = """
import sys, threading, time
from latentlab.config import *
from latentlab.engine.client.worker_host import launch
from latentlab.engine.protocol.messages import *
from tests.engine.conftest import train
from pathlib import Path

host = launch("process", "cpu", sys.argv[1])
moment = sys.argv[4]
def deliver(result):
    if isinstance(result, DatasetOpened):
        host.send(train(Path(sys.argv[3]), epochs=1_000_000, batch_size=1 if moment == "started" else 32))
    is_moment = isinstance(result, TrainingEvent) and result.event.event == moment
    if is_moment or (moment == "opening" and isinstance(result, DatasetProgress)):
        print(host.process.pid, flush=True)
host.send(OpenDataset(sys.argv[2]))
host.receive_until_exit(deliver)
"""


def kill_window(model_file, images, folder, moment: str) -> int:
    """Start a window's process with a worker, kill it at a moment, wait for the worker's end; the time of the kill."""
    window = subprocess.Popen(
        [sys.executable, "-c", WINDOW, str(model_file), str(images), str(folder / "run"), moment],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(folder)},
    )
    worker = int(window.stdout.readline())
    killed = time.time_ns()
    window.kill()
    window.wait()
    window.stdout.close()
    _wait_until(lambda: not Path(f"/proc/{worker}").exists() or _is_zombie(worker), 30)
    return killed


@pytest.fixture(scope="session")
def many_images(tmp_path_factory):
    """An npz of images that take seconds to prepare, and an epoch of single ones that takes longer."""
    path = tmp_path_factory.mktemp("many") / "images.npz"
    np.savez_compressed(path, images=np.random.default_rng(0).integers(0, 255, (30_000, 9, 8), np.uint8))
    return path


def test_row_22b_a_killed_window_leaves_a_checkpoint_and_nothing_else(model_file, image_file, tmp_path):
    shared_memory = _shared_memory()
    killed = kill_window(model_file, image_file, tmp_path, "epoch")
    run = RunFolder(tmp_path / "run")
    assert run.read_checkpoint() is not None
    assert run.checkpoint.stat().st_mtime_ns > killed
    assert _shared_memory() <= shared_memory
    # torch makes a folder for its compiler wherever temporary files are.
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("torchinductor")] == ["run"]


def test_row_22b_a_window_killed_in_the_first_epoch_leaves_a_checkpoint_too(model_file, many_images, tmp_path):
    kill_window(model_file, many_images, tmp_path, "started")
    assert RunFolder(tmp_path / "run").read_checkpoint().position["position"]["epochs_done"] == 0


def test_row_22b_a_window_killed_while_a_dataset_opens_leaves_nothing(model_file, many_images, tmp_path, own_folders):
    shared_memory = _shared_memory()
    kill_window(model_file, many_images, tmp_path, "opening")
    assert _shared_memory() <= shared_memory
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("torchinductor")] == []
    assert not list(own_folders.rglob("unfinished-*"))


def _shared_memory() -> set[str]:
    return set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()


def _is_zombie(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _wait_until(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)


SOAK = """
import resource, sys
import numpy as np
from PySide6.QtCore import QCoreApplication, QTimer
import torch
from latentlab.data import load_dataset
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Decode

app = QCoreApplication([])
client = EngineClient()
total, warm = int(sys.argv[2]), int(sys.argv[2]) // 4
count, memory, references = 0, 0, 0

def used():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def on_decoded(result):
    global count, memory, references
    count += 1
    if count == warm:
        memory, references = used(), sys.getrefcount(None)
    if count < total:
        client.request(Decode(count, np.zeros(2, np.float32), None, None is True))
    else:
        print((used() - memory) / 1e6, references - sys.getrefcount(None), flush=True)
        assert client.shutdown()
        app.quit()

client.decoded.connect(on_decoded)
client.workerReady.connect(lambda _: client.request(Decode(0, np.zeros(2, np.float32))))
client.start("thread", "cpu", sys.argv[1])
sys.exit(app.exec())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_row_25_many_decodes_and_signals_keep_memory_flat(model_file):
    """Shortened: ``python -m tests.soak`` makes 200,000 gestures in the window.

    A binding that loses a reference with every signal aborts the process only after all are lost: they are counted.
    """
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SOAK, str(model_file), "4000"],
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    gained, lost = map(float, done.stdout.split())
    assert gained < 6, "megabytes"
    assert lost < 1000, "references to None, in 3,000 decodes"


@pytest.mark.parametrize("host", ["process", "thread"])
def test_row_34_every_result_is_emitted_on_the_gui_thread(qapp, qtbot, model_file, host):
    from PySide6.QtCore import Qt

    client, threads = EngineClient(), set()
    # Direct, or Qt would bring a signal of another thread to this one before it is looked at.
    client.received.connect(lambda _: threads.add(threading.get_ident()), Qt.ConnectionType.DirectConnection)
    with qtbot.waitSignal(client.workerReady, timeout=60_000):
        client.start(host, "cpu", str(model_file))
    with qtbot.waitSignal(client.decoded, timeout=10_000):
        client.request(Decode(1, ZERO))
    with qtbot.waitSignal(client.failed, timeout=10_000):
        client.request(OpenModel("/absent"))
    assert client.shutdown()
    client.deleteLater()
    assert threads == {threading.get_ident()}


def test_a_worker_launched_before_qt_sends_its_map_before_torch_is_imported(model_file):
    code = (
        "import sys\n"
        "from latentlab.engine.client.worker_host import launch\n"
        f"host = launch('process', 'cpu', {str(model_file)!r})\n"
        "assert not {'PySide6', 'torch'} & sys.modules.keys(), 'launching imports too much'\n"
        "kinds = []\n"
        "from latentlab.engine.protocol.messages import Shutdown\n"
        "host.send(Shutdown())\n"
        "assert host.receive_until_exit(lambda result: kinds.append(type(result).__name__)) == 0\n"
        "assert kinds == ['ModelChanged', 'PointsChanged', 'WorkerReady'], kinds\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_worker_launched_with_a_missing_model_reports_it_and_becomes_ready(tmp_path):
    driver = Driver("thread", model=str(tmp_path / "absent.safetensors"))
    try:
        failed = driver.wait(Failed)
        assert failed.request == "OpenModel"
        assert failed.expected
        driver.wait(WorkerReady)
    finally:
        driver.close()
