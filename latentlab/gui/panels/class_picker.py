"""The classes of a dataset with their counts, each of which can be left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, named, row

_NAME = Qt.ItemDataRole.UserRole
_TALLEST = 168  # px


class ClassPicker(QWidget):
    """A list to check; all of the classes are chosen as long as no list of names is given.

    Signals
    -------
    changed
        The user chose otherwise.
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
        self._retell()

    def chosen(self) -> tuple[str, ...]:
        """Names of the classes to use, in order; empty for all of them."""
        return () if self._all else tuple(item.data(_NAME) for item in self._items() if _checked(item))

    def names(self) -> list[str]:
        """Every class that is listed."""
        return [item.data(_NAME) for item in self._items()]

    def is_empty(self) -> bool:
        """Whether every class is unchecked, which is no dataset."""
        return not self._all and not self.chosen()

    def set_classes(self, counts: Mapping[str, int | None]) -> None:
        """List other classes, with their numbers of images where they are known; what is chosen stays chosen."""
        chosen = self.chosen()
        self._list.blockSignals(True)
        self._list.clear()
        for name, count in counts.items():
            item = QListWidgetItem(name if count is None else f"{name}  {count:,}")
            item.setData(_NAME, name)
            item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            self._list.addItem(item)
        self._list.blockSignals(False)
        height = self._list.sizeHintForRow(0) * len(counts) + 2 * self._list.frameWidth() + 2
        self._list.setFixedHeight(min(_TALLEST, max(height, 24)))
        self.set_chosen(chosen)

    def set_chosen(self, names: Sequence[str]) -> None:
        """Check these classes, of which some may not be listed yet; none of them means all."""
        self._all = not names
        unlisted = [name for name in names if name not in self.names()]
        if unlisted:
            known = {item.data(_NAME): None for item in self._items()}
            self._all = True
            self.set_classes(known | dict.fromkeys(unlisted))
            self._all = False
        wanted = set(names)
        self._list.blockSignals(True)
        for item in self._items():
            item.setCheckState(_state(self._all or item.data(_NAME) in wanted))
        self._list.blockSignals(False)
        self._retell()

    def _items(self) -> list[QListWidgetItem]:
        return [self._list.item(place) for place in range(self._list.count())]

    def _check_every(self, checked: bool) -> None:
        self._list.blockSignals(True)
        for item in self._items():
            item.setCheckState(_state(checked))
        self._list.blockSignals(False)
        self._all = checked
        self._retell()
        self.changed.emit()

    def _on_item_changed(self, _item: QListWidgetItem) -> None:
        # Classes that are not listed, as the open subset lacks them, come back by the button alone.
        self._all = False
        self._retell()
        self.changed.emit()

    def _retell(self) -> None:
        count = self._list.count()
        used = count if self._all else len(self.chosen())
        self._summary.setText("all used" if self._all else f"{used:,} of {count:,} used")


def _checked(item: QListWidgetItem) -> bool:
    return item.checkState() == Qt.CheckState.Checked


def _state(checked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
