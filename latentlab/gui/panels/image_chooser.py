"""Controls that choose images: by class, by a search, by rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QLineEdit, QSpinBox, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, combo_box, label, named, row
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.utils.plain_text import NAME, as_line

MODES = (("replace", "Select"), ("add", "Add"), ("subtract", "Take away"))
RANKS = (
    ("distortion", "worst reconstructed", "Largest distortion: −log p(x|z) of the image"),
    ("elbo", "least likely", "Lowest ELBO of the image"),
    ("distance", "farthest from data", "Largest distance of the image's latent to the nearest other one"),
)
"""What images can be ranked by, what they are then, and what that means."""
MOST_RANKED = 1_000_000
_LETTERS = 4  # that a combo box has room for in the narrowest panel
_RANK = "Rank"
_RANK_TIP = "Select this many images"


class ImageChooser(QWidget):
    """Chooses images by class, search or rank, to select them, add them or take them away.

    Signals
    -------
    classChosen(number, mode), searchRequested(text, mode), rankRequested(by, count, mode)
        Images are to be chosen; ``mode`` is ``replace``, ``add`` or ``subtract``.
    cancelRequested
        The ranking is to be given up.
    """

    classChosen = Signal(int, str)
    searchRequested = Signal(str, str)
    rankRequested = Signal(str, int, str)
    cancelRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("imageChooser")
        self._reasons: dict[str, str] = {}
        self._is_ranking = False
        self._mode = combo_box()
        named(self._mode, "chooseMode", "what to do with the images", "What the chosen images do to the selection")
        for mode, title in MODES:
            self._mode.addItem(title, mode)
        self._class = combo_box()
        named(self._class, "chooseClass", "class", "Choose all images of a class")
        self._class.activated.connect(self._on_class_activated)
        self._search = QLineEdit()
        self._search.setPlaceholderText("name, or: column > 3")
        self._search.setClearButtonEnabled(True)
        named(
            self._search, "chooseSearch", "search",
            "A class, else a part of a name or a text;\nor a condition such as  class = 3,  age > 40,  path: cats.\n"
            "Conditions can be joined by  and . Enter searches.",
        )  # fmt: skip
        self._search.returnPressed.connect(self._on_search)
        self._rank = combo_box()
        named(self._rank, "chooseRank", "rank by", "")
        for by, title, tip in RANKS:
            self._rank.addItem(title, by)
            self._rank.setItemData(self._rank.count() - 1, tip, 3)  # Qt.ItemDataRole.ToolTipRole
        self._rank.currentIndexChanged.connect(lambda _index: self._show_reason())
        self._count = QSpinBox()
        self._count.setRange(1, MOST_RANKED)
        self._count.setValue(100)
        self._count.setKeyboardTracking(False)
        named(self._count, "chooseCount", "number of images", "How many images")
        self._count.setFixedWidth(66)
        self._choose = button("chooseRanked", _RANK, _RANK_TIP, self._on_rank_clicked)
        self._choose.setProperty("compact", True)
        self._note = label("", "dim", wrap=True)
        self._note.setObjectName("chooseNote")
        for box in (self._mode, self._class, self._rank):
            box.setMinimumContentsLength(_LETTERS)
        self._arrange()
        self.set_classes(())

    def _arrange(self) -> None:
        layout = column(self, 0, SPACE // 2)
        first = row(self._mode, self._class, space=SPACE // 2)
        last = row(self._count, self._rank, self._choose, space=SPACE // 2)
        last.setStretch(1, 1)
        layout.addLayout(first)
        layout.addWidget(self._search)
        layout.addLayout(last)
        layout.addWidget(self._note)
        self.set_note("")
        self._show_reason()

    def set_classes(self, classes: Sequence[str]) -> None:
        """Offer these classes."""
        with QSignalBlocker(self._class):
            self._class.clear()
            self._class.addItem("class …", -1)
            for number, name in enumerate(classes):
                self._class.addItem(as_line(name, NAME), number)
        self._class.setEnabled(bool(classes))
        set_tool_tip(self._class, "Choose all images of a class" if classes else "The images have no classes")

    def set_can_search(self, reason: str) -> None:
        """Disable the search for a reason; an empty one enables it."""
        self._search.setEnabled(not reason)
        self._search.setPlaceholderText(as_line(reason) or "name, or: column > 3")

    def set_rank_reasons(self, reasons: Mapping[str, str]) -> None:
        """Say why images cannot be ranked, by what they are ranked by; those without a reason can be."""
        self._reasons = {by: why for by, why in reasons.items() if why}
        self._show_reason()

    def set_progress(self, done: int, total: int) -> None:
        """Show how many images are ranked, and offer to cancel; 0 of 0 ends it."""
        self._is_ranking = total > 0
        self._choose.setText("Cancel" if self._is_ranking else _RANK)
        set_tool_tip(self._choose, "Give up ranking the images" if self._is_ranking else _RANK_TIP)
        self.set_note(f"{done:,} of {total:,} images ranked" if self._is_ranking else "")
        self._show_reason()

    def set_note(self, text: str) -> None:
        """Write a line below the controls."""
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def _show_reason(self) -> None:
        why = self._reasons.get(self._rank.currentData(), "")
        self._choose.setEnabled(self._is_ranking or not why)
        set_tool_tip(self._rank, why or RANKS[self._rank.currentIndex()][2])
        if not self._is_ranking:
            set_tool_tip(self._choose, why or _RANK_TIP)

    def _on_class_activated(self) -> None:
        number = self._class.currentData()
        self._class.setCurrentIndex(0)
        if number >= 0:
            self.classChosen.emit(number, self._mode.currentData())

    def _on_search(self) -> None:
        if self._search.text().strip():
            self.searchRequested.emit(self._search.text().strip(), self._mode.currentData())

    def _on_rank_clicked(self) -> None:
        if self._is_ranking:
            self.cancelRequested.emit()
        else:
            self.rankRequested.emit(self._rank.currentData(), self._count.value(), self._mode.currentData())
