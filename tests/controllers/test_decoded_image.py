"""The requests for the image of a new latent."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.controllers.decoded_image import DecodedImageController
from latentlab.engine.protocol.messages import Decode, Nearest
from latentlab.gui.panels.decoded_image import DecodedImage
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def panel(qtbot, session, engine) -> DecodedImage:
    """The panel, for a model with points, once what opening them requests has been requested."""
    panel = DecodedImage()
    qtbot.addWidget(panel)
    DecodedImageController(session, engine, panel, panel)
    session.set_model(model_info(), 1, is_new_model=True)
    session.set_points(some_points())
    return panel


@pytest.mark.usefixtures("panel")
def test_the_nearest_image_is_requested_after_the_decoded_one_and_once_for_many_moves(qtbot, session, engine):
    engine.asked.clear()
    for step in range(1, 6):
        session.set_latent(np.full(2, step))
    assert [type(request) for request in engine.asked] == 5 * [Decode]
    qtbot.waitUntil(lambda: engine.count(Nearest) > 0)
    assert engine.count(Nearest) == 1
    np.testing.assert_array_equal(engine.last(Nearest).z, np.full(2, 5))
