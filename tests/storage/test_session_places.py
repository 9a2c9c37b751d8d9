"""A session's sources are found where its folder was moved to, and what is missing is named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from latentlab.storage.session_file import SessionFile, read_session, write_session
from latentlab.storage.session_parts import KeptComparison
from latentlab.storage.session_places import MissingSource, Move, located, with_places, without


@pytest.fixture
def project(tmp_path):
    """A folder with a session, a model, a second model and two folders of images."""
    folder = tmp_path / "project"
    for name in ("models", "photos", "more photos", "sessions"):
        (folder / name).mkdir(parents=True)
    for name in ("m", "other"):
        (folder / "models" / f"{name}.safetensors").touch()
    session = SessionFile(
        model=str(folder / "models" / "m.safetensors"),
        dataset=f"{folder / 'photos'}|{folder / 'more photos'}",
        compared=KeptComparison(source=str(folder / "models" / "other.safetensors")),
        board=(
            {
                "id": "a1",
                "name": "kept",
                "model": str(folder / "models" / "m.safetensors"),
                "latent_dim": 1,
                "content": {"kind": "latent", "z": "AACAPw=="},
            },
        ),
    )
    path = folder / "sessions" / "s.latentlab.json"
    write_session(path, with_places(session, path.parent))
    return folder


def opened(project: Path) -> tuple[SessionFile, tuple[MissingSource, ...]]:
    path = project / "sessions" / "s.latentlab.json"
    return located(read_session(path), path.parent)


def test_a_session_that_is_moved_with_its_folder_finds_everything_there(project, tmp_path):
    moved = tmp_path / "elsewhere" / "copy"
    shutil.move(project, moved)
    session, missing = opened(moved)
    assert missing == ()
    assert session.model == str(moved / "models" / "m.safetensors")
    assert session.dataset == f"{moved / 'photos'}|{moved / 'more photos'}"
    assert session.compared.source == str(moved / "models" / "other.safetensors")
    assert session.board[0].model == session.model, "what was kept is of the model that is opened"


def test_a_session_that_is_moved_alone_finds_everything_where_it_was(project, tmp_path):
    path = tmp_path / "far" / "away" / "s.latentlab.json"
    path.parent.mkdir(parents=True)
    shutil.move(project / "sessions" / "s.latentlab.json", path)
    session, missing = located(read_session(path), path.parent)
    assert missing == ()
    assert session.model == str(project / "models" / "m.safetensors")


def test_what_is_missing_is_named_and_one_answer_finds_all_that_moved_with_it(project, tmp_path):
    path = project / "sessions" / "s.latentlab.json"
    disk = tmp_path / "disk"
    disk.mkdir()
    for name in ("models", "photos", "more photos"):
        shutil.move(project / name, disk / name)
    session, missing = opened(project)
    assert missing == (
        MissingSource("model", str(project / "models" / "m.safetensors")),
        MissingSource("dataset", str(project / "photos")),
    )
    assert session.model == str(project / "models" / "m.safetensors"), "what is not found keeps its path"
    move = Move.of(missing[0].path, str(disk / "models" / "m.safetensors"))
    session, missing = located(read_session(path), path.parent, [move])
    assert missing == ()
    assert session.dataset == f"{disk / 'photos'}|{disk / 'more photos'}"


def test_without_the_images_only_the_model_is_asked_for(project):
    shutil.rmtree(project / "photos")
    path = project / "sessions" / "s.latentlab.json"
    session, missing = located(without(read_session(path), "dataset"), path.parent)
    assert missing == ()
    assert session.dataset == ""


def test_names_that_are_not_paths_are_always_there(tmp_path):
    session = SessionFile(model="bundled:mnist-2d", dataset="demo:shapes")
    assert located(with_places(session, tmp_path), tmp_path) == (with_places(session, tmp_path), ())


def test_a_path_of_another_system_is_moved_to_this_one(tmp_path):
    model = tmp_path / "models" / "m.safetensors"
    model.parent.mkdir()
    model.touch()
    session = SessionFile(model=r"C:\work\models\m.safetensors", dataset=r"C:\work\photos")
    (tmp_path / "photos").mkdir()
    move = Move.of(session.model, str(model))
    found, missing = located(session, Path(os.sep), [move])
    assert missing == ()
    assert found.dataset == str(tmp_path / "photos")
