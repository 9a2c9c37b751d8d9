"""What is said of the open images beside those that a model was trained on: never more than is known."""

from __future__ import annotations

import pytest

from latentlab.config import DataConfig
from latentlab.config.info import DatasetInfo
from latentlab.config.training_images import CONTAINED, PART, UNKNOWN, training_images_remark

SOURCE = "/data/train-images-idx3-ubyte.gz"


def opened(source: str = SOURCE, images: int = 60_000, fingerprint: str = "f", **config: object) -> DatasetInfo:
    return DatasetInfo(
        name="d", source=source, images=images, image_shape=(1, 8, 8), classes=(), class_counts=(),
        training_images=images, validation_images=0, skipped=(), skipped_count=0, config=DataConfig(**config),
        bytes_in_memory=1, fingerprint=fingerprint,
    )  # fmt: skip


def trained_on(source: str = SOURCE, images: int = 60_000, fingerprint: str = "other", **config: object) -> dict:
    values = DataConfig(**config).model_dump(mode="json")
    return {"source": source, "images": images, "fingerprint": fingerprint, "config": values}


@pytest.mark.parametrize(
    ("data", "dataset", "remark"),
    [
        (trained_on(fingerprint="f", source="elsewhere"), opened(), ""),
        (trained_on("train-images-idx3-ubyte.gz", levels="full"), opened(), ""),  # read by another rule of levels
        (trained_on(images=60_001), opened(), UNKNOWN),
        (trained_on(images=1000, limit=1000), opened(), CONTAINED),
        (trained_on(images=60_000, limit=70_000), opened(), ""),
        (trained_on(images=900, classes=("1",)), opened(), CONTAINED),
        (trained_on(), opened(images=1000, limit=1000), PART),
        (trained_on(images=1000, limit=1000), opened(images=1000, limit=1000, levels="type"), ""),
        (trained_on(images=1000, limit=1000), opened(images=1000, limit=1000, seed=1), UNKNOWN),
        (trained_on(images=500, limit=500), opened(images=1000, limit=1000), UNKNOWN),
        (trained_on(images=10, limit=10, frames="first"), opened(), UNKNOWN),
        (trained_on("/elsewhere/train-images-idx3-ubyte.gz"), opened(), UNKNOWN),
        (trained_on("t10k-images-idx3-ubyte.gz", images=10_000), opened(), UNKNOWN),
        (trained_on("demo:shapes"), opened("demo:shapes"), ""),
        ({"source": SOURCE, "images": 60_000}, opened(), UNKNOWN),
        ({"source": SOURCE, "images": 60_000, "config": {"of a later version": 1}}, opened(), UNKNOWN),
        ({}, opened(), UNKNOWN),
        ({"fingerprint": ""}, opened(fingerprint=""), UNKNOWN),
    ],
)
def test_what_is_known_is_said_and_nothing_else(data, dataset, remark):
    assert training_images_remark(data, dataset) == remark


@pytest.mark.parametrize("name", ["mnist-10d", "mnist-2d"])
def test_a_bundled_model_knows_the_file_it_was_trained_on(name):
    from latentlab import load_model

    assert training_images_remark(load_model(f"bundled:{name}").header.data, opened()) == ""
