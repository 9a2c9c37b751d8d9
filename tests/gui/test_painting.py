"""What is painted on a widget ends with its paint event, whatever happens in it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

import latentlab
from latentlab.gui.widgets.controls import show_fraction
from latentlab.gui.widgets.elided_label import ElidedLabel

GUI = Path(latentlab.__file__).parent / "gui"


def test_an_exception_in_a_paint_event_leaves_no_painter_active(qtbot, monkeypatch):
    label = ElidedLabel("text")
    qtbot.addWidget(label)
    label.resize(200, 30)

    def fail(*_arguments: object) -> None:
        raise ValueError("in a paint event")

    with monkeypatch.context() as patch:
        patch.setattr(ElidedLabel, "foregroundRole", fail)
        with pytest.raises(ValueError, match="in a paint event"):
            label.grab()
    assert not label.paintingActive()
    label.grab()


@pytest.mark.parametrize("path", sorted(GUI.rglob("*.py")), ids=lambda path: path.stem)
def test_painters_of_widgets_are_ended_by_with(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    managed = {id(item.context_expr) for node in ast.walk(tree) if isinstance(node, ast.With) for item in node.items}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "QPainter" and node.args:
            on = ast.unparse(node.args[0])
            assert id(node) in managed or on not in ("self", "self.viewport()", "widget"), f"{path}:{node.lineno}"


def test_progress_that_is_shown_in_a_paint_event_is_painted_with_the_next_frame(qtbot):
    bar, painting, nested = Bar(), [], []

    class Other(QWidget):
        def paintEvent(self, _event: object) -> None:
            with QPainter(self):
                painting.append(True)
                show_fraction(bar, 0.5)
                show_fraction(bar, None)
                show_fraction(bar, 0.25)
                painting.pop()

    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    layout.addWidget(bar)
    layout.addWidget(other := Other())
    other.setMinimumSize(20, 20)
    bar.painted = lambda: nested.append(bool(painting))
    with qtbot.waitExposed(window):
        window.show()
    nested.clear()
    other.update()
    qtbot.waitUntil(lambda: len(nested) > 0)
    assert not any(nested)
    assert bar.value() == 250


class Bar(QProgressBar):
    """Says when it is painted."""

    painted = staticmethod(lambda: None)

    def paintEvent(self, event: object) -> None:
        self.painted()
        super().paintEvent(event)
