"""The Selection panel: shows what is selected, and carries out what is to be done with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from latentlab import paths
from latentlab.controllers.commands import ChangeBoard
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.generations import Generations
from latentlab.controllers.selection import SelectionController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    SHEET_IMAGES,
    EncodeSelection,
    ExportSelection,
    IntArray,
    SelectionExported,
    SelectionSummary,
    SubsetWritten,
    SummarizeSelection,
    WriteSubset,
)
from latentlab.gui.panels.selection import SelectionPanel
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.toasts import Toasts
from latentlab.state.activity import Activity
from latentlab.state.board import BoardItem
from latentlab.state.dimension_names import titled
from latentlab.state.selection import Selection, SelectMode
from latentlab.state.session import Session
from latentlab.state.tags import tagged, tags_of
from latentlab.utils.plain_text import NAME, as_line
from latentlab.utils.text import pluralize

_LONGEST_NAME = 60  # of the dataset that a subset is of
_REST_MS = 60  # without another selection, before it is summarised
_TAGGED = "tagged"  # id of the activity
_NEEDS_IMAGES = "Open the dataset of these points first"


class SelectionPanelController(QObject):
    """Joins the panel with the session's selection, the worker, the Board and the dataset.

    Signals
    -------
    subsetWritten(source, config)
        A dataset of some images was written, and is to be opened for training.
    """

    subsetWritten = Signal(str, object)

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        undo: QUndoStack,
        selection: SelectionController,
        explore: ExploreController,
        panel: SelectionPanel,
        notifications: Toasts,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._undo = session, engine, undo
        self._selection, self._explore, self._panel = selection, explore, panel
        self._notifications, self._activity = notifications, activity
        self._generations = Generations()
        self._summary: SelectionSummary | None = None
        self._is_shown = True
        self._request = Debouncer(_REST_MS, self._request_summary, self)
        panel.tag_reason = self._why_no_tag
        self._connect()
        self._show()

    def _connect(self) -> None:
        session, panel, engine = self._session, self._panel, self._engine
        session.selectionChanged.connect(self._on_selection_changed)
        session.pointsChanged.connect(self._on_points_changed)
        session.modelChanged.connect(self._on_model_changed)
        for signal in (session.datasetChanged, session.runStateChanged, session.viewedEpochChanged):
            signal.connect(self._show)
        session.board.changed.connect(self._show_tags)
        engine.selectionSummary.connect(self._on_summary)
        engine.selectionExported.connect(self._on_exported)
        engine.subsetWritten.connect(self._on_subset_written)
        panel.invertRequested.connect(self._selection.invert)
        panel.clearRequested.connect(self._selection.clear)
        panel.meanRequested.connect(self.go_to_mean)
        panel.imageClicked.connect(self._on_image_clicked)
        panel.tagRequested.connect(self.tag)
        panel.exportRequested.connect(self.export)
        panel.trainRequested.connect(self.train)
        panel.encodeRequested.connect(self.encode)

    def set_shown(self, is_shown: bool) -> None:
        """Say whether the panel is in front: only then are the images decoded."""
        self._is_shown = is_shown
        if is_shown:
            self._request.debounce()

    # --- showing --------------------------------------------------------------------------------------

    def _on_selection_changed(self) -> None:
        self._summary = None
        self._show()
        self._request.debounce()

    def _on_points_changed(self) -> None:
        self._show()
        self._request.throttle()

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._summary = None
            self._panel.set_images(None, None)
            self._panel.set_means(None, None)
            self._show()

    def _show(self) -> None:
        session, points = self._session, self._selection.points()
        selection = session.selection
        if selection is None:
            self._panel.set_selection(0, "", ())
            return
        counts: list[tuple[str, int]] = []
        if points is not None and points.classes:
            labels = points.label[selection.rows(points)]
            counts = list(zip((*points.classes, "no class"), _counted(labels, len(points.classes)), strict=True))
        total = self._dataset_size(selection)
        self._panel.set_selection(len(selection), selection.description, counts, total)
        self._panel.set_reasons(self._reasons(selection))
        self._panel.set_note(self._note())

    def _dataset_size(self, selection: Selection) -> int:
        """How many images there are to select from."""
        dataset, points = self._session.dataset, self._session.points
        if dataset is not None and dataset.fingerprint == selection.fingerprint:
            return dataset.images
        return 0 if points is None else len(points.mean)

    def _has_images(self) -> bool:
        """Whether the selected images themselves are open."""
        selection, dataset = self._session.selection, self._session.dataset
        return selection is not None and dataset is not None and selection.fingerprint == dataset.fingerprint

    def _reasons(self, selection: Selection) -> dict[str, str]:
        session, has_images = self._session, self._has_images()
        reasons = {} if has_images else dict.fromkeys(("train", "encode", "exportFolder"), _NEEDS_IMAGES)
        if session.run_is_active:
            reasons |= {"train": "Stop the run first", "encode": "A run encodes the images by itself"}
        if has_images and len(selection) == self._dataset_size(selection):
            reasons["invert"] = "All images are selected"
        if session.model is None:
            reasons |= dict.fromkeys(("mean", "encode"), "Open a model first")
        return reasons

    def _note(self) -> str:
        """Which images are on the sheet, and what is missing there, and why."""
        points, selection = self._session.points, self._session.selection
        if points is None or selection is None:
            return ""
        notes = []
        if selection.ranking is not None and len(selection) > SHEET_IMAGES:
            notes.append(f"Shown are the first {SHEET_IMAGES} of the ranking.")
        missing = len(selection) - len(selection.rows(points))
        if not self._has_images():
            notes.append("Decoded images alone: the dataset of these points is not open.")
        elif missing:
            notes.append(f"{pluralize(missing, 'image')} of them are not on the map, which shows some of all.")
        return " ".join(notes)

    def _show_tags(self) -> None:
        self._panel.tag_columns = tuple(dict.fromkeys(item.tag for item in tagged(self._session.board.items)))

    # --- what they look like --------------------------------------------------------------------------

    def _request_summary(self) -> None:
        session, selection = self._session, self._session.selection
        if selection is None or session.model is None or session.points is None or not self._is_shown:
            return
        if selection.fingerprint == session.points.fingerprint:
            request = SummarizeSelection(
                self._generations.next(),
                selection.ordered,
                label=session.label,
                is_ranked=selection.ranking is not None,
            )
            self._engine.request(request)

    def _on_summary(self, result: SelectionSummary) -> None:
        is_stale = result.model_version < self._session.opened_version or self._session.selection is None
        if is_stale or not self._generations.accept(result.generation, is_continuation=True):
            return
        self._summary = result
        self._panel.set_images(result.originals, result.reconstructions)
        self._panel.set_means(result.mean_image, result.decoded_mean)

    def _on_image_clicked(self, place: int) -> None:
        if self._summary is not None and place < len(self._summary.latents):
            self._session.set_viewed_epoch(None)
            self._explore.go_to(self._summary.latents[place], text="Pick")

    def go_to_mean(self) -> None:
        """Make the mean of the selected points the latent."""
        points, selection = self._session.points, self._session.selection
        if points is None or selection is None:
            return
        rows = selection.rows(points)
        if len(rows):
            self._session.set_viewed_epoch(None)
            self._explore.go_to(points.mean[rows].mean(axis=0, dtype=np.float64), text="Go to mean")

    # --- tags -----------------------------------------------------------------------------------------

    def _why_no_tag(self, column: str, value: str) -> str:
        points, dataset = self._session.points, self._session.dataset
        own = set() if points is None else set(points.columns)
        own |= set() if dataset is None else set(dataset.columns)
        taken = {name.casefold() for name in own} | {"class", "path"}
        return f"The data have a column {column} already: choose another name" if column.casefold() in taken else ""

    def tag(self, column: str, value: str) -> None:
        """Give the selected images a value in a column of the user's own; kept on the Board."""
        session, selection = self._session, self._session.selection
        if selection is None or self._why_no_tag(column, value):
            return
        board = session.board
        same = [
            item
            for item in tagged(board.items)
            if (item.tag, item.name) == (column, value)
            and isinstance(item.content, Selection)
            and item.content.fingerprint == selection.fingerprint
        ]
        if same and isinstance(same[0].content, Selection):
            # The newest tag of a column counts: it goes to the end.
            content = same[0].content.combined(selection, SelectMode.ADD)
            items = (*board.with_removed(same[0].id), replace(same[0], content=content))
        else:
            provenance = f"{pluralize(len(selection), 'image')} tagged {column} = {value}"
            items = board.with_added(BoardItem(value, selection, provenance, tag=column))
        self._undo.push(ChangeBoard(session, items, f"Tag as {value}"))
        text = f"{pluralize(len(selection), 'image')} tagged {as_line(column, NAME)} = {as_line(value, NAME)}"
        self._activity.show_for(_TAGGED, f"{text}; colour the points by it in the Model panel")

    # --- files and training ---------------------------------------------------------------------------

    def export(self, kind: str, path: str) -> None:
        """Write the selected images as a ``table`` or a ``folder``."""
        selection = self._session.selection
        if selection is not None:
            tags = tags_of(self._session.board.items, selection.fingerprint)
            is_table = kind == "table"
            names = self._session.names
            titles = tuple((dimension, titled(dimension, names)) for dimension in sorted(names))
            request = ExportSelection(
                path, selection.ordered, "table" if is_table else "folder", tags, selection.ranking, titles
            )
            self._engine.request(request)

    def _on_exported(self, result: SelectionExported) -> None:
        self._notifications.notify("info", f"Exported {result.sentence}")

    def train(self, inside: bool) -> None:
        """Write the selected images, or all others, as a dataset; ``subsetWritten`` follows."""
        selection, dataset = self._session.selection, self._session.dataset
        if selection is None or dataset is None or not self._has_images():
            return
        images: IntArray = selection.images
        count = pluralize(len(images), "image")
        name = f"{dataset.name[:_LONGEST_NAME]}{',' if inside else ' without'} {count}"
        if not inside:
            images = np.setdiff1d(np.arange(dataset.images), images, assume_unique=True)
        self._engine.request(WriteSubset(str(paths.data_folder() / "selections"), images, name))

    def _on_subset_written(self, result: SubsetWritten) -> None:
        self.subsetWritten.emit(result.path, result.config)

    def encode(self) -> None:
        """Encode the selected images with the current weights."""
        selection = self._session.selection
        if selection is not None and self._has_images():
            self._engine.request(EncodeSelection(selection.images))


def _counted(labels: IntArray, classes: int) -> list[int]:
    """How many labels are of each class, and at last of none."""
    numbers = np.where((labels >= 0) & (labels < classes), labels, classes)
    counts: list[int] = np.bincount(numbers, minlength=classes + 1).tolist()
    return counts
