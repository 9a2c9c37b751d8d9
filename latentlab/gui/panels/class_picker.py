"""A list of a dataset's classes with their counts, from which classes can be left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, named, row
from latentlab.utils.plain_text import NAME, as_line

_NAME = Qt.ItemDataRole.UserRole
_MAX_HEIGHT = 168  # px


class ClassPicker(QWidget):
    """A list of classes to check; all are used until some are chosen.

    Signals
    -------
    changed
        The user changed the choice.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._all = True
        self._list = QListWidget()
        named(self._list, "datasetClasses", "classes to use", "Uncheck the classes to leave out")
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._list.setUniformItemSizes(True)
        self._list.itemChanged.connect(self._on_item_changed)
        self._summary = label("", "dim")
        every = button("allClasses", "All", "Use every class", lambda: self._check_every(True))
        none = button("noClasses", "None", "Uncheck every class, to choose a few", lambda: self._check_every(False))
        layout = column(self, 0, SPACE // 2)
        layout.addWidget(self._list)
        layout.addLayout(row(self._summary, None, every, none))
        self._show_summary()

    def chosen(self) -> tuple[str, ...]:
        """Names of the classes to use, in order; empty for all of them."""
        return () if self._all else tuple(item.data(_NAME) for item in self._items() if _checked(item))

    def names(self) -> list[str]:
        """Names of all listed classes."""
        return [item.data(_NAME) for item in self._items()]

    def is_empty(self) -> bool:
        """Whether every class is unchecked, which leaves no dataset."""
        return not self._all and not self.chosen()

    def set_classes(self, counts: Mapping[str, int | None]) -> None:
        """List these classes, with their numbers of images if known; the choice is kept."""
        chosen = self.chosen()
        flags = Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        with QSignalBlocker(self._list):
            self._list.clear()
            for name, count in counts.items():
                text = as_line(name, NAME)
                item = QListWidgetItem(text if count is None else f"{text}  {count:,}")
                item.setData(_NAME, name)
                item.setFlags(flags)
                self._list.addItem(item)
        height = self._list.sizeHintForRow(0) * len(counts) + 2 * self._list.frameWidth() + 2
        self._list.setFixedHeight(min(_MAX_HEIGHT, max(height, 24)))
        self.set_chosen(chosen)

    def set_chosen(self, names: Sequence[str]) -> None:
        """Check these classes, also ones not listed yet; an empty sequence means all."""
        self._all = not names
        unlisted = [name for name in names if name not in self.names()]
        if unlisted:
            listed = dict.fromkeys(self.names())
            self._all = True
            self.set_classes(listed | dict.fromkeys(unlisted))
            self._all = False
        wanted = set(names)
        with QSignalBlocker(self._list):
            for item in self._items():
                item.setCheckState(_state(self._all or item.data(_NAME) in wanted))
        self._show_summary()

    def _items(self) -> list[QListWidgetItem]:
        return [self._list.item(index) for index in range(self._list.count())]

    def _check_every(self, checked: bool) -> None:
        with QSignalBlocker(self._list):
            for item in self._items():
                item.setCheckState(_state(checked))
        self._all = checked
        self._show_summary()
        self.changed.emit()

    def _on_item_changed(self, _item: QListWidgetItem) -> None:
        # Classes that the open subset lacks are not listed; only the button All brings them back.
        self._all = False
        self._show_summary()
        self.changed.emit()

    def _show_summary(self) -> None:
        count = self._list.count()
        used = count if self._all else len(self.chosen())
        self._summary.setText("all used" if self._all else f"{used:,} of {count:,} used")


def _checked(item: QListWidgetItem) -> bool:
    return item.checkState() == Qt.CheckState.Checked


def _state(checked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
