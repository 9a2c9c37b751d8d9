from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from latentlab.config import DataConfig, validated
from latentlab.data import load_dataset, split
from latentlab.data.dataset import digest_of, fingerprint
from latentlab.data.subset import select_subset
from latentlab.errors import InputError

LABELS = np.repeat([0, 1, 2, -1], [500, 300, 100, 100])
CLASSES = ("a", "b", "c")


@given(
    labels=st.lists(st.integers(-1, 4), min_size=1, max_size=200),
    share=st.floats(0, 0.9),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_split_is_a_reproducible_partition(labels, share, seed):
    labels = np.array(labels)
    training, validation = split(labels, share, seed)
    assert sorted(np.concatenate([training, validation]).tolist()) == list(range(len(labels)))
    assert len(training) >= 1
    assert (len(validation) > 0) == (share > 0 and len(labels) > 1)
    again = split(labels, share, seed)
    assert np.array_equal(training, again[0])


def test_a_split_is_stratified():
    _, validation = split(LABELS, 0.1, 3)
    assert np.unique(LABELS[validation], return_counts=True)[1].tolist() == [10, 50, 30, 10]


def test_another_seed_gives_another_split():
    assert not np.array_equal(split(LABELS, 0.1, 0)[1], split(LABELS, 0.1, 1)[1])


def test_a_dataset_splits_by_its_configuration():
    dataset = load_dataset("demo:shapes", DataConfig(limit=100, validation=0.25, seed=4))
    training, validation = dataset.split()
    assert (len(training), len(validation)) == (75, 25)
    assert np.array_equal(validation, split(dataset.labels, 0.25, 4)[1])


def test_classes_then_per_class_then_limit_are_applied():
    config = DataConfig(classes=("a", "c"), per_class=50, limit=80)
    index = select_subset(LABELS, CLASSES, config)
    assert len(index) == 80
    assert set(LABELS[index]) == {0, 2}
    assert (np.diff(index) > 0).all()
    assert np.array_equal(index, select_subset(LABELS, CLASSES, config))
    assert not np.array_equal(index, select_subset(LABELS, CLASSES, config.model_copy(update={"seed": 1})))


def test_per_class_limits_each_class():
    index = select_subset(LABELS, CLASSES, DataConfig(per_class=150))
    assert np.unique(LABELS[index], return_counts=True)[1].tolist() == [100, 150, 150, 100]


def test_a_limit_beyond_the_images_takes_all():
    assert len(select_subset(LABELS, CLASSES, DataConfig(limit=5000))) == 1000


def test_an_unknown_class_is_refused_with_the_available_ones():
    with pytest.raises(InputError, match=r"no class 'x' \(classes: a, b, c\)"):
        select_subset(LABELS, CLASSES, DataConfig(classes=("x",)))


def test_the_fingerprint_depends_on_the_content_only():
    images = np.zeros((5, 1, 8, 8), np.uint8)
    labels = np.zeros(5, np.int64)
    first = fingerprint(digest_of(images), labels, ("a",))
    assert fingerprint(digest_of(images.copy()), labels.copy(), ("a",)) == first
    assert fingerprint(digest_of(images), labels + 1, ("a",)) != first
    assert fingerprint(digest_of(images), labels, ("b",)) != first
    images[3, 0, 4, 4] = 1
    assert fingerprint(digest_of(images), labels, ("a",)) != first


def test_a_dataset_can_be_pickled():
    dataset = load_dataset("demo:shapes", DataConfig(limit=10))
    again = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(again.images, dataset.images)
    assert again.fingerprint == dataset.fingerprint


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from([*DataConfig.model_fields, "path", "__class__"]), ANYTHING, max_size=4))
def test_row_38_a_hostile_configuration_is_validated(values):
    try:
        config = validated(DataConfig, values)
    except InputError as error:
        message = str(error)
        config = DataConfig()
    else:
        message = ""
    assert "\n" not in message
    assert config.image_size is None or 8 <= config.image_size <= 256
    assert 0 <= config.validation <= 0.9
    assert config.limit is None or config.limit >= 1


@pytest.mark.parametrize("field", [{"image_size": 257}, {"image_size": 7}, {"limit": 0}, {"validation": 0.95}])
def test_row_38_limits_are_named(field):
    with pytest.raises(ValidationError, match=next(iter(field))):
        DataConfig(**field)
