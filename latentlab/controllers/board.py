"""The Board: what is kept is listed with its pictures, and renamed, moved and removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path as FilePath

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.controllers.commands import ChangeAxesAndBoard, ChangeBoard
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import DrawThumbnail, FloatArray, ThumbnailDrawn
from latentlab.gui.actions import Actions
from latentlab.gui.panels.board import BoardPanel, BoardRow
from latentlab.state.activity import Activity
from latentlab.state.board import BoardItem, Content, Direction, Latent, Path
from latentlab.state.image_names import image_name, row_of_latent
from latentlab.state.map_axes import AxesChoice, direction_axis
from latentlab.state.selection import Selection
from latentlab.state.session import Session
from latentlab.utils.text import pluralize

STRIP = 7
"""Images in the picture of a direction or a path."""
_MESSAGE = "board"  # id of the activity


class BoardController(QObject):
    """Joins the Board's panel with the session's Board; every change is one undoable step.

    The pictures are drawn by the worker, once for each content; they are no part of the undoable changes.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        undo: QUndoStack,
        panel: BoardPanel,
        actions: Actions,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._undo = session, engine, undo
        self._panel, self._actions, self._activity = panel, actions, activity
        self._shown_reasons: list[str] = []
        self._requested: dict[str, Content] = {}  # pictures that are being drawn, by item
        self._connect()
        self._show()
        self._show_what_can_be_kept()

    def _connect(self) -> None:
        session, panel, actions = self._session, self._panel, self._actions
        panel.renamed.connect(self._on_renamed)
        panel.moved.connect(self._on_moved)
        panel.deleteRequested.connect(self.remove)
        panel.keepLatentRequested.connect(self.keep_latent)
        actions.keep_latent.triggered.connect(self.keep_latent)
        actions.keep_selection.triggered.connect(self.keep_selection)
        actions.keep_path.triggered.connect(self.keep_path)
        session.board.changed.connect(self._on_board_changed)
        session.board.thumbnailChanged.connect(lambda _identity: self._show())
        session.modelChanged.connect(self._on_model_changed)
        for signal in (session.pointsChanged, session.datasetChanged, session.runStateChanged):
            signal.connect(self._on_points_changed)
        for signal in (session.selectionChanged, session.pathChanged):
            signal.connect(self._show_what_can_be_kept)
        self._engine.thumbnailDrawn.connect(self._on_thumbnail_drawn)

    # --- keeping ----------------------------------------------------------------------------------

    def keep(self, item: BoardItem, text: str = "Keep") -> None:
        """Add an item under a name that is free, and select it in the panel."""
        item = replace(item, name=self._session.board.free_name(item.name))
        self._undo.push(ChangeBoard(self._session, self._session.board.with_added(item), text))
        self._panel.select([item.id])
        self._activity.show_for(_MESSAGE, f"{item.name} is kept on the Board")

    def of_model(self, name: str, content: Content, provenance: str) -> BoardItem:
        """An item of the current model's latent space."""
        model = self._session.model
        source, weights = ("", "") if model is None else (model.source, model.sha256)
        epoch = self._session.run.epoch if self._session.run_is_active else None
        return BoardItem(
            name,
            content,
            provenance,
            source,
            self._session.latent.size,
            epoch=epoch,
            weights="" if self._session.run_is_active else weights,
        )

    def keep_latent(self) -> None:
        """Keep the committed latent, and the class it is decoded for."""
        session, model = self._session, self._session.model
        if model is None:
            return
        encoded, label = session.encoded_image, session.label
        name, how = "Latent", f"in {model.name}"
        if encoded is not None and np.array_equal(encoded.mean, session.latent):
            name, how = FilePath(encoded.path).stem, f"{FilePath(encoded.path).name} encoded by {model.name}"
        elif session.points is not None and (row := row_of_latent(session.points, session.latent)) is not None:
            name = image_name(session.points, row)
        elif label is not None and 0 <= label < len(model.classes):
            name = f"Latent, {model.classes[label]}"
        self.keep(self.of_model(name, Latent(session.latent, label), how + self._epoch()), "Keep latent")

    def keep_selection(self) -> None:
        """Keep the selected images."""
        selection = self._session.selection
        if selection is None:
            return
        dataset = self._session.dataset
        images = pluralize(len(selection), "image")
        of = f" of {dataset.name}" if dataset is not None and dataset.fingerprint == selection.fingerprint else ""
        name = selection.description[:1].upper() + selection.description[1:] or "Selection"
        self.keep(
            BoardItem(name, selection, f"{images}{of}, chosen by {selection.description or 'hand'}"), "Keep selection"
        )

    def keep_path(self) -> None:
        """Keep the path drawn on the map."""
        session, path, model = self._session, self._session.path, self._session.model
        if path is None or not len(path) or model is None:
            return
        how = f"{pluralize(len(path), 'waypoint')} in {model.name}{self._epoch()}"
        style = session.path_style
        kept = Path(path.copy(), style.kind, style.is_closed, style.is_even)
        self.keep(self.of_model("Path", kept, f"{style.kind}, {how}"), "Keep path")

    def _epoch(self) -> str:
        """At which epoch of an active run something is kept."""
        run = self._session.run
        return f" at epoch {run.epoch:.1f}" if self._session.run_is_active else ""

    def _show_what_can_be_kept(self) -> None:
        session, actions = self._session, self._actions
        has_model = session.model is not None
        actions.keep_latent.setEnabled(has_model)
        actions.keep_selection.setEnabled(session.selection is not None)
        actions.keep_path.setEnabled(has_model and session.path is not None and len(session.path) > 0)
        self._panel.set_can_keep(has_model, session.points is not None)
        actions.new_direction.setEnabled(session.points is not None)

    # --- changing ---------------------------------------------------------------------------------

    def remove(self, identities: Sequence[str]) -> None:
        """Remove items; the map's axes go back to dimensions if they were among them."""
        session, board = self._session, self._session.board
        if not any(board.item(identity) for identity in identities):
            return
        items = board.with_removed(*identities)
        gone = {direction_axis(identity) for identity in identities}
        axes = session.axes
        if gone & {axes.x, axes.y}:
            level = session.layout.levels[session.level]
            first, second = f"z{level.start + 1}", f"z{level.start + min(level.size, 2)}"
            axes = AxesChoice(first, second)
        text = "Remove from the Board" if len(identities) > 1 else f"Remove {board.item(identities[0]).name}"  # type: ignore[union-attr]
        self._undo.push(ChangeAxesAndBoard(session, axes, items, text))

    def change(self, identity: str, text: str, **changes: object) -> None:
        """Replace attributes of an item."""
        items = self._session.board.with_replaced(identity, **changes)
        self._undo.push(ChangeBoard(self._session, items, text))

    def _on_renamed(self, identity: str, name: str) -> None:
        self.change(identity, f"Rename to {name}", name=name)

    def _on_moved(self, identities: list[str]) -> None:
        items = [item for identity in identities if (item := self._session.board.item(identity)) is not None]
        self._undo.push(ChangeBoard(self._session, items, "Move on the Board"))

    # --- showing ----------------------------------------------------------------------------------

    def reason(self, item: BoardItem) -> str:
        """Why an item cannot be used now; empty if it can."""
        session = self._session
        if isinstance(item.content, Selection):
            if session.points is None:
                return "no images are encoded"
            return item.why_unusable(0, session.points.fingerprint)
        if session.model is None:
            return "no model is open"
        return item.why_unusable(session.latent.size, "", session.model.source, session.model.sha256)

    def is_of_another_model(self, item: BoardItem) -> bool:
        """Whether an item was found in a model that is not the one on screen, which may decode it to other images."""
        model = self._session.model
        return model is not None and not item.is_of(model.source, model.sha256)

    def is_outdated(self, item: BoardItem) -> bool:
        """Whether an item was found with other weights of the model on screen than it has now."""
        model = self._session.model
        return model is not None and item.is_outdated(model.source, model.sha256)

    def _show(self) -> None:
        board = self._session.board
        self._shown_reasons = self._reasons()
        self._panel.set_rows([self._row(item) for item in board.items])

    def _reasons(self) -> list[str]:
        return [self.reason(item) for item in self._session.board.items]

    def _row(self, item: BoardItem) -> BoardRow:
        content, reason = item.content, self.reason(item)
        detail = content.verdict if isinstance(content, Direction) else item.provenance
        tip = [item.name, item.provenance]
        if isinstance(content, Direction):
            tip.append(content.verdict)
            detail += "" if item.epoch is None else f", at epoch {item.epoch:.1f}"
        if self.is_of_another_model(item):
            detail = f"of {item.model_name}, not of the model on screen"
            tip.append(f"It is {detail}.")  # the row may be too narrow for it
            tip.append("Its picture and its figures are those of the model it was found in.")
        elif self.is_outdated(item):
            detail += ", with earlier weights of the model"
            tip.append("The model's file has other weights now than when this was kept.")
        if reason:
            tip.append(f"It cannot be used now: {reason}.")
        kind = f"{item.kind}, slider" if item.has_slider else item.kind
        is_strip = isinstance(content, Direction | Path)
        picture = self._session.board.thumbnail(item)
        return BoardRow(item.id, item.name, kind, detail, "\n".join(filter(None, tip)), reason, picture, is_strip)

    def _on_board_changed(self) -> None:
        self._show()
        self._request_pictures()

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._requested.clear()
            self._show()
            self._request_pictures()
        self._show_what_can_be_kept()

    def _on_points_changed(self) -> None:
        # While a run learns, points come often: the rows are made again only where something can be used, or no more.
        if not self._session.is_learning or self._reasons() != self._shown_reasons:
            self._show()
            self._request_pictures()
        self._show_what_can_be_kept()

    # --- pictures ---------------------------------------------------------------------------------

    def _request_pictures(self) -> None:
        board = self._session.board
        for item in board.items:
            is_drawn = board.thumbnail(item) is not None or self._requested.get(item.id) is item.content
            if not is_drawn and not self.reason(item) and not self.is_of_another_model(item):
                self._requested[item.id] = item.content
                self._engine.request(self._picture_request(item))

    def _picture_request(self, item: BoardItem) -> DrawThumbnail:
        content, label = item.content, self._session.label
        if isinstance(content, Selection):
            return DrawThumbnail(item.id, images=content.images, fingerprint=content.fingerprint, label=label)
        if isinstance(content, Latent):
            return DrawThumbnail(item.id, content.z[None], label=label if content.label is None else content.label)
        return DrawThumbnail(item.id, strip_latents(content), label=label)

    def _on_thumbnail_drawn(self, result: ThumbnailDrawn) -> None:
        content, item = self._requested.pop(result.key, None), self._session.board.item(result.key)
        if item is not None and item.content is content and result.image is not None:
            self._session.board.set_thumbnail(item, result.image)


def strip_latents(content: Direction | Path) -> FloatArray:
    """The latents [n, d] of a direction's or a path's picture."""
    if isinstance(content, Direction):
        reach = max(1.0, content.reach)
        steps = np.linspace(-reach, reach, STRIP, dtype=np.float32)
        along: FloatArray = content.origin + steps[:, None] * content.vector
        return along.astype(np.float32)
    from latentlab.latent.paths import interpolate  # only when needed: the window starts without it

    waypoints = np.concatenate([content.waypoints, content.waypoints[:1]]) if content.is_closed else content.waypoints
    return interpolate(waypoints, STRIP, spherical=content.kind == "spherical")
