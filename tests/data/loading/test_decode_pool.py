from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from latentlab.config import DataConfig
from latentlab.data import load_dataset, open_dataset
from latentlab.data.images.image_file import UnreadableError
from latentlab.data.images.to_array import DecodedImage
from latentlab.data.loading import decode_pool, pipeline
from latentlab.data.loading.decode_pool import CRASHED, DecodePool
from latentlab.data.loading.decode_process import DecodeProcess, DecodeProcessLostError
from tests.data.helpers import grey, save

CONFIG = DataConfig(image_size=16)


@pytest.fixture
def decoders(monkeypatch):
    """Start processes at once; yields the list of those that were started."""
    monkeypatch.setattr(pipeline, "_PROBE_SECONDS", -1.0)
    monkeypatch.setattr(pipeline, "_MIN_PROCESS_SECONDS", -1.0)
    monkeypatch.setattr(pipeline, "available_cores", lambda: 2)
    started = []
    real = DecodeProcess.__init__

    def recorded(self, *arguments):
        real(self, *arguments)
        started.append(self)

    monkeypatch.setattr(DecodeProcess, "__init__", recorded)
    return started


@pytest.fixture
def pictures(tmp_path):
    random = np.random.default_rng(0)
    root = tmp_path / "pictures"
    for number in range(300):
        save(root / f"{number:03}.png", grey(random.integers(0, 256, (9, 12))))
    for number in range(0, 300, 7):
        save(root / f"{number:03}.jpg", grey(random.integers(0, 256, (40, 30))).convert("RGB"))
        (root / f"{number:03} bad.png").write_bytes(b"this is no picture")
    save(root / "deep.tif", grey(9).convert("I;16"))
    save(root / "café 猫.png")
    return root


def test_processes_and_threads_give_equal_datasets(pictures, decoders, monkeypatch, own_folders):
    by_processes = load_dataset(pictures, CONFIG)
    assert decoders[0].is_ready
    assert not any(is_running(decoder.pid) for decoder in decoders)
    monkeypatch.setattr("latentlab.data.sources.items.can_start", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_folders / "another"))
    by_threads = load_dataset(pictures, CONFIG)
    assert len(decoders) == 1
    assert np.array_equal(by_processes.images, by_threads.images)
    assert by_processes.skipped == by_threads.skipped
    assert by_processes.file_stats == by_threads.file_stats


def test_cancel_kills_the_processes_and_ends_the_threads(pictures, decoders):
    loading = open_dataset(pictures, CONFIG)
    while not decoders:
        next(loading)
    started = time.monotonic()
    loading.close()
    assert time.monotonic() - started < 0.2
    assert not any(is_running(decoder.pid) for decoder in decoders)


@pytest.mark.parametrize("executable", ["/absent/python", "/bin/false"])
def test_threads_decode_when_no_process_can_be_started(pictures, decoders, monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    assert len(load_dataset(pictures, CONFIG)) == 345


def test_a_killed_process_is_replaced_without_losing_images(pictures, decoders, monkeypatch):
    real = DecodeProcess.decode
    killed = []

    def killed_once(self, names):
        prepared = real(self, names)
        if not killed:
            killed.append(self)
            os.kill(self.pid, signal.SIGTERM)
        return prepared

    monkeypatch.setattr(DecodeProcess, "decode", killed_once)
    dataset = load_dataset(pictures, CONFIG)
    assert killed
    assert len(dataset) == 345
    assert len(dataset.skipped) == 43


class FragileWorker:
    """A worker that crashes on the item "bad"."""

    is_ready = True

    def __init__(self):
        self.killed = False

    def decode(self, names):
        if self.killed or "bad" in names:
            raise DecodeProcessLostError
        return [decoded(name) for name in names]

    def kill(self):
        self.killed = True

    close = kill


def decoded(name):
    return DecodedImage(np.full((1, 1, 1), ord(name[0]), np.uint8), name, "L", (1, 1))


def test_a_file_that_crashes_its_process_is_reported_and_the_others_are_decoded():
    def never(name):
        raise AssertionError("the crash would take this process with it")

    pool = DecodePool(2, never, FragileWorker)
    pool.start_processes()
    results = pool.submit(["a", "b", "bad", "c"]).result(10)
    assert [each if isinstance(each, str) else each.format for each in results] == ["a", "b", CRASHED, "c"]
    pool.stop()


def test_stop_does_not_wait_for_a_thread_with_a_large_image(monkeypatch):
    monkeypatch.setattr(decode_pool, "_STOP_SECONDS", 0.01)
    begun, finish = threading.Event(), threading.Event()

    def slow(name):
        begun.set()
        finish.wait(10)
        raise UnreadableError("too late")

    pool = DecodePool(1, slow)
    future = pool.submit(["a", "b"])
    begun.wait(10)
    started = time.monotonic()
    pool.stop([future])
    assert time.monotonic() - started < 1
    finish.set()


ORPHAN = """
import sys, time
from latentlab.config import DataConfig
from latentlab.data.loading.decode_process import DecodeProcess
decoder = DecodeProcess(sys.argv[1], (8, 8), DataConfig())
decoder.decode(["000.png"])
print(decoder.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_process_ends_when_its_parent_is_killed(pictures):
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, str(pictures)], stdout=subprocess.PIPE)
    with parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    end = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < end, "the process outlives its parent"
        time.sleep(0.02)


def is_running(pid):
    """Whether a process exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not is_zombie(pid)


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] == b"Z"
    except OSError:
        return False
