"""An output is never an input: folders, tables, lists and links."""

import os

import pytest

from latentlab.errors import InputError
from latentlab.storage.outputs import check_output


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "photos/cat/a.png",
        "photos/labels.csv",
        "elsewhere/b.png",
        "elsewhere/z.csv",
        "run/model.safetensors",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content")
    (tmp_path / "photos" / "b.png").symlink_to("../elsewhere/b.png")
    (tmp_path / "list.txt").write_text("# images\nphotos/cat/a.png\tcat\nelsewhere/b.png\n")


@pytest.mark.parametrize(
    ("out", "data"),
    [
        ("photos", "photos"),
        ("photos/cat/a.png", "photos"),
        ("photos/labels.csv", "photos/labels.csv"),
        ("photos/cat/a.png", "photos/labels.csv"),
        ("elsewhere/b.png", "photos"),
        ("elsewhere/b.png", "list.txt"),
        ("photos/cat/../cat/a.png", "elsewhere|photos"),
        ("run/model.safetensors", "run/model.safetensors"),
    ],
)
def test_what_is_read_is_not_written(files, out, data):
    with pytest.raises(InputError, match=out):
        check_output(out, data=data)


@pytest.mark.parametrize(
    ("out", "data"),
    [
        ("photos/latents.csv", "photos"),
        ("photos/new.png", "photos"),
        ("photos/metadata.csv", "photos"),
        ("photos/run", "photos"),
        ("elsewhere/z.csv", "photos"),
        ("elsewhere/c.png", "list.txt"),
        ("absent.csv", "absent"),
        ("x.png", "demo:shapes"),
    ],
)
def test_other_files_are_written(files, out, data):
    check_output(out, data=data)


def test_the_files_of_a_run_are_kept_and_others_written_beside_them(files):
    os.link("run/model.safetensors", "copy.safetensors")
    for out in ("run", "run/model.safetensors", "copy.safetensors"):
        with pytest.raises(InputError, match="is an input of this command"):
            check_output(out, "run")
    check_output("run/grid.png", "run", "bundled:mnist-2d")
    check_output("elsewhere/b.png", "elsewhere/z.csv")
