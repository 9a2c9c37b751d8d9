"""The cue that the latent shown is far from all data, in every dimension it has."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel

from latentlab.controllers.far_from_data import INTERVAL_MS, FarFromDataController
from latentlab.controllers.latent_map import MapController
from latentlab.engine.protocol.messages import DistanceMeasured, DistanceToData
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.decoded_image import DecodedImage
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def cues(qtbot, session, engine):
    """The texts on the map and beside the decoded image, for a 10-dimensional model with points."""
    latent_map, image = LatentMap(), DecodedImage()
    for widget in (latent_map, image):
        qtbot.addWidget(widget)
    FarFromDataController(session, engine, image, image)
    MapController(session, engine, latent_map, latent_map)
    session.set_model(model_info(10), 1, is_new_model=True)
    image.set_caption(session.latent)
    session.set_points(some_points(10))
    qtbot.waitUntil(lambda: engine.count(DistanceToData) == 1)
    return lambda: (
        latent_map.findChild(QLabel, "mapFarFromData").text(),
        image.findChild(QLabel, "decodedCue").text(),
    )


def answer(engine, times_typical: float, request: DistanceToData | None = None, version: int = 1) -> None:
    request = request or engine.last(DistanceToData)
    distance = DistanceMeasured(request.generation, version, times_typical * 0.5, 0.5, request.preview)
    engine.distanceMeasured.emit(distance)


def commit(session, engine, qtbot, latent) -> None:
    """Commit a latent, and let its distance be requested: in the next iteration of the event loop, after its image."""
    before = engine.count(DistanceToData)
    session.set_latent(latent)
    assert engine.count(DistanceToData) == before
    qtbot.waitUntil(lambda: engine.count(DistanceToData) > before)


def test_honest_a_latent_far_along_a_dimension_off_the_map_is_far_from_data(cues, session, engine, qtbot):
    """*Honest*: a cue for latents far from all data, in whichever dimension."""
    away = np.zeros(10)
    away[7] = 20.0  # on the map it is still among the points
    commit(session, engine, qtbot, away)
    np.testing.assert_array_equal(engine.last(DistanceToData).z, away)
    answer(engine, 8.8)
    assert cues() == ("far from data", "far from data")
    commit(session, engine, qtbot, np.zeros(10))
    answer(engine, 0.9)
    assert cues() == ("", "")


def test_honest_the_cue_is_about_the_latent_shown(cues, session, engine):
    """*Honest*: the cue is about the image that is shown."""
    answer(engine, 1.0)
    session.set_preview(np.full(10, 9.0))
    assert engine.last(DistanceToData).preview
    answer(engine, 8.8)
    assert cues() == ("far from data", "far from data")
    session.set_preview(None)
    assert cues() == ("", "")
    answer(engine, 8.8)
    session.set_preview(np.zeros(10))
    assert cues() == ("", ""), "no cue before the latent was measured"


def test_measurements_of_older_latents_and_other_points_are_not_shown(cues, session, engine, qtbot):
    first = engine.last(DistanceToData)
    commit(session, engine, qtbot, np.ones(10))
    answer(engine, 1.0)
    answer(engine, 8.8, first)
    commit(session, engine, qtbot, np.full(10, 2.0))
    answer(engine, 8.8, version=0)
    assert cues() == ("", "")


def test_the_cue_disappears_with_the_points(cues, session, engine):
    answer(engine, 8.8)
    assert cues() == ("far from data", "far from data")
    session.set_points(None)
    assert cues() == ("", "")


def test_during_a_run_it_is_measured_at_intervals(cues, session, engine, qtbot):
    session.set_run_state("running")
    before = engine.count(DistanceToData)
    for step in range(1, 6):
        session.set_preview(np.full(10, step))
    assert engine.count(DistanceToData) == before
    qtbot.waitUntil(lambda: engine.count(DistanceToData) > before, timeout=20 * INTERVAL_MS)
    assert engine.last(DistanceToData).z[0] == 5, "the latest position of the pointer"


def test_under_a_moving_pointer_it_is_measured_at_once_and_then_at_intervals(cues, session, engine, qtbot):
    before = engine.count(DistanceToData)
    for step in range(1, 6):
        session.set_preview(np.full(10, step))
    assert engine.count(DistanceToData) == before + 1
    qtbot.waitUntil(lambda: engine.last(DistanceToData).z[0] == 5, timeout=20 * INTERVAL_MS)
    assert engine.count(DistanceToData) == before + 2
