"""Before torch: the images are those that torch will decode, and no other request is answered too early."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import numpy as np
import pytest

from latentlab.engine.protocol.channel import REQUEST_ORDER, Mailbox
from latentlab.engine.protocol.messages import Decode, OpenModel
from latentlab.engine.worker.decode_service import DecodeService, Fallback
from latentlab.engine.worker.error_reporting import ErrorReporter
from latentlab.engine.worker.numpy_decoder import numpy_decoder
from latentlab.engine.worker.startup import import_while_decoding
from latentlab.engine.worker.workspace import Workspace
from latentlab.models.device import resolve_device
from latentlab.models.inference import model_from
from latentlab.utils.pixels import as_pixels, to_bytes
from tests.engine.worker.test_numpy_decoder import model_file_of


class StartingWorker:
    """A worker whose import lasts until it is asked to end."""

    def __init__(self, decoder) -> None:
        self.inbox = Mailbox(REQUEST_ORDER)
        self.results: queue.Queue = queue.Queue()
        workspace = Workspace(self.results.put)
        workspace.version = 7
        service = DecodeService(self.inbox, workspace, ErrorReporter(workspace))
        service.set_fallback(Fallback(decoder))
        self.thread = threading.Thread(target=import_while_decoding, args=("torch", self.inbox, service, False))
        self.thread.start()


@pytest.fixture
def starting(monkeypatch):
    """The worker, its model, and the event that ends its import, which then fails as in a broken installation."""
    may_end = threading.Event()

    def import_slowly(name):
        assert may_end.wait(60)
        raise ImportError(name)

    monkeypatch.setattr("latentlab.engine.worker.startup.import_module", import_slowly)
    file = model_file_of()
    worker = StartingWorker(numpy_decoder(file))
    yield worker, file, may_end
    may_end.set()
    worker.thread.join(60)


def test_images_are_decoded_until_the_import_is_over(starting):
    worker, file, may_end = starting
    z = np.array([0.5, -1.0, 2.0], np.float32)
    worker.inbox.put(Decode(4, z))
    decoded = worker.results.get(timeout=60)
    expected = as_pixels(to_bytes(model_from(file, resolve_device("cpu"), Path("m")).decode(z[None])))[0]
    assert (decoded.generation, decoded.model_version) == (4, 7)
    np.testing.assert_allclose(decoded.image.astype(int), expected.astype(int), atol=1)
    may_end.set()
    worker.thread.join(60)
    assert not worker.thread.is_alive()
    worker.inbox.put(Decode(5, z))
    assert worker.results.empty()  # left to torch


def test_requests_for_another_model_are_left_to_torch(starting):
    worker, _, may_end = starting
    z = np.zeros(3, np.float32)
    worker.inbox.put(Decode(1, np.zeros(2, np.float32)))  # of another size: stale
    worker.inbox.put(Decode(2, z))
    assert worker.results.get(timeout=60).generation == 2
    worker.inbox.put(OpenModel("another"))
    worker.inbox.put(Decode(3, z))
    may_end.set()
    worker.thread.join(60)
    assert worker.results.empty()
    assert isinstance(worker.inbox.take(), OpenModel)
    assert worker.inbox.take().generation == 3


def test_an_error_is_reported_before_torch_is_imported_too(starting):
    worker, _, _ = starting
    worker.inbox.put(Decode(1, np.full(3, np.nan, np.float32)))
    failed = worker.results.get(timeout=60)
    assert (failed.request, failed.expected) == ("Decode", True)
    worker.inbox.put(Decode(2, np.zeros(3, np.float32)))
    assert worker.results.get(timeout=60).generation == 2
