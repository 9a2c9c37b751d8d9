"""The worker writes the files of `latentlab export`, with the same bytes, in pieces that can be cancelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentlab.cli import main
from latentlab.engine.protocol.messages import DecodeMap, ExportFile, ExportProgress, FileExported, MapDecoded
from latentlab.engine.protocol.requests import Axes
from latentlab.engine.worker.export_file import decoding_map, exporting_file
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.models.inference import load_model

MODEL = "bundled:mnist-2d"
Z = np.array([0.5, -1.25], np.float32)


@pytest.fixture(scope="module")
def model():
    return load_model(MODEL, "cpu")


@pytest.fixture
def workspace(model):
    sent: list[object] = []
    workspace = Workspace(sent.append)
    workspace.sent = sent
    workspace.model, workspace.points = model, model.points
    return workspace


def run(steps) -> None:
    for _ in steps:
        pass


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        (
            ExportFile("a.png", "image", MODEL, z=Z, scale=3),
            ["decode", MODEL, "--z=0.5,-1.25", "--scale", "3", "--out", "b.png"],
        ),
        (
            ExportFile(
                "a.png", "traversals", MODEL, z=Z, dimensions=(0, 1), values=np.linspace(-3, 3, 11, dtype=np.float32)
            ),
            ["export", MODEL, "--traversals", "b.png", "--z=0.5,-1.25", "--dimensions", "1,2"],
        ),
        (ExportFile("a.npz", "latents", MODEL), ["export", MODEL, "--latents", "b.npz"]),
        (ExportFile("a.csv", "latents", MODEL), ["export", MODEL, "--latents", "b.csv"]),
        (ExportFile("a.md", "card", MODEL), ["export", MODEL, "--card", "b.md"]),
    ],
    ids=["image", "traversals", "npz", "csv", "card"],
)
def test_the_window_and_the_command_write_the_same_bytes(tmp_path, monkeypatch, workspace, request_, command, capsys):
    monkeypatch.chdir(tmp_path)
    run(exporting_file(workspace, request_))
    assert isinstance(workspace.sent[-1], FileExported)
    assert main([*command, "--device", "cpu"]) == 0
    out = next(word for word in command if word.startswith("b."))
    assert Path(request_.path).read_bytes() == Path(out).read_bytes()


def test_it_says_how_far_it_is_and_stops_when_the_model_becomes_another(tmp_path, workspace):
    out = tmp_path / "p"
    steps = exporting_file(workspace, ExportFile(str(out), "projector", MODEL))
    next(steps)
    next(steps)
    assert isinstance(workspace.sent[-1], ExportProgress)
    workspace.version += 1
    with pytest.raises(InputError, match="the model is another one now"):
        run(steps)


def test_a_cancelled_file_is_not_written(tmp_path, workspace):
    out = tmp_path / "z.html"
    steps = exporting_file(workspace, ExportFile(str(out), "html", MODEL))
    next(steps)
    steps.close()
    assert not out.exists()


def test_without_images_and_without_points_there_are_no_latents(tmp_path, workspace, monkeypatch):
    monkeypatch.setattr(workspace.model, "points", None)
    with pytest.raises(InputError, match="no encoded images"):
        run(exporting_file(workspace, ExportFile(str(tmp_path / "z.csv"), "latents", MODEL)))


def test_a_map_is_decoded_cell_by_cell_with_the_distances_to_the_points(workspace, model):
    axes = Axes(np.zeros(2, np.float32), np.eye(2, dtype=np.float32)[0], np.eye(2, dtype=np.float32)[1])
    run(decoding_map(workspace, DecodeMap(5, axes, (-2, 2), (-1, 1), 4, 2, with_distances=True)))
    result = workspace.sent[-1]
    assert isinstance(result, MapDecoded)
    assert result.tiles.shape == (2, 4, 28, 28)
    expected = np.rint(model.decode([[1.5, -0.5]])[0, 0] * 255)
    np.testing.assert_allclose(result.tiles[0, 3].astype(int), expected, atol=1)
    assert result.distances is not None
    assert result.sha256 == model.header.sha256
