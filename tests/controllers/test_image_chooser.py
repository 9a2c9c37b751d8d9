"""Choosing images by class, search and rank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton, QSpinBox

from latentlab.config.capabilities import Capabilities
from latentlab.controllers.image_chooser import ImageChooserController
from latentlab.controllers.selection import SelectionController
from latentlab.engine.protocol.messages import (
    CancelRanking,
    Failed,
    ImagesFound,
    ImagesRanked,
    RankImages,
    RankingProgress,
    SearchImages,
)
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.image_chooser import ImageChooser
from latentlab.state.selection import Selection, SelectMode
from tests.controllers.conftest import model_info, some_points
from tests.controllers.test_autosave import dataset_info


class Parts:
    """The chooser with its controller."""

    def __init__(self, qtbot, session, engine, undo, activity) -> None:
        self.chooser, self.map = ImageChooser(), LatentMap()
        for widget in (self.chooser, self.map):
            qtbot.addWidget(widget)
        selection = SelectionController(session, undo, self.map, activity, self.map)
        ImageChooserController(session, engine, selection, self.chooser, activity, self.chooser)

    def part(self, kind: type, name: str):
        return self.chooser.findChild(kind, name)

    def choose(self, name: str, row: int) -> None:
        """Choose an item of a combo box as the user does."""
        box = self.part(QComboBox, name)
        box.setCurrentIndex(row)
        box.activated.emit(row)

    def rank(self, by: str, count: int) -> None:
        box = self.part(QComboBox, "chooseRank")
        box.setCurrentIndex(box.findData(by))
        self.part(QSpinBox, "chooseCount").setValue(count)
        self.button.click()

    @property
    def button(self) -> QPushButton:
        return self.part(QPushButton, "chooseRanked")

    @property
    def note(self) -> str:
        return self.part(QLabel, "chooseNote").text()


@pytest.fixture
def parts(qtbot, session, engine, undo, activity):
    parts = Parts(qtbot, session, engine, undo, activity)
    session.set_model(model_info(), 1, is_new_model=True)
    labels = np.arange(50) % 2
    session.set_points(replace(some_points(), fingerprint="f", label=labels, classes=("cat", "dog")))
    session.set_dataset(replace(dataset_info(), fingerprint="f", images=50))
    return parts


def ranked(generation: int, by: str = "distortion", version: int = 1) -> ImagesRanked:
    return ImagesRanked(generation, version, by, np.arange(50)[::-1], np.linspace(9, 0, 50, dtype=np.float32), "f")


def test_a_class_is_selected_added_and_taken_away(parts, session, undo):
    parts.choose("chooseClass", 2)
    assert session.selection.images.tolist() == list(range(1, 50, 2))
    assert session.selection.description == "class dog"
    parts.choose("chooseMode", 1)
    parts.choose("chooseClass", 1)
    assert len(session.selection) == 50
    parts.choose("chooseMode", 2)
    parts.choose("chooseClass", 2)
    assert session.selection.images.tolist() == list(range(0, 50, 2))
    assert undo.count() == 3


def test_a_search_is_sent_and_its_images_are_selected(parts, session, engine, qtbot):
    line = parts.part(QLineEdit, "chooseSearch")
    line.setText("age > 3")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    request = engine.last(SearchImages)
    assert request.text == "age > 3"
    engine.imagesFound.emit(ImagesFound(request.generation, request.text, np.array([4, 7]), "f"))
    assert session.selection == Selection(np.array([4, 7]), "f")
    assert session.selection.description == "search age > 3"
    assert parts.note == "search age > 3: 2 images"
    session.set_selection(None)
    assert parts.note == "", "it is said of these images alone"
    qtbot.keyClick(line, Qt.Key.Key_Return)
    found = ImagesFound(request.generation + 1, "DOG", np.array([1, 7]), "f", "class dog")
    engine.imagesFound.emit(found)
    assert session.selection.description == "class dog"
    qtbot.keyClick(line, Qt.Key.Key_Return)
    engine.imagesFound.emit(ImagesFound(request.generation + 2, request.text, np.zeros(0, np.int64), "f"))
    assert len(session.selection) == 2, "what finds nothing changes nothing"
    assert "No image was found" in parts.note


def test_the_first_images_of_a_ranking_are_selected_and_more_of_them_at_once(parts, session, engine):
    parts.rank("distortion", 3)
    assert engine.last(RankImages).by == "distortion"
    engine.imagesRanked.emit(ranked(1))
    assert session.selection.images.tolist() == [47, 48, 49]
    assert session.selection.description == "3 worst reconstructed"
    assert parts.note == "Distortion 9 to 8.633 nats"
    assert session.selection.ordered.tolist() == [49, 48, 47], "worst first"
    parts.rank("distortion", 5)
    assert len(session.selection) == 5
    assert engine.count(RankImages) == 1, "the ranking is known"


def test_negative_elbos_have_a_true_minus_sign(parts, engine):
    parts.rank("elbo", 2)
    values = np.linspace(-194.3, -90, 50, dtype=np.float32)
    engine.imagesRanked.emit(ImagesRanked(1, 1, "elbo", np.arange(50), values, "f"))
    assert parts.note == "ELBO −194.3 to −192.2 nats"


def test_the_range_of_a_ranking_is_said_of_its_images_alone(parts, session, engine, undo):
    parts.rank("distortion", 3)
    engine.imagesRanked.emit(ranked(1))
    session.set_selection(Selection(np.array([47, 48, 49]), "f", "lasso"))
    assert session.selection.ranking is None, "the same images, but not by their rank"
    assert parts.note == ""
    undo.undo()
    undo.redo()
    assert parts.note == "Distortion 9 to 8.633 nats"
    part = Selection(np.array([49]), "f", "lasso")
    session.set_selection(session.selection.combined(part, SelectMode.SUBTRACT))
    assert session.selection.ordered.tolist() == [48, 47]
    assert parts.note == "Distortion 8.816 to 8.633 nats"


def test_other_weights_are_ranked_anew(parts, session, engine):
    parts.rank("distortion", 3)
    engine.imagesRanked.emit(ranked(1))
    session.set_model(model_info(), 2, is_new_model=False)
    parts.rank("distortion", 3)
    assert engine.count(RankImages) == 2


def test_a_ranking_shows_its_progress_and_can_be_cancelled(parts, session, engine, activity):
    parts.rank("elbo", 3)
    engine.rankingProgress.emit(RankingProgress(1, 10, 50))
    assert parts.note == "10 of 50 images ranked"
    assert activity.shown.fraction == pytest.approx(0.2)
    parts.button.click()
    assert engine.count(CancelRanking) == 1
    assert activity.shown.text == "Ready"
    engine.imagesRanked.emit(ranked(1, "elbo"))
    assert session.selection is None
    parts.rank("elbo", 3)
    engine.failed.emit(Failed("RankImages", "the disk is gone"))
    assert activity.shown.text == "Ready"


def test_what_cannot_be_ranked_is_disabled_and_says_why(parts, session):
    session.set_dataset(None)
    for by, enabled in (("distortion", False), ("elbo", False), ("distance", True)):
        box = parts.part(QComboBox, "chooseRank")
        box.setCurrentIndex(box.findData(by))
        assert parts.button.isEnabled() == enabled
        assert enabled or "Open the dataset" in parts.button.toolTip().replace("\n", " ")
    session.set_dataset(replace(dataset_info(), fingerprint="f", images=50))
    session.set_points(replace(session.points, kl=None))
    box.setCurrentIndex(box.findData("elbo"))
    assert "autoencoder has no ELBO" in parts.button.toolTip().replace("\n", " ")


@pytest.mark.parametrize(
    ("lacks", "reason"),
    [
        (Capabilities(has_encoder=False), "it has no encoder"),
        (Capabilities(has_likelihood=False), "its likelihood is not known"),
    ],
)
def test_images_are_not_ranked_by_a_bound_that_the_model_does_not_have(parts, session, lacks, reason):
    session.set_model(model_info(capabilities=lacks), 2, is_new_model=True)
    session.set_points(replace(some_points(version=2), fingerprint="f"))
    session.set_dataset(replace(dataset_info(), fingerprint="f", images=50))
    box = parts.part(QComboBox, "chooseRank")
    for by in ("distortion", "elbo", "distance"):
        box.setCurrentIndex(box.findData(by))
        assert parts.button.isEnabled() == (by == "distance")
        assert by == "distance" or reason in parts.button.toolTip().replace("\n", " ")


def test_without_images_nothing_can_be_chosen(parts, session):
    session.set_dataset(None)
    session.set_model(model_info(source="other"), 2, is_new_model=True)
    assert not parts.part(QLineEdit, "chooseSearch").isEnabled()
    assert not parts.part(QComboBox, "chooseClass").isEnabled()
