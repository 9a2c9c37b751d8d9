"""Sessions on disk: read back, refused in a sentence, one autosave a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.errors import InputError, NewerFileError
from latentlab.storage.session_file import (
    SCHEMA_VERSION,
    SUFFIX,
    SessionFile,
    abandoned_autosaves,
    autosave_path,
    read_session,
    release_autosave,
    set_aside,
    write_session,
)


@pytest.mark.parametrize("axes", [("pc1", "pc2"), ("tsne1", "tsne2"), ("flat1", "flat2")])
def test_a_session_is_read_back_as_written(tmp_path, axes):
    path = tmp_path / "deep" / "one.latentlab.json"
    session = SessionFile(model="bundled:mnist-2d", latent=(0.5, -1.25), axes=axes, locked=(1,))
    write_session(path, session)
    assert read_session(path) == session


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"not json", "not a latentlab session"),
        (b'{"latent": [1e999]}', "latent"),
        (b'{"axes": ["z1", "../../etc"]}', "axes"),
        (b'{"surprise": 1}', "surprise"),
        (json.dumps({"schema_version": SCHEMA_VERSION + 1}).encode(), "newer latentlab"),
        (b'{"schema_version": true}', "schema_version"),
        (b'{"schema_version": 1.0}', "schema_version"),
        (b'{"latent": [1e30]}', "latent.0"),
        (b'{"label": 4611686018427387904}', "label"),
        (b'{"locked": [-1]}', "locked.0"),
        (b'{"closed_at": 1e300}', "closed_at"),
        (b'{"data": {"limit": 1%s}}' % (b"0" * 100), "data.limit"),
        (b'{"run_config": {"training": {"patience": 1%s}}}' % (b"0" * 100), "run_config.training.patience"),
        (b'{"run_config": {"model": {"posterior": {"kind": "concrete"}}}}', "concrete latents and the categorical"),
        (b'{"colour_by": 3}', "colour_by"),
        (b'{"selection": {"kind": "selection", "encoding": "bits", "count": 2, "data": "AQ=="}}', "selection"),
        (b"[" * 100_000, "not readable"),
        (b" " * (36 << 20) + b"{}", "too many"),
        (b'{"view": [1, 0, 0, 1]}', "view"),
        (b'{"view": [0, 1e12, 0, 1]}', "view"),
        (b'{"tool": "eraser"}', "tool"),
        (b'{"panels": "%%%"}', "panels: it is not base64"),
        (b'{"panels": "%s"}' % (b"A" * 70_000), "panels"),
        (b'{"layers": [{"name": "points", "visible": 1}]}', "layers.0.visible"),
        (b'{"layers": [{"name": "points", "visible": true, "opacity": 2}]}', "layers.0.opacity"),
        (b'{"layers": [%s]}' % b",".join([b'{"name": "a", "visible": true}'] * 101), "layers"),
        (b'{"oscillators": [{"target": "z0"}]}', "oscillators.0.target"),
        (b'{"oscillators": [{"target": "z1", "rate": 1e9}]}', "oscillators.0.rate"),
        (b'{"compared": {"source": "m", "epoch": -1}}', "compared.epoch"),
        (b'{"path": {"latent_dim": 2, "waypoints": "AACAPw=="}}', "path: 1 numbers are no waypoints of 2"),
        (b'{"path": {"latent_dim": 1, "waypoints": ""}}', "path: 0 numbers"),
        (b'{"path": {"latent_dim": 1, "waypoints": "AADAfw=="}}', "path: .*finite"),
        (b'{"relative": {"model": "%s"}}' % (b"a" * 20_000), "relative.model"),
    ],
)
def test_row_13_and_38_a_bad_session_is_refused_in_a_sentence(tmp_path, text, says):
    path = tmp_path / "bad.latentlab.json"
    path.write_bytes(text)
    with pytest.raises(InputError, match=f"^{path}: .*{says}"):
        read_session(path)


def test_a_session_of_a_newer_version_is_told_apart_and_left_as_it_is(tmp_path):
    path = tmp_path / "new.latentlab.json"
    path.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1, "hologram": 1}))
    before = path.read_bytes()
    with pytest.raises(NewerFileError, match=r"newer latentlab.*left as it is"):
        read_session(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [1, 2])
def test_sessions_of_older_versions_are_read(tmp_path, version):
    path = tmp_path / "old.latentlab.json"
    path.write_text(json.dumps({"schema_version": version, "model": "bundled:mnist-2d", "latent": [0.5, 1]}))
    assert read_session(path) == SessionFile(model="bundled:mnist-2d", latent=(0.5, 1.0))


def test_an_autosave_that_an_earlier_process_of_the_same_number_left_is_offered_and_not_replaced():
    write_session(autosave_path(), SessionFile(model="earlier"))
    release_autosave()
    write_session(autosave_path(), SessionFile(model="own"))
    (left,) = abandoned_autosaves()
    assert read_session(left).model == "earlier"
    assert read_session(autosave_path()).model == "own"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*SessionFile.model_fields, "x"]), inner)
        ),
        max_leaves=20,
    )
)
def test_row_38_hostile_json_is_a_session_or_an_input_error(tmp_path, value):
    path = tmp_path / "hostile.latentlab.json"
    path.write_text(json.dumps(value))
    said = ""
    try:
        read_session(path)
    except InputError as error:
        said = str(error)
    assert "\n" not in said


def test_row_38_the_refusal_of_a_long_value_stays_a_sentence(tmp_path):
    path = tmp_path / "hostile.latentlab.json"
    item = {"id": "abcdefabcdef", "name": "a", "content": {"kind": [0] * 5_000}}
    path.write_text(json.dumps({"schema_version": 2, "board": [item]}))
    with pytest.raises(InputError, match="board") as refusal:
        read_session(path)
    assert len(str(refusal.value)) < 1000


def test_row_13_a_bad_file_is_kept_as_a_backup(tmp_path):
    path = tmp_path / "x.latentlab.json"
    path.write_text("garbage")
    backup = set_aside(path)
    assert not path.exists()
    assert backup.read_text() == "garbage"


def test_rows_11_and_12_only_a_dead_windows_autosave_is_abandoned():
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = int(child.stdout)
    for process in (os.getpid(), dead):
        write_session(autosave_path(process), SessionFile())
    assert autosave_path() != autosave_path(dead)
    assert abandoned_autosaves() == [autosave_path(dead)]
    assert autosave_path(dead).name == f"{dead}{SUFFIX}"


WINDOW = """
import sys
from latentlab.storage.session_file import SessionFile, autosave_path, write_session
write_session(autosave_path(), SessionFile(model=sys.argv[1]))
print(autosave_path(), flush=True)
sys.stdin.read()
"""


def test_row_12_two_windows_that_are_open_at_once_autosave_separately(own_folders):
    """Two processes; when one is killed, its session alone is offered."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    windows = [subprocess.Popen([sys.executable, "-c", WINDOW, model], **pipes) for model in ("one", "two")]
    try:
        paths = [Path(window.stdout.readline().strip()) for window in windows]
        assert [read_session(path).model for path in paths] == ["one", "two"]
        assert abandoned_autosaves() == []
        windows[1].kill()
        windows[1].wait()
        assert abandoned_autosaves() == [paths[1]]
        assert read_session(paths[1]).model == "two"
    finally:
        for window in windows:
            window.kill()
            window.communicate()
