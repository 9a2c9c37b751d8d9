"""What is copied of every action that computes, run: it writes the bytes that the window writes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from latentlab.cli import main
from latentlab.controllers.copied_actions import ELSEWHERE
from latentlab.controllers.copied_commands import python_of
from latentlab.gui.panels.export_dialog import KINDS, ExportChoice
from latentlab.models.inference import load_model
from latentlab.state.selection import Selection
from latentlab.storage import find_model, read_model
from latentlab.utils.pixels import to_bytes
from tests.app.conftest import SECONDS, find

EXPORTED = (
    ("image", ".png"), ("traversals", ".npz"), ("latents", ".csv"), ("projector", ""), ("html", ".html"),
    ("card", ".md"), ("map", ".png"), ("map", ".svg"),
)  # fmt: skip
_AT = np.array([0.25, -1.5], np.float32)


@pytest.fixture
def at_work(qtbot, application, tmp_path, monkeypatch):
    """The window at a latent, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    application.session.set_latent(_AT)
    return application


def export(qtbot, application, choice: ExportChoice, path: str) -> None:
    with qtbot.waitSignal(application.export.written, timeout=SECONDS):
        application.export.write(choice, os.path.abspath(path))


def contents(path: str) -> dict[str, bytes]:
    """A file, or the files of a folder, by name."""
    if os.path.isdir(path):
        found = {}
        for name in sorted(os.listdir(path)):
            with open(os.path.join(path, name), "rb") as file:
                found[name] = file.read()
        return found
    with open(path, "rb") as file:
        return {"": file.read()}


def run(command: str) -> None:
    assert main([*shlex.split(command)[1:], "--device", "cpu"]) == 0


@pytest.mark.real
@pytest.mark.parametrize(("kind", "suffix"), EXPORTED)
def test_the_copied_command_writes_the_bytes_that_the_window_writes(qtbot, at_work, kind, suffix, capsys):
    choice = ExportChoice(kind, suffix, 480, 360, 2, scale=2)
    assert at_work.export.why_not(kind) == ""
    if kind == "map":
        qtbot.waitUntil(at_work.latent_map.layer_stack.neighbours.is_shown, timeout=SECONDS)
    assert at_work.export.why_no_copy(kind) == ""
    mine = f"window{choice.suffix}"
    export(qtbot, at_work, choice, mine)
    command = at_work.export.command(choice, f"command{choice.suffix}")
    if kind == "map":  # the window of the command needs an application of its own
        code = python_of(command)
        subprocess.run([sys.executable, "-c", code], check=True, timeout=150, cwd=os.getcwd())
    else:
        run(command)
    assert contents(mine) == contents(f"command{choice.suffix}")


@pytest.mark.real
def test_a_copied_command_runs_in_a_shell_and_the_copied_python_code_does_the_same(qtbot, at_work, tmp_path):
    at_work.export.open("image")
    choice = ExportChoice("image", ".png", scale=2)
    at_work.export.copy(choice, "command")
    command = QGuiApplication.clipboard().text()
    name = shlex.split(command)[-1]
    program = tmp_path / "latentlab"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m latentlab "$@"\n')
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["/bin/sh", "-c", command], check=True, timeout=150, env=os.environ | {"PATH": path})
    by_shell = contents(name)
    os.remove(name)
    at_work.export.copy(choice, "Python")
    subprocess.run([sys.executable, "-c", QGuiApplication.clipboard().text()], check=True, timeout=150)
    assert contents(name) == by_shell
    export(qtbot, at_work, choice, "window.png")
    assert contents("window.png") == by_shell


@pytest.mark.real
def test_every_action_of_the_menu_has_a_command_that_runs_or_a_reason(qtbot, at_work, folder, tmp_path, capsys):
    copied = at_work.copied
    refused = {name: reason for name in copied.names if (reason := copied.why_not(name))}
    assert set(refused) == {"train", "evaluate", "encode", "neighbours", "compare", "history", "curves"}
    assert all(reason.endswith(".") for reason in refused.values())
    run(copied.command("decode"))
    capsys.readouterr()
    assert os.path.isfile("image.png")
    known = {kind.name for kind in KINDS} - {"strip", "image", "latents"}
    assert known | {"train", "evaluate", "encode", "decode", "neighbours", "compare"} == {*copied.names, "path"}
    assert {"generate", "direction", "impute", "inspect", "path"} == set(ELSEWHERE)


@pytest.mark.real
def test_what_needs_images_is_repeated_with_them(qtbot, application, tmp_path, monkeypatch, capsys):
    """Of images of the model's size: the nearest ones and the encoded ones are those of the window."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    np.savez(tmp_path / "digits.npz", images=random.integers(0, 255, (30, 28, 28), dtype=np.uint8))
    session = application.session
    application.data.open(str(tmp_path / "digits.npz"))
    qtbot.waitUntil(lambda: session.dataset is not None and session.points_are_of_dataset, timeout=SECONDS)
    session.set_latent(_AT)
    copied = application.copied
    run(copied.command("neighbours") + " --json")
    found = [each["index"] for each in json.loads(capsys.readouterr().out)]
    away = np.linalg.norm(session.points.mean - _AT, axis=1)
    np.testing.assert_array_equal(found, np.argsort(away, kind="stable")[: len(found)])
    run(copied.command("encode"))
    export(qtbot, application, ExportChoice("latents", ".npz"), "window.npz")
    assert contents("latents.npz") == contents("window.npz")
    run(copied.command("evaluate") + " --json --importance-samples 2")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["images"] == 30


# --- the instruments, whose commands are copied where their settings are --------------------------------


@pytest.fixture
def with_digits(qtbot, application, tmp_path, monkeypatch):
    """The window with 60 images of digits and their classes, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    model = load_model("bundled:mnist-2d", "cpu")
    points = model.points.of(np.arange(60))
    images = to_bytes(model.decode(points.mean))[:, 0]
    np.savez(tmp_path / "digits.npz", images=images, labels=points.label)
    Image.fromarray(images[7]).save(tmp_path / "seven.png")
    session = application.session
    application.data.open(str(tmp_path / "digits.npz"))
    qtbot.waitUntil(lambda: session.dataset is not None and session.points_are_of_dataset, timeout=SECONDS)
    return application


def copied(qtbot, copy) -> str:
    """What is copied once this is called."""
    QGuiApplication.clipboard().clear()
    copy()
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text().startswith("latentlab "), timeout=SECONDS)
    return QGuiApplication.clipboard().text()


def tiles(path: str, shape: tuple[int, int], count: int) -> np.ndarray:
    """The first images of a picture of tiles: uint8 [count, H, W]."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    height, width = shape
    cells = pixels.reshape(len(pixels) // height, height, -1, width).swapaxes(1, 2)
    return cells.reshape(-1, height, width)[:count]


@pytest.mark.real
def test_generated_images_are_repeated_whatever_they_are_drawn_from(qtbot, with_digits, capsys):
    application, panel, shown = with_digits, with_digits.window.generate_panel, []
    application.engine.generated.connect(shown.append)
    images = np.array([3, 9, 11, 20, 31, 44])
    application.session.set_selection(Selection(images, application.session.points.fingerprint))
    application.window.show_panel("generate")
    for seed, source in enumerate(("prior", "aggregate", "selection"), 1):
        panel.set_choice(source, 7, seed)
        assert panel.source() == source
        shown.clear()
        panel.changed.emit()
        qtbot.waitUntil(lambda: bool(shown) and find(application, "generateCopy").isEnabled(), timeout=SECONDS)
        command = copied(qtbot, panel.copyCommandRequested.emit)
        assert f"--seed {seed}" in command
        run(command)
        np.testing.assert_array_equal(tiles("generated.png", (28, 28), 7), shown[-1].images)


@pytest.mark.real
def test_a_direction_is_found_again(qtbot, with_digits, capsys):
    """Between two classes, and between the selected images and the others."""
    application, session = with_digits, with_digits.session
    session.set_selection(Selection(np.array([3, 9, 11, 20, 31, 44]), session.points.fingerprint))
    for kind, towards, away in (("groups", "class:0", "class:1"), ("groups", "selected", "others")):
        before = len(session.board.items)
        application.directions.find(kind, towards, away)
        qtbot.waitUntil(lambda before=before: len(session.board.items) > before, timeout=SECONDS)
        item = session.board.items[-1]
        assert application.directions.why_no_command(item) == ""
        command = copied(qtbot, lambda item=item: application.directions.copy_command(item))
        run(command)
        with np.load(shlex.split(command)[-1]) as found:
            for name in ("vector", "origin"):
                np.testing.assert_array_equal(found[name].astype(np.float32), getattr(item.content, name))
            assert float(found["cohens_d"]) == item.content.score


@pytest.mark.real
def test_what_is_said_of_an_image_is_said_again_and_its_hidden_part_filled_in(qtbot, with_digits, capsys):
    application, session, panel = with_digits, with_digits.session, with_digits.window.your_image
    inspected, imputed = [], []
    application.engine.imageInspected.connect(inspected.append)
    application.engine.imageImputed.connect(imputed.append)
    application.open("seven.png")
    qtbot.waitUntil(lambda: bool(inspected) and "digits" in inspected[-1].typical, timeout=SECONDS)
    run(copied(qtbot, panel.copyCommandRequested.emit).replace("inspected.png", "inspected.npz") + " --json")
    said, shown = json.loads(capsys.readouterr().out.splitlines()[-1]), inspected[-1]
    for name in ("elbo", "rate", "distortion"):
        assert said[name] == getattr(shown, name)
    assert said["typical"] + "." == shown.typical
    with np.load("inspected.npz") as found:
        np.testing.assert_array_equal(found["z"], shown.z)

    hidden = np.zeros((28, 28), bool)
    hidden[14:] = True
    session.set_encoded_image(replace(session.encoded_image, hidden=hidden))
    text = find(application, "fillingsText")
    qtbot.waitUntil(
        lambda: "observed pixels" in text.text() and "Filling in" not in application.activity.shown.text,
        timeout=SECONDS,
    )
    run(copied(qtbot, panel.copyCommandRequested.emit))
    drawn = imputed[-1]
    np.testing.assert_array_equal(
        tiles("filled.png", (28, 28), 10), np.concatenate([drawn.expected[None], drawn.draws])
    )


@pytest.mark.real
def test_a_comparison_is_repeated(qtbot, with_digits, capsys):
    with qtbot.waitSignal(with_digits.engine.comparisonOpened, timeout=SECONDS) as shown:
        with_digits.compare.open("bundled:mnist-10d")
    run(with_digits.copied.command("compare") + " --json --importance-samples 1")
    said, result = json.loads(capsys.readouterr().out.splitlines()[-1]), shown.args[0]
    assert said["images"] == result.common == 60
    assert said["procrustes"] == pytest.approx(result.alignment.disparity, rel=1e-6)
    for model, figures in zip(said["models"], result.figures, strict=True):
        assert (model["recipe"], model["latent_dim"]) == (figures.recipe, figures.latent_dim)
        assert model["active_units"] == figures.active_units
        assert model["elbo"] == pytest.approx(figures.elbo, rel=0.05), "other latents are drawn"


@pytest.mark.real
def test_a_training_is_repeated_to_the_bit(qtbot, at_work, folder, capsys):
    application, session = at_work, at_work.session
    with qtbot.waitSignal(application.engine.datasetOpened, timeout=SECONDS):
        application.window.pathsDropped.emit([str(folder)])
    find(application, "epochs").setValue(3)
    qtbot.mouseClick(find(application, "trainButton"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.run_state == "running", timeout=SECONDS)
    qtbot.waitUntil(lambda: session.run_state == "idle", timeout=SECONDS)
    qtbot.waitUntil(lambda: session.model.source == session.run_folder, timeout=SECONDS)
    command = application.copied.command("train")
    run(command)
    words = shlex.split(command)
    runs = session.run_folder, words[words.index("--out") + 1]
    mine, repeated = (read_model(find_model(each)).weights for each in runs)
    assert mine.keys() == repeated.keys()
    for name, weights in mine.items():
        np.testing.assert_array_equal(weights, repeated[name], err_msg=name)
    for kind in ("curves", "history"):
        assert application.copied.why_not(kind) == ""
        choice = ExportChoice(kind, {"curves": ".csv", "history": ".gif"}[kind])
        export(qtbot, application, choice, f"window{choice.suffix}")
        run(application.export.command(choice, f"command{choice.suffix}"))
        assert contents(f"window{choice.suffix}") == contents(f"command{choice.suffix}")
