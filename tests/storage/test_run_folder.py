"""The run folder: refusals before anything is made, checkpoints, metrics without broken lines."""

import os
import subprocess
import sys

import pytest

from latentlab.config import RunConfig, TrainingConfig
from latentlab.errors import InputError
from latentlab.storage import RunFolder, RunRecord, claim_run_folder

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
    for folder in (tmp_path, *tmp_path.parents):
        if "pytest" in str(folder):
            folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert f"InputError: cannot write to {locked}" in done.stderr, done.stderr


def test_a_record_is_read_as_written(run):
    assert run.read_record() == RECORD
    assert run.read_checkpoint() is None
    assert run.read_position() is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "not readable"),
        ('{"config": {"training": {"epochs": -1}}, "data": {}}', "config.training.epochs"),
        ('{"config": {}, "data": {"source": 5}}', "data: source"),
        ('{"config": {"model": {"bound": "importance", "posterior": {"kind": "delta"}}}}', "bound=importance needs"),
        ('{"config": {}, "more": {}}', "more"),
    ],
)
def test_a_damaged_record_is_refused_with_the_name_of_the_field(run, content, why):
    run.record.write_text(content)
    with pytest.raises(InputError, match=f"^{run.record} is damaged: .*{why}"):
        run.read_record()


def test_a_record_that_is_a_pipe_or_too_large_is_refused(run):
    with open(run.record, "wb") as file:
        file.truncate(33 << 20)
    with pytest.raises(InputError, match=r"33\.0 MB are too many for a run \(at most 32\.0 MB\)"):
        run.read_record()
    run.record.unlink()
    os.mkfifo(run.record)
    with pytest.raises(InputError, match="not a regular file"):
        run.read_record()


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


def test_what_is_invalid_in_the_metrics_is_left_out(run):
    good = {"event": "epoch", "epoch": 1, "epochs": 3, "step": 4, "seconds": 0.5, "train": {"elbo": -4.5}}
    for line in (
        good,
        good | {"epoch": 2, "train": {"elbo": -4.0, "rate": float("nan"), "own": 1e300}, "surprise": 1},
        good | {"epoch": 1e30},
        good | {"epoch": True},
        good | {"epochs": -1},
        good | {"seconds": float("inf")},
        good | {"train": {"elbo": "high"}},
        good | {"train": {"x" * 2000: 1.0}},
        good | {"kl_per_dimension": [1.0, None]},
        {"event": "adjusted", "step": 2, "epoch": 0.5, "beta": 2.0, "schedule": "cosine"},
        {"event": "adjusted", "step": 2, "epoch": 0.5, "schedule": "<b>"},
        {"event": ["epoch"]},
        {"event": "started"},
    ):
        run.append_metrics(line)
    assert run.read_metrics() == [
        good,
        good | {"epoch": 2, "train": {"elbo": -4.0}},
        {"event": "adjusted", "step": 2, "epoch": 0.5, "beta": 2.0, "schedule": "cosine"},
    ]


def test_metrics_larger_than_the_memory_are_refused(run, monkeypatch):
    run.append_metrics({"event": "epoch", "epoch": 1})
    monkeypatch.setattr("latentlab.storage.validation.available_bytes", lambda: 100)
    with pytest.raises(InputError, match="of memory to be read, and 100 bytes are available"):
        run.read_metrics()


CLAIM = """
import sys
from pathlib import Path
from latentlab.storage import claim_run_folder
print("ready", flush=True)
sys.stdin.readline()
for _ in range(100):
    print(claim_run_folder(Path(sys.argv[1])), flush=True)
"""


def test_row_47_processes_that_claim_the_same_folder_at_once_get_different_ones(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", CLAIM, str(tmp_path / "runs" / "run")]
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    claimed = [line for process in processes for line in process.communicate(timeout=60)[0].split()]
    assert len(set(claimed)) == len(claimed) == 200
    assert {str(path) for path in (tmp_path / "runs").iterdir()} == set(claimed)


def test_row_47_a_claimed_folder_takes_a_run_and_goes_with_one_that_did_not_start(tmp_path):
    first, second = (RunFolder(claim_run_folder(tmp_path / "run")) for _ in range(2))
    assert second.path.name == "run-2"
    first.check()
    first.remove_if_empty()
    assert not first.path.exists()
    (second.path / "notes.txt").touch()
    second.remove_if_empty()
    assert second.path.exists()


@pytest.mark.parametrize("parent", ["a file", "read-only"])
def test_a_folder_that_cannot_be_claimed_is_left_to_the_run_to_refuse(tmp_path, parent):
    place = tmp_path / "runs"
    if parent == "a file":
        place.touch()
    else:
        place.mkdir(mode=0o500)
        if os.access(place, os.W_OK):
            pytest.skip("root may write everywhere")
    claimed = claim_run_folder(place / "run")
    with pytest.raises(InputError, match="cannot write to"):
        RunFolder(claimed).check()
