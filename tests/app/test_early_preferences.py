"""What the worker needs of the preferences, before they are checked: a device and the place of the cache."""

from __future__ import annotations

import pytest

from latentlab.app.early_preferences import apply_early_preferences
from latentlab.config.preferences import CachePreferences, Preferences, WorkerPreferences
from latentlab.paths import CACHE_SIZE_VARIABLE, CACHE_VARIABLE, cache_folder, preferences_file
from latentlab.storage.preferences_file import write_preferences


@pytest.fixture
def path(monkeypatch):
    for variable in (CACHE_VARIABLE, CACHE_SIZE_VARIABLE):
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    preferences_file().parent.mkdir(parents=True)
    return preferences_file()


def test_device_and_cache_are_known_before_the_worker_starts(path, tmp_path, monkeypatch):
    cache = CachePreferences(folder=str(tmp_path / "ä, b"), gigabytes=7)
    write_preferences(path, Preferences(worker=WorkerPreferences(device="cuda:1"), cache=cache))
    assert apply_early_preferences() == "cuda:1"
    assert cache_folder() == tmp_path / "ä, b"
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "given"))
    apply_early_preferences()
    assert cache_folder() == tmp_path / "given", "what the environment says is kept"


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        "[]",
        '{"worker": {"device": "cuda:1; rm"}, "cache": {"folder": "here", "gigabytes": true}}',
        '{"worker": 1, "cache": [1]}',
        "[" * 50_000,
        " " * 70_000,
    ],
    ids=["garbage", "list", "values", "groups", "deep", "large"],
)
def test_what_is_not_as_it_must_be_is_passed_over(path, text, monkeypatch):
    path.write_text(text)
    before = cache_folder()
    assert apply_early_preferences() == "auto"
    assert cache_folder() == before


def test_without_preferences_nothing_is_set(path):
    assert apply_early_preferences() == "auto"
