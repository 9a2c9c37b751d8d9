"""The requests for the image of a new latent."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.controllers.decoded_image import DecodedImageController
from latentlab.engine.protocol.messages import Decode
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
def test_every_new_latent_is_decoded_at_once(session, engine):
    engine.asked.clear()
    for step in range(1, 6):
        session.set_latent(np.full(2, step))
    assert [type(request) for request in engine.asked] == 5 * [Decode]
    np.testing.assert_array_equal(engine.last(Decode).z, np.full(2, 5))
