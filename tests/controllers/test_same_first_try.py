"""Window, command line and Python suggest and train the same configuration."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

import latentlab
from latentlab.cli import main
from latentlab.cli.parser import build_parser
from latentlab.cli.train import run_config
from latentlab.config import DataConfig, RunConfig
from latentlab.config.recipes import RECIPES
from latentlab.controllers.training import TrainingController
from latentlab.engine.protocol.messages import DatasetOpened, OpenDataset, Train
from latentlab.engine.worker.jobs import opening
from latentlab.engine.worker.workspace import Workspace
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.panels.training import TrainingPanel
from latentlab.storage import RunFolder

SHAPES = {"grey": (12, 10, 10), "large": (24, 40, 34), "colour": (9, 16, 16, 3)}


@pytest.fixture(params=SHAPES)
def source(request, tmp_path) -> str:
    path = tmp_path / f"{request.param}.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 255, SHAPES[request.param], dtype=np.uint8))
    return str(path)


@pytest.fixture
def of_window(source, qtbot, session, engine, activity) -> RunConfig:
    """What Train in the window asks for, after the images were opened."""
    sent = []
    for _ in opening(Workspace(sent.append), OpenDataset(source, DataConfig())):
        pass
    panel, curves = TrainingPanel(), TrainingCurves()
    for widget in (panel, curves):
        qtbot.addWidget(widget)
    panel.set_recipes(list(RECIPES.values()))
    TrainingController(session, engine, panel, curves, activity)
    session.set_dataset(next(result.info for result in sent if isinstance(result, DatasetOpened)))
    panel.train()
    return engine.last(Train).config


def of_command(command: str) -> RunConfig:
    arguments = build_parser().parse_args(shlex.split(command)[1:])
    return run_config(arguments, RunFolder(arguments.out))


def test_all_three_doors_choose_the_same(source, of_window, own_folders, tmp_path, capsys):
    dataset = latentlab.load_dataset(source)
    assert latentlab.suggest(dataset).config == of_window
    first = next(iter(latentlab.train(dataset, device="cpu")))
    assert first.event == "suggested"
    assert first.why == latentlab.suggest(dataset).reason
    on_cpu = of_window.training.model_copy(update={"device": "cpu"})
    assert of_command(first.command) == of_window.model_copy(update={"training": on_cpu})
    out, by_hand = tmp_path / "run", ["--epochs", "1", "--device", "cpu", "--set", "beta=2.5"]
    assert main(["train", source, "--out", str(out), "--json", *by_hand]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events[:2]] == ["suggested", "started"]
    trained = RunFolder(out).read_record().config
    assert of_command(events[0]["command"]) == trained
    assert "1 epochs" not in events[0]["why"], "the epochs were not chosen but given"
    assert trained.model == of_window.model.model_copy(update={"beta": 2.5})
    assert trained.training == on_cpu.model_copy(update={"epochs": 1, "patience": 0})
    assert trained.data == of_window.data


def test_with_a_latent_dimension_the_first_json_line_stays_that_of_the_start(tmp_path, own_folders, capsys):
    np.savez(tmp_path / "grey.npz", images=np.zeros((6, 8, 8), np.uint8) + np.arange(8, dtype=np.uint8) * 30)
    options = ["--latent-dim", "3", "--epochs", "1", "--device", "cpu", "--json"]
    assert main(["train", str(tmp_path / "grey.npz"), "--out", str(tmp_path / "run"), *options]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[0])["event"] == "started"
    assert "As a command: latentlab train" in said.err


def test_a_recipe_whose_sizes_are_given_or_a_run_is_taken_as_it_is(tmp_path, own_folders):
    np.savez(tmp_path / "colour.npz", images=np.zeros((6, 8, 8, 3), np.uint8))
    dataset = latentlab.load_dataset(tmp_path / "colour.npz")
    run: Path = tmp_path / "run"
    settings = {"latent_dim": 2, "epochs": 1, "architecture.hidden": 8, "device": "cpu"}
    events = list(latentlab.train(dataset, recipe="vae", out=run, **settings))
    assert events[0].event == "started"
    before = RunFolder(run).read_record().config
    assert (before.model.recipe, before.training.batch_size) == ("vae", 128)
    events = list(latentlab.train(dataset, out=run, resume=True, epochs=2))
    assert events[0].event == "started"
    after = RunFolder(run).read_record().config
    assert after.model == before.model
    assert after.training.epochs == 2
