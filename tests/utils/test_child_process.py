"""Modules of this program as processes of their own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from latentlab.cli import main
from latentlab.utils.child_process import MODULE_FLAG, MODULES, child_environment, module_command


@pytest.mark.parametrize("module", MODULES)
def test_every_module_that_is_started_so_exists(module):
    assert importlib.util.find_spec(module) is not None


def test_a_frozen_program_starts_itself(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert module_command(MODULES[0], "a", "b") == [sys.executable, MODULE_FLAG, MODULES[0], "a", "b"]


def test_a_module_run_by_the_program_ends_as_it_does_alone(tmp_path):
    arguments = ["latentlab.data.sources.torchvision_sets", "NoSuchSet", "train", str(tmp_path)]
    commands = [[sys.executable, "-m", "latentlab", MODULE_FLAG, *arguments], module_command(*arguments)]
    ended = [subprocess.run(c, capture_output=True, env=child_environment(), check=False) for c in commands]
    assert ended[0].returncode == ended[1].returncode == 1
    assert ended[0].stderr.splitlines()[-1] == ended[1].stderr.splitlines()[-1]


def test_no_other_module_can_be_run(capsys):
    assert main([MODULE_FLAG, "antigravity"]) == 2
    assert "antigravity" in capsys.readouterr().err
    assert "antigravity" not in sys.modules
