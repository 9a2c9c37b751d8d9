"""A model reads other images with the value range of its training images, by every door, and says so."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

import latentlab
from latentlab.cli import main
from latentlab.models.inference import load_model
from tests.cli.conftest import SMALL

COUNT = 24


def twelve_bits():
    """Images [24, 8, 8] with values 0 to 4,095; the first 6 are dark, at most 900."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 4096, (COUNT, 8, 8))
    images[6:, 0, 0] = 4095
    images[:6] = rng.integers(0, 901, (6, 8, 8))
    return images


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The same numbers as floats in an array and as 12 bits in 16-bit files: all of them, and the dark ones alone."""
    folder, images = tmp_path_factory.mktemp("twelve"), twelve_bits()
    for name, part in (("all", images), ("dark", images[:6]), ("bright", images[:6] + 4095)):
        np.save(folder / f"{name}.npy", part.astype(np.float32))
        (folder / name).mkdir()
        for number, image in enumerate(part):
            Image.fromarray(image.astype(np.uint16)).save(folder / name / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module", params=[".npy", ""], ids=["floats", "files"])
def trained(request, sources, tmp_path_factory):
    """A run on all images of one kind, and the suffix of that kind."""
    run = tmp_path_factory.mktemp("ranges") / "run"
    assert main(["train", str(sources / f"all{request.param}"), "--out", str(run), "--epochs", "1", *SMALL]) == 0
    return run, request.param


def encoded(run, source, out, *options):
    assert main(["encode", str(run), str(source), "--out", str(out), *options]) == 0
    return np.load(out)["mean"]


@pytest.mark.parametrize("other", [".npy", ""], ids=["floats", "files"])
def test_images_give_the_latents_that_they_had_in_training(trained, other, sources, tmp_path, capsys):
    """The dark images alone would have 0 to 1,023 as their range."""
    run, _ = trained
    points = load_model(run, "cpu").points
    expected = points.mean[np.argsort(points.index)][:6]
    found = encoded(run, sources / f"dark{other}", tmp_path / "z.npz")
    np.testing.assert_allclose(found, expected, atol=1e-6)
    said = capsys.readouterr().err
    assert "0 is black and 4,095 white, as in the model's training images" in said
    assert "by themselves these images would have 0 and 1,023" in said


def test_levels_are_the_users(trained, sources, tmp_path, capsys):
    run, kind = trained
    dark = sources / f"dark{kind}"
    by_model = encoded(run, dark, tmp_path / "z.npz")
    by_data = encoded(run, dark, tmp_path / "auto.npz", "--levels", "auto")
    assert np.abs(by_data - by_model).max() > 1e-3
    assert np.array_equal(encoded(run, dark, tmp_path / "w.npz", "--levels", "0,1023"), by_data)
    capsys.readouterr()
    assert main(["evaluate", str(run), str(dark), "--levels", "3,1", "--importance-samples", "1"]) == 2
    assert "two rising numbers" in capsys.readouterr().err


def test_values_beyond_the_models_range_are_counted(trained, sources, tmp_path, capsys):
    run, kind = trained
    encoded(run, sources / f"bright{kind}", tmp_path / "z.npz")
    assert "100% of the values are outside the range from 0 to 4,095" in capsys.readouterr().err


def test_a_few_values_beyond_the_models_range_are_counted_too(trained, sources, tmp_path, capsys):
    run, _ = trained
    images = twelve_bits().astype(np.float32)
    images[0, 0, 0] = 4200
    np.save(tmp_path / "few.npy", images)
    encoded(run, tmp_path / "few.npy", tmp_path / "z.npz")
    assert f"{100 / images.size:.2g} % of the values are outside" in capsys.readouterr().err


def test_python_reads_a_dataset_as_the_model_does(trained, sources):
    run, kind = trained
    model = latentlab.load_model(run, "cpu")
    expected, _ = model.encode(latentlab.load_dataset(sources / f"all{kind}"))
    dark = latentlab.load_dataset(sources / f"dark{kind}")
    assert dark.value_range.high == 1023
    np.testing.assert_allclose(model.encode(dark)[0], expected[:6], atol=1e-6)
    some = dark.subset(np.array([4, 1]))
    np.testing.assert_allclose(model.encode(some)[0], expected[[4, 1]], atol=1e-6)
    by_hand = latentlab.load_dataset(sources / f"dark{kind}", levels="0,1023")
    assert np.abs(model.encode(by_hand)[0] - expected[:6]).max() > 1e-3
    remarks = latentlab.evaluate(model, dark, importance_samples=1).remarks
    assert any("4,095 white, as in the model's training images" in each for each in remarks)
    assert not any("training images" in each for each in latentlab.evaluate(model, by_hand, 1).remarks)


def test_a_source_that_is_gone_is_one_sentence(trained, tmp_path):
    run, _ = trained
    np.save(tmp_path / "dark.npy", twelve_bits()[:6])
    dataset = latentlab.load_dataset(tmp_path / "dark.npy")
    (tmp_path / "dark.npy").unlink()
    with pytest.raises(latentlab.errors.InputError, match=r"there is no file or folder .*dark\.npy"):
        latentlab.load_model(run, "cpu").encode(dataset)


def test_a_single_image_is_read_with_the_models_range(trained, sources, tmp_path):
    run, _ = trained
    mask = np.zeros((8, 8), np.uint8)
    mask[0] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    arguments = ["impute", str(run), str(sources / "dark" / "00.png"), "--mask", str(tmp_path / "mask.png")]
    for options, range_ in (((), 4095), (("--levels", "auto"), 1023)):
        assert main([*arguments, "--samples", "2", "--out", str(tmp_path / "x.npz"), *options]) == 0
        image = np.load(tmp_path / "x.npz")["images"][0, 0]
        np.testing.assert_allclose(image[1:], twelve_bits()[0, 1:] / range_, atol=1 / 255)


def test_a_model_without_ranges_reads_images_as_before(trained, sources, tmp_path, capsys):
    """As version 0.1 wrote them."""
    run, kind = trained
    path = tmp_path / "old.safetensors"
    model = run / "model.safetensors"
    data = model.read_bytes()
    header = json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["latentlab"])
    assert header["data"].pop("ranges") == {("real" if kind else "whole"): [0.0, 4095.0]}
    save_file(load_file(model), path, metadata={"latentlab": json.dumps(header)})
    found = encoded(path, sources / f"dark{kind}", tmp_path / "z.npz")
    assert "training images" not in capsys.readouterr().err
    assert np.array_equal(found, encoded(run, sources / f"dark{kind}", tmp_path / "a.npz", "--levels", "auto"))
