"""The program in the desktop's menus: valid entries in the user's own folders, and removed without a trace."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from latentlab.cli import desktop_entry, main
from latentlab.errors import InputError

pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="of Linux and BSD desktops")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path / "share"


def lines(entry: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in entry.read_text("utf-8").splitlines() if "=" in line)


def test_the_entry_the_icon_and_the_types_are_written_and_removed(data, capsys):
    assert main(["--install-desktop"]) == 0
    entry = data / "applications" / "latentlab.desktop"
    icon = data / "icons" / "hicolor" / "scalable" / "apps" / "latentlab.svg"
    types = data / "mime" / "packages" / "latentlab.xml"
    assert capsys.readouterr().out.split("\n")[:-1] == [str(entry), str(icon), str(types)]
    program = lines(entry)["Exec"].removesuffix(" %f").split(" ")[0]
    assert Path(program).is_absolute()
    assert Path(program).exists()
    assert lines(entry)["Icon"] == "latentlab"
    named = {each.get("type") for each in ET.parse(types).getroot()}
    assert named <= set(lines(entry)["MimeType"].split(";"))
    assert main(["--install-desktop"]) == 0, "a second time replaces it"
    assert main(["--uninstall-desktop"]) == 0
    assert not [path for path in (entry, icon, types) if path.exists()]
    capsys.readouterr()
    assert main(["--uninstall-desktop"]) == 0
    assert capsys.readouterr().out == "", "there is nothing left"


def test_without_xdg_folders_it_is_in_the_home(own_folders, monkeypatch):
    monkeypatch.delenv("XDG_DATA_HOME")
    desktop_entry.install()
    assert (own_folders / ".local" / "share" / "applications" / "latentlab.desktop").exists()


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="desktop-file-validate is not installed")
@pytest.mark.parametrize("folder", ["plain", "with space", 'quote" $and `tick`', "100%", "back\\slash"])
def test_the_entry_is_valid_wherever_the_program_is(data, tmp_path, monkeypatch, folder):
    script = tmp_path / folder / "latentlab-window"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script.with_name("python")))
    desktop_entry.install()
    validate = ["desktop-file-validate", data / "applications" / "latentlab.desktop"]
    done = subprocess.run(validate, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_reserved_is_quoted_as_the_specification_says():
    assert desktop_entry.exec_line(["/usr/bin/latentlab"]) == "/usr/bin/latentlab"
    assert desktop_entry.exec_line(["/a b"]) == '"/a b"'
    assert desktop_entry.exec_line(['/a"$`']) == '"/a\\\\"\\\\$\\\\`"'
    assert desktop_entry.exec_line(["/a\\b"]) == '"/a\\\\\\\\b"'
    with pytest.raises(InputError, match="line break"):
        desktop_entry.exec_line(["/a\nb"])


def test_the_option_stands_alone_and_a_folder_that_cannot_be_is_one_sentence(data, capsys):
    assert main(["--install-desktop", "photos"]) == 2
    assert "stand alone" in capsys.readouterr().err
    data.write_text("a file")
    assert main(["--install-desktop"]) == 1
    assert capsys.readouterr().err.startswith("latentlab: error: cannot make the folder")
