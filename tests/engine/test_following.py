"""A run folder that is opened while it is trained elsewhere: its curves and its model are followed."""

from __future__ import annotations

import json
import time

import numpy as np

from latentlab.config import RunConfig, TrainingConfig
from latentlab.data import load_dataset
from latentlab.engine.following import Following
from latentlab.engine.messages import Decode, Decoded, ModelChanged, OpenModel, RunFollowed
from latentlab.storage import RunFolder
from latentlab.training import Training
from tests.engine.conftest import SMALL


def train_elsewhere(image_file, out, epochs):
    """Train in this process, which is not the worker's; in the thread's home it is none of its training either."""
    training = TrainingConfig(epochs=epochs, batch_size=32, device="cpu")
    config = RunConfig(model=SMALL, training=training)
    for _ in Training(load_dataset(image_file), config, out, resume=True).steps():
        pass


def test_curves_and_model_follow_a_run_that_is_trained_elsewhere(driver, image_file, model_file, tmp_path):
    out = tmp_path / "run"
    train_elsewhere(image_file, out, 1)
    driver.ask(OpenModel(str(out)))
    opened = driver.wait(ModelChanged)
    followed = driver.wait(RunFollowed)
    assert (followed.run, [event.epoch for event in followed.events]) == (str(out), [1])

    train_elsewhere(image_file, out, 2)
    assert [event.epoch for event in driver.wait(RunFollowed).events] == [2]
    driver.ask(OpenModel(str(out)))
    driver.wait(ModelChanged, lambda changed: changed.fresh)
    train_elsewhere(image_file, out, 4)
    changed = driver.wait(ModelChanged, lambda changed: not changed.fresh)
    assert changed.model_version > opened.model_version
    assert changed.info.source == str(out)
    driver.ask(Decode(7, np.zeros(2, np.float32)))
    assert driver.wait(Decoded).model_version >= changed.model_version

    driver.ask(OpenModel(str(model_file)))
    driver.wait(ModelChanged, lambda changed: changed.info.source == str(model_file))
    driver.results.clear()
    RunFolder(out).append_metrics({"event": "epoch", "epoch": 5})
    time.sleep(1.2)  # longer than between two looks
    assert driver.seen(RunFollowed) == []


def test_lines_are_told_once_whatever_else_the_file_holds(tmp_path, monkeypatch):
    monkeypatch.setattr("latentlab.engine.following._INTERVAL", 0.0)
    following = Following(tmp_path)
    assert following.news() == ((), None), "nothing is there yet"
    metrics = tmp_path / "metrics.jsonl"
    epoch = {"event": "epoch", "epochs": 9, "train": {}, "images_per_second": 1.0, "seconds": 1.0}

    def write(*epochs, torn=""):
        lines = [json.dumps({**epoch, "epoch": number}) for number in epochs]
        metrics.write_text("".join(f"{line}\n" for line in lines) + torn)
        return [event.epoch for event in following.news()[0]]

    assert write(1, torn='{"event": "ep') == [1]
    assert write(1, 2, torn='{"event": "later-kind"}\n{"event": "epoch"}\n') == [2]
    assert write(1) == [1], "resumed from an earlier checkpoint"
    assert following.news() == ((), None)
