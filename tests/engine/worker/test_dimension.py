"""What a dimension does, as the worker describes it."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.engine.protocol.messages import DescribeDimension, DimensionDescribed, Failed, OpenModel, PointsChanged
from latentlab.latent.correlation import correlation_ratio
from latentlab.models.inference import load_model
from latentlab.utils.pixels import as_pixels, to_bytes

VALUES = np.linspace(-2, 2, 5, dtype=np.float32)


def test_images_changes_and_correlations_of_a_dimension(driver, model_file):
    z = np.array([0.5, -1.0], np.float32)
    driver.ask(DescribeDimension(3, z, 1, VALUES))
    found = driver.wait(DimensionDescribed)
    assert (found.generation, found.dimension) == (3, 1)
    model = load_model(model_file, "cpu")
    np.testing.assert_allclose(found.latents, [(0.5, value) for value in VALUES])
    expected = as_pixels(to_bytes(model.decode(found.latents))).astype(int)
    assert np.abs(found.images - expected).max() <= 1
    np.testing.assert_allclose(found.change, model.decoder_derivative(z[None], [0, 1])[0, 0], atol=1e-5)
    points = model.points
    mean_change = np.abs(model.decoder_derivative(points.mean, [0, 1])[:, 0]).mean(axis=0)
    assert found.averaged == 48
    np.testing.assert_allclose(found.mean_change, mean_change, atol=0.1 * mean_change.max())
    (of_class,) = found.correlations
    assert (of_class.name, of_class.is_signed) == ("class", False)
    assert of_class.value == pytest.approx(correlation_ratio(points.mean[:, 1], points.label))
    means = {name: points.mean[points.label == label, 1].mean() for label, name in enumerate(model.header.classes)}
    assert of_class.high[0] == (max(means, key=means.get), pytest.approx(max(means.values()), abs=1e-5))
    assert of_class.low[0] == (min(means, key=means.get), pytest.approx(min(means.values()), abs=1e-5))


def test_factors_of_the_open_dataset_are_correlated_strongest_first(driver):
    from latentlab.config import DataConfig
    from latentlab.engine.protocol.messages import DatasetOpened, EncodeDataset, OpenDataset

    driver.ask(OpenModel("bundled:shapes-6d"), OpenDataset("demo:shapes", DataConfig(limit=200)))
    driver.wait(DatasetOpened)
    driver.ask(EncodeDataset())
    points = driver.wait(PointsChanged, lambda points: points.columns)
    driver.ask(DescribeDimension(1, points.mean[0], 0, VALUES))
    found = {each.name: each for each in driver.wait(DimensionDescribed).correlations}
    assert {"x", "y", "scale", "rotation"} <= found.keys()
    for name in ("x", "y"):
        r = np.corrcoef(points.mean[:, 0], points.columns[name])[0, 1]
        assert found[name].value == pytest.approx(r, abs=1e-5)
    strengths = [abs(each.value) for each in found.values()]
    assert strengths == sorted(strengths, reverse=True)


@pytest.mark.usefixtures("driver")
def test_a_dimension_that_there_is_not_is_refused(driver):
    driver.ask(DescribeDimension(1, np.zeros(2, np.float32), 2, VALUES))
    assert driver.wait(Failed).message == "the model has dimensions 1 to 2"
