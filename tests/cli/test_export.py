"""``latentlab export`` and ``latentlab adopt``."""

import json

import pytest

from latentlab.cli import main
from tests.exchange.test_onnx_export import OWN


def test_a_run_is_exported_and_the_package_is_a_model(run, tmp_path, capsys):
    folder = str(tmp_path / "package")
    assert main(["export", str(run), "--onnx", folder, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["onnx"]["out"] == folder
    assert max(answer["onnx"]["differences"].values()) < 1e-4
    assert main(["info", folder, "--json"]) == 0
    information = json.loads(capsys.readouterr().out)
    assert (information["kind"], information["latent_dim"], information["image_shape"]) == ("model", 2, [1, 8, 8])
    assert main(["decode", folder, "--z", "0,0", "--out", str(tmp_path / "z.png")]) == 0
    assert main(["export", folder, "--onnx", str(tmp_path / "again")]) == 2
    assert "copy its folder" in capsys.readouterr().err


def test_ones_own_model_is_adopted(tmp_path, capsys):
    file = tmp_path / "own_model_for_cli.py"
    file.write_text(OWN)
    out = str(tmp_path / "package")
    assert main(["adopt", f"{file}:Model", "--out", out, "--image-shape", "1,2,2"]) == 0
    assert "tested with onnxruntime" in capsys.readouterr().out
    assert main(["generate", out, "--count", "2", "--out", str(tmp_path / "images.png")]) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--image-shape", "28"], "--image-shape must be channels, height and width"),
        (["--image-shape", "1,2,x"], "--image-shape must be numbers"),
        (["--image-shape", "1,2,2", "--value-range", "1,0"], "--value-range must be two rising numbers"),
        (["--image-shape", "1,2,2", "--classes", "one"], "--classes must name at least two"),
    ],
)
def test_impossible_options_are_refused(tmp_path, capsys, options, sentence):
    assert main(["adopt", "own.py:model", "--out", str(tmp_path / "package"), *options]) == 2
    assert sentence in capsys.readouterr().err
