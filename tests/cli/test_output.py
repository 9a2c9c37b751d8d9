"""Output that cannot be written, or not in these letters, never costs the work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from latentlab.cli import console, main
from latentlab.storage import RunFolder, atomic_write
from tests.cli.conftest import SMALL

FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


def started(*arguments, encoding="utf-8", redirected="", **pipes):
    """A command in a process of its own, with the shell's redirections; returns it with its standard error."""
    command = [sys.executable, "-m", "latentlab", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": encoding}
    environment.pop("PYTHONUNBUFFERED", None)  # or the interpreter would have nothing left to write at its end
    shell = ["sh", "-c", f'exec "$@" {redirected}', "sh", *command]
    return subprocess.run(shell, env=environment, timeout=120, check=False, stderr=subprocess.PIPE, **pipes)


@pytest.fixture
def unread():
    """A pipe that nobody reads, as after ``| head``."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def training(data, folder, *options):
    return ("train", data, "--out", folder, "--epochs", "2", *SMALL, *options)


def check_trained(folder):
    assert RunFolder(folder).model.exists()
    assert [line["epoch"] for line in RunFolder(folder).read_metrics()] == [1, 2]
    assert RunFolder(folder).read_checkpoint().position["position"]["epochs_done"] == 2


@FULL
@pytest.mark.real
def test_a_full_output_costs_a_training_nothing(data, tmp_path):
    done = started(*training(data, tmp_path / "run"), redirected="> /dev/full")
    said = "latentlab: the output cannot be written (No space left on device): the run continues without it\n"
    assert (done.returncode, done.stderr.decode()) == (0, said)
    check_trained(tmp_path / "run")


@pytest.mark.real
def test_a_closed_pipe_costs_a_training_nothing(data, tmp_path, unread):
    done = started(*training(data, tmp_path / "run", "--json"), stdout=unread)
    said = "latentlab: the output cannot be written (Broken pipe): the run continues without it\n"
    assert (done.returncode, done.stderr.decode()) == (0, said)
    check_trained(tmp_path / "run")


@pytest.mark.real
def test_a_training_needs_neither_output_nor_standard_error(data, tmp_path):
    """The files that it opens must not take their numbers."""
    assert started(*training(data, tmp_path / "run"), redirected=">&- 2>&-").returncode == 0
    check_trained(tmp_path / "run")


@FULL
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_an_output_that_becomes_full_costs_a_training_nothing(data, tmp_path, monkeypatch, capsys, options):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main([*map(str, training(data, tmp_path / "run", *options))]) == 0
    assert "the run continues without it" in capsys.readouterr().err
    check_trained(tmp_path / "run")


@FULL
@pytest.mark.real
@pytest.mark.parametrize("arguments", [("info", "bundled:mnist-2d"), ("--help",)], ids=" ".join)
def test_where_the_output_is_all_a_full_one_is_a_failure(arguments):
    done = started(*arguments, redirected="> /dev/full")
    said = "latentlab: error: the output could not be written: No space left on device\n"
    assert (done.returncode, done.stderr.decode()) == (1, said)


@FULL
def test_a_file_that_was_asked_for_is_written_and_that_is_success(tmp_path, monkeypatch, capsys):
    out = tmp_path / "image.png"
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["decode", "bundled:mnist-2d", "--z", "0,0", "--out", str(out)]) == 0
    assert capsys.readouterr().err == ""
    assert out.exists()


@pytest.mark.real
def test_a_reader_that_has_read_enough_is_not_told(unread):
    done = started("recipes", stdout=unread)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.real
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_greek_gets_names_of_letters(encoding):
    done = started("recipes", encoding=encoding, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    assert "beta" in text
    assert "KL" in text
    assert "\\u" not in text, "every sign of a formula has a plain form"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",), ("train", "--help"), ("evaluate", "--help"), ("encode", "--help"), ("decode", "--help"),
        ("impute", "--help"), ("inspect", "--help"), ("info", "--help"), ("recipes", "--help"), ("doctor", "--help"),
        ("export-tensorboard", "--help"), ("info", "bundled:shapes-6d"), ("recipes", "--json"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_can_be_printed_in_ascii(arguments, monkeypatch, tmp_path):
    with open(tmp_path / "out", "w+", encoding="ascii") as out, open(tmp_path / "err", "w+", encoding="ascii") as err:
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        try:
            code = main(list(arguments))
        except SystemExit as end:
            code = end.code
        assert not code
        err.seek(0)
        assert err.read() == ""
        out.seek(0)
        assert out.read()


def test_an_error_that_quotes_greek_is_written_to_any_terminal(monkeypatch, tmp_path):
    with open(tmp_path / "err", "w+", encoding="ascii") as err:
        monkeypatch.setattr(sys, "stderr", err)
        assert main(["info", "Ωβ\udcff.npz"]) == 2
        err.seek(0)
        assert "Omegabeta\\udcff.npz" in err.read()


def test_escape_sequences_of_names_do_not_reach_the_terminal(tmp_path, capsys):
    folder = tmp_path / "images\x1b[2J"
    folder.mkdir()
    (folder / "\x1b]0;title\x07\u202e.png").write_bytes(b"broken")
    (folder / "two\nlines.txt").write_bytes(b"broken")
    assert main(["info", str(folder)]) == 2
    assert "images\\x1b[2J" in capsys.readouterr().err
    assert main(["info", str(tmp_path)]) == 2
    assert main(["train", str(folder), "--out", str(tmp_path / "run")]) == 2
    said = "".join(capsys.readouterr())
    assert "\x1b" not in said
    assert "\x07" not in said


def test_a_list_of_skipped_files_shows_what_their_names_hide(tmp_path, capsys):
    from PIL import Image

    Image.new("L", (8, 8), 90).save(tmp_path / "good.png")
    (tmp_path / "\x1b]0;title\x07\u202e.png").write_bytes(b"broken")
    (tmp_path / "two\nlines.png").write_bytes(b"broken")
    assert main(["info", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "\\x1b]0;title\\x07\\u202e.png: " in out
    assert "two\\nlines.png: " in out
    assert main(["info", str(tmp_path), "--json"]) == 0
    skipped = json.loads(capsys.readouterr().out)["skipped"]
    assert {each["path"] for each in skipped} == {"\x1b]0;title\x07\u202e.png", "two\nlines.png"}


def test_row_51_json_has_null_for_what_is_no_number(capsys):
    """``NaN`` and ``Infinity`` are no JSON: other readers than Python's refuse the whole line."""
    console.write_json({"a": float("nan"), "b": [1.5, float("-inf"), (2, float("inf"))], "c": "nan", "d": None})
    assert capsys.readouterr().out == '{"a": null, "b": [1.5, null, [2, null]], "c": "nan", "d": null}\n'


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_row_23_a_signal_ends_any_command_and_leaves_no_half_file(tmp_path, monkeypatch, capsys, number):
    def interrupted(_arguments):
        atomic_write(tmp_path / "images.npz", lambda file: file.write(b"half") and signal.raise_signal(number))

    monkeypatch.setattr("latentlab.cli.info.recipes", interrupted)
    before = signal.getsignal(number)
    assert main(["recipes"]) == 130
    assert capsys.readouterr().err == "latentlab: error: interrupted\n"
    assert os.listdir(tmp_path) == []
    assert signal.getsignal(number) == before
