"""``latentlab neighbours``, ``direction``, ``path``, ``generate`` and ``compare``: the same as in Python."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import latentlab
from latentlab import latent
from latentlab.cli import main
from latentlab.models.inference import load_model
from tests.cli.conftest import SMALL
from tests.training.helpers import bars

ROUNDING = 1e-6  # a network rounds images in a batch of another size differently


@pytest.fixture(scope="module")
def model(run):
    return load_model(run, "cpu")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A folder of the bars with a column of numbers, one of text, and a list for each half."""
    folder = tmp_path_factory.mktemp("table")
    images, labels = bars().images[:, 0], bars().labels
    rows = ["path,height,half,side"]
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:02d}.png")
        height = "" if number == 3 else f"{labels[number] * 2.5}"
        rows.append(f"{number:02d}.png,{height},{number % 2},{'left' if labels[number] < 2 else 'right'}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def image(tmp_path):
    Image.fromarray(bars().images[7, 0]).save(tmp_path / "image.png")
    return str(tmp_path / "image.png")


def answer(capsys, *arguments):
    assert main([*map(str, arguments), "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)


# --- neighbours ---------------------------------------------------------------------------------------------


def test_neighbours_are_those_of_python(run, data, model, capsys):
    found = answer(capsys, "neighbours", run, data, "--z", "-0.5,0.25", "-k", 4)
    mean, _ = model.encode(bars().images)
    index, distance = latent.neighbours(mean, [-0.5, 0.25], 4)
    assert [row["index"] for row in found] == index.tolist()
    assert [row["distance"] for row in found] == distance.tolist()
    assert [row["path"] for row in found] == [latentlab.load_dataset(data).paths[i] for i in index]


def test_neighbours_of_an_image_begin_with_itself(run, data, image, capsys):
    found = answer(capsys, "neighbours", run, data, "--image", image)
    assert len(found) == 5
    assert found[0]["distance"] == pytest.approx(0, abs=1e-5)
    assert found[-1]["distance"] > 0
    assert main(["neighbours", str(run), str(data), "--z", "0,0", "-k", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "the decoded image is" in lines[-1]


# --- direction ----------------------------------------------------------------------------------------------


def test_a_direction_between_classes_is_that_of_python(run, data, model, tmp_path, capsys):
    found = answer(capsys, "direction", run, data, "--from", 0, "--to", "3", "--out", tmp_path / "d.npz")
    mean, _ = model.encode(bars().images)
    expected = latent.direction(mean[bars().labels == 3], mean[bars().labels == 0])
    arrays = np.load(tmp_path / "d.npz")
    np.testing.assert_array_equal(arrays["vector"], expected.vector)
    np.testing.assert_array_equal(arrays["origin"], expected.origin)
    for name in ("cohens_d", "random_cohens_d", "accuracy"):
        assert found[name] == getattr(expected, name) == float(arrays[name])
    assert found["images"] == {"from": 15, "to": 15}


def test_directions_along_columns_and_between_lists(run, table, tmp_path, capsys):
    model = load_model(run, "cpu")
    dataset = latentlab.load_dataset(table)
    mean, _ = model.encode(dataset.images)
    out = tmp_path / "d.npz"
    found = answer(capsys, "direction", run, table, "--column", "height", "--out", out)
    expected = latent.regression_direction(mean, dataset.metadata["height"])
    np.testing.assert_array_equal(np.load(out)["vector"], expected.vector)
    assert found["r2"] == expected.r2
    assert sum(found["images"].values()) == len(dataset) - 1, "one has no number"

    right = dataset.metadata["side"] == "right"
    sides = latent.direction(mean[right], mean[~right])
    (tmp_path / "left.txt").write_text("\n".join(f"{table}/{p}" for p in np.array(dataset.paths)[~right]))
    (tmp_path / "right.csv").write_text(
        "image,path,label\n" + "\n".join(f"1,{p}," for p in np.array(dataset.paths)[right])
    )
    (tmp_path / "right.txt").write_text("# names\n" + "\n".join(np.array(dataset.paths)[right]) + "\nabsent.png\n")
    for way in (
        ["--column", "side"],
        ["--column", "side", "--from", "left", "--to", "right"],
        ["--from-list", tmp_path / "left.txt", "--to-list", tmp_path / "right.csv"],
        ["--from-list", tmp_path / "left.txt", "--to-list", tmp_path / "right.txt"],
    ):
        assert main(["direction", str(run), str(table), *map(str, way), "--out", str(out)]) == 0
        np.testing.assert_array_equal(np.load(out)["vector"], sides.vector)
    assert "1 image of" in capsys.readouterr().err
    answer(capsys, "direction", run, table, "--column", "half", "--from", 0, "--to", 1, "--out", out)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "give --from and --to, or --column, or --from-list and --to-list"),
        (["--from", "0"], "--from and --to must be given together"),
        (["--from", "0", "--to", "1", "--from-list", "a.txt"], "give --from and --to, or"),
        (["--from", "0", "--to", "nine"], "no class 'nine'; its classes are: 0, 1, 2, 3"),
        (["--from", "1", "--to", "1"], "the same mean"),
        (["--column", "weight"], "no column 'weight'"),
        (["--from-list", "none.txt", "--to-list", "none.txt"], "no file none.txt"),
        (["--from-list", "a.csv", "--to-list", "a.txt"], "a.csv has no column named path (columns: name, size)"),
        (["--from-list", "a.txt", "--to-list", "a.txt"], "none of the images in a.txt is in bars"),
    ],
)
def test_direction_refuses_in_one_line(run, data, tmp_path, monkeypatch, capsys, arguments, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("absent.png\n")
    (tmp_path / "a.csv").write_text("name,size\nabsent.png,3\n")
    assert main(["direction", str(run), str(data), *arguments, "--out", "d.npz"]) == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1
    assert not (tmp_path / "d.npz").exists()


def test_columns_that_have_no_direction(run, table, tmp_path, capsys):
    for arguments, why in (
        (["--column", "side", "--from", "left", "--to", "up"], "no image has 'up' in the column side"),
        (["--column", "half", "--from", "low", "--to", "1"], "the column half has numbers, and 'low' is none"),
    ):
        assert main(["direction", str(run), str(table), *arguments, "--out", str(tmp_path / "d.npz")]) == 2
        assert why in capsys.readouterr().err


# --- path ---------------------------------------------------------------------------------------------------


def test_a_path_is_that_of_python(run, data, model, image, tmp_path, capsys):
    out = tmp_path / "p.npz"
    z = model.encode(bars().images[7:8])[0][0]
    for options, kind in (([], "linear"), (["--kind", "spherical"], "spherical")):
        through = ["--through", "-1,0.5", image, "1,1"]
        found = answer(capsys, "path", run, *through, *options, "--frames", 7, "--out", out)
        arrays = np.load(out)
        expected = latent.interpolate([[-1, 0.5], z, [1, 1]], 7, kind=kind)
        np.testing.assert_array_equal(arrays["z"], expected)
        np.testing.assert_allclose(arrays["images"], model.decode(expected), atol=ROUNDING)
        plan = latent.plan_path(model, [[-1, 0.5], z, [1, 1]], 30, kind)
        for name in ("latent", "pixel", "metric"):  # of the whole path, whatever the number of images
            assert found[f"{name}_length"] == getattr(plan.lengths, name)
            assert found[f"straight_{name}_length"] == getattr(plan.straight, name)
    found = answer(capsys, "path", run, *through, "--kind", "graph", "--data", data, "--loop", "--out", out)
    expected = latent.interpolate(
        [[-1, 0.5], z, [1, 1]], 30, kind="graph", loop=True, points=model.encode(bars().images)[0]
    )
    np.testing.assert_array_equal(np.load(out)["z"], expected)


def test_a_geodesic_is_that_of_python_and_no_longer_than_straight_lines(run, model, tmp_path, capsys):
    out, through = tmp_path / "p.npz", ["-3,1", "3,0.5", "0,-2"]
    found = answer(capsys, "path", run, "--through", *through, "--kind", "geodesic", "--frames", 9, "--out", out)
    waypoints = [[-3, 1], [3, 0.5], [0, -2]]
    plan = latent.plan_path(model, waypoints, 9, "geodesic")
    np.testing.assert_array_equal(np.load(out)["z"], plan.frames)
    np.testing.assert_array_equal(plan.frames, latent.interpolate(waypoints, 9, kind="geodesic", decoder=model))
    np.testing.assert_array_equal(np.load(out)["z"][[0, 4, 8]], waypoints)
    line = answer(capsys, "path", run, "--through", *through, "--frames", 40, "--even", "--out", out)
    for name in ("pixel", "metric"):
        assert found[f"{name}_length"] == getattr(plan.lengths, name) <= found[f"straight_{name}_length"]
        assert line[f"{name}_length"] == found[f"straight_{name}_length"]
    first = latent.geodesic(model, waypoints[0], waypoints[1])
    np.testing.assert_array_equal(plan.curve[:32], first)


def test_codes_have_no_geodesic(data, image, tmp_path, capsys):
    folder, out = str(tmp_path / "codes"), str(tmp_path / "p.npz")
    assert main(["train", str(data), "--out", folder, "--recipe", "vq-vae", "--epochs", "1", *SMALL]) == 0
    assert main(["path", folder, "--through", image, image, "--kind", "geodesic", "--out", out]) == 2
    assert "there is no geodesic path in this model: its latents are codes" in capsys.readouterr().err


def test_at_even_speed_the_images_change_evenly(run, tmp_path, capsys):
    out = tmp_path / "p.npz"
    spread = []
    for options in ([], ["--even"]):
        answer(capsys, "path", run, "--through", "-4,-4", "4,4", "--frames", 12, *options, "--out", out)
        images = np.load(out)["images"].reshape(12, -1)
        steps = np.linalg.norm(np.diff(images, axis=0), axis=1)
        spread.append(steps.std() / steps.mean())
    assert spread[1] < spread[0] / 2
    np.testing.assert_allclose(np.load(out)["z"][[0, -1]], [[-4, -4], [4, 4]], atol=1e-6)


def test_a_path_is_written_as_a_picture_or_a_film(run, model, tmp_path):
    through = ["--through", "-3,0", "3,0", "--frames", "6"]
    images = np.rint(model.decode(latent.interpolate([[-3, 0], [3, 0]], 6)) * 255).astype(np.uint8)[:, 0]
    for suffix in ("png", "gif", "webp"):
        assert main(["path", str(run), *through, "--scale", "2", "--out", str(tmp_path / f"p.{suffix}")]) == 0
    enlarged = images.repeat(2, axis=1).repeat(2, axis=2)
    with Image.open(tmp_path / "p.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), np.concatenate(list(enlarged), axis=1))
    for suffix in ("gif", "webp"):
        with Image.open(tmp_path / f"p.{suffix}") as film:
            assert film.n_frames == 6
            for number, frame in enumerate(enlarged):
                film.seek(number)
                np.testing.assert_array_equal(np.asarray(film.convert("L")), frame)
                assert film.info["duration"] == 50
            assert film.info["loop"] == 0


def test_a_film_that_is_too_large_is_refused(run, tmp_path, monkeypatch, capsys):
    command = ["path", str(run), "--through", "-3,0", "3,0", "--out", str(tmp_path / "p.gif")]
    monkeypatch.setattr("latentlab.data.images.film.MAX_SIDE", 100)
    assert main([*command, "--scale", "13"]) == 2
    assert "a film of 104 × 104 pixels is too large: at most 100 on a side" in capsys.readouterr().err
    monkeypatch.setattr("latentlab.data.images.film.available_bytes", lambda: 1000)
    assert main(command) == 2
    assert "30 frames of 8 × 8 pixels take" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_path_is_written_as_a_video(run, model, tmp_path):
    av = pytest.importorskip("av")
    out = tmp_path / "p.mp4"
    assert main(["path", str(run), "--through", "-3,0", "3,0", "--frames", "9", "--fps", "10", "--out", str(out)]) == 0
    with av.open(str(out)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 10
    expected = model.decode(latent.interpolate([[-3, 0], [3, 0]], 9))[:, 0] * 255
    assert len(frames) == 9
    assert abs(np.array(frames, float) - expected).mean() < 6


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--through", "0,0", "--kind", "geodesic", "--out", "x.npz"], "at least two waypoints"),
        (["--through", "0,0", "--kind", "curly", "--out", "x.npz"], "no path of kind 'curly'"),
        (["--through", "0,0,1", "--out", "x.npz"], "latents of 2 numbers, not 3"),
        (["--through", "0,nan", "1,1", "--out", "x.npz"], "not finite"),
        (["--through", "1e300,0", "--out", "x.npz"], "not finite"),
        (["--through", "", "--out", "x.npz"], "the name of an image is empty"),
        (["--through", "absent.png", "--out", "x.npz"], "no file absent.png"),
        (["--through", "0,0", "--out", "x.txt"], "must end in .npz or .png or .gif or .webp or .mp4"),
        (["--through", "x.gif", "--out", "x.gif"], "x.gif is an input of this command"),
        (["--out", "x.npz"], "--through"),
    ],
)
def test_path_refuses_in_one_line(run, tmp_path, monkeypatch, capsys, arguments, why):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (8, 8)).save("x.gif")
    before = (tmp_path / "x.gif").read_bytes()
    assert main(["path", str(run), *arguments]) == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1
    assert not (tmp_path / "x.npz").exists()
    assert (tmp_path / "x.gif").read_bytes() == before


# --- generate -----------------------------------------------------------------------------------------------


def test_generate_is_that_of_python(run, data, model, tmp_path, capsys):
    out = tmp_path / "g.npz"
    mean, std = model.encode(bars().images)
    np.savez(tmp_path / "selection.npz", index=np.arange(20))
    np.savez(tmp_path / "latents.npz", z=mean[:20])
    for options, source, temperature in (
        ([], "prior", 1.0),
        (["--from", "aggregate"], "aggregate", 1.0),
        (["--from", tmp_path / "latents.npz", "--temperature", 0.5], mean[:20], 0.5),
    ):
        answer(capsys, "generate", run, "--count", 9, "--seed", 3, *options, "--out", out)
        images, z = model.generate(9, source, temperature=temperature, seed=3)
        np.testing.assert_array_equal(np.load(out)["z"], z)
        np.testing.assert_array_equal(np.load(out)["images"], images)
    answer(capsys, "generate", run, "--count", 500, "--from", tmp_path / "selection.npz", "--data", data, "--out", out)
    drawn = np.load(out)["z"]
    np.testing.assert_allclose(drawn.mean(0), mean[:20].mean(0), atol=3 * (mean[:20].std(0) + std.max()).max())
    assert main(["generate", str(run), "--count", "9", "--out", str(tmp_path / "g.png")]) == 0
    with Image.open(tmp_path / "g.png") as picture:
        assert picture.size == (24, 24)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--from", "nowhere"], "--from must be prior, aggregate, flow, or an .npz, .npy or .csv file"),
        (["--from", "absent.npz"], "no file absent.npz"),
        (
            ["--from", "far.npz"],
            "far.npz selects image 99999, which is not among those encoded in the model's file (60",
        ),
        (["--from", "before.npz"], "before.npz selects image -1"),
        (["--from", "none.npz"], "none.npz selects no images"),
        (["--from", "std.csv"], "the standard deviations in std.csv must be finite and not negative"),
        (["--from", "bad.npz"], "index in bad.npz is float64 [1], and must be whole numbers"),
        (["--temperature", "0"], "above 0 and at most 100, not 0"),
        (["--label", "1"], "not conditional"),
        (["--from", "g.npz"], "g.npz is an input of this command"),
    ],
)
def test_generate_refuses_in_one_line(run, tmp_path, monkeypatch, capsys, arguments, why):
    monkeypatch.chdir(tmp_path)
    np.savez("far.npz", index=[1, 5, 99999])
    np.savez("before.npz", index=[-1, 5])
    np.savez("none.npz", index=np.zeros(0, int))
    Path("std.csv").write_text("mean_0,mean_1,std_0,std_1\n0,0,1,-1\n")
    np.savez("bad.npz", index=[0.5])
    if "g.npz" in arguments:
        np.savez("g.npz", index=[1])
    assert main(["generate", str(run), "--count", "4", *arguments, "--out", "g.npz"]) == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1


def test_fit_prior_saves_a_flow_that_generate_and_decode_draw_from(run, tmp_path, capsys):
    fitted, out = tmp_path / "with-flow.safetensors", tmp_path / "x.npz"
    assert answer(capsys, "fit-prior", run, "--seed", 5, "--out", fitted)["images"] == 60
    model = load_model(fitted, "cpu")
    expected, z = model.generate(4, "flow", seed=3)
    answer(capsys, "generate", fitted, "--count", 4, "--seed", 3, "--from", "flow", "--out", out)
    np.testing.assert_array_equal(np.load(out)["images"], expected)
    assert main(["decode", str(fitted), "--samples", "4", "--seed", "3", "--from", "flow", "--out", str(out)]) == 0
    np.testing.assert_array_equal(np.load(out)["z"], z)
    assert main(["decode", str(fitted), "--z", "0,0", "--from", "flow", "--out", str(out)]) == 0
    assert "--from is not used" in capsys.readouterr().err


def test_an_autoencoder_draws_from_its_aggregate_posterior_unless_told_otherwise(data, tmp_path, capsys):
    folder, out = tmp_path / "run", tmp_path / "x.npz"
    assert main(["train", str(data), "--out", str(folder), "--recipe", "ae", "--epochs", "1", *SMALL]) == 0
    capsys.readouterr()
    model = load_model(folder, "cpu")
    for options, source in (([], "aggregate"), (["--from", "prior"], "prior")):
        answer(capsys, "generate", folder, "--count", 4, *options, "--out", out)
        np.testing.assert_array_equal(np.load(out)["z"], model.generate(4, source)[1])
        assert main(["decode", str(folder), "--samples", "4", *options, "--out", str(out)]) == 0
        capsys.readouterr()
        np.testing.assert_array_equal(np.load(out)["z"], model.generate(4, source)[1])


def test_a_conditional_model_explores_by_class(data, tmp_path, capsys):
    folder, out = tmp_path / "run", tmp_path / "x.npz"
    assert main(["train", str(data), "--out", str(folder), "--recipe", "cvae", "--epochs", "1", *SMALL]) == 0
    capsys.readouterr()
    model = load_model(folder, "cpu")
    answer(capsys, "generate", folder, "--count", 4, "--label", "2", "--out", out)
    np.testing.assert_array_equal(np.load(out)["images"], model.decode(np.load(out)["z"], 2))
    answer(capsys, "path", folder, "--through", "0,0", "1,1", "--label", "3", "--out", out)
    np.testing.assert_allclose(np.load(out)["images"], model.decode(np.load(out)["z"], 3), atol=ROUNDING)
    Image.fromarray(bars().images[7, 0]).save(tmp_path / "image.png")
    found = answer(capsys, "neighbours", folder, data, "--image", tmp_path / "image.png", "--label", bars().labels[7])
    assert found[0]["distance"] == pytest.approx(0, abs=1e-5)
    answer(capsys, "neighbours", folder, data, "--image", tmp_path / "image.png")
    assert main(["direction", str(folder), str(data), "--from", "0", "--to", "1", "--out", str(out)]) == 0
    assert "encoder is given the class of each image" in capsys.readouterr().err


# --- compare ------------------------------------------------------------------------------------------------


def test_compare_has_the_figures_of_both_and_their_disparity(run, data, model, tmp_path, capsys):
    other = tmp_path / "other"
    assert main(["train", str(data), "--out", str(other), "--latent-dim", "3", "--epochs", "1", *SMALL]) == 0
    capsys.readouterr()
    found = answer(capsys, "compare", run, other, data, "--importance-samples", 3)
    dataset = latentlab.load_dataset(data)
    second = load_model(other, "cpu")
    for values, each in zip(found["models"], (model, second), strict=True):
        report = latentlab.evaluate(each, dataset, importance_samples=3)
        assert values["elbo"] == report.elbo
        assert values["log_likelihood"] == report.log_likelihood
    expected = latent.procrustes(model.encode(dataset)[0], second.encode(dataset)[0])
    assert found["procrustes"] == expected.disparity
    assert found["images"] == 60
    assert main(["compare", str(run), str(run), str(data), "--importance-samples", "1"]) == 0
    out = capsys.readouterr().out
    assert "disparity of the latents of 60 images: 0.000" in out
    assert f"model               {run}  {run}" in out


# --- what is not used is said ---------------------------------------------------------------------------------


def test_images_in_both_lists_are_left_out(run, table, tmp_path, capsys):
    dataset = latentlab.load_dataset(table)
    lists = {"a.txt": dataset.paths[:9], "b.txt": dataset.paths[6:]}
    for name, paths in lists.items():
        (table / name).write_text("\n".join(paths))
    between = ["--from-list", table / "a.txt", "--to-list", table / "b.txt", "--out", tmp_path / "d.npz", "--json"]
    assert main(["direction", str(run), str(table), *map(str, between)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["images"] == {"from": 6, "to": len(dataset) - 9}
    assert "3 images in both lists left out" in said.err
    (table / "b.txt").write_text("\n".join(dataset.paths[:9]))
    assert main(["direction", str(run), str(table), *map(str, between)]) == 2
    assert "all images of one of the lists are in the other" in capsys.readouterr().err


def test_a_direction_of_one_image_says_why_it_has_no_scores(run, table, tmp_path, capsys):
    dataset = latentlab.load_dataset(table)
    for name, path in (("one.txt", dataset.paths[0]), ("two.txt", dataset.paths[-1])):
        (table / name).write_text(path)
    between = ["--from-list", table / "one.txt", "--to-list", table / "two.txt", "--out", tmp_path / "d.npz"]
    assert main(["direction", str(run), str(table), *map(str, between)]) == 0
    assert "no scores: a group of one image" in capsys.readouterr().err


def test_options_that_are_not_used_are_named(run, data, tmp_path, capsys):
    out = str(tmp_path / "x.npz")
    for command, says in (
        (["path", str(run), "--through", "0,0", "1,1", "--data", str(data), "--out", out], "this path is linear"),
        (["generate", str(run), "--count", "2", "--data", str(data), "--out", out], "drawn without images"),
        (["neighbours", str(run), str(data), "--z", "0,0", "-k", "5000"], f"only {len(bars())} images"),
    ):
        assert main(command) == 0
        assert says in capsys.readouterr().err
    assert main(["path", str(run), "--through", "0,0", "--out", out]) == 2
    assert "at least two waypoints" in capsys.readouterr().err


def test_a_picture_among_the_images_is_noted(run, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(bars().images[7, 0]).save(folder / "image.png")
    for name in ("generated.png", "generated.npz"):
        made = folder / name
        assert main(["generate", str(run), "--count", "2", "--data", str(folder), "--out", str(made)]) == 0
        assert ("has it among its images" in capsys.readouterr().err) == (made.suffix == ".png")
    arguments = ["path", str(run), "--through=0,0", "--through=1,1", "--frames", "2", "--data", str(folder)]
    assert main([*arguments, "--out", str(tmp_path / "path.png")]) == 0
    assert "among its images" not in capsys.readouterr().err
    assert main([*arguments, "--out", str(folder / "path.png")]) == 0
    assert f"is inside {folder}" in capsys.readouterr().err
