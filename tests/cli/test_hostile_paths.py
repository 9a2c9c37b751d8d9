"""Paths that cannot exist, or cannot be followed, are refused in one sentence by every command (row 50)."""

from __future__ import annotations

import pytest

from latentlab.cli import main
from tests.cli.conftest import SMALL

LONG = "x" * 5000
DEEP = "d/" * 2500 + "x"
LOOP = "loop"
ASKED_FOR_USER = "~no-such-user/x"


@pytest.mark.parametrize("path", [LONG, DEEP, LOOP, "file/inside", "a\0b", "~\0", ASKED_FOR_USER])
@pytest.mark.parametrize(
    "command",
    [
        "info PATH",
        "info PATH.safetensors",
        "info PATH.tif",
        "train PATH --out run --recipe vae",
        "encode bundled:mnist-2d PATH --out e.npz",
        "decode PATH --samples 1 --out d.npz",
        "decode bundled:mnist-2d --z-file PATH.npy --out d.npz",
        "decode bundled:mnist-2d --samples 1 --out PATH/d.npz",
        "impute bundled:mnist-2d PATH.png --mask PATH.png --out i.png",
        "direction bundled:mnist-2d demo:shapes --limit 20 --from-list PATH.txt --to-list PATH.txt --out d.npz",
        "generate bundled:mnist-2d --count 1 --from PATH.npz --out g.npz",
        "export-tensorboard PATH --out logs",
    ],
)
def test_row_50_an_impossible_path_is_refused_in_one_sentence(tmp_path, monkeypatch, capsys, command, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "run").mkdir()
    for suffix in ("", ".safetensors", ".tif", ".npy", ".npz", ".png", ".txt"):
        (tmp_path / f"{LOOP}{suffix}").symlink_to(f"{LOOP}{suffix}")
    before = sorted(each.name for each in tmp_path.rglob("*"))
    assert main(command.replace("PATH", path.replace(" ", "_")).split(" ")) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert output.err.startswith("latentlab: error: ")
    assert sorted(each.name for each in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("out", [LONG, DEEP, LOOP, "file/inside", "file", "a\0b"])
def test_row_50_a_run_is_refused_at_an_impossible_place(tmp_path, monkeypatch, capsys, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / LOOP).symlink_to(LOOP)
    assert main(["train", "demo:shapes", "--limit", "20", "--out", out, "--epochs", "1", *SMALL]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["file", LOOP]
