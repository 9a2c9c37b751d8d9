"""The encoded points: coloured by a column, whose categories keep their names and whose values become steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from latentlab.controllers.encoded_points import COLOUR_STEPS, colours_of_column
from latentlab.controllers.latent_map import MapController
from latentlab.controllers.model import ModelController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.model import ModelPanel
from latentlab.state.board import BoardItem, Direction
from latentlab.state.map_axes import AxesChoice
from tests.controllers.conftest import model_info, some_points


def test_text_becomes_categories_and_empty_text_has_none():
    found = colours_of_column(np.array(["cat", "", "dog", "cat"]))
    assert [found.names[label] if label >= 0 else None for label in found.labels] == ["cat", None, "dog", "cat"]
    assert not found.is_ordered


def test_few_distinct_numbers_are_ordered_categories():
    found = colours_of_column(np.array([3.0, 1.0, np.nan, 2.0]))
    assert found.labels.tolist() == [2, 0, -1, 1]
    assert found.names == ("1", "2", "3")
    assert found.is_ordered


def test_many_numbers_become_even_steps_and_outliers_the_last_one():
    values = np.append(np.linspace(0, 1, 1000), 1e9)
    found = colours_of_column(values)
    assert found.is_ordered
    assert len(found.names) == COLOUR_STEPS
    assert (np.diff(found.labels) >= 0).all()
    assert np.bincount(found.labels).min() > 50


@pytest.fixture
def parts(qtbot, session, engine, undo):
    latent_map, panel = LatentMap(), ModelPanel()
    for widget in (latent_map, panel):
        qtbot.addWidget(widget)
    MapController(session, engine, latent_map, latent_map)
    ModelController(session, engine, undo, panel, panel)
    session.set_model(model_info(), 1, is_new_model=True)
    session.set_points(replace(some_points(), columns={"age": np.linspace(0, 80, 50)}))
    return latent_map, panel


def test_the_panel_offers_the_columns_and_the_map_is_coloured_by_the_chosen_one(parts, session, monkeypatch):
    latent_map, panel = parts
    drawn = []
    monkeypatch.setattr(
        latent_map, "set_points", lambda xy, labels, names, ordered, title, **_: drawn.append((names, ordered))
    )
    offered = panel.findChild(object, "colourBy")
    assert [offered.itemText(index) for index in range(offered.count())] == ["class", "age"]
    panel.colourByChosen.emit("age")
    panel.colourByChosen.emit("")
    assert len(drawn[0][0]) == COLOUR_STEPS
    assert drawn[0][1]
    assert drawn[1] == (("a",), False)


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (np.linspace(2021, 2023, 50), "2021.0 – 2021.2"),
        (np.linspace(0, 100, 50), "1"),
        (np.array([2021.0, 2021.5, 2021.75]), "2021"),
        (np.array([7.0, 7.0]), "7"),
    ],
)
def test_values_that_differ_are_written_so(values, first):
    names = colours_of_column(values).names
    assert len(set(names)) == len(names)
    assert names[0].startswith(first[:4].rstrip("0.") if "–" in first else first)


def test_points_are_drawn_on_the_directions_of_the_axes_and_again_when_one_is_flipped(parts, session):
    latent_map, _panel = parts
    unit = np.array([0.6, 0.8], np.float32)
    item = BoardItem("d", Direction(3 * unit, unit), latent_dim=2)
    session.board.set_items([item])
    session.set_axes(AxesChoice(f"d:{item.id}", "z1"))
    mean = session.points.mean
    drawn = latent_map.layer_stack.points.xy
    np.testing.assert_allclose(drawn[:, 0], mean @ unit, atol=1e-5)
    np.testing.assert_allclose(np.abs(drawn[:, 1]), np.abs(mean @ [0.8, -0.6]), atol=1e-5)
    session.board.set_items(session.board.with_replaced(item.id, content=item.content.flipped()))
    np.testing.assert_allclose(latent_map.layer_stack.points.xy[:, 0], -mean @ unit, atol=1e-5)
