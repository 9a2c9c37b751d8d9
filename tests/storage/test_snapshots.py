"""Snapshots of epochs: kept whole, refused when damaged, thinned when many."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.errors import InputError
from latentlab.storage import Snapshot, SnapshotFolder
from latentlab.storage import snapshots as module
from latentlab.storage.snapshots import evenly, thinned


def snapshot(epoch=1, points=5, latent_dim=3, scale=1.0, colour=()):
    random = np.random.default_rng(epoch)
    images = random.integers(0, 255, (4, 6, 7, *colour), dtype=np.uint8)
    return Snapshot(
        epoch=epoch,
        metrics={"train_elbo": -float(epoch)},
        mean=(scale * random.normal(size=(points, latent_dim))).astype(np.float32),
        label=np.arange(points) - 1,
        index=np.arange(points) * 2,
        classes=("a", "b", "c", "d"),
        fingerprint="f",
        picture=random.integers(0, 255, (8, 9, *colour), dtype=np.uint8),
        extent=(-3.0, 3.0, -4.0, 5.0),
        originals=images,
        reconstructions=255 - images,
        samples=images[:2],
    )


@pytest.mark.parametrize(("scale", "colour", "close"), [(1.0, (), 2e-3), (1e6, (3,), 0.0)])
def test_a_snapshot_is_read_as_written(tmp_path, scale, colour, close):
    """Points are kept in half precision where that has room for them."""
    given_, history = snapshot(7, scale=scale, colour=colour), SnapshotFolder(tmp_path / "history")
    assert history.epochs() == ()
    history.write(given_)
    assert history.epochs() == (7,)
    read = history.read(7)
    assert np.allclose(read.mean, given_.mean, rtol=close, atol=close)
    assert (read.epoch, read.metrics, read.classes, read.fingerprint, read.extent) == (
        7, {"train_elbo": -7.0}, ("a", "b", "c", "d"), "f", (-3.0, 3.0, -4.0, 5.0),
    )  # fmt: skip
    for name in ("label", "index", "picture", "originals", "reconstructions", "samples"):
        assert (getattr(read, name) == getattr(given_, name)).all(), name


def test_a_damaged_file_is_named_and_nothing_of_it_is_used(tmp_path):
    history = SnapshotFolder(tmp_path / "history")
    history.write(snapshot())
    whole = history.path(1).read_bytes()
    for spoilt in (whole[:-3], whole[:-3] + b"\x00\x01\x02", b"", b"\x80\x04" + whole):
        history.path(1).write_bytes(spoilt)
        with pytest.raises(InputError, match=r"epoch-000001\.safetensors"):
            history.read(1)
    with pytest.raises(InputError, match="there is no file"):
        history.read(2)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": np.full((5, 3), np.nan, np.float32)},
        {"mean": np.full((5, 3), 3e38, np.float32)},
        {"mean": np.zeros((4, 3), np.float32)},
        {"label": np.full(5, 2**62)},
        {"label": np.full(5, 4)},
        {"index": np.full(5, -1)},
        {"samples": np.zeros((2, 5, 6, 2))},
        {"samples": np.zeros((2, 6, 8), np.uint8)},
        {"originals": np.zeros((0, 6, 7), np.uint8), "reconstructions": np.zeros((0, 6, 7), np.uint8)},
        {"extent": (-1e308, 1e308, -1.0, 1.0)},
        {"extent": (0.0, 0.0, -1.0, 1.0)},
        {"classes": ("a", "b", "c", "d" * 1_000_000)},
        {"fingerprint": "f" * 1_000_000},
    ],
)
def test_an_invalid_snapshot_with_a_valid_checksum_is_refused(tmp_path, change):
    history = SnapshotFolder(tmp_path / "history")
    history.write(Snapshot(**{**vars(snapshot()), **change}))
    with pytest.raises(InputError, match="damaged"):
        history.read(1)


def test_trim_removes_later_epochs_and_no_other_files(tmp_path):
    history = SnapshotFolder(tmp_path / "history")
    history.trim(3)
    for epoch in (1, 3, 4, 9):
        history.write(snapshot(epoch))
    (history.folder / "notes.txt").write_text("mine")
    (history.folder / ".epoch-000005.safetensors.0123abcd.tmp").write_text("half")
    history.trim(3)
    assert history.epochs() == (1, 3)
    assert sorted(os.listdir(history.folder)) == ["epoch-000001.safetensors", "epoch-000003.safetensors", "notes.txt"]


def test_the_number_of_snapshots_is_bounded_and_the_ends_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_SNAPSHOTS", 6)
    monkeypatch.setattr(module.thinned, "__defaults__", (6,))
    history = SnapshotFolder(tmp_path / "history")
    for epoch in range(1, 41):
        history.write(snapshot(epoch))
        assert len(history.epochs()) == min(6, epoch)
        assert {1, epoch} <= set(history.epochs())


def test_thinning_leaves_a_long_run_evenly_covered_and_its_beginning_more_densely():
    kept = ()
    for epoch in range(1, 2001):
        kept = thinned((*kept, epoch))
    gaps = np.diff(kept)
    assert len(kept) == module.MAX_SNAPSHOTS
    assert gaps.max() <= 60, "no long time is missing"
    assert gaps[:20].mean() < gaps[-20:].mean() / 2


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=60, unique=True), st.integers(2, 20))
def test_thinning_returns_a_subset_with_the_ends(epochs, most):
    epochs = sorted(epochs)
    for some in (thinned(epochs, most), evenly(epochs, most)):
        assert len(some) == min(most, len(epochs))
        assert (some[0], some[-1]) == (epochs[0], epochs[-1])
        assert sorted(set(some)) == list(some)
        assert set(some) <= set(epochs)
