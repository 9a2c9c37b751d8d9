"""Images of the open dataset, read anew as other settings make them, while it stays open as it is."""

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
    """Wide images, black but for a white right half; one of class b in colour."""
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
    """The sheet's images, one row of two here."""
    _, height, width = preview.image_shape
    return [preview.contact_sheet[:height, left : left + width] for left in (0, width + 1)]


def test_files_are_previewed_as_reading_them_again_would_make_them(thread, photos):
    thread.ask(OpenDataset(str(photos), DataConfig(image_size=16)))
    thread.wait(DatasetOpened)
    for settings in ({"fit": "crop", "image_size": 8}, {"channels": 1, "invert": True}, {"image_size": 24}):
        preview = previewed(thread, photos, **settings)
        expected = load_dataset(photos, DataConfig(**settings))
        assert preview.image_shape == expected.image_shape
        images = expected.images[:, 0] if expected.image_shape[0] == 1 else expected.images.transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(tiles(preview), images)


def test_only_chosen_classes_are_previewed_in_the_dataset_s_own_colours(thread, photos):
    thread.ask(OpenDataset(str(photos), DataConfig()))
    assert thread.wait(DatasetOpened).info.image_shape == (3, 20, 40)
    preview = previewed(thread, photos, classes=("a",))
    assert preview.contact_sheet.shape == (20, 40, 3)  # the one grey image; reading again would make it grey
    assert preview.contact_sheet.max() == 255


def test_a_dataset_in_one_file_is_previewed_by_its_reader(thread, image_file):
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
def test_an_array_is_previewed_as_reading_it_again_would_make_it_and_without_reading(
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


def test_of_an_array_only_the_chosen_classes_are_previewed(thread, tmp_path):
    labels = np.repeat([3, 7], 100)
    np.savez(tmp_path / "a.npz", images=np.repeat(labels, 64).reshape(200, 8, 8).astype(np.uint8), labels=labels)
    thread.ask(OpenDataset(str(tmp_path / "a.npz"), DataConfig()))
    thread.wait(DatasetOpened)
    shown = previewed(thread, tmp_path / "a.npz", classes=("7",)).contact_sheet
    assert 7 in shown
    assert 3 not in shown


def test_what_was_found_is_told(thread, photos):
    (photos / "notes.png").write_text("no image")
    thread.ask(OpenDataset(str(photos), DataConfig()))
    info = thread.wait(DatasetOpened).info
    assert (info.formats, info.modes, info.sizes) == ((("PNG", 2),), (("RGB", 2),), (("40×20", 2),))
    assert (info.classes, info.class_counts, info.skipped_count) == (("a", "b"), (1, 1), 1)


def test_the_first_images_come_while_the_rest_load_which_can_be_given_up(thread, tmp_path):
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
