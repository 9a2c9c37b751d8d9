"""``torchrun … -m latentlab train``: several processes learn what one learns."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

from latentlab.cli import main
from latentlab.storage import RunFolder
from tests.cli.conftest import SMALL

# A recipe without noise, and batches of which the last is smaller and none has an even number of images.
OPTIONS = ("--recipe", "ae", "--epochs", "3", *SMALL, "--batch-size", "15", "--json")


def train_together(data, folder, *options):
    """Train on two processes; the lines on stdout."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "latentlab")
    command = [sys.executable, *launcher, "train", str(data), "--out", str(folder), *OPTIONS, *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.real
def test_two_processes_learn_what_one_learns(data, tmp_path):
    """They go on with a run that one has begun, and write and tell it once."""
    for name, epochs in (("one", "3"), ("two", "1")):
        assert main(["train", str(data), "--out", str(tmp_path / name), *OPTIONS, "--epochs", epochs]) == 0
    lines = train_together(data, tmp_path / "two", "--resume")
    told = [line["event"] for line in lines if line["event"] != "checkpoint"]
    assert told == ["started", "epoch", "epoch", "finished"]

    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name in set(one) - {"points.index"}:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-3, atol=1e-3, err_msg=name)
    first, second = (RunFolder(tmp_path / name).read_metrics() for name in ("one", "two"))
    assert [line["step"] for line in first] == [line["step"] for line in second] == [4, 8, 12]
    for split in ("train", "validation"):
        for a, b in zip(first, second, strict=True):
            for term in ("elbo", "rate", "distortion"):
                assert a[split][term] == pytest.approx(b[split][term], rel=1e-4, abs=1e-4), (split, term)
