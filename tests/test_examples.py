"""The scripts and the notebook in ``examples/`` run, and write what they say."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentlab.foreign import explore
from tests.foreign.explored import ClosedWindow

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL = ("--limit", "60", "--size", "16", "--epochs", "1")


@pytest.fixture
def run_example(tmp_path, monkeypatch, capsys):
    """Run a script as ``python examples/NAME ARGUMENTS`` would in an empty folder; gives back what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_every_script_has_a_test():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "train_on_a_folder.py", "encode_and_plot.py", "traversal_strip.py", "interpolate.py",
        "compare_two_recipes.py", "explore_your_functions.py", "read_without_latentlab.py",
    }  # fmt: skip


def test_train_on_a_folder(run_example, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        Image.fromarray(rng.integers(0, 256, (20, 20), dtype=np.uint8)).save(photos / f"{number}.png")
    (photos / "broken.png").write_bytes(b"not an image")
    printed = run_example("train_on_a_folder.py", "photos", "--out", "run", "--size", "16", "--epochs", "2")
    assert "12 images" in printed
    assert "skipped broken.png" in printed
    assert "epoch 2: ELBO" in printed
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_encode_and_plot(run_example, tmp_path):
    printed = run_example("encode_and_plot.py", "--limit", "100", "--out", "map.png")
    assert "100 images" in printed
    with Image.open(tmp_path / "map.png") as picture:
        colours = picture.getcolors(maxcolors=10_000)
    assert len(colours) >= 4  # white, and a colour for each of the three classes


def test_traversal_strip(run_example, tmp_path):
    run_example("traversal_strip.py", "bundled:mnist-10d", "--steps", "5", "--out", "strips.png")
    picture = np.asarray(Image.open(tmp_path / "strips.png"))
    assert picture.shape == (10 * 28, 5 * 28)
    assert np.ptp(picture) > 100


@pytest.mark.parametrize("name", ["frames.png", "frames.gif"])
def test_interpolate(run_example, tmp_path, name):
    run_example("interpolate.py", "--frames", "4", "--out", name)
    with Image.open(tmp_path / name) as picture:
        assert picture.size == ((4 * 64, 64) if name.endswith(".png") else (64, 64))
        assert getattr(picture, "n_frames", 1) == (1 if name.endswith(".png") else 4)


def test_compare_two_recipes(run_example):
    printed = run_example("compare_two_recipes.py", "demo:shapes", "vae", "iwae", *SMALL)
    vae, iwae = (line.split() for line in printed.splitlines()[1:])
    assert (vae[0], iwae[0]) == ("vae", "iwae")
    for _, elbo, rate, distortion in (vae, iwae):
        assert float(elbo) == pytest.approx(-float(rate) - float(distortion), abs=0.02)


def test_exploring_own_functions(run_example, monkeypatch):
    started = []

    def start(arguments, _log):
        started.append(arguments)
        return ClosedWindow()

    monkeypatch.setattr(explore, "_started", start)
    printed = run_example("explore_your_functions.py", "--limit", "60", "--size", "16", "--window")
    assert float(printed.rpartition(":")[2]) < 0.1
    assert [path.rpartition("/")[2] for path in started[0]] == ["principal components.explore", "shapes.npz"]


def test_reading_without_latentlab_gives_the_same_image(run_example, tmp_path):
    import latentlab

    run_example("read_without_latentlab.py", "--z", "0.5", "-1.2", "--out", "image.png")
    found = np.asarray(Image.open(tmp_path / "image.png"), np.float32) / 255
    wanted = latentlab.load_model("bundled:mnist-2d", "cpu").decode([[0.5, -1.2]])[0, 0]
    assert np.abs(found - wanted).max() < 1.5 / 255  # the picture has 8 bits
    assert "latentlab" not in {
        line.split()[1].partition(".")[0]
        for line in (EXAMPLES / "read_without_latentlab.py").read_text().splitlines()
        if line.startswith(("import ", "from "))
    }


def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((EXAMPLES / "first_look.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    names: dict[str, object] = {}
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    printed = capsys.readouterr().out
    assert "epoch 3: ELBO" in printed
    assert "heart" in printed
    assert "log-likelihood" in printed
    assert np.shape(names["grid"]) == (12 * 32, 12 * 32)
