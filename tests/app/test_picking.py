"""A data point that is picked on the map of a model of ten dimensions."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from latentlab.models.inference import load_model
from latentlab.utils.pixels import as_pixels, to_bytes
from tests.app.conftest import SECONDS, at, shown


def test_a_picked_point_decodes_its_own_latent_in_ten_dimensions(application, qtbot):
    session = application.session
    application.open("bundled:mnist-10d")
    qtbot.waitUntil(
        lambda: session.latent.size == 10 and session.points is not None and session.points.mean.shape[1] == 10,
        timeout=SECONDS,
    )
    latent_map = application.latent_map
    view = latent_map.view()
    xy = latent_map.layer_stack.points.xy
    pixels = view.to_pixel(xy)
    in_view = ((pixels > 30) & (pixels < (view.width_px - 60, view.height_px - 30))).all(axis=1)
    index = int(np.flatnonzero(in_view)[0])
    QTest.mouseClick(
        latent_map.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.ControlModifier,
        at(application, xy[index]),
    )
    picked = np.flatnonzero((session.points.mean == session.latent).all(axis=1))
    assert len(picked) == 1, "an encoded image's own latent"
    assert np.hypot(*(pixels[picked[0]] - pixels[index])) <= 2
    model = load_model("bundled:mnist-10d", "cpu")
    own = as_pixels(to_bytes(model.decode(session.points.mean[picked])))[0].astype(int)
    # Another model object may round the last bit of a pixel differently.
    qtbot.waitUntil(lambda: np.abs(shown(application).astype(int) - own).max() <= 1, timeout=SECONDS)
