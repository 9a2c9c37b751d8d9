"""The requests for the image of a new latent."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel

from latentlab.config.capabilities import OF_TABLES
from latentlab.controllers.decoded_image import DecodedImageController
from latentlab.engine.protocol.messages import Decode, Decoded, Failed
from latentlab.gui.panels.decoded_image import OUTDATED, DecodedImage
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


class Hold:
    """Records what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def hold(self) -> None:
        self.calls.append("hold")

    def release(self) -> None:
        self.calls.append("release")


@pytest.mark.parametrize(("seconds", "calls"), [(0.004, ["hold", "hold", "release"]), (0.02, ["release"])])
def test_alive_painting_waits_for_the_image_while_answers_are_quick(
    qtbot, session, engine, monkeypatch, seconds, calls
):
    clock, hold, panel = [100.0], Hold(), DecodedImage()
    monkeypatch.setattr("latentlab.controllers.decoded_image.time.perf_counter", lambda: clock[0])
    qtbot.addWidget(panel)
    DecodedImageController(session, engine, panel, panel, paint_hold=hold)
    session.set_model(model_info(), 1, is_new_model=True)

    def answer() -> None:
        request = engine.last(Decode)
        clock[0] += seconds
        engine.decoded.emit(Decoded(request.generation, 1, request.z, np.zeros((8, 8), np.uint8), request.preview))

    session.set_latent([1.0, 1.0])
    answer()
    hold.calls.clear()
    session.set_latent([2.0, 2.0])
    session.set_latent([3.0, 3.0])
    answer()
    assert hold.calls == calls


def answer(engine) -> None:
    request = engine.last(Decode)
    engine.decoded.emit(Decoded(request.generation, 2, request.z, np.full((8, 8), 128, np.uint8), request.preview))


@pytest.mark.parametrize(("found", "is_shown"), [(0, False), (3, True)])
def test_a_table_without_images_shows_none_and_says_so(session, engine, panel, found, is_shown):
    table = model_info(capabilities=OF_TABLES, data={"images_found": found})
    session.set_model(table, 2, is_new_model=True)
    answer(engine)
    assert (panel.image() is not None) == is_shown
    texts = [each.text() for each in panel.findChildren(QLabel)]
    assert any("nearest image of the table" in text for text in texts) == is_shown
    assert any("has no images" in text for text in texts) != is_shown


def test_an_image_whose_latent_could_not_be_decoded_is_marked_until_the_next_one(session, engine, panel):
    session.set_model(model_info(), 2, is_new_model=True)
    answer(engine)
    session.set_latent([1.0, 1.0])
    engine.failed.emit(Failed("Decode", "your function decode raised ValueError"))
    cue = panel.findChild(QLabel, "decodedCue")
    assert cue.text() == OUTDATED
    answer(engine)
    assert cue.text() == ""
