"""How a model is trained: recipe, settings, the buttons of a run and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from latentlab.config import ModelConfig, RunConfig, TrainingConfig, validated
from latentlab.errors import InputError
from latentlab.gui.panels.run_controls import RunControls
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.config_form import Settings, add_groups, add_settings, empty, form
from latentlab.gui.widgets.containers import Fold
from latentlab.gui.widgets.controls import button, column, label, named, scrolled

ALWAYS = tuple(
    f"training.{name}" for name in ("epochs", "batch_size", "learning_rate", "schedule", "patience", "seed", "device")
)
# Of a live run told when they are whole: the 3 of a 30 that is being typed would end it.
LIVE_NUMBERS = ("training.epochs", "training.patience")
LIVE = ("training.learning_rate", "training.schedule", *LIVE_NUMBERS)  # may be changed while it goes on, as β may

_PLAINLY = (
    ("Input should be a valid number, unable to parse string as a number", "not a number"),
    ("Input should be a valid integer, unable to parse string as an integer", "not a whole number"),
    ("Input should be", "must be"),
)


class RecipeLike(Protocol):
    """What the picker needs to know of a recipe."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def summary(self) -> str: ...  # noqa: D102
    @property
    def formula(self) -> str: ...  # noqa: D102
    @property
    def paper(self) -> str: ...  # noqa: D102
    @property
    def matters(self) -> Sequence[str]: ...  # noqa: D102
    def config(self) -> ModelConfig: ...  # noqa: D102


class SuggestionLike(Protocol):
    """Settings that suit some images, and in one line why."""

    @property
    def config(self) -> RunConfig: ...  # noqa: D102
    @property
    def why(self) -> str: ...  # noqa: D102


class TrainingPanel(QWidget):
    """Chooses a recipe and its settings, and starts, holds and ends a run.

    Signals
    -------
    trainRequested(config)
        A run is to start with this ``RunConfig`` (its data part is the default: the dataset's own counts).
    pauseRequested, resumeRequested, stopRequested
        For the live run.
    betaChanged(value)
        Another weight of the KL term while a run is live.
    adjusted(values)
        Others of the settings that a live run can take, by name: ``learning_rate``, ``schedule``, ``epochs``,
        ``patience``.
    continueRequested(config)
        The last run is to go on; of ``config`` count its training settings.
    continueOffered(there)
        Going on with the last run is offered, or no longer.
    openRunDataRequested
        The images of the run that was opened are to be opened.
    configRefused(message)
        The settings do not make a valid configuration.
    configAccepted
        The settings that did not do so any more do.
    openDatasetRequested
        The button beside "why training cannot start" was pressed.
    """

    trainRequested = Signal(object)
    pauseRequested = Signal()
    resumeRequested = Signal()
    stopRequested = Signal()
    betaChanged = Signal(float)
    adjusted = Signal(object)
    continueRequested = Signal(object)
    continueOffered = Signal(bool)
    configRefused = Signal(str)
    configAccepted = Signal()
    openDatasetRequested = Signal()
    openRunDataRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("trainingPanel")
        self._state = "idle"
        self._suggestion_for: Callable[[str], SuggestionLike] | None = None
        self._chosen_recipe = ""  # by the user, or with a run's settings: suggestions are for it
        self._is_suggested = False  # what was set last is the suggestion for the open images
        self._as_set: tuple[str, object] | None = None  # recipe and settings as the program set them last
        self._can_train, self._why, self._refused = True, "", ""
        self._recipes: dict[str, RecipeLike] = {}
        self._behind: list[str] = []  # names of the settings in the fold
        self._last: QWidget | None = None  # the control before them in the order of tabs
        # From the outside in: a widget that moves to another parent has the style sheet applied to all it holds.
        outer = column(self, 0, 0)
        body = QWidget(self)
        outer.addWidget(scrolled(body), 1)
        self._settings = Settings(ModelConfig, "model.", body, without=("model.recipe",))  # the picker is its control
        self._settings.update(Settings(TrainingConfig, "training.", body, {"training.device": ("auto", "cpu")}))
        for setting in self._settings.values():
            setting.changed.connect(self._check)
        self._settings["training.epochs"].changed.connect(self._name_continue)
        for name in LIVE:
            self._settings[name].changed.connect(partial(self._on_live_changed, name))
        layout = column(body)
        self._build_recipe(layout)
        self._build_settings(layout)
        layout.addStretch(1)
        self._run = RunControls(self)
        outer.addWidget(self._run)
        self._join_run()
        self.set_config(RunConfig())
        self.set_state("idle")

    # --- building -------------------------------------------------------------------------------

    def _build_recipe(self, layout: QVBoxLayout) -> None:
        self._recipe = QComboBox()
        named(self._recipe, "recipe", "recipe", "The named model configuration to train")
        self._recipe.activated.connect(self._on_recipe_activated)
        self._summary = label("", wrap=True)
        self._formula = label("", "mono", wrap=True, selectable=True)
        self._paper = label("", "dim", wrap=True, selectable=True)
        self._about = QWidget()
        inner = column(self._about, 0, SPACE // 2)
        for widget in (self._summary, self._formula, self._paper):
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            inner.addWidget(widget)
        layout.addWidget(self._recipe)
        layout.addWidget(self._about)
        self._suggestion = label("", "dim", wrap=True)
        self._suggestion.setObjectName("suggestion")
        self._suggest = button(
            "useSuggestion",
            "Use the suggested settings",
            "Networks, latent size, batch and epochs as they suit the open images and the recipe",
            self._take_suggestion,
            link=True,
        )
        layout.addWidget(self._suggestion)
        layout.addWidget(self._suggest)

    def _build_settings(self, layout: QVBoxLayout) -> None:
        self._main, self._rest = form(), form()
        rest = QWidget()
        rest.setLayout(self._rest)
        self._fold = Fold("allSettings", "All settings", "Every other setting of model and training", rest)
        self._fold.toggled.connect(self._fill_rest)
        layout.addLayout(self._main)
        layout.addWidget(self._fold)

    def _join_run(self) -> None:
        run = self._run
        run.trainPressed.connect(self._on_train)
        run.continuePressed.connect(self._on_continue)
        run.betaChanged.connect(self._settings["model.beta"].set_value)
        for own, theirs in (
            (self.pauseRequested, run.pauseRequested),
            (self.resumeRequested, run.resumeRequested),
            (self.stopRequested, run.stopRequested),
            (self.betaChanged, run.betaChanged),
            (self.openRunDataRequested, run.openRunDataRequested),
            (self.openDatasetRequested, run.openDatasetRequested),
            (self.continueOffered, run.continueOffered),
        ):
            theirs.connect(own)

    # --- told -----------------------------------------------------------------------------------

    def set_recipes(self, recipes: Iterable[RecipeLike]) -> None:
        """Offer these recipes; the first is chosen."""
        self._recipes = {recipe.name: recipe for recipe in recipes}
        self._recipe.clear()
        for recipe in self._recipes.values():
            self._recipe.addItem(recipe.name, recipe.name)
        if self._recipes:
            self.set_recipe(next(iter(self._recipes)))
            self._as_set = self._shown()

    def set_recipe(self, name: str) -> None:
        """Show a recipe with its own settings; what it leaves open suits the images, epochs and the like stay."""
        recipe = self._recipes[name]
        self._show_recipe(recipe)
        suited = recipe.config() if self._suggestion_for is None else self._suggestion_for(name).config.model
        self._settings.show({"model": suited.model_dump()})
        self._check()

    def set_config(self, config: RunConfig, *, chosen: bool = False) -> None:
        """Show a run's model and training settings; ``chosen`` ones are not replaced by what suits other images."""
        if config.model.recipe in self._recipes:
            self._show_recipe(self._recipes[config.model.recipe])
        else:
            self._arrange(())
        self._settings.show(config.model_dump(include={"model", "training"}))
        self._as_set = ("", None) if chosen else self._shown()
        self._is_suggested = False
        if chosen and config.model.recipe in self._recipes:
            self._chosen_recipe = config.model.recipe
        self._name_continue()
        self._check()

    def config(self) -> RunConfig:
        """What the controls say.

        Raises
        ------
        InputError
            Naming the first setting that is refused.
        """
        values = self._settings.chosen()
        if self._recipe.currentData():
            values["model"]["recipe"] = self._recipe.currentData()
        return validated(RunConfig, values)

    def suggest(self, suggestion_for: Callable[[str], SuggestionLike], *, keep_changes: bool = False) -> None:
        """Offer settings that suit the images, and show them.

        Parameters
        ----------
        suggestion_for
            Gives the suggestion for a recipe by name; for an empty one with a recipe that suits the images. A recipe
            that the user has chosen stays.
        keep_changes
            Do not show them if the user has changed some setting since settings were suggested last.
        """
        changed = self._as_set is not None and self._as_set != self._shown()
        self._suggestion_for, self._is_suggested = suggestion_for, False
        if not (changed and keep_changes):
            self._take_suggestion()
        self._show_suggestion()

    def _take_suggestion(self) -> None:
        if self._suggestion_for is not None:
            suggested = self._suggestion_for(self._chosen_recipe)
            self.set_config(suggested.config)
            self._suggestion.setText(suggested.why)
            self._is_suggested = True
            self._show_suggestion()

    def _shown(self) -> tuple[str, object]:
        return self._recipe.currentText(), self._settings.chosen()

    def _show_suggestion(self) -> None:
        """Say why these settings; or offer the suggested ones, where the user has chosen others."""
        there = self._suggestion_for is not None
        follows = self._is_suggested and self._as_set == self._shown()
        idle = self._state == "idle"
        offered = there and not follows and idle
        if not offered and self.window().focusWidget() is self._suggest:
            self._recipe.setFocus()  # the next control may be far below, where the form would scroll to
        self._suggestion.setVisible(follows and idle)
        self._suggest.setVisible(offered)

    def set_devices(self, devices: Sequence[str]) -> None:
        """Say which devices can be chosen beside ``auto``."""
        self._settings["training.device"].set_choices(["auto", *(each for each in devices if each != "auto")])

    def set_can_train(self, can: bool, why: str = "") -> None:
        """Say whether a run could start, and if not, why."""
        self._can_train, self._why = can, why
        self._show_readiness()

    def set_state(self, state: str) -> None:
        """Show a run's state: idle, starting, running, paused or stopping."""
        self._state = state
        idle, live = state == "idle", state in ("running", "paused")
        # Before Stop is enabled: Qt passes the focus of a control that is disabled to the next one that is not.
        for setting in self._settings.values():
            setting.set_enabled(idle or (live and setting.name in LIVE))
        self._run.set_state(state)
        for name in LIVE_NUMBERS:
            spin = self._settings[name].control
            assert isinstance(spin, QAbstractSpinBox)
            spin.setKeyboardTracking(not live)
        epochs = self._settings["training.epochs"].control
        assert isinstance(epochs, QSpinBox)
        epochs.setSuffix("" if idle else " in all")
        self._recipe.setEnabled(idle)
        self._about.setVisible(idle)  # the room is for what a live run can take
        self._show_readiness()

    def set_can_continue(self, run: str, done: int = 0, planned: int = 0) -> None:
        """Offer going on with the last run, by its name; an empty one takes the offer back.

        It has ``done`` epochs, and goes on as ``run_controls.epochs_in_all`` says of them and of the settings'.
        """
        self._run.set_can_continue(run, done, planned)

    def set_run_data(self, source: str, run: str = "") -> None:
        """Offer to open the images that the opened run was trained on; an empty source takes the offer back."""
        self._run.set_run_data(source, run)

    def _name_continue(self) -> None:
        epochs = self._settings["training.epochs"].value()
        self._run.set_asked(epochs if isinstance(epochs, int) else 0)

    def set_beta(self, beta: float) -> None:
        """Show the live run's β, without telling it back."""
        self._run.set_beta(beta)
        self._settings["model.beta"].set_value(beta)

    def set_live(self, values: Mapping[str, object]) -> None:
        """Show what a live run has taken, by name as ``adjusted`` tells it, without telling it back."""
        for name, value in values.items():
            setting = self._settings[f"training.{name}"]
            if setting.value() != value:  # else leave alone what may be typed in just now
                setting.set_value(value)
        self._name_continue()

    def set_progress(self, share: float | None, text: str = "") -> None:
        """Show how far the run is (0 to 1; ``None`` while unknown) and a line about it."""
        self._run.set_progress(share, text)

    # --- inside ---------------------------------------------------------------------------------

    def train(self) -> None:
        """Start a run as the Train button does."""
        self._on_train()

    def _on_train(self) -> None:
        try:
            config = self.config()
        except InputError as error:
            self.configRefused.emit(self._in_words(error))
            return
        self.trainRequested.emit(config)

    def continue_run(self) -> None:
        """Go on with the last run as the Continue button does."""
        self._on_continue()

    def _on_continue(self) -> None:
        try:
            self.continueRequested.emit(self.config())
        except InputError as error:
            self.configRefused.emit(self._in_words(error))

    def _on_live_changed(self, name: str) -> None:
        if self._state in ("running", "paused") and not self._refused:
            self.adjusted.emit({name.rpartition(".")[2]: self._settings[name].value()})

    def _on_recipe_activated(self, _place: int) -> None:
        """Keep the recipe, with what suits it; settings that the user has changed stay, but for the model's."""
        self._chosen_recipe = self._recipe.currentData()
        is_changed = self._as_set is not None and self._as_set[1] != self._settings.chosen()
        if self._suggestion_for is not None and not is_changed:
            self._take_suggestion()
            return
        self.set_recipe(self._chosen_recipe)
        if not is_changed:
            self._as_set = self._shown()
            self._show_suggestion()

    def _show_recipe(self, recipe: RecipeLike) -> None:
        self._recipe.setCurrentIndex(self._recipe.findData(recipe.name))
        self._summary.setText(recipe.summary)
        self._formula.setText(recipe.formula)
        self._paper.setText(recipe.paper)
        self._arrange(recipe.matters)

    def _arrange(self, matters: Sequence[str]) -> None:
        """Put the settings that matter in front, the others into the fold."""
        wanted = dict.fromkeys([*(f"model.{name}" for name in matters or ("latent_dim",)), *ALWAYS])
        front = [name for name in wanted if name in self._settings]
        self._behind = [name for name in self._settings if name not in front]
        empty(self._main)
        empty(self._rest)
        self._last = add_settings(self._main, [self._settings[name] for name in front], self._recipe)
        self._fill_rest(self._fold.is_unfolded())

    def _fill_rest(self, unfolded: bool) -> None:
        """Make the controls of the settings in the fold: they are many, and at the start nobody sees them."""
        if unfolded and not self._rest.rowCount():
            add_groups(self._rest, [self._settings[name] for name in self._behind], self._last)

    def _check(self) -> None:
        """Mark the setting that would be refused, and say why where a run would be started."""
        before, self._refused, at_fault = self._refused, "", ""
        try:
            self.config()
        except InputError as error:
            self._refused, at_fault = self._in_words(error), str(error).partition(":")[0]
        if before and not self._refused:
            self.configAccepted.emit()
        for name, setting in self._settings.items():
            setting.set_invalid(self._refused if name == at_fault else "")
        self._show_readiness()

    def _in_words(self, refusal: InputError) -> str:
        """A refusal that calls the setting what its control is called."""
        name, _, why = str(refusal).partition(": ")
        if name not in self._settings:
            return str(refusal)
        for said, plainly in _PLAINLY:
            why = why.replace(said, plainly)
        return f"{self._settings[name].title}: {why}"

    def _show_readiness(self) -> None:
        self._show_suggestion()
        self._run.set_readiness(self._can_train, self._why, self._refused)
