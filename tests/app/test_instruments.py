"""Nearest images, generated images and a compared model in the real window, by its own worker."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from latentlab.models.inference import load_model
from latentlab.utils.pixels import to_bytes
from tests.app.conftest import SECONDS, find


@pytest.fixture
def digits(tmp_path):
    """Images of digits as the model of 10 dimensions decodes them."""
    model = load_model("bundled:mnist-10d", "cpu")
    points = model.points.of(np.arange(120))
    path = tmp_path / "digits.npz"
    np.savez(path, images=to_bytes(model.decode(points.mean))[:, 0], labels=points.label)
    return path


@pytest.fixture
def opened(application, qtbot, digits):
    """The model of 10 dimensions with these images as its points."""
    session = application.session
    application.open("bundled:mnist-10d")
    qtbot.waitUntil(lambda: session.latent.size == 10, timeout=SECONDS)
    application.open(str(digits))
    qtbot.waitUntil(
        lambda: session.points is not None and len(session.points.mean) == 120 and session.points_are_of_dataset,
        timeout=SECONDS,
    )
    return application


def choose(application, text: str) -> None:
    menu = application.window.compare_menu
    menu.aboutToShow.emit()
    (action,) = [each for each in menu.actions() if each.text() == text]
    action.trigger()


def test_a_picked_image_is_its_own_nearest_one_and_the_decoded_one_its_reconstruction(opened, qtbot):
    opened.latent_map.pointPicked.emit(7, 1)
    qtbot.waitUntil(lambda: find(opened, "nearestText").text().startswith("image 7 "), timeout=SECONDS)
    assert find(opened, "nearestText").text().endswith("distance 0.00")
    is_its_reconstruction = "The reconstruction of image 7 itself"
    qtbot.waitUntil(lambda: find(opened, "copyText").text().startswith(is_its_reconstruction), timeout=SECONDS)


def test_images_of_the_prior_are_those_of_the_command_line(opened, qtbot):
    opened.window.show_panel("generate")
    qtbot.waitUntil(lambda: find(opened, "generateCopy").isEnabled(), timeout=SECONDS)
    opened.window.generate_panel.chosen.emit(5)
    expected = load_model("bundled:mnist-10d", "cpu").generate(24, seed=0)[1][5]
    np.testing.assert_allclose(opened.session.latent, expected, rtol=1e-6)


def test_a_compared_model_shows_the_same_image_and_escape_leaves_it(opened, qtbot):
    with qtbot.waitSignal(opened.engine.comparisonOpened, timeout=SECONDS) as result:
        choose(opened, "Handwritten digits, 2 dimensions")
    assert result.args[0].common == 120
    with qtbot.waitSignal(opened.engine.bothDecoded, timeout=SECONDS, check_params_cb=lambda both: both.number == 7):
        opened.latent_map.pointPicked.emit(7, 1)
    assert find(opened, "compareNote").text().startswith("image 7 ·")
    qtbot.keyClick(opened.latent_map, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: opened.window.findChild(object, "otherMap") is None, timeout=SECONDS)
