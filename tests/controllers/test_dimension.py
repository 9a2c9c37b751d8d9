"""The view of what a dimension does, and names of dimensions, which are shown wherever one is named."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton, QWidget

from latentlab.controllers.dimension import DimensionController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.latent_map import MapController
from latentlab.controllers.model import ModelController
from latentlab.engine.protocol.messages import Correlation, DescribeDimension, DimensionDescribed
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.dimension_view import DimensionView
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.panels.model import ModelPanel
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.image_strip import ImageStrip
from tests.controllers.conftest import model_info, some_points


class Parts:
    def __init__(self, qtbot, session, engine, undo) -> None:
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.sliders, self.map, self.panel = LatentSliders(self.window), LatentMap(self.window), ModelPanel(self.window)
        ExploreController(session, undo, self.map, self.sliders, self.window)
        self.controller = DimensionController(session, engine, undo, self.sliders, self.window, self.window)
        MapController(session, engine, self.map, self.window)
        ModelController(session, engine, undo, self.panel, self.window)

    def find(self, kind: type, name: str):
        return self.window.findChild(kind, name)

    @property
    def view(self) -> DimensionView:
        return self.find(DimensionView, "dimensionView")


@pytest.fixture
def parts(qtbot, session, engine, undo):
    parts = Parts(qtbot, session, engine, undo)
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(some_points(3))
    yield parts
    if parts.view is not None:
        parts.view.close()


def answer(request: DescribeDimension, correlations=()) -> DimensionDescribed:
    latents = np.repeat(request.z[None], len(request.values), axis=0)
    latents[:, request.dimension] = request.values
    change = np.linspace(-0.5, 0.25, 64).reshape(8, 8).astype(np.float32)
    images = np.zeros((len(latents), 8, 8), np.uint8)
    return DimensionDescribed(
        request.generation, 1, request.dimension, images, latents, change, np.abs(change), 48, tuple(correlations)
    )


def test_a_click_on_a_name_describes_its_dimension(parts, session, engine):
    session.set_latent([0, 0, 0.7])
    parts.find(QPushButton, "latentName2").click()
    request = engine.last(DescribeDimension)
    assert (request.dimension, request.z.tolist()) == (2, pytest.approx([0, 0, 0.7]))
    engine.dimensionDescribed.emit(
        answer(
            request,
            [
                Correlation("<b>tilt</b>", -0.83, True),
                Correlation("class", 0.2, False, (("seven", 1.25),), (("<i>", -2.0),)),
            ],
        )
    )
    texts = [each.text() for each in parts.view.findChildren(QLabel)]
    assert "z₃" in texts
    assert "1.00 nat" in texts
    assert "at this latent, ± 0.50 per unit" in texts
    assert "mean of 48 encoded images, up to 0.50 per unit" in texts
    assert {"<b>tilt</b>", "r = −0.83", "class", "η = 0.20"} <= set(texts)
    lines = [each.text() for each in parts.view.findChildren(ElidedLabel)]
    assert lines == ["η² = 4% of its variance", "high: seven (1.2)", "low: <i> (−2.0)"]
    picked = []
    parts.controller.latentPicked.connect(picked.append)
    parts.find(ImageStrip, "dimensionStrip").tileChosen.emit(0, 8)
    assert picked[0].tolist() == pytest.approx([0, 0, 3])


def test_the_description_follows_the_latent_while_the_view_is_open(qtbot, parts, session, engine):
    parts.find(QPushButton, "latentName1").click()
    before = engine.count(DescribeDimension)
    for value in (0.1, 0.2, 0.3):
        session.set_latent([value, 0, 0])
    qtbot.waitUntil(lambda: engine.count(DescribeDimension) > before)
    assert engine.count(DescribeDimension) == before + 1
    assert engine.last(DescribeDimension).z[0] == pytest.approx(0.3)
    parts.view.close()
    session.set_latent([0.5, 0, 0])
    session.set_points(some_points(3))
    qtbot.wait(1)
    assert engine.count(DescribeDimension) == before + 1


def test_an_answer_about_another_dimension_is_not_shown(parts, engine):
    parts.find(QPushButton, "latentName1").click()
    old = engine.last(DescribeDimension)
    parts.find(QPushButton, "latentName2").click()
    engine.dimensionDescribed.emit(answer(old))
    assert parts.find(QLabel, "dimensionChangeCaption").text() == ""


def test_a_name_is_shown_everywhere_and_can_be_undone(parts, session, undo):
    parts.find(QPushButton, "latentName1").click()
    edit, view = parts.find(QLineEdit, "dimensionName"), parts.map.view()
    edit.insert("tilt & turn")
    edit.editingFinished.emit()
    assert session.names == {1: "tilt & turn"}
    assert parts.map.axis_names() == ("z₁", "z₂ tilt & turn")
    assert parts.find(QComboBox, "yAxis").currentText() == "z₂ tilt & turn"
    assert "z₂ tilt & turn" in parts.find(QPushButton, "latentName1").toolTip()
    assert parts.map.view() == view, "another name does not move the map"
    undo.undo()
    assert session.names == {}
    assert edit.text() == ""
    assert parts.map.axis_names() == ("z₁", "z₂")
    undo.redo()
    assert session.names == {1: "tilt & turn"}


def test_names_belong_to_their_model_and_come_back_with_it(parts, session):
    session.dimension_names.set_name("m.safetensors", 0, "size")
    session.set_model(model_info(3, source="other.safetensors"), 2, is_new_model=True)
    assert session.names == {}
    assert parts.map.axis_names()[0] == "z₁"
    session.set_model(model_info(3), 3, is_new_model=True)
    assert session.names == {0: "size"}
    assert parts.map.axis_names()[0] == "z₁ size"


def test_another_model_closes_the_view(parts, session):
    parts.find(QPushButton, "latentName2").click()
    assert parts.view.isVisible()
    session.set_model(model_info(2), 2, is_new_model=True)
    assert not parts.view.isVisible()
