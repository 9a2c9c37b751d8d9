"""The sentences about invalid settings."""

from __future__ import annotations

import pickle

import pytest

from latentlab.config import RunConfig, validated
from latentlab.errors import SettingError


@pytest.mark.parametrize(
    ("section", "name", "value", "reason"),
    [
        ("training", "epochs", 0, "must be at least 1, not 0"),
        ("training", "epochs", 1.5, "must be a whole number, not 1.5"),
        ("training", "learning_rate", 0, "must be more than 0, not 0"),
        ("training", "learning_rate", "nan", "must be a finite number, not 'nan'"),
        ("training", "schedule", "step", "must be 'constant' or 'cosine', not 'step'"),
        ("training", "history", "perhaps", "must be true or false, not 'perhaps'"),
        ("data", "validation", 1, "must be at most 0.9, not 1"),
        ("data", "classes", 3, "must be a list, not 3"),
    ],
)
def test_an_invalid_value_is_reported_in_a_plain_sentence(section, name, value, reason):
    with pytest.raises(SettingError) as caught:
        validated(RunConfig, {section: {name: value}})
    assert str(caught.value) == f"{section}.{name} {reason}"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
