"""The Training panel returns a valid configuration, or names the invalid setting."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton, QSlider, QSpinBox, QWidget

from latentlab.config import ModelConfig, RunConfig, TrainingConfig
from latentlab.config.recipes import RECIPES
from latentlab.errors import InputError
from latentlab.gui.panels.folded_settings import FoldedSettings
from latentlab.gui.panels.training import TrainingPanel
from latentlab.gui.widgets.config_form import Settings
from latentlab.gui.widgets.setting_field import Setting, _object_name
from latentlab.state.run_status import RunState, RunStatus


@pytest.fixture
def panel(shown) -> TrainingPanel:
    widget = TrainingPanel()
    widget.set_recipes(RECIPES.values())
    return shown(widget, 340, 900)


def type_into(qtbot, control, text):
    control.setFocus()
    control.selectAll()
    qtbot.keyClicks(control, text)
    qtbot.keyClick(control, Qt.Key.Key_Return)


def button(panel, name) -> QPushButton:
    return panel.findChild(QPushButton, name)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_gives_its_own_configuration(panel, name):
    panel.set_recipe(name)
    assert panel.config().model == RECIPES[name].config()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_reads_whole_in_a_narrow_panel(qtbot, panel, name):
    panel.resize(316, 600)
    panel.set_recipe(name)
    recipe = RECIPES[name]

    def labels():
        return [each for each in panel.findChildren(QLabel) if each.isVisible() and each.wordWrap()]

    def fits():
        ends = [each.mapTo(panel, QPoint(each.width(), 0)).x() for each in (*labels(), *controls())]
        return max(ends) <= panel.width() and all(
            each.height() >= each.heightForWidth(each.width()) for each in labels()
        )

    def controls():
        return [panel.findChild(QWidget, _object_name(f"model.{setting}")) for setting in recipe.key_settings]

    qtbot.waitUntil(fits)
    assert {recipe.summary, recipe.formula, recipe.paper} <= {each.text() for each in labels()}
    assert all(control.isVisible() for control in controls())
    assert panel.findChild(QWidget, "architectureActivation") is None, "what matters less is not even made"


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)  # the list of what matches, offscreen
def test_train_requests_what_the_controls_show(qtbot, panel):
    recipe = panel.findChild(QComboBox, "recipe")
    recipe.setFocus()
    recipe.lineEdit().selectAll()
    qtbot.keyClicks(recipe.lineEdit(), "beta-vae")
    qtbot.keyClick(recipe.lineEdit(), Qt.Key.Key_Return)
    type_into(qtbot, panel.findChild(QSpinBox, "latentDim"), "7")
    type_into(qtbot, panel.findChild(QSpinBox, "epochs"), "3")
    type_into(qtbot, panel.findChild(QLineEdit, "learningRate"), "0.0005")
    with qtbot.waitSignal(panel.trainRequested) as requested:
        qtbot.mouseClick(button(panel, "trainButton"), Qt.MouseButton.LeftButton)
    (config,) = requested.args
    assert isinstance(config, RunConfig)
    assert config.model == RECIPES["beta-vae"].config(latent_dim=7)
    assert (config.training.epochs, config.training.learning_rate) == (3, 0.0005)


def test_a_refused_setting_is_named_and_nothing_starts(qtbot, panel):
    type_into(qtbot, panel.findChild(QLineEdit, "learningRate"), "fast")
    assert not button(panel, "trainButton").isEnabled()
    with pytest.raises(InputError, match="learning_rate"):
        panel.config()
    with qtbot.waitSignal(panel.configRefused) as refused:
        panel.train()
    assert refused.args[0] == "Learning rate must be a number, not 'fast'"
    with qtbot.waitSignal(panel.configAccepted):
        type_into(qtbot, panel.findChild(QLineEdit, "learningRate"), "0.001")
    assert button(panel, "trainButton").isEnabled()


def test_the_settings_that_matter_stand_in_front(panel):
    panel.set_recipe("beta-vae")
    assert panel.findChild(object, "beta").isVisible()
    assert panel.findChild(object, "weightDecay") is None
    before = panel.config()
    panel.findChild(object, "allSettings").click()
    assert panel.findChild(object, "weightDecay").isVisible()
    assert panel.config() == before, "a control says what was set before it was made"


@pytest.mark.parametrize(
    ("state", "train", "pause", "stop"),
    [
        ("idle", True, False, False),
        ("starting", False, False, True),
        ("running", False, True, True),
        ("paused", False, True, True),
        ("stopping", False, False, False),
    ],
)
def test_buttons_follow_the_run(panel, state, train, pause, stop):
    panel.set_run_status(RunStatus(RunState(state)))
    enabled = [button(panel, name).isEnabled() for name in ("trainButton", "pauseButton", "stopButton")]
    assert enabled == [train, pause, stop]
    assert panel.findChild(object, "batchSize").isEnabled() == (state == "idle")


def test_pause_becomes_resume(qtbot, panel):
    panel.set_run_status(RunStatus(RunState.RUNNING))
    with qtbot.waitSignal(panel.pauseRequested):
        qtbot.mouseClick(button(panel, "pauseButton"), Qt.MouseButton.LeftButton)
    panel.set_run_status(RunStatus(RunState.PAUSED))
    with qtbot.waitSignal(panel.resumeRequested):
        qtbot.mouseClick(button(panel, "pauseButton"), Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(panel.stopRequested):
        qtbot.mouseClick(button(panel, "stopButton"), Qt.MouseButton.LeftButton)


def test_why_training_cannot_start_is_said_with_the_button_that_helps(qtbot, panel):
    panel.set_can_train(False, "Open some images first.")
    assert not button(panel, "trainButton").isEnabled()
    with qtbot.waitSignal(panel.openDatasetRequested):
        qtbot.mouseClick(button(panel, "trainingOpenDataset"), Qt.MouseButton.LeftButton)
    panel.set_can_train(True)
    assert button(panel, "trainButton").isEnabled()
    assert not button(panel, "trainingOpenDataset").isVisible()


def test_one_beta_is_of_the_active_run_or_of_the_next(qtbot, panel):
    line, slider = panel.findChild(QLineEdit, "beta"), panel.findChild(QSlider, "betaSlider")
    words = panel.findChildren(QLabel)

    def labels() -> list[str]:
        return [each.text() for each in words if "β" in each.text() and each.isVisible() and len(each.text()) < 20]

    assert labels() == ["β"]
    with qtbot.assertNotEmitted(panel.adjusted):
        type_into(qtbot, line, "1.5")
    assert panel.config().model.beta == 1.5
    panel.set_run_status(RunStatus(RunState.RUNNING))
    assert labels() == ["β of this run"]
    with qtbot.assertNotEmitted(panel.adjusted):
        panel.set_adjusted({"beta": 2.0})
    assert (line.text(), slider.value()) == ("2", 200)
    with qtbot.waitSignal(panel.adjusted) as changed:
        slider.setValue(300)
    assert changed.args == [{"beta": 3.0}]
    with qtbot.waitSignal(panel.adjusted) as changed:
        type_into(qtbot, line, "0.25")
    assert changed.args == [{"beta": 0.25}]
    assert panel.config().model.beta == 0.25


def test_the_weight_of_the_rate_has_no_second_control_among_the_settings(panel):
    panel.findChild(object, "allSettings").click()
    tips = [each.objectName() for each in panel.findChildren(QWidget) if each.toolTip().endswith("model.beta")]
    assert sorted(tips) == ["", "beta", "betaField", "betaSlider"], "a label, and a number with its slider"


def test_adjustable_settings_are_emitted_during_a_run_and_the_others_are_disabled(qtbot, panel):
    panel.set_run_status(RunStatus(RunState.RUNNING))
    assert not panel.findChild(object, "batchSize").isEnabled()
    with qtbot.waitSignal(panel.adjusted) as changed:
        type_into(qtbot, panel.findChild(QLineEdit, "learningRate"), "0.0005")
    assert changed.args == [{"learning_rate": 0.0005}]
    epochs = panel.findChild(object, "epochs")
    emitted = []
    panel.adjusted.connect(emitted.append)
    epochs.selectAll()
    qtbot.keyClicks(epochs, "30")
    assert emitted == [], "3 epochs were never requested"
    qtbot.keyClick(epochs, Qt.Key.Key_Return)
    panel.set_adjusted({"epochs": 31, "patience": 4})
    assert emitted == [{"epochs": 30}]
    assert (panel.config().training.epochs, panel.config().training.patience) == (31, 4)
    with qtbot.assertNotEmitted(panel.adjusted):
        type_into(qtbot, panel.findChild(QLineEdit, "learningRate"), "fast")
    panel.set_run_status(RunStatus(RunState.IDLE))
    with qtbot.assertNotEmitted(panel.adjusted):
        type_into(qtbot, panel.findChild(QLineEdit, "learningRate"), "0.002")


def suggestion_of(config: RunConfig, reason: str = "Chosen for these images."):
    """What suits some images: ``config``, or its settings with another recipe."""

    def suggest(name: str, effort: str = "good") -> SimpleNamespace:
        model = RECIPES[name].suited(config.model) if name else config.model
        training = config.training if effort == "good" else config.training.model_copy(update={"epochs": 2})
        changed = config.model_copy(update={"model": model, "training": training})
        minutes = 8.0 if effort == "good" else 1.6
        return SimpleNamespace(config=changed, reason=f"{reason} {name}".strip(), minutes=minutes)

    return suggest


def choose_recipe(qtbot, panel, name):
    recipe = panel.findChild(QComboBox, "recipe")
    while recipe.currentData() != name:
        is_below = recipe.findData(name) > recipe.currentIndex()
        qtbot.keyClick(recipe, Qt.Key.Key_Down if is_below else Qt.Key.Key_Up)


COLOUR = RunConfig(
    model=RECIPES["gaussian-vae"].config(latent_dim=10, architecture={"kind": "conv"}),
    training=TrainingConfig(batch_size=32, epochs=11),
)
GREY = RunConfig(model=RECIPES["vae"].config(latent_dim=3), training=TrainingConfig(epochs=50))


def test_a_suggestion_is_applied_until_the_user_chooses(qtbot, panel):
    panel.suggest(suggestion_of(COLOUR), keep_changes=True)
    assert panel.config() == COLOUR
    assert panel.findChild(object, "suggestion").isVisible()
    panel.suggest(suggestion_of(GREY), keep_changes=True)
    assert panel.config() == GREY, "nobody has chosen yet"
    type_into(qtbot, panel.findChild(QSpinBox, "epochs"), "3")
    panel.suggest(suggestion_of(COLOUR), keep_changes=True)
    assert panel.config().training.epochs == 3
    assert not panel.findChild(object, "suggestion").isVisible()
    type_into(qtbot, panel.findChild(QSpinBox, "epochs"), "50")
    assert not panel.findChild(object, "suggestion").isVisible(), "what is shown suits other images"
    qtbot.mouseClick(button(panel, "useSuggestion"), Qt.MouseButton.LeftButton)
    assert panel.config() == COLOUR


def test_yours_the_suggested_settings_are_for_the_recipe_that_was_chosen(qtbot, panel):
    """Promise Yours: what a person chose is not thrown away by what the program suggests."""
    panel.suggest(suggestion_of(GREY))
    type_into(qtbot, panel.findChild(QSpinBox, "epochs"), "3")
    choose_recipe(qtbot, panel, "beta-vae")
    assert panel.config().training.epochs == 3, "what the user has set stays"
    for suggested in (GREY, COLOUR):
        panel.suggest(suggestion_of(suggested), keep_changes=True)
        type_into(qtbot, panel.findChild(QSpinBox, "epochs"), "4")
        suggest = button(panel, "useSuggestion")
        suggest.setFocus()
        qtbot.keyClick(suggest, Qt.Key.Key_Space)
        assert panel.config().training == suggested.training
        assert panel.config().model == RECIPES["beta-vae"].suited(suggested.model)
        assert panel.findChild(QLabel, "suggestion").text() == "Chosen for these images. beta-vae"
        assert panel.window().focusWidget() is panel.findChild(QComboBox, "recipe"), "near the link that went"


def test_a_quick_look_and_a_good_training_are_offered_with_their_lengths(qtbot, panel):
    effort = panel.findChild(QComboBox, "effort")
    assert not effort.isVisible(), "no images to suggest anything for"
    panel.suggest(suggestion_of(GREY))
    assert [effort.itemText(index) for index in range(2)] == ["Good · about 8 minutes", "Quick look · about 2 minutes"]
    assert panel.config() == GREY
    effort.setFocus()
    qtbot.keyClick(effort, Qt.Key.Key_Down)
    assert panel.config().training.epochs == 2
    choose_recipe(qtbot, panel, "beta-vae")
    assert panel.config() == suggestion_of(GREY)("beta-vae", "quick").config, "the effort stays"


def test_yours_a_recipe_that_is_chosen_comes_with_what_suits_it(qtbot, panel):
    """Promise Yours: choosing a recipe and nothing else leaves nothing to be adapted by hand."""
    choose_recipe(qtbot, panel, "beta-vae")
    panel.suggest(suggestion_of(GREY), keep_changes=True)
    assert panel.config() == suggestion_of(GREY)("beta-vae").config
    choose_recipe(qtbot, panel, "iwae")
    assert panel.config() == suggestion_of(GREY)("iwae").config
    assert not button(panel, "useSuggestion").isVisible()


def test_going_on_is_offered_after_a_run(qtbot, panel):
    assert not button(panel, "continueButton").isVisible()
    width = panel.minimumSizeHint().width()
    panel.set_can_continue("2026-11-21-run-of-a-name-that-no-panel-is-wide-enough-for-" * 3)
    assert panel.minimumSizeHint().width() == width
    type_into(qtbot, panel.findChild(QSpinBox, "epochs"), "7")
    assert button(panel, "continueButton").accessibleName().startswith("Continue to epoch 7")
    for done, planned, goal in ((5, 40, 7), (9, 40, 40), (9, 0, 16)):
        panel.set_can_continue("run-1", done, planned)
        assert button(panel, "continueButton").accessibleName() == f"Continue to epoch {goal} · run-1"
    with qtbot.waitSignal(panel.continueRequested) as requested:
        qtbot.mouseClick(button(panel, "continueButton"), Qt.MouseButton.LeftButton)
    assert requested.args[0] == panel.config()
    panel.set_run_status(RunStatus(RunState.RUNNING))
    assert not button(panel, "continueButton").isVisible()


def test_the_name_of_a_run_to_be_continued_is_quoted(panel):
    panel.set_run_data("photos", "continue run")
    texts = [label.text() for label in panel.findChildren(QLabel)]
    assert "To continue “continue run”, open its images." in texts


def test_progress_is_shown_with_its_line(panel):
    panel.set_run_status(RunStatus(RunState.RUNNING))
    panel.set_progress(0.25, "epoch 1 of 4 · 12,300 images/s")
    assert panel.findChild(object, "progress").value() == 250
    assert panel.findChild(object, "progressText").text().startswith("epoch 1")


@pytest.mark.parametrize("name", ["trainButton", "continueButton"])
def test_yours_space_after_train_pauses_the_run_and_never_ends_it(qtbot, panel, name):
    """Promise Yours: the key that starts a run must not end it when it is pressed again."""
    panel.set_can_continue("run-1", 3, 40)
    button(panel, name).setFocus()
    qtbot.keyClick(button(panel, name), Qt.Key.Key_Space)
    stopped, paused = [], []
    panel.stopRequested.connect(lambda: stopped.append(True))
    panel.pauseRequested.connect(lambda: paused.append(True))
    panel.set_run_status(RunStatus(RunState.STARTING))
    qtbot.keyClick(panel.window().focusWidget() or panel, Qt.Key.Key_Space)
    assert (stopped, paused) == ([], []), "nothing can be paused yet"
    panel.set_run_status(RunStatus(RunState.RUNNING))
    assert panel.window().focusWidget() is button(panel, "pauseButton")
    qtbot.keyClick(panel.window().focusWidget(), Qt.Key.Key_Space)
    assert (stopped, paused) == ([], [True])


def test_yours_stop_gets_the_focus_from_nobody_but_the_user(qtbot, panel):
    """Promise Yours: controls that become disabled do not pass their focus to Stop."""
    panel.findChild(object, "allSettings").click()
    for name in ("recipe", "batchSize", "weightDecay", "trainButton", "pauseButton"):
        for before, after in (
            ("idle", "starting"),
            ("starting", "running"),
            ("paused", "stopping"),
            ("running", "idle"),
        ):
            panel.set_run_status(RunStatus(RunState(before)))
            control = panel.findChild(QWidget, name)
            if control is None or not control.isEnabled():
                continue
            control.setFocus()
            panel.set_run_status(RunStatus(RunState(after)))
            focused = panel.window().focusWidget()
            assert focused is not button(panel, "stopButton"), (name, before, after)
    panel.set_run_status(RunStatus(RunState.RUNNING))
    button(panel, "stopButton").setFocus()
    panel.set_run_status(RunStatus(RunState.PAUSED))
    assert panel.window().focusWidget() is button(panel, "stopButton"), "where the user put it, it stays"


@pytest.mark.parametrize(("kind", "prefix"), [(ModelConfig, "model."), (TrainingConfig, "training.")])
def test_honest_every_settings_tooltip_is_about_that_setting(qtbot, kind, prefix):
    """Promise Honest: no setting goes without a description of its own."""
    parent = QWidget()
    qtbot.addWidget(parent)
    settings = Settings(kind, prefix, parent, without=("model.recipe",))
    sections = {}
    for name, setting in settings.items():
        tip = setting.control.toolTip().removesuffix(name).strip()
        assert tip, f"{name} has no tooltip"
        sections.setdefault(name.rpartition(".")[0], []).append(tip)
    for section, tips in sections.items():
        assert len(set(tips)) == len(tips), f"two settings of {section} have the same tooltip"


def form_rows(panel) -> dict[str, QWidget]:
    """The settings of the fold that are shown, by name."""
    fold = panel.findChild(FoldedSettings)
    controls = {setting.name: setting.control for setting in panel.findChildren(Setting)}
    return {name: each for name, each in controls.items() if fold.isAncestorOf(each) and each.isVisible()}


def test_settings_that_do_not_act_are_hidden_until_they_are_asked_for(qtbot, panel):
    panel.findChild(object, "allSettings").click()
    assert "model.posterior.categories" not in form_rows(panel)
    assert "model.optimizer" not in form_rows(panel)
    assert "model.posterior.kind" in form_rows(panel)
    button(panel, "showUnread").click()
    shown = form_rows(panel)["model.posterior.categories"]
    assert not shown.isEnabled()
    assert "it needs posterior.kind=concrete" in shown.toolTip().replace("\n", " ")
    button(panel, "showUnread").click()
    panel.choose_recipe("concrete-vae")
    assert form_rows(panel)["model.posterior.temperature"].isEnabled()
    panel.choose_recipe("vae")
    assert "model.posterior.temperature" not in form_rows(panel)


def test_settings_are_found_by_typing(qtbot, panel):
    panel.findChild(object, "allSettings").click()
    field = panel.findChild(QLineEdit, "findSetting")
    headings = [label for label in panel.findChildren(QLabel) if label.property("role") == "section"]
    assert len([each for each in headings if each.isVisible()]) > 3
    qtbot.keyClicks(field, "optim")
    assert "training.optimizer" in form_rows(panel)
    assert "model.posterior.kind" not in form_rows(panel)
    assert len([each for each in headings if each.isVisible()]) <= 3
    field.setText("no such setting")
    assert form_rows(panel) == {}
    field.clear()
    assert "model.posterior.kind" in form_rows(panel)
