"""Writes that happen whole or not at all (reliability rows 7 and 8)."""

import os
import signal
import subprocess
import sys

import pytest

from latentlab.errors import InputError, RunError
from latentlab.storage import atomic_write
from latentlab.storage.atomic import remove_leftovers


def test_writes_bytes_and_from_a_function(tmp_path):
    atomic_write(tmp_path / "a", b"one")
    atomic_write(tmp_path / "a", lambda file: file.write(b"two"))
    assert (tmp_path / "a").read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a"]


def test_an_error_while_writing_leaves_the_old_file_and_no_temporary(tmp_path):
    atomic_write(tmp_path / "a", b"old")

    def fails(file):
        file.write(b"half")
        raise KeyError("source gone")

    with pytest.raises(KeyError):
        atomic_write(tmp_path / "a", fails)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    atomic_write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_row_50_a_pipe_or_a_device_is_refused_and_stays_what_it_is(tmp_path):
    """Also behind a link: as root, `--out link.png` with a link to /dev/null replaced the machine's /dev/null."""
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("pipe.png")
    for name in ("pipe.png", "link.png"):
        with pytest.raises(InputError, match=rf"cannot write .*{name}: it is a device, a pipe or a socket, not a file"):
            atomic_write(tmp_path / name, b"new")
    assert (tmp_path / "pipe.png").is_fifo()
    assert (tmp_path / "link.png").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link.png", "pipe.png"]


@pytest.mark.parametrize(("name", "reason"), [("a" * 300, "too long"), ("a\0b", "null"), ("folder", "it is a folder")])
def test_row_50_a_name_that_no_file_can_have_is_refused_in_one_sentence(tmp_path, name, reason):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=f"cannot write .*{reason}"):
        atomic_write(tmp_path / name, b"")
    assert os.listdir(tmp_path) == ["folder"]


def test_row_50_a_circle_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match=r"cannot write .*symbolic links"):
        atomic_write(tmp_path / "a", b"")
    assert (tmp_path / "a").is_symlink()


def test_a_missing_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"the folder .*absent does not exist; restore it or write elsewhere"):
        atomic_write(tmp_path / "absent" / "a", b"")


def test_row_8_a_full_disk_names_the_path_and_keeps_the_old_file(tmp_path):
    """The limit on file size makes write() fail as a full disk does."""
    (tmp_path / "a").write_bytes(b"old")
    code = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from latentlab.errors import RunError
from latentlab.storage import atomic_write
try:
    atomic_write(sys.argv[1], b"x" * 100_000)
except RunError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a")], capture_output=True, text=True, check=True, timeout=60
    )
    assert str(tmp_path / "a") in done.stdout
    assert "disk is full" in done.stdout
    assert "save elsewhere" in done.stdout
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_row_7_killed_while_saving_leaves_the_previous_file(tmp_path):
    """SIGKILL in the middle of a slow write."""
    (tmp_path / "a").write_bytes(b"old")
    code = """
import sys, time
from latentlab.storage import atomic_write

def slowly(file):
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)

atomic_write(sys.argv[1], slowly)
"""
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "a")], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout.readline() == "writing\n"
        child.send_signal(signal.SIGKILL)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert len(os.listdir(tmp_path)) == 2
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == ["a"]


def test_leftovers_are_distinguished_from_other_hidden_files(tmp_path):
    for name in (".gitignore", ".notes.tmp", "plain.0123abcd.tmp"):
        (tmp_path / name).write_bytes(b"")
    remove_leftovers(tmp_path)
    assert len(os.listdir(tmp_path)) == 3


def test_other_failures_of_the_disk_are_run_errors(tmp_path, monkeypatch):
    def fails(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(RunError, match="Input/output error"):
        atomic_write(tmp_path / "a", b"new")
    assert os.listdir(tmp_path) == []
