from __future__ import annotations

import numpy as np
import pytest

from latentlab.config import DataConfig
from latentlab.data.images.resize import fit_image, target_size
from tests.data.helpers import grey


def fitted(pixels: np.ndarray, target: tuple[int, int], **config) -> np.ndarray:
    return np.asarray(fit_image(grey(pixels), target, DataConfig(**config)))


WIDE = np.tile(np.repeat([0, 100, 200, 255], 8).astype(np.uint8), (16, 1))  # 32 wide, 16 high


def test_fit_pads_to_the_square_and_keeps_the_aspect():
    prepared = fitted(WIDE, (32, 32), background="white")
    assert (prepared[8:24] == WIDE).all()
    assert (prepared[:8] == 255).all()
    assert (prepared[24:] == 255).all()
    assert (fitted(WIDE, (32, 32))[:8] == 0).all()


def test_crop_keeps_the_centre():
    assert (fitted(WIDE, (16, 16), fit="crop") == WIDE[:, 8:24]).all()


def test_stretch_ignores_the_aspect():
    prepared = fitted(WIDE, (32, 32), fit="stretch")
    assert (prepared[4] == WIDE[0]).all()
    assert (prepared[28] == WIDE[0]).all()


@pytest.mark.parametrize("how", ["fit", "crop", "stretch"])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (257, 3), (8, 8)])
def test_images_of_every_size_are_resized_to_the_target(how, size):
    assert fitted(np.full(size[::-1], 9), (16, 16), fit=how).shape == (16, 16)


def test_images_of_equal_size_keep_it():
    assert target_size([(20, 28)] * 3, DataConfig()) == (20, 28)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(500, 400)] * 9, 64),
        ([(30, 40), (35, 50)], 32),
        ([(4, 4)], 8),
        ([(9, 9), (10, 10)], 8),
        ([(60, 99), (50, 70)], 48),
    ],
)
def test_images_of_different_or_large_sizes_become_square(sizes, side):
    assert target_size(sizes, DataConfig()) == (side, side)


def test_a_configured_size_is_used():
    assert target_size([(20, 28)], DataConfig(image_size=40)) == (40, 40)
