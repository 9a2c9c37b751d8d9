"""The glossary in the window: every term with its formula, found by typing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from latentlab.config.glossary import Term, glossary
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, named, row, scrolled
from latentlab.utils.fuzzy import fuzzy_match

_KEY = Qt.ItemDataRole.UserRole


class GlossaryDialog(QDialog):
    """Lists the terms beside the one that is chosen; the window stays usable."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("glossaryDialog")
        self.setWindowTitle("Glossary")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._field, self._list = QLineEdit(), QListWidget()
        named(self._field, "glossaryField", "find a term", "Part of a term")
        self._field.setPlaceholderText("Find a term")
        self._field.textChanged.connect(self._fill)
        self._field.installEventFilter(self)
        named(self._list, "glossaryList", "terms", "The terms of the glossary")
        self._list.setFixedWidth(210)
        self._list.currentItemChanged.connect(self._on_current_changed)
        body = QWidget()
        self._body = column(body, SPACE)
        right = scrolled(body)
        right.setMinimumWidth(300)
        left = QVBoxLayout()
        left.addWidget(self._field)
        left.addWidget(self._list, 1)
        layout = column(self, 2 * SPACE)
        both = row(space=SPACE)
        both.addLayout(left)
        both.addWidget(right, 1)
        layout.addLayout(both, 1)
        layout.addLayout(row(None, button("closeGlossary", "Close", "Close", self.accept)))
        self.resize(640, 460)
        self._fill("")

    @classmethod
    def open_at(cls, window: QWidget, key: str = "") -> GlossaryDialog:
        """Show a window's glossary at a term, the first one by default."""
        found = window.findChild(cls, options=Qt.FindChildOption.FindDirectChildrenOnly)
        dialog = cls(window) if found is None else found
        dialog.show_term(key or next(iter(glossary())))
        dialog.show()
        dialog.activateWindow()
        dialog._field.setFocus(Qt.FocusReason.PopupFocusReason)
        return dialog

    def show_term(self, key: str) -> None:
        """Choose a term by its key."""
        self._field.clear()
        for index in range(self._list.count()):
            if self._list.item(index).data(_KEY) == key:
                self._list.setCurrentRow(index)

    def shown_term(self) -> str:
        """Key of the term that is shown; empty if none matches what was typed."""
        item = self._list.currentItem()
        return "" if item is None else str(item.data(_KEY))

    def _fill(self, query: str) -> None:
        found = [(fuzzy_match(query, " ".join((term.title, *term.names))), term) for term in glossary().values()]
        matching = [(match[0], term) for match, term in found if match is not None]
        if query.strip():
            matching.sort(key=lambda each: -each[0])
        self._list.clear()
        for _score, term in matching:
            item = QListWidgetItem(term.title)
            item.setData(_KEY, term.key)
            self._list.addItem(item)
        self._list.setCurrentRow(0)

    def _on_current_changed(self, item: QListWidgetItem | None) -> None:
        while (taken := self._body.takeAt(0)) is not None:
            if (widget := taken.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if item is not None:
            self._show(glossary()[item.data(_KEY)])

    def _show(self, term: Term) -> None:
        self._body.addWidget(label(f"{term.title[:1].upper()}{term.title[1:]}", "title", wrap=True))
        self._body.addWidget(label(term.formula, "mono", wrap=True, selectable=True))
        self._body.addWidget(label(f"{term.card} {term.more}".strip(), wrap=True, selectable=True))
        for key in term.see:
            title = glossary()[key].title
            link = button(f"glossarySee-{key}", title, f"Show {title}", link=True)
            link.clicked.connect(lambda _checked=False, key=key: self.show_term(key))
            self._body.addWidget(link)
        self._body.addStretch(1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys choose from the list while the field has the focus."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
            if step is not None:
                last = self._list.count() - 1
                self._list.setCurrentRow(max(0, min(last, self._list.currentRow() + step)))
                return True
        return super().eventFilter(watched, event)
