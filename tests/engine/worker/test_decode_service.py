"""Decoding by one set of rules, in the loop and in the second thread."""

from __future__ import annotations

import queue
import threading

import numpy as np
import pytest

from latentlab.config.capabilities import Capabilities
from latentlab.engine.protocol.channel import REQUEST_ORDER, Mailbox
from latentlab.engine.protocol.messages import Decode, Decoded, Failed
from latentlab.engine.worker.decode_service import DecodeService, Fallback
from latentlab.engine.worker.error_reporting import ErrorReporter
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError


class Model:
    """Decodes latents of two dimensions to grey images; fails for a negative first dimension."""

    latent_dim = 2
    capabilities = Capabilities()

    def decode(self, z, label=None):
        if z[0, 0] < 0:
            raise InputError("a negative latent")
        return np.full((len(z), 1, 4, 4), z[0, 0], np.float32)


@pytest.fixture(params=["loop", "second thread"])
def ask(request):
    """Answers requests in the given thread; returns the results."""
    results: queue.Queue = queue.Queue()
    inbox, workspace = Mailbox(REQUEST_ORDER), Workspace(results.put)
    workspace.model, workspace.version = Model(), 7
    report_errors = ErrorReporter(workspace)
    service, is_over = DecodeService(inbox, workspace, report_errors), threading.Event()

    def by_loop(decode):
        with report_errors("Decode"):
            service.answer(decode)

    thread = threading.Thread(target=service.answer_overdue, args=(is_over.is_set,))
    if request.param == "second thread":
        service.set_fallback(Fallback(Model(), workspace.model))
        thread.start()

    def ask(*latents):
        for generation, z in enumerate(latents, 1):
            decode = Decode(generation, np.array(z, np.float32))
            (inbox.put if thread.ident else by_loop)(decode)
            if generation == len(latents):
                return results.get(timeout=30)
        raise AssertionError("nothing to ask")

    yield ask
    is_over.set()
    inbox.wake()
    if thread.ident:
        thread.join(30)


def test_an_image_is_decoded_and_carries_the_models_version(ask):
    decoded = ask((1, 0))
    assert isinstance(decoded, Decoded)
    assert (decoded.generation, decoded.model_version) == (1, 7)
    assert decoded.image.shape == (4, 4)
    assert (decoded.image == 255).all()


def test_a_latent_of_another_size_is_dropped_without_an_error(ask):
    assert ask((1, 0, 0), (1, 0)).generation == 2


def test_an_error_is_reported(ask):
    failed = ask((-1, 0))
    assert isinstance(failed, Failed)
    assert (failed.request, failed.message, failed.expected) == ("Decode", "a negative latent", True)


def test_a_fallback_is_not_used_once_there_is_another_model():
    results: queue.Queue = queue.Queue()
    inbox, workspace = Mailbox(REQUEST_ORDER), Workspace(results.put)
    service = DecodeService(inbox, workspace, ErrorReporter(workspace))
    workspace.model = Model()
    service.set_fallback(Fallback(Model(), workspace.model))
    workspace.model = Model()
    inbox.put(Decode(1, np.zeros(2, np.float32)))
    waits, may_end = threading.Event(), threading.Event()

    def is_over() -> bool:
        waits.set()
        return may_end.is_set()

    thread = threading.Thread(target=service.answer_overdue, args=(is_over,))
    thread.start()
    assert waits.wait(30)
    may_end.set()
    inbox.wake()
    thread.join(30)
    assert results.empty()
    assert inbox.take().generation == 1, "left to the loop"
