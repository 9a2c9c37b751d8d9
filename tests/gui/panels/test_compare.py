"""The details below two compared maps."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel

from latentlab.gui.panels.compare import CompareDetails
from latentlab.gui.widgets.elided_label import ElidedLabel

LONG = "2026-11-30-105032-vae-of-many-photographs-with-a-long-name"


@pytest.fixture
def details(themed, shown):
    return shown(CompareDetails(), 700, 200)


def rows(details) -> list[QLabel]:
    """The labels of the first column of the table and the summary, from top to bottom."""
    names = [each for each in details.findChildren(QLabel) if each.text() in ("recipe", "ELBO", "rate")]
    return [*names, details.findChild(QLabel, "compareSummary")]


def test_long_names_are_elided_and_take_no_room_from_others(details):
    table = [("recipe", "vae", "vae"), ("ELBO", "−1.0", "−2.0"), ("rate", "1.0", "2.0")]
    details.set_figures(("a", "b"), table, "")
    narrow = details.minimumSizeHint().width()
    details.set_figures((f"Epoch 20 of {LONG}", LONG), table, "")
    assert details.minimumSizeHint().width() <= narrow + 80
    assert details.findChild(ElidedLabel, "compareHead1").text() == f"Epoch 20 of {LONG}"


def test_another_table_replaces_the_one_before_and_no_row_covers_another(details, qtbot):
    details.set_figures(("a", "b"), [("recipe", "vae", "vae"), ("ELBO", "−1.0", "−2.0"), ("rate", "1", "2")], "s")
    details.set_figures(("a", "b"), [("recipe", "vae", "vae"), ("ELBO", "−3.0", "−4.0"), ("rate", "1", "2")], "s " * 60)
    texts = [each.text() for each in details.findChildren(QLabel)]
    assert "−3.0" in texts
    assert "−1.0" not in texts
    qtbot.waitUntil(lambda: rows(details)[-1].height() > rows(details)[0].height())
    tops = [each.geometry().top() for each in rows(details)]
    bottoms = [each.geometry().bottom() for each in rows(details)]
    assert all(bottom < top for bottom, top in zip(bottoms, tops[1:], strict=False))
