"""The arrangement of docks in a bare window."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QMainWindow, QTabBar

from latentlab.gui.dock_layout import DockLayout

BOTTOM = ["Filmstrip", "Generate", "Play"]


def arranged(qtbot) -> tuple[QMainWindow, DockLayout]:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(QLabel("map"))
    layout = DockLayout(window)
    window.resize(1280, 800)
    layout.set_default()
    return window, layout


@pytest.mark.parametrize(
    ("closed", "shown"),
    [
        (("data",), [["Curves", "Runs", "Board"], BOTTOM, ["Model", "Training", "Selection", "Image"]]),
        (("curves", "runs", "board"), [["Data", "Model", "Training", "Selection", "Image"], BOTTOM]),
    ],
)
def test_a_restored_layout_leaves_one_tab_bar_for_each_group_of_tabs(qtbot, qapp, closed, shown):
    first, saved = arranged(qtbot)
    second, restored = arranged(qtbot)
    first.show()
    for name in closed:
        saved.docks[name].close()
    assert restored.restore(*saved.save())
    with qtbot.waitExposed(second):
        second.show()

    def tabs() -> list[list[str]]:
        qapp.processEvents()  # Qt shows the tab bars of a new arrangement with the next events
        bars = [bar for bar in second.findChildren(QTabBar) if bar.parent() is second and bar.isVisible()]
        return sorted([bar.tabText(index) for index in range(bar.count())] for bar in bars if bar.count())

    assert tabs() == shown
    restored.reset()
    assert tabs() == [["Curves", "Runs", "Board"], ["Data", "Model", "Training", "Selection", "Image"], BOTTOM]


def test_a_panel_shown_in_the_view_menu_is_in_front_of_the_tabs_it_shares(qtbot):
    window, layout = arranged(qtbot)
    with qtbot.waitExposed(window):
        window.show()
    log, filmstrip = layout.docks["log"], layout.docks["filmstrip"]
    assert not log.isVisible()
    width = filmstrip.width()
    log.toggleViewAction().trigger()
    qtbot.waitUntil(lambda: not log.visibleRegion().isEmpty())
    assert log.width() == width, "it takes no room beside the filmstrip"


def test_what_is_no_layout_is_refused_and_changes_nothing(qtbot):
    _window, layout = arranged(qtbot)
    before = layout.save()
    assert not layout.restore(b"garbage", b"garbage")
    assert layout.save() == before
