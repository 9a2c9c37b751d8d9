"""The picture of the manifold as a grid of images."""

import numpy as np

from latentlab.training import from_the_top, tile


def test_tiles_are_laid_out_left_to_right_then_down():
    images = np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1).repeat(2, 2).repeat(2, 3) / 255
    assert tile(images, 2).tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 0, 0], [2, 2, 0, 0]]
    assert tile(images.repeat(3, 1), 2).shape == (4, 4, 3)


def test_pictures_begin_with_the_highest_row():
    grid = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    assert from_the_top(grid).tolist() == [[4, 5], [6, 7], [0, 1], [2, 3]]
