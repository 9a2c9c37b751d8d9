"""Generated images follow the panel's settings; each can be taken, kept and repeated by a command."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QLabel, QSlider, QSpinBox, QToolButton, QWidget

from latentlab.config.capabilities import Capabilities
from latentlab.config.layout import LatentLayout, Level
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.generate import SOON_MS, GenerateController
from latentlab.engine.protocol.messages import (
    ExportSelection,
    Generate,
    Generated,
    GenerationProgress,
    SelectionExported,
)
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.generate import GeneratePanel
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.widgets.toasts import Toasts
from latentlab.state.board import BoardItem, Direction
from latentlab.state.selection import Selection
from tests.controllers.conftest import model_info, some_points

COUNT = 24


@pytest.fixture
def panel(qtbot, session, engine, undo, activity) -> GeneratePanel:
    """The shown panel, for a model of 3 dimensions with points, once images have been asked for."""
    latent_map, sliders, panel, window = LatentMap(), LatentSliders(), GeneratePanel(), QWidget()
    for widget in (latent_map, sliders, panel, window):
        qtbot.addWidget(widget)
    explore = ExploreController(session, undo, latent_map, sliders, latent_map)
    GenerateController(session, engine, explore, undo, panel, Toasts(window), activity, panel)
    session.set_model(model_info(3, source="bundled:m"), 1, is_new_model=True)
    session.set_points(replace(some_points(3), fingerprint="f"))
    panel.show()
    qtbot.waitUntil(lambda: engine.count(Generate) > 0)
    return panel


def choose(panel: GeneratePanel, key: str) -> None:
    combo = panel.findChild(QComboBox, "generateFrom")
    combo.setCurrentIndex(combo.findData(key))
    combo.activated.emit(combo.currentIndex())


def reason(panel: GeneratePanel, key: str) -> str:
    """The tooltip of an entry that cannot be chosen; empty if it can."""
    combo = panel.findChild(QComboBox, "generateFrom")
    item = combo.model().item(combo.findData(key))
    return "" if item.isEnabled() else item.data(Qt.ItemDataRole.ToolTipRole).replace("\n", " ")


def generated(engine, **changes) -> Generated:
    request = engine.last(Generate)
    latents = np.random.default_rng(0).normal(size=(request.count, 3)).astype(np.float32)
    result = Generated(request.generation, 1, np.zeros((request.count, 8, 8), np.uint8), latents)
    result = replace(result, **changes)
    engine.generated.emit(result)
    return result


def test_every_setting_asks_for_other_images_and_a_drag_for_few(qtbot, panel, engine):
    first = engine.last(Generate)
    assert (first.source, first.count, first.temperature, first.seed) == ("prior", COUNT, 1.0, 0)
    before = engine.count(Generate)
    for value in range(1, 20):
        panel.findChild(QSlider, "generateTemperature").setValue(value)
    qtbot.waitUntil(lambda: engine.count(Generate) > before)
    assert engine.count(Generate) == before + 1
    assert engine.last(Generate).temperature == pytest.approx(0.95)
    panel.findChild(QToolButton, "generateNext").click()
    panel.findChild(QSpinBox, "generateCount").setValue(5)
    choose(panel, "aggregate")
    qtbot.waitUntil(lambda: engine.count(Generate) == before + 2)
    request = engine.last(Generate)
    assert (request.source, request.seed, request.count) == ("aggregate", 1, 5)


def test_a_selection_and_a_direction_of_the_board_can_be_drawn_from(qtbot, panel, engine, session):
    assert "no images are selected" in reason(panel, "selection")
    assert "there is no direction on the Board" in reason(panel, "direction:")
    session.set_selection(Selection(np.array([3, 4]), "f"))
    direction = Direction(np.ones(3, np.float32), np.zeros(3, np.float32))
    session.board.set_items([BoardItem("smile", direction, latent_dim=3, id="x")])
    choose(panel, "selection")
    qtbot.waitUntil(lambda: engine.last(Generate).source == "selection")
    assert engine.last(Generate).images.tolist() == [3, 4]
    assert panel.findChild(QComboBox, "generateFrom").findData("direction:") < 0
    choose(panel, "direction:x")
    qtbot.waitUntil(lambda: engine.last(Generate).source == "direction")
    np.testing.assert_array_equal(engine.last(Generate).vector, np.ones(3))
    session.board.set_items([])
    qtbot.waitUntil(lambda: engine.last(Generate).source == "prior")


def test_what_makes_no_sense_for_a_recipe_is_greyed_with_the_reason(panel, session):
    layout = LatentLayout("categories", (Level("", 0, 6),), categories=3)
    session.set_model(model_info(6, layout=layout), 2, is_new_model=True)
    assert "which a mixture of Gaussians does not describe" in reason(panel, "aggregate")
    slider = panel.findChild(QSlider, "generateTemperature")
    assert not slider.isEnabled()
    assert "no temperature" in slider.toolTip().replace("\n", " ")
    session.set_model(model_info(3), 3, is_new_model=True)
    assert slider.isEnabled()
    assert "no images are encoded" in reason(panel, "aggregate")


def test_a_prior_that_is_not_known_is_not_drawn_from(panel, session):
    session.set_model(model_info(3, capabilities=Capabilities(has_prior=False)), 2, is_new_model=True)
    assert reason(panel, "prior") == "the prior of this model is not known"
    session.set_points(some_points(3, version=2))
    assert panel.source() == "aggregate"


def test_an_image_is_taken_and_kept_each_in_one_step(panel, engine, session, undo):
    result = generated(engine)
    panel.chosen.emit(3)
    np.testing.assert_array_equal(session.latent, result.latents[3])
    panel.keepRequested.emit(4)
    (item,) = session.board.items
    np.testing.assert_array_equal(item.content.z, result.latents[4])
    assert "seed 0" in item.provenance
    undo.undo()
    assert not session.board.items
    undo.undo()
    assert not session.latent.any()


def test_an_image_of_a_conditional_model_is_taken_for_its_class(qtbot, panel, engine, session):
    session.set_model(model_info(3, conditional=True, classes=("a", "b")), 2, is_new_model=True)
    before = engine.count(Generate)
    qtbot.waitUntil(lambda: engine.count(Generate) > before)
    generated(engine, model_version=2, labels=np.arange(COUNT) % 2)
    panel.chosen.emit(1)
    assert session.label == 1


def test_the_command_repeats_the_images_exactly_or_says_why_it_cannot(qtbot, panel, engine, session):
    copy = panel.findChild(QToolButton, "generateCopy")
    assert not copy.isEnabled()
    panel.findChild(QSlider, "generateTemperature").setValue(14)
    choose(panel, "aggregate")
    qtbot.waitUntil(lambda: engine.last(Generate).source == "aggregate")
    generated(engine)
    copy.click()
    command = "latentlab generate bundled:m --count 24 --from aggregate --temperature 0.7 --seed 0 --out generated.png"
    assert QGuiApplication.clipboard().text() == command
    generated(engine, is_from_file=False)  # an older result changes nothing
    assert copy.isEnabled()
    panel.changed.emit()
    before = engine.count(Generate)
    qtbot.waitUntil(lambda: engine.count(Generate) > before)
    generated(engine, is_from_file=False)
    assert not copy.isEnabled()
    assert "save the model first" in copy.toolTip().replace("\n", " ")
    session.set_run_state("running")
    assert "being trained" in copy.toolTip().replace("\n", " ")


def test_a_flow_is_offered_when_no_run_changes_the_model_and_its_command_once_it_is_saved(
    qtbot, panel, engine, session
):
    assert reason(panel, "flow") == ""
    choose(panel, "flow")
    qtbot.waitUntil(lambda: engine.last(Generate).source == "flow")
    generated(engine, is_from_file=False)
    copy = panel.findChild(QToolButton, "generateCopy")
    assert "the flow is not in the model's file: save the model" in copy.toolTip().replace("\n", " ").lower()
    panel.changed.emit()
    before = engine.count(Generate)
    qtbot.waitUntil(lambda: engine.count(Generate) > before)
    generated(engine)
    copy.click()
    assert "--from flow" in QGuiApplication.clipboard().text()
    session.set_run_state("running")
    assert "being trained" in reason(panel, "flow")
    assert panel.source() == "prior"


def test_an_autoencoder_is_sampled_from_its_aggregate_posterior_until_another_source_is_chosen(panel, session):
    ae = {"family": "vae", "posterior": {"kind": "delta"}}
    assert panel.source() == "prior"
    session.set_model(replace(model_info(3, source="bundled:ae"), config=ae), 2, is_new_model=True)
    assert panel.source() == "prior"  # it has no encoded images yet
    session.set_points(replace(some_points(3, version=2), fingerprint="f"))
    assert panel.source() == "aggregate"
    choose(panel, "prior")
    session.set_points(replace(some_points(3, version=2), fingerprint="g"))
    assert panel.source() == "prior"


def test_a_uniform_prior_on_a_sphere_has_no_temperature_and_a_flow_of_its_latents_has(qtbot, panel, engine, session):
    layout = LatentLayout("plain", (Level("", 0, 3),), is_sphere=True)
    session.set_model(replace(model_info(3, source="bundled:s"), layout=layout), 2, is_new_model=True)
    session.set_points(replace(some_points(3, version=2), fingerprint="f"))
    slider = panel.findChild(QSlider, "generateTemperature")
    qtbot.waitUntil(lambda: not slider.isEnabled())
    assert "every direction with equal probability" in slider.toolTip().replace("\n", " ")
    choose(panel, "flow")
    qtbot.waitUntil(slider.isEnabled)
    choose(panel, "prior")
    qtbot.waitUntil(lambda: not slider.isEnabled())


def test_the_command_for_a_selection_is_copied_with_a_table_of_its_posteriors(qtbot, panel, engine, session):
    session.set_selection(Selection(np.array([3, 4]), "f"))
    choose(panel, "selection")
    qtbot.waitUntil(lambda: engine.last(Generate).source == "selection")
    generated(engine, is_from_file=False)
    QGuiApplication.clipboard().setText("before")
    panel.findChild(QToolButton, "generateCopy").click()
    export = engine.last(ExportSelection)
    assert (export.images.tolist(), export.kind) == ([3, 4], "table")
    engine.selectionExported.emit(SelectionExported("another", "2 images in another"))
    assert QGuiApplication.clipboard().text() == "before", "the table is not written yet"
    engine.selectionExported.emit(SelectionExported(export.path, "2 images"))
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[words.index("--from") + 1] == export.path


def test_what_the_worker_does_and_what_it_cannot_do_is_written(panel, engine, activity):
    note = panel.findChild(QLabel, "generateNote")
    generation = engine.last(Generate).generation
    engine.generationProgress.emit(GenerationProgress(generation, "Fitting …"))
    assert activity.shown.text == "Fitting …"
    engine.generated.emit(Generated(generation, 1, None, None, problem="there are none"))
    assert note.text() == "there are none"
    assert activity.shown.text == "Ready"


def test_what_is_under_way_is_written_where_the_images_will_be(panel, engine):
    def texts() -> set[str]:
        return {label.text() for label in panel.findChildren(QLabel) if label.isVisible()}

    assert "Generating images …" in texts()
    assert not panel.findChild(QWidget, "fillGenerate").isVisible(), "a model is open"
    generated(engine, images=None, latents=None, problem="there are no encoded images")
    assert {"There are no images.", "there are no encoded images"} <= texts()


def test_a_run_that_begins_gets_images_and_newer_weights_no_more_than_now_and_then(qtbot, panel, engine, session):
    session.set_run_state("running", "r")
    before = engine.count(Generate)
    session.set_model(model_info(3, source="r"), 2, is_new_model=True)
    qtbot.waitUntil(lambda: engine.count(Generate) == before + 1)
    for version in range(3, 8):
        session.set_model(model_info(3, source="r"), version, is_new_model=False)
    qtbot.wait(2 * SOON_MS)
    assert engine.count(Generate) == before + 1
