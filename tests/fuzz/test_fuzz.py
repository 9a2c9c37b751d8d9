"""Spoilt files of every kind open, or are refused in one sentence: a short form of ``python -m tests.fuzz``."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.__main__ import run_target
from tests.fuzz.child import open_input, write
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_rows_38_to_41_a_spoilt_file_opens_or_is_refused(name, tmp_path, request):
    if name in ("settings", "preferences", "shortcuts", "recent", "lessons"):
        request.getfixturevalue("qapp")
    target = TARGETS[name]()

    # Without shrinking: the long command finds more, and a failure here shows its input anyway.
    @settings(
        max_examples=target.examples,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(target.files)
    def check(files):
        write(files, tmp_path / "input")
        failure = open_input(target, tmp_path / "input", 2 << 30)  # the first inputs import torch
        assert failure is None, failure

    check()


CRASH = """
import os, sys
from pathlib import Path
from hypothesis import strategies as st
from tests.fuzz import child, targets

def opens(folder):
    if (folder / "f").read_bytes() == b"bad":
        os.kill(os.getpid(), 11)
    if (folder / "f").read_bytes() == b"worse":
        raise IndexError("beyond the end")

files = st.just({"f": b"worse" if sys.argv[1] == "error" else b"bad"})
targets.TARGETS[sys.argv[1]] = lambda: targets.Target(files, opens)
child.main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
"""


@pytest.mark.parametrize(("name", "content", "why"), [("crash", b"bad", "SIGSEGV"), ("error", b"worse", "IndexError")])
def test_the_long_command_keeps_the_input_of_a_crash_and_of_an_error(tmp_path, name, content, why):
    _, found = run_target(name, 3, 0.3, tmp_path, ("-c", CRASH))
    assert {(folder / "f").read_bytes() for folder in found} == {content}
    assert why in (found[0] / "traceback.txt").read_text()
