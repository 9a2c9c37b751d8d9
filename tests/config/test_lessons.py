"""Lessons as data: every file is one, what it names exists, and a wrong one is refused in one sentence."""

from __future__ import annotations

import pytest
from PIL import Image

from latentlab.config.lesson_actions import OpenImage
from latentlab.config.lessons import MEASURES, Claim, Figure, lesson, lessons, read_lesson
from latentlab.config.recipes import RECIPES
from latentlab.errors import InputError
from latentlab.paths import resource

LESSON = """
title = "A lesson"
position = 5
minutes = 1
idea = "An idea."
question = "A question?"
[[steps]]
text = "First."
button = "Do it"
actions = [{do = "open-data", source = "demo:shapes"}, {do = "train", recipe = "vae", epochs = 2}]
see = "Something."
figures = [{name = "a", measure = "rate", low = 1}]
[[claims]]
text = "a is more than a"
more = "a"
less = "a"
"""


def test_the_lessons_that_come_with_the_program_are_a_course():
    assert {path.stem for path in resource("lessons").glob("*.toml")} == {each.name for each in lessons()}
    positions = [each.position for each in lessons()]
    assert positions == sorted(set(positions))
    assert {name for each in lessons() for name in each.recipes} <= set(RECIPES)


@pytest.mark.parametrize("each", lessons(), ids=lambda each: each.name)
def test_what_a_lesson_names_exists_and_it_has_something_to_show(each):
    assert each.figures
    assert each.claims
    assert all(figure.measure in MEASURES for figure in each.figures if figure.measure)
    for step in each.steps:
        for action in step.actions:
            if isinstance(action, OpenImage):
                assert resource("lessons", action.file).is_file()
        if step.picture:
            path = resource("lessons", step.picture)
            with Image.open(path) as picture:
                assert max(picture.size) <= 460
            assert path.stat().st_size < 120_000


def test_every_picture_belongs_to_a_lesson():
    named = {step.picture for each in lessons() for step in each.steps}
    named |= {action.file for each in lessons() for step in each.steps for action in step.actions
              if isinstance(action, OpenImage)}  # fmt: skip
    assert {path.name for path in resource("lessons").glob("*.png")} == named - {""}


def test_a_lesson_is_added_by_a_file(tmp_path):
    path = tmp_path / "my-lesson.toml"
    path.write_text(LESSON, encoding="utf-8")
    read = read_lesson(path)
    assert (read.name, read.title, read.steps[0].actions[1].config().training.epochs) == ("my-lesson", "A lesson", 2)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('do = "open-data"', 'do = "format-disk"', "steps.0.actions.0"),
        ("demo:shapes", "/etc", "steps.0.actions.0.open-data.source"),
        ('recipe = "vae"', 'recipe = "nothing"', "must be a recipe, not 'nothing'"),
        ("epochs = 2", 'epochs = 2, settings = {"model.bet" = 1}', "there is no such setting"),
        ('measure = "rate"', 'measure = "luck"', "a.measure must be one of"),
        ('measure = "rate"', 'term = "train.rate"', "a.label must be given"),
        ('less = "a"', 'less = "b"', "name a figure that no step measures: b"),
        ('title = "A lesson"', "title = ", "not a lesson"),
        ('title = "A lesson"', 'title = "A lesson"\nunknown = 1', "unknown"),
        ("minutes = 1", "minutes = 30", "minutes"),
    ],
)
def test_a_file_that_is_not_a_lesson_is_refused_in_one_sentence(tmp_path, before, after, said):
    path = tmp_path / "wrong.toml"
    assert before in LESSON
    path.write_text(LESSON.replace(before, after), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_lesson(path)
    assert str(refused.value).startswith(f"{path}: not a lesson: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_too_large_or_no_text_is_refused(tmp_path):
    path = tmp_path / "wrong.toml"
    for content, said in ((b"#" * 70_000, "larger than 64 kB"), (b"\xff\xfe", "not a lesson")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=said):
            read_lesson(path)


def test_an_unknown_lesson_is_refused_with_the_names_of_the_others():
    with pytest.raises(InputError, match="there is no lesson 'nothing'; the lessons are: ae-and-vae"):
        lesson("nothing")


def test_figures_are_written_with_their_unit():
    assert Figure(name="a", measure="outside-prior").formatted(0.934) == "93 %"
    assert Figure(name="a", measure="elbo").formatted(-69.31) == "−69.3 nats"
    assert Figure(name="a", measure="active-units").formatted(7.0) == "7"
    assert Figure(name="a", term="train.rate", label="Rate", unit="times").formatted(6.4321) == "6.43 ×"


def test_a_claim_compares_two_figures_and_waits_for_both(tmp_path):
    claim = Claim(text="a is larger", more="a", less="b", times=2)
    assert claim.holds({"a": 1.0}) is None
    assert claim.holds({"a": 4.0, "b": 2.0}) is True
    assert claim.holds({"a": 3.9, "b": 2.0}) is False
    path = tmp_path / "lesson.toml"
    path.write_text(LESSON, encoding="utf-8")
    assert read_lesson(path).faults({"a": 0.5}) == ["Rate is 0.5 nats, not at least 1 nats"]
    assert read_lesson(path).faults({"a": 2.0}) == []
