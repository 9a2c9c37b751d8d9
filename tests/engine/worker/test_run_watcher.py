"""Following an opened run folder while another process trains it: curves, model and snapshots."""

from __future__ import annotations

import json
import time

import numpy as np

from latentlab.engine.protocol.messages import (
    CompareRuns,
    Decode,
    Decoded,
    Failed,
    ModelChanged,
    OpenModel,
    RunFollowed,
    RunOpened,
)
from latentlab.engine.worker.run_watcher import RunUpdate, RunWatcher
from latentlab.storage import RunFolder
from tests.engine.conftest import SMALL, train_elsewhere


def test_curves_and_model_follow_a_run_that_is_trained_elsewhere(driver, image_file, model_file, tmp_path):
    out = tmp_path / "run"
    train_elsewhere(image_file, out, 1)
    driver.ask(OpenModel(str(out)))
    opened = driver.wait(ModelChanged)
    run = driver.wait(RunOpened)
    assert (run.run, run.source, run.epochs, run.reason) == (str(out), str(image_file), 1, "done")
    assert run.config.model == SMALL
    followed = driver.wait(RunFollowed)
    assert (followed.run, [event.epoch for event in followed.events]) == (str(out), [1])

    train_elsewhere(image_file, out, 2)
    assert [event.epoch for event in driver.wait(RunFollowed).events] == [2]
    assert driver.wait(RunOpened).epochs == 2, "it can be continued here"
    driver.ask(OpenModel(str(out)))
    driver.wait(ModelChanged, lambda changed: changed.is_new_model)
    train_elsewhere(image_file, out, 4)
    changed = driver.wait(ModelChanged, lambda changed: not changed.is_new_model)
    assert changed.model_version > opened.model_version
    assert changed.info.source == str(out)
    driver.ask(Decode(7, np.zeros(2, np.float32)))
    assert driver.wait(Decoded).model_version >= changed.model_version

    driver.ask(OpenModel(str(model_file)))
    driver.wait(ModelChanged, lambda changed: changed.info.source == str(model_file))
    driver.results.clear()
    RunFolder(out).append_metrics({"event": "epoch", "epoch": 5})
    time.sleep(1.2)  # longer than between two checks
    assert driver.seen(RunFollowed) == []


def test_each_line_of_the_metrics_is_returned_once(tmp_path, monkeypatch):
    monkeypatch.setattr("latentlab.engine.worker.run_watcher._INTERVAL", 0.0)
    watcher = RunWatcher(tmp_path)
    assert watcher.check() == RunUpdate(), "nothing is there yet"
    metrics = tmp_path / "metrics.jsonl"
    epoch = {"event": "epoch", "epochs": 9, "train": {}, "images_per_second": 1.0, "seconds": 1.0}

    def write(*epochs, torn=""):
        lines = [json.dumps({**epoch, "epoch": number}) for number in epochs]
        metrics.write_text("".join(f"{line}\n" for line in lines) + torn)
        return [event.epoch for event in watcher.check().events]

    assert write(1, torn='{"event": "ep') == [1]
    assert write(1, 2, torn='{"event": "later-kind"}\n{"event": "epoch"}\n') == [2]
    assert write(1) == [1], "resumed from an earlier checkpoint"
    assert watcher.check() == RunUpdate()
    (tmp_path / "history").mkdir()
    assert watcher.check() == RunUpdate(has_other_snapshots=True)


def test_a_run_has_ended_when_its_folder_is_released(tmp_path, monkeypatch):
    monkeypatch.setattr("latentlab.engine.worker.run_watcher._INTERVAL", 0.0)
    with RunFolder(tmp_path).locked():
        watcher = RunWatcher(tmp_path)
        assert (watcher.is_locked_by_trainer, watcher.check().has_ended) == (True, False)
    assert watcher.check().has_ended
    assert not watcher.check().has_ended


def test_compared_runs_are_followed_until_the_comparison_ends(driver, image_file, tmp_path):
    for name in ("a", "b"):
        train_elsewhere(image_file, tmp_path / name, 1)
    one, other, missing = (str(tmp_path / name) for name in ("a", "b", "missing"))
    driver.ask(CompareRuns((one, other, missing)))
    assert "missing is not a run folder" in driver.wait(Failed).message
    assert {driver.wait(RunFollowed).run, driver.wait(RunFollowed).run} == {one, other}
    train_elsewhere(image_file, tmp_path / "b", 2)
    more = driver.wait(RunFollowed)
    assert (more.run, more.compared, [event.epoch for event in more.events]) == (other, True, [2])
    driver.ask(CompareRuns(()))
    train_elsewhere(image_file, tmp_path / "b", 3)
    time.sleep(1.2)
    assert driver.seen(RunFollowed) == []
