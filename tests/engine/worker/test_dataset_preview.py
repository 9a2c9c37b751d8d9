"""Previews of the open dataset with other settings, while it stays open unchanged."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.engine.protocol.messages import (
    CancelLoading,
    DatasetCancelled,
    DatasetOpened,
    DatasetPreview,
    OpenDataset,
    PreviewDataset,
)
from latentlab.engine.worker.dataset_preview import contact_sheet
from tests.engine.conftest import Driver

MANY = 3000


@pytest.fixture
def photos(tmp_path):
    """Wide images with a black left half; the right half is white, or red in class b."""
    folder = tmp_path / "photos"
    for name, colour in (("a", "white"), ("b", "red")):
        (folder / name).mkdir(parents=True)
        image = Image.new("RGB", (40, 20))
        image.paste(colour, (20, 0, 40, 20))
        image.save(folder / name / f"{name}.png")
    return folder


@pytest.fixture
def thread():
    driver = Driver("thread")
    yield driver
    driver.close()


def previewed(driver, source, **settings) -> DatasetPreview:
    driver.ask(PreviewDataset(str(source), DataConfig(**settings)))
    return driver.wait(DatasetPreview)


def tiles(preview: DatasetPreview) -> list[np.ndarray]:
    """The contact sheet's images: here one row of two."""
    _, height, width = preview.image_shape
    return [preview.contact_sheet[:height, left : left + width] for left in (0, width + 1)]


def test_a_preview_of_files_equals_reading_them_again(thread, photos):
    thread.ask(OpenDataset(str(photos), DataConfig(image_size=16)))
    thread.wait(DatasetOpened)
    for settings in ({"fit": "crop", "image_size": 8}, {"channels": 1, "invert": True}, {"image_size": 24}):
        preview = previewed(thread, photos, **settings)
        expected = load_dataset(photos, DataConfig(**settings))
        assert preview.image_shape == expected.image_shape
        images = expected.images[:, 0] if expected.image_shape[0] == 1 else expected.images.transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(tiles(preview), images)


def test_only_selected_classes_are_previewed_with_the_datasets_channels(thread, photos):
    thread.ask(OpenDataset(str(photos), DataConfig()))
    assert thread.wait(DatasetOpened).info.image_shape == (3, 20, 40)
    preview = previewed(thread, photos, classes=("a",))
    assert preview.contact_sheet.shape == (20, 40, 3)  # the one grey image; reading again would make it grey
    assert preview.contact_sheet.max() == 255


def test_a_dataset_in_one_file_is_previewed(thread, image_file):
    thread.ask(OpenDataset(str(image_file), DataConfig()))
    thread.wait(DatasetOpened)
    assert previewed(thread, image_file, image_size=16, channels=3).image_shape == (3, 16, 16)


@pytest.mark.parametrize(
    ("array", "settings"),
    [
        (np.random.default_rng(0).random((300, 20, 30), np.float32) * 7, {"levels": "stretch", "image_size": 16}),
        (np.random.default_rng(0).integers(0, 60_000, (300, 20, 30), np.uint16), {"levels": "stretch"}),
        (np.random.default_rng(0).integers(0, 256, (2, 3, 20, 20), np.uint8), {"channels": 1, "invert": True}),
        (np.random.default_rng(0).integers(0, 256, (2, 20, 20, 4), np.uint8), {"fit": "crop", "image_size": 12}),
    ],
)
def test_a_preview_of_an_array_equals_reading_it_again_but_does_not_read_it(
    thread, tmp_path, monkeypatch, array, settings
):
    np.save(tmp_path / "a.npy", array)
    thread.ask(OpenDataset(str(tmp_path / "a.npy"), DataConfig()))
    thread.wait(DatasetOpened)
    expected = load_dataset(tmp_path / "a.npy", DataConfig(**settings)).images
    monkeypatch.setattr("latentlab.engine.worker.dataset_preview.open_dataset", None)
    preview = previewed(thread, tmp_path / "a.npy", **settings)
    assert preview.image_shape == expected.shape[1:]
    first = tiles(preview)[0]
    expected_first = expected[0, 0] if expected.shape[1] == 1 else expected[0].transpose(1, 2, 0)
    assert np.abs(first.astype(int) - expected_first).max() <= 2 * ("levels" in settings)


def test_only_selected_classes_of_an_array_are_previewed(thread, tmp_path):
    labels = np.repeat([3, 7], 100)
    np.savez(tmp_path / "a.npz", images=np.repeat(labels, 64).reshape(200, 8, 8).astype(np.uint8), labels=labels)
    thread.ask(OpenDataset(str(tmp_path / "a.npz"), DataConfig()))
    thread.wait(DatasetOpened)
    shown = previewed(thread, tmp_path / "a.npz", classes=("7",)).contact_sheet
    assert 7 in shown
    assert 3 not in shown


def test_formats_modes_and_sizes_are_reported(thread, photos):
    (photos / "notes.png").write_text("no image")
    thread.ask(OpenDataset(str(photos), DataConfig()))
    info = thread.wait(DatasetOpened).info
    assert (info.formats, info.modes, info.sizes) == ((("PNG", 2),), (("RGB", 2),), (("40×20", 2),))
    assert (info.classes, info.class_counts, info.skipped_count) == (("a", "b"), (1, 1), 1)


def test_the_first_images_are_shown_during_loading_which_can_be_cancelled(thread, tmp_path):
    image = Image.effect_noise((256, 256), 50)
    image.save(tmp_path / "0.png")
    data = (tmp_path / "0.png").read_bytes()
    for number in range(1, MANY):
        (tmp_path / f"{number}.png").write_bytes(data)
    thread.ask(OpenDataset(str(tmp_path), DataConfig(image_size=32)))
    first = thread.wait(DatasetPreview)
    assert first.image_shape == (1, 32, 32)
    thread.ask(CancelLoading())
    thread.wait(DatasetCancelled)
    assert not thread.seen(DatasetOpened)


def test_a_contact_sheet_shows_each_image_at_its_position():
    images = np.random.default_rng(0).integers(1, 256, (5, 1, 4, 6), dtype=np.uint8)
    sheet = contact_sheet(images, 3)
    assert sheet.shape == (2 * 5 - 1, 3 * 7 - 1)
    np.testing.assert_array_equal(sheet[5:, 7:13], images[4, 0])
    assert (sheet[4] == 0).all()
    assert contact_sheet(images[:, [0, 0, 0]], 9).shape == (4, 5 * 7 - 1, 3)


def test_a_folder_of_deep_stacks_is_previewed_with_its_one_range(thread, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    for number, top in enumerate((1000, 4000)):
        frames = np.stack([np.full((16, 16), top, np.uint16), np.zeros((16, 16), np.uint16)])
        tifffile.imwrite(tmp_path / f"{number}.tif", frames, photometric="minisblack")
    thread.ask(OpenDataset(str(tmp_path), DataConfig()))
    opened = thread.wait(DatasetOpened)
    assert opened.info.images == 4
    assert opened.info.value_range == (0, 4095)
    assert (opened.histogram.low, opened.histogram.high) == (0, 4000)
    assert opened.histogram.counts.sum() == 4 * 256
    for levels, value_range in (("type", (0, 65535)), ("window", (0, 4000)), ("0,2000", (0, 2000))):
        preview = previewed(thread, tmp_path, levels=levels)
        assert preview.value_range == value_range
        expected = load_dataset(tmp_path, DataConfig(levels=levels)).images[:, 0, 0, 0]
        assert preview.contact_sheet[0, [0, 17, 34, 51]].tolist() == expected.tolist()
