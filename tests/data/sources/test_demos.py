from __future__ import annotations

import numpy as np
import pytest

from latentlab.config import DataConfig
from latentlab.data import DEMOS, load_dataset
from latentlab.data.sources.demo_shapes import SHAPES, coverage
from latentlab.errors import InputError


@pytest.fixture(scope="module", params=sorted(DEMOS))
def demo(request):
    return load_dataset(f"demo:{request.param}")


def test_every_combination_of_factors_occurs_once(demo):
    levels = [len(np.unique(values)) for values in demo.factors.values()]
    assert np.prod(levels) == len(demo)
    assert len(np.unique(np.stack(list(demo.factors.values())), axis=1).T) == len(demo)


def test_every_combination_looks_different(demo):
    assert len({image.tobytes() for image in demo.images}) == len(demo)


def test_pictures_are_64_by_64_and_labelled_by_shape(demo):
    assert demo.image_shape == ((3 if demo.name == "colour" else 1), 64, 64)
    assert demo.classes == SHAPES
    assert np.array_equal(demo.labels, demo.factors["shape"])


def test_the_centre_of_mass_is_where_x_and_y_say():
    demo = load_dataset("demo:shapes")
    grid = np.arange(64)
    mass = demo.images[:, 0].sum(axis=(1, 2), dtype=float)
    x = (demo.images[:, 0].sum(axis=1, dtype=float) @ grid) / mass
    y = (demo.images[:, 0].sum(axis=2, dtype=float) @ grid) / mass
    symmetric = demo.labels != SHAPES.index("heart")
    assert np.abs(x - demo.factors["x"])[symmetric].max() < 0.05
    assert np.abs(y - demo.factors["y"])[symmetric].max() < 0.05
    assert np.abs(x - demo.factors["x"]).max() < 3


def test_larger_scales_cover_more_and_edges_are_smooth():
    areas = [coverage("ellipse", scale, 0.3, 64).sum() for scale in (8.0, 12.0)]
    assert areas[0] == pytest.approx(np.pi * 0.55 * 64, rel=0.03)
    assert areas[1] / areas[0] == pytest.approx((12 / 8) ** 2, rel=0.03)
    assert len(np.unique(np.rint(coverage("heart", 12.0, 0.3, 64) * 255))) > 50


def test_shapes_touch_no_edge(demo):
    border = demo.images[:, :, [0, -1], :].reshape(len(demo), demo.image_shape[0], -1)
    assert (border == border[:, :, :1]).all()


def test_factors_follow_the_subset():
    whole, some = load_dataset("demo:shapes"), load_dataset("demo:shapes", DataConfig(limit=50, seed=3))
    rows = [int(path.partition("#")[2]) for path in some.paths]
    assert np.array_equal(some.images, whole.images[rows])
    assert np.array_equal(some.factors["rotation"], whole.factors["rotation"][rows])


def test_demos_are_deterministic():
    assert load_dataset("demo:shapes").fingerprint == load_dataset("demo:shapes").fingerprint


def test_another_size_and_channels():
    assert load_dataset("demo:colour", DataConfig(limit=20, image_size=32, channels=1)).images.shape == (20, 1, 32, 32)


def test_an_unknown_demo_is_refused_with_the_available_ones():
    with pytest.raises(InputError, match="demo:shapes, demo:colour"):
        load_dataset("demo:nothing")
