"""Promise Yours: the copied command trains the model on screen, and runs as pasted."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

from latentlab.cli import main
from latentlab.cli.parser import build_parser
from latentlab.cli.train import run_config
from latentlab.config import DataConfig, RunConfig, TrainingConfig
from latentlab.config.recipes import RECIPES
from latentlab.controllers.model_command import command_of_model
from latentlab.controllers.run_messages import run_folder_name
from latentlab.engine.worker.workspace import info_of
from latentlab.errors import InputError
from latentlab.storage import RunFolder, read_model
from latentlab.storage.run_folder import claim_run_folder
from tests.controllers.conftest import model_info
from tests.controllers.test_autosave import dataset_info


@pytest.fixture
def images(tmp_path, own_folders) -> Path:
    path = tmp_path / "my photos" / "bars & dots.npz"
    path.parent.mkdir()
    np.savez(path, images=np.random.default_rng(0).integers(0, 255, (40, 8, 8)).astype(np.uint8))
    return path


def parsed(command: str) -> tuple[str, Path, RunConfig]:
    """Images, folder and configuration that the command line reads from a command."""
    program, *words = shlex.split(command)
    assert program == "latentlab"
    arguments = build_parser().parse_args(words)
    return arguments.data, Path(arguments.out), run_config(arguments, RunFolder(arguments.out))


def trained_on(images: Path, config: RunConfig, source: str = "elsewhere/model.safetensors", **changes: object):
    """A model as its file describes it."""
    values = {
        "source": source,
        "config": config.model.model_dump(mode="json"),
        "data": {"source": str(images), "fingerprint": "abc", "config": config.data.model_dump(mode="json")},
        "training": config.training.model_dump(mode="json", exclude={"device"}) | {"epoch": 3, "step": 9},
    }
    return model_info(**(values | changes))


FILE = RunConfig(
    data=DataConfig(image_size=16, validation=0.25),
    model=RECIPES["tc-vae"].config(latent_dim=4, beta=0.5),
    training=TrainingConfig(epochs=7, batch_size=10, seed=3, schedule="cosine"),
)
RUN = RunConfig(model=RECIPES["vae"].config(beta=2.0), training=TrainingConfig(epochs=30, device="cpu"))


def test_yours_it_trains_the_model_on_screen_and_not_the_run_opened_before(session, images):
    session.update_run(folder="runs/orl", config=RUN, source="orl")
    session.set_dataset(dataset_info("orl"))
    session.set_model(trained_on(images, FILE), 1, True)
    source, out, config = parsed(command_of_model(session))
    assert (source, config) == (str(images), FILE)
    assert not out.exists()
    assert out.is_absolute()


@pytest.mark.parametrize("source", ["runs/mine", "runs/mine/model.safetensors"])
def test_yours_it_has_the_runs_settings_and_the_models_own_beta(session, images, source):
    """The best epoch's β counts; while the run is active, the run's present β."""
    session.update_run(folder="runs/mine", config=RUN, source=str(images))
    best = RUN.model_copy(update={"model": RUN.model.model_copy(update={"beta": 1.5})})
    session.set_model(trained_on(images, best, source), 1, True)
    assert parsed(command_of_model(session))[2] == best
    session.set_run_state("running")
    assert parsed(command_of_model(session))[2] == RUN


def test_honest_a_training_that_cannot_be_repeated_is_refused_in_one_sentence(session, images, tmp_path):
    with pytest.raises(InputError, match="Open a model first"):
        command_of_model(session)
    session.set_model(model_info(), 1, True)
    with pytest.raises(InputError, match="m does not record which images it was trained on"):
        command_of_model(session)
    session.set_model(trained_on(tmp_path / "gone", FILE), 2, True)
    session.set_dataset(dataset_info(str(images)))
    with pytest.raises(InputError, match="gone, which is not on this machine"):
        command_of_model(session)


def test_yours_moved_images_are_found_in_the_open_dataset(session, images, tmp_path):
    session.set_model(trained_on(tmp_path / "gone", FILE), 1, True)
    moved = dataset_info(str(images))
    session.set_dataset(type(moved)(**(vars(moved) | {"fingerprint": "abc"})))
    assert parsed(command_of_model(session))[0] == str(images)


def test_yours_it_runs_as_pasted_and_trains_the_same_model(session, images, tmp_path):
    first = tmp_path / "first"
    words = ["--epochs", "2", "--batch-size", "8", "--latent-dim", "3", "--set", "architecture.hidden=8"]
    assert main(["train", str(images), "--out", str(first), *words]) == 0
    session.set_model(info_of(read_model(first / "model.safetensors").header, str(first), None), 1, True)
    command = command_of_model(session)
    assert main(shlex.split(command)[1:]) == 0
    again = RunFolder(parsed(command)[1])
    assert read_model(again.model).header.sha256 == read_model(first / "model.safetensors").header.sha256


def test_yours_it_repeats_models_of_unknown_recipes_too(session, images):
    own = FILE.model_copy(update={"model": FILE.model.model_copy(update={"recipe": "my own"})})
    session.set_model(trained_on(images, own), 1, True)
    assert parsed(command_of_model(session))[2] == own


def test_yours_it_runs_although_a_run_is_started_in_the_same_second(session, images, monkeypatch):
    monkeypatch.setattr("latentlab.controllers.run_messages.time.strftime", lambda _format: "2026-01-01-120000")
    session.set_model(trained_on(images, FILE), 1, True)
    _, out, _ = parsed(command_of_model(session))
    started = claim_run_folder(run_folder_name(FILE.model.recipe, images.stem))
    assert started.is_dir()
    assert not out.exists()
