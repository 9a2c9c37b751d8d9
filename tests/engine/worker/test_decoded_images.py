"""A latent that a model decodes to values that are not finite does not take the others' images away."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from latentlab.config import ModelConfig
from latentlab.config.capabilities import Capabilities
from latentlab.engine.protocol.channel import Mailbox
from latentlab.engine.protocol.messages import Axes, Decode, Decoded, DecodeGrid, GridTiles, Notice
from latentlab.engine.worker.decode_service import DecodeService
from latentlab.engine.worker.interactive import InteractiveRequests
from latentlab.engine.worker.workspace import Workspace
from latentlab.models.foreign import ForeignModel
from latentlab.models.inference import InferenceModel
from latentlab.storage import ModelHeader

SHAPE = (1, 9, 9)
AXES = Axes(np.zeros(2, np.float32), np.array([1, 0], np.float32), np.array([0, 1], np.float32))


@pytest.fixture
def sent() -> list[object]:
    return []


@pytest.fixture
def workspace(sent):
    """A model that decodes latents to the right of 0 only."""
    functions = SimpleNamespace(
        capabilities=Capabilities(has_encoder=False, has_likelihood=False, has_jvp=False),
        value_range=(0.0, 1.0),
        decode=lambda z, _label: np.where(z[:, 0] > 0, 1.0, np.nan)[:, None, None, None] * np.ones((1, *SHAPE)),
    )
    config = ModelConfig(recipe="onnx", family="foreign", latent_dim=2)
    module = ForeignModel(config, SHAPE, 0, functions)
    workspace = Workspace(sent.append)
    workspace.model = InferenceModel(module, ModelHeader(model=config, image_shape=SHAPE), "cpu")
    return workspace


def of(kind: type, sent: list[object]) -> list[object]:
    return [result for result in sent if isinstance(result, kind)]


def test_the_others_are_shown_that_one_is_crossed_out_and_the_window_is_told_once(workspace, sent):
    requests = InteractiveRequests(workspace)
    requests.answer(DecodeGrid(1, AXES, (-2.0, 2.0), (-2.0, 2.0), 2, 2, 9))
    while requests.working_on:
        requests.advance()
    results = of(GridTiles, sent)
    images = {tuple(cell): tile for each in results for cell, tile in zip(each.cells, each.tiles, strict=True)}
    assert (images[1, 0] == 255).all()
    assert (images[1, 1] == 255).all()
    crossed = images[0, 0]
    assert crossed[0, 0] == crossed[4, 4] == crossed[8, 0] < crossed[4, 0]
    service = DecodeService(Mailbox(), workspace, lambda _request: pytest.fail("no failure"))
    service.answer(Decode(2, np.array([-1.0, 0.0], np.float32)))
    np.testing.assert_array_equal(of(Decoded, sent)[0].image, crossed)
    assert [notice.message for notice in of(Notice, sent)] == [
        "The model decodes some latents to values that are not finite: they are crossed out."
    ]
