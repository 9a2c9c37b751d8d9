"""Recorded steps, with a recorder on the CPU in place of CUDA's."""

import gc
from unittest import mock

import pytest
import torch

from latentlab.config import TrainingConfig
from latentlab.config.recipes import RECIPES
from latentlab.errors import RunError
from latentlab.models import build
from latentlab.models.base import Batch, StepState
from latentlab.models.divergences import closed_form
from latentlab.models.inference import weights_of
from latentlab.storage import RunFolder
from latentlab.training import Trainer
from latentlab.training.step.optimizer_step import OptimizerStep
from latentlab.training.step.optimizers import Optimizers
from latentlab.training.step.step_recorder import recorder_for
from tests.training.helpers import bars, named, run_config
from tests.training.step.tape import Tape, TapeRecorder

RATE = 2.0**-10  # exact in float32


@pytest.fixture
def recorder(monkeypatch):
    """A recorder on the CPU, with the deferred guard of CUDA."""
    recorder = TapeRecorder()
    monkeypatch.setattr("latentlab.training.step.step_runner.recorder_for", lambda device, config: recorder)
    monkeypatch.setattr(
        "latentlab.training.step.optimizer_step.Optimizers", lambda model, config: Optimizers(model, config, True)
    )
    monkeypatch.setattr(closed_form, "_terms", lambda spread: closed_form.MAX_TERMS)
    return recorder


def run(out=None, resume=False, model=None, stop_at=None, change=None, dataset=None, **training):
    trainer = Trainer(
        dataset or bars(), run_config(model, **({"learning_rate": RATE, "epochs": 4} | training)), out, resume
    )
    events = []
    for event in trainer.steps():
        events.append(event)
        if trainer.step == stop_at:
            trainer.stop()
        if change is not None and trainer.step == change[0]:
            trainer.update(**change[1])
            change = None
    return trainer, [event for event in events if event is not None]


def run_eagerly(monkeypatch, **arguments):
    """The same run without a recorder."""
    with monkeypatch.context() as patch:
        patch.setattr("latentlab.training.step.step_runner.recorder_for", lambda device, config: None)
        return run(**arguments)


def assert_same(one, other):
    weights, others = weights_of(one.model), weights_of(other.model)
    for name, array in weights.items():
        assert (array == others[name]).all(), name


def means(events):
    return [event.train for event in named(events, "epoch")]


@pytest.mark.parametrize(
    "ask", [lambda x: x.sum().item(), lambda x: bool((x > 0).any()), lambda x: x[x > 0], torch.nonzero]
)
def test_the_tape_refuses_what_a_cuda_graph_refuses(ask):
    with Tape(), pytest.raises(RuntimeError, match="not permitted"):
        ask(torch.ones(4))


def test_the_tape_repeats_tensor_operations_only():
    """Python values stay as they were recorded; tensors do not."""
    total, plain = torch.zeros(()), [1.0]
    with Tape() as tape:
        plain[0] += 1.0
        total += plain[0]
    tape.undo()
    assert total == 0
    tape.replay()
    total += 10
    tape.replay()
    assert (total, plain) == (14, [2.0])


def test_replayed_steps_equal_eager_ones(recorder, monkeypatch):
    """To the bit on the CPU, with their noise and means; verifying the replay leaves no trace."""
    replayed, events = run()
    plain, expected = run_eagerly(monkeypatch)
    assert_same(replayed, plain)
    assert means(events) == means(expected)
    # Three eager steps and a smaller last one of the epoch; then replays, after two of each size to verify it.
    assert (recorder.warmed, recorder.recorded, recorder.replayed) == (4, 2, 2 * 2 + 12)
    assert not named(events, "warning")


@pytest.mark.parametrize("change", [{"beta": 2.0}, {"learning_rate": 2 * RATE}])
def test_a_change_by_hand_needs_no_new_recording(recorder, monkeypatch, change):
    """Recorded steps read the learning rate and β from tensors."""
    replayed, _ = run(change=(9, change))
    plain, _ = run_eagerly(monkeypatch, change=(9, change))
    assert_same(replayed, plain)
    assert recorder.recorded == 2


@pytest.mark.parametrize("refine", [0, 2])
def test_dragging_beta_needs_no_new_recording(recorder, monkeypatch, refine):
    """All steps after the recording are replays."""
    model = {"posterior": {"refine": refine}}
    changes = {9: 2.0, 10: 2.5, 11: 0.5, 13: 1.0}

    def dragged():
        trainer = Trainer(bars(), run_config(model, learning_rate=RATE, epochs=4))
        for _ in trainer.steps():
            if trainer.step in changes:
                trainer.update(beta=changes[trainer.step])
        return trainer

    replayed = dragged()
    assert (recorder.warmed, recorder.recorded, recorder.replayed) == (4, 2, 2 * 2 + 12)
    monkeypatch.setattr("latentlab.training.step.step_runner.recorder_for", lambda device, config: None)
    assert_same(replayed, dragged())


@pytest.mark.parametrize(
    ("model", "recorded"),
    [
        ({"rate": {"warmup": 2.0}}, 2),
        ({"rate": {"kind": "free-bits", "warmup": 50.0}, "beta": 3.0}, 2),
        ({"rate": {"kind": "capacity", "epochs": 50.0}}, 2),
        ({"posterior": {"kind": "concrete", "cooling": 1.0}, "prior": {"kind": "categorical"}, "latent_dim": 20}, 2),
        ({"family": "ladder", "latent_dim": 6, "rate": {"kind": "free-bits", "warmup": 50.0}}, 2),
        ({"family": "vq", "architecture": {"kind": "conv", "width": 4}, "rate": {"warmup": 2.0}}, 2),
        ({"posterior": {"refine": 2}, "rate": {"warmup": 50.0}}, 2),
        (
            {
                "family": "semi-supervised",
                "conditional": True,
                "supervision": {"labels": 8},
                "beta": 2.0,
                "rate": {"warmup": 50.0},
            },
            2,
        ),
    ],
)
def test_replays_follow_the_schedules_of_the_model(recorder, monkeypatch, model, recorded):
    replayed, events = run(model=model)
    plain, _ = run_eagerly(monkeypatch, model=model)
    assert_same(replayed, plain)
    assert recorder.recorded == recorded
    assert not named(events, "warning")


NOT_RECORDED = {"sphere-vae", "vade"}  # one draws by rejection; the steps of the other change when it is placed


@pytest.mark.parametrize("name", sorted(NOT_RECORDED))
def test_steps_that_decide_something_are_not_recorded(recorder, name):
    values = RECIPES[name].config().model_dump()
    values["architecture"] |= {"hidden": 16, "width": 4}
    _, events = run(model=values, dataset=bars(side=16), epochs=2)
    assert recorder.recorded == 0
    assert not named(events, "warning")


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in NOT_RECORDED])
def test_every_recipe_computes_its_steps_on_the_device(recorder, monkeypatch, name):
    """A replay repeats only the operations of the device, nothing that Python counts or decides."""
    values = RECIPES[name].config().model_dump()
    values["architecture"] |= {"hidden": 16, "width": 4}
    values["supervision"]["labels"] = 8
    values["posterior"]["refine"] = min(2, values["posterior"]["refine"])
    arguments = {"model": values, "dataset": bars(side=16), "epochs": 2}
    replayed, events = run(**arguments)
    assert recorder.recorded == 2
    assert recorder.replayed > 2 * recorder.recorded
    plain, _ = run_eagerly(monkeypatch, **arguments)
    assert_same(replayed, plain)
    assert not named(events, "warning")


def test_replays_follow_a_cosine_schedule(recorder, monkeypatch):
    replayed, _ = run(schedule="cosine")
    plain, _ = run_eagerly(monkeypatch, schedule="cosine")
    assert_same(replayed, plain)
    assert recorder.recorded == 2


def test_dynamic_pixels_are_drawn_in_each_replay(recorder, monkeypatch):
    replayed, _ = run(binarise="dynamic")
    plain, _ = run_eagerly(monkeypatch, binarise="dynamic")
    assert_same(replayed, plain)
    assert recorder.recorded == 2


def test_a_run_stopped_between_replays_resumes_to_the_bit(recorder, monkeypatch, tmp_path):
    run(tmp_path / "run", stop_at=6)
    assert recorder.recorded == 1
    run(tmp_path / "run", resume=True)
    run_eagerly(monkeypatch, out=tmp_path / "whole")
    parts, whole = (RunFolder(tmp_path / name).read_checkpoint().tensors for name in ("run", "whole"))
    assert parts.keys() == whole.keys()
    for name, array in whole.items():
        assert (parts[name] == array).all(), name


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        ("refused", "operation not permitted when stream is capturing)"),
        ("frozen noise", "other losses"),
        ("other losses", "other losses"),
    ],
)
def test_a_wrong_recording_is_not_used(recorder, monkeypatch, spoil, why):
    """There is one warning, and the run equals the eager one."""
    recorder.spoil = spoil
    replayed, events = run()
    plain, _ = run_eagerly(monkeypatch)
    assert_same(replayed, plain)
    (warning,) = named(events, "warning")
    assert why in warning.message
    assert "continuing without" in warning.message
    assert recorder.recorded == 1


def test_a_non_finite_replayed_step_is_not_applied(recorder):
    trainer = Trainer(bars(), run_config(learning_rate=RATE, epochs=4))
    steps = trainer.steps()
    while trainer.step < 6:
        next(steps)
    assert recorder.replayed > 2
    before = weights_of(trainer.model)
    with torch.no_grad():
        next(trainer.model.parameters()).fill_(torch.nan)
    with pytest.raises(RunError, match="no longer finite at step 6 "):
        list(steps)
    after = weights_of(trainer.model)
    assert all((after[name] == array).all() for name, array in list(before.items())[1:])


def test_a_model_that_takes_too_much_memory_is_not_recorded(recorder):
    trainer = Trainer(bars(), run_config())
    real = trainer.model.losses

    def losses(phase, batch, state):
        if len(batch.x) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(phase, batch, state)

    trainer.model.losses = losses
    events = [event for event in trainer.steps() if event is not None]
    assert recorder.recorded == 0
    assert len(named(events, "warning")) == 1


def test_a_recordable_step_does_not_add_to_earlier_gradients():
    """A replay would add to tensors that no longer exist."""
    config = run_config({"family": "factor", "latent_dim": 3})
    model = build(config.model, (1, 8, 8), 0)
    batch = Batch(torch.rand(16, 1, 8, 8), None, torch.arange(16))
    model.prepare(batch, 16)
    earlier = []
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
        earlier.append(parameter.grad)
    OptimizerStep(model, config.training, 16).run_recordable(batch, StepState())
    assert not any(gradient.any() for gradient in earlier)


@pytest.fixture
def cuda(monkeypatch):
    """Mocks of torch.cuda's functions with their signatures; they record the calls in order."""
    calls = mock.Mock()
    names = ("Stream", "stream", "current_stream", "set_stream", "get_rng_state", "CUDAGraph", "graph", "device")
    for name in names:
        double = mock.create_autospec(getattr(torch.cuda, name))
        monkeypatch.setattr(torch.cuda, name, double)
        calls.attach_mock(double, name)
    return calls


def test_the_cuda_recorder_calls_torch_correctly(cuda):
    """Warm-up steps run on the capture stream between waits; only the graph replays."""
    device = torch.device("cuda", 1)
    recorder = recorder_for(device, TrainingConfig())
    stream = cuda.Stream.return_value
    cuda.Stream.assert_called_once_with(device)
    collects = gc.isenabled()

    def step():
        assert gc.isenabled() == (collects and not cuda.graph.called)
        cuda.step()
        return {"elbo": torch.zeros(())}

    assert recorder.warm_up(step)["elbo"] == 0
    stream.wait_stream.assert_called_once_with(cuda.current_stream.return_value)
    cuda.stream.assert_called_once_with(stream)
    cuda.current_stream.return_value.wait_stream.assert_called_once_with(stream)

    recording = recorder.record(step)
    assert gc.isenabled() == collects
    cuda.device.assert_called_once_with(device)
    graph = cuda.CUDAGraph.return_value
    cuda.graph.assert_called_once_with(graph, stream=stream, capture_error_mode="thread_local")
    names = [call[0] for call in cuda.mock_calls]
    inside = names.index("graph().__enter__"), names.index("graph().__exit__")
    assert inside[0] < len(names) - 1 - names[::-1].index("step") < inside[1]
    assert not graph.replay.called
    recording.replay()
    graph.replay.assert_called_once_with()


def test_a_failed_capture_restores_stream_and_random_numbers(cuda, monkeypatch):
    """Which not every version of torch does."""
    generators = [mock.Mock(), mock.Mock()]
    monkeypatch.setattr(torch.cuda, "default_generators", generators)
    monkeypatch.setattr(torch, "Generator", mock.create_autospec(torch.Generator))
    recorder = recorder_for(torch.device("cuda", 1), TrainingConfig())

    def step():
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

    cuda.graph.return_value.__exit__.return_value = False
    with pytest.raises(RuntimeError, match="not permitted"):
        recorder.record(step)
    cuda.set_stream.assert_called_once_with(cuda.current_stream.return_value)
    torch.Generator.assert_called_once_with(torch.device("cuda", 1))
    assert generators[1].mock_calls == [
        mock.call.graphsafe_set_state(torch.Generator.return_value.graphsafe_get_state.return_value),
        mock.call.set_state(cuda.get_rng_state.return_value),
    ]
    assert not generators[0].mock_calls
    assert gc.isenabled()


def test_nothing_is_recorded_on_the_cpu_or_with_graphs_off(cuda):
    assert recorder_for(torch.device("cpu"), TrainingConfig()) is None
    assert recorder_for(torch.device("cuda", 0), TrainingConfig(graphs="off")) is None


def test_a_phase_is_skipped_without_asking_the_device(recorder, monkeypatch):
    """Its weights and moments stay as they are, as when the device is asked."""
    values = {"family": "vae-gan", "architecture": {"kind": "conv", "width": 4}, "adversary": {"margin": 0.0}}
    replayed, events = run(model=values, dataset=bars(side=16))
    assert recorder.replayed > 2
    monkeypatch.undo()
    eager, expected = run(model=values, dataset=bars(side=16))
    assert_same(replayed, eager)
    skipped = [epoch["gradient_norm_discriminator"] == 0 for epoch in means(expected)]
    assert True in skipped
    assert [epoch["objective_discriminator"] == 0 for epoch in means(events)] == skipped
