"""The filmstrip: traversals, interpolation, reconstructions, samples, and the latents visited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QStackedLayout, QTabBar, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.containers import EmptyState
from latentlab.gui.widgets.context_menu import MenuEntry, pop_up
from latentlab.gui.widgets.controls import button, column, label, named, row, tool_button
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.gui.widgets.plain_text import set_whats_this
from latentlab.gui.widgets.qimage import ByteArray
from latentlab.gui.widgets.term_card import set_terms

KINDS = {
    "traverse": ("Traversals", "Each dimension varied while the others are constant"),
    "interpolate": ("Interpolation", "The images along the path on the map"),
    "reconstruct": ("Reconstructions", "Images of the dataset above their reconstructions"),
    "sample": ("Samples", "Images of latents drawn from the prior"),
    "visited": ("Visited", "Images of the latents you have chosen"),
}
_TERMS = {"traverse": "traversal", "interpolate": "path", "reconstruct": "distortion", "sample": "prior"}
"""The glossary's term behind a strip."""
OVER_EPOCHS = ("reconstruct", "sample")
"""The strips that a run's snapshots contain."""
BY_EPOCH = {"columns": 24, "rows": 4}
"""How much of a run's snapshots is shown at a time."""
_EMPTY = {
    "traverse": "Each latent dimension varied over its range, once a model is open.",
    "interpolate": "Draw a path on the map with the Path tool to see the images along it here.",
    "reconstruct": "Images above their reconstructions, once a dataset and a model are open.",
    "sample": "Images of latents drawn from the prior, once a model is open.",
    "visited": "Click on the map to collect the images of the latents you choose here.",
}


@dataclass(frozen=True)
class _Strip:
    images: ByteArray | None
    names: tuple[str, ...]
    latents: NDArray[np.float32] | None
    weights_note: str = ""


@dataclass(frozen=True)
class _OverEpochs:
    epochs: tuple[int, ...]
    images: ByteArray
    originals: ByteArray | None


class Filmstrip(QWidget):
    """Strips of decoded images under the map.

    Signals
    -------
    kindChosen(kind)
        Another strip was chosen: traverse, interpolate, reconstruct, sample or visited.
    latentPicked(z)
        A tile with a known latent (float32 [d]) was chosen.
    refreshRequested(kind)
        The strip should be computed again with other samples or images.
    epochsWanted
        The strip should be shown over the epochs of the run.
    epochPicked(epoch)
        A tile of this epoch was chosen.
    openModelRequested, openDatasetRequested, pathToolRequested, sampleRequested
        The button of an empty strip was pressed.
    """

    kindChosen = Signal(str)
    openModelRequested = Signal()
    openDatasetRequested = Signal()
    pathToolRequested = Signal()
    sampleRequested = Signal()
    latentPicked = Signal(object)
    refreshRequested = Signal(str)
    epochsWanted = Signal()
    epochPicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filmstrip")
        self.setAccessibleName("filmstrip")
        self._strips: dict[str, _Strip] = {}
        self._over_epochs: dict[str, _OverEpochs] = {}
        self._snapshot: dict[str, ByteArray] = {}
        self._snapshot_text = ""
        self._reasons: dict[str, str] = {}
        self._marked: int | None = None
        self._has_epochs = False
        self._kind = "traverse"
        self._tabs = QTabBar()
        named(self._tabs, "stripKinds", "strips", "")
        set_whats_this(self._tabs, "Which images the strip shows.")
        self._tabs.setExpanding(False)
        self._tabs.setDrawBase(False)
        self._tabs.setElideMode(Qt.TextElideMode.ElideNone)
        for index, (title, tip) in enumerate(KINDS.values()):
            self._tabs.addTab(title)
            self._tabs.setTabToolTip(index, tip)
        set_terms(self._tabs, self._term_at, lambda at: self._tabs.tabToolTip(self._tabs.tabAt(at)))
        self._tabs.currentChanged.connect(self._on_tab_changed)
        self._refresh = tool_button("refreshStrip", "refresh", "Show other images", "dice")
        self._refresh.clicked.connect(lambda: self.refreshRequested.emit(self._kind))
        self._note = label("", "dim")
        self._note.setObjectName("stripWhen")
        self._by_epoch = tool_button(
            "stripByEpoch", "by epoch", "The same images at each epoch of the run", text="By epoch", checkable=True
        )
        self._by_epoch.toggled.connect(self._on_by_epoch_toggled)
        self._view = ImageStrip()
        named(self._view, "stripView", KINDS[self._kind][0], "")
        set_whats_this(self._view, "Images of the chosen kind. Arrows and Enter, or a click, go to an image's latent.")
        self._view.tileChosen.connect(self._on_tile_chosen)
        self._view.menuRequested.connect(self._on_menu_requested)
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        self._empties = {kind: self._empty_state(kind) for kind in KINDS}
        self._stack.addWidget(self._view)
        for empty in self._empties.values():
            self._stack.addWidget(empty)
        layout = column(self, SPACE, SPACE // 2)
        head = row(self._tabs, self._note, self._by_epoch, self._refresh)
        head.setStretch(0, 1)
        layout.addLayout(head)
        layout.addWidget(holder, 1)
        self._show()

    def _empty_state(self, kind: str) -> EmptyState:
        text, tip, icon, signal = {
            "interpolate": ("Path tool", "Draw a path on the map", "path", self.pathToolRequested),
            "reconstruct": ("Open images…", "Open a folder of images", "open", self.openDatasetRequested),
            "visited": ("Sample", "Go to a latent drawn from the prior", "dice", self.sampleRequested),
        }.get(kind, ("Open model…", "Open a model file", "model", self.openModelRequested))
        return EmptyState(_EMPTY[kind], button(f"fill_{kind}", text, tip, signal.emit, icon=icon))

    def set_waiting(self, text: str) -> None:
        """Show what is loading in the strips that a model fills; an empty text clears the message."""
        for kind in ("traverse", "sample"):
            self._empties[kind].set_waiting(self._reasons.get(kind, "") or text)

    def set_reason(self, kind: str, reason: str) -> None:
        """Say why a strip stays empty; an empty text restores its empty state."""
        if reason != self._reasons.get(kind, ""):
            self._reasons[kind] = reason
            self._empties[kind].set_waiting(reason)

    def kind(self) -> str:
        """The strip that is shown."""
        return self._kind

    def set_kind(self, kind: str) -> None:
        """Show another strip without emitting ``kindChosen``."""
        self._kind = kind
        with QSignalBlocker(self._tabs):
            self._tabs.setCurrentIndex(list(KINDS).index(kind))
        self._show()

    def set_strip(
        self,
        kind: str,
        images: ByteArray | None,
        row_names: Sequence[str] = (),
        latents: NDArray[np.float32] | None = None,
        weights_note: str = "",
    ) -> None:
        """Fill a strip: images [rows, columns, H, W(, 3)] and, where known, latents [rows, columns, d].

        It is kept until the next call for its kind; ``None`` shows the kind's empty state. ``weights_note`` says which
        weights it was decoded with during a run.
        """
        self._strips[kind] = _Strip(images, tuple(row_names), latents, weights_note)
        if kind == self._kind:
            self._show()

    def set_has_epochs(self, has_epochs: bool) -> None:
        """Set whether the images can be shown over the epochs of a run."""
        self._has_epochs = has_epochs
        if not has_epochs:
            self._over_epochs = {}
        self._show()

    def wants_epochs(self) -> bool:
        """Whether images over epochs should be shown."""
        return self._has_epochs and self._kind in OVER_EPOCHS and self._by_epoch.isChecked() and self.isVisible()

    def set_epochs(
        self, kind: str, epochs: Sequence[int], images: ByteArray, originals: ByteArray | None = None
    ) -> None:
        """Fill a strip over epochs: images [rows, epochs, H, W(, 3)], and what they reconstruct [rows, H, W(, 3)]."""
        self._over_epochs[kind] = _OverEpochs(tuple(epochs), images, originals)
        if kind == self._kind:
            self._show()

    def mark_epoch(self, epoch: int | None) -> None:
        """Highlight an epoch; ``None`` for none."""
        if epoch != self._marked:
            self._marked = epoch
            self._show()

    def set_snapshot(self, rows: Mapping[str, Sequence[ByteArray]], epoch_text: str = "") -> None:
        """Show rows of images [columns, H, W(, 3)] of an earlier epoch instead of some strips; empty for none."""
        self._snapshot = {kind: np.stack(images) for kind, images in rows.items()}
        self._snapshot_text = epoch_text
        self._show()

    def clear(self) -> None:
        """Remove every strip."""
        self._strips, self._over_epochs, self._snapshot = {}, {}, {}
        self._show()

    def shown_images(self) -> ByteArray | None:
        """The images that are shown, uint8 [rows, columns, H, W] or [rows, columns, H, W, 3]; ``None`` for none."""
        return self._view.images() if self._stack.currentWidget() is self._view else None

    def _term_at(self, at: QPoint) -> tuple[str, QRect]:
        """The term behind the tab at a position, and where it is."""
        index = self._tabs.tabAt(at)
        key = _TERMS.get(list(KINDS)[index], "") if index >= 0 else ""
        return key, self._tabs.tabRect(index)

    def sizeHint(self) -> QSize:
        """Low and wide."""
        return QSize(640, 148)

    def _show(self) -> None:
        kind, strip = self._kind, self._strips.get(self._kind)
        over = self._over_epochs.get(kind) if self._has_epochs and self._by_epoch.isChecked() else None
        snapshot = self._snapshot.get(kind) if over is None else None
        self._by_epoch.setVisible(self._has_epochs and kind in OVER_EPOCHS)
        note = ""
        if snapshot is not None:
            note = self._snapshot_text
        elif strip is not None and over is None:
            note = strip.weights_note
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self._refresh.setVisible(kind in OVER_EPOCHS and over is None and snapshot is None)
        if over is not None:
            self._show_over_epochs(over)
            return
        if snapshot is not None:
            names = ("images", "reconstructions") if kind == "reconstruct" else ("samples",)
            self._view.set_rows(snapshot, names, pickable=False)
            self._stack.setCurrentWidget(self._view)
            return
        if strip is None or strip.images is None or strip.images.size == 0:
            self._stack.setCurrentWidget(self._empties[self._kind])
            return
        self._view.setAccessibleName(KINDS[self._kind][0])
        self._view.set_rows(
            strip.images, strip.names, pickable=strip.latents is not None, from_end=self._kind == "visited"
        )
        self._stack.setCurrentWidget(self._view)

    def _show_over_epochs(self, over: _OverEpochs) -> None:
        """Show epochs from left to right, after the images that are reconstructed."""
        images, heads = over.images, [f"epoch {over.epochs[0]}", *(str(epoch) for epoch in over.epochs[1:])]
        marked = over.epochs.index(self._marked) if self._marked in over.epochs else -1
        if over.originals is not None:
            images = np.concatenate([over.originals[:, None], images], axis=1)
            heads, marked = ["images", *heads], marked + 1 if marked >= 0 else -1
        self._view.set_rows(images, (), pickable=True, heads=heads, marked=marked)
        self._stack.setCurrentWidget(self._view)

    def entries(self, row_index: int, column_index: int) -> list[MenuEntry | QAction | None]:
        """What can be done with an image of the strip."""
        strip, refreshes = self._strips.get(self._kind), self._refresh.isVisibleTo(self)
        by_epoch = self._has_epochs and self._by_epoch.isChecked() and self._kind in self._over_epochs
        has_latent = strip is not None and strip.latents is not None and self._kind not in self._snapshot
        text = "Show this epoch" if by_epoch else "Go to its latent"
        unknown = "" if by_epoch or has_latent else "Its latent is not known"
        return [
            MenuEntry(text, lambda: self._on_tile_chosen(row_index, column_index), unknown),
            MenuEntry("Copy image", lambda: self._copy(row_index, column_index)),
            MenuEntry(
                "Show other images",
                lambda: self.refreshRequested.emit(self._kind),
                "" if refreshes else "These are all there are",
            ),
        ]

    def _on_menu_requested(self, row_index: int, column_index: int, at: QPoint) -> None:
        pop_up(self, "stripMenu", self.entries(row_index, column_index), at)

    def _copy(self, row_index: int, column_index: int) -> None:
        QGuiApplication.clipboard().setImage(self._view.tile_image(row_index, column_index))

    def _on_by_epoch_toggled(self, _on: bool) -> None:
        self._show()
        if self.wants_epochs():
            self.epochsWanted.emit()

    def _on_tab_changed(self, index: int) -> None:
        self.set_kind(list(KINDS)[index])
        self.kindChosen.emit(self._kind)
        if self.wants_epochs():
            self.epochsWanted.emit()

    def _on_tile_chosen(self, row_index: int, column_index: int) -> None:
        over = self._over_epochs.get(self._kind)
        if over is not None and self._has_epochs and self._by_epoch.isChecked():
            column_index -= over.originals is not None
            if column_index >= 0:
                self.epochPicked.emit(over.epochs[column_index])
            return
        strip = self._strips.get(self._kind)
        if strip is not None and strip.latents is not None and self._kind not in self._snapshot:
            self.latentPicked.emit(np.array(strip.latents[row_index, column_index], dtype=np.float32))
