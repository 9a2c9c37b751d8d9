"""The Training panel: recipe, settings, and the controls of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QAbstractSpinBox, QSpinBox, QVBoxLayout, QWidget

from latentlab.config import ModelConfig, RunConfig, TrainingConfig, validated
from latentlab.config.unread import unread_settings
from latentlab.errors import InputError, SettingError
from latentlab.gui.panels.folded_settings import FoldedSettings
from latentlab.gui.panels.recipe_picker import EFFORTS, RecipeLike, RecipePicker, SuggestionLike
from latentlab.gui.panels.run_controls import RunControls
from latentlab.gui.widgets.config_form import Settings, add_settings, empty, form, make_controls
from latentlab.gui.widgets.containers import Fold
from latentlab.gui.widgets.controls import column, scrolled

if TYPE_CHECKING:
    from latentlab.state.run_status import RunStatus

ALWAYS = tuple(
    f"training.{name}" for name in ("epochs", "batch_size", "learning_rate", "schedule", "patience", "seed", "device")
)
# During a run these are sent only when typing ends: the 3 of a 30 being typed would end the run.
ADJUSTABLE_INTEGERS = ("training.epochs", "training.patience")
BETA = "model.beta"
ADJUSTABLE = (BETA, "training.learning_rate", "training.schedule", *ADJUSTABLE_INTEGERS)  # during a run
Suggest = Callable[[str, str], SuggestionLike]
"""The settings suggested for a recipe, by name, and an effort."""
_ADJUSTED = {name.rpartition(".")[2]: name for name in ADJUSTABLE}


class TrainingPanel(QWidget):
    """Chooses a recipe and its settings, and starts, pauses and stops a run.

    Parameters
    ----------
    parts_later
        Leave it empty: ``build`` then makes its parts, so that the event loop can run between them.

    Signals
    -------
    trainRequested(config)
        A run should start with this ``RunConfig``; the open dataset's config replaces its data part.
    pauseRequested, resumeRequested, stopRequested
        The active run should be paused, resumed or stopped.
    adjusted(values)
        Adjustable settings were changed during a run, by name: ``beta``, ``learning_rate``, ``schedule``,
        ``epochs``, ``patience``.
    continueRequested(config)
        The last run should be continued with the training settings of ``config``.
    continueAvailable(available)
        Whether the last run can be continued changed.
    openRunDataRequested
        The images of the opened run should be opened.
    configRefused(message)
        The settings are invalid.
    configAccepted
        Invalid settings have become valid.
    openDatasetRequested
        The button below the reason why training cannot start was pressed.
    """

    trainRequested = Signal(object)
    pauseRequested = Signal()
    resumeRequested = Signal()
    stopRequested = Signal()
    adjusted = Signal(object)
    continueRequested = Signal(object)
    continueAvailable = Signal(bool)
    configRefused = Signal(str)
    configAccepted = Signal()
    openDatasetRequested = Signal()
    openRunDataRequested = Signal()

    def __init__(self, parent: QWidget | None = None, *, parts_later: bool = False) -> None:
        super().__init__(parent)
        self.setObjectName("trainingPanel")
        self._is_active = self._can_adjust = False
        self._suggestion_for: Suggest | None = None
        self._chosen_recipe = ""  # by the user, or with a run's settings; suggestions are for this recipe
        self._is_suggested = False  # whether the settings set last are the suggestion for the open images
        self._last_set: tuple[str, object] | None = None  # recipe and settings as the program set them last
        self._can_train, self._reason, self._invalid = True, "", ""
        self._folded: list[str] = []  # names of the settings in the fold
        self._last_control: QWidget | None = None  # before the fold in the tab order
        if not parts_later:
            for _ in self.build():
                pass

    # --- building -------------------------------------------------------------------------------

    def build(self) -> Iterator[None]:
        """Make the parts, some with each step; the iterator must be exhausted before the panel is used or shown."""
        # Built from the outside in: reparenting a widget applies the style sheet to all its children again.
        outer = column(self, 0, 0)
        body = QWidget(self)
        outer.addWidget(scrolled(body), 1)
        self._settings = Settings(ModelConfig, "model.", body, without=("model.recipe",))  # the picker is its control
        yield
        self._settings.update(Settings(TrainingConfig, "training.", body, {"training.device": ("auto", "cpu")}))
        for setting in self._settings.values():
            setting.changed.connect(self._check)
        self._settings["training.epochs"].changed.connect(self._name_continue)
        for name in ADJUSTABLE:
            self._settings[name].changed.connect(partial(self._on_adjustable_changed, name))
        yield
        layout = column(body)
        self._recipe = RecipePicker(body)
        self._recipe.recipeChosen.connect(self._on_recipe_chosen)
        self._recipe.suggestionRequested.connect(self._take_suggestion)
        self._recipe.effortChosen.connect(lambda _effort: self._take_suggestion())
        layout.addWidget(self._recipe)
        self._build_settings(layout)
        layout.addStretch(1)
        yield
        self._run = RunControls(self._settings[BETA], self)
        outer.addWidget(self._run)
        self._join_run()
        yield
        yield from make_controls(self._settings[name] for name in ALWAYS)
        self.set_config(RunConfig())
        self._show_state()

    def _build_settings(self, layout: QVBoxLayout) -> None:
        self._main, self._rest = form(), FoldedSettings()
        self._fold = Fold("allSettings", "All settings", "All other settings of model and training", self._rest)
        self._fold.toggled.connect(self._fill_rest)
        layout.addLayout(self._main)
        layout.addWidget(self._fold)

    def _join_run(self) -> None:
        run = self._run
        run.trainPressed.connect(self._on_train)
        run.continuePressed.connect(self._on_continue)
        for own, theirs in (
            (self.pauseRequested, run.pauseRequested),
            (self.resumeRequested, run.resumeRequested),
            (self.stopRequested, run.stopRequested),
            (self.openRunDataRequested, run.openRunDataRequested),
            (self.openDatasetRequested, run.openDatasetRequested),
            (self.continueAvailable, run.continueAvailable),
        ):
            theirs.connect(own)

    # --- what is shown --------------------------------------------------------------------------

    def set_recipes(self, recipes: Iterable[RecipeLike]) -> None:
        """Offer these recipes and choose the first."""
        self._recipe.set_recipes(recipes)
        if self._recipe.recipes:
            self.set_recipe(self._recipe.current)
            self._last_set = self._shown()

    def set_recipe(self, name: str) -> None:
        """Show a recipe with the model settings suggested for the images; training settings are kept."""
        recipe = self._recipe.recipes[name]
        self._show_recipe(recipe)
        model = recipe.config() if self._suggestion_for is None else self._suggestion(name).config.model
        self._settings.show({"model": model.model_dump()})
        self._check()

    def choose_recipe(self, name: str) -> None:
        """Choose a recipe as its list does."""
        if not self._is_active:
            self._recipe.show_recipe(self._recipe.recipes[name])
            self._on_recipe_chosen(name)

    def set_config(self, config: RunConfig, *, chosen: bool = False) -> None:
        """Show a run's model and training settings; if ``chosen``, suggestions for other images do not replace them."""
        recipe = self._recipe.recipes.get(config.model.recipe)
        if recipe is not None:
            self._show_recipe(recipe)
        else:
            self._arrange(())
        self._settings.show(config.model_dump(include={"model", "training"}))
        self._last_set = ("", None) if chosen else self._shown()
        self._is_suggested = False
        if chosen and recipe is not None:
            self._chosen_recipe = config.model.recipe
        self._name_continue()
        self._check()

    def config(self) -> RunConfig:
        """The configuration shown.

        Raises
        ------
        InputError
            Naming the first invalid setting.
        """
        values = self._settings.chosen()
        if self._recipe.current:
            values["model"]["recipe"] = self._recipe.current
        return validated(RunConfig, values)

    def suggest(self, suggestion_for: Suggest, *, keep_changes: bool = False) -> None:
        """Show the settings suggested for the open images, and offer them again after changes.

        Parameters
        ----------
        suggestion_for
            Returns the suggestion for a recipe, by name, and an effort, ``good`` or ``quick``; for an empty name it
            also suggests the recipe. A recipe that the user has chosen is kept.
        keep_changes
            Do not show the suggestion if the user has changed settings since the last one.
        """
        changed = self._last_set is not None and self._last_set != self._shown()
        self._suggestion_for, self._is_suggested = suggestion_for, False
        if not (changed and keep_changes):
            self._take_suggestion()
        self._show_suggestion()

    def _take_suggestion(self) -> None:
        if self._suggestion_for is not None:
            self._recipe.set_minutes(
                {effort: self._suggestion_for(self._chosen_recipe, effort).minutes for effort in EFFORTS}
            )
            suggested = self._suggestion(self._chosen_recipe)
            self.set_config(suggested.config)
            self._recipe.set_reason(suggested.reason)
            self._is_suggested = True
            self._show_suggestion()

    def _suggestion(self, recipe: str) -> SuggestionLike:
        """The suggestion for a recipe with the effort shown."""
        assert self._suggestion_for is not None
        return self._suggestion_for(recipe, self._recipe.effort)

    def _shown(self) -> tuple[str, object]:
        return self._recipe.current, self._settings.chosen()

    def _show_suggestion(self) -> None:
        """Show the reason for suggested settings, or offer them if the user has chosen others."""
        is_shown = self._is_suggested and self._last_set == self._shown()
        can_suggest = self._suggestion_for is not None and not is_shown and not self._is_active
        self._recipe.show_suggestion(is_shown and not self._is_active, can_suggest)

    def set_devices(self, devices: Sequence[str]) -> None:
        """Set the devices that can be selected in addition to ``auto``."""
        self._settings["training.device"].set_choices(["auto", *(each for each in devices if each != "auto")])

    def set_can_train(self, can: bool, reason: str = "") -> None:
        """Set whether a run can be started; if not, the reason is shown."""
        self._can_train, self._reason = can, reason
        self._show_readiness()

    def set_run_status(self, run: RunStatus) -> None:
        """Enable the settings and buttons for a run's state."""
        self._is_active, self._can_adjust = run.is_active, run.can_adjust
        # Settings are disabled before Stop is enabled: Qt passes the focus to the next enabled control.
        self._show_state()
        self._run.set_run_status(run)
        self._show_readiness()

    def _show_state(self) -> None:
        idle = not self._is_active
        for setting in self._settings.values():
            setting.set_enabled(idle or (self._can_adjust and setting.name in ADJUSTABLE))
        for name in ADJUSTABLE_INTEGERS:
            spin = self._settings[name].control
            assert isinstance(spin, QAbstractSpinBox)
            spin.setKeyboardTracking(not self._can_adjust)
        epochs = self._settings["training.epochs"].control
        assert isinstance(epochs, QSpinBox)
        epochs.setSuffix("" if idle else " in total")
        self._recipe.set_can_choose(idle)

    def set_can_continue(self, run: str, done: int = 0, planned: int = 0) -> None:
        """Offer to continue the last run, by its name, after ``done`` epochs; an empty name hides the button.

        ``run_controls.total_epochs`` gives the number of epochs it will have.
        """
        self._run.set_can_continue(run, done, planned)

    def set_run_data(self, source: str, run: str = "") -> None:
        """Offer to open the images that the opened run was trained on; an empty source hides the button."""
        self._run.set_run_data(source, run)

    def _name_continue(self) -> None:
        epochs = self._settings["training.epochs"].value()
        self._run.set_epochs(epochs if isinstance(epochs, int) else 0)

    def set_adjusted(self, values: Mapping[str, object]) -> None:
        """Show adjustable settings as the run has applied them, named as in ``adjusted``, without emitting a signal."""
        for name, value in values.items():
            setting = self._settings[_ADJUSTED[name]]
            if setting.value() != value:  # else do not disturb a value that is being typed
                setting.set_value(value)
        self._name_continue()

    def set_progress(self, fraction: float | None, text: str = "") -> None:
        """Show the run's progress (0 to 1; ``None`` while unknown) and a line of text."""
        self._run.set_progress(fraction, text)

    # --- internal -------------------------------------------------------------------------------

    def train(self) -> None:
        """Start a run as the Train button does."""
        self._on_train()

    def _on_train(self) -> None:
        try:
            config = self.config()
        except InputError as error:
            self.configRefused.emit(self._message(error))
            return
        self.trainRequested.emit(config)

    def continue_run(self) -> None:
        """Continue the last run as the Continue button does."""
        self._on_continue()

    def _on_continue(self) -> None:
        try:
            self.continueRequested.emit(self.config())
        except InputError as error:
            self.configRefused.emit(self._message(error))

    def _on_adjustable_changed(self, name: str) -> None:
        if self._can_adjust and not self._invalid:
            self.adjusted.emit({name.rpartition(".")[2]: self._settings[name].value()})

    def _on_recipe_chosen(self, name: str) -> None:
        """Show the settings suggested for the recipe; training settings that the user has changed are kept."""
        self._chosen_recipe = name
        is_changed = self._last_set is not None and self._last_set[1] != self._settings.chosen()
        if self._suggestion_for is not None and not is_changed:
            self._take_suggestion()
            return
        self.set_recipe(name)
        if not is_changed:
            self._last_set = self._shown()
            self._show_suggestion()

    def _show_recipe(self, recipe: RecipeLike) -> None:
        self._recipe.show_recipe(recipe)
        self._arrange(recipe.key_settings)

    def _arrange(self, key_settings: Sequence[str]) -> None:
        """Show the recipe's key settings first, and fold the others."""
        first = dict.fromkeys([*(f"model.{name}" for name in key_settings or ("latent_dim",)), *ALWAYS])
        unfolded = [name for name in first if name in self._settings and name != BETA]  # which is beside the buttons
        self._folded = [name for name in self._settings if name not in unfolded and name != BETA]
        empty(self._main)
        self._rest.clear()
        self._last_control = add_settings(self._main, [self._settings[name] for name in unfolded], self._recipe.box)
        self._fill_rest(self._fold.is_unfolded())

    def _fill_rest(self, unfolded: bool) -> None:
        """Make the controls of the folded settings when first unfolded: they are many."""
        if unfolded and self._rest.is_empty():
            self._rest.set_settings([self._settings[name] for name in self._folded], self._last_control)

    def _check(self) -> None:
        """Mark an invalid setting, and show the reason above the Train button."""
        before, self._invalid, invalid_name = self._invalid, "", ""
        try:
            unread = unread_settings(self.config().model)
            self._rest.set_unread({f"model.{name}": needs for name, needs in unread.items()})
        except InputError as error:
            self._invalid = self._message(error)
            invalid_name = error.setting if isinstance(error, SettingError) else ""
        if before and not self._invalid:
            self.configAccepted.emit()
        for name, setting in self._settings.items():
            setting.set_invalid(self._invalid if name == invalid_name else "")
        self._show_readiness()

    def _message(self, error: InputError) -> str:
        """The error message with the control's label instead of the setting's name."""
        if not isinstance(error, SettingError) or error.setting not in self._settings:
            return str(error)
        return f"{self._settings[error.setting].title} {error.reason}"

    def _show_readiness(self) -> None:
        self._show_suggestion()
        self._run.set_readiness(self._can_train, self._reason, self._invalid)
