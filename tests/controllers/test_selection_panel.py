"""The Selection panel's controller: every button, the requests to the worker, undo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QWidget

from latentlab.controllers.explore import ExploreController
from latentlab.controllers.latent_map import MapController
from latentlab.controllers.model import ModelController
from latentlab.controllers.selection import SelectionController
from latentlab.controllers.selection_panel import SelectionPanelController
from latentlab.engine.protocol.messages import (
    EncodeSelection,
    ExportSelection,
    Ranking,
    SelectionExported,
    SelectionSummary,
    SubsetWritten,
    SummarizeSelection,
    WriteSubset,
)
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.panels.model import ModelPanel
from latentlab.gui.panels.selection import SelectionPanel
from latentlab.gui.panels.tag_dialog import TagDialog
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.gui.widgets.toasts import Toasts
from latentlab.state.selection import Selection
from tests.controllers.conftest import model_info, some_points
from tests.controllers.test_autosave import dataset_info

FOUR = Selection(np.array([2, 3, 5, 8]), "f", "lasso")


class Parts:
    """The panel with the controllers around it."""

    def __init__(self, qtbot, session, engine, undo, activity) -> None:
        self.window, self.panel, self.map, self.sliders = QWidget(), SelectionPanel(), LatentMap(), LatentSliders()
        self.model_panel = ModelPanel()
        for widget in (self.window, self.panel, self.map, self.sliders, self.model_panel):
            qtbot.addWidget(widget)
        self.toasts = Toasts(self.window, self.window)
        MapController(session, engine, self.map, self.map)
        ModelController(session, engine, undo, self.model_panel, self.model_panel)
        explore = ExploreController(session, undo, self.map, self.sliders, self.map)
        selection = SelectionController(session, undo, self.map, activity, self.map)
        self.controller = SelectionPanelController(
            session, engine, undo, selection, explore, self.panel, self.toasts, activity, self.panel
        )

    def click(self, name: str) -> None:
        self.panel.findChild(QPushButton, name).click()

    def text(self, name: str) -> str:
        return self.panel.findChild(QWidget, name).text()


@pytest.fixture
def parts(qtbot, session, engine, undo, activity):
    parts = Parts(qtbot, session, engine, undo, activity)
    session.set_model(model_info(), 1, is_new_model=True)
    labels = np.arange(50) % 3 - 1
    session.set_points(replace(some_points(), fingerprint="f", label=labels, classes=("cat", "dog")))
    return parts


@pytest.fixture
def with_images(parts, session):
    session.set_dataset(replace(dataset_info(), fingerprint="f", images=50))
    return parts


def summary(generation: int, **changes) -> SelectionSummary:
    images = np.zeros((4, 8, 8), np.uint8)
    latents = np.arange(8, dtype=np.float32).reshape(4, 2)
    values = {"originals": images, "reconstructions": images, "latents": latents, "mean_latent": latents.mean(axis=0)}
    return SelectionSummary(generation, 1, FOUR.images, **(values | {"decoded_mean": images[0]} | changes))


def test_the_panel_counts_the_images_and_their_classes(parts, session):
    session.set_selection(FOUR)
    assert parts.text("selectionCount") == "4 images of 50"
    assert parts.text("selectionHow") == "lasso"
    counts = parts.panel.findChild(QWidget, "classShares").rows()
    labels = session.points.label[FOUR.images]
    assert dict(counts) == {
        name: int(count)
        for name, count in (
            ("cat", (labels == 0).sum()),
            ("dog", (labels == 1).sum()),
            ("no class", (labels < 0).sum()),
        )
        if count
    }
    session.set_selection(None)
    assert not parts.text("selectionCount").startswith("4")


def test_its_images_are_requested_and_shown_once_the_selection_rests(parts, session, engine, qtbot):
    session.set_selection(Selection(np.array([1]), "f"))
    session.set_selection(FOUR)
    qtbot.waitUntil(lambda: engine.count(SummarizeSelection) == 1)
    request = engine.last(SummarizeSelection)
    assert request.images.tolist() == FOUR.images.tolist()
    sheet = parts.panel.findChild(ImageStrip)
    engine.selectionSummary.emit(summary(request.generation))
    assert not sheet.isHidden()
    mean = parts.panel.findChild(QWidget, "meanImage")
    assert mean.isHidden(), "not known yet"
    engine.selectionSummary.emit(summary(request.generation, mean_image=np.ones((8, 8), np.uint8), averaged=4))
    assert not mean.isHidden()
    engine.selectionSummary.emit(summary(request.generation - 1))
    assert not mean.isHidden(), "an older result changes nothing"


def test_nothing_is_decoded_while_the_panel_is_behind_another(parts, session, engine, qtbot):
    parts.controller.set_shown(False)
    session.set_selection(FOUR)
    parts.controller.set_shown(True)
    qtbot.waitUntil(lambda: engine.count(SummarizeSelection) == 1)


def test_a_click_on_an_image_goes_to_its_latent_and_undo_back(parts, session, engine, undo):
    session.set_selection(FOUR)
    engine.selectionSummary.emit(summary(1))
    parts.panel.imageClicked.emit(2)
    assert session.latent.tolist() == [4.0, 5.0]
    undo.undo()
    assert session.latent.tolist() == [0.0, 0.0]


def test_go_to_mean_is_one_step(parts, session, undo):
    session.set_selection(FOUR)
    parts.click("goToMean")
    np.testing.assert_allclose(session.latent, session.points.mean[FOUR.images].mean(axis=0), atol=1e-6)
    undo.undo()
    assert session.latent.tolist() == [0.0, 0.0]
    assert session.selection == FOUR


def test_invert_and_clear(parts, session, undo):
    session.set_selection(FOUR)
    parts.click("invertSelection")
    assert len(session.selection) == 46
    parts.click("clearSelection")
    assert session.selection is None
    undo.undo()
    undo.undo()
    assert session.selection == FOUR


def test_what_needs_the_dataset_says_so(parts, session):
    session.set_selection(FOUR)
    for name in ("trainOnSelection", "encodeSelection"):
        button = parts.panel.findChild(QPushButton, name)
        assert not button.isEnabled()
        assert "Open the dataset" in button.toolTip()
    assert not parts.panel.findChild(QAction, "exportFolder").isEnabled()
    assert parts.panel.findChild(QAction, "exportTable").isEnabled()
    assert "Decoded images alone" in parts.text("selectionNote")


def test_with_its_dataset_everything_can_be_done(with_images, session, engine):
    parts = with_images
    session.set_selection(FOUR)
    assert parts.panel.findChild(QAction, "exportFolder").isEnabled()
    parts.click("encodeSelection")
    assert engine.last(EncodeSelection).images.tolist() == FOUR.images.tolist()
    session.set_run_state("running")
    assert "Stop the run" in parts.panel.findChild(QPushButton, "trainOnSelection").toolTip()


def test_training_on_the_images_or_the_others(with_images, session, engine, qtbot):
    parts = with_images
    session.set_selection(FOUR)
    parts.panel.findChild(QAction, "trainOn").trigger()
    assert engine.last(WriteSubset).images.tolist() == [2, 3, 5, 8]
    parts.panel.findChild(QAction, "trainWithout").trigger()
    assert engine.last(WriteSubset).name == f"{session.dataset.name} without 4 images"
    assert engine.last(WriteSubset).images.tolist() == [n for n in range(50) if n not in (2, 3, 5, 8)]
    with qtbot.waitSignal(parts.controller.subsetWritten) as written:
        engine.subsetWritten.emit(SubsetWritten("/lists/some.txt", session.data_config))
    assert written.args == ["/lists/some.txt", session.data_config]


def test_export_is_requested_with_the_tags_and_reported(parts, session, engine):
    session.set_selection(FOUR)
    parts.controller.tag("mine", "good")
    parts.panel.exportRequested.emit("table", "/out/some.csv")
    request = engine.last(ExportSelection)
    assert (request.path, request.kind) == ("/out/some.csv", "table")
    assert [(tag.column, tag.value, tag.images.tolist()) for tag in request.tags] == [("mine", "good", [2, 3, 5, 8])]
    engine.selectionExported.emit(SelectionExported("/out/some.csv", "4 images in some.csv"))
    assert any("4 images in some.csv" in each.text() for each in parts.window.findChildren(QLabel))


def test_images_of_a_ranking_are_shown_and_exported_in_its_order(parts, session, engine, qtbot):
    order = np.array([8, 2, 30, 5, *range(10, 20)])
    ranking = Ranking("distortion", order, np.linspace(9, 1, 14, dtype=np.float32))
    session.set_selection(Selection(np.sort(order), "f", "14 worst reconstructed", ranking))
    qtbot.waitUntil(lambda: engine.count(SummarizeSelection) == 1)
    request = engine.last(SummarizeSelection)
    assert (request.images.tolist(), request.is_ranked) == (order.tolist(), True)
    assert "the first 12 of the ranking" in parts.text("selectionNote")
    session.dimension_names.set_name(session.model.source, 1, "tilt")
    parts.panel.exportRequested.emit("table", "/out/worst.csv")
    request = engine.last(ExportSelection)
    assert (request.images.tolist(), request.ranking) == (order.tolist(), ranking)
    assert request.titles == ((1, "z₂ tilt"),)


def test_a_tag_is_a_column_that_colours_the_points_until_it_is_undone(parts, session, undo):
    session.set_selection(FOUR)
    parts.controller.tag("mine", "good")
    session.set_selection(Selection(np.array([8, 9]), "f"))
    parts.controller.tag("mine", "bad")
    session.set_colour_by("mine")
    legend = parts.map.layer_stack.legend()
    assert (legend.names, legend.has_unlabelled, legend.title) == (("bad", "good"), True, "mine")
    assert legend.unlabelled == "not tagged"
    combo = parts.model_panel.findChild(QWidget, "colourBy")
    assert "mine" in [combo.itemText(row) for row in range(combo.count())]
    undo.undo()
    assert parts.map.layer_stack.legend().names == ("good",)


def test_tagging_says_how_many_images_have_which_tag(parts, session, activity):
    session.set_selection(FOUR)
    parts.controller.tag("mine", "good")
    assert activity.shown.text.startswith("4 images tagged mine = good")


def test_the_same_tag_again_adds_images(parts, session):
    session.set_selection(FOUR)
    parts.controller.tag("mine", "good")
    session.set_selection(Selection(np.array([9]), "f"))
    parts.controller.tag("mine", "good")
    (item,) = session.board.items
    assert item.content.images.tolist() == [2, 3, 5, 8, 9]


def test_a_tag_may_not_take_the_name_of_a_column_of_the_data(parts, session, qtbot):
    session.set_points(replace(session.points, columns={"Age": np.zeros(50)}))
    session.set_selection(FOUR)
    parts.click("tagSelection")
    dialog = parts.panel.findChild(TagDialog)
    value, accept = dialog.findChild(QLineEdit, "tagValue"), dialog.findChild(QPushButton, "tagAccept")
    assert not accept.isEnabled(), "there is no value yet"
    value.setText("good")
    assert accept.isEnabled()
    dialog.findChild(QWidget, "tagColumn").setEditText("age")
    assert not accept.isEnabled()
    assert "already" in dialog.findChild(QLabel, "tagReason").text()
    dialog.findChild(QWidget, "tagColumn").setEditText("mine")
    accept.click()
    (item,) = session.board.items
    assert (item.tag, item.name) == ("mine", "good")


def test_another_model_shows_nothing_of_the_one_before(parts, session, engine):
    session.set_selection(FOUR)
    engine.selectionSummary.emit(summary(1))
    session.set_model(model_info(source="other"), 5, is_new_model=True)
    assert parts.panel.findChild(ImageStrip).isHidden()
    engine.selectionSummary.emit(summary(2))
    assert parts.panel.findChild(ImageStrip).isHidden(), "it is of the model before"
