"""``latentlab impute``."""

import numpy as np
import pytest
from PIL import Image

import latentlab
from latentlab.cli import main
from tests.cli.conftest import SMALL
from tests.training.helpers import bars


@pytest.fixture
def files(tmp_path):
    """An image and a mask that hides its right half."""
    Image.fromarray(bars().images[0, 0]).save(tmp_path / "image.png")
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 4:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path


def test_impute_writes_an_image_or_arrays(run, files, capsys):
    for name in ("x.png", "x.npz"):
        arguments = ["impute", str(run), str(files / "image.png"), "--mask", str(files / "mask.png")]
        assert main([*arguments, "--samples", "30", "--out", str(files / name)]) == 0
    assert "32 of 64 pixels filled in" in capsys.readouterr().out
    arrays = np.load(files / "x.npz")
    hidden = arrays["mask"]
    assert hidden.dtype == bool
    assert hidden[:, 4:].all()
    assert not hidden[:, :4].any()
    assert arrays["images"].shape == (1, 1, 8, 8)
    image = bars().images[0]
    expected = latentlab.impute(latentlab.load_model(run, "cpu"), image, hidden, samples=30)
    np.testing.assert_allclose(arrays["images"][0], expected, atol=1e-6)
    picture = np.asarray(Image.open(files / "x.png"))
    assert (picture[:, :4] == image[0, :, :4]).all()
    assert abs(picture - expected[0] * 255).max() <= 1


def test_image_and_mask_are_resized_in_the_same_way(run, files):
    """A wide image gets margins without hidden pixels."""
    wide = np.full((20, 40), 90, np.uint8)
    Image.fromarray(wide).save(files / "wide.png")
    Image.fromarray(np.full((20, 40), 255, np.uint8)).save(files / "all.png")
    out = files / "x.npz"
    assert main(["impute", str(run), str(files / "wide.png"), "--mask", str(files / "all.png"), "--out", str(out)]) == 0
    arrays = np.load(out)
    assert arrays["mask"][2:6].all()
    assert not arrays["mask"][[0, 1, 6, 7]].any()
    assert not arrays["images"][0, 0, [0, 1, 6, 7]].any()


def test_a_conditional_model_needs_the_class(data, files, capsys):
    folder = str(files / "run")
    assert main(["train", str(data), "--out", folder, "--recipe", "cvae", "--epochs", "1", *SMALL]) == 0
    arguments = ["impute", folder, str(files / "image.png"), "--mask", str(files / "mask.png")]
    arguments += ["--out", str(files / "x.png")]
    assert main(arguments) == 2
    assert "which class the image is of" in capsys.readouterr().err
    assert main([*arguments, "--label", "1"]) == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["image.png", "--out", "x.png"], "required: --mask"),
        (["absent.png", "--mask", "mask.png", "--out", "x.png"], "no file absent.png"),
        (["image.png", "--mask", "junk.png", "--out", "x.png"], "cannot read junk.png: not an image"),
        (["image.png", "--mask", "small.png", "--out", "x.png"], "mask has 4 × 4 pixels and the image 8 × 8"),
        (["image.png", "--mask", "black.png", "--out", "x.png"], "hides nothing"),
        (["image.png", "--mask", "mask.png", "--out", "x.jpg"], ".png or .npz"),
        (["image.png", "--mask", "mask.png", "--out", "image.png"], "image.png is an input"),
        (["image.png", "--mask", "mask.png", "--label", "1", "--out", "x.png"], "is not conditional"),
        (["image.png", "--mask", "mask.png", "--samples", "0", "--out", "x.png"], "from 1 to"),
        (["image.png", "--mask", "mask.png", "--expected", "--out", "x.png"], "--expected needs --draws"),
    ],
)
def test_impute_refuses_in_one_line(run, files, monkeypatch, capsys, arguments, why):
    monkeypatch.chdir(files)
    (files / "junk.png").write_bytes(b"junk")
    Image.new("L", (4, 4)).save("small.png")
    Image.new("L", (8, 8)).save("black.png")
    before = (files / "image.png").read_bytes()
    assert main(["impute", str(run), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("latentlab: error: ")
    assert error.count("\n") == 1
    assert why in error
    assert not (files / "x.png").exists()
    assert (files / "image.png").read_bytes() == before


def test_impute_says_which_frames_it_does_not_use(run, files, capsys):
    first, second = (Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (40, 90))
    first.save(files / "two.tif", save_all=True, append_images=[second])
    arguments = ["impute", str(run), str(files / "two.tif"), "--mask", str(files / "mask.png")]
    assert main([*arguments, "--samples", "2", "--out", str(files / "x.npz")]) == 0
    assert "two.tif: only its first frame is used" in capsys.readouterr().err


def test_several_fillings_are_those_of_python(run, files, capsys):
    arguments = ["impute", str(run), str(files / "image.png"), "--mask", str(files / "mask.png"), "--draws", "3"]
    for name in ("x.png", "x.npz"):
        assert main([*arguments, "--samples", "40", "--seed", "2", "--out", str(files / name)]) == 0
    arrays = np.load(files / "x.npz")
    image = bars().images[0]
    expected = latentlab.imputations(
        latentlab.load_model(run, "cpu"), image, arrays["mask"], count=3, samples=40, seed=2
    )
    assert arrays["images"].shape == (3, 1, 8, 8)
    np.testing.assert_array_equal(arrays["images"], expected.draws)
    np.testing.assert_array_equal(arrays["expected"], expected.expected)
    assert np.asarray(Image.open(files / "x.png")).shape == (16, 16)
    assert main([*arguments, "--samples", "40", "--seed", "2", "--expected", "--out", str(files / "all.npz")]) == 0
    every = np.load(files / "all.npz")["images"]
    np.testing.assert_array_equal(every, np.concatenate([expected.expected[None], expected.draws]))


def test_a_prepared_image_is_not_inverted_again(data, files):
    """As in a picture that ``decode`` has written: its values are the model's."""
    folder = str(files / "run")
    assert main(["train", str(data), "--out", folder, "--set", "invert=true", "--epochs", "1", *SMALL]) == 0
    arguments = ["impute", folder, str(files / "image.png"), "--mask", str(files / "mask.png")]
    observed = {}
    for extra in ((), ("--prepared",)):
        assert main([*arguments, *extra, "--out", str(files / "x.npz")]) == 0
        observed[extra] = np.rint(np.load(files / "x.npz")["images"][0, 0, :, :4] * 255)
    image = bars().images[0, 0, :, :4]
    assert (observed[("--prepared",)] == image).all()
    assert (observed[()] == 255 - image).all()
