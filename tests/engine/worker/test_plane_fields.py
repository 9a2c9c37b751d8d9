"""Quantities at every place of the map's plane: each cell's value is the one that a direct computation gives."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.config.events import Progress
from latentlab.engine.protocol.messages import (
    Axes,
    DecodeGrid,
    Failed,
    FieldsMeasured,
    GridTiles,
    MeasureFields,
    Ping,
    Pong,
    StopTraining,
    TrainingEvent,
    TrainingState,
)
from latentlab.latent import linear_grid, magnification
from latentlab.latent.terrain import Terrain
from latentlab.models.inference import load_model
from tests.engine.conftest import train

AXES = Axes(np.zeros(2, np.float32), *np.eye(2, dtype=np.float32))
RANGE = (-2.0, 2.0)
COLUMNS, ROWS = 7, 5


def measured(driver, *kinds, axes=AXES) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The latents of the cells [rows, columns, d], and the last values of each kind [rows, columns]."""
    driver.ask(MeasureFields(3, kinds, axes, RANGE, RANGE, COLUMNS, ROWS))
    result = driver.wait(FieldsMeasured, lambda each: each.done)
    assert (result.generation, result.span) == (3, 1)
    column, row = result.cells.T
    assert len(set(zip(column.tolist(), row.tolist(), strict=True))) == COLUMNS * ROWS
    values = dict(result.values)
    if result.share is not None:
        values["share"] = result.share
    grids = {}
    for name, each in values.items():
        grids[name] = np.full((ROWS, COLUMNS), np.nan)
        grids[name][row, column] = each
    positions = linear_grid(COLUMNS, ROWS, RANGE, RANGE).astype(np.float32)
    if not isinstance(axes, Axes):
        return positions, grids
    return axes.lift(positions.reshape(-1, 2)).reshape(ROWS, COLUMNS, -1), grids


def test_round_trip_magnification_and_uncertainty_are_those_of_each_cells_latent(driver, model_file):
    latents, found = measured(driver, "round_trip", "magnification", "uncertainty")
    z, model = latents.reshape(-1, 2), load_model(model_file, "cpu")
    images = model.decode(z)
    back, _ = model.encode(images)
    np.testing.assert_allclose(found["round_trip"].ravel(), np.linalg.norm(z - back, axis=1), rtol=1e-4)
    np.testing.assert_allclose(found["magnification"].ravel(), magnification(model.decoder_jacobian(z)), rtol=1e-4)
    std = np.sqrt(images * (1 - images)).sum(axis=(1, 2, 3))  # of Bernoulli pixels
    np.testing.assert_allclose(found["uncertainty"].ravel(), std, rtol=1e-4)


def test_the_class_is_that_of_most_of_the_nearest_images(driver, model_file):
    from sklearn.neighbors import KNeighborsClassifier

    points = load_model(model_file, "cpu").points
    latents, found = measured(driver, "classes")
    classifier = KNeighborsClassifier(15).fit(points.mean, points.label)
    np.testing.assert_array_equal(found["classes"].ravel(), classifier.predict(latents.reshape(-1, 2)))
    shares = classifier.predict_proba(latents.reshape(-1, 2)).max(axis=1)
    np.testing.assert_allclose(found["share"].ravel(), shares, atol=1e-6)


def test_all_dimensions_count_on_a_slice(driver):
    from latentlab.engine.protocol.messages import OpenModel, PointsChanged

    driver.ask(OpenModel("bundled:mnist-10d"))
    driver.wait(PointsChanged)
    basis = np.eye(10, dtype=np.float32)
    origin = np.zeros(10, np.float32)
    origin[4] = 1.5
    axes = Axes(origin, basis[0], basis[3])
    latents, found = measured(driver, "magnification", "round_trip", axes=axes)
    z, model = latents.reshape(-1, 10), load_model("bundled:mnist-10d", "cpu")
    jacobian = model.decoder_jacobian(z, basis[[0, 3]])
    np.testing.assert_allclose(found["magnification"].ravel(), magnification(jacobian), rtol=1e-4)
    back, _ = model.encode(model.decode(z))
    np.testing.assert_allclose(found["round_trip"].ravel(), np.linalg.norm(z - back, axis=1), rtol=1e-4)


def test_the_whole_map_of_a_terrain_is_decoded_and_measured(driver):
    from latentlab.engine.protocol.messages import Embed, Embedded, LayoutSurface, OpenModel, PointsChanged

    driver.ask(OpenModel("bundled:mnist-10d"))
    points = driver.wait(PointsChanged)
    driver.ask(Embed(6, "flat"))
    layout = driver.wait(Embedded, lambda each: each.done)
    surface = LayoutSurface(6)
    driver.ask(DecodeGrid(1, surface, RANGE, RANGE, COLUMNS, ROWS, 28))
    tiles = np.zeros((ROWS, COLUMNS, 28, 28), np.uint8)
    for result in driver.until(GridTiles, lambda each: each.done):
        if isinstance(result, GridTiles) and result.span == 1:
            column, row = result.cells.T
            tiles[row, column] = result.tiles
    terrain = Terrain(points.mean, layout.positions)
    z, error = terrain.at(linear_grid(COLUMNS, ROWS, RANGE, RANGE).reshape(-1, 2))
    images = load_model("bundled:mnist-10d", "cpu").decode(z).reshape(ROWS, COLUMNS, 28, 28)
    assert np.abs(tiles / 255 - images).max() < 0.01
    _, found = measured(driver, "assignment", "uncertainty", axes=surface)
    np.testing.assert_allclose(found["assignment"].ravel(), error, rtol=1e-4)
    # A terrain of an earlier layout is not answered, and nothing waits for it.
    driver.ask(Embed(7, "flat"), DecodeGrid(2, surface, RANGE, RANGE, COLUMNS, ROWS, 28), Ping())
    assert not any(isinstance(each, GridTiles) for each in driver.until(Pong))


def test_coarse_values_come_first_and_the_manifold_meanwhile(driver):
    driver.ask(
        MeasureFields(1, ("magnification",), AXES, RANGE, RANGE, 40, 40),
        DecodeGrid(1, AXES, RANGE, RANGE, 12, 12, 8),
    )
    results = driver.until(FieldsMeasured, lambda each: each.done)
    assert any(isinstance(each, GridTiles) for each in results)
    spans = [each.span for each in results if isinstance(each, FieldsMeasured)]
    assert spans == sorted(spans, reverse=True)
    assert set(spans) == {4, 2, 1}


@pytest.mark.usefixtures("driver")
def test_a_grid_out_of_bounds_is_refused(driver):
    driver.ask(MeasureFields(1, ("magnification",), AXES, RANGE, RANGE, 0, 4))
    assert "out of bounds" in driver.wait(Failed).message


def test_values_are_computed_beside_a_run(driver, tmp_path):
    driver.ask(train(tmp_path / "run", epochs=1_000_000))
    driver.wait(TrainingEvent, lambda result: isinstance(result.event, Progress))
    driver.ask(MeasureFields(5, ("magnification", "round_trip"), AXES, RANGE, RANGE, COLUMNS, ROWS))
    result = driver.wait(FieldsMeasured, lambda each: each.done)
    assert all(np.isfinite(each).all() for each in result.values.values())
    driver.wait(TrainingEvent, lambda result: isinstance(result.event, Progress))
    driver.ask(StopTraining())
    driver.wait(TrainingState, lambda each: each.state == "idle")
