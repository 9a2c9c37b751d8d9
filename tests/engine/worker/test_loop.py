"""Every request, answered by a worker in either host."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from latentlab.config import DataConfig
from latentlab.config.events import Adjusted, Checkpoint, Epoch, Finished, Progress, Started
from latentlab.data import load_dataset
from latentlab.engine.protocol.messages import (
    AdjustTraining,
    Axes,
    CancelLoading,
    DatasetCancelled,
    DatasetOpened,
    Decode,
    Decoded,
    DecodeGrid,
    DistanceMeasured,
    DistanceToData,
    EncodeDataset,
    EncodeImage,
    Failed,
    GridTiles,
    ImageEncoded,
    Interpolate,
    ModelChanged,
    ModelSaved,
    Nearest,
    NearestFound,
    OpenDataset,
    OpenModel,
    PauseTraining,
    PointsChanged,
    Reconstruct,
    Request,
    Sample,
    SaveModel,
    StopTraining,
    Strip,
    TrainingEvent,
    TrainingState,
    Traverse,
    UnpauseTraining,
)
from latentlab.models.inference import load_model
from latentlab.storage import Points, read_model, write_model
from tests.engine.conftest import IMAGES, train

ZERO = np.zeros(2, np.float32)
PLANE = Axes(ZERO, np.array([1, 0], np.float32), np.array([0, 1], np.float32))


def in_bytes(images):
    return np.rint(images * 255).astype(np.uint8)


def test_a_decode_is_what_the_model_decodes(driver, model_file):
    z = np.array([0.5, -1.25], np.float32)
    driver.ask(Decode(3, z, preview=True))
    decoded = driver.wait(Decoded)
    expected = in_bytes(load_model(model_file, "cpu").decode(z[None]))[0, 0]
    np.testing.assert_array_equal(decoded.image, expected)
    assert (decoded.generation, decoded.preview) == (3, True)


def test_a_decode_requested_after_opening_a_model_uses_that_model(driver, model_file):
    driver.ask(OpenModel(str(model_file)), Decode(1, ZERO))
    changed = driver.wait(ModelChanged)
    assert changed.is_new_model
    assert driver.wait(Decoded).model_version == changed.model_version


def test_a_stored_map_is_published_with_the_model(shared, model_file):
    shared.ask(OpenModel(str(model_file)))
    changed = shared.wait(ModelChanged)
    points = shared.wait(PointsChanged)
    assert changed.info.recipe == "vae"
    assert changed.info.image_shape == (1, 8, 8)
    assert points.model_version == changed.model_version
    assert points.mean.shape == points.std.shape == (50, 2)
    assert points.preview.shape == (32, 32)
    assert points.preview_extent == (-3, 3, -3, 3)
    np.testing.assert_allclose(points.components @ points.components.T, np.eye(2), atol=1e-5)
    expected = 0.5 * (points.mean**2 + 0.25 - 1 - np.log(0.25)).mean(axis=0)
    np.testing.assert_allclose(points.kl, expected, rtol=1e-5)


def test_the_manifold_comes_coarse_first_and_ends_with_an_image_for_every_cell(driver, model_file):
    columns, rows = 9, 6
    driver.ask(DecodeGrid(7, PLANE, (-3.0, 3.0), (-2.0, 2.0), columns, rows, 8))
    parts = []
    while not parts or not parts[-1].done:
        parts.append(driver.wait(GridTiles))
    assert [part.span for part in parts] == sorted((part.span for part in parts), reverse=True)
    assert {part.span for part in parts} == {4, 2, 1}
    assert {part.generation for part in parts} == {7}
    finest = {}
    for part in parts:
        if part.span == 1:
            finest |= {tuple(cell): tile for cell, tile in zip(part.cells.tolist(), part.tiles, strict=True)}
    assert len(finest) == columns * rows
    model = load_model(model_file, "cpu")
    for (column, row), tile in finest.items():
        z = [[-3 + (column + 0.5) * 6 / columns, -2 + (row + 0.5) * 4 / rows]]
        np.testing.assert_allclose(tile.astype(int), in_bytes(model.decode(z))[0, 0].astype(int), atol=1)


def test_coarse_tiles_cover_the_whole_grid(driver):
    driver.ask(DecodeGrid(1, PLANE, (-3.0, 3.0), (-3.0, 3.0), 10, 7, 4))
    covered = {4: set(), 2: set(), 1: set()}
    while True:
        part = driver.wait(GridTiles)
        assert part.tiles.shape[1:] == (4, 4)
        for column, row in part.cells.tolist():
            across, up = range(column, column + part.span), range(row, row + part.span)
            covered[part.span] |= {(x, y) for x in across for y in up if x < 10 and y < 7}
        if part.done:
            break
    assert all(len(cells) == 70 for cells in covered.values())


def test_a_newer_manifold_replaces_an_older_one(driver):
    driver.ask(DecodeGrid(1, PLANE, (-3, 3), (-3, 3), 500, 500, 8))
    driver.wait(GridTiles)
    driver.ask(DecodeGrid(2, PLANE, (-1, 1), (-1, 1), 4, 4, 8))
    driver.wait(GridTiles, lambda part: part.generation == 2 and part.done)
    driver.ask(Decode(1, ZERO))
    driver.wait(Decoded)
    assert not driver.seen(GridTiles)


def test_strips(driver, model_file):
    model = load_model(model_file, "cpu")
    values = np.linspace(-2, 2, 5, dtype=np.float32)
    driver.ask(Traverse(1, np.array([9, 0.5], np.float32), (0,), values))
    strip = driver.wait(Strip)
    assert (strip.kind, strip.row_names, strip.images.shape) == ("traverse", ("z₁",), (1, 5, 8, 8))
    np.testing.assert_array_equal(strip.latents[0, :, 0], values)
    assert (strip.latents[0, :, 1] == 0.5).all()
    np.testing.assert_array_equal(strip.images[0], in_bytes(model.decode(strip.latents[0]))[:, 0])
    driver.ask(Interpolate(2, np.array([[-1, 0], [1, 1]], np.float32), 7))
    assert driver.wait(Strip).images.shape == (1, 7, 8, 8)
    driver.ask(Sample(3, 4, seed=5))
    assert driver.wait(Strip).images.shape == (1, 4, 8, 8)
    driver.ask(Reconstruct(4, 6))
    strip = driver.wait(Strip)
    assert strip.images.shape == (2, 6, 8, 8)
    np.testing.assert_array_equal(strip.images[1], in_bytes(model.decode(strip.latents[1]))[:, 0])
    mean, _ = model.encode(strip.images[0][:, None])
    np.testing.assert_allclose(mean, strip.latents[0], atol=1e-5)


def test_the_nearest_encoded_image_is_found_with_its_pixels(driver, image_file):
    driver.ask(EncodeDataset())
    points = driver.wait(PointsChanged)
    assert points.mean.shape == (IMAGES, 2)
    driver.ask(Nearest(5, points.mean[17], 5))
    found = driver.wait(NearestFound)
    with np.load(image_file) as data:
        same = np.flatnonzero((points.mean == points.mean[17]).all(axis=1))
        assert found.rows[0] in same
        np.testing.assert_array_equal(found.images, data["images"][found.numbers])
        np.testing.assert_array_equal(found.label, data["labels"][found.numbers])
    assert found.distance[0] == 0
    assert len(found.paths) == 5
    assert 0 < found.typical < 5
    assert found.model_version == points.model_version
    driver.ask(DistanceToData(6, np.full(2, 50.0, np.float32), preview=True))
    measured = driver.wait(DistanceMeasured)
    to_all = np.linalg.norm(points.mean.astype(float) - 50.0, axis=1)
    assert measured.distance == pytest.approx(to_all.min(), rel=1e-5)
    assert measured.typical == found.typical
    assert (measured.generation, measured.preview) == (6, True)
    assert measured.model_version == points.model_version


def test_stored_points_are_kept_and_the_other_images_encoded(driver, model_file, image_file, tmp_path):
    file, dataset, some = read_model(model_file), load_dataset(image_file), np.array([1, 4, 8])
    header = file.header.model_copy(update={"data": {"fingerprint": dataset.fingerprint}})
    kept = Points(np.full((3, 2), 7, np.float32), np.ones((3, 2), np.float32), dataset.labels[some], some)
    write_model(tmp_path / "some.safetensors", dataclasses.replace(file, header=header, points=kept))
    driver.ask(OpenModel(str(tmp_path / "some.safetensors")), EncodeDataset())
    points = driver.wait(PointsChanged, lambda points: len(points.mean) == IMAGES)
    expected, _ = load_model(model_file, "cpu").encode(dataset.images)
    expected[some] = 7
    np.testing.assert_allclose(points.mean, expected, atol=1e-5)
    np.testing.assert_array_equal(points.label, dataset.labels)


def test_a_dropped_image_is_prepared_as_the_models_data_was(driver, model_file, tmp_path):
    pixels = np.random.default_rng(3).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    driver.ask(EncodeImage(str(tmp_path / "one.png")))
    encoded = driver.wait(ImageEncoded)
    mean, std = load_model(model_file, "cpu").encode(pixels[None, None])
    np.testing.assert_allclose(encoded.mean, mean[0], rtol=1e-5)
    np.testing.assert_allclose(encoded.std, std[0], rtol=1e-5)
    np.testing.assert_array_equal(encoded.image, pixels)
    assert encoded.distortion > 0
    assert encoded.rate > 0


def test_honest_the_original_of_an_encoded_image_is_the_encoders_input(driver, model_file, tmp_path):
    pixels = np.random.default_rng(3).integers(0, 256, (40, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    driver.ask(EncodeImage(str(tmp_path / "wide.png")))
    encoded = driver.wait(ImageEncoded)
    assert encoded.image.shape == encoded.reconstruction.shape == (8, 8)
    mean, _ = load_model(model_file, "cpu").encode(encoded.image[None, None])
    np.testing.assert_allclose(encoded.mean, mean[0], rtol=1e-5)


def test_a_saved_model_has_the_same_weights_and_map(driver, model_file, tmp_path):
    driver.ask(SaveModel(str(tmp_path / "copy")))
    saved = driver.wait(ModelSaved)
    copy, original = read_model(saved.path), read_model(model_file)
    assert copy.weights.keys() == original.weights.keys()
    assert all((copy.weights[name] == original.weights[name]).all() for name in original.weights)
    np.testing.assert_array_equal(copy.points.mean, original.points.mean)
    assert copy.preview is not None


def test_a_model_is_not_saved_over_its_own_file(driver, model_file, tmp_path):
    before = model_file.read_bytes()
    (tmp_path / "link.safetensors").symlink_to(model_file)
    for path in (model_file, tmp_path / "link.safetensors"):
        driver.ask(SaveModel(str(path)))
        failed = driver.wait(Failed)
        assert failed.expected
        assert "is an input of this command" in failed.message
    assert model_file.read_bytes() == before


def test_a_dataset_is_described_and_stays_open_when_another_cannot_be_opened(driver, image_file, tmp_path):
    driver.ask(OpenDataset(str(image_file), DataConfig(limit=100)))
    info = driver.wait(DatasetOpened).info
    assert (info.images, info.image_shape, len(info.classes)) == (100, (1, 8, 8), 2)
    assert sum(info.class_counts) == info.training_images + info.validation_images == 100
    driver.ask(OpenDataset(str(tmp_path / "absent")), Reconstruct(1, 3))
    failed = driver.wait(Failed)
    assert failed.request == "OpenDataset"
    assert failed.expected
    assert not failed.details
    assert driver.wait(Strip).images.shape[1] == 3
    driver.ask(OpenDataset(str(image_file)))
    driver.wait(DatasetOpened)


def test_an_opening_can_be_cancelled(driver):
    # Large images: small ones could be open before the second request arrives.
    driver.ask(OpenDataset("demo:shapes", DataConfig(image_size=160)), CancelLoading())
    driver.wait(DatasetCancelled)
    assert not driver.seen(DatasetOpened)


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        (OpenModel("bundled:absent"), "OpenModel"),
        (Decode(1, np.full(2, np.nan, np.float32)), "Decode"),
        (DecodeGrid(1, PLANE, (0, 1), (0, 1), 0, 5, 8), "DecodeGrid"),
        (Traverse(1, ZERO, (2,), ZERO), "Traverse"),
        (PauseTraining(), "PauseTraining"),
        (EncodeImage("/absent.png"), "EncodeImage"),
    ],
)
def test_an_invalid_request_fails_with_one_sentence_and_the_model_stays(driver, ask, name):
    driver.ask(ask)
    failed = driver.wait(Failed)
    assert failed.request == name
    assert failed.expected
    assert "\n" not in failed.message
    driver.ask(Decode(2, ZERO))
    assert driver.wait(Decoded).generation == 2


def test_requests_with_latents_of_an_earlier_model_are_dropped(driver):
    other = np.zeros(5, np.float32)
    driver.ask(Traverse(1, other, (0,), ZERO), Nearest(1, other), Decode(1, other))
    driver.ask(AdjustTraining(), Decode(2, ZERO))  # an ordered request, so that the first decode is not replaced
    assert driver.wait(Decoded).generation == 2
    assert not driver.seen(Failed)
    assert not driver.seen(Strip)


def test_a_run_is_reported_from_start_to_end_and_updates_the_map(driver, tmp_path):
    out = tmp_path / "run"
    driver.ask(train(out, epochs=3))
    first = driver.wait(ModelChanged)
    assert first.is_new_model
    assert first.training
    assert driver.wait(TrainingState).state == "running"
    assert driver.wait(TrainingEvent).event.event == Started.event
    moving = driver.wait(PointsChanged)
    assert 0 < len(moving.mean) <= IMAGES
    assert moving.model_version > first.model_version
    epochs = [driver.wait(TrainingEvent, lambda result: isinstance(result.event, Epoch)).event.epoch for _ in range(3)]
    assert epochs == [1, 2, 3]
    final = driver.wait(ModelChanged, lambda changed: not changed.training)
    assert not final.is_new_model
    assert final.info.path == str(out / "model.safetensors")
    points = driver.wait(PointsChanged)
    assert points.mean.shape == (IMAGES, 2)
    assert points.preview is not None
    finished = driver.wait(TrainingEvent).event
    assert isinstance(finished, Finished)
    assert finished.reason == "done"
    assert driver.wait(TrainingState).state == "idle"
    z = np.array([0.3, 0.1], np.float32)
    driver.ask(Decode(1, z))
    np.testing.assert_array_equal(driver.wait(Decoded).image, in_bytes(load_model(out).decode(z[None]))[0, 0])


def test_a_run_can_be_explored_paused_adjusted_and_stopped(driver, tmp_path):
    out = tmp_path / "run"
    driver.ask(train(out, epochs=100_000))
    driver.wait(TrainingEvent, lambda result: isinstance(result.event, Progress))
    driver.ask(Decode(1, ZERO))
    before = driver.wait(Decoded).image
    driver.wait(TrainingEvent, lambda result: isinstance(result.event, Epoch) and result.event.epoch >= 10)
    driver.ask(AdjustTraining(beta=0.1, learning_rate=0.01, epochs=90_000, patience=80_000))
    adjusted = driver.wait(TrainingEvent, lambda result: isinstance(result.event, Adjusted)).event
    assert (adjusted.beta, adjusted.epochs, adjusted.patience) == (0.1, 90_000, 80_000)
    driver.ask(PauseTraining())
    *before_pause, state = driver.until(TrainingState)
    assert state.state == "paused"
    # The last of each: an epoch's checkpoint and another update of the map may come before the pause.
    event = [result for result in before_pause if isinstance(result, TrainingEvent)][-1].event
    assert isinstance(event, Checkpoint)
    points = [result for result in before_pause if isinstance(result, PointsChanged)][-1]
    driver.ask(DecodeGrid(1, PLANE, (-1, 1), (-1, 1), 2, 2, 8))
    assert driver.wait(GridTiles).epoch == points.epoch, "no step after that"
    driver.ask(Decode(2, ZERO))
    paused = driver.wait(Decoded).image
    assert (paused != before).any()
    driver.ask(Decode(3, ZERO))
    np.testing.assert_array_equal(driver.wait(Decoded).image, paused)
    assert not driver.seen(TrainingEvent)
    driver.ask(OpenModel("bundled:mnist-2d"))
    assert "stop the run" in driver.wait(Failed).message
    driver.ask(train(tmp_path / "other"))
    assert "stop the run" in driver.wait(Failed).message
    driver.ask(UnpauseTraining())
    assert driver.wait(TrainingState).state == "running"
    driver.ask(StopTraining())
    assert driver.wait(TrainingState).state == "stopping"
    finished = driver.wait(TrainingEvent, lambda result: isinstance(result.event, Finished)).event
    assert finished.reason == "stopped"
    assert (out / "model.safetensors").exists()
    assert (out / "checkpoint.safetensors").exists()


def test_the_window_trains_to_the_same_bits_as_the_command_line(driver, image_file, tmp_path):
    from latentlab.data import load_dataset
    from latentlab.training import Trainer

    request = train(tmp_path / "window", epochs=2, seed=3, device="cpu")
    for _event in Trainer(load_dataset(image_file), request.config, tmp_path / "alone").steps():
        pass
    driver.ask(request)
    driver.wait(TrainingEvent, lambda result: isinstance(result.event, Finished))
    window, alone = (read_model(tmp_path / name / "model.safetensors") for name in ("window", "alone"))
    assert all(window.weights[name].tobytes() == alone.weights[name].tobytes() for name in alone.weights)


def test_a_run_that_early_stopping_has_ended_continues_when_asked(driver, image_file, tmp_path):
    out, impatient = tmp_path / "run", {"epochs": 90, "patience": 1, "learning_rate": 1.0}
    driver.ask(OpenDataset(str(image_file)), train(out, **impatient))
    ended = driver.wait(TrainingEvent, lambda result: isinstance(result.event, Finished)).event
    assert ended.reason == "patience"
    driver.wait(TrainingState, lambda result: result.state == "idle")
    driver.ask(train(out, resume=True, **impatient))
    again = driver.wait(TrainingEvent, lambda result: isinstance(result.event, Finished) and result.event != ended)
    assert again.event.epochs > ended.epochs


def test_a_refused_run_leaves_the_current_model(driver, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    driver.ask(train(tmp_path / "full"))
    failed = driver.wait(Failed)
    assert failed.request == "Train"
    assert failed.expected
    assert not driver.seen(ModelChanged)
    driver.ask(Decode(1, ZERO))
    driver.wait(Decoded)


def test_a_run_folder_that_is_gone_is_not_silently_started_from_scratch(driver, image_file, tmp_path):
    driver.ask(OpenDataset(str(image_file)), train(tmp_path / "gone", resume=True))
    failed = driver.wait(Failed)
    assert failed.message == f"there is no run in {tmp_path / 'gone'} any more; put its folder back, or train a new one"
    assert not (tmp_path / "gone").exists()


def test_an_unknown_request_is_reported_by_its_name(shared):
    shared.ask(Request())
    failed = shared.wait(Failed)
    assert (failed.request, failed.expected) == ("Request", False)
    assert "unknown request Request" in failed.message
