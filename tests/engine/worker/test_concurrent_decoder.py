"""The image under the hand while the loop is in a step: who answers, by which weights, and that no bit is changed."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from latentlab.config import ModelConfig, RunConfig, TrainingConfig
from latentlab.data import load_dataset
from latentlab.engine.protocol.channel import REQUEST_ORDER, Mailbox
from latentlab.engine.protocol.messages import Decode, Decoded, StopTraining
from latentlab.engine.worker.concurrent_decoder import LONG, ConcurrentDecoder
from latentlab.engine.worker.decoded_images import to_bytes
from latentlab.engine.worker.workspace import Workspace
from latentlab.models.inference import load_model
from latentlab.training import Trainer

ZERO = np.zeros(2, np.float32)


class Desk:
    """A hand beside a loop that is busy: nobody else takes anything from the mailbox."""

    def __init__(self) -> None:
        self.answers: queue.Queue = queue.Queue()
        self.failed: list[str] = []
        self.inbox = Mailbox(REQUEST_ORDER)
        self.workspace = Workspace(self.answers.put)
        self.hand = ConcurrentDecoder(self.inbox, self.workspace, self._failures)

    @contextmanager
    def _failures(self, name):
        try:
            yield []
        except Exception as error:
            self.failed.append(str(error))
            self.answers.put(error)

    def serve(self, model) -> None:
        self.workspace.model = model
        self.hand.serve(model)

    def ask(self, generation: int, z=ZERO):
        self.inbox.put(Decode(generation, z))
        return self.answers.get(timeout=60)


@pytest.fixture
def desk():
    made = Desk()
    yield made
    made.hand.close()


def image_of(model, z=ZERO):
    return to_bytes(model.decode(z[None]))[0, 0]


def test_a_decode_the_loop_does_not_come_to_is_answered_by_the_newest_copy(desk, model_file):
    model = load_model(model_file, "cpu")
    desk.serve(model)
    first = desk.ask(1)
    assert first.generation == 1
    np.testing.assert_array_equal(first.image, image_of(model))
    with torch.no_grad():
        for parameter in model.module.parameters():
            parameter.add_(0.5)
    np.testing.assert_array_equal(desk.ask(2).image, first.image)  # in the midst of a step
    desk.hand.turned(2 * LONG)
    now = desk.ask(3).image
    np.testing.assert_array_equal(now, image_of(model))
    assert (now != first.image).any()


def test_what_the_loop_may_still_answer_is_left_to_it(desk, model_file):
    model = load_model(model_file, "cpu")
    desk.inbox.put(Decode(1, ZERO))
    assert desk.inbox.take().generation == 1  # nobody is served
    desk.serve(model)
    desk.serve(None)
    desk.inbox.put(Decode(2, ZERO))
    assert desk.inbox.take(1.0).generation == 2
    desk.hand.serve(model)
    desk.workspace.model = None  # another model has come of which the hand was not told
    desk.inbox.put(Decode(3, ZERO))
    assert desk.inbox.take(1.0).generation == 3
    assert desk.answers.empty()


def test_a_decode_behind_an_older_request_waits_for_it(desk, model_file):
    desk.serve(load_model(model_file, "cpu"))
    desk.hand.turned(2 * LONG)
    desk.inbox.put(StopTraining())
    desk.inbox.put(Decode(1, ZERO))
    assert isinstance(desk.inbox.take(), StopTraining)
    assert desk.answers.get(timeout=60).generation == 1


def test_an_error_is_told_and_the_hand_goes_on(desk, model_file):
    desk.serve(load_model(model_file, "cpu"))
    assert isinstance(desk.ask(1, np.array([np.nan, 0], np.float32)), Exception)
    assert "not finite" in desk.failed[0]
    assert desk.ask(2).generation == 2


CONVOLUTIONS = {
    "latent_dim": 2,
    "architecture": {"kind": "conv", "width": 8},
}


def test_a_hand_at_work_changes_no_bit_of_what_is_learned(desk, image_file):
    """Two torch threads for the steps, one for the hand: each has its own number, and its own copy."""
    dataset = load_dataset(image_file)
    settings = TrainingConfig(epochs=2, batch_size=32, seed=5, device="cpu", threads=2)
    config = RunConfig(model=ModelConfig.model_validate(CONVOLUTIONS), training=settings)

    def weights(training: Trainer, step=lambda: None):
        for _ in training.steps():
            step()
        return {name: tensor.numpy().tobytes() for name, tensor in training.model.state_dict().items()}

    alone = weights(Trainer(dataset, config))
    watched = Trainer(dataset, config)
    desk.serve(watched.loaded)
    over = threading.Event()
    seen: list[Decoded] = []

    def drag() -> None:
        while not over.is_set():
            seen.append(desk.ask(len(seen)))

    dragging = threading.Thread(target=drag)
    dragging.start()
    beside = weights(watched, lambda: desk.hand.turned(2 * LONG))
    over.set()
    dragging.join()
    assert beside == alone
    assert not desk.failed
    assert (seen[0].image != seen[-1].image).any()  # it followed the learning
