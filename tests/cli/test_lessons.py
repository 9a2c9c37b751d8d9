"""``latentlab lessons``: the list, refusals, and a whole lesson without a screen."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from latentlab.cli import main
from latentlab.config.lessons import lessons


def test_the_lessons_are_listed_in_the_order_of_the_course(capsys):
    assert main(["lessons"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [each.name for each in lessons()]
    assert main(["lessons", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["title"] for each in listed] == [each.title for each in lessons()]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "lessons run needs the name of a lesson"),
        (["run", "nothing", "--headless"], "there is no lesson 'nothing'"),
        (["walk"], "walk"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(capsys, words, said):
    assert main(["lessons", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.lessons
@pytest.mark.timeout(900)
def test_a_lesson_is_run_without_a_screen_and_without_a_trace_in_the_users_folders(own_folders, request):
    if "lessons" not in request.config.option.markexpr:
        pytest.skip("takes a minute: run with -m lessons")
    command = [sys.executable, "-m", "latentlab", "lessons", "run", "missing-pixels", "--headless", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["faults"] == []
    assert found["figures"]["filled"] < found["figures"]["black"]
    assert not list(own_folders.rglob("window.ini"))
