"""``latentlab export-tensorboard``: every number of the metrics, at its step."""

import sys

import pytest

from latentlab.cli import main
from latentlab.cli.tensorboard import scalars
from latentlab.storage import RunFolder


def test_every_value_has_a_name_a_step_and_a_time(run):
    lines = RunFolder(run).read_metrics()
    lines.insert(1, {"event": "adjusted", "step": 5, "epoch": 1.2, "beta": 2.0})
    found = list(scalars(lines))
    first, last = lines[0], lines[-1]
    assert ("train/elbo", first["train"]["elbo"], first["step"], first["seconds"]) in found
    assert ("validation/rate", last["validation"]["rate"], last["step"], last["seconds"]) in found
    assert ("kl/z2", last["kl_per_dimension"][1], last["step"], last["seconds"]) in found
    assert ("changed/beta", 2.0, 5, first["seconds"]) in found


def test_tensorboard_reads_the_file(run, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert main(["export-tensorboard", str(run), "--out", str(tmp_path / "tb")]) == 0
    events = accumulator.EventAccumulator(str(tmp_path / "tb"))
    events.Reload()
    written = [(event.step, event.value) for event in events.Scalars("validation/elbo")]
    lines = RunFolder(run).read_metrics()
    assert written == [(line["step"], pytest.approx(line["validation"]["elbo"], rel=1e-6)) for line in lines]


def test_without_tensorboard_the_error_says_how_to_install_it(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert main(["export-tensorboard", str(run), "--out", str(tmp_path / "tb")]) == 2
    assert "latentlab[export]" in capsys.readouterr().err
    assert not (tmp_path / "tb").exists()


def test_a_folder_without_metrics_is_refused(tmp_path, capsys):
    assert main(["export-tensorboard", str(tmp_path), "--out", str(tmp_path / "tb")]) == 2
    assert "has no metrics" in capsys.readouterr().err


def test_what_a_damaged_line_lacks_is_left_out():
    lines = [
        {"event": "epoch", "epoch": 1, "train": {"elbo": -4.5}, "validation": None, "kl_per_dimension": None},
        {"event": "adjusted", "beta": None, "learning_rate": 0.5},
    ]
    assert list(scalars(lines)) == [("train/elbo", -4.5, 0, 0.0), ("changed/learning_rate", 0.5, 0, 0.0)]
