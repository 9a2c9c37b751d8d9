"""``latentlab info``, ``recipes`` and ``doctor``, and how errors are reported."""

import json
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

import latentlab
from latentlab import cli
from latentlab.cli import main
from latentlab.config.events import Adjusted
from latentlab.config.recipes import RECIPES
from latentlab.storage import RunFolder
from tests.data.helpers import grey, save
from tests.storage import onnx_files


def json_of(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_info_of_a_model(capsys):
    found = json_of(capsys, "info", "bundled:mnist-2d")
    assert (found["kind"], found["recipe"], found["latent_dim"]) == ("model", "vae", 2)
    assert found["image_shape"] == [1, 28, 28]
    assert found["schema_version"] == 1
    assert len(found["sha256"]) == 64
    assert found["metrics"]["test_elbo"] < -100
    assert found["parameters"] > 100_000


@pytest.mark.parametrize("command", [["info"], ["train", "--out", "run"], ["evaluate", "bundled:mnist-2d"]])
def test_an_empty_name_is_not_the_working_folder(command, tmp_path, monkeypatch, capsys):
    save(tmp_path / "image.png", grey())
    monkeypatch.chdir(tmp_path)
    assert main([*command, ""]) == 2
    assert "there is no source: the name is empty" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_info_of_a_run_and_of_its_data(run, data, capsys):
    found = json_of(capsys, "info", str(run))
    assert found["kind"] == "model"
    assert found["run"] == {"epochs_done": 2, "checkpoint": True}
    found = json_of(capsys, "info", str(data))
    assert (found["kind"], found["images"], found["image_shape"]) == ("dataset", 60, [1, 8, 8])
    assert found["skipped"] == []
    assert main(["info", str(data)]) == 0
    assert "images" in capsys.readouterr().out


def test_info_of_a_run_lists_changed_settings(run, tmp_path, capsys):
    changed = shutil.copytree(run, tmp_path / "changed")
    RunFolder(changed).append_metrics(Adjusted(3, 1.5, beta=2.74).as_json())
    assert json_of(capsys, "info", str(changed))["changed_by_hand"] == [{"step": 3, "epoch": 1.5, "beta": 2.74}]
    assert main(["info", str(changed)]) == 0
    assert "step 3, epoch 1.500, beta 2.740" in capsys.readouterr().out


def test_info_lists_broken_images_before_other_files(tmp_path, capsys):
    save(tmp_path / "good.png", grey())
    (tmp_path / "readme.txt").write_text("of another kind")
    (tmp_path / "z.png").write_bytes(b"broken")
    assert main(["info", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.endswith(
        "1 file left out and 1 other file:\n"
        "z.png: not an image of a known format\n"
        "readme.txt: not an image by its name (.txt)\n"
    )


def test_info_refuses_unknown_sources(tmp_path, capsys):
    (tmp_path / "evil.safetensors").write_bytes(pickle.dumps({"a": [1] * 100}))
    (tmp_path / "evil.pt").write_bytes(b"PK\x03\x04" + bytes(100))
    for name in ("absent", "evil.safetensors", "evil.pt", "bundled:absent"):
        source = name if name.startswith("bundled:") else str(tmp_path / name)
        assert main(["info", source]) == 2
        error = capsys.readouterr().err
        assert error.startswith("latentlab: error: ")
        assert error.count("\n") == 1


def test_info_of_a_package_says_what_is_known_of_it_and_no_settings_of_our_own(tmp_path, capsys):
    """A package has neither a β nor a known likelihood, whatever the defaults of a description are."""
    onnx_files.write(tmp_path / "own", onnx_files.described(name="MyVAE"))
    found = json_of(capsys, "info", str(tmp_path / "own"))
    assert (found["kind"], found["name"], found["latent_dim"], found["likelihood"]) == (
        "model",
        "MyVAE",
        2,
        "not known",
    )
    assert "model" not in found
    assert (found["schema_version"], len(found["sha256"])) == (1, 64)
    assert main(["info", str(tmp_path / "own")]) == 0
    said = capsys.readouterr().out
    assert "bernoulli" not in said
    assert "beta" not in said
    assert max(map(len, said.splitlines())) < 200


def test_info_of_a_table_without_images_has_no_image_shape(tmp_path, capsys):
    np.savez(tmp_path / "five.npz", mean=np.arange(10, dtype=np.float32).reshape(5, 2))
    found = json_of(capsys, "info", str(tmp_path / "five.npz"))
    assert (found["kind"], found["points"], found["image_shape"], found["decoder"]) == ("model", 5, [], "no")
    assert main(["info", str(tmp_path / "five.npz")]) == 0
    said = capsys.readouterr().out
    assert "image_shape" not in said
    assert "names no images" in said


def test_info_of_a_table_whose_latents_are_not_recognised_says_what_they_are_called(tmp_path, capsys):
    save(tmp_path / "one.png", grey())
    (tmp_path / "map.csv").write_text("path,u,v\none.png,0.5,1.5\n")
    assert any("no columns of latents" in note for note in json_of(capsys, "info", str(tmp_path / "map.csv"))["notes"])


def test_recipes_are_all_listed(capsys):
    found = json_of(capsys, "recipes")
    assert [recipe["name"] for recipe in found] == list(RECIPES)
    assert all(set(recipe) == {"name", "summary", "paper"} and recipe["summary"] for recipe in found)
    assert main(["recipes"]) == 0
    assert all(name in capsys.readouterr().out for name in ("vae",))


def test_doctor_shows_versions_devices_and_folders(capsys):
    found = json_of(capsys, "doctor")
    assert found["latentlab"] == latentlab.__version__
    assert found["devices"][-1] == "cpu"
    assert found["packages"]["torch"][0].isdigit()
    assert {"data", "cache", "resources"} <= set(found["paths"])


def test_version_and_help(capsys):
    for arguments in (["--version"], ["--help"], ["train", "--help"]):
        with pytest.raises(SystemExit) as done:
            main(arguments)
        assert done.value.code == 0
        assert "latentlab" in capsys.readouterr().out


def test_an_unexpected_error_is_one_line_without_debug(monkeypatch, capsys):
    def fails(arguments):
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("latentlab.cli.info.recipes", fails)
    assert main(["recipes"]) == 1
    assert capsys.readouterr().err == (
        "latentlab: error: ZeroDivisionError: two lines (add --debug for the traceback)\n"
    )
    assert main(["recipes", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_everything_else_opens_the_window(monkeypatch):
    import latentlab.app

    seen = []
    monkeypatch.setattr(latentlab.app, "main", lambda argv: seen.append(argv) or 7)
    assert main([]) == 7
    assert main(["photos", "--engine", "thread"]) == 7
    monkeypatch.setattr(sys, "argv", ["latentlab-window", "--device", "cpu"])
    assert cli.window() == 7
    assert seen == [[], ["photos", "--engine", "thread"], ["--device", "cpu"]]


@pytest.mark.real
@pytest.mark.parametrize("arguments", [["recipes"], ["info", "bundled:mnist-2d"], ["info", "demo:shapes"], ["--help"]])
def test_info_and_recipes_import_neither_torch_nor_qt(arguments):
    code = f"""
import contextlib, sys
from latentlab.cli import main
with contextlib.suppress(SystemExit):
    assert main({arguments!r}) == 0
loaded = [name for name in ("torch", "PySide6", "pyqtgraph") if name in sys.modules]
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.real
def test_a_closed_pipe_gives_no_traceback():
    code = "import sys; from latentlab.cli import main; sys.exit(main(['recipes', '--json'] ))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        error = child.stderr.read()
    assert child.returncode == 1
    assert error == b""


def test_info_of_several_folders_describes_one_dataset(tmp_path, capsys):
    for name in ("cats", "dogs"):
        save(tmp_path / name / "a.png")
    found = json_of(capsys, "info", str(tmp_path / "cats"), str(tmp_path / "dogs"))
    assert (found["images"], found["classes"]) == (2, ["cats", "dogs"])
    assert json_of(capsys, "info", found["source"])["fingerprint"] == found["fingerprint"]
