"""The command palette in the real window: everything is offered, with a reason where it cannot be done."""

from __future__ import annotations

import numpy as np
from PIL import Image

from latentlab.config.glossary import glossary, term_of
from latentlab.config.lessons import lessons
from latentlab.config.recipes import RECIPES
from latentlab.gui.widgets.controls import is_in_front
from tests.app.conftest import SECONDS, find


def by_title(application) -> dict:
    return {command.title: command for command in application.window.commands.commands()}


def test_recipes_lessons_and_terms_are_offered_and_done(application):
    found = by_title(application)
    kinds = {command.kind for command in found.values()}
    assert {"File", "Edit", "View", "Panel", "Recipe", "Lesson", "Glossary", "Tool", "View · Layers"} <= kinds
    assert sum(command.kind == "Recipe" for command in found.values()) == len(RECIPES)
    assert {each.title for each in lessons()} <= set(found)
    found["β-VAE · beta-vae"].run()
    assert is_in_front(application.window.docks["training"])
    assert application.window.training_panel.config().model.recipe == "beta-vae"
    found[lessons()[0].title].run()
    assert application.window.lessons_panel.opened == lessons()[0].name


def test_nothing_is_greyed_without_a_reason(application):
    without = [each.title for each in application.window.commands.commands() if each.reason == "Not now"]
    assert not without, without


def test_the_terms_that_lessons_point_to_are_in_the_glossary():
    named = {term for each in lessons() for term in each.terms}
    assert {term for term in named if term not in glossary() and not term_of(term)} == set()


def test_of_several_dropped_images_the_others_are_named(application, qtbot, tmp_path):
    paths = []
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(np.full((28, 28), 90, np.uint8)).save(tmp_path / name)
        paths.append(str(tmp_path / name))
    application.window.pathsDropped.emit(paths)
    cards = find(application, "notifications")
    qtbot.waitUntil(lambda: any("the other 2 were not opened" in text for text in cards.messages()), timeout=SECONDS)
