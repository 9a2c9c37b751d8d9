"""Preferences of all windows in one file: changes are merged, a broken file is kept as a backup."""

from __future__ import annotations

import pytest

from latentlab.config.preferences import Preferences
from latentlab.state.preference_store import PreferenceStore
from latentlab.state.window_settings import WindowSettings
from latentlab.storage.preferences_file import read_preferences, write_preferences


@pytest.fixture
def store(tmp_path, qapp):
    return lambda: PreferenceStore(WindowSettings(tmp_path / "window.ini"), tmp_path / "preferences.json")


def with_(preferences: Preferences, group: str, **changes: object) -> Preferences:
    part = getattr(preferences, group).model_copy(update=changes)
    return preferences.model_copy(update={group: part})


def test_what_is_chosen_holds_in_the_next_window_and_the_theme_at_its_first_paint(store, tmp_path):
    first = store()
    chosen = with_(with_(first.value, "look", theme="dark"), "runs", threads=2)
    first.set(chosen)
    assert store().value == chosen
    assert WindowSettings(tmp_path / "window.ini").scheme() == "dark"
    first.reset()
    assert store().value == Preferences()


def test_row_12_two_windows_keep_each_others_preferences(store, tmp_path):
    one, two = store(), store()
    one.set(with_(one.value, "runs", threads=2))
    two.set(with_(two.value, "cache", gigabytes=5))
    found = read_preferences(tmp_path / "preferences.json")
    assert (found.runs.threads, found.cache.gigabytes) == (2, 5)


def test_row_13_a_broken_file_gives_the_defaults_a_backup_and_a_notice(store, tmp_path):
    (tmp_path / "preferences.json").write_text("garbage")
    broken = store()
    assert broken.value == Preferences()
    assert "could not be read and were kept as" in broken.fault
    assert (tmp_path / "preferences.json.bad").read_text() == "garbage"


def test_the_file_of_a_newer_version_is_never_written_over(store, tmp_path):
    text = '{"latentlab_preferences": 9, "hologram": 1}'
    (tmp_path / "preferences.json").write_text(text)
    newer = store()
    newer.set(with_(newer.value, "runs", threads=2))
    assert newer.value.runs.threads == 2
    assert "newer latentlab" in newer.fault
    assert (tmp_path / "preferences.json").read_text() == text


def test_a_change_is_announced_once(store, qtbot):
    one = store()
    with qtbot.waitSignal(one.changed) as changed:
        one.set(with_(one.value, "look", palette="Tol muted"))
    assert changed.args[0].look.palette == "Okabe-Ito"
    with qtbot.assertNotEmitted(one.changed):
        one.set(one.value)


def test_the_file_that_is_written_can_be_imported_elsewhere(store, tmp_path):
    one = store()
    one.set(with_(one.value, "cache", folder="/fast"))
    write_preferences(tmp_path / "exported.json", one.value)
    assert read_preferences(tmp_path / "exported.json") == one.value
