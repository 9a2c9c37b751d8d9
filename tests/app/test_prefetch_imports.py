"""What curves need is imported once: while the latent is at rest, or when images are opened."""

from __future__ import annotations

import threading

import pytest

from latentlab.app import prefetch_imports
from latentlab.app.prefetch_imports import ImportPrefetcher
from tests.controllers.conftest import model_info


@pytest.fixture
def imported(monkeypatch) -> list[tuple[str, bool]]:
    """Name of each module imported, and whether that was in another thread."""
    names = []

    def note(name: str) -> None:
        names.append((name, threading.current_thread() is not threading.main_thread()))

    monkeypatch.setattr(prefetch_imports, "import_module", note)
    monkeypatch.setattr(prefetch_imports, "REST_MS", 150)
    return names


@pytest.fixture
def prefetcher(session, imported):
    prefetcher = ImportPrefetcher(session)
    session.set_model(model_info(2), 1, is_new_model=True)
    yield prefetcher
    prefetcher.close()


def test_it_waits_until_the_latent_rests_and_imports_once(qtbot, session, prefetcher, imported):
    session.set_latent([1, 1])
    assert imported == []
    qtbot.waitUntil(lambda: len(imported) == 1)
    assert all(in_thread for _name, in_thread in imported)
    session.set_latent([1, 3])
    prefetcher.start()
    assert len(imported) == 1


def test_opening_images_starts_it_at_once(qtbot, session, prefetcher, imported):
    session.datasetChanged.emit()
    session.datasetChanged.emit()
    qtbot.waitUntil(lambda: len(imported) == 1)
