"""A path is found in pieces, shown on its way, and is that of Python; its film has the images that are played."""

from __future__ import annotations

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from PIL import Image

from latentlab.cli import main
from latentlab.config.recipes import RECIPES
from latentlab.engine.protocol.channel import Mailbox
from latentlab.engine.protocol.messages import (
    Decode,
    Decoded,
    ExportFilm,
    FilmExported,
    FilmProgress,
    PathSolved,
    SolvePath,
)
from latentlab.engine.worker.decode_service import DecodeService
from latentlab.engine.worker.film import exporting_film
from latentlab.engine.worker.interactive import InteractiveRequests
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.latent import plan_path
from latentlab.models import build
from latentlab.models.inference import InferenceModel, load_model
from latentlab.storage import ModelHeader

WAYPOINTS = np.array([[-2.0, 1.0], [1.5, 0.5], [0.0, -2.0]], np.float32)


@pytest.fixture(scope="module")
def model():
    return load_model("bundled:mnist-2d", device="cpu")


@pytest.fixture
def sent():
    return []


@pytest.fixture
def workspace(model, sent):
    workspace = Workspace(sent.append)
    workspace.model, workspace.version = model, 3
    workspace.points = model.points
    return workspace


@pytest.fixture
def interactive(workspace):
    return InteractiveRequests(workspace)


def solve(interactive, sent, kind="geodesic", **changes) -> list[PathSolved]:
    sent.clear()
    settings = {"is_closed": False, "frames": 12, "is_even": False} | changes
    interactive.answer(SolvePath(7, settings.pop("waypoints", WAYPOINTS), kind, **settings))
    while interactive.working_on:
        interactive.advance()
    return list(sent)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("linear", {"is_even": True}),
        ("spherical", {"is_closed": True}),
        ("geodesic", {}),
        ("geodesic", {"is_even": True, "is_closed": True}),
    ],
)
def test_the_path_is_that_of_python(interactive, model, sent, kind, changes):
    result = solve(interactive, sent, kind, **changes)[-1]
    options = {"loop": changes.get("is_closed", False), "is_even": changes.get("is_even", False)}
    plan = plan_path(model, WAYPOINTS, 12, kind, **options)
    assert (result.generation, result.model_version, result.problem, result.done) == (7, 3, "", True)
    np.testing.assert_allclose(result.curve, plan.curve, atol=1e-5)
    np.testing.assert_allclose(result.frames, plan.frames, atol=1e-5)
    assert result.lengths.metric == pytest.approx(plan.lengths.metric, rel=1e-4)
    assert result.straight.pixel == pytest.approx(plan.straight.pixel, rel=1e-4)


def test_something_is_shown_before_the_first_decoding(interactive, model, sent, monkeypatch):
    monkeypatch.setattr("latentlab.engine.worker.path_solver._BETWEEN_SHOWN", 0.0)
    interactive.answer(SolvePath(7, WAYPOINTS, "geodesic", False, 12, False))
    with monkeypatch.context() as patched:
        patched.setattr(type(model), "decode", lambda *_: pytest.fail("nothing is decoded yet"))
        with pytest.raises(pytest.fail.Exception):
            interactive.advance()
    assert isinstance(sent[0], PathSolved)
    assert not sent[0].done
    np.testing.assert_allclose(sent[0].curve[[0, 31, 62]], WAYPOINTS)
    results = solve(interactive, sent)
    lengths = [np.linalg.norm(np.diff(each.curve, axis=0), axis=1).sum() for each in results]
    assert len(results) > 5
    assert len(set(lengths)) > 3, "the path on its way"
    assert all(each.frames.shape == (12, 2) for each in results)


def test_a_newer_path_replaces_an_unfinished_one_and_knows_its_sides(interactive, sent, monkeypatch):
    derivatives, pieces = InferenceModel.decoder_jacobian, []

    def counted(*arguments):
        pieces[-1] += len(arguments[1])
        return derivatives(*arguments)

    monkeypatch.setattr(InferenceModel, "decoder_jacobian", counted)
    for waypoints in (WAYPOINTS, WAYPOINTS, WAYPOINTS + np.float32([[0, 0], [0, 0], [0.01, 0]])):
        interactive.answer(SolvePath(1, waypoints, "geodesic", False, 5, False))
        pieces.append(0)
        while interactive.working_on:
            interactive.advance()
    assert pieces[1] < pieces[2] < pieces[0]
    sent.clear()
    interactive.answer(SolvePath(2, WAYPOINTS + 0.3, "geodesic", False, 5, False))
    interactive.advance()
    interactive.answer(SolvePath(3, WAYPOINTS, "geodesic", False, 5, False))
    while interactive.working_on:
        interactive.advance()
    assert [each.generation for each in sent if each.done] == [3]


def test_through_the_data_and_without(interactive, workspace, model, sent):
    workspace.points = model.points.of(np.arange(400))
    result = solve(interactive, sent, "graph")[-1]
    plan = plan_path(model, WAYPOINTS, 12, "graph", points=workspace.points.mean)
    np.testing.assert_array_equal(result.frames, plan.frames)
    assert not result.is_from_file
    workspace.points = None
    assert "no encoded images" in solve(interactive, sent, "graph")[-1].problem


@pytest.mark.parametrize(("recipe", "latent_dim"), [("cvae", 2), ("ladder-vae", 12), ("vae", 200)])
def test_conditional_models_levels_and_many_dimensions_have_geodesics(workspace, interactive, sent, recipe, latent_dim):
    config = RECIPES[recipe].config(architecture={"kind": "mlp", "hidden": 8}, latent_dim=latent_dim)
    torch.manual_seed(0)
    header = ModelHeader(model=config, image_shape=(1, 8, 8), classes=("a", "b"))
    workspace.model = InferenceModel(build(config, (1, 8, 8), 2).eval(), header, "cpu")
    waypoints = np.random.default_rng(0).normal(size=(2, workspace.model.latent_dim)).astype(np.float32)
    label = 1 if recipe == "cvae" else None
    result = solve(interactive, sent, waypoints=waypoints, label=label)[-1]
    assert result.problem == ""
    np.testing.assert_array_equal(result.curve[[0, -1]], waypoints)
    assert result.lengths.pixel <= result.straight.pixel * 1.01
    plan = plan_path(workspace.model, waypoints, 12, "geodesic", label=label)
    np.testing.assert_allclose(result.curve, plan.curve, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"frames": 0}, "1 to 10,000 frames, not 0"),
        ({"waypoints": WAYPOINTS[:1]}, "2 to 2,000 waypoints, not 1"),
        ({"kind": "curly"}, "no path of kind 'curly'"),
    ],
)
def test_what_is_no_path_is_said_in_the_result(interactive, sent, changes, why):
    (result,) = solve(interactive, sent, **changes)
    assert why in result.problem
    assert result.done
    assert result.curve is None


# --- films ------------------------------------------------------------------------------------------------------


def export(workspace, sent, path, latents, scale=1):
    sent.clear()
    for _ in exporting_film(workspace, ExportFilm(str(path), latents, 25, scale)):
        pass
    return list(sent)


@pytest.mark.parametrize("suffix", ["gif", "webp", "npz", "png"])
def test_the_film_has_the_images_that_are_played(workspace, model, sent, tmp_path, suffix):
    frames = plan_path(model, WAYPOINTS, 9, "geodesic", is_even=True).frames
    service = DecodeService(Mailbox(), workspace, lambda _name: nullcontext())
    for number, z in enumerate(frames):
        service.answer(Decode(number, z, None, True))
    played = np.stack([each.image for each in sent if isinstance(each, Decoded)])
    path = tmp_path / f"film.{suffix}"
    results = export(workspace, sent, path, frames, 2 if suffix in ("gif", "webp") else 1)
    assert results[-1] == FilmExported(str(path), 9)
    assert [each.done for each in results if isinstance(each, FilmProgress)] == list(range(1, 10))
    if suffix == "npz":
        arrays = np.load(path)
        np.testing.assert_array_equal(np.rint(arrays["images"][:, 0] * 255).astype(np.uint8), played)
        np.testing.assert_array_equal(arrays["z"], frames)
        return
    with Image.open(path) as film:
        if suffix == "png":
            np.testing.assert_array_equal(np.asarray(film), np.concatenate(list(played), axis=1))
            return
        assert film.n_frames == 9
        for number, image in enumerate(played):
            film.seek(number)
            shown = np.asarray(film.convert("L"))
            np.testing.assert_array_equal(shown, image.repeat(2, axis=0).repeat(2, axis=1))


def test_a_video_has_as_many_images(workspace, model, sent, tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "film.mp4"
    export(workspace, sent, path, WAYPOINTS)
    with av.open(str(path)) as video:
        images = [frame.to_ndarray(format="gray") for frame in video.decode(video=0)]
    assert len(images) == 3
    expected = model.decode(WAYPOINTS)[:, 0] * 255
    assert np.abs(np.stack(images) - expected).mean() < 8


def test_the_command_writes_the_same_film(workspace, model, sent, tmp_path, capsys):
    frames = plan_path(model, WAYPOINTS, 9, "geodesic", loop=True, is_even=True).frames
    export(workspace, sent, tmp_path / "window.npz", frames)
    through = [",".join(map(repr, waypoint.tolist())) for waypoint in WAYPOINTS]
    command = ["path", "bundled:mnist-2d", "--through", *through, "--kind", "geodesic", "--loop", "--even", "--json"]
    assert main([*command, "--frames", "9", "--device", "cpu", "--out", str(tmp_path / "command.npz")]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 9
    one, other = (np.load(tmp_path / f"{name}.npz") for name in ("window", "command"))
    np.testing.assert_array_equal(one["z"], other["z"])
    np.testing.assert_allclose(one["images"], other["images"], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "latents", "why"),
    [
        ("film.txt", WAYPOINTS, "not .txt"),
        ("film.gif", WAYPOINTS[:0], "1 to 10,000 images, not 0"),
        ("film.gif", np.zeros((3, 5), np.float32), "another latent space"),
    ],
)
def test_what_is_not_written(workspace, sent, tmp_path, name, latents, why):
    with pytest.raises(InputError, match=why):
        export(workspace, sent, tmp_path / name, latents)
    assert not list(tmp_path.iterdir())


def test_a_film_that_is_cancelled_while_it_is_written_leaves_no_file(workspace, sent, tmp_path):
    latents = np.zeros((400, 2), np.float32)
    steps = exporting_film(workspace, ExportFilm(str(tmp_path / "film.gif"), latents, 25, 20))
    for _ in range(len(latents)):
        next(steps)
    next(steps)
    steps.close()
    assert list(tmp_path.iterdir()) == []
    assert not any(isinstance(each, FilmExported) for each in sent)


def test_a_film_of_another_model_is_not_written(workspace, sent, tmp_path):
    steps = exporting_film(workspace, ExportFilm(str(tmp_path / "film.gif"), WAYPOINTS, 25, 1))
    next(steps)
    workspace.model = load_model("bundled:mnist-10d", device="cpu")
    with pytest.raises(InputError, match="another model has been opened"):
        next(steps)
    assert not list(tmp_path.iterdir())
