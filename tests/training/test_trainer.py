"""The events of a run, what it keeps, and what it leaves behind."""

import json
import os

import numpy as np
import pytest
import torch

from latentlab.config import DataConfig
from latentlab.config.events import Adjusted, Checkpoint, Finished, Started
from latentlab.errors import InputError
from latentlab.models.inference import load_model, weights_of
from latentlab.storage import RunFolder, read_model
from latentlab.training import Trainer, validation
from tests.training.helpers import bars, named, run_config, train


def weights(trainer):
    return {name: array.tobytes() for name, array in weights_of(trainer.model).items()}


def test_a_run_reports_from_start_to_finish(tmp_path):
    _, events = train(bars(), run_config(), tmp_path / "run")
    assert isinstance(events[0], Started)
    assert (events[0].images, events[0].validation_images, events[0].steps_per_epoch) == (54, 6, 4)
    assert events[0].image_shape == (1, 8, 8)
    epochs = named(events, "epoch")
    assert [(e.epoch, e.step) for e in epochs] == [(1, 4), (2, 8), (3, 12)]
    assert epochs[-1].validation["elbo"] > epochs[0].validation["elbo"]
    for epoch in epochs:
        for means in (epoch.train, epoch.validation):
            assert means["elbo"] == pytest.approx(-means["rate"] - means["distortion"], rel=1e-5)
        assert sum(epoch.kl_per_dimension) == pytest.approx(epoch.validation["rate"], rel=1e-4)
        assert epoch.train["gradient_norm"] > 0
    assert isinstance(events[-1], Finished)
    assert (events[-1].reason, events[-1].epochs) == ("done", 3)
    assert RunFolder(tmp_path / "run").read_metrics() == json.loads(json.dumps([epoch.as_json() for epoch in epochs]))


def test_each_next_is_one_step():
    trainer = Trainer(bars(), run_config())
    steps = trainer.steps()
    next(steps)
    for step in range(1, 4):
        next(steps)
        assert trainer.step == step
        assert trainer.epoch == step / 4


def test_the_folder_holds_a_model_with_points_and_preview(tmp_path):
    dataset = bars()
    trainer, _ = train(dataset, run_config(), tmp_path / "run")
    assert sorted(os.listdir(tmp_path / "run")) == [
        "checkpoint.safetensors", "history", "metrics.jsonl", "model.safetensors", "run.json",
    ]  # fmt: skip
    model = load_model(tmp_path / "run", "cpu")
    assert model.header.classes == dataset.classes
    assert model.header.data["fingerprint"] == dataset.fingerprint
    mean, std = model.encode(dataset.images)
    assert (model.points.mean == mean).all()
    assert (model.points.std == std).all()
    assert (model.points.label == dataset.labels).all()
    assert (model.points.index == np.arange(60)).all()
    assert model.preview.dtype == np.uint8
    assert model.preview.std() > 1
    assert model.header.preview_extent == (-3, 3, -3, 3)
    assert weights(trainer) == {name: array.tobytes() for name, array in weights_of(model.module).items()}


def test_the_best_epoch_is_kept_not_the_last(tmp_path, monkeypatch):
    """Validation is replaced so that it is best after the second epoch."""
    real, calls = validation.quick_bound, []

    def quick_bound(*arguments, **options):
        calls.append(1)
        bound = real(*arguments, **options)
        return bound._replace(elbo=-100.0 - abs(len(calls) - 2))

    monkeypatch.setattr(validation, "quick_bound", quick_bound)
    config = run_config(epochs=4, standardise=False)
    seen = {}
    trainer = Trainer(bars(), config, tmp_path / "run")
    for event in trainer.steps():
        if event is not None and event.event == "epoch":
            seen[event.epoch] = weights(trainer)
    file = read_model(tmp_path / "run" / "model.safetensors")
    assert file.header.training["epoch"] == 2
    assert file.header.metrics["validation_elbo"] == -100.0
    assert {name: array.tobytes() for name, array in file.weights.items()} == seen[2] != seen[4]


def test_patience_ends_a_run_that_no_longer_improves(monkeypatch):
    real = validation.quick_bound
    monkeypatch.setattr(validation, "quick_bound", lambda *a, **o: real(*a, **o)._replace(elbo=-7.0))
    _, events = train(bars(), run_config(epochs=50, patience=3))
    assert (events[-1].epochs, events[-1].reason) == (4, "patience")


def test_without_validation_images_the_last_epoch_is_kept():
    trainer, events = train(bars(validation=0.0), run_config(epochs=2))
    assert [event.validation for event in named(events, "epoch")] == [None, None]
    assert set(trainer.loaded.header.metrics) == {"train_elbo", "train_rate", "train_distortion"}


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_images_can_be_trained_on(count):
    """Row 26: one image, fewer than a batch."""
    _, events = train(bars(count), run_config(epochs=2, batch_size=128))
    assert np.isfinite(named(events, "epoch")[-1].train["elbo"])


def test_a_dataset_without_images_is_refused():
    with pytest.raises(InputError, match="no image"):
        Trainer(bars(0), run_config())


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trainer, events = train(bars(), run_config(epochs=1))
    assert not named(events, "checkpoint")
    assert trainer.loaded.points is not None
    assert os.listdir(tmp_path) == []


def test_a_refused_run_leaves_no_folder(tmp_path):
    with pytest.raises(InputError, match=r"there is no device 'cuda:99' on this machine; available: .*cpu"):
        Trainer(bars(), run_config(device="cuda:99"), tmp_path / "run")
    Trainer(bars(), run_config(), tmp_path / "run")
    assert os.listdir(tmp_path) == []


def test_the_same_seed_gives_the_same_model_whatever_else_draws_random_numbers():
    first, _ = train(bars(), run_config())
    trainer = Trainer(bars(), run_config())
    for _ in trainer.steps():
        torch.randn(3)
        trainer.loaded.decode(np.zeros((1, 2)))
        trainer.loaded.sample_prior(2)
    assert weights(trainer) == weights(first)
    other, _ = train(bars(), run_config(seed=4))
    assert weights(other) != weights(first)


def test_a_run_does_not_advance_other_random_numbers():
    torch.manual_seed(0)
    expected = torch.randn(3)
    torch.manual_seed(0)
    train(bars(), run_config(epochs=1))
    assert torch.equal(torch.randn(3), expected)


def test_the_model_can_be_used_between_steps():
    trainer = Trainer(bars(), run_config())
    pictures = []
    for _ in trainer.steps():
        pictures.append(trainer.loaded.decode(np.zeros((1, 2), np.float32)))
        assert trainer.model.training
    assert pictures[0].shape == (1, 1, 8, 8)
    assert not np.array_equal(pictures[0], pictures[-1])


def test_stop_writes_a_checkpoint_and_a_complete_model(tmp_path):
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    events = []
    for event in trainer.steps():
        events.append(event)
        if trainer.step == 5:
            trainer.stop()
    assert trainer.step == 5
    assert [e for e in events if isinstance(e, Checkpoint)][-1].step == 5
    assert events[-1].reason == "stopped"
    assert load_model(tmp_path / "run", "cpu").points is not None


def test_learning_rate_and_beta_change_the_next_step():
    unchanged = Trainer(bars(), run_config())
    changed = Trainer(bars(), run_config())
    for trainer in (unchanged, changed):
        steps = trainer.steps()
        next(steps), next(steps)
        if trainer is changed:
            changed.update(learning_rate=1e-9, beta=3.0)
        before = weights_of(trainer.model)
        next(steps)
        trainer.change = max(abs(array - before[n]).max() for n, array in weights_of(trainer.model).items())
    assert changed.model.beta == 3.0
    assert changed.change < 1e-7 < unchanged.change


def test_a_run_that_is_shortened_finishes_its_current_epoch():
    trainer = Trainer(bars(), run_config(epochs=50))
    events, changes = [], [{"epochs": 1}]
    for event in trainer.steps():
        events.append(event)
        if trainer.step == 6 and changes:
            trainer.update(**changes.pop())
    assert (events[-1].epochs, events[-1].reason) == (2, "done")
    (adjusted,) = [event for event in events if isinstance(event, Adjusted)]
    assert (adjusted.step, adjusted.epochs) == (6, 2)


def test_patience_can_be_set_during_the_run():
    trainer = Trainer(bars(), run_config(epochs=50, learning_rate=1.0))
    events = []
    for event in trainer.steps():
        events.append(event)
        if trainer.epoch == 3:
            trainer.update(patience=1)
    event = events[-1]
    assert event.reason == "patience"
    assert event.epochs < 50


def test_a_cosine_schedule_ends_at_zero():
    trainer = Trainer(bars(), run_config(schedule="cosine", learning_rate=0.01))
    rate = trainer.state.optimizers.scheduled_rate
    assert rate(0) == 0.01
    assert rate(0.5) == pytest.approx(0.005)
    assert rate(1) == pytest.approx(0, abs=1e-12)


def test_gradients_are_clipped():
    free, _ = train(bars(), run_config(epochs=1))
    clipped, _ = train(bars(), run_config(epochs=1, gradient_clip=1e-3))
    assert weights(free) != weights(clipped)


def test_weight_decay_shrinks_the_weights():
    def size(trainer):
        return sum(float((array**2).sum()) for array in weights_of(trainer.model).values())

    plain, _ = train(bars(), run_config())
    decayed, _ = train(bars(), run_config(weight_decay=10.0))
    assert size(decayed) < size(plain)


@pytest.mark.parametrize("binarise", ["static", "dynamic"])
def test_binarised_training_reports_a_bound_on_a_probability(binarise):
    """Bernoulli on zeros and ones: the likelihood is a probability, its logarithm never above 0."""
    _, events = train(bars(), run_config(binarise=binarise))
    assert 0 < named(events, "epoch")[-1].validation["distortion"] < 64 * np.log(2) * 1.5


def test_a_convolutional_model_trains_on_colour_images(tmp_path):
    config = run_config({"architecture": {"kind": "conv", "width": 4}}, epochs=1)
    trainer, _ = train(bars(channels=3, side=12), config, tmp_path / "run")
    images = load_model(tmp_path / "run", "cpu").decode(np.zeros((2, 2)))
    assert images.shape == (2, 3, 12, 12)
    assert trainer.loaded.preview.shape[2] == 3


def test_a_memory_map_trains_the_same_model(tmp_path):
    dataset = bars()
    np.save(tmp_path / "images.npy", dataset.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    from dataclasses import replace

    first, _ = train(dataset, run_config())
    second, _ = train(replace(dataset, images=mapped), run_config())
    assert weights(first) == weights(second)


def test_the_run_has_the_configuration_of_its_dataset(tmp_path):
    train(bars(validation=0.5), run_config(epochs=1), tmp_path / "run")
    assert RunFolder(tmp_path / "run").read_record().config.data == DataConfig(validation=0.5)


def test_a_run_of_the_importance_weighted_bound_keeps_the_epoch_where_that_is_highest():
    """Its ELBO may fall all the while: of 12 epochs of digits it fell from −201 to −206 while the bound rose by 4."""
    trainer, events = train(bars(), run_config({"bound": "importance", "samples": 4}))
    epochs = named(events, "epoch")
    for epoch in epochs:
        for means in (epoch.train, epoch.validation):
            assert means["importance_bound"] > means["elbo"]
    best = trainer.state.best
    bounds = [epoch.validation["importance_bound"] for epoch in epochs]
    assert best.epoch == 1 + bounds.index(max(bounds))
    assert best.metrics["validation_importance_bound"] == max(bounds)
    train_means = epochs[-1].train
    trainer.state.progress.epochs_done = 4
    falling = {"elbo": -1e3, "rate": 1.0, "distortion": 1.0, "importance_bound": max(bounds) + 1}
    assert best.offer(trainer.state.progress, train_means, falling, trainer.model)
    assert best.epoch == 4
    rising = falling | {"elbo": 0.0, "importance_bound": max(bounds)}
    assert not best.offer(trainer.state.progress, train_means, rising, trainer.model)
