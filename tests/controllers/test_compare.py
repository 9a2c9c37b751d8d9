"""A comparison: the second map, the linked latents, both images, the table; and how it is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolButton

from latentlab.controllers.compare import CompareController, figure_rows
from latentlab.controllers.compare_menu import CompareMenuController
from latentlab.controllers.explore import ExploreController
from latentlab.engine.protocol.messages import (
    BothDecoded,
    CloseComparison,
    ComparisonOpened,
    ComparisonProgress,
    DecodeBoth,
    DecodeOtherGrid,
    Failed,
    ModelFigures,
    OpenComparison,
    RunSnapshots,
    SnapshotRead,
    WorkerReady,
)
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.qimage import PixelView
from latentlab.latent import procrustes
from latentlab.state.map_axes import AxesChoice
from latentlab.state.map_state import STORED_PLANE
from tests.controllers.conftest import model_info, some_points

QUARTER_TURN = np.array([[0.0, 2.0], [-2.0, 0.0]], np.float32)


@pytest.fixture
def window(qtbot, session, engine):
    window = MainWindow(LatentMap())
    yield window
    window.allow_close()


@pytest.fixture
def compare(qtbot, window, session, engine, undo, activity) -> CompareController:
    """For a model of 2 dimensions with points."""
    sliders = LatentSliders()
    qtbot.addWidget(sliders)
    explore = ExploreController(session, undo, window.latent_map, sliders, window)
    compare = CompareController(session, engine, explore, window, activity, window)
    CompareMenuController(session, engine, compare, window, [("bundled:b", "Digits")], window)
    session.set_model(model_info(2), 1, is_new_model=True)
    session.set_points(replace(some_points(2), fingerprint="f", index=np.arange(50)))
    return compare


def figures(name: str, elbo: float | None = -5.0) -> ModelFigures:
    return ModelFigures(name, "vae", 2, 1234, elbo, 2.0, 3.0, 2, "9 images")


def answer(engine, session, latent_dim: int = 2, **changes) -> ComparisonOpened:
    """The worker has opened it: its latents are the first model's, turned by 90° and twice as large."""
    points = session.points
    others = replace(points, mean=(points.mean[:, :2] @ QUARTER_TURN)[:, :latent_dim].astype(np.float32))
    result = ComparisonOpened(
        engine.last(OpenComparison).generation,
        model_info(latent_dim, name="other", source="other"),
        others,
        None,
        procrustes(points.mean, others.mean),
        "",
        50,
        (figures("m"), figures("other")),
    )
    result = replace(result, **changes)
    engine.comparisonOpened.emit(result)
    return result


def both(engine, other_z, **changes) -> BothDecoded:
    request = engine.last(DecodeBoth)
    image, other = np.full((8, 8), 40, np.uint8), np.full((8, 8), 80, np.uint8)
    difference = np.full((8, 8, 3), 200, np.uint8)
    result = BothDecoded(
        request.generation, request.z, np.asarray(other_z, np.float32), image, other, difference, 0.125, -1,
        request.preview,
    )  # fmt: skip
    result = replace(result, **changes)
    engine.bothDecoded.emit(result)
    return result


def other_map(window) -> LatentMap:
    return window.findChild(LatentMap, "otherMap")


def test_a_second_map_appears_with_its_points_on_the_aligned_axes(compare, window, engine, session, activity):
    compare.open("other")
    assert "Opening" in activity.shown.text
    engine.comparisonProgress.emit(ComparisonProgress("Encoding"))
    assert activity.shown.text == "Encoding"
    answer(engine, session)
    assert window.findChild(ElidedLabel, "comparedName").text() == "other"
    shown = other_map(window).layer_stack.points.xy
    expected = 2 * session.points.mean  # turned back to the arrangement of the first map
    np.testing.assert_allclose(shown, expected, atol=1e-4)
    assert activity.shown.text == "Ready"


def test_each_latent_shown_is_decoded_by_both_models_and_marked_on_the_second_map(compare, window, engine, session):
    compare.open("other")
    answer(engine, session)
    session.set_preview(np.array([0.5, 0.5]))
    request = engine.last(DecodeBoth)
    assert (request.z.tolist(), request.other_z, request.preview) == ([0.5, 0.5], None, True)
    both(engine, [-1, 1], number=17)
    for name, grey in (("comparedImage", 40), ("otherImage", 80), ("imageDifference", 200)):
        assert window.findChild(PixelView, name).picture().pixelColor(0, 0).red() == grey
    assert window.findChild(QLabel, "compareNote").text() == "image 17 · mean difference 0.125"
    session.set_latent([1, 0])
    session.set_preview(None)
    both(engine, [0, 2])
    cursor = other_map(window).layer_stack.cursor
    assert not cursor.is_blank()


def test_pointing_at_the_second_map_shows_the_linked_latent_and_decodes_exactly_the_one_pointed_at(
    compare, window, engine, session
):
    compare.open("other")
    answer(engine, session)
    other_map(window).hovered.emit(np.array([1.0, 0.4]))
    np.testing.assert_allclose(session.preview, [0.5, 0.2], atol=1e-5)
    np.testing.assert_allclose(engine.last(DecodeBoth).other_z, np.array([0.5, 0.2]) @ QUARTER_TURN, atol=1e-5)
    other_map(window).hovered.emit(None)
    assert session.preview is None
    assert engine.last(DecodeBoth).other_z is None


def test_a_click_on_the_second_map_moves_the_latent_in_one_undoable_step(compare, window, engine, session, undo):
    compare.open("other")
    answer(engine, session)
    for x in (0.9, 1.0):
        other_map(window).committed.emit(np.array([x, 0.4]), 5)
    np.testing.assert_allclose(session.latent, [0.5, 0.2], atol=1e-5)
    assert undo.count() == 1
    undo.undo()
    assert not session.latent.any()


def test_arrow_keys_move_on_the_second_map_too(compare, window, engine, session):
    compare.open("other")
    answer(engine, session)
    both(engine, [0, 0])
    other_map(window).nudged.emit(np.array([0.2, 0.0]), 1)
    np.testing.assert_allclose(session.latent, [0.1, 0], atol=1e-2)
    assert np.linalg.norm(engine.last(DecodeBoth).other_z) == pytest.approx(0.2, rel=1e-4)


def test_a_point_picked_on_the_second_map_is_the_same_image_in_both(compare, window, engine, session):
    compare.open("other")
    result = answer(engine, session)
    moved = result.points.mean.copy()
    moved[7] += 1  # the alignment would give another latent
    result = answer(engine, session, generation=result.generation + 1, points=replace(result.points, mean=moved))
    other_map(window).pointPicked.emit(7, 1)
    np.testing.assert_array_equal(session.latent, session.points.mean[7])
    np.testing.assert_array_equal(engine.last(DecodeBoth).other_z, result.points.mean[7])


def test_without_an_alignment_only_the_second_image_follows_its_map(compare, window, engine, session):
    compare.open("other")
    points = replace(session.points, mean=np.ones((50, 5), np.float32), std=np.ones((50, 5), np.float32), kl=None)
    answer(engine, session, alignment=None, why_not_aligned="no common images", info=model_info(5), points=points)
    assert "Not aligned: no common images" in window.findChild(QLabel, "compareSummary").text()
    other_map(window).hovered.emit(np.array([0.5, 0.0]))
    assert session.preview is None
    assert engine.last(DecodeBoth).other_z.tolist() == [0.5, 0, 0, 0, 0]


def test_on_aligned_axes_the_second_map_follows_the_zoom_of_the_first(qtbot, compare, window, engine, session):
    window.show()
    compare.open("other")
    answer(engine, session)
    window.latent_map.view_box.show_range((-0.2, 0.6), (-0.1, 0.7))
    first = window.latent_map

    def middle(latent_map) -> np.ndarray:
        view = latent_map.view()
        return np.array([view.x_min + view.x_max, view.y_min + view.y_max]) / 2

    qtbot.waitUntil(lambda: np.allclose(middle(other_map(window)), 2 * middle(first), atol=1e-3))


def test_beside_a_layout_of_the_points_the_second_map_has_axes_of_its_own(compare, window, engine, session):
    session.set_axes(AxesChoice("tsne1", "tsne2"))
    compare.open("other")
    result = answer(engine, session)
    np.testing.assert_allclose(other_map(window).layer_stack.points.xy, result.points.mean, atol=1e-5)
    assert other_map(window).axis_names() == ("z₁", "z₂")


def test_the_second_manifold_is_requested_on_its_own_plane(qtbot, compare, window, engine, session):
    window.show()
    compare.open("other")
    answer(engine, session)
    qtbot.waitUntil(lambda: engine.count(DecodeOtherGrid) > 0)
    axes = engine.last(DecodeOtherGrid).axes
    np.testing.assert_allclose(axes.x, [0, 1], atol=1e-5)
    np.testing.assert_allclose(axes.y, [-1, 0], atol=1e-5)


def test_escape_leaves_the_comparison_and_frees_the_model(qtbot, compare, window, engine, session):
    window.show()
    compare.open("other")
    answer(engine, session)
    qtbot.keyClick(window.latent_map, Qt.Key.Key_Escape)
    assert engine.count(CloseComparison) == 1
    assert not compare.is_open
    qtbot.waitUntil(lambda: other_map(window) is None)
    compare.open("other")
    answer(engine, session)
    window.findChild(QToolButton, "closeComparison").click()
    assert engine.count(CloseComparison) == 2
    before = engine.count(DecodeBoth)
    session.set_latent([1, 1])
    assert engine.count(DecodeBoth) == before


def test_it_is_aligned_anew_with_other_points_and_opened_again_by_another_worker(qtbot, compare, engine, session):
    compare.open("other")
    answer(engine, session)
    session.set_points(replace(some_points(2), fingerprint="g", index=np.arange(50)))
    qtbot.waitUntil(lambda: engine.count(OpenComparison) == 2)
    engine.workerReady.emit(WorkerReady("cpu", ("cpu",), {}, 1))
    assert engine.count(OpenComparison) == 3
    assert engine.last(OpenComparison).source == "other"


def test_what_cannot_be_opened_closes_the_comparison(compare, engine, window):
    compare.open("nowhere")
    engine.failed.emit(Failed("OpenComparison", "there is no file"))
    assert not compare.is_open


def test_the_menu_offers_models_and_the_epochs_of_the_run_on_screen(compare, window, engine, session):
    def entries() -> dict[str, bool]:
        window.compare_menu.aboutToShow.emit()
        return {action.text(): action.isEnabled() for action in window.compare_menu.actions() if action.text()}

    assert entries()["Epoch of this run"] is False
    assert entries()["Leave the comparison"] is False
    session.set_model(model_info(2, source="/runs/a"), 2, is_new_model=True)
    engine.runSnapshots.emit(RunSnapshots("/runs/a", (1, 2, 5)))
    assert entries()["Epoch of this run"] is True
    (epochs,) = [a.menu() for a in window.compare_menu.actions() if a.text() == "Epoch of this run"]
    epochs.actions()[1].trigger()
    assert (engine.last(OpenComparison).source, engine.last(OpenComparison).epoch) == ("/runs/a", 2)
    window.compare_menu.aboutToShow.emit()
    (digits,) = [action for action in window.compare_menu.actions() if action.text() == "Digits"]
    digits.trigger()
    assert engine.last(OpenComparison).source == "bundled:b"


def test_the_epoch_that_the_first_map_shows_is_what_is_compared(qtbot, compare, engine, session, window):
    session.set_model(model_info(2, source="/runs/a"), 2, is_new_model=True)
    session.set_points(replace(some_points(2), fingerprint="f", index=np.arange(50)))
    compare.open("/runs/a", 3)
    assert engine.last(OpenComparison).first_epoch is None
    images = np.zeros((1, 8, 8), np.uint8)
    viewed = SnapshotRead(
        1, "/runs/a", 20, {}, np.zeros((9, 2), np.float32), np.zeros(9, np.int64), (), {}, images[0],
        (-3.0, 3.0, -3.0, 3.0), images, images, images, "f", np.arange(9),
    )  # fmt: skip
    session.set_viewed_epoch(viewed)
    qtbot.waitUntil(lambda: engine.last(OpenComparison).first_epoch == 20)
    assert (engine.last(OpenComparison).source, engine.last(OpenComparison).epoch) == ("/runs/a", 3)
    answer(engine, session, figures=(figures("Epoch 20 of a"), figures("Epoch 3 of a")))
    assert window.findChild(ElidedLabel, "compareHead1").text() == "Epoch 20 of a"
    session.set_viewed_epoch(None)
    qtbot.waitUntil(lambda: engine.last(OpenComparison).first_epoch is None)


def test_an_epoch_is_shown_on_the_first_maps_axes_and_says_why_it_has_no_manifold_there(
    compare, window, engine, session
):
    session.set_model(model_info(3, source="/runs/a"), 2, is_new_model=True)
    session.set_points(replace(some_points(3, 2), fingerprint="f", index=np.arange(50)))
    session.set_axes(AxesChoice("z3", "z1"))
    mean, images = session.points.mean[:9] + 1, np.zeros((1, 8, 8), np.uint8)
    epoch = SnapshotRead(
        1, "/runs/a", 3, {}, mean, np.zeros(9, np.int64), (), {}, images[0],
        (-3.0, 3.0, -3.0, 3.0), images, images, images, "f", np.arange(9),
    )  # fmt: skip
    compare.open("/runs/a", 3)
    info = model_info(3, name="Epoch 3 of a", source="/runs/a")
    answer(engine, session, 3, info=info, points=None, snapshot=epoch, alignment=None, has_decoder=False)
    other = other_map(window)
    np.testing.assert_array_equal(other.layer_stack.points.xy, mean[:, [2, 0]])
    assert other.axis_names() == ("z₃", "z₁")
    note = other.findChild(QLabel, "mapView")
    assert note.text() == STORED_PLANE
    session.set_axes(AxesChoice("z1", "z2"))
    np.testing.assert_array_equal(other.layer_stack.points.xy, mean[:, :2])
    assert note.text() == ""


def test_the_table_names_what_is_not_known():
    rows = {name: (a, b) for name, a, b in figure_rows(figures("a", -104.13), figures("b", None))}
    assert rows["ELBO"] == ("−104.1", "–")
    assert rows["parameters"] == ("1,234", "1,234")
