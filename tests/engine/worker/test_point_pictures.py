"""Pictures of encoded images: real ones of the open dataset, and decoded ones for their own class."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.engine.protocol.messages import EncodeDataset, PicturesOfPoints, PointPictures, PointsChanged
from tests.engine.conftest import IMAGES

pytestmark = pytest.mark.usefixtures("driver")


def pictures(driver, rows, kind, pixels=8) -> tuple[list[int], np.ndarray]:
    """All pictures of the answer, with their rows."""
    driver.ask(PicturesOfPoints(1, np.asarray(rows, np.int64), kind, pixels))
    results = driver.until(PointPictures, lambda result: result.done)
    parts = [result for result in results if isinstance(result, PointPictures)]
    return np.concatenate([part.rows for part in parts]).tolist(), np.concatenate([p.pictures for p in parts])


def test_real_pictures_are_the_datasets_images_in_the_order_asked_for(driver, image_file):
    driver.ask(EncodeDataset())
    driver.wait(PointsChanged, lambda points: len(points.mean) == IMAGES)
    images = np.load(image_file)["images"]
    wanted = np.random.default_rng(0).permutation(IMAGES)[:150]
    rows, found = pictures(driver, [*wanted, IMAGES, -1], "real")
    assert rows == wanted.tolist(), "rows without an image are left out"
    np.testing.assert_array_equal(found, images[wanted])
    rows, found = pictures(driver, wanted[:3], "real", pixels=4)
    mean = images[wanted[:3]].reshape(3, 4, 2, 4, 2).mean(axis=(2, 4))
    assert np.abs(found - mean).max() <= 0.5 + 1e-3


def test_decoded_pictures_are_decoded_from_the_points_own_latents(driver, model_file):
    from latentlab.models.inference import load_model
    from latentlab.utils.pixels import as_pixels, to_bytes

    model = load_model(model_file, "cpu")
    rows, found = pictures(driver, [7, 0, 49], "decoded")
    assert rows == [7, 0, 49]
    expected = as_pixels(to_bytes(model.decode(model.points.mean[[7, 0, 49]]))).astype(int)
    assert np.abs(found - expected).max() <= 1


def test_without_the_points_images_there_are_no_real_pictures(driver):
    rows, found = pictures(driver, [1, 2], "real")
    assert rows == []
    assert len(found) == 0
