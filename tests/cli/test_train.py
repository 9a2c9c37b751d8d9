"""``latentlab train``: what it says, refuses, and does when it is interrupted (reliability row 23)."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from latentlab.cli import main
from latentlab.config import RunConfig
from latentlab.config.recipes import recipe
from latentlab.data import load_dataset
from latentlab.data.suggest import suggest_sizes_for
from latentlab.models.inference import InferenceModel
from latentlab.storage import RunFolder, read_model
from tests.cli.conftest import SMALL
from tests.storage.rewrite import rewrite
from tests.training.helpers import bars


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_are_the_events(data, tmp_path, capsys):
    assert main(["train", str(data), "--out", str(tmp_path / "run"), "--epochs", "2", "--json", *SMALL]) == 0
    lines = json_lines(capsys.readouterr().out)
    assert [line["event"] for line in lines if line["event"] != "checkpoint"] == [
        "suggested", "started", "epoch", "epoch", "finished",
    ]  # fmt: skip
    assert set(lines.pop(0)) == {"event", "why", "command"}
    assert {"recipe", "images", "validation_images", "device", "parameters", "latent_dim", "image_shape"} <= set(
        lines[0]
    )
    assert lines[0]["image_shape"] == [1, 8, 8]
    for line in lines:
        if line["event"] == "epoch":
            assert {"epoch", "epochs", "train", "validation", "images_per_second", "seconds"} <= set(line)
    assert {"run", "model", "epochs", "seconds"} <= set(lines[-1])


def test_without_json_each_epoch_is_a_line(data, tmp_path, capsys):
    assert main(["train", str(data), "--out", str(tmp_path / "run"), "--epochs", "2", *SMALL]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("Chosen for 54 grey images of 8 × 8: ")
    assert " As a command: latentlab train " in out[0]
    assert out[1].startswith("gaussian-vae: 54 images, 6 for validation")
    assert out[2].startswith("epoch 1/2  validation ELBO -")
    assert "model.safetensors: 2 epochs" in out[-1]


def test_a_run_inside_its_data_is_warned_of_once(tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, image in enumerate(bars().images[:12, 0]):
        Image.fromarray(image).save(photos / f"{number}.png")
    for out, warnings in ((photos / "run", 1), (tmp_path / "run", 0)):
        assert main(["train", str(photos), *SMALL, "--epochs", "1", "--out", str(out)]) == 0
        said = capsys.readouterr()
        assert (said.out + said.err).count("choose another folder for runs") == warnings


def test_options_and_settings_reach_the_run(data, tmp_path):
    arguments = [
        "--recipe", "beta-vae", "--latent-dim", "3", "--learning-rate", "0.01", "--validation", "0.2", "--seed", "9",
        "--limit", "40", "--set", "beta=2.5", "--set", "training.schedule=cosine", "--epochs", "1",
    ]  # fmt: skip
    assert main(["train", str(data), "--out", str(tmp_path / "run"), *arguments, *SMALL]) == 0
    config = RunFolder(tmp_path / "run").read_record().config
    assert (config.model.recipe, config.model.latent_dim, config.model.beta) == ("beta-vae", 3, 2.5)
    assert config.model.architecture.hidden == 16
    assert (config.data.validation, config.data.limit, config.data.seed) == (0.2, 40, 9)
    assert (config.training.learning_rate, config.training.seed, config.training.schedule) == (0.01, 9, "cosine")


def test_sizes_that_are_not_given_with_a_recipe_are_suggested_for_the_images(data, tmp_path, capsys):
    """The others stay those of the recipe, and options those that are given."""
    small = [*SMALL, "--set", "patience=1", "--set", "learning_rate=10", "--json"]
    for name, options in (("epochs", ["--epochs", "2"]), ("both", ["--epochs", "2", "--latent-dim", "3"])):
        out = tmp_path / name
        assert main(["train", str(data), "--out", str(out), "--recipe", "vae", *options, *small]) == 0
        lines = json_lines(capsys.readouterr().out)
        assert [line["event"] for line in lines][: 1 if name == "both" else 2][-1] == "started"
        if name == "epochs":
            assert lines[0]["event"] == "suggested"
            assert "the recipe vae" in lines[0]["why"]
            assert "latent dimensions" in lines[0]["why"]
            assert "--epochs 2" in lines[0]["command"]
        config = RunFolder(out).read_record().config
        assert (config.model.architecture.kind, config.training.batch_size, config.training.epochs) == ("mlp", 16, 2)


def test_the_epochs_of_a_recipe_suit_the_images(data, tmp_path):
    start = RunConfig(model=recipe("beta-vae").config())
    dataset = load_dataset(data)
    few, none = suggest_sizes_for(dataset, start), suggest_sizes_for(dataset, start, ["epochs=3", "latent_dim=4"])
    assert none is None
    assert few.config.training.epochs == 400, "a few images are seen often"
    assert few.config.model.model_copy(update={"latent_dim": 2}) == start.model
    assert "400 epochs" in few.reason
    own = RunConfig(model=recipe("capacity-vae").config())
    assert suggest_sizes_for(dataset, own).config.model == own.model, "a recipe's own number of latents stays"


def test_resuming_needs_only_the_changed_options(run, data, tmp_path, capsys):
    """The run's own configuration is the default."""
    folder = tmp_path / "run"
    assert main(["train", str(data), "--out", str(folder), "--epochs", "1", "--latent-dim", "3", *SMALL]) == 0
    assert main(["train", str(data), "--out", str(folder), "--epochs", "2", "--resume"]) == 0
    record = RunFolder(folder).read_record()
    assert (record.config.model.latent_dim, record.config.training.epochs) == (3, 2)
    assert len(RunFolder(folder).read_metrics()) == 2


def test_resuming_a_complete_run_says_how_to_continue(data, tmp_path, capsys):
    """Both after all epochs and after patience."""
    folder = str(tmp_path / "run")
    # So high a rate that no epoch is better than the first for long.
    patient = ["--epochs", "500", "--set", "patience=2", "--learning-rate", "0.2"]
    assert main(["train", str(data), "--out", folder, *patient, *SMALL]) == 0
    assert "without a better ELBO; the model is of epoch" in capsys.readouterr().out
    done = len(RunFolder(folder).read_metrics())
    assert main(["train", str(data), "--out", folder, "--resume", "--epochs", str(done + 1)]) == 0
    assert "nothing was trained: patience" in capsys.readouterr().out
    going_on = ["--resume", "--set", "patience=0", "--epochs", str(done + 1)]
    assert main(["train", str(data), "--out", folder, *going_on]) == 0
    assert len(RunFolder(folder).read_metrics()) == done + 1
    capsys.readouterr()
    assert main(["train", str(data), "--out", folder, "--resume"]) == 0
    assert f"nothing was trained: the run was complete after {done + 1} epochs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--epochs", "-1"], "training.epochs must be at least 1, not -1"),
        (["--epochs", "many"], "training.epochs must be a whole number, not 'many'"),
        (["--recipe", "no-such"], "no recipe 'no-such'"),
        (["--set", "no.such.key=1"], "no such setting"),
        (["--set", "betta=2"], "betta: there is no such setting; did you mean beta"),
        (["--set", "hiden=2"], "did you mean architecture.hidden"),
        (["--set", "beta"], "KEY=VALUE"),
        (["--device", "cuda:99"], "no device 'cuda:99'"),
        (["--device", "toaster"], "training.device must be auto, cpu, cuda, cuda:N or mps, not 'toaster'"),
        (["--image-size", "7"], "data.image_size"),
        (["--set", "codebook.size=9"], "codebook.size does nothing for this model (gaussian-vae): it needs family=vq"),
        (["--no-such-option"], "unrecognized arguments"),
    ],
)
def test_errors_are_one_line_and_leave_no_folder(data, tmp_path, capsys, arguments, why):
    assert main(["train", str(data), "--out", str(tmp_path / "run"), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("latentlab: error: ")
    assert captured.err.count("\n") == 1
    assert why in captured.err
    assert os.listdir(tmp_path) == []


def test_a_folder_in_use_is_refused(run, data, capsys):
    before = (run / "model.safetensors").read_bytes()
    assert main(["train", str(data), "--out", str(run)]) == 2
    assert "is not empty; add --resume" in capsys.readouterr().err
    assert (run / "model.safetensors").read_bytes() == before


def start(data, folder, *arguments):
    """A training in a separate process, with more epochs than can be completed."""
    command = [sys.executable, "-m", "latentlab", "train", str(data), "--out", str(folder), "--json", *SMALL]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def wait_for(child, text):
    for line in child.stdout:
        if text in line:
            return
    raise AssertionError(child.stderr.read())


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_row_23_a_signal_checkpoints_and_exits_with_130(data, tmp_path, number):
    with start(data, tmp_path / "run", "--epochs", "100000") as child:
        wait_for(child, '"epoch": 2,')
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert json_lines(out)[-1]["event"] == "checkpoint"
    step = RunFolder(tmp_path / "run").read_checkpoint().position["position"]["step"]
    assert step >= 8
    assert err == f"latentlab: interrupted: checkpoint at epoch {step // 4}, step {step}; continue with --resume\n"
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_signals_ignored_by_nohup_stay_ignored(data, tmp_path, capsys):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        seen = []

        class Raising(io.StringIO):
            def write(self, text):
                signal.raise_signal(signal.SIGHUP)
                seen.append(text)
                return len(text)

        with contextlib.redirect_stdout(Raising()):
            assert main(["train", str(data), "--out", str(tmp_path / "run"), "--epochs", "1", "--json", *SMALL]) == 0
        assert '"finished"' in "".join(seen)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_interrupted_in_the_first_epoch_it_reports_the_checkpoint(data, tmp_path, monkeypatch, capsys):

    class Interrupting(io.StringIO):
        """Sends the signal when the run says that it begins."""

        def write(self, text):
            if '"started"' in text:
                signal.raise_signal(signal.SIGINT)
            return super().write(text)

    monkeypatch.setattr(sys, "stdout", Interrupting())
    assert main(["train", str(data), "--out", str(tmp_path / "run"), "--epochs", "3", "--json", *SMALL]) == 130
    assert [line["event"] for line in json_lines(sys.stdout.getvalue())] == ["suggested", "started", "checkpoint"]
    assert capsys.readouterr().err == (
        "latentlab: interrupted: checkpoint in the first epoch, at step 0, with the present model; "
        "continue with --resume\n"
    )
    assert RunFolder(tmp_path / "run").model.exists()


def test_resuming_without_a_run_starts_one_and_says_so(data, tmp_path, capsys):
    said = f"no run in {tmp_path / 'run'} yet: starting from the beginning"
    arguments = ["train", str(data), "--out", str(tmp_path / "run"), "--epochs", "1", "--resume", *SMALL]
    assert main([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert json_lines(captured.out)[0] == {"event": "warning", "message": said}
    assert captured.err == ""
    assert main(arguments) == 0
    assert said not in capsys.readouterr().err
    arguments[3] = str(tmp_path / "other")
    assert main(arguments) == 0
    assert "latentlab: no run in" in capsys.readouterr().err


@pytest.mark.real
def test_rows_7_and_10_a_run_killed_at_any_moment_and_resumed_ends_like_an_uninterrupted_one(data, tmp_path):
    """SIGKILL, three times, at random moments."""
    arguments = ["--epochs", "150", "--set", "checkpoint_minutes=0.0001", "--resume"]
    for moment in (0.05, 0.23, 0.41):
        with start(data, tmp_path / "parts", *arguments) as child:
            wait_for(child, '"event": "started"')
            time.sleep(moment)
            child.kill()
            child.communicate(timeout=60)
    for folder in ("parts", "whole"):
        assert main(["train", str(data), "--out", str(tmp_path / folder), *arguments, *SMALL, "--json"]) == 0
    whole, parts = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(whole[name].tobytes() == parts[name].tobytes() for name in whole)
    assert [line["epoch"] for line in RunFolder(tmp_path / "parts").read_metrics()] == list(range(1, 151))


def test_row_41_a_damaged_checkpoint_ends_resume_with_one_line(run, data, tmp_path, capsys):
    folder = shutil.copytree(run, tmp_path / "run")
    tensor = "optimizer.model.decoder.pixels.weight/exp_avg"
    rewrite(folder / "checkpoint.safetensors", "latentlab_checkpoint", {tensor: np.zeros(1000, np.float32)})
    assert main(["train", str(data), "--out", str(folder), "--resume", "--epochs", "9"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"latentlab: error: {folder}")
    assert f"is damaged: tensor {tensor} is float32 [1000] instead of [64, 16]" in error
    assert error.count("\n") == 1


def test_images_that_the_model_encodes_beyond_any_range_are_left_out_of_its_map_and_said(
    data, tmp_path, monkeypatch, capsys
):
    encode = InferenceModel.encode

    def wild(model, images, label=None):
        mean, std = encode(model, images, label)
        mean[:2], mean[2] = 1e12, np.nan
        return mean, std

    monkeypatch.setattr(InferenceModel, "encode", wild)
    out = tmp_path / "run"
    assert main(["train", str(data), "--out", str(out), "--epochs", "1", *SMALL]) == 0
    said = capsys.readouterr()
    assert "3 images left out of the model file's map: the model encodes them beyond ±1e+09" in said.out + said.err
    points = read_model(RunFolder(out).model).points
    assert points.index.tolist() == list(range(3, len(bars())))


def test_row_27_a_folder_whose_name_is_not_text_is_trained_on_and_found_again(tmp_path, capsys):
    folder = os.fsencode(tmp_path) + b"/faces \xff"
    os.mkdir(folder)
    for number in range(6):
        Image.fromarray(np.full((8, 8), 40 * number, np.uint8)).save(os.fsdecode(folder + b"/%d.png" % number))
    out = tmp_path / "run"
    assert main(["train", os.fsdecode(folder), "--out", str(out), "--epochs", "1", "--recipe", "vae", *SMALL]) == 0
    assert "error" not in capsys.readouterr().err
    for source in (
        read_model(out / "model.safetensors").header.data["source"],
        RunFolder(out).read_record().data["source"],
    ):
        assert len(load_dataset(source).images) == 6
