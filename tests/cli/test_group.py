"""``torchrun … -m latentlab train``: several processes train the same model as one."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from latentlab.cli import main
from latentlab.storage import RunFolder
from tests.cli.conftest import SMALL

# A recipe without noise that computes two things over whole batches, a distance between latents and the optimal sigma;
# with an odd batch size and a smaller last batch.
OPTIMAL = ("--set", "likelihood.kind=gaussian", "--set", "likelihood.sigma=optimal")
OPTIONS = ("--recipe", "kernel-vae", *OPTIMAL, "--epochs", "3", *SMALL, "--batch-size", "15", "--json")


def train_together(data, folder, *options):
    """Train on two processes; returns the lines on stdout."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "latentlab")
    command = [sys.executable, *launcher, "train", str(data), "--out", str(folder), *OPTIONS, *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.real
def test_two_processes_learn_the_same_as_one(data, tmp_path):
    """They continue a run that one process started, and write and report it once."""
    for name, epochs in (("one", "3"), ("two", "1")):
        assert main(["train", str(data), "--out", str(tmp_path / name), *OPTIONS, "--epochs", epochs]) == 0
    lines = train_together(data, tmp_path / "two", "--resume")
    events = [line["event"] for line in lines if line["event"] != "checkpoint"]
    assert events == ["started", "epoch", "epoch", "finished"]

    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name in set(one) - {"points.index", "preview"}:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-3, atol=1e-3, err_msg=name)
    first, second = (RunFolder(tmp_path / name).read_metrics() for name in ("one", "two"))
    assert [line["step"] for line in first] == [line["step"] for line in second] == [4, 8, 12]
    for split in ("train", "validation"):
        for a, b in zip(first, second, strict=True):
            for term in ("elbo", "rate", "distortion"):
                assert a[split][term] == pytest.approx(b[split][term], rel=1e-4, abs=1e-4), (split, term)


def start(command, rank):
    """One of two processes, started like torchrun does, on the CPU."""
    rendezvous = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(start.port), "WORLD_SIZE": "2", "RANK": str(rank)}
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | rendezvous
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *command], env=environment, **pipes)


@pytest.fixture
def together():
    """Start a command in two processes, which end with the test."""
    started = []

    def begin(*command):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            start.port = free.getsockname()[1]
        pair = [start(command, rank) for rank in (0, 1)]
        started.extend(pair)
        return pair

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.real
def test_random_numbers_turns_and_unequal_shards_stay_synchronised(together, tmp_path):
    """Asserted by ``in_step.py`` in both processes, with noise, several phases and shards of different sizes."""
    pair = together(str(Path(__file__).with_name("in_step.py")), str(tmp_path))
    for process in pair:
        _, errors = process.communicate(timeout=150)
        assert process.returncode == 0, errors


@pytest.mark.real
def test_a_signal_to_one_process_ends_all_and_a_lost_process_is_reported(together, data, tmp_path):
    folder = tmp_path / "run"
    options = ("--recipe", "vae", "--epochs", "100000", *SMALL, "--batch-size", "15", "--json", "--resume")
    command = ("-m", "latentlab", "train", str(data), "--out", str(folder), *options)
    first, second = together(*command)
    wait_for_an_epoch(first)
    second.send_signal(signal.SIGTERM)
    assert [process.wait(timeout=60) for process in (first, second)] == [0, 0]
    stopped = RunFolder(folder).read_checkpoint().position["position"]["step"]
    assert stopped % 10 == 0

    first, second = together(*command)
    wait_for_an_epoch(first)
    second.kill()
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 1, errors
    assert "another process of this run has ended or does not answer" in errors
    assert "Traceback" not in errors
    assert "find_unused_parameters" not in errors
    assert RunFolder(folder).read_checkpoint().position["position"]["step"] >= stopped


def wait_for_an_epoch(process):
    for line in process.stdout:
        if json.loads(line)["event"] == "epoch":
            return
    raise AssertionError(process.communicate()[1])
