"""The filmstrip's rows: what carries most, in an order that can be followed while a model learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from latentlab.controllers.filmstrip import FilmstripController
from latentlab.engine.protocol.messages import Traverse
from latentlab.gui.panels.filmstrip import Filmstrip
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def strip(qtbot, session, engine):
    widget = Filmstrip()
    qtbot.addWidget(widget)
    widget.show()
    made = FilmstripController(session, engine, widget)
    yield made
    made.close()


def test_rows_are_ordered_by_rate_and_stay_in_place_while_a_run_is_live(qtbot, session, engine, strip):
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(replace(some_points(3), kl=np.array([1, 3, 2], np.float32)))
    qtbot.waitUntil(lambda: engine.count(Traverse) > 0 and engine.last(Traverse).dimensions == (1, 2, 0))
    session.set_run_state("running")
    session.set_latent([0.5, 0.0, 0.0])
    qtbot.waitUntil(lambda: engine.last(Traverse).dimensions == (0, 1, 2))
