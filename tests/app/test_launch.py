"""What the window opens at the start: one model, and one dataset of the other paths."""

from __future__ import annotations

from contextlib import closing

import pytest

from latentlab import app
from latentlab.errors import InputError


def test_a_model_and_a_dataset_are_opened_together(qtbot):
    arguments = ["demo:shapes", "bundled:shapes-6d", "--engine", "thread", "--device", "cpu"]
    with closing(app.build(arguments)) as application:
        session = application.session
        qtbot.waitUntil(lambda: session.dataset is not None and session.model is not None, timeout=60_000)
        assert session.dataset.source == "demo:shapes"
        assert session.model.source == "bundled:shapes-6d"


@pytest.mark.parametrize(
    ("paths", "refusal"),
    [
        (["bundled:mnist-2d", "bundled:mnist-10d"], "opens one model, not 2: bundled:mnist-2d, bundled:mnist-10d"),
        (["bundled:mnist-2d", ""], "the name is empty"),
        (["bundled:mnist-2d", "absent"], "there is no file or folder 'absent'"),
    ],
)
def test_what_cannot_be_opened_is_refused_before_anything_starts(paths, refusal, qapp):
    with pytest.raises(InputError, match=refusal):
        app.build(paths)
