"""What can be done with the items of the Board: its menu, and what Enter does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, QPoint
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QMenu

from latentlab.controllers.board import BoardController
from latentlab.controllers.commands import EditPath, ShowPath
from latentlab.controllers.directions import CURRENT, OTHERS, DirectionController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.selection import SelectionController
from latentlab.engine.protocol.messages import FloatArray
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.direction_dialog import AnalogyDialog
from latentlab.gui.widgets.gesture_id import next_gesture
from latentlab.gui.widgets.plain_text import add_action, set_tool_tip
from latentlab.state.board import BoardItem, Direction, Latent, Path
from latentlab.state.path_style import PathStyle
from latentlab.state.selection import Selection, SelectMode
from latentlab.state.session import Session

NO_IMAGE = "open an image first; for an image of the dataset go to it, and apply to the latent shown"


@dataclass(frozen=True)
class Entry:
    """An entry of the menu.

    Attributes
    ----------
    text, do
        What is said and done.
    reason
        Why it cannot be done now; empty if it can.
    ticked
        Whether it is ticked; ``None`` for no tick.
    keys
        The keys that do the same in the panel.
    begins_group
        Whether a line separates it from what is above.
    """

    text: str
    do: Callable[[], object]
    reason: str = ""
    ticked: bool | None = None
    keys: str = ""
    begins_group: bool = False


class BoardMenuController(QObject):
    """Makes the menu of the Board's items; the first entry of an item is what Enter and a double-click do.

    Attributes
    ----------
    train_on
        Prepares a run on the images of a selection; ``None`` leaves that entry out.
    """

    train_on: Callable[[Selection], object] | None = None

    def __init__(
        self,
        session: Session,
        undo: QUndoStack,
        board: BoardController,
        directions: DirectionController,
        selection: SelectionController,
        explore: ExploreController,
        window: MainWindow,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._undo, self._board = session, undo, board
        self._directions, self._explore, self._window = directions, explore, window
        self._selection = selection
        panel = window.board
        panel.activated.connect(self.use)
        panel.axisRequested.connect(self._directions.show_on_axis)
        panel.menuRequested.connect(self._on_menu_requested)
        panel.newDirectionRequested.connect(self._directions.choose)
        window.actions_.new_direction.triggered.connect(lambda _checked=False: self._directions.choose())

    def use(self, identity: str) -> None:
        """Do what an item of its kind is kept for, if it can be used now."""
        item = self._session.board.item(identity)
        if item is not None:
            first = self.entries([item])[0]
            if not first.reason:
                first.do()

    def menu(self, identities: Sequence[str]) -> QMenu:
        """The menu of some items, the first one being the current one; disabled entries say why in their tooltip."""
        items = [item for each in identities if (item := self._session.board.item(each)) is not None]
        menu = QMenu(self._window.board)
        menu.setObjectName("boardMenu")
        menu.setToolTipsVisible(True)
        for number, entry in enumerate(self.entries(items)):
            if entry.begins_group and number:
                menu.addSeparator()
            action = add_action(menu, entry.text)
            # Only shown: a shortcut of the action would be the whole window's.
            action.setText(f"{action.text()}\t{entry.keys}" if entry.keys else action.text())
            action.setEnabled(not entry.reason)
            set_tool_tip(action, f"{entry.text}: {entry.reason}" if entry.reason else entry.text)
            if entry.ticked is not None:
                action.setCheckable(True)
                action.setChecked(entry.ticked)
            action.triggered.connect(lambda _checked=False, do=entry.do: do())
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def _on_menu_requested(self, identities: list[str], at: QPoint) -> None:
        self.menu(identities).popup(at)

    # --- entries ------------------------------------------------------------------------------------

    def entries(self, items: Sequence[BoardItem]) -> list[Entry]:
        """What can be done with these items."""
        found: list[Entry] = []
        if len(items) == 1:
            found += self._of_one(items[0])
        found += self._of_several(items)
        if len(items) == 1:
            edit = partial(self._window.board.edit_name, items[0].id)
            found.append(Entry("Rename", edit, keys="F2", begins_group=True))
        names = items[0].name if len(items) == 1 else f"{len(items)} items"
        remove = partial(self._board.remove, [item.id for item in items])
        return [*found, Entry(f"Remove {names}", remove, keys="Del")]

    def _of_one(self, item: BoardItem) -> list[Entry]:
        reason = self._board.reason(item)
        if isinstance(item.content, Direction) and self._board.is_of_another_model(item):
            return self._of_foreign_direction(item)
        match item.content:
            case Selection():
                entries = self._of_selection(item, item.content)
            case Direction():
                entries = self._of_direction(item, item.content)
            case Latent():
                entries = self._of_latent(item, item.content)
            case Path():
                entries = self._of_path(item.content)
        return [replace(entry, reason=reason or entry.reason) for entry in entries]

    def _of_selection(self, item: BoardItem, selection: Selection) -> list[Entry]:
        key = f"item:{item.id}"
        entries = [
            Entry("Select again", partial(self._selection.select, selection), keys="Enter"),
            Entry("Add to the selection", partial(self._selection.select, selection, SelectMode.ADD)),
            Entry("Take away from the selection", partial(self._selection.select, selection, SelectMode.SUBTRACT)),
            Entry(
                "New direction towards these…",
                partial(self._directions.choose, "selections", key, OTHERS),
                begins_group=True,
            ),
            Entry("New direction away from these…", partial(self._directions.choose, "selections", "", key)),
        ]
        if self.train_on is not None:
            entries.append(
                Entry("Train on these images", partial(self.train_on, selection), self._why_no_run(selection))
            )
        return entries

    def _why_no_run(self, selection: Selection) -> str:
        dataset = self._session.dataset
        if dataset is None or dataset.fingerprint != selection.fingerprint:
            return "open its images first"
        return "stop the run first" if self._session.run_is_active else ""

    def _of_direction(self, item: BoardItem, direction: Direction) -> list[Entry]:
        move, session = self._directions.move_to, self._session
        no_slider = self._directions.why_no_slider()
        no_image = "" if session.encoded_image is not None else NO_IMAGE
        others = self._others(item)
        return [
            Entry(
                "Slider",
                partial(self._directions.set_slider, item.id, not item.has_slider),
                no_slider,
                ticked=item.has_slider,
                keys="Enter",
            ),
            Entry("Show on the map's x axis", partial(self._directions.show_on_axis, item.id, "x"), keys="X"),
            Entry("Show on the map's y axis", partial(self._directions.show_on_axis, item.id, "y"), keys="Y"),
            Entry(
                "Go to its end",
                partial(move, item.id, direction.reach, None, f"Go to the end of {item.name}"),
                no_slider,
                begins_group=True,
            ),
            Entry(
                "Go to its beginning",
                partial(move, item.id, -direction.reach, None, f"Go to the beginning of {item.name}"),
                no_slider,
            ),
            Entry("Path along it", partial(self._show_path, _along(direction, session.latent)), no_slider),
            Entry("Apply to the latent shown", partial(self._apply, item, direction), no_slider),
            Entry("Apply to the opened image", partial(self._apply_to_image, item, direction), no_slider or no_image),
            Entry("Flip", partial(self._flip, item, direction), begins_group=True),
            Entry(
                "Keep the part orthogonal to the others",
                partial(self._orthogonalise, item, others),
                "" if others else "there is no other direction",
            ),
            *([self._found_again(item, "the model's present weights")] if self._board.is_outdated(item) else []),
            self._copied(item),
        ]

    def _of_foreign_direction(self, item: BoardItem) -> list[Entry]:
        """A direction of another model means nothing in this one, unless it is found again or taken as it is."""
        other_size = "" if item.latent_dim == self._session.latent.size else self._board.reason(item)
        return [
            self._found_again(item, "the model on screen"),
            Entry(
                "Use its vector in the model on screen, without scores",
                partial(self._directions.use_here, item),
                other_size,
            ),
            self._copied(item),
        ]

    def _found_again(self, item: BoardItem, where: str) -> Entry:
        find = partial(self._directions.find_again, item)
        return Entry(f"Find again in {where}", find, self._directions.why_not_found_again(item))

    def _copied(self, item: BoardItem) -> Entry:
        copy = partial(self._directions.copy_command, item)
        return Entry("Copy as command", copy, self._directions.why_no_command(item), begins_group=True)

    def _of_latent(self, item: BoardItem, latent: Latent) -> list[Entry]:
        session = self._session
        path = session.path
        here = np.stack([session.latent, latent.z]) if latent.z.size == session.latent.size else None
        longer = latent.z[None] if path is None or path.shape[1:] != latent.z.shape else np.vstack([path, latent.z])
        return [
            Entry(
                "Go to it",
                partial(self._explore.go_to, latent.z, None, f"Go to {item.name}", latent.label),
                keys="Enter",
            ),
            Entry("Path from here to it", partial(self._show_path, here)),
            Entry("Add to the path", partial(self._show_path, longer)),
            Entry(
                "Direction from here to it",
                partial(self._directions.find, "latents", f"item:{item.id}", CURRENT),
                "" if session.points is not None else "no images are encoded",
            ),
        ]

    def _of_path(self, path: Path) -> list[Entry]:
        return [
            Entry("Show on the map", partial(self._show_kept_path, path), keys="Enter"),
            Entry("Show in the filmstrip", partial(self._show_in_filmstrip, path)),
        ]

    def _of_several(self, items: Sequence[BoardItem]) -> list[Entry]:
        reason = next((reason for item in items if (reason := self._board.reason(item))), "")
        if items and all(isinstance(item.content, Latent) for item in items):
            return self._of_latents(items, reason)
        if len(items) > 1 and all(isinstance(item.content, Direction) for item in items):
            text = f"Keep the part of {items[0].name} orthogonal to the others"
            return [Entry(text, partial(self._orthogonalise, items[0], self._others(items[0])), reason)]
        return []

    def _of_latents(self, items: Sequence[BoardItem], reason: str) -> list[Entry]:
        entries = []
        if len(items) > 1:
            in_order = [item for item in self._session.board.items if item in items]
            kept = [item.content.z for item in in_order if isinstance(item.content, Latent)]
            waypoints = None if reason else np.stack(kept)
            entries.append(Entry("Path through them", partial(self._show_path, waypoints), reason))
        too_few = "" if len(self._analogy_options()) > 2 else "it needs three latents"
        ask = partial(self._ask_for_analogy, [item.id for item in items])
        return [*entries, Entry("a − b + c…", ask, reason or too_few)]

    # --- what they do -------------------------------------------------------------------------------

    def _show_path(self, waypoints: FloatArray | None) -> None:
        if waypoints is not None:
            self._undo.push(EditPath(self._session, np.asarray(waypoints, np.float32), ("board", next_gesture())))

    def _show_kept_path(self, path: Path) -> None:
        style = PathStyle(path.kind, path.is_closed, path.is_even)
        self._undo.push(ShowPath(self._session, path.waypoints.astype(np.float32), style))

    def _show_in_filmstrip(self, path: Path) -> None:
        self._show_kept_path(path)
        self._window.show_panel("filmstrip")
        self._window.filmstrip.set_kind("interpolate")

    def _flip(self, item: BoardItem, direction: Direction) -> None:
        first, minus, second = item.name.partition(" − ")
        name = f"{second} − {first}" if minus and " − " not in second else item.name
        self._board.change(item.id, f"Flip {item.name}", content=direction.flipped(), name=name)

    def _apply(self, item: BoardItem, direction: Direction) -> None:
        """Go one step of the direction from the latent shown, as that of a picked image."""
        session = self._session
        self._step_from(session.latent, session.label, item, direction, "the latent shown")

    def _apply_to_image(self, item: BoardItem, direction: Direction) -> None:
        """Go one step of the direction from the opened image's mean."""
        encoded = self._session.encoded_image
        if encoded is not None:
            self._step_from(encoded.mean, encoded.label, item, direction, "the opened image")

    def _step_from(
        self, start: FloatArray, label: int | None, item: BoardItem, direction: Direction, what: str
    ) -> None:
        """Go one step of a direction, and show its slider to go on from there."""
        self._undo.beginMacro(f"Apply {item.name} to {what}")
        self._directions.set_slider(item.id, True)
        self._explore.go_to(start + direction.vector, text=f"Apply {item.name}", label=label)
        self._undo.endMacro()

    def _others(self, item: BoardItem) -> list[BoardItem]:
        """The other selected directions, or all others if only this one is selected."""
        board, selected = self._session.board, self._window.board.selected()
        others = [each for each in board.of_kind("direction") if each.id != item.id and not self._board.reason(each)]
        return [each for each in others if each.id in selected] or others

    def _orthogonalise(self, item: BoardItem, others: Sequence[BoardItem]) -> None:
        reason = self._directions.orthogonalise(item, others)
        if reason:
            self._window.notifications.notify("warning", f"{item.name}: {reason}")

    def _analogy_options(self) -> list[tuple[str, str]]:
        shown = [("the latent shown", CURRENT)]
        kept = self._session.board.of_kind("latent")
        return shown + [(item.name, item.id) for item in kept if not self._board.reason(item)]

    def _ask_for_analogy(self, identities: Sequence[str]) -> AnalogyDialog:
        first = identities if len(identities) > 1 else (*identities[:1], CURRENT)
        dialog = AnalogyDialog(self._analogy_options(), first, self._window)
        dialog.chosen.connect(self.go_to_analogy)
        dialog.open()
        return dialog

    def go_to_analogy(self, keys: Sequence[str]) -> None:
        """Go to a − b + c of three latents: ids of items, or the key of the latent shown."""
        from latentlab.latent.directions import analogy  # only when needed: the window starts without it

        latents = []
        for key in keys:
            item = self._session.board.item(key)
            content = None if item is None else item.content
            latents.append(content.z if isinstance(content, Latent) else self._session.latent)
        self._explore.go_to(analogy(*latents), text="Go to a − b + c")


def _along(direction: Direction, latent: FloatArray) -> FloatArray | None:
    """Waypoints [2, d] on both sides of the latent along a direction, as far as its ends, or one unit."""
    if latent.size != direction.vector.size:
        return None
    reach = max(1.0, direction.reach)
    return np.stack([latent - reach * direction.vector, latent + reach * direction.vector])
