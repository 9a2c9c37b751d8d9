from __future__ import annotations

import numpy as np
import pytest

from latentlab.data.sources.array_layout import as_images, layout_note, layout_of


@pytest.mark.parametrize(
    ("shape", "name", "size"),
    [
        ((5, 9, 8), "N×H×W", (5, 9, 8, 1)),
        ((9, 8, 3), "H×W×C", (1, 9, 8, 3)),
        ((5, 9, 8, 3), "N×H×W×C", (5, 9, 8, 3)),
        ((5, 3, 9, 8), "N×C×H×W", (5, 9, 8, 3)),
        ((9, 8, 3, 50), "H×W×C×N", (50, 9, 8, 3)),
        ((5, 784), "N×(H·W)", (5, 28, 28, 1)),
        ((5, 3072), "N×(C·H·W)", (5, 32, 32, 3)),
        ((5, 785), None, None),
        ((5, 9), None, None),
        ((5,), None, None),
        ((0, 9, 8), None, None),
        ((5, 9, 8, 7), None, None),
        ((2, 3, 4, 5, 6), None, None),
    ],
)
def test_the_shape_tells_the_layout(shape, name, size):
    layout = layout_of(shape)
    if name is None:
        assert layout is None
        return
    assert (layout.name, layout[1:5]) == (name, size)
    images = as_images(np.arange(np.prod(shape)).reshape(shape), "a")
    assert images.shape == (size if size[3] > 1 or images.ndim == 4 else size[:3])


def test_planes_and_matlabs_order_keep_the_pixels_together():
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3))
    assert np.array_equal(as_images(images.transpose(0, 3, 1, 2).reshape(5, 192), "a"), images)
    assert np.array_equal(as_images(images.transpose(1, 2, 3, 0), "a"), images)


@pytest.mark.parametrize(
    ("shape", "note"),
    [
        ((5, 9, 8), ""),
        ((3, 90, 80), "a of shape 3×90×80 is read as images N×H×W: 3 of 90×80, though another reading is possible"),
        ((50, 784), "a of shape 50×784 is read as images N×(H·W): 50 of 28×28"),
        ((90, 80, 3), "a of shape 90×80×3 is read as images H×W×C: 1 of 90×80×3"),
    ],
)
def test_an_unusual_or_ambiguous_layout_is_said(shape, note):
    assert layout_note(shape, "a") == note
