"""The filmstrip: traversal rows by KL, in a stable order during training, and the interpolation of a path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from latentlab.config.capabilities import Capabilities
from latentlab.controllers.filmstrip import FilmstripController
from latentlab.controllers.run_messages import pace
from latentlab.engine.protocol.messages import Decoded, Failed, Interpolate, Reconstruct, Sample, Strip, Traverse
from latentlab.gui.panels.filmstrip import Filmstrip
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.state.run_status import RunState, RunStatus
from tests.controllers.conftest import model_info, some_points
from tests.controllers.test_autosave import dataset_info


@pytest.fixture
def filmstrip(qtbot):
    widget = Filmstrip()
    qtbot.addWidget(widget)
    widget.show()
    return widget


@pytest.fixture
def strip(session, engine, filmstrip):
    return FilmstripController(session, engine, filmstrip, filmstrip)


def test_rows_are_ordered_by_kl_and_by_number_during_a_run(qtbot, session, engine, strip):
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(replace(some_points(3), kl=np.array([1, 3, 2], np.float32)))
    qtbot.waitUntil(lambda: engine.count(Traverse) > 0 and engine.last(Traverse).dimensions == (1, 2, 0))
    session.set_run_state("running")
    session.set_latent([0.5, 0.0, 0.0])
    qtbot.waitUntil(lambda: engine.last(Traverse).dimensions == (0, 1, 2))


def test_a_strip_names_its_epoch_as_the_status_line_does(qtbot, session, engine, strip, filmstrip):
    session.set_model(model_info(2), 1, is_new_model=True)
    session.set_run(RunStatus(RunState.RUNNING, epoch=0.5, current_epoch=1, epochs=18))
    qtbot.waitUntil(lambda: engine.count(Traverse) > 0)
    images = np.zeros((1, 5, 8, 8), np.uint8)
    engine.strip.emit(Strip(engine.last(Traverse).generation, 1, "traverse", images, (), epoch=0.52))
    assert filmstrip.findChild(QLabel, "stripWhen").text() == "epoch 0.5"
    assert pace(session.run).startswith("epoch 0.5 of 18 ")


def test_a_strip_that_fails_says_so_until_the_next_one_is_there(qtbot, session, engine, strip, filmstrip):
    session.set_model(model_info(2), 1, is_new_model=True)
    filmstrip.set_waiting("The first images are being decoded …")
    qtbot.waitUntil(lambda: engine.count(Traverse) > 0)
    engine.failed.emit(Failed("Decode", "another one failed"))
    said = [each.text() for each in filmstrip.findChildren(QLabel) if each.isVisible()]
    assert "The first images are being decoded …" in said
    engine.failed.emit(Failed("Traverse", "your function decode raised ValueError"))
    said = [each.text() for each in filmstrip.findChildren(QLabel) if each.isVisible()]
    assert "This strip could not be decoded: your function decode raised ValueError" in said
    images = np.zeros((1, 5, 8, 8), np.uint8)
    engine.strip.emit(Strip(engine.last(Traverse).generation, 1, "traverse", images, ()))
    assert filmstrip.findChild(ImageStrip, "stripView").isVisible()


def test_the_strip_of_visited_latents_ends_with_the_newest(qtbot, session, engine, strip, filmstrip):
    session.set_model(model_info(2), 1, is_new_model=True)
    filmstrip.set_kind("visited")
    shown = filmstrip.findChild(ImageStrip, "stripView")
    for number in range(2):
        z = np.full(2, number, np.float32)
        engine.decoded.emit(Decoded(number + 1, 1, z, np.zeros((8, 8), np.uint8), False))
        qtbot.waitUntil(lambda n=number: shown.isVisible() and shown.images().shape[1] == n + 1)
    with qtbot.waitSignal(filmstrip.latentPicked) as picked:
        qtbot.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=shown.tile_rect(0, 1).center())
    assert picked.args[0].tolist() == [1.0, 1.0]


def test_the_interpolation_ends_with_its_path(qtbot, session, engine, strip, filmstrip):
    session.set_model(model_info(2), 1, is_new_model=True)
    filmstrip.set_kind("interpolate")
    session.set_path(np.array([(0.0, 0.0), (1.0, 1.0)], np.float32))
    qtbot.waitUntil(lambda: engine.count(Interpolate) > 0)
    images = np.zeros((1, 5, 8, 8), np.uint8)
    engine.strip.emit(Strip(engine.last(Interpolate).generation, 1, "interpolate", images, ()))
    shown = filmstrip.findChild(ImageStrip, "stripView")
    assert shown.isVisible()
    session.set_path(np.zeros((0, 2), np.float32))
    assert not shown.isVisible()


def test_a_path_of_two_waypoints_brings_its_interpolation_to_the_front_once(session, engine, strip, filmstrip):
    session.set_model(model_info(2), 1, is_new_model=True)
    session.set_path(np.zeros((1, 2), np.float32))
    assert filmstrip.kind() == "traverse"
    session.set_path(np.zeros((2, 2), np.float32))
    assert filmstrip.kind() == "interpolate"
    filmstrip.set_kind("sample")
    session.set_path(np.zeros((3, 2), np.float32))
    assert filmstrip.kind() == "sample"


def test_the_interpolation_shows_images_of_the_film_once_it_is_known(qtbot, session, engine, strip, filmstrip):
    session.set_model(model_info(2), 1, is_new_model=True)
    filmstrip.set_kind("interpolate")
    session.set_path(np.array([(0.0, 0.0), (1.0, 1.0)], np.float32))
    qtbot.waitUntil(lambda: engine.count(Interpolate) > 0)
    frames = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    session.set_path_plan(frames, frames)
    qtbot.waitUntil(lambda: len(engine.last(Interpolate).waypoints) > 2)
    request = engine.last(Interpolate)
    assert len(request.waypoints) == request.steps
    np.testing.assert_array_equal(request.waypoints[[0, -1]], frames[[0, -1]])
    assert all((frames == latent).all(axis=1).any() for latent in request.waypoints)


@pytest.mark.parametrize(
    ("kind", "lacks", "reason", "request_kind"),
    [
        ("reconstruct", Capabilities(has_encoder=False), "This model has no encoder.", Reconstruct),
        ("sample", Capabilities(has_prior=False), "The prior of this model is not known.", Sample),
    ],
)
def test_a_strip_that_the_model_cannot_fill_says_why(
    qtbot, session, engine, strip, filmstrip, kind, lacks, reason, request_kind
):
    session.set_dataset(dataset_info())
    session.set_model(model_info(2, capabilities=lacks), 1, is_new_model=True)
    filmstrip.set_kind(kind)
    filmstrip.kindChosen.emit(kind)
    filmstrip.set_waiting("The first images are being decoded …")
    assert reason in [label.text() for label in filmstrip.findChildren(QLabel) if label.isVisible()]
    assert engine.count(request_kind) == 0
    session.set_model(model_info(2), 2, is_new_model=True)
    qtbot.waitUntil(lambda: engine.count(request_kind) == 1)
