"""How a model is trained: recipe, settings, the buttons of a run and how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QProgressBar, QWidget
from superqt import QLabeledDoubleSlider

from latentlab.config import ModelConfig, RunConfig, TrainingConfig, validated
from latentlab.errors import InputError
from latentlab.gui.config_form import Setting, flat, nested, settings_for
from latentlab.gui.parts import Fold, button, column, label, named, row, scrolled
from latentlab.gui.theme import SPACE

ALWAYS = ("training.epochs", "training.batch_size", "training.learning_rate", "training.seed", "training.device")
STATES = ("idle", "starting", "running", "paused", "stopping")


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
    configRefused(message)
        The settings do not make a valid configuration.
    openDatasetRequested
        The button beside "why training cannot start" was pressed.
    """

    trainRequested = Signal(object)
    pauseRequested = Signal()
    resumeRequested = Signal()
    stopRequested = Signal()
    betaChanged = Signal(float)
    configRefused = Signal(str)
    openDatasetRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("trainingPanel")
        self._state = "idle"
        self._can_train, self._why = True, ""
        self._recipes: dict[str, RecipeLike] = {}
        self._settings: dict[str, Setting] = {
            **settings_for(ModelConfig, "model.", self),
            **settings_for(TrainingConfig, "training.", self),
        }
        self._settings.pop("model.recipe").control.deleteLater()
        body = QWidget()
        outer = column(self, 0, 0)
        outer.addWidget(scrolled(body), 1)
        layout = column(body)
        self._build_recipe(layout)
        self._build_settings(layout)
        layout.addStretch(1)
        self._build_run(outer)
        self.set_config(RunConfig())
        self.set_state("idle")

    # --- building -------------------------------------------------------------------------------

    def _build_recipe(self, layout) -> None:  # type: ignore[no-untyped-def]
        self._recipe = QComboBox()
        named(self._recipe, "recipe", "recipe", "The named model configuration to train")
        self._recipe.activated.connect(self._on_recipe_activated)
        self._summary = label("", wrap=True)
        self._formula = label("", "mono", wrap=True, selectable=True)
        self._paper = label("", "dim", wrap=True, selectable=True)
        about = QWidget()
        inner = column(about, 0, SPACE // 2)
        for widget in (self._summary, self._formula, self._paper):
            inner.addWidget(widget)
        layout.addWidget(self._recipe)
        layout.addWidget(about)

    def _build_settings(self, layout) -> None:  # type: ignore[no-untyped-def]
        self._main, self._rest = QFormLayout(), QFormLayout()
        rest = QWidget()
        rest.setLayout(self._rest)
        for form in (self._main, self._rest):
            form.setContentsMargins(0, 0, 0, 0)
            form.setSpacing(SPACE)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._fold = Fold("allSettings", "All settings", "Every other setting of model and training", rest)
        layout.addLayout(self._main)
        layout.addWidget(self._fold)

    def _build_run(self, layout) -> None:  # type: ignore[no-untyped-def]
        foot = QWidget()
        inner = column(foot)
        self._why_label = label("", "dim", wrap=True)
        self._beta = QLabeledDoubleSlider()
        named(self._beta, "betaLive", "β while running", "The weight of the KL term, changed while the run goes on")
        self._beta.valueChanged.connect(self.betaChanged)
        self._beta_row = QWidget()
        self._beta_row.setLayout(row(label("β"), self._beta))
        self._progress = QProgressBar()
        named(self._progress, "progress", "training progress", "How far the run is")
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1000)
        self._progress_text = label("", "dim")
        self._progress_text.setObjectName("progressText")
        self._train = button("trainButton", "Train", "Start a run", self._on_train, icon="train", primary=True)
        self._pause = button("pauseButton", "Pause", "Hold the run where it is", self._on_pause, icon="pause")
        self._stop = button("stopButton", "Stop", "End the run and keep its best model", self.stopRequested.emit)
        for widget in (self._why_label, self._beta_row, self._progress_text, self._progress):
            inner.addWidget(widget)
        inner.addLayout(row(self._train, self._pause, self._stop))
        layout.addWidget(foot)

    # --- told -----------------------------------------------------------------------------------

    def set_recipes(self, recipes: Iterable[RecipeLike]) -> None:
        """Offer these recipes; the first is chosen."""
        self._recipes = {recipe.name: recipe for recipe in recipes}
        self._recipe.clear()
        for recipe in self._recipes.values():
            self._recipe.addItem(recipe.name, recipe.name)
        if self._recipes:
            self.set_recipe(next(iter(self._recipes)))

    def set_recipe(self, name: str) -> None:
        """Show a recipe with its own settings; epochs and the like stay as they are."""
        recipe = self._recipes[name]
        self._show_recipe(recipe)
        self._show({f"model.{key}": value for key, value in flat(recipe.config().model_dump()).items()})

    def set_config(self, config: RunConfig) -> None:
        """Show a run's model and training settings."""
        if config.model.recipe in self._recipes:
            self._show_recipe(self._recipes[config.model.recipe])
        else:
            self._arrange(())
        self._show(flat(config.model_dump(include={"model", "training"})))

    def config(self) -> RunConfig:
        """What the controls say.

        Raises
        ------
        InputError
            Naming the first setting that is refused.
        """
        values = nested({name: setting.value() for name, setting in self._settings.items()})
        if self._recipe.currentData():
            values["model"]["recipe"] = self._recipe.currentData()
        return validated(RunConfig, values)

    def set_devices(self, devices: Sequence[str]) -> None:
        """Say which devices can be chosen beside ``auto``."""
        control = self._settings["training.device"].control
        control.setToolTip("auto, " + ", ".join(devices))

    def set_can_train(self, can: bool, why: str = "") -> None:
        """Say whether a run could start, and if not, why."""
        self._can_train, self._why = can, why
        self.set_state(self._state)

    def set_state(self, state: str) -> None:
        """Show a run's state: idle, starting, running, paused or stopping."""
        self._state = state
        idle, live = state == "idle", state in ("running", "paused")
        self._train.setEnabled(idle and self._can_train)
        self._pause.setEnabled(live)
        self._stop.setEnabled(live or state == "starting")
        self._pause.setText("Resume" if state == "paused" else "Pause")
        self._beta_row.setVisible(live)
        for setting in self._settings.values():
            setting.control.setEnabled(idle)
        self._recipe.setEnabled(idle)
        self._why_label.setText(self._why if idle and not self._can_train else "")
        self._why_label.setVisible(bool(self._why_label.text()))

    def set_beta(self, beta: float) -> None:
        """Show the live run's β, without telling it back."""
        blocked = self._beta.blockSignals(True)
        self._beta.setRange(0.0, max(4.0, 4.0 * beta))
        self._beta.setValue(beta)
        self._beta.blockSignals(blocked)

    def set_progress(self, share: float | None, text: str = "") -> None:
        """Show how far the run is (0 to 1; ``None`` while unknown) and a line about it."""
        self._progress.setRange(0, 0 if share is None else 1000)
        if share is not None:
            self._progress.setValue(round(share * 1000))
        self._progress_text.setText(text)

    # --- inside ---------------------------------------------------------------------------------

    def train(self) -> None:
        """Start a run as the Train button does."""
        self._on_train()

    def _on_train(self) -> None:
        try:
            config = self.config()
        except InputError as error:
            self.configRefused.emit(str(error))
            return
        self.trainRequested.emit(config)

    def _on_pause(self) -> None:
        (self.resumeRequested if self._state == "paused" else self.pauseRequested).emit()

    def _on_recipe_activated(self, _place: int) -> None:
        self.set_recipe(self._recipe.currentData())

    def _show_recipe(self, recipe: RecipeLike) -> None:
        self._recipe.setCurrentIndex(self._recipe.findData(recipe.name))
        self._summary.setText(recipe.summary)
        self._formula.setText(recipe.formula)
        self._paper.setText(recipe.paper)
        self._arrange(recipe.matters)

    def _show(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if name in self._settings:
                self._settings[name].set_value(value)

    def _arrange(self, matters: Sequence[str]) -> None:
        """Put the settings that matter in front, the others into the fold."""
        for form in (self._main, self._rest):
            while form.rowCount():
                form.takeRow(0)
        front = list(dict.fromkeys(["model.latent_dim", *(f"model.{name}" for name in matters), *ALWAYS]))
        front = [name for name in front if name in self._settings]
        for form, names in ((self._main, front), (self._rest, [n for n in self._settings if n not in front])):
            for name in names:
                form.addRow(self._settings[name].title, self._settings[name].control)
