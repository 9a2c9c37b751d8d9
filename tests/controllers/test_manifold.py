"""The manifold is requested for the part in view, and painted from answers that are still valid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from latentlab.config.events import Progress
from latentlab.controllers.generations import Generations
from latentlab.controllers.latent_map import MapController
from latentlab.controllers.manifold import MAX_CELLS, Layout
from latentlab.engine.protocol.messages import DecodeGrid, GridTiles, PointsChanged, TrainingProgress
from latentlab.gui.latent_map import LatentMap, View
from latentlab.state.map_axes import AxesChoice
from tests.controllers.conftest import model_info, some_points


def tiles(request: DecodeGrid, span: int = 1, version: int = 1, done: bool = False) -> GridTiles:
    cells = np.zeros((1, 2), np.int64)
    return GridTiles(request.generation, version, cells, span, np.zeros((1, 8, 8), np.uint8), done)


@pytest.fixture
def parts(qtbot, session, engine, monkeypatch):
    latent_map = LatentMap()
    qtbot.addWidget(latent_map)
    painted = []
    monkeypatch.setattr(latent_map, "put_tiles", lambda *arguments: painted.append(arguments))
    controller = MapController(session, engine, latent_map, latent_map)
    session.set_model(model_info(3), 1, is_new_model=True)
    latent_map.viewChanged.emit(View(-3, 3, -2, 2, 900, 600))
    return controller, latent_map, painted


def test_cells_are_square_cover_the_view_and_stay_in_place_during_panning():
    one, other = Layout.of(View(-3, 3, -2, 2, 900, 600)), Layout.of(View(-2.9, 3.1, -2, 2, 900, 600))
    cell = (one.x_range[1] - one.x_range[0]) / one.columns
    assert cell == pytest.approx((one.y_range[1] - one.y_range[0]) / one.rows)
    assert one.x_range[0] <= -3
    assert one.x_range[1] >= 3
    assert (other.x_range[0] - one.x_range[0]) / cell == pytest.approx(
        round((other.x_range[0] - one.x_range[0]) / cell)
    )
    assert max(one.columns, one.rows) <= MAX_CELLS + 1


def test_zooming_in_requests_finer_cells(parts, engine):
    _, latent_map, _ = parts
    before = engine.last(DecodeGrid)
    latent_map.viewChanged.emit(View(-0.3, 0.3, -0.2, 0.2, 900, 600))
    after = engine.last(DecodeGrid)
    assert after.generation > before.generation
    assert after.x_range[1] - after.x_range[0] < 0.2 * (before.x_range[1] - before.x_range[0])


def test_only_a_move_off_the_plane_requests_another_slice(parts, session, engine):
    before = engine.count(DecodeGrid)
    session.set_latent([1, 1, 0])
    assert engine.count(DecodeGrid) == before
    session.set_latent([1, 1, 1])
    assert engine.count(DecodeGrid) == before + 1
    assert engine.last(DecodeGrid).axes.origin.tolist() == [0, 0, 1]


def test_other_axes_show_another_plane(parts, session, engine):
    session.set_axes(AxesChoice("z3", "z1"))
    assert engine.last(DecodeGrid).axes.x.tolist() == [0, 0, 1]


def rotated(points: PointsChanged, degrees: float) -> PointsChanged:
    """The same points, with the first two components rotated in their plane."""
    angle = np.deg2rad(degrees)
    rotation = np.eye(3, dtype=np.float32)
    rotation[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return replace(points, components=rotation)


def test_honest_manifold_is_decoded_again_when_new_points_have_other_components(parts, session, engine):
    """*Honest*: the background is decoded on the plane that the points are projected onto."""
    session.set_points(some_points(3))
    session.set_axes(AxesChoice("pc1", "pc2"))
    np.testing.assert_array_equal(engine.last(DecodeGrid).axes.x, [1, 0, 0])
    session.set_points(rotated(some_points(3), 90))
    np.testing.assert_allclose(engine.last(DecodeGrid).axes.x, session.plane().x)
    np.testing.assert_allclose(engine.last(DecodeGrid).axes.x, [0, 1, 0], atol=1e-6)
    requested = engine.count(DecodeGrid)
    session.set_points(rotated(some_points(3), 90))
    assert engine.count(DecodeGrid) == requested, "the same components"
    session.set_points(None)
    np.testing.assert_array_equal(engine.last(DecodeGrid).axes.x, session.plane().x)


def test_components_that_rotate_slightly_during_training_wait_for_the_next_picture(parts, session, engine, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("latentlab.utils.duty_cycle.time.monotonic", lambda: clock[0])
    session.set_points(some_points(3))
    session.set_axes(AxesChoice("pc1", "pc2"))
    session.set_run_state("running")
    session.set_model(model_info(3), 2, is_new_model=False)
    requested = engine.count(DecodeGrid)
    session.set_points(rotated(some_points(3), 1))
    assert engine.count(DecodeGrid) == requested, "a picture that was begun is finished first"
    session.set_points(rotated(some_points(3), 20))
    assert engine.count(DecodeGrid) == requested + 1
    np.testing.assert_allclose(engine.last(DecodeGrid).axes.x, session.plane().x)


def test_answers_of_older_requests_and_models_are_not_painted(parts, session, engine):
    _, latent_map, painted = parts
    old = engine.last(DecodeGrid)
    latent_map.viewChanged.emit(View(-1, 1, -1, 1, 900, 600))
    new = engine.last(DecodeGrid)
    engine.gridTiles.emit(tiles(new))
    engine.gridTiles.emit(tiles(old))
    engine.gridTiles.emit(tiles(new, version=0))
    assert [generation for generation, *_ in painted] == [new.generation]


def test_coarse_tiles_do_not_replace_a_complete_picture_of_the_same_view(parts, session, engine):
    _, _, painted = parts
    engine.gridTiles.emit(tiles(engine.last(DecodeGrid), span=4))
    engine.gridTiles.emit(tiles(engine.last(DecodeGrid), done=True))
    session.set_model(model_info(3), 2, is_new_model=False)
    engine.gridTiles.emit(tiles(engine.last(DecodeGrid), span=4, version=2))
    engine.gridTiles.emit(tiles(engine.last(DecodeGrid), span=1, version=2))
    assert [span for _, _, span, _ in painted] == [4, 1, 1]


def test_coarse_tiles_do_not_replace_a_finished_picture_when_cells_become_finer_during_training(
    parts, session, engine, monkeypatch
):
    clock = [100.0]
    monkeypatch.setattr("latentlab.utils.duty_cycle.time.monotonic", lambda: clock[0])
    _, latent_map, painted = parts
    session.set_run_state("running")
    session.set_model(model_info(3), 2, is_new_model=True)
    first = engine.last(DecodeGrid)
    engine.gridTiles.emit(replace(tiles(first, version=2, done=True), seconds=1e-6))  # finer cells are affordable
    clock[0] += 1000.0
    session.set_model(model_info(3), 3, is_new_model=False)
    finer = engine.last(DecodeGrid)
    assert finer.columns > 2 * first.columns
    painted.clear()
    for span in (8, 2, 1):
        engine.gridTiles.emit(tiles(finer, span, version=3))
    assert [span for _, _, span, _ in painted] == [2, 1], "what is not coarser than the picture refines it"
    clock[0] += 1000.0
    session.set_run_state("paused")
    engine.gridTiles.emit(tiles(engine.last(DecodeGrid), version=3, done=True))
    painted.clear()
    latent_map.viewChanged.emit(View(-9, 9, -6, 6, 900, 600))
    engine.gridTiles.emit(tiles(engine.last(DecodeGrid), span=4, version=3))
    assert [span for _, _, span, _ in painted] == [4], "the picture does not cover this view"
    latent_map.viewChanged.emit(View(-3, 3, -2, 2, 900, 600))
    engine.gridTiles.emit(tiles(engine.last(DecodeGrid), span=4, version=3))
    assert [span for _, _, span, _ in painted] == [4, 4], "coarse tiles may have replaced the picture"


def test_during_training_it_is_decoded_at_a_limited_rate(parts, session, engine, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("latentlab.utils.duty_cycle.time.monotonic", lambda: clock[0])
    _, latent_map, painted = parts
    texts = []
    monkeypatch.setattr(latent_map, "set_staleness_text", lambda *what: texts.append(what))
    session.set_run_state("running")
    session.set_model(model_info(3), 2, is_new_model=False)
    request = engine.last(DecodeGrid)
    session.set_model(model_info(3), 3, is_new_model=False)
    assert engine.last(DecodeGrid) is request, "a picture that was begun is finished first"
    engine.gridTiles.emit(replace(tiles(request, version=3), epoch=1.5))
    engine.gridTiles.emit(replace(tiles(request, version=3, done=True), seconds=0.1, epoch=1.75))
    assert texts[-1] == ("manifold at epoch 1.5", "manifold"), "the epoch of its oldest tile"
    assert len(painted) == 2, "its tiles are shown although there are newer weights"
    clock[0] += 1.0
    session.set_model(model_info(3), 4, is_new_model=False)
    assert engine.last(DecodeGrid) is request, "a tenth of a second is one percent of ten seconds of training"
    clock[0] += 9.0
    session.set_model(model_info(3), 5, is_new_model=False)
    after = engine.last(DecodeGrid)
    assert after is not request
    engine.gridTiles.emit(replace(tiles(after, version=5, done=True), seconds=0.1))
    clock[0] += 10.0
    engine.trainingEvent.emit(TrainingProgress(Progress(9, 40, 1, 4, {}, 1.0, 1.0, None)))
    assert engine.last(DecodeGrid) is not after, "also without new points, which may take much longer"
    after = engine.last(DecodeGrid)
    session.set_run_state("idle")
    assert engine.last(DecodeGrid) is not after, "the best model's own picture in the end"


def test_older_results_are_refused_but_the_newest_request_is_not_waited_for():
    generations = Generations()
    first, second, third = generations.next(), generations.next(), generations.next()
    assert generations.accept(first)  # newer requests wait, and still this is newer than what is shown
    assert generations.accept(third)
    assert not generations.accept(second)
    assert not generations.accept(third)
    assert generations.accept(third, is_continuation=True)
    generations.next()
    generations.discard_pending()
    assert not generations.accept(3, is_continuation=True)


def test_a_stored_picture_is_shown_until_there_is_a_tile(parts, session, engine, monkeypatch):
    _, latent_map, _ = parts
    shown = []
    monkeypatch.setattr(latent_map, "set_manifold", lambda picture, *_: shown.append(picture))
    stored = replace(some_points(3), preview=np.zeros((8, 8), np.uint8), preview_extent=(-3.0, 3.0, -3.0, 3.0))
    session.set_points(stored)
    assert len(shown) == 1
    engine.gridTiles.emit(tiles(engine.last(DecodeGrid)))
    session.set_points(stored)
    assert len(shown) == 1


def test_it_is_coarse_during_training_and_fine_at_once_when_that_pauses(parts, session, engine, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("latentlab.utils.duty_cycle.time.monotonic", lambda: clock[0])

    def version(number: int, seconds: float) -> int:
        """Number of cells of the next picture during training, when each takes this long."""
        clock[0] += 1000.0
        session.set_model(model_info(3), number, is_new_model=False)
        request = engine.last(DecodeGrid)
        cells = request.columns * request.rows
        engine.gridTiles.emit(replace(tiles(request, version=number, done=True), seconds=seconds * cells))
        return cells

    whole = engine.last(DecodeGrid)
    session.set_run_state("running")
    session.set_model(model_info(3), 2, is_new_model=True)
    first, slow, quick = version(3, 0.01), version(4, 1e-6), version(5, 1e-6)
    assert first == slow < quick == whole.columns * whole.rows
    version(6, 2e-4)
    assert first < version(7, 2e-4) < quick, "as fine as can be ready every few seconds"
    session.set_run_state("paused")
    assert engine.last(DecodeGrid).columns == whole.columns
    before = engine.count(DecodeGrid)
    session.set_model(model_info(3), 8, is_new_model=False)
    assert engine.count(DecodeGrid) == before + 1, "there is no training to slow down"


def test_a_map_that_was_shown_before_is_decoded_in_its_present_view(qtbot, session, engine):
    latent_map = LatentMap()
    qtbot.addWidget(latent_map)
    latent_map.resize(600, 400)
    with qtbot.waitSignal(latent_map.viewChanged):
        latent_map.show()
    controller = MapController(session, engine, latent_map, latent_map)
    session.set_model(model_info(3), 1, is_new_model=True)
    assert engine.last(DecodeGrid).generation == controller.manifold.generation
