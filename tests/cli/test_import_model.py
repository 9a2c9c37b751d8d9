"""``latentlab import``, and models of other programs wherever a model stands on the command line."""

import json

import numpy as np
import pytest

import latentlab
from latentlab.cli import main
from tests.storage.diffusers_files import write


def test_an_imported_model_is_the_folder(tmp_path, capsys):
    folder, out = write(tmp_path / "own"), tmp_path / "model.safetensors"
    assert main(["import", str(folder), "--out", str(out), "--image-size", "8", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["recipe"], answer["latent_shape"], answer["image_shape"]) == ("autoencoder-kl", [2, 4, 4], [3, 8, 8])
    z = np.random.default_rng(0).standard_normal((2, 32)).astype(np.float32)
    imported = latentlab.load_model(out, "cpu")
    assert imported.header.sha256 == answer["sha256"] == latentlab.load_model(folder, "cpu").header.sha256
    assert imported.decode(z).shape == (2, 3, 8, 8)
    assert main(["import", str(folder), "--out", str(out)]) == 0
    assert "images of 16 × 16 pixels with 3 channels, latents of 2 × 8 × 8 numbers" in capsys.readouterr().out


def test_info_of_a_folder_says_what_it_is(tmp_path, capsys):
    folder = write(tmp_path / "own")
    assert main(["info", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["recipe"], found["latent_dim"]) == ("model", "autoencoder-kl", 128)
    assert found["latent_shape"] == [2, 8, 8]
    assert found["autoencoder"]["scaling_factor"] == 0.5
    assert main(["info", str(folder)]) == 0
    assert "autoencoder-kl" in capsys.readouterr().out


def test_a_folder_encodes_and_decodes(tmp_path, data, capsys):
    folder, table = write(tmp_path / "own"), tmp_path / "latents.npz"
    assert main(["encode", str(folder), str(data), "--limit", "3", "--out", str(table)]) == 0
    assert main(["decode", str(folder), "--z-file", str(table), "--out", str(tmp_path / "images.npz")]) == 0
    with np.load(table) as latents, np.load(tmp_path / "images.npz") as images:
        assert latents["mean"].shape == (3, 128)
        assert images["images"].shape[0] == 3


def test_an_evaluation_says_why_there_is_none(tmp_path, data, capsys):
    assert main(["evaluate", str(write(tmp_path / "own")), str(data)]) == 2
    assert "likelihood is not known" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--image-size", "7"], ["--image-size", "2048"]])
def test_sizes_that_do_not_fit_are_refused(tmp_path, arguments, capsys):
    out = tmp_path / "model.safetensors"
    assert main(["import", str(write(tmp_path / "own")), "--out", str(out), *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not out.exists()


def test_a_folder_of_images_is_not_imported(tmp_path, capsys):
    assert main(["import", str(tmp_path), "--out", str(tmp_path / "model.safetensors")]) == 2
    assert "is not a folder of a model that can be imported" in capsys.readouterr().err


OTHERS = ["vae.pt", "vae.pth", "vae.ckpt", "vae.bin", "vae.pkl", "vae.pickle", "vae.joblib", "vae.pt2"]


@pytest.mark.parametrize("name", [*OTHERS, "vae.torchscript", "vae.keras", "vae.h5", "vae.hdf5"])
def test_files_of_other_programs_are_refused_with_a_recipe_of_five_lines(tmp_path, name, capsys):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    assert main(["decode", str(path), "--z", "0,0", "--out", str(tmp_path / "x.png")]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert f"{path} is not a latentlab model: it is " in captured.err
    assert "never opened" in captured.err
    recipe = [line for line in captured.out.splitlines() if line and not line.startswith("# my_vae.py")]
    assert len(recipe) == 5
    assert "latentlab adopt" in captured.out or "model.json" in captured.out
    assert main(["info", str(path), "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_a_state_dict_in_safetensors_is_refused_with_its_recipe(tmp_path, capsys):
    from safetensors.numpy import save_file

    path = tmp_path / "state.safetensors"
    save_file({"w": np.zeros(2, np.float32)}, path)
    assert main(["info", str(path)]) == 2
    captured = capsys.readouterr()
    assert "without latentlab's description" in captured.err
    assert "load_file('state.safetensors')" in captured.out


@pytest.mark.parametrize("name", ["latents.npz", "latents.csv"])
def test_what_encode_writes_opens_again_as_a_map(tmp_path, run, data, name, capsys):
    table = tmp_path / name
    assert main(["encode", str(run), str(data), "--out", str(table)]) == 0
    assert main(["info", str(table), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["kind"], found["recipe"], found["latent_dim"], found["points"]) == ("model", "table", 2, 60)
    mean, _ = latentlab.load_model(run, "cpu").encode(latentlab.load_dataset(data))
    np.testing.assert_allclose(latentlab.load_model(table, "cpu").points.mean, mean, atol=1e-5)
    assert (found["data"]["images_found"], found["data"]["images_missing"]) == (0, 60), "its paths are of the data"
    assert main(["info", str(table)]) == 0
    assert "60 of the 60 images that this table names are not in" in capsys.readouterr().out
    for command in (
        ["decode", str(table), "--z", "0,0", "--out", str(tmp_path / "x.png")],
        ["encode", str(table), str(data), "--out", str(tmp_path / "x.npz")],
        ["evaluate", str(table), str(data)],
        ["export", str(table), "--onnx", str(tmp_path / "package")],
    ):
        capsys.readouterr()
        assert main(command) == 2, command
        assert capsys.readouterr().err.count("\n") == 1
