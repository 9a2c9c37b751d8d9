"""The run folder: refusals before anything is made, checkpoints, metrics without broken lines."""

import os
import subprocess
import sys

import numpy as np
import pytest

from latentlab.config import RunConfig, TrainingConfig
from latentlab.errors import InputError
from latentlab.storage import CheckpointFile, RunFolder, RunRecord

RECORD = RunRecord(RunConfig(training=TrainingConfig(epochs=3)), {"source": "demo:shapes", "fingerprint": "ab"})


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "deep" / "run")
    folder.create(RECORD)
    return folder


def test_check_creates_nothing(tmp_path):
    RunFolder(tmp_path / "deep" / "run").check()
    RunFolder(tmp_path).check()
    assert os.listdir(tmp_path) == []


def test_a_folder_in_use_is_refused_unless_resumed(run, tmp_path):
    with pytest.raises(InputError, match="is not empty; pass resume=True"):
        run.check()
    run.check(resume=True)
    (tmp_path / "photo.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"is not empty$"):
        RunFolder(tmp_path).check()
    with pytest.raises(InputError, match="not a run folder"):
        RunFolder(tmp_path).check(resume=True)
    with pytest.raises(InputError, match="is a file"):
        RunFolder(tmp_path / "photo.png").check()


def test_row_9_a_read_only_target_is_refused_before_training(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    code = f"""
import os
from latentlab.storage import RunFolder
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
RunFolder({str(locked / "run")!r}).check()
"""
    # A plain user must reach the folder for the refusal to be about the folder itself.
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert f"InputError: cannot write to {locked}" in done.stderr, done.stderr


def test_a_record_is_read_as_written(run):
    assert run.read_record() == RECORD
    run.record.write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        run.read_record()


def test_a_checkpoint_is_read_bit_for_bit(run):
    assert run.read_checkpoint() is None
    tensors = {
        "rng": np.arange(5000, dtype=np.uint8),
        "w": np.float32([[np.nan, -0.0]]),
        "step": np.int64(3).reshape(()),
    }
    run.write_checkpoint(CheckpointFile({"step": 7, "rate": 0.1}, tensors))
    back = run.read_checkpoint()
    assert back.position == {"step": 7, "rate": 0.1}
    assert {name: array.tobytes() for name, array in back.tensors.items()} == {
        name: array.tobytes() for name, array in tensors.items()
    }


def test_a_damaged_checkpoint_is_named(run):
    run.write_checkpoint(CheckpointFile({"step": 7}, {"w": np.zeros(100, np.float32)}))
    data = bytearray(run.checkpoint.read_bytes())
    data[-1] ^= 1
    run.checkpoint.write_bytes(data)
    with pytest.raises(InputError, match="SHA-256"):
        run.read_checkpoint()


def test_metrics_are_complete_lines_trimmed_to_the_checkpoint(run):
    assert run.read_metrics() == []
    for epoch in (1, 2, 3):
        run.append_metrics({"event": "epoch", "epoch": epoch})
    with open(run.metrics, "ab") as file:
        file.write(b'{"event": "epo')
    assert [line["epoch"] for line in run.read_metrics()] == [1, 2, 3]
    run.trim_metrics(2)
    assert run.metrics.read_bytes().count(b"\n") == 2
    run.append_metrics({"event": "epoch", "epoch": 3})
    assert [line["epoch"] for line in run.read_metrics()] == [1, 2, 3]


def test_a_metrics_line_that_does_not_fit_is_removed(run):
    run.append_metrics({"step": 1})
    code = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from latentlab.storage import RunFolder
run = RunFolder({str(run.path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))
run.append_metrics({{"step": 2, "note": "x" * 100}})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "DiskFullError: cannot write" in done.stderr
    assert run.metrics.read_text() == '{"step": 1}\n'


def test_a_header_whose_length_looks_like_a_pickle_is_read(run):
    """0x0580 bytes of header begin the file as protocol 5 of pickle begins."""
    run.write_checkpoint(CheckpointFile({"note": ""}, {"w": np.zeros(1, np.float32)}))
    missing = 0x0580 - int.from_bytes(run.checkpoint.read_bytes()[:8], "little")
    for padding in range(missing - 8, missing + 8):  # the header's own padding depends on what is in it
        position = {"note": "x" * padding}
        run.write_checkpoint(CheckpointFile(position, {"w": np.zeros(1, np.float32)}))
        if run.checkpoint.read_bytes()[:2] == b"\x80\x05":
            assert run.read_checkpoint().position == position
            return
    raise AssertionError("no such length was met")
