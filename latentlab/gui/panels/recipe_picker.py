"""The upper part of the Training panel: the recipe with its description, and the settings suggested for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from latentlab.config import ModelConfig, RunConfig
from latentlab.config.recipe_titles import grouped, title_of
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, named
from latentlab.gui.widgets.grouped_combo_box import GroupedComboBox
from latentlab.utils.plain_text import NAME, as_line

EFFORTS = {"good": "Good", "quick": "Quick look"}  # of a first training, by title


def duration(minutes: float) -> str:
    """How long a training takes, to be added to its title; empty if that is not known."""
    if not minutes:
        return ""
    return f" · about {round(minutes)} minutes" if minutes >= 1.5 else " · about a minute"


def _text(name: str, title: str) -> str:
    return as_line(title if title == name else f"{title} · {name}", NAME)


class RecipeLike(Protocol):
    """The attributes of a recipe that the panel uses."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def summary(self) -> str: ...  # noqa: D102
    @property
    def formula(self) -> str: ...  # noqa: D102
    @property
    def paper(self) -> str: ...  # noqa: D102
    @property
    def key_settings(self) -> Sequence[str]: ...  # noqa: D102
    def config(self) -> ModelConfig: ...  # noqa: D102


class SuggestionLike(Protocol):
    """Suggested settings, and one line about the reason."""

    @property
    def config(self) -> RunConfig: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def minutes(self) -> float: ...  # noqa: D102


class RecipePicker(QWidget):
    """Chooses a recipe, describes it, and offers the settings that suit the open images.

    Signals
    -------
    recipeChosen(name)
        The user chose a recipe, perhaps the one shown.
    suggestionRequested
        The suggested settings should be used.
    effortChosen(effort)
        The user chose how good the first training is to be: ``good`` or ``quick``.

    Attributes
    ----------
    recipes
        The recipes offered, by name.
    box
        Their list.
    """

    recipeChosen = Signal(str)
    suggestionRequested = Signal()
    effortChosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.recipes: dict[str, RecipeLike] = {}
        self.box = GroupedComboBox()
        named(self.box, "recipe", "recipe", "The model configuration to train; type to search")
        self.box.activated.connect(lambda _index: self.recipeChosen.emit(self.box.currentData()))
        self._summary = label("", wrap=True)
        self._formula = label("", "mono", wrap=True, selectable=True)
        self._paper = label("", "dim", wrap=True, selectable=True)
        self._about = QWidget()
        inner = column(self._about, 0, SPACE // 2)
        for text in (self._summary, self._formula, self._paper):
            text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            inner.addWidget(text)
        self._effort = QComboBox()
        named(
            self._effort,
            "effort",
            "length of a first training",
            "How long a training with the suggested settings is to take",
        )
        for effort, title in EFFORTS.items():
            self._effort.addItem(title, effort)
        self._effort.activated.connect(lambda _index: self.effortChosen.emit(self._effort.currentData()))
        self._effort.hide()  # until there are images to suggest settings for
        self._reason = label("", "dim", wrap=True)
        self._reason.setObjectName("suggestion")
        self._suggest = button(
            "useSuggestion",
            "Use the suggested settings",
            "Set networks, latent size, batch size and epochs that suit the open images and the recipe",
            self.suggestionRequested.emit,
            link=True,
        )
        layout = column(self, 0)
        for widget in (self.box, self._about, self._effort, self._reason, self._suggest):
            layout.addWidget(widget)

    def set_recipes(self, recipes: Iterable[RecipeLike]) -> None:
        """Offer these recipes."""
        self.recipes = {recipe.name: recipe for recipe in recipes}
        self.box.set_groups(
            {
                group: [(_text(name, title_of(name)), name) for name in names]
                for group, names in grouped(self.recipes).items()
            }
        )

    @property
    def current(self) -> str:
        """Name of the recipe shown; empty if none is offered."""
        name: str | None = self.box.currentData()
        return name or ""

    def show_recipe(self, recipe: RecipeLike) -> None:
        """Show an offered recipe with its description."""
        self.box.setCurrentIndex(self.box.findData(recipe.name))
        self._summary.setText(recipe.summary)
        self._formula.setText(recipe.formula)
        self._paper.setText(recipe.paper)

    def set_can_choose(self, can: bool) -> None:
        """Enable the list; without it the description is hidden too: its space is used for the adjustable settings."""
        self.box.setEnabled(can)
        self._effort.setEnabled(can)
        self._about.setVisible(can)

    @property
    def effort(self) -> str:
        """The effort shown: ``good`` or ``quick``."""
        effort: str = self._effort.currentData()
        return effort

    def set_minutes(self, minutes: Mapping[str, float]) -> None:
        """Offer the efforts with the minutes that a training takes with each."""
        for index in range(self._effort.count()):
            effort = self._effort.itemData(index)
            self._effort.setItemText(index, f"{EFFORTS[effort]}{duration(minutes.get(effort, 0.0))}")
        self._effort.setVisible(bool(minutes))

    def set_reason(self, reason: str) -> None:
        """Set the line that gives the reason for the suggested settings."""
        self._reason.setText(reason)

    def show_suggestion(self, reason: bool, offer: bool) -> None:
        """Show the reason for the suggested settings, or the button that sets them, or neither."""
        if not offer and self.window().focusWidget() is self._suggest:
            self.box.setFocus()  # else the next control gets it, and the form scrolls far down to it
        self._reason.setVisible(reason)
        self._suggest.setVisible(offer)
