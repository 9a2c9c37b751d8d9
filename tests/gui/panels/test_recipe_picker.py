"""The list of recipes, the description of the chosen one, and the suggestion below it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from latentlab.config.recipes import RECIPES
from latentlab.gui.panels.recipe_picker import RecipePicker


@pytest.fixture
def picker(shown) -> RecipePicker:
    widget = RecipePicker()
    widget.set_recipes(RECIPES.values())
    return shown(widget)


def texts(picker) -> set[str]:
    return {each.text() for each in picker.findChildren(QLabel) if each.isVisible()}


def test_a_recipe_is_chosen_by_key_and_described_without_a_signal(qtbot, picker):
    with qtbot.assertNotEmitted(picker.recipeChosen):
        picker.show_recipe(RECIPES["beta-vae"])
    assert picker.current == "beta-vae"
    assert {RECIPES["beta-vae"].summary, RECIPES["beta-vae"].paper} <= texts(picker)
    picker.box.setFocus()
    with qtbot.waitSignal(picker.recipeChosen) as chosen:
        qtbot.keyClick(picker.box, Qt.Key.Key_Down)
    assert chosen.args == [picker.current] != ["beta-vae"]


def test_during_a_run_only_the_name_is_shown(picker):
    picker.show_recipe(RECIPES["vae"])
    picker.show_suggestion(reason=False, offer=False)
    picker.set_can_choose(False)
    assert not picker.box.isEnabled()
    assert texts(picker) == set()


def test_the_focus_of_a_button_that_vanishes_goes_to_the_list(qtbot, picker):
    picker.set_reason("Chosen for these images.")
    picker.show_suggestion(reason=False, offer=True)
    offer = picker.findChild(QPushButton, "useSuggestion")
    after = QPushButton("next in the tab order", picker)
    after.show()
    offer.setFocus()
    with qtbot.waitSignal(picker.suggestionRequested):
        qtbot.keyClick(offer, Qt.Key.Key_Space)
    picker.show_suggestion(reason=True, offer=False)
    assert "Chosen for these images." in texts(picker)
    assert picker.box.hasFocus()
