"""Image files dropped on the real window: what is shown of them, and how it is undone."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QLabel

from latentlab.gui.widgets.qimage import PixelView
from tests.app.conftest import SECONDS, find


@pytest.fixture
def image_file(tmp_path):
    """A picture that no decoder of digits makes."""
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:24:4, 4:24] = 255
    Image.fromarray(pixels).save(tmp_path / "stripes.png")
    return tmp_path / "stripes.png", pixels


def visible_images(application) -> list[np.ndarray]:
    """Every image in the panel of the decoded image, as grey values."""
    views = find(application, "decodedImage").findChildren(PixelView)
    shown = [view.picture() for view in views if view.isVisible() and view.picture() is not None]
    return [
        np.array([[each.pixelColor(x, y).red() for x in range(each.width())] for y in range(each.height())])
        for each in shown
    ]


def messages(application) -> str:
    return "\n".join(each.text() for each in find(application, "notifications").findChildren(QLabel))


def drop(application, qtbot, *paths) -> None:
    before = application.session.latent
    application.window.pathsDropped.emit([str(path) for path in paths])
    qtbot.waitUntil(lambda: not np.array_equal(application.session.latent, before), timeout=SECONDS)


def test_honest_a_dropped_image_is_shown_and_not_only_its_reconstruction(application, qtbot, image_file):
    path, pixels = image_file
    found = application.engine.nearestFound
    qtbot.waitUntil(lambda: application.session.points is not None, timeout=SECONDS)
    with qtbot.waitSignal(found, timeout=SECONDS):
        application.latent_map.committed.emit(np.array([1.0, 1.0]), 1)
    with qtbot.waitSignal(found, timeout=SECONDS):  # the nearest image is shown beside it, not instead of it
        drop(application, qtbot, path)
    qtbot.waitUntil(
        lambda: any(np.array_equal(image, pixels) for image in visible_images(application)), timeout=SECONDS
    )


def test_yours_one_undo_takes_back_a_dropped_image_and_no_gesture_before_it(application, qtbot, image_file):
    application.latent_map.committed.emit(np.array([1.0, 1.0]), 1)
    drop(application, qtbot, image_file[0])
    application.undo.undo()
    assert application.session.latent == pytest.approx([1, 1])


def test_honest_a_dropped_image_does_not_outlive_its_model(application, qtbot, image_file):
    drop(application, qtbot, image_file[0])
    reconstruction = find(application, "reconstructionImage")
    qtbot.waitUntil(reconstruction.isVisible, timeout=SECONDS)
    application.window.pathsDropped.emit(["bundled:mnist-10d"])
    qtbot.waitUntil(lambda: application.session.latent.size == 10, timeout=SECONDS)
    assert not reconstruction.isVisible()
    assert "stripes.png was encoded by mnist-2d" in messages(application)


def test_honest_of_several_dropped_images_the_others_are_said_not_to_be_opened(
    application, qtbot, image_file, tmp_path
):
    for name in ("second.png", "third.png"):
        (tmp_path / name).write_bytes(image_file[0].read_bytes())
    drop(application, qtbot, image_file[0], tmp_path / "second.png", tmp_path / "third.png")
    assert "stripes.png is shown; the other 2 were not opened" in messages(application)
