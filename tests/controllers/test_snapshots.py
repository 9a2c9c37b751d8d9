"""Snapshots: an earlier epoch of the run on map and filmstrip, and the return to the current model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QLabel, QSlider, QToolButton, QWidget

from latentlab.config.events import Epoch, Finished, Progress
from latentlab.controllers.decoded_image import DecodedImageController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.latent_map import MapController
from latentlab.controllers.neighbours import NeighboursController
from latentlab.controllers.selection import SelectionController
from latentlab.controllers.snapshots import SnapshotsController
from latentlab.engine.protocol.messages import (
    DecodeGrid,
    EpochsRead,
    ModelChanged,
    Nearest,
    ReadEpochs,
    ReadSnapshot,
    RunFollowed,
    RunSnapshots,
    SnapshotRead,
    TrainingEvent,
    TrainingProgress,
    WorkerReady,
)
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.latent_map import LatentMap, View
from latentlab.gui.panels.decoded_image import DecodedImage
from latentlab.gui.panels.filmstrip import Filmstrip
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.panels.snapshot_bar import SnapshotBar
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.state.activity import Activity
from latentlab.state.map_axes import AxesChoice
from tests.controllers.conftest import model_info, one_nearest, some_points

RUN = "/runs/one"


def read(generation, epoch=3, run=RUN):
    random = np.random.default_rng(epoch)
    images = random.integers(0, 255, (4, 8, 8), dtype=np.uint8)
    return SnapshotRead(
        generation, run, epoch, {}, random.normal(size=(9, 2)).astype(np.float32), np.zeros(9, np.int64), ("a",), {},
        np.full((24, 24), epoch, np.uint8), (-3.0, 3.0, -3.0, 3.0), images, images, images, "", np.arange(3, 12),
    )  # fmt: skip


class Map(LatentMap):
    """Records the points and the picture that are drawn last."""

    points: np.ndarray
    picture: np.ndarray | None = None

    def set_points(self, xy, *arguments, **options):
        self.points = xy
        super().set_points(xy, *arguments, **options)

    def set_manifold(self, picture, *ranges):
        self.picture = picture
        super().set_manifold(picture, *ranges)


class Parts:
    """The map's controllers with real widgets."""

    def __init__(self, qtbot, session, engine):
        self.map, self.bar, self.filmstrip, self.curves = Map(), SnapshotBar(), Filmstrip(), TrainingCurves()
        self.sliders = LatentSliders()
        for widget in (self.map, self.bar, self.filmstrip, self.curves, self.sliders):
            qtbot.addWidget(widget)
        undo = QUndoStack(session)
        self.explore = ExploreController(session, undo, self.map, self.sliders)
        self.map_controller = MapController(session, engine, self.map, self.map)
        self.selection = SelectionController(session, undo, self.map, Activity(session))
        self.history = SnapshotsController(session, engine, self.bar, self.filmstrip, self.curves)
        session.set_model(model_info(source=RUN), 1, True)
        session.set_points(some_points())
        self.map.viewChanged.emit(View(-4, 4, -4, 4, 400, 400, 1.0))

    def badge(self):
        return self.map.findChild(QLabel, "mapPast")


@pytest.fixture
def parts(qtbot, session, engine):
    parts = Parts(qtbot, session, engine)
    engine.runSnapshots.emit(RunSnapshots(RUN, (1, 3, 5)))
    return parts


def test_an_epoch_replaces_the_current_model_until_the_return(parts, session, engine):
    live = session.points.mean
    assert np.allclose(parts.map.points, live)
    parts.bar.epochChosen.emit(3)
    assert engine.last(ReadSnapshot) == ReadSnapshot(1, RUN, 3)
    past = read(1)
    engine.snapshotRead.emit(past)
    assert np.allclose(parts.map.points, past.mean)
    assert "epoch 3" in parts.badge().text()
    assert parts.bar.findChild(QLabel, "historyEpoch").text() == "epoch 3 of 5"

    requested = engine.count(DecodeGrid)
    newer = some_points(version=1, count=20)
    session.set_points(newer)
    parts.map.viewChanged.emit(View(-2, 2, -2, 2, 400, 400, 1.0))
    parts.map.hovered.emit(np.zeros(2))
    assert np.allclose(parts.map.points, past.mean), "newer points wait"
    assert engine.count(DecodeGrid) == requested
    assert session.preview is None

    parts.bar.nowChosen.emit()
    assert np.allclose(parts.map.points, newer.mean)
    assert engine.count(DecodeGrid) == requested + 1
    assert parts.badge().text() == ""


@pytest.mark.parametrize("cause", ["map", "slider", "model"])
def test_a_committed_latent_or_another_model_returns_to_now(parts, session, engine, cause):
    parts.bar.epochChosen.emit(3)
    engine.snapshotRead.emit(read(1))
    assert session.viewed_epoch is not None
    if cause == "map":
        parts.map.committed.emit(np.zeros(2), 1)
    elif cause == "slider":
        parts.sliders.valueEdited.emit(0, 1.5, 1)
    else:
        session.set_model(model_info(), 2, True)
        assert parts.bar.isHidden()
    assert session.viewed_epoch is None


def test_what_a_snapshot_cannot_decode_is_greyed_with_its_reason(parts, session, engine):
    parts.bar.epochChosen.emit(3)
    engine.snapshotRead.emit(read(1))
    session.set_points(replace(session.points, components=np.eye(2, dtype=np.float32)))
    assert parts.map.layer_stack["manifold"].state().unavailable == ""
    session.set_axes(AxesChoice("pc1", "pc2"))
    assert "no weights" in parts.map.layer_stack["manifold"].state().unavailable
    note = parts.map.findChild(QLabel, "mapView")
    assert "keeps its manifold on z₁ and z₂ only" in note.text()
    session.set_viewed_epoch(None)
    assert parts.map.layer_stack["manifold"].state().unavailable == ""
    assert note.text() == ""


def test_only_the_newest_answer_of_the_shown_run_is_used(parts, session, engine):
    for epoch in (1, 3, 5):
        parts.history.view_epoch(epoch)
    engine.snapshotRead.emit(read(2))
    engine.snapshotRead.emit(read(1, 1))
    engine.snapshotRead.emit(read(3, 5, "/runs/other"))
    assert session.viewed_epoch.epoch == 3
    parts.history.return_to_now()
    engine.snapshotRead.emit(read(3, 5))
    assert session.viewed_epoch is None, "it was requested before the return"
    engine.runSnapshots.emit(RunSnapshots("/runs/other", (1, 2)))
    assert parts.bar.findChild(QSlider, "historySlider").maximum() == 3, "still the three epochs of the shown run"
    engine.trainingEvent.emit(TrainingEvent(Epoch(8, 9, {}, None, 1.0, 1.0)))
    assert parts.bar.findChild(QLabel, "historyEpoch").text() == "now, after epoch 8"


def test_the_request_is_repeated_for_a_restarted_worker(parts, engine):
    engine.workerReady.emit(WorkerReady("cpu", ("cpu",), {}, 1))
    assert engine.count(ReadSnapshot) == 0
    parts.history.view_epoch(3)
    engine.workerReady.emit(WorkerReady("cpu", ("cpu",), {}, 2))
    assert engine.last(ReadSnapshot) == ReadSnapshot(2, RUN, 3)


def test_the_nearest_epoch_replaces_one_that_cannot_be_read(parts, session, engine):
    parts.history.view_epoch(3)
    engine.runSnapshots.emit(RunSnapshots(RUN, (1, 4, 5)))
    assert engine.last(ReadSnapshot) == ReadSnapshot(2, RUN, 4)
    engine.runSnapshots.emit(RunSnapshots(RUN, ()))
    assert session.viewed_epoch is None
    assert parts.bar.isHidden()


def test_a_selection_in_a_viewed_epoch_is_of_its_points(parts, session, engine):
    parts.history.view_epoch(3)
    past = read(1)
    engine.snapshotRead.emit(past)
    parts.map.pointsSelected.emit(np.array([2, 4]), "replace", "lasso")
    assert session.selection.images.tolist() == past.index[[2, 4]].tolist()


def test_the_picture_is_shown_only_on_its_own_plane(parts, session, engine):
    parts.history.view_epoch(3)
    engine.snapshotRead.emit(read(1))
    assert parts.map.picture is not None
    session.set_axes(AxesChoice("z2", "z1"))
    assert parts.map.picture is None
    session.set_axes(AxesChoice())
    assert parts.map.picture is not None


def test_images_are_laid_out_over_the_epochs_and_a_click_views_one(parts, engine, qtbot):
    filmstrip = parts.filmstrip
    filmstrip.set_kind("reconstruct")
    filmstrip.resize(640, 300)
    filmstrip.show()
    filmstrip.findChild(QToolButton, "stripByEpoch").click()
    assert (engine.last(ReadEpochs).kind, engine.last(ReadEpochs).run) == ("reconstruct", RUN)
    images = np.zeros((2, 3, 8, 8), np.uint8)
    engine.epochsRead.emit(EpochsRead(1, RUN, "reconstruct", (1, 3, 5), images, images[:, 0]))
    strip = filmstrip.findChild(ImageStrip, "stripView")
    strip.tileChosen.emit(0, 0)
    assert engine.count(ReadSnapshot) == 0, "the original image belongs to no epoch"
    strip.tileChosen.emit(0, 2)
    assert engine.last(ReadSnapshot).epoch == 3
    engine.runSnapshots.emit(RunSnapshots(RUN, (1, 3, 5, 6)))
    qtbot.waitUntil(lambda: engine.count(ReadEpochs) == 2)
    filmstrip.hide()


def test_now_names_the_current_epoch(parts, engine):
    label = parts.bar.findChild(QLabel, "historyEpoch")
    engine.trainingEvent.emit(TrainingProgress(Progress(350, 1000, 36, 100, {}, 1.0, 1.0, None)))
    assert label.text() == "now, after epoch 35"
    engine.modelChanged.emit(ModelChanged(2, model_info(source=RUN), False, True, 35.8))
    assert label.text() == "now, at epoch 35.8"


def test_the_decoded_image_is_marked_as_current_while_a_snapshot_is_viewed(qtbot, parts, session, engine, monkeypatch):
    image = DecodedImage()
    qtbot.addWidget(image)
    DecodedImageController(session, engine, image, image)
    NeighboursController(session, engine, parts.explore, QUndoStack(session), image.nearest, image)
    ellipses = []
    monkeypatch.setattr(parts.map, "set_posterior", lambda mean, *_: ellipses.append(mean is not None))
    note = image.findChild(QLabel, "decodedNow")
    nearest = one_nearest(1, [0, 0])
    session.pointsChanged.emit()
    parts.history.view_epoch(3)
    engine.snapshotRead.emit(read(1))
    engine.nearestFound.emit(nearest)
    assert (any(ellipses), note.isHidden()) == (False, False)
    parts.history.return_to_now()
    engine.nearestFound.emit(replace(nearest, generation=engine.last(Nearest).generation))
    assert (ellipses[-1], note.isHidden()) == (True, True)


def test_no_slider_is_folded_during_a_run(parts, session):
    fold = parts.sliders.findChild(QWidget, "collapsedFold")
    session.set_run_state("running")
    for epoch in (0.3, 1.2):
        session.set_points(replace(some_points(), kl=np.array([1, 0], np.float32), epoch=epoch))
        assert not fold.isVisibleTo(parts.sliders)
    session.set_run_state("idle")
    assert fold.isVisibleTo(parts.sliders)


def test_ended_and_opened_runs_name_their_best_epoch(parts, engine):
    label = parts.bar.findChild(QLabel, "historyEpoch")
    ended = Finished(RUN, f"{RUN}/model.safetensors", 9, 1.0, "patience", 4)
    for event in (Epoch(9, 20, {}, None, 1.0, 1.0), ended):
        engine.trainingEvent.emit(TrainingEvent(event))
    assert label.text() == "now: best model, epoch 4"
    engine.trainingEvent.emit(TrainingEvent(Progress(95, 200, 10, 20, {}, 1.0, 1.0, None)))
    assert label.text() == "now, at epoch 9.5"
    validation = [{"elbo": elbo} for elbo in (-9.0, -7.0, -8.0)]
    epochs = [Epoch(number, 20, {}, means, 1.0, 1.0) for number, means in enumerate(validation, start=8)]
    engine.runFollowed.emit(RunFollowed(RUN, tuple(epochs)))
    assert label.text() == "now: best model, epoch 9"


def test_honest_a_run_opened_twice_shows_its_best_epoch_both_times(parts, session, engine):
    """*Honest*: the same model is not called the newest after it was called the best."""
    label = parts.bar.findChild(QLabel, "historyEpoch")
    elbos = (-9.0, -7.0, -8.0)
    epochs = tuple(Epoch(number, 3, {}, {"elbo": elbo}, 1.0, 1.0) for number, elbo in enumerate(elbos, start=1))
    for version in (2, 3):
        session.set_model(model_info(source=RUN), version, True)
        engine.runSnapshots.emit(RunSnapshots(RUN, (1, 2, 3)))
        engine.runFollowed.emit(RunFollowed(RUN, epochs))
        assert label.text() == "now: best model, epoch 2"
