"""``latentlab encode`` and ``decode``."""

import csv
import os

import numpy as np
import pytest
from PIL import Image

import latentlab
from latentlab.cli import main
from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.models.inference import InferenceModel, load_model
from tests.cli.conftest import SMALL
from tests.training.helpers import bars


def test_encode_writes_the_same_numbers_to_npz_and_csv(run, data, tmp_path):
    for name in ("z.npz", "z.csv"):
        assert main(["encode", str(run), str(data), "--out", str(tmp_path / name)]) == 0
    arrays = np.load(tmp_path / "z.npz")
    mean, std = load_model(run, "cpu").encode(bars().images)
    assert arrays["mean"].dtype == arrays["std"].dtype == np.float32
    assert (arrays["mean"] == mean).all()
    assert (arrays["std"] == std).all()
    assert (arrays["label"] == bars().labels).all()
    with open(tmp_path / "z.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "label", "mean_0", "mean_1", "std_0", "std_1", "class"]
    assert [row["class"] for row in rows] == [arrays["class_names"][label] for label in arrays["label"]]
    assert [row["path"] for row in rows] == arrays["path"].tolist()
    assert (np.array([row["mean_1"] for row in rows], np.float32) == mean[:, 1]).all()


def test_latents_that_are_not_finite_are_counted(run, data, tmp_path, monkeypatch, capsys):
    encode = InferenceModel.encode

    def broken(model, images, label=None):
        mean, std = encode(model, images, label)
        mean[[2, 5]], std[7] = np.nan, np.inf
        return mean, std

    monkeypatch.setattr(InferenceModel, "encode", broken)
    assert main(["encode", str(run), str(data), "--out", str(tmp_path / "z.npz")]) == 0
    said = capsys.readouterr().err
    assert f"3 of {len(bars())} latents are not finite (of bars.npz#2, bars.npz#5, bars.npz#7)" in said
    assert len(np.load(tmp_path / "z.npz")["mean"]) == len(bars())


def test_names_in_a_csv_are_no_formulas_and_are_read_back(run, tmp_path):
    """As a spreadsheet opens the file; latentlab reads the same names from it again."""
    names = ["=1+1.png", "+x.png", "-x.png", "@x.png", "'=x.png", "plain.png"]
    (tmp_path / "images").mkdir()
    for name in names:
        Image.new("L", (8, 8), 90).save(tmp_path / "images" / name)
    table = tmp_path / "images" / "labels.csv"
    assert main(["encode", str(run), str(tmp_path / "images"), "--out", str(table)]) == 0
    with open(table, newline="") as file:
        cells = [row["path"] for row in csv.DictReader(file)]
    assert sorted(cells) == sorted(["'=1+1.png", "'+x.png", "'-x.png", "'@x.png", "''=x.png", "plain.png"])
    again = load_dataset(tmp_path / "images")
    assert sorted(again.paths) == sorted(names)
    assert again.skipped == []
    assert not np.isnan(again.metadata["mean_0"]).any(), "every row has found its image"


def test_decode_lays_the_grid_left_to_right_with_z2_rising(run, tmp_path):
    assert main(["decode", str(run), "--grid", "3", "--out", str(tmp_path / "g.png")]) == 0
    picture = np.asarray(Image.open(tmp_path / "g.png"))
    assert picture.shape == (24, 24)
    low, high = -0.96742157, 0.96742157  # quantiles 1/6 and 5/6 of the standard normal
    corners = {(0, 0): (low, high), (0, 2): (high, high), (2, 0): (low, low), (2, 2): (high, low), (1, 1): (0, 0)}
    model = load_model(run, "cpu")
    for (row, column), z in corners.items():
        image = np.rint(model.decode(np.float32([z]))[0, 0] * 255)
        shown = picture[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8]
        assert abs(shown - image).max() <= 1


def test_decode_given_latents(run, tmp_path):
    np.save(tmp_path / "z.npy", np.array([[-1.0, 2.0], [0.5, 0.5]]))
    assert main(["decode", str(run), "--z", "-1,2", "--z", "0.5,0.5", "--out", str(tmp_path / "a.npz")]) == 0
    assert main(["decode", str(run), "--z-file", str(tmp_path / "z.npy"), "--out", str(tmp_path / "b.npz")]) == 0
    one, other = np.load(tmp_path / "a.npz"), np.load(tmp_path / "b.npz")
    assert one["images"].shape == (2, 1, 8, 8)
    assert (one["images"] == other["images"]).all()
    assert (one["z"] == np.load(tmp_path / "z.npy")).all()


def test_row_51_images_that_the_model_has_no_number_for_are_counted(run, tmp_path, monkeypatch, capsys):
    """The sums of a network overflow far out: infinite less infinite is no number."""
    decode = InferenceModel.decode

    def overflowing(model, z, label=None):
        images = decode(model, z, label)
        images[1, :, 2] = np.nan
        return images

    monkeypatch.setattr(InferenceModel, "decode", overflowing)
    for name in ("far.npz", "far.png"):
        assert main(["decode", str(run), "--z", "0,0", "--z", "1,1", "--out", str(tmp_path / name)]) == 0
        assert "1 of 2 images have values that are not finite" in capsys.readouterr().err
    with np.load(tmp_path / "far.npz") as far:
        assert np.isfinite(far["images"]).all(axis=(1, 2, 3)).tolist() == [True, False]
    picture = np.asarray(Image.open(tmp_path / "far.png"))
    width = picture.shape[1] // 2
    assert picture[:, :width].any()


def test_decode_samples_by_seed(run, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        out = str(tmp_path / f"{name}.npz")
        assert main(["decode", str(run), "--samples", "7", "--seed", seed, "--out", out]) == 0
    a, b, c = (np.load(tmp_path / f"{name}.npz")["z"] for name in "abc")
    assert a.shape == (7, 2)
    assert (a == b).all()
    assert (a != c).any()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--z", "1,2,3", "--out", "x.png"], "latents of 2 numbers, not [3]"),
        (["--z", "1,two", "--out", "x.png"], "numbers separated by commas"),
        (["--z", "1,2", "--z", "1", "--out", "x.png"], "equally many numbers"),
        (["--z", "nan,0", "--out", "x.png"], "not finite"),
        (["--z-file", "absent.npy", "--out", "x.png"], "no file absent.npy"),
        (["--z-file", "junk.npy", "--out", "x.png"], "does not hold latents"),
        (["--grid", "0", "--out", "x.png"], "from 1 to 200"),
        (["--grid", "3", "--out", "x.gif"], ".png or .npz"),
        (["--grid", "3", "--out", "absent/x.png"], "no folder"),
        (["--samples", "3", "--label", "1", "--out", "x.png"], "this model is not conditional"),
        (["--out", "x.png"], "one of the arguments"),
        (["--grid", "3", "--samples", "2", "--out", "x.png"], "not allowed with"),
    ],
)
def test_decode_refuses_in_one_line(run, tmp_path, monkeypatch, capsys, arguments, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "junk.npy").write_bytes(b"junk")
    assert main(["decode", str(run), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("latentlab: error: ")
    assert error.count("\n") == 1
    assert why in error
    assert not (tmp_path / "x.png").exists()


def test_a_conditional_model_refuses_an_unknown_class(data, tmp_path, capsys):
    folder = str(tmp_path / "run")
    assert main(["train", str(data), "--out", folder, "--recipe", "cvae", "--epochs", "1", *SMALL]) == 0
    assert main(["decode", folder, "--samples", "2", "--label", "q", "--out", str(tmp_path / "x.png")]) == 2
    assert "no class 'q'" in capsys.readouterr().err
    assert main(["decode", folder, "--samples", "2", "--label", "1", "--out", str(tmp_path / "x.png")]) == 0


def test_a_grid_is_refused_for_latents_that_are_not_plain_numbers(data, tmp_path, capsys):
    folder, out = str(tmp_path / "codes"), str(tmp_path / "x.png")
    assert main(["train", str(data), "--out", folder, "--recipe", "vq-vae", "--epochs", "1", *SMALL]) == 0
    assert main(["decode", folder, "--grid", "3", "--out", out]) == 2
    assert "this model's are codes: use --samples 64" in capsys.readouterr().err
    assert main(["decode", folder, "--samples", "64", "--out", out]) == 0
    folder = str(tmp_path / "wide")
    assert main(["train", str(data), "--out", folder, "--latent-dim", "5", "--epochs", "1", *SMALL]) == 0
    assert main(["decode", folder, "--grid", "2", "--out", str(tmp_path / "g.npz")]) == 0
    assert "over the first two latents; the other 3 are 0" in capsys.readouterr().out
    folder = str(tmp_path / "three")
    assert main(["train", str(data), "--out", folder, "--latent-dim", "3", "--epochs", "1", *SMALL]) == 0
    assert main(["decode", folder, "--grid", "2", "--out", str(tmp_path / "three.npz")]) == 0
    assert "over the first two latents; the third is 0" in capsys.readouterr().out
    z = np.load(tmp_path / "g.npz")["z"]
    assert not z[:, 2:].any()
    assert z[:, :2].all()


def test_images_are_resized_to_the_models_shape(run, tmp_path):
    np.savez(tmp_path / "wide.npz", images=np.zeros((4, 8, 12), np.uint8))
    assert main(["encode", str(run), str(tmp_path / "wide.npz"), "--out", str(tmp_path / "z.npz")]) == 0
    assert np.load(tmp_path / "z.npz")["mean"].shape == (4, 2)


@pytest.mark.parametrize("shape", [(24, 18), (10, 10), (12, 9, 3)], ids=["double", "square", "colour"])
def test_a_model_of_oblong_images_fits_what_it_is_given(oblong, tmp_path, shape):
    images = np.random.default_rng(1).integers(0, 255, (5, *shape), dtype=np.uint8)
    np.savez(tmp_path / "other.npz", images=images)
    assert main(["encode", str(oblong), str(tmp_path / "other.npz"), "--out", str(tmp_path / "z.npz")]) == 0
    prepared = load_dataset(tmp_path / "other.npz", DataConfig(image_size=9, image_height=12, channels=1))
    model = load_model(oblong, "cpu")
    mean, _ = model.encode(prepared.images)
    assert prepared.image_shape == (1, 12, 9)
    assert np.array_equal(np.load(tmp_path / "z.npz")["mean"], mean)


@pytest.fixture(scope="module")
def oblong(tmp_path_factory):
    """A model of images 9 wide and 12 high."""
    folder = tmp_path_factory.mktemp("oblong")
    np.savez(folder / "tall.npz", images=np.zeros((8, 12, 9), np.uint8))
    assert main(["train", str(folder / "tall.npz"), "--out", str(folder / "run"), "--epochs", "1", *SMALL]) == 0
    return folder / "run"


# --- classes of other data, and tables that come back ---------------------------------------------------


@pytest.fixture(scope="module")
def conditional(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("conditional") / "run"
    assert main(["train", str(data), "--out", str(folder), "--recipe", "cvae", "--epochs", "1", *SMALL]) == 0
    return folder


def save_classes(path, names):
    """The bars with a name for each of the four classes in the place of 0, 1, 2 and 3."""
    np.savez(path, images=bars().images[:, 0], labels=np.array(names)[bars().labels])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["0", "1", "2", "3"], ""),
        (["0", "-none-", "2", "3"], "does not know the class -none-: it takes 15 images as unlabelled"),
        (["e", "f", "g", "h"], "does not know the classes e, f, g, h: it takes 60 images as unlabelled"),
    ],
)
def test_classes_cross_by_name(conditional, data, tmp_path, capsys, names, said):
    assert main(["encode", str(conditional), str(data), "--out", str(tmp_path / "own.npz")]) == 0
    save_classes(tmp_path / "other.npz", names)
    capsys.readouterr()
    assert main(["encode", str(conditional), str(tmp_path / "other.npz"), "--out", str(tmp_path / "z.npz")]) == 0
    assert said in capsys.readouterr().err
    own, other = np.load(tmp_path / "own.npz"), np.load(tmp_path / "z.npz")
    names_of = [names[label] for label in bars().labels]
    assert [str(other["class_names"][label]) for label in other["label"]] == names_of, "the data's own names"
    known = np.array([name in "0123" for name in names_of])
    assert np.array_equal(own["mean"][known], other["mean"][known])
    assert (own["mean"][~known] != other["mean"][~known]).any(axis=1).all()
    model, dataset = load_model(conditional, "cpu"), load_dataset(tmp_path / "other.npz")
    assert np.array_equal(model.encode(dataset)[0], other["mean"])
    assert said in " ".join(latentlab.evaluate(model, dataset, importance_samples=1).remarks)


@pytest.mark.parametrize("suffix", ["npz", "csv"])
@pytest.mark.parametrize("names", [["3", "2", "1", "0"], ["0", "1", "=2", "3"]])
def test_what_encode_writes_is_decoded_for_the_same_classes(conditional, tmp_path, capsys, suffix, names):
    save_classes(tmp_path / "data.npz", names)
    table, out = tmp_path / f"z.{suffix}", tmp_path / "x.npz"
    assert main(["encode", str(conditional), str(tmp_path / "data.npz"), "--out", str(table)]) == 0
    assert main(["decode", str(conditional), "--z-file", str(table), "--out", str(out)]) == 0
    assert ("class =2" in capsys.readouterr().err) == ("=2" in names)
    model, decoded = load_model(conditional, "cpu"), np.load(out)
    labels = np.array([int(name) if name in "0123" else -1 for name in names])[bars().labels]
    mean, _ = model.encode(bars().images, labels)
    np.testing.assert_allclose(decoded["z"], mean, atol=1e-6)
    np.testing.assert_allclose(decoded["images"], model.decode(mean, labels), atol=1e-6)
    assert main(["decode", str(conditional), "--z-file", str(table), "--label", "1", "--out", str(out)]) == 0
    np.testing.assert_allclose(np.load(out)["images"], model.decode(mean, 1), atol=1e-6)


# --- an output is never an input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["encode", "run", "data.npz", "--out", "data.npz"],
        ["encode", "run", "data.npz", "--out", "link.npz"],
        ["encode", "run", "data.npz", "--out", "hard.npz"],
        ["encode", "run", "data.npz:images", "--out", "data.npz"],
        ["decode", "run", "--z-file", "data.npz", "--out", "link.npz"],
        ["impute", "run", "a.png", "--mask", "m.png", "--out", "m.png"],
        ["train", "photos", "--out", "photos"],
        ["export-tensorboard", "run", "--out", "run"],
    ],
    ids=" ".join,
)
def test_an_output_that_is_an_input_is_refused(run, data, tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").symlink_to(run)
    (tmp_path / "data.npz").write_bytes(data.read_bytes())
    (tmp_path / "link.npz").symlink_to("data.npz")
    os.link("data.npz", "hard.npz")
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "m.png", "photos/a.png"):
        Image.fromarray(bars().images[0, 0]).save(name)
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*.*"))}
    assert main(command) == 2
    assert f"{command[-1]} is an input of this command" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*.*"))} == before
