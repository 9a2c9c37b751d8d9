"""The Lessons panel: the course, and a lesson with its steps."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from latentlab.config.glossary import glossary
from latentlab.config.lessons import Lesson, Step
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, named, row, scrolled, tool_button
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.scaled_picture import ScaledPicture
from latentlab.gui.widgets.term_card import set_term
from latentlab.paths import resource
from latentlab.utils.text import pluralize

_NAME = Qt.ItemDataRole.UserRole
_PUT_BACK = "Open the model and images that were open before the lessons, with the latent, layers and settings"
DONE = "✓"


class LessonsPanel(QWidget):
    """Lists the lessons in the order of the course, and shows one of them.

    Signals
    -------
    lessonOpened(name)
        A lesson was opened; an empty name: the course is shown again.
    stepRequested(name, index)
        The button of a step was pressed.
    cancelRequested
        The step in progress is to be cancelled.
    putBackRequested
        Everything is to be as it was before the lessons.
    termRequested(key)
        A term of the glossary is to be explained.
    """

    lessonOpened = Signal(str)
    stepRequested = Signal(str, int)
    cancelRequested = Signal()
    putBackRequested = Signal()
    termRequested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lessonsPanel")
        self.setAccessibleName("lessons")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._lessons: dict[str, Lesson] = {}
        self._open: Lesson | None = None
        self._steps: list[_StepCard] = []
        self._running: int | None = None
        self._can_put_back = False
        self._reason = ""
        outer = column(self, 0, 0)
        holder = QWidget()
        self._pages = QStackedLayout(holder)
        self._pages.addWidget(self._build_course())
        self._pages.addWidget(self._build_lesson())
        outer.addWidget(holder, 1)
        outer.addWidget(self._build_foot())
        self.set_lessons(())

    # --- building -------------------------------------------------------------------------------

    def _build_course(self) -> QWidget:
        page = QWidget()
        layout = column(page, SPACE)
        self._progress_line = label("", "dim", wrap=True)
        self._progress_line.setObjectName("lessonsDone")
        layout.addWidget(self._progress_line)
        self._list = QListWidget()
        named(self._list, "lessonList", "lessons", "Enter or a click opens a lesson")
        self._list.setWordWrap(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._list.setSpacing(1)
        self._list.itemClicked.connect(self._on_item_chosen)
        self._list.itemActivated.connect(self._on_item_chosen)
        layout.addWidget(self._list, 1)
        return page

    def _build_lesson(self) -> QWidget:
        page = QWidget()
        layout = column(page, 0, 0)
        head = QWidget()
        inner = column(head, SPACE, SPACE // 2)
        self._back = tool_button("lessonBack", "all lessons", "Back to the list of lessons (Esc)", text="‹ All lessons")
        self._back.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._back.clicked.connect(self.show_course)
        self._next = tool_button("lessonNext", "next lesson", "Open the next lesson of the course", text="Next ›")
        self._next.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._next.clicked.connect(self._on_next)
        inner.addLayout(row(self._back, None, self._next))
        layout.addWidget(head)
        self._body_holder = QVBoxLayout()
        self._body_holder.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._body_holder, 1)
        self._body = scrolled(QWidget())
        self._body_holder.addWidget(self._body)
        return page

    def _build_foot(self) -> QWidget:
        foot = QWidget()
        layout = column(foot, SPACE, SPACE // 2)
        self._status = label("", "dim", wrap=True)
        self._status.setObjectName("lessonStatus")
        self._put_back = button(
            "lessonPutBack", "Put everything back", _PUT_BACK, self.putBackRequested.emit, icon="reset"
        )
        layout.addWidget(self._status)
        layout.addWidget(self._put_back)
        self._status.hide()
        return foot

    # --- the course -----------------------------------------------------------------------------

    def set_lessons(self, lessons: Sequence[Lesson]) -> None:
        """Offer these lessons, in the order of the course."""
        self._lessons = {each.name: each for each in lessons}
        self.set_done(())
        self._show_put_back()

    def set_done(self, done: Collection[str]) -> None:
        """Mark the lessons that were done before."""
        current = self._list.currentRow()
        with QSignalBlocker(self._list):
            self._list.clear()
            for number, each in enumerate(self._lessons.values(), 1):
                mark = f"  {DONE}" if each.name in done else ""
                item = QListWidgetItem(f"{number}. {each.title}{mark}")
                item.setData(_NAME, each.name)
                state = "done" if each.name in done else "not done yet"
                item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{number}. {each.title}, {state}")
                set_tool_tip(item, f"About {_duration(each.minutes)}")
                self._list.addItem(item)
            names = list(self._lessons)
            first = next((index for index, name in enumerate(names) if name not in done), 0)
            self._list.setCurrentRow(current if current >= 0 else first)
        count = sum(name in done for name in self._lessons)
        all_text = pluralize(len(self._lessons), "lesson")
        self._progress_line.setText(
            f"{all_text}, of about two minutes each, with images and models that are there already."
            if not count
            else f"{count} of {all_text} done."
        )

    def show_course(self) -> None:
        """Show the list of lessons."""
        self._open = None
        self._pages.setCurrentIndex(0)
        self._list.setFocus()
        self.lessonOpened.emit("")

    def open_lesson(self, name: str) -> None:
        """Show a lesson."""
        lesson = self._lessons[name]
        self._open = lesson
        names = list(self._lessons)
        self._list.setCurrentRow(names.index(name))
        self._next.setEnabled(names[-1] != name)
        body = QWidget()
        layout = column(body, SPACE)
        layout.addWidget(_text(lesson.title, "title"))
        for paragraph in lesson.idea.strip().split("\n\n"):
            layout.addWidget(_text(_joined(paragraph)))
        self._steps = [_StepCard(number, step) for number, step in enumerate(lesson.steps)]
        for card in self._steps:
            card.do.clicked.connect(lambda _checked=False, index=card.index: self._on_step(index))
            card.cancel.clicked.connect(self.cancelRequested)
            layout.addWidget(card)
        layout.addWidget(_text("To try", "section"))
        layout.addWidget(_text(_joined(lesson.question)))
        layout.addLayout(self._terms_of(lesson))
        layout.addStretch(1)
        area = scrolled(body)
        area.setAccessibleName(lesson.title)
        old, self._body = self._body, area
        self._body_holder.replaceWidget(old, area)
        old.hide()
        old.deleteLater()
        self._pages.setCurrentIndex(1)
        self._running = None
        self._show_state()
        self._steps[0].do.setFocus()
        self.lessonOpened.emit(name)

    def _terms_of(self, lesson: Lesson) -> QVBoxLayout:
        """A button for each term, which opens the glossary there."""
        buttons = QVBoxLayout()
        buttons.setSpacing(0)
        for key in lesson.terms:
            title = glossary()[key].title
            term = tool_button(f"lessonTerm_{key}", f"glossary: {title}", "", text=title)
            term.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            set_term(term, key)
            term.clicked.connect(lambda _checked=False, key=key: self.termRequested.emit(key))
            buttons.addWidget(term)
        return buttons

    @property
    def opened(self) -> str:
        """Name of the lesson that is shown; empty while the course is."""
        return "" if self._open is None else self._open.name

    # --- the steps ------------------------------------------------------------------------------

    def set_running(self, index: int | None) -> None:
        """Set which step is in progress; ``None`` for none, −1 for putting everything back."""
        self._running = index
        self._show_state()
        if index is not None and 0 <= index < len(self._steps):
            self._show_card(self._steps[index])

    def _show_card(self, card: _StepCard) -> None:
        """Scroll down to a step's end, but not past its button."""
        bar, height = self._body.verticalScrollBar(), self._body.viewport().height()
        button = card.y() + card.controls_top()
        bar.setValue(max(bar.value(), min(button - SPACE, card.geometry().bottom() + SPACE - height)))

    def set_progress(self, fraction: float) -> None:
        """Show how far the step in progress is, from 0 to 1; negative while that is unknown."""
        if self._running is not None and 0 <= self._running < len(self._steps):
            self._steps[self._running].set_progress(fraction)

    def set_step_done(self, index: int, figures: Sequence[tuple[str, str]]) -> None:
        """Show what is to be seen after a step, and what was measured: title and value of each figure."""
        if index < len(self._steps):
            self._steps[index].set_done(figures)
            focused = self.window().focusWidget()
            if focused is None or self.isAncestorOf(focused):  # else something else is being done
                self._steps[min(index + 1, len(self._steps) - 1)].do.setFocus()

    def set_can_put_back(self, can: bool) -> None:
        """Set whether something can be put back."""
        self._can_put_back = can
        self._show_put_back()

    def set_refused(self, reason: str) -> None:
        """Grey the buttons of the steps, for a reason; an empty one enables them."""
        self._reason = reason
        self._show_state()

    def set_status(self, text: str, *, is_fault: bool = False) -> None:
        """Say what has happened; an empty text removes it."""
        self._status.setText(text)
        self._status.setProperty("role", "error" if is_fault else "dim")
        self._status.style().unpolish(self._status)
        self._status.style().polish(self._status)
        self._status.setVisible(bool(text))

    def _show_state(self) -> None:
        for card in self._steps:
            card.set_state(is_running=card.index == self._running, can_run=self._running is None, reason=self._reason)
        self._show_put_back()

    def _show_put_back(self) -> None:
        self._put_back.setVisible(self._can_put_back)
        self._put_back.setEnabled(self._can_put_back and self._running is None)

    # --- internal -------------------------------------------------------------------------------

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Pass the focus to the list, or to the step that is next."""
        super().focusInEvent(event)
        target: QWidget = self._list
        if self._open is not None and self._steps:
            target = next((card.do for card in self._steps if not card.is_done), self._steps[0].do)
        target.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape cancels the step in progress, else goes back to the course."""
        if event.key() == Qt.Key.Key_Escape and self._running is not None:
            self.cancelRequested.emit()
        elif event.key() == Qt.Key.Key_Escape and self._open is not None:
            self.show_course()
        else:
            super().keyPressEvent(event)

    def _on_item_chosen(self, item: QListWidgetItem) -> None:
        self.open_lesson(item.data(_NAME))

    def _on_next(self) -> None:
        names = list(self._lessons)
        following = names.index(self.opened) + 1
        if following < len(names):
            self.open_lesson(names[following])

    def _on_step(self, index: int) -> None:
        self.stepRequested.emit(self.opened, index)


class _StepCard(QFrame):
    """A step: what it is about, the button that does it, and what is to be seen after it."""

    def __init__(self, index: int, step: Step) -> None:
        super().__init__()
        self.index = index
        self.is_done = False
        self.setProperty("role", "card")
        self.setObjectName(f"lessonStep{index}")
        self.setAccessibleName(f"step {index + 1}")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        layout = column(self, SPACE)
        layout.addWidget(_text(f"Step {index + 1}", "section"))
        for paragraph in step.text.strip().split("\n\n"):
            layout.addWidget(_text(_joined(paragraph)))
        self._tip = "Does it in the window"
        self.do = button(f"lessonDo{index}", step.button, self._tip, icon="train", primary=True)
        self.cancel = button(f"lessonCancel{index}", "Cancel", "Cancel this step (Esc)")
        self._progress = QProgressBar()
        named(self._progress, f"lessonProgress{index}", "progress of the step", "")
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1000)
        # One instead of the other, so that what is below does not move.
        self._controls = QStackedLayout()
        for controls in (row(self.do, None), row(self._progress, self.cancel)):
            page = QWidget()
            controls.setContentsMargins(0, 0, 0, 0)
            page.setLayout(controls)
            self._controls.addWidget(page)
        layout.addLayout(self._controls)
        layout.addWidget(_text("What you should see at its end", "section"))
        layout.addWidget(_text(_joined(step.see)))
        if step.picture:
            picture = ScaledPicture(QPixmap(str(resource("lessons", step.picture))))
            named(picture, f"lessonPicture{index}", "what you should see", "Made by this program with the same steps")
            layout.addWidget(picture)
        self._figures = _text("", "mono", lines=True)
        self._figures.setObjectName(f"lessonFigures{index}")
        # There from the start, so that the next step's button stays where it is.
        self._figures.setText("\n".join(f"{figure.title}: …" for figure in step.figures))
        self._figures.setVisible(bool(step.figures))
        layout.addWidget(self._figures)
        self.set_state(is_running=False, can_run=True, reason="")

    def set_state(self, *, is_running: bool, can_run: bool, reason: str) -> None:
        has_focus = self.do.hasFocus() or self.cancel.hasFocus()
        if has_focus:  # else Qt passes it on to what is next when its button is disabled, and scrolls there
            self.setFocus()
        self._controls.setCurrentIndex(int(is_running))
        if is_running:
            self._progress.setRange(0, 0)
        self.do.setEnabled(can_run and not reason)
        set_tool_tip(self.do, reason or self._tip)
        if has_focus:
            (self.cancel if is_running else self.do).setFocus()

    def controls_top(self) -> int:
        """Where the button is, in px from the top."""
        current = self._controls.currentWidget()
        return 0 if current is None else current.y()

    def set_progress(self, fraction: float) -> None:
        self._progress.setRange(0, 0 if fraction < 0 else 1000)
        if fraction >= 0:
            self._progress.setValue(round(fraction * 1000))

    def set_done(self, figures: Sequence[tuple[str, str]]) -> None:
        self.is_done = True
        self._figures.setText("\n".join(f"{title}: {value}" for title, value in figures))
        self._figures.setVisible(bool(figures))


def _text(text: str, role: str = "", *, lines: bool = False) -> QLabel:
    widget = label(text, role, wrap=True, selectable=not role, lines=lines)
    widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return widget


def _joined(paragraph: str) -> str:
    """A paragraph without the line breaks of its file."""
    return " ".join(paragraph.split())


def _duration(minutes: float) -> str:
    return "a minute" if minutes <= 1.25 else f"{minutes:g} minutes"
