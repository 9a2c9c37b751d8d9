"""Directions are found by the worker, become sliders and axes, and are moved along."""

from __future__ import annotations

import shlex
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QToolButton

from latentlab.config import DataConfig
from latentlab.config.info import DatasetInfo
from latentlab.config.layout import LatentLayout, Level
from latentlab.controllers.board import BoardController
from latentlab.controllers.board_menu import BoardMenuController
from latentlab.controllers.directions import BY_PLACE, DirectionController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.selection import SelectionController
from latentlab.engine.protocol.messages import (
    DirectionFound,
    ExportSelection,
    Failed,
    FindDirection,
    ImageEncoded,
    SelectionExported,
)
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.direction_dialog import AnalogyDialog
from latentlab.gui.widgets.latent_slider import LatentSlider
from latentlab.state.board import BoardItem, Direction, DirectionQuery, Latent, Path
from latentlab.state.board_entries import entries_of, items_of
from latentlab.state.map_axes import AxesChoice, direction_axis
from latentlab.state.map_state import resolve
from latentlab.state.selection import Selection
from latentlab.storage.session_file import SessionFile, read_session, write_session
from tests.controllers.conftest import model_info, some_points

VECTOR = np.array([2, 0, 0], np.float32)
DATASET = DatasetInfo("photos", "photos", 10, (1, 8, 8), (), (), 9, 1, (), 0, DataConfig(), 640)
SCORES = {"cohens_d": 3.1, "random_cohens_d": 0.0, "random_spread": 0.1, "p_value": 0.02, "accuracy": 0.95}


@pytest.fixture
def parts(qtbot, session, engine, undo, activity):
    latent_map = LatentMap()
    window = MainWindow(latent_map)
    qtbot.addWidget(window)
    explore = ExploreController(session, undo, latent_map, window.latent_sliders, window)
    selection = SelectionController(session, undo, latent_map, activity, window)
    board = BoardController(session, engine, undo, window.board, window.actions_, activity, window)
    sliders = window.latent_sliders.directions
    directions = DirectionController(session, engine, undo, board, explore, sliders, activity, window, window)
    menu = BoardMenuController(session, undo, board, directions, selection, explore, window, window)
    session.set_model(model_info(3), 1, is_new_model=True)
    points = replace(
        some_points(3), classes=("a", "b"), columns={"size": np.arange(50.0), "name": np.array(["x"] * 50)}
    )
    session.set_points(points)
    yield SimpleNamespace(window=window, board=session.board, directions=directions, menu=menu, sliders=sliders)
    window.allow_close()


def kept(parts, content, name="Smile", size=3, **changes) -> BoardItem:
    item = BoardItem(name, content, "how", "m.safetensors", size, **changes)
    parts.board.set_items(parts.board.with_added(item))
    return item


def smile(origin=(1, 0, 0), **changes) -> Direction:
    return Direction(VECTOR, np.array(origin, np.float32), **changes)


def plain(action) -> str:
    """The text of an action without the keys behind it."""
    return action.text().partition("\t")[0]


def act(parts, item, text: str):
    """Trigger an entry of an item's menu."""
    menu = parts.menu.menu([item.id])
    (action,) = [action for action in menu.actions() if plain(action) == text]
    assert action.isEnabled(), action.toolTip()
    action.trigger()
    menu.deleteLater()


def reasons(parts, item) -> dict[str, str]:
    menu = parts.menu.menu([item.id])
    found = {
        plain(action): "" if action.isEnabled() else action.toolTip().replace("\n", " ")
        for action in menu.actions()
        if not action.isSeparator()
    }
    menu.deleteLater()
    return found


# --- finding ------------------------------------------------------------------------------------------------


def test_a_direction_between_two_classes_is_asked_for_and_kept_with_its_score(parts, engine, undo, activity):
    parts.directions.find("classes", "class:0", "class:1")
    request = engine.last(FindDirection)
    assert (request.a.label, request.b.label) == (0, 1)
    assert "Finding the direction a − b" in activity.shown.text
    engine.directionFound.emit(DirectionFound(request.generation, 1, VECTOR, VECTOR / 2, SCORES, (30, 20), shared=2))
    (item,) = parts.board.items
    assert (item.name, item.kind, item.latent_dim) == ("a − b", "direction", 3)
    assert item.provenance == "from b to a in m, 20 and 30 images (2 in both left out)"
    assert item.content.verdict.startswith("separates well: d = 3.1")
    assert "separates well" in activity.shown.text
    undo.undo()
    assert parts.board.items == ()


def test_a_direction_of_another_model_is_marked_and_found_again_or_taken_knowingly(parts, session, engine, undo):
    parts.directions.find("classes", "class:0", "class:1")
    request = engine.last(FindDirection)
    engine.directionFound.emit(DirectionFound(request.generation, 1, VECTOR, VECTOR, SCORES, (30, 20)))
    (item,) = parts.board.items
    parts.directions.set_slider(item.id, True)
    parts.directions.show_on_axis(item.id, "x")
    asked = len(engine.asked)
    session.set_model(model_info(3, name="n", source="runs/n"), 2, is_new_model=True)
    (row,) = parts.window.board.rows()
    assert row.detail == "of m.safetensors, not of the model on screen"
    assert "found in m.safetensors" in row.reason
    assert session.axes == AxesChoice("z1", "z2")
    session.set_axes(AxesChoice(direction_axis(item.id), "z2"))  # as undo does
    assert session.axes == AxesChoice("z1", "z2")
    assert parts.sliders.isHidden()
    assert len(engine.asked) == asked  # its picture stays
    assert "not encoded" in reasons(parts, item)["Find again in the model on screen"]
    session.set_points(replace(some_points(3, version=2), classes=("a", "b")))
    act(parts, item, "Use its vector in the model on screen, without scores")
    copy = parts.board.items[1]
    assert (copy.model, copy.content.score) == ("runs/n", None)
    undo.undo()
    act(parts, item, "Find again in the model on screen")
    request = engine.last(FindDirection)
    engine.directionFound.emit(DirectionFound(request.generation, 2, -VECTOR, VECTOR, {"cohens_d": 0.9}, (30, 20)))
    (again,) = parts.board.items
    assert (again.id, again.name, again.model) == (item.id, item.name, "runs/n")
    assert again.content.vector[0] == -2
    assert parts.window.board.rows()[0].reason == ""


def found_direction(parts, engine, towards="class:0", away="class:1", kind="classes") -> BoardItem:
    parts.directions.find(kind, towards, away)
    request = engine.last(FindDirection)
    engine.directionFound.emit(DirectionFound(request.generation, 1, VECTOR, VECTOR, SCORES, (30, 20)))
    return parts.board.items[-1]


@pytest.fixture
def saved_again(tmp_path):
    """Writes the Board into a session file and reads it again."""

    def save(items):
        entries, left_out = entries_of(items)
        assert left_out == ()
        write_session(tmp_path / "s.latentlab.json", SessionFile(board=entries))
        return items_of(read_session(tmp_path / "s.latentlab.json").board)

    return save


def test_a_direction_of_a_saved_session_is_found_again_in_another_model(parts, session, engine, saved_again):
    session.set_selection(Selection(np.array([1, 4, 30]), ""))
    by_class = found_direction(parts, engine)
    by_hand = found_direction(parts, engine, "selected", "others", "selections")
    parts.board.set_items(saved_again([by_class, by_hand]))
    session.set_model(model_info(3, source="runs/n"), 2, is_new_model=True)
    session.set_points(replace(some_points(3, version=2), classes=("a", "b")))
    act(parts, parts.board.items[0], "Find again in the model on screen")
    request = engine.last(FindDirection)
    assert (request.a.label, request.b.label) == (0, 1)
    act(parts, parts.board.items[1], "Find again in the model on screen")
    request = engine.last(FindDirection)
    assert (request.a.images.tolist(), request.b.images.tolist(), request.b.are_others) == ([1, 4, 30],) * 2 + (True,)
    engine.directionFound.emit(DirectionFound(request.generation, 2, -VECTOR, VECTOR, SCORES, (30, 20)))
    assert parts.board.items[1].id == by_hand.id
    assert parts.board.items[1].content.vector[0] == -2


def test_a_moved_model_is_known_by_its_weights_and_changed_weights_are_said(parts, session, engine):
    session.set_model(model_info(3, sha256="aa"), 1, is_new_model=True)
    session.set_points(replace(some_points(3), classes=("a", "b")))
    item = found_direction(parts, engine)
    assert item.weights == "aa"
    session.set_model(model_info(3, source="moved.safetensors", sha256="aa"), 2, is_new_model=True)
    assert parts.window.board.rows()[0].reason == ""
    session.set_model(model_info(3, sha256="bb"), 3, is_new_model=True)
    session.set_points(replace(some_points(3, version=3), classes=("a", "b")))
    assert parts.window.board.rows()[0].detail.endswith("with earlier weights of the model")
    act(parts, item, "Find again in the model's present weights")
    request = engine.last(FindDirection)
    engine.directionFound.emit(DirectionFound(request.generation, 3, VECTOR, VECTOR, SCORES, (30, 20)))
    assert parts.board.items[0].weights == "bb"
    assert "earlier weights" not in parts.window.board.rows()[0].detail


def test_the_command_that_finds_a_direction_is_copied(parts, session, engine, qtbot):
    item = found_direction(parts, engine)
    assert "open the images" in reasons(parts, item)["Copy as command"]
    session.set_dataset(replace(DATASET, source="/photos", images=50))
    act(parts, item, "Copy as command")
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:2] == ["latentlab", "direction"]
    assert words[3:] == ["/photos", "--from", "b", "--to", "a", "--out", "a-b.npz"]
    act(parts, found_direction(parts, engine, "column:size", None, "column"), "Copy as command")
    assert "--column size" in QGuiApplication.clipboard().text()
    session.set_run_state("running")
    assert "in no file yet" in reasons(parts, item)["Copy as command"]


def test_the_command_between_chosen_images_is_copied_when_their_tables_are_written(parts, session, engine, qtbot):
    session.set_dataset(replace(DATASET, source="/photos", images=50))
    session.set_selection(Selection(np.array([1, 4, 30]), ""))
    item = found_direction(parts, engine, "selected", "others", "selections")
    QGuiApplication.clipboard().setText("before")
    act(parts, item, "Copy as command")
    away, towards = [request for request in engine.asked if isinstance(request, ExportSelection)]
    assert towards.images.tolist() == [1, 4, 30]
    assert away.images.tolist() == [each for each in range(50) if each not in (1, 4, 30)]
    engine.selectionExported.emit(SelectionExported(towards.path, ""))
    assert QGuiApplication.clipboard().text() == "before"
    engine.selectionExported.emit(SelectionExported(away.path, ""))
    command = QGuiApplication.clipboard().text()
    assert f"--from-list {shlex.quote(away.path)} --to-list {shlex.quote(towards.path)}" in command


def test_a_component_and_an_orthogonal_part_have_no_command(parts, session, engine):
    component = found_direction(parts, engine, "pc:0", None, "component")
    assert "neither" in reasons(parts, component)["Copy as command"]
    part = kept(parts, replace(smile(), query=DirectionQuery("from b to a", "", against=VECTOR[None])))
    assert "orthogonal" in reasons(parts, part)["Copy as command"]


def test_the_dialog_offers_what_there_is_and_says_why_not(parts, session, engine, qtbot):
    chosen = Selection(np.array([1, 2]), "", "lasso")
    kept(parts, chosen, "Few", 0)
    session.set_selection(Selection(np.array([4]), ""))
    dialog = parts.directions.choose()
    kind, towards, away = (
        dialog.findChild(QComboBox, name) for name in ("directionKind", "directionTowards", "directionAway")
    )
    texts = [towards.itemText(index) for index in range(towards.count())]
    assert texts == ["the selected images", "Few"]
    assert away.itemText(away.count() - 1) == "all other images"
    away.setCurrentIndex(away.count() - 1)
    dialog.findChild(QPushButton, "findDirection").click()
    request = engine.last(FindDirection)
    assert (request.a.images.tolist(), request.b.images.tolist(), request.b.are_others) == ([4], [4], True)
    kinds = {each.name: each for each in parts.directions.kinds()}
    assert [value for _, value in kinds["column"].towards] == ["column:size"]
    assert kind.count() == len(kinds)
    session.set_points(replace(some_points(3), classes=(), columns={}))
    kinds = {each.name: each for each in parts.directions.kinds()}
    assert "no classes" in kinds["classes"].reason
    assert "no columns" in kinds["column"].reason


def test_selections_within_each_other_cannot_be_found_between_and_are_not_offered_first(parts, session):
    for name, images in (("Same", [1, 2]), ("More", [1, 2, 3]), ("Apart", [2, 7])):
        kept(parts, Selection(np.array(images), some_points(3).fingerprint), name, 0)
    session.set_selection(Selection(np.array([1, 2]), some_points(3).fingerprint))
    dialog = parts.directions.choose()
    away = dialog.findChild(QComboBox, "directionAway")
    find, reason = dialog.findChild(QPushButton, "findDirection"), dialog.findChild(QLabel, "directionReason")
    assert (away.currentText(), find.isEnabled()) == ("Apart", True)
    for name, why in (("Same", "both are the same images"), ("More", "all images of one are in the other")):
        away.setCurrentText(name)
        assert not find.isEnabled()
        assert why in reason.text()
    away.setCurrentText("all other images")
    assert find.isEnabled()
    assert "held out" in reason.text()
    dialog.reject()


def test_of_groups_drawn_on_the_map_it_is_said_that_their_score_is_by_construction(parts, session, engine, activity):
    kept(parts, Selection(np.array([1, 2]), "", "box"), "Drawn", 0)
    kept(parts, Selection(np.array([5, 6]), "", "class a"), "Named", 0)
    kept(parts, Selection(np.array([8, 9]), "", "size ≥ 3"), "Large", 0)
    dialog = parts.directions.choose("selections")
    towards, away = (dialog.findChild(QComboBox, name) for name in ("directionTowards", "directionAway"))
    reason = dialog.findChild(QLabel, "directionReason")
    for both, is_said in ((("Drawn", "Named"), True), (("Named", "Large"), False), (("Named", "Drawn"), True)):
        towards.setCurrentText(both[0])
        away.setCurrentText(both[1])
        assert ("Chosen by their place on the map: the score says only" in reason.text()) == is_said
    dialog.findChild(QPushButton, "findDirection").click()
    generation = engine.last(FindDirection).generation
    engine.directionFound.emit(DirectionFound(generation, 1, VECTOR, VECTOR / 2, SCORES, (2, 2)))
    assert activity.shown.text.endswith(
        "(chosen by their place on the map: the score says only that they are apart there)"
    )
    item = parts.board.items[-1]
    assert item.provenance == f"from Drawn to Named in m, 2 and 2 images; {BY_PLACE}"
    parts.directions.find_again(item)
    engine.directionFound.emit(DirectionFound(engine.last(FindDirection).generation, 1, VECTOR, VECTOR, SCORES, (2, 2)))
    assert parts.board.items[-1].provenance.endswith(BY_PLACE)
    session.set_model(model_info(3, source="another"), 2, is_new_model=True)
    session.set_points(replace(session.points or some_points(3), classes=("a", "b"), model_version=2))
    parts.directions.find_again(parts.board.items[-1])
    engine.directionFound.emit(DirectionFound(engine.last(FindDirection).generation, 2, VECTOR, VECTOR, SCORES, (2, 2)))
    assert "chosen by" not in parts.board.items[-1].provenance, "there they are not apart by construction"


def test_the_same_group_cannot_be_on_both_sides(parts):
    dialog = parts.directions.choose("classes", "class:0", "class:1")
    find = dialog.findChild(QPushButton, "findDirection")
    assert find.isEnabled()
    dialog.findChild(QComboBox, "directionAway").setCurrentIndex(0)
    assert not find.isEnabled()
    dialog.reject()


def test_a_column_and_a_component_have_their_own_ends(parts, engine):
    parts.directions.find("column", "column:size")
    request = engine.last(FindDirection)
    assert request.column == "size"
    engine.directionFound.emit(DirectionFound(request.generation, 1, VECTOR, VECTOR, {"r2": 0.5} | SCORES, (25, 25)))
    parts.directions.find("component", "pc:1")
    request = engine.last(FindDirection)
    np.testing.assert_array_equal(request.component, [0, 1, 0])
    engine.directionFound.emit(DirectionFound(request.generation, 1, VECTOR, VECTOR, {"explained": 0.3}, (50, 0)))
    column, component = parts.board.items
    assert (column.name, column.content.reach, column.content.r2) == ("size", 2.0, 0.5)
    assert (component.name, component.content.verdict) == ("PC 2", "30% of the variance")


def test_a_direction_between_two_latents_needs_no_worker(parts, session, engine):
    session.set_latent([1, 1, 1])
    item = kept(parts, Latent(np.array([3, 1, 1], np.float32)), "Other")
    act(parts, item, "Direction from here to it")
    found = parts.board.items[-1]
    assert found.content.vector.tolist() == [2, 0, 0]
    assert found.content.origin.tolist() == [2, 1, 1]
    assert found.content.verdict == "not scored"
    assert engine.count(FindDirection) == 0


def test_a_failure_or_another_model_keeps_nothing(parts, session, engine, activity):
    parts.directions.find("classes", "class:0", "class:1")
    engine.failed.emit(Failed("FindDirection", "the two groups have the same mean"))
    assert "Finding" not in activity.shown.text
    parts.directions.find("classes", "class:0", "class:1")
    request = engine.last(FindDirection)
    session.set_model(model_info(3), 5, is_new_model=True)
    engine.directionFound.emit(DirectionFound(request.generation, 1, VECTOR, VECTOR, SCORES, (30, 20)))
    assert parts.board.items == ()


# --- sliders ------------------------------------------------------------------------------------------------


def test_enter_makes_a_slider_whose_drag_moves_the_latent_along_the_direction_in_one_step(parts, session, undo):
    item = kept(parts, smile())
    parts.window.board.activated.emit(item.id)
    slider = parts.sliders.findChild(LatentSlider, "directionSlider0")
    session.set_latent([1, 5, 7])
    assert slider.value() == 0
    before = undo.count()
    for value in (0.2, 0.4, 0.5):
        parts.sliders.valueEdited.emit(item.id, value, 9)
    assert session.latent.tolist() == [2, 5, 7]
    assert slider.value() == pytest.approx(0.5)
    assert undo.count() == before + 1
    undo.undo()
    assert (session.latent.tolist(), slider.value()) == ([1, 5, 7], 0)
    undo.undo()
    assert not parts.board.items[0].has_slider
    assert parts.sliders.findChild(LatentSlider, "directionSlider0") is None or parts.sliders.isHidden()


def test_the_sliders_show_where_the_latent_is_and_are_removed_by_their_button(parts, session):
    item = kept(parts, smile(), has_slider=True)
    session.set_latent([3, 0, 0])
    assert parts.sliders.findChild(LatentSlider, "directionSlider0").value() == 1
    parts.sliders.findChild(QToolButton, "directionRemove0").click()
    assert not parts.board.item(item.id).has_slider
    assert parts.sliders.isHidden()


def test_categories_have_no_sliders_of_directions_and_say_why(parts, session):
    vector = np.eye(6, dtype=np.float32)[0]
    item = kept(parts, Direction(vector, vector), size=6, has_slider=True)
    layout = LatentLayout("categories", (Level("", 0, 6),), categories=3)
    session.set_model(model_info(6, layout=layout), 2, is_new_model=True)
    assert parts.sliders.isHidden()
    found = reasons(parts, item)
    assert "between two of them there is nothing" in found["Slider"]
    assert found["Show on the map's x axis"] == ""


# --- axes ---------------------------------------------------------------------------------------------------


def test_a_key_puts_a_direction_on_an_axis_of_the_map_and_undo_takes_it_off(parts, session, undo):
    item = kept(parts, Direction(np.array([1, 1, 0], np.float32), np.zeros(3, np.float32)))
    parts.window.board.axisRequested.emit(item.id, "x")
    assert session.axes == AxesChoice(f"d:{item.id}", "z2")
    state = resolve(session)
    assert state.axis_names == ("Smile", "z₂ ⟂")
    np.testing.assert_allclose(state.plane.x, [0.5**0.5, 0.5**0.5, 0], atol=1e-6)
    np.testing.assert_allclose(state.plane.y, [-(0.5**0.5), 0.5**0.5, 0], atol=1e-6)
    parts.window.board.axisRequested.emit(item.id, "y")
    assert session.axes == AxesChoice("z2", f"d:{item.id}")
    undo.undo()
    undo.undo()
    assert session.axes == AxesChoice("z1", "z2")


def test_the_posterior_on_directions_is_its_marginal_on_the_plane(parts, session):
    item = kept(parts, Direction(np.array([1, 1, 0], np.float32), np.zeros(3, np.float32)))
    session.set_axes(AxesChoice(f"d:{item.id}", "z3"))
    std = np.array([1, 2, 3], np.float32)
    image = np.zeros((8, 8), np.uint8)
    session.set_encoded_image(ImageEncoded(1, "x.png", session.latent, std, image, image, 0.0, 0.0))
    mean, covariance = resolve(session).posterior
    np.testing.assert_allclose(mean, [0, 0], atol=1e-6)
    np.testing.assert_allclose(covariance, [[2.5, 0], [0, 9]], atol=1e-5)


# --- the menu -----------------------------------------------------------------------------------------------


def test_moves_along_a_direction(parts, session):
    item = kept(parts, smile())
    session.set_latent([0, 4, 0])
    act(parts, item, "Go to its end")
    assert session.latent.tolist() == [2, 4, 0]
    act(parts, item, "Go to its beginning")
    assert session.latent.tolist() == [0, 4, 0]
    act(parts, item, "Path along it")
    assert session.path.tolist() == [[-2, 4, 0], [2, 4, 0]]


def test_a_direction_is_applied_to_the_opened_image_in_one_step(parts, session, undo):
    item = kept(parts, smile())
    assert "open an image first" in reasons(parts, item)["Apply to the opened image"]
    mean, image = np.array([0.5, 1, 2], np.float32), np.zeros((8, 8), np.uint8)
    session.set_encoded_image(ImageEncoded(1, "x.png", mean, mean, image, image, 0.0, 0.0))
    act(parts, item, "Apply to the opened image")
    np.testing.assert_allclose(session.latent, mean + VECTOR)
    parts.sliders.valueEdited.emit(item.id, parts.board.item(item.id).content.coordinate(mean) - 1.5, 3)
    np.testing.assert_allclose(session.latent, mean - 1.5 * VECTOR, atol=1e-6)
    undo.undo()
    undo.undo()
    assert (session.latent.tolist(), parts.board.item(item.id).has_slider) == ([0, 0, 0], False)


def test_a_direction_is_applied_to_the_latent_of_a_picked_image_in_one_step(parts, session, undo):
    item = kept(parts, smile())
    session.set_latent([0.5, 1, 2])
    act(parts, item, "Apply to the latent shown")
    np.testing.assert_allclose(session.latent, np.array([0.5, 1, 2]) + VECTOR)
    assert parts.board.item(item.id).has_slider
    undo.undo()
    assert (session.latent.tolist(), parts.board.item(item.id).has_slider) == ([0.5, 1, 2], False)


@pytest.mark.parametrize(("images", "name"), [([1, 2, 3], "Lasso 2"), ([1, 2], "the selected images")])
def test_a_direction_of_the_selected_images_has_the_name_they_were_kept_by(parts, session, engine, images, name):
    kept(parts, Selection(np.array([1, 2, 3])), "Lasso 2")
    session.set_selection(Selection(np.array(images)))
    parts.directions.find("selections", "selected", "others")
    request = engine.last(FindDirection)
    engine.directionFound.emit(DirectionFound(request.generation, 1, VECTOR, VECTOR, SCORES, (3, 47)))
    assert parts.board.items[-1].name == f"{name} − others"


def test_a_flipped_direction_swaps_its_name_and_an_orthogonal_part_is_kept_beside(parts):
    item = kept(parts, Direction(np.array([1, 1, 0], np.float32), np.zeros(3, np.float32), score=2.0), "a − b")
    act(parts, item, "Flip")
    flipped = parts.board.item(item.id)
    assert (flipped.name, flipped.content.vector.tolist(), flipped.content.score) == ("b − a", [-1, -1, 0], 2.0)
    assert "no other direction" in reasons(parts, item)["Keep the part orthogonal to the others"]
    kept(parts, smile(), "c")
    act(parts, item, "Keep the part orthogonal to the others")
    part = parts.board.items[-1]
    np.testing.assert_allclose(part.content.vector, [0, -1, 0], atol=1e-6)
    assert part.content.score is None


def test_latents_are_gone_to_and_joined_by_paths(parts, session, undo):
    item = kept(parts, Latent(np.array([1, 2, 3], np.float32)), "There")
    act(parts, item, "Path from here to it")
    assert session.path.tolist() == [[0, 0, 0], [1, 2, 3]]
    act(parts, item, "Add to the path")
    assert len(session.path) == 3
    parts.window.board.activated.emit(item.id)
    assert session.latent.tolist() == [1, 2, 3]
    for _ in range(3):
        undo.undo()
    assert session.path is None


def test_three_latents_make_an_analogy(parts, session):
    items = [kept(parts, Latent(np.eye(3, dtype=np.float32)[index]), str(index)) for index in range(3)]
    menu = parts.menu.menu([item.id for item in items])
    (action,) = [each for each in menu.actions() if plain(each) == "a − b + c…"]
    action.trigger()
    menu.deleteLater()
    dialog = parts.window.findChild(AnalogyDialog)
    dialog.findChild(QPushButton, "goToAnalogy").click()
    assert session.latent.tolist() == [1, -1, 1]


def test_a_selection_is_selected_again_added_and_taken_away(parts, session):
    item = kept(parts, Selection(np.array([3, 4]), ""), "Few", 0)
    parts.window.board.activated.emit(item.id)
    assert session.selection.images.tolist() == [3, 4]
    session.set_selection(Selection(np.array([4, 5]), ""))
    act(parts, item, "Take away from the selection")
    assert session.selection.images.tolist() == [5]
    act(parts, item, "Add to the selection")
    assert session.selection.images.tolist() == [3, 4, 5]
    trained = []
    parts.menu.train_on = trained.append
    assert "open its images first" in reasons(parts, item)["Train on these images"]
    session.set_dataset(replace(DATASET, fingerprint=""))
    act(parts, item, "Train on these images")
    assert trained == [item.content]


def test_a_closed_path_is_shown_with_its_last_stretch(parts, session):
    waypoints = np.arange(6, dtype=np.float32).reshape(2, 3)
    item = kept(parts, Path(waypoints, is_closed=True), "Loop")
    parts.window.board.activated.emit(item.id)
    assert session.path.tolist() == waypoints.tolist()
    assert session.path_style.is_closed


def test_what_cannot_be_used_has_only_entries_that_do_not_use_it(parts):
    item = kept(parts, smile(), size=5)
    found = reasons(parts, item)
    assert found.pop("Rename") == found.pop("Remove Smile") == ""
    assert found
    assert all("5 dimensions" in reason for reason in found.values())


def test_several_latents_make_a_path_in_the_order_of_the_board(parts, session):
    items = [kept(parts, Latent(np.eye(3, dtype=np.float32)[index]), str(index)) for index in range(3)]
    menu = parts.menu.menu([items[2].id, items[0].id])
    next(action for action in menu.actions() if plain(action) == "Path through them").trigger()
    menu.deleteLater()
    assert session.path.tolist() == [[1, 0, 0], [0, 0, 1]]
    other = kept(parts, Latent(np.ones(5, np.float32)), "other", 5)
    menu = parts.menu.menu([items[0].id, other.id])
    assert not any(action.isEnabled() for action in menu.actions() if plain(action) == "Path through them")
    menu.deleteLater()


def test_of_several_directions_the_current_one_is_made_orthogonal_to_the_others(parts):
    items = [
        kept(parts, Direction(np.array(vector, np.float32), np.zeros(3, np.float32)), name)
        for name, vector in (("a", (1, 1, 1)), ("b", (1, 0, 0)), ("c", (0, 1, 0)))
    ]
    parts.window.board.select([items[0].id, items[1].id])
    menu = parts.menu.menu([items[0].id, items[1].id])
    next(action for action in menu.actions() if plain(action).startswith("Keep the part of a")).trigger()
    menu.deleteLater()
    np.testing.assert_allclose(parts.board.items[-1].content.vector, [0, 1, 1], atol=1e-6)


def test_a_long_name_is_cut_on_an_axis(parts, session):
    item = kept(parts, smile(), "x" * 100)
    session.set_axes(AxesChoice(f"d:{item.id}", "z2"))
    assert len(resolve(session).axis_names[0]) == 32


def test_a_direction_that_was_found_is_found_anew_orthogonal_to_another_and_scored(parts, engine):
    parts.directions.find("classes", "class:0", "class:1")
    request = engine.last(FindDirection)
    engine.directionFound.emit(DirectionFound(request.generation, 1, VECTOR, VECTOR, SCORES, (30, 20)))
    found = parts.board.items[0]
    other = kept(parts, Direction(np.array([0, 1, 0], np.float32), np.zeros(3, np.float32)), "c")
    act(parts, found, "Keep the part orthogonal to the others")
    request = engine.last(FindDirection)
    assert (request.a.label, request.b.label, request.against.tolist()) == (0, 1, [[0, 1, 0]])
    engine.directionFound.emit(DirectionFound(request.generation, 1, VECTOR, VECTOR, SCORES, (30, 20)))
    part = parts.board.items[-1]
    assert (part.name, part.content.score) == (f"a − b ⟂ {other.name}", 3.1)
    assert part.provenance.startswith("from b to a, orthogonal to c in m")
