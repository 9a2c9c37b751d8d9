"""``latentlab inspect``, and pixels that ``latentlab decode`` draws."""

import json

import numpy as np
import pytest
from PIL import Image

import latentlab
from latentlab.cli import main
from tests.training.helpers import bars


@pytest.fixture
def image(tmp_path):
    Image.fromarray(bars().images[0, 0]).save(tmp_path / "image.png")
    return tmp_path / "image.png"


def test_an_image_is_measured_refined_and_drawn(run, data, image, tmp_path, capsys):
    out = tmp_path / "x.npz"
    arguments = ["inspect", str(run), str(image), "--data", str(data), "--refine", "10", "--json", "--out", str(out)]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    model = latentlab.load_model(run, "cpu")
    expected = latentlab.inspect(model, bars().images[0])
    assert found["elbo"] == pytest.approx(expected.elbo)
    assert found["elbo"] == pytest.approx(-found["rate"] - found["distortion"])
    assert found["refined_elbo"] == latentlab.refine(model, bars().images[0], steps=10).elbo
    assert found["gap"] >= 0
    assert 0 <= found["share_below"] <= 1
    assert f"{found['compared_images']} training images" in found["typical"]
    assert "other images" not in found["typical"]
    arrays = np.load(out)
    np.testing.assert_array_equal(arrays["std"], expected.std)
    assert arrays["images"].shape == (24, 1, 8, 8), "three rows of eight"


def test_without_json_it_is_a_table(run, data, image, tmp_path, capsys):
    out = tmp_path / "x.png"
    assert main(["inspect", str(run), str(image), "--data", str(data), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "distortion" in text
    assert "note: " in text
    assert np.asarray(Image.open(out)).shape == (24, 64)


def test_honest_images_that_the_model_was_not_trained_on_are_not_called_training_images(run, image, tmp_path, capsys):
    np.savez(tmp_path / "others.npz", images=bars().images[:30, 0])
    assert main(["inspect", str(run), str(image), "--data", str(tmp_path / "others.npz")]) == 0
    said = capsys.readouterr().out
    assert "open images of others" in said
    assert "training images" not in said
    assert "The model was trained on other images" in said


def test_an_inspection_refuses_in_one_line(run, image, capsys):
    for arguments, why in (
        (["inspect", str(run), "absent.png"], "there is no file absent.png"),
        (["inspect", str(run), str(image), "--label", "3"], "not conditional"),
        (["inspect", str(run), str(image), "--out", "x.gif"], "must end in .png or .npz"),
        (["inspect", str(run), str(image), "--out", str(image)], "image.png"),
    ):
        assert main(arguments) == 2
        assert why in capsys.readouterr().err


def test_decode_writes_the_mean_a_draw_or_the_standard_deviation(run, tmp_path):
    model, found = latentlab.load_model(run, "cpu"), {}
    z = np.zeros((1, model.latent_dim), np.float32)
    for pixels in ("mean", "sampled", "std"):
        out = tmp_path / f"{pixels}.npz"
        arguments = ["decode", str(run), "--z", ",".join("0" * model.latent_dim), "--pixels", pixels]
        assert main([*arguments, "--seed", "3", "--out", str(out)]) == 0
        found[pixels] = np.load(out)["images"]
    np.testing.assert_array_equal(found["mean"], model.decode(z))
    np.testing.assert_array_equal(found["sampled"], model.sample_pixels(z, seed=3))
    np.testing.assert_array_equal(found["std"], model.pixel_std(z))
