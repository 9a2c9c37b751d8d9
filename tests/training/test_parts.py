"""The parts of the loop that have rules of their own."""

import numpy as np
import pytest
import torch

from latentlab.training import from_the_top, metrics, tile
from latentlab.training.batches import BatchLoader
from latentlab.training.metrics import RunClock, RunningMeans
from latentlab.training.seeding import RandomStream, derived_seed

CPU = torch.device("cpu")


def feed(count=10, seed=0, **options):
    images = np.arange(count, dtype=np.uint8).repeat(64).reshape(count, 1, 8, 8)
    labels = np.arange(count)
    return BatchLoader(images, labels, np.arange(1, count), CPU, seed, **options)


def seen(feed, epoch, size=4, first=0):
    return [images.tolist() for images, _ in feed.order(epoch, size, first)]


def test_an_epoch_sees_every_training_image_once():
    batches = seen(feed(), 0)
    assert [len(batch) for batch in batches] == [4, 4, 1]
    assert sorted(index for batch in batches for index in batch) == list(range(1, 10))


def test_the_order_depends_on_seed_and_epoch_alone():
    torch.manual_seed(1)
    first = seen(feed(), 3)
    torch.manual_seed(2)
    assert seen(feed(), 3) == first
    assert seen(feed(), 4) != first
    assert seen(feed(seed=1), 3) != first
    assert seen(feed(), 3, first=1) == first[1:]


def test_a_batch_holds_pixels_labels_and_places():
    source = feed()
    for images, places in source.order(0, 4):
        batch = source.batch(images, places)
        assert batch.x.dtype == torch.float32
        assert torch.equal((batch.x[:, 0, 0, 0] * 255).round().long(), images)
        assert torch.equal(batch.label, images)
        assert torch.equal(batch.index + 1, images)  # the training set begins at image 1


def test_static_pixels_are_drawn_once_and_dynamic_ones_anew():
    static, dynamic = feed(256, binarise="static"), feed(256, binarise="dynamic")
    for source, same in ((static, True), (dynamic, False)):
        images, places = next(source.order(0, 255))
        one, other = source.batch(images, places).x, source.batch(images, places).x
        assert set(one.unique().tolist()) == {0.0, 1.0}
        assert torch.equal(one, other) == same
        assert torch.allclose(one.mean((1, 2, 3)), images / 255, atol=0.35)
    again, other_seed = feed(256, binarise="static"), feed(256, binarise="static", static_seed=5)
    assert torch.equal(static.gather(np.arange(256))[0], again.gather(np.arange(256))[0])
    assert not torch.equal(static.gather(np.arange(256))[0], other_seed.gather(np.arange(256))[0])


def test_a_stream_is_its_own():
    stream = RandomStream(CPU, 1)
    with stream:
        first = torch.randn(2)
    torch.manual_seed(99)
    with stream:
        second = torch.randn(2)
    whole = RandomStream(CPU, 1)
    with whole:
        assert torch.equal(torch.randn(2), first)
        state_inside = torch.randn(2)
    assert torch.equal(state_inside, second)
    torch.manual_seed(99)
    expected = torch.randn(1)
    torch.manual_seed(99)
    with stream:
        torch.randn(5)
    assert torch.equal(torch.randn(1), expected)


def test_a_stream_goes_on_from_its_state():
    stream, other = RandomStream(CPU, 1), RandomStream(CPU, 2)
    with stream:
        torch.randn(3)
    other.restore({name: tensor.clone() for name, tensor in stream.state().items()})
    with stream:
        expected = torch.randn(3)
    with other:
        assert torch.equal(torch.randn(3), expected)


def test_seeds_for_different_purposes_differ():
    seeds = {derived_seed(seed, purpose, index) for seed in range(3) for purpose in range(3) for index in range(3)}
    assert len(seeds) == 27
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_meter_weighs_batches_by_their_images():
    means = RunningMeans(CPU)
    means.add({"elbo": torch.tensor(1.0)}, 3)
    means.add({"elbo": torch.tensor(5.0)}, 1)
    assert means.read() == {"elbo": 2.0}
    means.add({"elbo": torch.tensor(2.0), "gradient_norm": torch.tensor(7.0)}, 4)
    assert means.read() == {"elbo": 2.0, "gradient_norm": 7.0}
    means.clear()
    assert means.read() == {}


def test_a_meter_goes_on_where_it_was():
    means, again = RunningMeans(CPU), RunningMeans(CPU)
    means.add({"elbo": torch.tensor(0.1), "gradient_norm": torch.tensor(7.0)}, 3)
    again.restore(*means.state())
    for meter_ in (means, again):
        meter_.add({"elbo": torch.tensor(0.7)}, 7)
    assert again.read() == means.read()
    assert means.read()["gradient_norm"] == 7.0


def test_a_meter_tells_the_last_moments_apart_from_the_epoch():
    means, resumed = RunningMeans(CPU), RunningMeans(CPU)
    means.add({"elbo": torch.tensor(-900.0)}, 10)
    assert means.read_out() == ({"elbo": -900.0}, {"elbo": -900.0})
    for _ in range(20):
        means.add({"elbo": torch.tensor(-100.0), "gradient_norm": torch.tensor(3.0)}, 10)
        whole, recent = means.read_out()
    assert whole["elbo"] == pytest.approx(-2900 / 21)
    assert recent == pytest.approx({"elbo": -100.0, "gradient_norm": 3.0})
    resumed.restore(*means.state())
    resumed.add({"elbo": torch.tensor(-50.0)}, 10)
    assert resumed.read_out()[1] == pytest.approx({"elbo": -50.0}), "nothing of before the resume"
    means.clear()
    means.add({"elbo": torch.tensor(-40.0)}, 10)
    whole, recent = means.read_out()
    assert whole == {"elbo": -40.0}
    # Five read-outs ago, the end of the epoch between them: four batches of it, and one of this.
    assert recent["elbo"] == pytest.approx((4 * -100.0 - 40.0) / 5)


def test_a_clock_leaves_pauses_out(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(metrics.time, "monotonic", lambda: now[0])
    clock = RunClock(seconds=10.0)
    for _ in range(4):
        clock.resume()
        now[0] += 0.5
        clock.tick(32)
    now[0] += 60  # paused
    clock.resume()
    now[0] += 0.5
    clock.tick(32)
    assert clock.seconds == pytest.approx(12.5)
    assert clock.mark() == pytest.approx(5 * 32 / 2.5)
    assert clock.remaining(10) == pytest.approx(5.0)


def test_time_left_counts_validation_and_the_closing(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(metrics.time, "monotonic", lambda: now[0])
    clock = RunClock()

    def work(seconds, images=0):
        clock.resume()
        now[0] += seconds
        clock.tick(images)

    assert clock.remaining(10) is None
    work(0.5, 32)
    assert clock.remaining(10, epochs=2, work_of_an_end=3.0, work_at_last=4.0) == pytest.approx(5.0 + 3.0 + 2.0)
    work(0.75)
    clock.end_epoch()
    assert clock.remaining(10, epochs=2, work_of_an_end=3.0) == pytest.approx(5.0 + 1.5), "measured, no longer guessed"
    now[0] += 600  # paused
    work(0.5, 32)
    assert clock.remaining(10, epochs=2) == pytest.approx(5.0 + 1.5)
    clock.mark()
    assert clock.remaining(0) == 0.0


def test_tiles_are_laid_left_to_right_then_down():
    images = np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1).repeat(2, 2).repeat(2, 3) / 255
    assert tile(images, 2).tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 0, 0], [2, 2, 0, 0]]
    assert tile(images.repeat(3, 1), 2).shape == (4, 4, 3)


def test_pictures_begin_with_the_highest_row():
    grid = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    assert from_the_top(grid).tolist() == [[4, 5], [6, 7], [0, 1], [2, 3]]
