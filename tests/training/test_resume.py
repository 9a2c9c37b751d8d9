"""A run that is stopped at any step and resumed ends as an uninterrupted one, to the bit (reliability row 10)."""

import itertools
import shutil
import sys

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.storage import CheckpointFile, RunFolder, read_model
from latentlab.training import Trainer, validation
from tests.storage.rewrite import rewrite
from tests.training.helpers import bars, named, run_config, train


def content(folder):
    """The bytes of the model file, the tensors of the checkpoint, and the metrics without times."""
    run = RunFolder(folder)
    tensors = {name: array.tobytes() for name, array in run.read_checkpoint().tensors.items()}
    lines = [
        {k: v for k, v in line.items() if k not in ("seconds", "images_per_second", "epochs")}
        for line in run.read_metrics()
    ]
    return run.model.read_bytes(), tensors, lines


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(bars(), run_config(), folder)
    return content(folder)


@pytest.mark.parametrize("at", [0, 1, 3, 4, 5, 8, 11, 12])
def test_row_10_stopped_at_any_step_and_resumed(whole, tmp_path, at):
    """Steps 4, 8 and 12 are the last of an epoch, before its validation."""
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    if at == 0:
        trainer.stop()
    for _ in trainer.steps():
        if trainer.step == at:
            trainer.stop()
    assert trainer.step == at
    _, events = train(bars(), run_config(), tmp_path / "run", resume=True)
    assert events[-1].reason == "done"
    assert content(tmp_path / "run") == whole


@pytest.mark.parametrize("at", [2, 5, 7])
def test_row_10_abandoned_after_a_checkpoint_and_resumed(whole, tmp_path, at):
    """As after SIGKILL: the steps after the checkpoint are repeated."""
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    steps = trainer.steps()
    while trainer.step < at:
        next(steps)
    trainer.checkpoint()
    while trainer.step < at + 4:
        next(steps)
    steps.close()
    train(bars(), run_config(), tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == whole


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_two_runs_cannot_use_a_folder_at_the_same_time(whole, tmp_path):
    first = Trainer(bars(), run_config(), tmp_path / "run")
    steps = first.steps()
    while first.step < 5:
        next(steps)
    first.checkpoint()
    with pytest.raises(InputError, match=r"another run is being trained into .*run; stop it first"):
        next(Trainer(bars(), run_config(), tmp_path / "run", resume=True).steps())
    for _ in steps:
        pass
    assert content(tmp_path / "run") == whole, "the first run was not affected"
    train(bars(), run_config(), tmp_path / "run", resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_row_47_a_folder_that_another_run_has_used_since_it_was_checked_is_refused(whole, tmp_path, resume):
    """Both are made before either starts; the first has ended before the second takes the lock."""
    if resume:
        trainer = Trainer(bars(), run_config(), tmp_path / "run")
        for _ in trainer.steps():
            if trainer.step == 5:
                trainer.stop()
    first, second = (Trainer(bars(), run_config(), tmp_path / "run", resume) for _ in range(2))
    for _ in first.steps():
        pass
    with pytest.raises(InputError, match="has just trained the run" if resume else "is not empty"):
        next(second.steps())
    assert content(tmp_path / "run") == whole


def test_row_10_the_best_epoch_may_be_before_the_stop(tmp_path, monkeypatch):
    """Validation is replaced so that each epoch is worse than the one before."""
    real = validation.quick_bound
    for folder, stops in (("whole", ()), ("parts", (5, 9))):
        worse = itertools.count(1)
        monkeypatch.setattr(validation, "quick_bound", lambda *a, n=worse: real(*a)._replace(elbo=-float(next(n))))
        for at in (*stops, None):
            trainer = Trainer(bars(), run_config(), tmp_path / folder, resume=True)
            for _ in trainer.steps():
                if trainer.step == at:
                    trainer.stop()
    assert RunFolder(tmp_path / "whole").read_checkpoint().position["best"]["epoch"] == 1
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


@pytest.mark.parametrize("linear_path", [False, True])
def test_stopped_twice_with_a_convolution_clipping_and_noise(tmp_path, linear_path):
    config = run_config(
        {"architecture": {"kind": "conv", "width": 4, "linear_path": linear_path}}, binarise="dynamic",
        gradient_clip=1.0, schedule="cosine", weight_decay=0.01, mirror=linear_path, shift=int(linear_path),
    )  # fmt: skip
    train(bars(), config, tmp_path / "whole")
    for at in (3, 7):
        trainer = Trainer(bars(), config, tmp_path / "parts", resume=True)
        for _ in trainer.steps():
            if trainer.step == at:
                trainer.stop()
    train(bars(), config, tmp_path / "parts", resume=True)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_resuming_without_a_checkpoint_starts_from_the_beginning(whole, tmp_path):
    trainer = Trainer(bars(), run_config(), tmp_path / "run", resume=True)
    next(trainer.steps())
    assert RunFolder(tmp_path / "run").read_checkpoint() is None
    train(bars(), run_config(), tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == whole


def test_a_finished_run_can_be_resumed_for_more_epochs(whole, tmp_path):
    train(bars(), run_config(epochs=2), tmp_path / "run")
    _, events = train(bars(), run_config(), tmp_path / "run", resume=True)
    assert [event.epoch for event in named(events, "epoch")] == [3]
    assert content(tmp_path / "run") == whole


def test_settings_changed_during_the_run_are_resumed(tmp_path):
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    for _ in trainer.steps():
        if trainer.step == 2:
            trainer.update(learning_rate=0.5, beta=2.0)
            trainer.stop()
    resumed = Trainer(bars(), run_config(), tmp_path / "run", resume=True)
    assert resumed.state.optimizers.learning_rate == 0.5
    assert resumed.model.beta == 2.0
    slower = Trainer(bars(), run_config(learning_rate=0.01), tmp_path / "run", resume=True)
    assert slower.state.optimizers.learning_rate == 0.01


def test_the_model_file_holds_the_beta_it_was_trained_with(tmp_path):
    """The same in a run that was stopped and resumed after the change."""
    for folder, stops in (("whole", ()), ("parts", (9,))):
        trainer = Trainer(bars(), run_config(), tmp_path / folder)
        assert trainer.loaded.header.model.beta == 1.0
        for _ in trainer.steps():
            if trainer.step == 2:
                trainer.update(beta=2.5)
            if trainer.step in stops:
                trainer.stop()
    train(bars(), run_config(), tmp_path / "parts", resume=True)
    assert read_model(RunFolder(tmp_path / "whole").model).header.model.beta == 2.5
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_changes_are_recorded_debounced_and_before_any_checkpoint(tmp_path):
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    betas, before = [], 0
    for _ in trainer.steps():
        if trainer.step == before:
            continue  # an event between two steps
        before = trainer.step
        if trainer.step in (1, 2, 3):
            trainer.update(beta=1.0 + trainer.step, rest=60.0)
            betas.append(trainer.model.beta)
        if trainer.step == 5:
            trainer.checkpoint()
        if trainer.step == 6:
            trainer.update(beta=9.0, rest=60.0)
            trainer.update(learning_rate=0.5, rest=60.0)
            trainer.stop()
    assert betas == [2.0, 3.0, 4.0], "each change takes effect at once"
    recorded = [line for line in RunFolder(tmp_path / "run").read_metrics() if line["event"] == "adjusted"]
    assert [(line["step"], line["beta"], line.get("learning_rate")) for line in recorded] == [(3, 4, None), (6, 9, 0.5)]
    assert Trainer(bars(), run_config(), tmp_path / "run", resume=True).state.progress.adjustments == 2


def test_a_run_whose_length_was_changed_resumes_to_the_bit(tmp_path):
    """With a cosine schedule, which depends on the number of epochs."""
    config = run_config(schedule="cosine", epochs=2)
    for folder, stops in (("whole", ()), ("parts", (6, 13))):
        events, changes = [], [{"epochs": 4, "patience": 9}]
        for at in (*stops, None):
            trainer = Trainer(bars(), config, tmp_path / folder, resume=True)
            for event in trainer.steps():
                events.append(event)
                if trainer.step == 2 and changes:
                    trainer.update(**changes.pop())
                if trainer.step == at:
                    trainer.stop()
        assert (events[-1].reason, events[-1].epochs) == ("done", 4)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")
    recorded = [line for line in RunFolder(tmp_path / "whole").read_metrics() if line["event"] == "adjusted"]
    assert recorded == [{"event": "adjusted", "step": 2, "epoch": 0.5, "epochs": 4, "patience": 9}]
    longer, _ = train(bars(), run_config(schedule="cosine", epochs=5), tmp_path / "parts", resume=True)
    assert longer.epoch == 5, "a new configuration overrides the change"


def test_a_checkpoint_of_an_early_version_is_resumed(whole, tmp_path):
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    for _ in trainer.steps():
        if trainer.step == 5:
            trainer.stop()
    folder = RunFolder(tmp_path / "run")
    file = folder.read_checkpoint()
    position = {name: value for name, value in file.position.items() if name != "patience"}
    images = file.position["epoch_images"][0]
    folder.write_checkpoint(CheckpointFile(position | {"epochs": 3, "epoch_images": images}, file.tensors))
    resumed, events = train(bars(), run_config(), tmp_path / "run", resume=True)
    assert events[-1].reason == "done"
    assert resumed.epoch == 3


def test_a_change_by_hand_is_recorded_at_its_step_and_survives_a_kill(tmp_path):
    """The metrics hold a change if and only if the checkpoint that is resumed holds it."""
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    steps = trainer.steps()
    while trainer.step < 2:
        next(steps)
    trainer.update(beta=2.0)
    trainer.update(schedule="cosine")
    trainer.checkpoint()
    trainer.update(learning_rate=0.5)
    adjusted = [event for event in (next(steps) for _ in range(6)) if event is not None and event.event == "adjusted"]
    assert [(event.step, event.beta, event.schedule, event.learning_rate) for event in adjusted] == [
        (2, 2.0, "cosine", None), (2, None, None, 0.5),
    ]  # fmt: skip
    del steps
    resumed, _ = train(bars(), run_config(), tmp_path / "run", resume=True)
    recorded = [line for line in RunFolder(tmp_path / "run").read_metrics() if line["event"] == "adjusted"]
    assert recorded == [{"event": "adjusted", "step": 2, "epoch": 0.5, "beta": 2.0, "schedule": "cosine"}]
    optimizers = resumed.state.optimizers
    assert (resumed.model.beta, optimizers.schedule, optimizers.learning_rate) == (2.0, "cosine", 1e-3)


def test_more_epochs_can_be_trained_after_patience_ended_the_run(tmp_path):
    impatient = {"patience": 1, "learning_rate": 1.0, "epochs": 30}
    _, events = train(bars(), run_config(**impatient), tmp_path / "run")
    assert events[-1].reason == "patience"
    done = events[-1].epochs
    _, again = train(bars(), run_config(**impatient), tmp_path / "run", resume=True)
    assert named(again, "epoch") == []
    _, more = train(bars(), run_config(**impatient | {"epochs": 31}), tmp_path / "run", resume=True)
    assert named(more, "epoch")[0].epoch == done + 1


def test_patience_can_be_counted_anew_after_it_ended_the_run(tmp_path):
    impatient = run_config(patience=2, learning_rate=1.0, epochs=90)
    _, events = train(bars(), impatient, tmp_path / "run")
    done = events[-1].epochs
    trainer = Trainer(bars(), impatient, tmp_path / "run", resume=True)
    trainer.restart_patience()
    again = [event for event in trainer.steps() if event is not None]
    assert len(named(again, "epoch")) >= 2
    assert named(again, "epoch")[0].epoch == done + 1
    assert "2 epochs without a better ELBO after which it stops are counted anew" in named(again, "warning")[0].message
    assert named(again, "adjusted")[0].patience == 2, "it is marked in the curves and recorded"


def test_patience_that_has_not_ended_the_run_keeps_its_count(tmp_path):
    trainer = Trainer(bars(), run_config(patience=9), tmp_path / "run")
    trainer.state.progress.stale_epochs = 4
    trainer.restart_patience()
    assert trainer.state.progress.stale_epochs == 4


def test_other_images_or_another_model_are_refused(tmp_path):
    train(bars(), run_config(epochs=1), tmp_path / "run")
    for dataset, config, why in (
        (bars(61), run_config(), "other images"),
        (bars(), run_config({"latent_dim": 3}), r"has model\.latent_dim 2, not 3"),
        (bars(), run_config(batch_size=8), r"has training\.batch_size 16, not 8"),
        (bars(validation=0.3), run_config(), r"has data\.validation 0\.1, not 0\.3"),
    ):
        with pytest.raises(InputError, match=why):
            Trainer(dataset, config, tmp_path / "run", resume=True)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    train(bars(), run_config(epochs=1), tmp_path / "run")
    checkpoint = RunFolder(tmp_path / "run").checkpoint
    data = bytearray(checkpoint.read_bytes())
    data[-5] ^= 8
    checkpoint.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        Trainer(bars(), run_config(), tmp_path / "run", resume=True)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A run that was stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    trainer = Trainer(bars(), run_config(), folder)
    for _ in trainer.steps():
        if trainer.step == 6:
            trainer.stop()
    return folder


WEIGHT = "decoder.pixels.weight"
MOMENT = f"optimizer.model.{WEIGHT}/exp_avg"


@pytest.mark.parametrize(
    ("tensors", "position", "why"),
    [
        ({MOMENT: np.zeros((64, 15), np.float32)}, {}, r"tensor optimizer\..* is float32 \[64, 15\] instead of"),
        ({MOMENT: np.zeros(1, np.float32)}, {}, "instead of"),
        ({MOMENT: np.full((64, 16), np.nan, np.float32)}, {}, "not finite"),
        # Weights and moments of another size agree with each other, and not with the configuration.
        (
            {
                f"model.{WEIGHT}": np.zeros((64, 9), np.float32),
                f"best.{WEIGHT}": np.zeros((64, 9), np.float32),
                MOMENT: np.zeros((64, 9), np.float32),
                f"{MOMENT}_sq": np.zeros((64, 9), np.float32),
            },
            {},
            rf"{WEIGHT} is float32 \[64, 9\] instead of \[64, 16\]",
        ),
        ({"random.cpu": np.zeros(5056, np.uint8)}, {}, "is not the state of a random number generator"),
        ({"random.cpu": np.zeros(8, np.uint8)}, {}, "is not the state of a random number generator"),
        ({}, {"step": -1}, r"position\.step"),
        ({}, {"epochs_done": 1e30}, r"position\.epochs_done"),
        ({}, {"step": 9}, "step 9 is not in epoch 2"),
        ({}, {"step": 3}, r"best\.step|step 3 is not in epoch 2"),
    ],
)
def test_row_41_a_checkpoint_that_does_not_fit_is_refused(interrupted, tmp_path, tensors, position, why):
    folder = RunFolder(shutil.copytree(interrupted, tmp_path / "run"))
    before = folder.metrics.read_bytes()
    rewrite(
        folder.checkpoint, "latentlab_checkpoint", tensors, lambda text: text["position"]["position"].update(position)
    )
    with pytest.raises(
        InputError, match=f"^{folder.path}.*(is damaged: |configuration and weights disagree: ).*({why})"
    ):
        Trainer(bars(), run_config(), folder.path, resume=True)
    assert folder.metrics.read_bytes() == before


def test_row_41_moments_of_another_phase_are_refused(tmp_path):
    """They have the shape of their weight, which is not one of that phase."""
    model = {"family": "factor", "recipe": "factor-vae"}
    trainer = Trainer(bars(), run_config(model), tmp_path / "run")
    for _ in trainer.steps():
        if trainer.step == 2:
            trainer.stop()
    folder = RunFolder(tmp_path / "run")
    tensors = folder.read_checkpoint().tensors
    phases = {name.split(".")[1] for name in tensors if name.startswith("optimizer.")}
    moved = next(name for name in tensors if name.startswith("optimizer."))
    phase = moved.split(".")[1]
    other = moved.replace(phase, min(phases - {phase}), 1).rpartition("/")[0]
    rewrite(
        folder.checkpoint,
        "latentlab_checkpoint",
        {
            f"{other}/{moment}": tensors[f"{moved.rpartition('/')[0]}/{moment}"]
            for moment in ("exp_avg", "exp_avg_sq", "step")
        },
    )
    with pytest.raises(InputError, match=r"is damaged: tensor optimizer\..* belongs to none of its parameters"):
        Trainer(bars(), run_config(model), folder.path, resume=True)
