"""Before torch: the hand's images are those that torch will make, and nothing else is answered too soon."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import numpy as np
import pytest

from latentlab.config import ModelConfig
from latentlab.engine.protocol.channel import REQUEST_ORDER, Mailbox
from latentlab.engine.protocol.messages import Decode, OpenModel
from latentlab.engine.worker.decoded_images import as_pixels, to_bytes
from latentlab.engine.worker.early import answer_while_importing
from latentlab.engine.worker.numpy_decoder import numpy_decoder
from latentlab.engine.worker.workspace import Workspace
from latentlab.models import build
from latentlab.models.device import resolve_device
from latentlab.models.inference import model_from
from latentlab.storage import ModelFile, ModelHeader

SHAPE = (3, 8, 8)


def a_file(**values) -> ModelFile:
    config = ModelConfig.model_validate({"latent_dim": 3, **values})
    model = build(config, SHAPE, 2)
    weights = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    header = ModelHeader(model=config, image_shape=SHAPE, classes=("a", "b"), parameters=0, sha256="")
    return ModelFile(header, weights, None, None)


@pytest.mark.parametrize("sigma", [None, "fixed", "learned", "optimal"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "elu", "silu", "softplus"])
def test_it_decodes_what_torch_decodes(activation, sigma):
    likelihood = {"kind": "bernoulli"} if sigma is None else {"kind": "gaussian", "sigma": sigma}
    file = a_file(architecture={"hidden": 9, "layers": 2, "activation": activation}, likelihood=likelihood)
    z = 5 * np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    decoder = numpy_decoder(file)
    assert decoder is not None
    expected = model_from(file, resolve_device("cpu"), Path("m")).decode(z)
    np.testing.assert_allclose(decoder.decode(z), expected, atol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        {"architecture": {"kind": "conv", "width": 4}},
        {"conditional": True},
        {"likelihood": {"kind": "gaussian", "sigma": "pixel"}},
        {"family": "ladder"},
    ],
    ids=lambda values: next(iter(values)),
)
def test_what_is_not_plain_is_left_to_torch(values):
    assert numpy_decoder(a_file(**values)) is None


class Early:
    """A worker whose import lasts until it is told to end."""

    def __init__(self, decoder) -> None:
        self.inbox = Mailbox(REQUEST_ORDER)
        self.results: queue.Queue = queue.Queue()
        workspace = Workspace(self.results.put)
        workspace.version = 7
        arguments = ("torch", self.inbox, workspace, decoder, False)
        self.thread = threading.Thread(target=answer_while_importing, args=arguments)
        self.thread.start()


@pytest.fixture
def early(monkeypatch):
    """The worker, its model, and the event that ends its import; which fails, as that of a broken installation."""
    may_end = threading.Event()

    def import_slowly(name):
        assert may_end.wait(60)
        raise ImportError(name)

    monkeypatch.setattr("latentlab.engine.worker.early.import_module", import_slowly)
    file = a_file()
    made = Early(numpy_decoder(file))
    yield made, file, may_end
    may_end.set()
    made.thread.join(60)


def test_the_hand_is_answered_until_the_import_is_over(early):
    worker, file, may_end = early
    z = np.array([0.5, -1.0, 2.0], np.float32)
    worker.inbox.put(Decode(4, z))
    answer = worker.results.get(timeout=60)
    expected = as_pixels(to_bytes(model_from(file, resolve_device("cpu"), Path("m")).decode(z[None])))[0]
    assert (answer.generation, answer.model_version) == (4, 7)
    np.testing.assert_allclose(answer.image.astype(int), expected.astype(int), atol=1)
    may_end.set()
    worker.thread.join(60)
    assert not worker.thread.is_alive()
    worker.inbox.put(Decode(5, z))
    assert worker.results.empty()  # torch's


def test_what_waits_for_another_model_is_left_to_torch(early):
    worker, _, may_end = early
    z = np.zeros(3, np.float32)
    worker.inbox.put(Decode(1, np.zeros(2, np.float32)))  # of another size: nothing is told, and it goes on
    worker.inbox.put(Decode(2, z))
    assert worker.results.get(timeout=60).generation == 2
    worker.inbox.put(OpenModel("another"))
    worker.inbox.put(Decode(3, z))
    may_end.set()
    worker.thread.join(60)
    assert worker.results.empty()
    assert isinstance(worker.inbox.take(), OpenModel)
    assert worker.inbox.take().generation == 3
