"""Controls in a row continue on the next line in a narrow panel."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from latentlab.gui.widgets.flow_layout import FlowLayout


@pytest.fixture
def boxes() -> list[QWidget]:
    made = [QWidget() for _ in range(3)]
    for each in made:
        each.setFixedSize(100, 20)
    return made


def test_a_narrow_row_has_several_lines_and_hidden_controls_take_no_room(shown, qtbot, boxes):
    holder = QWidget()
    layout = FlowLayout(holder, *boxes, space=4)
    shown(holder, 320, 80)
    assert [each.pos().toTuple() for each in boxes] == [(0, 0), (104, 0), (208, 0)]
    assert layout.heightForWidth(320) == 20
    assert layout.minimumSize().width() == 100
    holder.resize(210, 80)
    qtbot.waitUntil(lambda: boxes[2].pos().toTuple() == (0, 24))
    assert layout.heightForWidth(210) == 44
    boxes[0].hide()
    qtbot.waitUntil(lambda: boxes[2].pos().toTuple() == (104, 0))
    assert layout.heightForWidth(210) == 20
