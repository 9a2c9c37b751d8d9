"""The requests for pictures at the points, and which answers the map is given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from latentlab.controllers.latent_map import MapController
from latentlab.controllers.point_pictures import NO_IMAGES, OF_AN_EPOCH
from latentlab.engine.protocol.messages import PicturesOfPoints, PointPictures, SnapshotRead
from latentlab.gui.latent_map import LatentMap
from tests.controllers.conftest import model_info, some_points
from tests.controllers.test_autosave import dataset_info


@pytest.fixture
def parts(qtbot, session, engine):
    """A map that shows pictures, the layer, and what it was given."""
    latent_map = LatentMap()
    qtbot.addWidget(latent_map)
    MapController(session, engine, latent_map, latent_map)
    latent_map.set_layer_visible("pictures", True)
    given = []
    layer = latent_map.layer_stack.pictures
    layer.put = lambda rows, pictures: given.append((rows.tolist(), pictures))
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(replace(some_points(3), fingerprint="abc"))
    return latent_map, layer, given


def answer(request: PicturesOfPoints, version: int = 1, kind: str = "", done: bool = True) -> PointPictures:
    rows = request.rows
    pictures = np.zeros((len(rows), 4, 4), np.uint8)
    return PointPictures(request.generation, version, version, kind or request.kind, rows, pictures, done, 0.01)


def test_decoded_pictures_are_requested_without_a_dataset_and_real_ones_with_it(parts, session, engine):
    _, layer, given = parts
    assert layer.state().choice == "decoded"
    assert {name: refused for name, _, refused in layer.state().choices}["real"] == NO_IMAGES
    layer.wanted.emit(np.array([3, 1]))
    request = engine.last(PicturesOfPoints)
    assert (request.rows.tolist(), request.kind) == ([3, 1], "decoded")
    engine.pointPictures.emit(answer(request))
    assert [rows for rows, _ in given] == [[3, 1]]
    session.set_dataset(replace(dataset_info(), fingerprint="abc"))
    assert layer.state().choice == "real"
    layer.wanted.emit(np.array([3, 1]))
    assert engine.last(PicturesOfPoints).kind == "real"
    layer.choiceEdited.emit("decoded")
    layer.wanted.emit(np.array([3, 1]))
    assert engine.last(PicturesOfPoints).kind == "decoded"


def test_images_that_the_points_do_not_encode_are_not_shown_at_them(parts, session):
    _, layer, _ = parts
    session.set_dataset(replace(dataset_info(), fingerprint="other"))
    assert layer.state().choice == "decoded"


def test_answers_of_another_kind_or_about_other_points_are_refused(parts, session, engine):
    _, layer, given = parts
    layer.wanted.emit(np.array([3]))
    request = engine.last(PicturesOfPoints)
    engine.pointPictures.emit(answer(request, kind="real"))
    engine.pointPictures.emit(answer(request, version=7))
    assert given == []
    session.set_model(model_info(3), 2, is_new_model=True)
    session.set_points(replace(some_points(3, version=2), fingerprint="other"))
    engine.pointPictures.emit(answer(request, version=2))
    assert given == [], "row 3 is another image now"


def test_new_weights_ask_for_decoded_pictures_again_and_keep_the_present_ones(parts, session):
    _, layer, _ = parts
    marked, cleared = [], []
    layer.mark_stale, layer.clear = (lambda: marked.append(1)), (lambda: cleared.append(1))
    session.set_model(model_info(3), 2, is_new_model=False)
    session.set_points(replace(some_points(3, version=2), fingerprint="abc"))
    assert marked == [1]
    assert cleared == []


def test_a_viewed_epoch_has_no_pictures(parts, session):
    _, layer, _ = parts
    session.set_viewed_epoch(_snapshot())
    assert layer.state().unavailable == OF_AN_EPOCH
    session.set_viewed_epoch(None)
    assert layer.state().unavailable == ""


def _snapshot() -> SnapshotRead:
    images, mean = np.zeros((0, 4, 4), np.uint8), np.zeros((5, 3), np.float32)
    label, extent = np.zeros(5, np.int64), (0.0, 1.0, 0.0, 1.0)
    return SnapshotRead(1, "r", 1, {}, mean, label, ("a",), {}, np.zeros((4, 4), np.uint8), extent, *3 * [images])
