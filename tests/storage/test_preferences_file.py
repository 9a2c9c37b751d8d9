"""Files of preferences: read back, and refused in one sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.config.preferences import CachePreferences, Preferences, RunPreferences
from latentlab.errors import InputError, NewerFileError
from latentlab.storage.preferences_file import read_preferences, write_preferences


def test_preferences_are_read_back_as_written(tmp_path):
    preferences = Preferences(
        cache=CachePreferences(folder="/fast disk/ä", gigabytes=3), runs=RunPreferences(threads=2)
    )
    write_preferences(tmp_path / "p.json", preferences)
    assert read_preferences(tmp_path / "p.json") == preferences


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"garbage", "not readable"),
        (b"{}", "latentlab_preferences: it is missing"),
        (b'{"latentlab_preferences": true}', "latentlab_preferences"),
        (b'{"latentlab_preferences": 1, "look": {"theme": "pink"}}', "look.theme"),
        (b'{"latentlab_preferences": 1, "cache": {"folder": "here"}}', "cache.folder: must be an absolute path"),
        (b'{"latentlab_preferences": 1, "cache": {"folder": "/a\\u0000"}}', "cache.folder: must be an absolute path"),
        (b'{"latentlab_preferences": 1, "cache": {"gigabytes": 0}}', "cache.gigabytes"),
        (b'{"latentlab_preferences": 1, "runs": {"threads": -1}}', "runs.threads"),
        (b'{"latentlab_preferences": 1, "surprise": 1}', "surprise"),
        (b" " * 70_000, "too many"),
    ],
)
def test_row_13_bad_preferences_are_refused_in_a_sentence(tmp_path, text, says):
    path = tmp_path / "p.json"
    path.write_bytes(text)
    with pytest.raises(InputError, match=f"^{path}: .*{says}"):
        read_preferences(path)


def test_preferences_of_a_newer_version_are_told_apart(tmp_path):
    (tmp_path / "p.json").write_text('{"latentlab_preferences": 9, "hologram": 1}')
    with pytest.raises(NewerFileError, match="newer latentlab"):
        read_preferences(tmp_path / "p.json")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*Preferences.model_fields, "theme", "folder", "threads"]), inner)
        ),
        max_leaves=12,
    )
)
def test_row_38_hostile_json_is_preferences_or_an_input_error(tmp_path, value):
    path = tmp_path / "p.json"
    values = {"latentlab_preferences": 1, **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(values))
    said = ""
    try:
        read_preferences(path)
    except InputError as error:
        said = str(error)
    assert "\n" not in said
