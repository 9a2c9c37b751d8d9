"""Files written by earlier versions still open: ``tests/fixtures/v1`` was made by version 0.1.0 (schema 1).

``run`` is ``latentlab train bars.npz --out run --epochs 2 --set architecture.hidden=16 --batch-size 16``;
``window.latentlab.json`` is a saved session.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import latentlab
from latentlab.cli import main
from latentlab.storage import RunFolder, SnapshotFolder
from latentlab.storage.session_file import read_session

V1 = Path(__file__).parents[1] / "fixtures" / "v1"


@pytest.fixture
def run(tmp_path):
    """A copy of the run folder, with its data beside it."""
    shutil.copytree(V1 / "run", tmp_path / "run")
    shutil.copy(V1 / "bars.npz", tmp_path)
    return tmp_path / "run"


def test_a_run_is_resumed_for_one_more_epoch(run, capsys):
    arguments = ["train", str(run.parent / "bars.npz"), "--out", str(run), "--epochs", "3", "--resume", "--json"]
    assert main([*arguments, "--set", "architecture.hidden=16", "--batch-size", "16", "--device", "cpu"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == [3]
    history = SnapshotFolder(run / "history")
    assert history.epochs() == (1, 2, 3)
    assert [json.loads(line)["epoch"] for line in (run / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_info_describes_the_run_and_its_model(run, capsys):
    for source in (run, run / "model.safetensors"):
        assert main(["info", str(source), "--json"]) == 0
        info = json.loads(capsys.readouterr().out)
        assert info["recipe"] == "vae"
        assert info["latent_dim"] == 2
        assert info["parameters"] == 2244
        assert info["metrics"]["validation_elbo"] == pytest.approx(-43.59, abs=0.01)


def test_model_snapshots_and_checkpoint_are_read(run):
    model = latentlab.load_model(run, "cpu")
    images = latentlab.load_dataset(run.parent / "bars.npz").images
    mean, _ = model.encode(images)
    np.testing.assert_allclose(mean, model.points.mean, atol=1e-5)
    snapshot = SnapshotFolder(run / "history").read(2)
    assert snapshot.mean.shape == (60, 2)
    assert snapshot.reconstructions.shape == snapshot.originals.shape
    assert RunFolder(run).read_checkpoint() is not None


def test_a_session_is_read():
    session = read_session(V1 / "window.latentlab.json")
    assert session.model == "bundled:mnist-2d"
    assert session.latent == (0.5, -1.25)
    assert session.axes == ("pc1", "pc2")
    assert session.run_config.model.beta == 4.0
    assert session.closed_at == 1.5
