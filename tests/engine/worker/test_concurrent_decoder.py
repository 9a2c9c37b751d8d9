"""Decoding while the loop is in a step: which thread answers, by which weights; the training is not changed."""

from __future__ import annotations

import queue
import threading

import numpy as np
import pytest
import torch

from latentlab.config import ModelConfig, RunConfig, TrainingConfig
from latentlab.data import load_dataset
from latentlab.engine.protocol.channel import REQUEST_ORDER, Mailbox
from latentlab.engine.protocol.messages import Decode, Decoded, Failed, StopTraining
from latentlab.engine.worker.concurrent_decoder import LONG, ConcurrentDecoder, WeightsSnapshot
from latentlab.engine.worker.decode_service import DecodeService
from latentlab.engine.worker.error_reporting import ErrorReporter
from latentlab.engine.worker.workspace import Workspace
from latentlab.models.inference import load_model
from latentlab.training import Trainer
from latentlab.utils.pixels import to_bytes
from tests.storage import onnx_files

ZERO = np.zeros(2, np.float32)


class Setup:
    """A concurrent decoder beside a loop that takes nothing from the mailbox."""

    def __init__(self) -> None:
        self.results: queue.Queue = queue.Queue()
        self.inbox = Mailbox(REQUEST_ORDER)
        self.workspace = Workspace(self.results.put)
        self.decoder = ConcurrentDecoder(DecodeService(self.inbox, self.workspace, ErrorReporter(self.workspace)))

    def open(self, model) -> None:
        self.workspace.model = model
        self.decoder.set_model(model)

    def ask(self, generation: int, z=ZERO):
        self.inbox.put(Decode(generation, z))
        return self.results.get(timeout=60)


@pytest.fixture
def setup():
    setup = Setup()
    yield setup
    setup.decoder.close()


def image_of(model, z=ZERO):
    return to_bytes(model.decode(z[None]))[0, 0]


def test_a_request_that_the_loop_does_not_take_is_answered_by_the_newest_snapshot(setup, model_file):
    model = load_model(model_file, "cpu")
    setup.open(model)
    first = setup.ask(1)
    assert first.generation == 1
    np.testing.assert_array_equal(first.image, image_of(model))
    with torch.no_grad():
        for parameter in model.module.parameters():
            parameter.add_(0.5)
    np.testing.assert_array_equal(setup.ask(2).image, first.image)  # during a step
    setup.decoder.after_iteration(2 * LONG)
    now = setup.ask(3).image
    np.testing.assert_array_equal(now, image_of(model))
    assert (now != first.image).any()


def test_requests_that_the_loop_can_answer_are_left_to_it(setup, model_file):
    model = load_model(model_file, "cpu")
    setup.inbox.put(Decode(1, ZERO))
    assert setup.inbox.take().generation == 1  # no model has been set
    setup.open(model)
    setup.open(None)
    setup.inbox.put(Decode(2, ZERO))
    assert setup.inbox.take(1.0).generation == 2
    setup.decoder.set_model(model)
    setup.workspace.model = None  # another model, which the decoder has not been given
    setup.inbox.put(Decode(3, ZERO))
    assert setup.inbox.take(1.0).generation == 3
    assert setup.results.empty()


def test_a_request_behind_an_older_one_waits_for_it(setup, model_file):
    setup.open(load_model(model_file, "cpu"))
    setup.decoder.after_iteration(2 * LONG)
    setup.inbox.put(StopTraining())
    setup.inbox.put(Decode(1, ZERO))
    assert isinstance(setup.inbox.take(), StopTraining)
    assert setup.results.get(timeout=60).generation == 1


def test_an_error_is_reported_and_the_next_request_answered(setup, model_file):
    setup.open(load_model(model_file, "cpu"))
    failed = setup.ask(1, np.array([np.nan, 0], np.float32))
    assert isinstance(failed, Failed)
    assert "not finite" in failed.message
    assert setup.ask(2).generation == 2


CONVOLUTIONS = {
    "latent_dim": 2,
    "architecture": {"kind": "conv", "width": 8},
}


def test_decoding_beside_it_does_not_change_a_training_by_one_bit(setup, image_file):
    """Two torch threads for the steps, one for decoding: the number is set for each thread separately."""
    dataset = load_dataset(image_file)
    settings = TrainingConfig(epochs=2, batch_size=32, seed=5, device="cpu", threads=2)
    config = RunConfig(model=ModelConfig.model_validate(CONVOLUTIONS), training=settings)

    def weights(training: Trainer, step=lambda: None):
        for _ in training.steps():
            step()
        return {name: tensor.numpy().tobytes() for name, tensor in training.model.state_dict().items()}

    alone = weights(Trainer(dataset, config))
    watched = Trainer(dataset, config)
    setup.open(watched.loaded)
    over = threading.Event()
    seen: list[Decoded] = []

    def drag() -> None:
        while not over.is_set():
            seen.append(setup.ask(len(seen)))

    dragging = threading.Thread(target=drag)
    dragging.start()
    beside = weights(watched, lambda: setup.decoder.after_iteration(2 * LONG))
    over.set()
    dragging.join()
    assert beside == alone
    assert all(isinstance(result, Decoded) for result in seen)
    assert (seen[0].image != seen[-1].image).any()  # the snapshot was updated


def test_an_onnx_package_is_decoded_while_a_run_begins(tmp_path):
    model = load_model(onnx_files.write(tmp_path / "package"), "cpu")
    z = np.array([[0.5, -1.0]], np.float32)
    snapshot = WeightsSnapshot(model)
    assert snapshot.update()
    np.testing.assert_array_equal(snapshot.decode(z, None), model.decode(z))
