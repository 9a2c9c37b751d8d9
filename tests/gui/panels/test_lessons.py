"""The Lessons panel: the course, a lesson, and its buttons by mouse and keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QListWidget, QProgressBar, QPushButton, QScrollArea, QToolButton

from latentlab.config.lessons import lessons
from latentlab.gui.panels.lessons import LessonsPanel

FIRST, SECOND = lessons()[:2]


@pytest.fixture
def panel(shown) -> LessonsPanel:
    panel = LessonsPanel()
    panel.set_lessons(lessons())
    return shown(panel, 270, 400)


def find(panel, kind, name):
    return panel.findChild(kind, name)


def texts(panel) -> str:
    return "\n".join(each.text() for each in panel.findChildren(QLabel) if each.isVisible())


def test_the_course_lists_the_lessons_in_order_and_marks_those_that_are_done(panel):
    listed = find(panel, QListWidget, "lessonList")
    assert [listed.item(row).text() for row in range(2)] == [f"1. {FIRST.title}", f"2. {SECOND.title}"]
    panel.set_done({FIRST.name})
    assert listed.item(0).text() == f"1. {FIRST.title}  ✓"
    assert listed.item(0).data(Qt.ItemDataRole.AccessibleTextRole).endswith(", done")
    assert f"1 of {len(lessons())} lessons done." in texts(panel)


def test_a_lesson_is_opened_and_left_by_the_keyboard(qtbot, panel):
    listed = find(panel, QListWidget, "lessonList")
    listed.setFocus()
    listed.setCurrentRow(1)
    with qtbot.waitSignal(panel.lessonOpened) as opened:
        qtbot.keyClick(listed, Qt.Key.Key_Return)
    assert opened.args == [SECOND.name]
    assert panel.opened == SECOND.name
    assert panel.focusWidget() is find(panel, QPushButton, "lessonDo0")
    qtbot.keyClick(find(panel, QPushButton, "lessonDo0"), Qt.Key.Key_Escape)
    assert panel.opened == ""
    assert panel.focusWidget() is listed


def test_a_lesson_shows_its_idea_its_steps_and_its_question_as_plain_text(panel):
    panel.open_lesson(FIRST.name)
    shown = texts(panel)
    assert FIRST.title in shown
    for part in (FIRST.idea, FIRST.question, *(step.see for step in FIRST.steps)):
        assert " ".join(part.split("\n\n")[0].split()) in shown
    assert [find(panel, QPushButton, f"lessonDo{number}").text() for number in range(2)] == [
        step.button for step in FIRST.steps
    ]
    assert panel.width() == 270
    assert not any(each.textFormat() != Qt.TextFormat.PlainText for each in panel.findChildren(QLabel))


def test_the_button_of_a_step_asks_for_it_and_while_it_is_done_only_it_can_be_cancelled(qtbot, panel):
    panel.open_lesson(FIRST.name)
    do = find(panel, QPushButton, "lessonDo1")
    with qtbot.waitSignal(panel.stepRequested) as asked:
        do.click()
    assert asked.args == [FIRST.name, 1]
    panel.set_running(1)
    assert not do.isEnabled()
    assert do.visibleRegion().isEmpty()
    assert not find(panel, QPushButton, "lessonDo0").isEnabled()
    panel.set_progress(0.25)
    assert find(panel, QProgressBar, "lessonProgress1").value() == 250
    with qtbot.waitSignal(panel.cancelRequested):
        qtbot.keyClick(panel, Qt.Key.Key_Escape)
    with qtbot.waitSignal(panel.cancelRequested):
        find(panel, QPushButton, "lessonCancel1").click()
    assert panel.opened == FIRST.name
    panel.set_running(None)
    assert do.isEnabled()
    assert not find(panel, QPushButton, "lessonCancel1").isVisible()


def test_what_a_step_has_measured_is_written_below_it(panel):
    panel.open_lesson(FIRST.name)
    panel.set_step_done(0, [("Rate", "3 nats"), ("Codes", "7")])
    assert find(panel, QLabel, "lessonFigures0").text() == "Rate: 3 nats\nCodes: 7"
    assert find(panel, QLabel, "lessonFigures1").text().endswith(": …")  # has its room before it is measured
    assert panel.focusWidget() is find(panel, QPushButton, "lessonDo1")
    panel.set_step_done(1, [])
    assert panel.focusWidget() is find(panel, QPushButton, "lessonDo1")


def test_a_refusal_greys_the_steps_and_says_why(panel):
    panel.open_lesson(FIRST.name)
    panel.set_refused("A run is in progress")
    do = find(panel, QPushButton, "lessonDo0")
    assert not do.isEnabled()
    assert do.toolTip() == "A run is in progress"
    panel.set_refused("")
    assert do.isEnabled()


def test_everything_can_be_put_back_once_a_step_was_begun(qtbot, panel):
    back = find(panel, QPushButton, "lessonPutBack")
    assert not back.isVisible()
    panel.set_can_put_back(True)
    with qtbot.waitSignal(panel.putBackRequested):
        back.click()


def test_a_term_of_the_lesson_leads_to_the_glossary(qtbot, panel):
    panel.open_lesson(FIRST.name)
    with qtbot.waitSignal(panel.termRequested) as asked:
        find(panel, QToolButton, f"lessonTerm_{FIRST.terms[0]}").click()
    assert asked.args == [FIRST.terms[0]]


def test_the_next_lesson_follows_and_after_the_last_there_is_none(panel):
    panel.open_lesson(FIRST.name)
    following = find(panel, QToolButton, "lessonNext")
    following.click()
    assert panel.opened == SECOND.name
    panel.open_lesson(lessons()[-1].name)
    assert not following.isEnabled()


def test_a_step_that_begins_stays_in_view_with_its_progress_and_gives_the_focus_to_cancel(qtbot, panel):
    panel.open_lesson(FIRST.name)
    area = next(each for each in panel.findChildren(QScrollArea) if each.accessibleName() == FIRST.title)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 500)  # laid out
    do = find(panel, QPushButton, "lessonDo0")
    do.setFocus()
    do.clicked.connect(lambda: panel.set_running(0))
    do.click()
    cancel, progress = find(panel, QPushButton, "lessonCancel0"), find(panel, QProgressBar, "lessonProgress0")
    assert panel.focusWidget() is cancel
    for widget in (cancel, progress):
        assert widget.visibleRegion().boundingRect() == widget.rect()
    panel.set_running(None)
    assert panel.focusWidget() is do
