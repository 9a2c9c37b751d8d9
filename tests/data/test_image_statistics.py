"""What is measured of images before settings are chosen for them."""

import numpy as np
import pytest

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.data.image_statistics import image_statistics


def dataset_of(tmp_path, images):
    np.save(tmp_path / "images.npy", images)
    return load_dataset(tmp_path / "images.npy", DataConfig(validation=0.0))


def test_images_of_two_dimensions_have_two_components(tmp_path):
    values = np.random.default_rng(0).random((200, 2))
    images = np.zeros((200, 16, 16))
    images[:, :8], images[:, 8:] = values[:, :1, None], values[:, 1:, None]
    found = image_statistics(dataset_of(tmp_path, (255 * images).astype(np.uint8)))
    assert (found.images, found.pixels) == (200, 256)
    assert found.components_for(0.99) == 2
    assert found.greys == pytest.approx(0.8, abs=0.05)
    total = sum(found.variances)
    assert total == pytest.approx((np.floor(255 * images) / 255).reshape(200, -1).var(0).sum(), rel=1e-3)


def test_more_components_leave_less_and_cost_more(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8)).astype(np.uint8)
    sizes = image_statistics(dataset_of(tmp_path, images)).sizes((2, 10, 20, 60, 200))
    assert [size.dimensions for size in sizes] == [2, 10, 20], "of 60 components 100 images tell nothing"
    assert sizes[0].left > sizes[1].left > sizes[2].left > 0
    assert 0 < sizes[0].rate < sizes[1].rate < sizes[2].rate


@pytest.mark.parametrize("images", [np.zeros((1, 8, 8), np.uint8), np.full((30, 8, 8), 255, np.uint8)])
def test_images_without_any_variance_are_measured_too(tmp_path, images):
    found = image_statistics(dataset_of(tmp_path, images))
    assert (found.greys, found.variances, found.sizes((2, 10))) == (0.0, (), [])
    assert found.components_for(0.5) == 1


def test_large_images_are_shrunk(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 70, 50, 3)).astype(np.uint8)
    assert image_statistics(dataset_of(tmp_path, images)).pixels <= 3 * 32 * 32


def scattered(count, mirrored=False, anywhere=False):
    """Images of three columns of random greys, at one place or anywhere, and mirrored half of the time or never."""
    generator = np.random.default_rng(0)
    images = np.zeros((count, 16, 16))
    for image in images:
        row, column = generator.integers(1, 12, 2) if anywhere else (5, 3)
        image[row : row + 3, column : column + 3] = 0.3 + 0.6 * generator.random(3)
        image[row, column] = 1.0
        if mirrored and generator.random() < 0.5:
            image[:] = image[:, ::-1].copy()
    return np.clip(255 * images + generator.integers(0, 40, images.shape), 0, 255).astype(np.uint8)


def test_few_images_that_are_as_likely_mirrored_or_moved_are_worth_varying(tmp_path):
    def worth(name, images):
        (tmp_path / name).mkdir()
        found = image_statistics(dataset_of(tmp_path / name, images))
        return tuple(found.is_worth_varying(varied, len(images)) for varied in (found.mirrored, found.moved))

    assert worth("fixed", scattered(300)) == (False, False)
    assert worth("mirrored", scattered(300, mirrored=True)) == (True, False)
    assert worth("anywhere", scattered(300, mirrored=True, anywhere=True)) == (True, True)


def test_many_images_need_no_variation(tmp_path):
    found = image_statistics(dataset_of(tmp_path, scattered(300, mirrored=True, anywhere=True)))
    assert found.is_worth_varying(found.moved, 300)
    assert not found.is_worth_varying(found.moved, 1_000_000)


def test_images_that_a_few_components_show_whole_are_not_varied(tmp_path):
    values = np.random.default_rng(0).random((200, 1, 1))
    images = np.broadcast_to(255 * values, (200, 8, 8)).astype(np.uint8)
    found = image_statistics(dataset_of(tmp_path, images))
    assert not found.is_worth_varying(found.mirrored, 200)
