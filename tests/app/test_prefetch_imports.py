"""What curves need is imported while the hand rests, once, and when images are opened at the latest."""

from __future__ import annotations

import threading

import pytest

from latentlab.app import prefetch_imports
from latentlab.app.prefetch_imports import ImportPrefetcher
from tests.controllers.conftest import model_info


@pytest.fixture
def imported(monkeypatch) -> list[tuple[str, bool]]:
    """Name of each module imported, and whether that was beside the event loop."""
    names = []

    def note(name: str) -> None:
        names.append((name, threading.current_thread() is not threading.main_thread()))

    monkeypatch.setattr(prefetch_imports, "import_module", note)
    return names


@pytest.fixture
def ahead(session, imported):
    made = ImportPrefetcher(session)
    session.set_model(model_info(2), 1, is_new_model=True)
    yield made
    made.close()


def test_it_waits_for_the_hand_to_rest(qtbot, session, ahead, imported, monkeypatch):
    session.set_latent([1, 1])
    assert ahead._timer.remainingTime() > prefetch_imports.REST_MS / 2
    ahead._timer.setInterval(1)
    session.set_latent([1, 2])
    qtbot.waitUntil(lambda: len(imported) == 2)
    assert all(beside for _name, beside in imported)
    session.set_latent([1, 3])
    assert not ahead._timer.isActive(), "once is enough"


def test_images_that_are_opened_do_not_wait(qtbot, session, ahead, imported):
    session.datasetChanged.emit()
    session.datasetChanged.emit()
    qtbot.waitUntil(lambda: len(imported) == 2)
