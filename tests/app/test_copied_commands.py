"""What is copied of every action that computes, run: it writes the bytes that the window writes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication

from latentlab.cli import main
from latentlab.controllers.copied_actions import ELSEWHERE
from latentlab.controllers.copied_commands import python_of
from latentlab.gui.panels.export_dialog import KINDS, ExportChoice
from tests.app.conftest import SECONDS

EXPORTED = {
    "image": ".png", "traversals": ".npz", "latents": ".csv", "projector": "", "html": ".html", "card": ".md",
    "map": ".png",
}  # fmt: skip
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
@pytest.mark.parametrize("kind", EXPORTED)
def test_the_copied_command_writes_the_bytes_that_the_window_writes(qtbot, at_work, kind, capsys):
    choice = ExportChoice(kind, EXPORTED[kind], 480, 360, 2, scale=2)
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
