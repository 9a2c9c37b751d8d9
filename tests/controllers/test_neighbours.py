"""The nearest images follow the latent shown; an image of the row is taken, selected or kept in one undoable step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel

from latentlab.config import DataConfig
from latentlab.config.info import DatasetInfo
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.neighbours import COUNT, NO_DATASET, NeighboursController
from latentlab.engine.protocol.messages import CopyMeasured, MeasureCopy, Nearest, NearestFound
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.panels.nearest_images import NearestImages
from tests.controllers.conftest import model_info, some_points


def found(generation: int, points, rows=(4, 2, 9), images: bool = True, preview: bool = False) -> NearestFound:
    rows = np.array(rows)
    return NearestFound(
        generation,
        points.model_version,
        rows,
        np.linspace(0.1, 0.3, len(rows), dtype=np.float32),
        points.mean[rows],
        points.label[rows],
        rows,
        tuple(f"{row}.png" for row in rows) if images else (),
        np.zeros((len(rows), 8, 8), np.uint8) if images else None,
        1.0,
        preview,
    )


@pytest.fixture
def row(qtbot, session, engine, undo) -> NearestImages:
    """The shown row, for a model of 3 dimensions with points of the open dataset."""
    latent_map, sliders, row = LatentMap(), LatentSliders(), NearestImages()
    for widget in (latent_map, sliders, row):
        qtbot.addWidget(widget)
    explore = ExploreController(session, undo, latent_map, sliders, latent_map)
    NeighboursController(session, engine, explore, undo, row, latent_map)
    session.set_model(model_info(3, data={"fingerprint": "f"}), 1, is_new_model=True)
    session.set_dataset(dataset_info())
    session.set_points(replace(some_points(3), fingerprint="f"))
    row.show()
    return row


def dataset_info() -> DatasetInfo:
    return DatasetInfo(
        name="d", source="d", images=50, image_shape=(1, 8, 8), classes=("a",), class_counts=(50,), training_images=45,
        validation_images=5, skipped=(), skipped_count=0, config=DataConfig(), bytes_in_memory=1, fingerprint="f",
    )  # fmt: skip


@pytest.mark.usefixtures("row")
def test_the_nearest_images_of_a_committed_latent_are_requested_once_for_many_moves(qtbot, session, engine):
    engine.asked.clear()
    for step in range(1, 6):
        session.set_latent(np.full(3, step))
    assert not engine.asked
    qtbot.waitUntil(lambda: engine.count(Nearest) > 0)
    assert engine.count(Nearest) == 1
    request = engine.last(Nearest)
    np.testing.assert_array_equal(request.z, np.full(3, 5))
    assert (request.count, request.preview) == (COUNT, False)


def test_the_images_are_described_and_marked_on_the_map(row, session, engine):
    request = engine.last(Nearest)
    engine.nearestFound.emit(found(request.generation, session.points))
    assert row.isVisible()
    np.testing.assert_array_equal(session.neighbours, session.points.mean[[4, 2, 9]])
    np.testing.assert_array_equal(session.nearest_posterior.mean, session.points.mean[4])
    assert row.findChild(object, "nearestText").text() == "image 4 · a · distance 0.10"


def test_without_the_dataset_the_distances_are_shown_and_it_is_said_why_no_images_are(row, session, engine):
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points, images=False))
    assert row.findChild(object, "nearestText").text() == "at 0.10, 0.20, 0.30"
    assert NO_DATASET in [line.text() for line in row.findChildren(QLabel)]
    assert not row.findChild(object, "nearestStrip").isVisible()
    assert session.neighbours is not None


def test_those_of_the_latent_under_the_pointer_are_shown_until_it_leaves(qtbot, row, session, engine):
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points))
    session.set_preview(np.ones(3))
    qtbot.waitUntil(lambda: engine.last(Nearest).preview)
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points, rows=(7, 8), preview=True))
    np.testing.assert_array_equal(session.neighbours, session.points.mean[[7, 8]])
    np.testing.assert_array_equal(session.nearest_posterior.mean, session.points.mean[4])
    session.set_preview(None)
    np.testing.assert_array_equal(session.neighbours, session.points.mean[[4, 2, 9]])


def test_a_click_takes_the_images_own_latent_and_undo_takes_it_back(row, session, engine, undo):
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points))
    row.chosen.emit(1)
    np.testing.assert_array_equal(session.latent, session.points.mean[2])
    undo.undo()
    assert not session.latent.any()


def test_an_image_is_selected_added_and_kept_each_in_one_step(row, session, engine, undo):
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points))
    row.selectRequested.emit(0, False)
    assert session.selection.images.tolist() == [4]
    row.selectRequested.emit(1, True)
    assert session.selection.images.tolist() == [2, 4]
    row.keepRequested.emit(2)
    (item,) = session.board.items
    assert (item.name, item.kind, item.latent_dim) == ("image 9", "latent", 3)
    np.testing.assert_array_equal(item.content.z, session.points.mean[9])
    undo.undo()
    assert not session.board.items
    undo.undo()
    assert session.selection.images.tolist() == [4]
    undo.undo()
    assert session.selection is None


def measured(generation: int, distance: float, around: float = 10.0) -> CopyMeasured:
    return CopyMeasured(generation, 1, 312, "312.png", distance, 10.0, around)


def test_a_latent_at_rest_is_compared_with_all_images_and_the_text_goes_with_the_latent(qtbot, row, session, engine):
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points))
    qtbot.waitUntil(lambda: engine.count(MeasureCopy) == 1)
    text = row.findChild(object, "copyText")
    engine.copyMeasured.emit(measured(engine.last(MeasureCopy).generation, 8.0))
    assert text.text() == "Not a copy: nearest of 50 open images at 0.8 × the typical distance"
    session.set_latent(np.ones(3))
    assert text.text() == ""
    qtbot.waitUntil(lambda: engine.count(MeasureCopy) == 2)
    engine.copyMeasured.emit(measured(engine.last(MeasureCopy).generation, 1.0))
    assert text.text() == "Copies image 312 of 50 open images: at 0.1 × the typical distance"
    session.set_preview(np.zeros(3))
    assert text.text() == ""
    session.set_preview(None)
    assert text.text().startswith("Copies")


def test_a_near_image_in_a_dense_part_of_the_data_is_no_copy(qtbot, row, session, engine):
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points))
    qtbot.waitUntil(lambda: engine.count(MeasureCopy) == 1)
    engine.copyMeasured.emit(measured(engine.last(MeasureCopy).generation, 4.0, around=5.0))
    text = row.findChild(object, "copyText").text()
    assert text.startswith("Not a copy")
    assert text.endswith("at 0.4 × the typical distance, but 0.8 × that of its 50 nearest")


@pytest.mark.parametrize(
    ("data", "remark"),
    [
        ({"fingerprint": "f"}, ""),
        ({"fingerprint": "other"}, "These may not be its training images"),
        (
            {"fingerprint": "other", "source": "d", "images": 10, "config": {"limit": 10}},
            "The training images are among these",
        ),
    ],
)
def test_it_is_said_what_the_open_images_are_to_the_training_images(qtbot, row, session, engine, data, remark):
    session.set_model(replace(model_info(3), data=data), 1, is_new_model=False)
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points))
    qtbot.waitUntil(lambda: engine.count(MeasureCopy) == 1)
    engine.copyMeasured.emit(measured(engine.last(MeasureCopy).generation, 8.0))
    text = row.findChild(object, "copyText").text()
    assert text.endswith(f"typical distance{'. ' if remark else ''}{remark}")


def test_what_is_like_an_image_is_no_alarm_when_it_is_its_own_reconstruction(qtbot, row, session, engine):
    session.set_model(replace(model_info(3), data={"fingerprint": "other"}), 1, is_new_model=False)
    session.set_latent(session.points.mean[4])
    qtbot.waitUntil(lambda: engine.count(MeasureCopy) >= 1)
    text = row.findChild(object, "copyText")
    near = replace(measured(engine.last(MeasureCopy).generation, 1.0), number=4)
    engine.copyMeasured.emit(near)
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points))
    assert text.text() == "The reconstruction of image 4 itself: at 0.1 × the typical distance"
    assert text.property("role") == "dim"


@pytest.mark.parametrize(("fingerprint", "begins", "role"), [("other", "Like", "dim"), ("f", "Copies", "warning")])
def test_a_model_cannot_copy_from_images_it_was_not_trained_on(qtbot, row, session, engine, fingerprint, begins, role):
    session.set_model(replace(model_info(3), data={"fingerprint": fingerprint}), 1, is_new_model=False)
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points))
    qtbot.waitUntil(lambda: engine.count(MeasureCopy) >= 1)
    engine.copyMeasured.emit(measured(engine.last(MeasureCopy).generation, 1.0))
    text = row.findChild(object, "copyText")
    assert text.text().startswith(f"{begins} image 312 of 50 open images: at 0.1 ×")
    assert text.property("role") == role


def test_a_new_model_empties_the_row(row, session, engine):
    engine.nearestFound.emit(found(engine.last(Nearest).generation, session.points))
    session.set_model(model_info(3), 2, is_new_model=True)
    assert not row.isVisible()
    assert session.neighbours is None
