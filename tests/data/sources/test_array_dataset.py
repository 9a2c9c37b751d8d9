from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from latentlab.config import DataConfig
from latentlab.data import Dataset
from latentlab.data.sources.array_dataset import ArraySource, dataset_from_array, unlabelled

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 200, (600, 8, 8, 3), dtype=np.uint8)
WIDE = PIXELS.astype(np.uint16) * 100


@dataclass
class PiecewiseArray:
    """An array that is read from a file in pieces; notes how many rows were read at once."""

    values: np.ndarray
    rows: list[int] = field(default_factory=list)
    ndim: int = 4

    @property
    def shape(self):
        return self.values.shape

    @property
    def dtype(self):
        return self.values.dtype

    def __len__(self):
        return len(self.values)

    def __getitem__(self, rows):
        found = self.values[rows]
        self.rows.append(1 if found.ndim == 3 else len(found))
        return found


def steps_of(images, **config):
    """The dataset, and the numbers of rows that were read in each step."""
    source = ArraySource(images, unlabelled(len(images)), (), "a", "a", "a", "test")
    read, seen = [], 0
    for step in dataset_from_array(source, DataConfig(**config)):
        if isinstance(step, Dataset):
            return step, read
        if isinstance(images, PiecewiseArray):
            read.append(images.rows[seen:])
            seen = len(images.rows)
    raise AssertionError("there was no dataset")


def test_a_step_reads_an_array_of_a_file_once_and_begins_with_few_rows():
    for values in (PIXELS, WIDE):
        images = PiecewiseArray(values)
        dataset, read = steps_of(images, image_size=16, limit=500)
        whole, _ = steps_of(values, image_size=16, limit=500)
        assert np.array_equal(dataset.images, whole.images)
        assert dataset.value_range == whole.value_range
        assert np.array_equal(dataset.value_facts[0].sample, whole.value_facts[0].sample)
        assert [each for each in read if len(each) > 1 and sum(each) > 4] == []
        # Each reading begins anew with four rows, and at most doubles.
        assert all(now <= max(4, 2 * before) for before, now in zip(images.rows, images.rows[1:], strict=False))


def test_pieces_shrink_to_one_row_when_reading_is_slow(monkeypatch):
    seconds = iter(range(1_000_000))
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))
    images = PiecewiseArray(PIXELS)
    dataset, _ = steps_of(images, image_size=16, limit=30)
    assert len(dataset) == 30
    assert max(images.rows) == 4
    assert sorted(set(images.rows)) == [1, 2, 4]
