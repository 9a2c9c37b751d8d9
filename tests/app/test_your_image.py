"""One's own image in the real window, with the real worker: painted, refined, hidden, filled in, undone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

import latentlab
from latentlab.utils.pixels import to_bytes
from tests.app.conftest import SECONDS, find

DIGIT = ((10, 6), (10, 13), (18, 13), (18, 6), (18, 23))  # a four


@pytest.fixture
def window(application, qtbot):
    qtbot.waitUntil(lambda: application.session.points is not None, timeout=SECONDS)
    return application.window


def paint(canvas, qtbot, points) -> None:
    """Draw with the left button through pixels of the image."""
    target = canvas.target()
    scale = target.width() / canvas.pixels().shape[1]
    at = [QPoint(round(target.x() + x * scale), round(target.y() + y * scale)) for x, y in points]
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at[0])
    for point in at[1:]:
        qtbot.mouseMove(canvas, point)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at[-1])


def test_a_digit_is_painted_refined_hidden_and_filled_in(application, window, qtbot):
    session, canvas = application.session, window.your_image.canvas
    window.actions_.paint_image.trigger()
    qtbot.waitUntil(lambda: session.encoded_image is not None and canvas.isVisible(), timeout=SECONDS)
    for ends in pairwise(DIGIT):
        paint(canvas, qtbot, ends)
    model = latentlab.load_model("bundled:mnist-2d", "cpu")

    def is_encoded() -> bool:
        shown = session.encoded_image
        return np.array_equal(shown.image, canvas.pixels()) and shown.image.any()

    qtbot.waitUntil(is_encoded, timeout=SECONDS)
    drawn = session.encoded_image
    np.testing.assert_allclose(drawn.mean, model.encode(drawn.image[None, None])[0][0], atol=1e-4)
    np.testing.assert_array_equal(session.latent, drawn.mean)
    qtbot.waitUntil(lambda: "Open the training images" in find(application, "imageTypical").text(), timeout=SECONDS)

    window.actions_.refine_image.trigger()
    qtbot.waitUntil(lambda: session.encoded_image.refinement is not None, timeout=SECONDS)
    stop = find(application, "stopRefining")
    qtbot.waitUntil(lambda: not stop.isVisible(), timeout=SECONDS)
    _, elbos = session.encoded_image.refinement
    assert elbos[-1] >= elbos[0]
    assert elbos[-1] == pytest.approx(latentlab.refine(model, drawn.image).elbo, abs=1e-3)

    find(application, "imageModeHide").click()
    find(application, "hideHalf").click()
    text = find(application, "fillingsText")

    def is_filled_in() -> bool:
        return "observed pixels" in text.text() and "Filling in" not in application.activity.shown.text

    qtbot.waitUntil(is_filled_in, timeout=SECONDS)
    hidden = session.encoded_image.hidden
    assert hidden[14:].all()
    expected = latentlab.imputations(model, drawn.image, hidden, count=9)
    window.your_image.chosen.emit("fillings", 1)
    np.testing.assert_allclose(session.latent, expected.z[0], atol=1e-3)
    assert (to_bytes(expected.draws)[0, 0][:14] == drawn.image[:14]).all()

    for _ in range(3):  # the filling, the hidden region, the refinement
        application.undo.undo()
    assert session.encoded_image is drawn
    np.testing.assert_array_equal(session.latent, drawn.mean)
