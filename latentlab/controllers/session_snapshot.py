"""The session as it is saved: what the program knows and what the window shows, as one checked value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from latentlab.controllers.session_parts import SessionPart
from latentlab.gui.widgets.toasts import Toasts
from latentlab.state.board_entries import entries_of, entry_of_selection, order_fault
from latentlab.state.selection import Selection
from latentlab.state.session import Session
from latentlab.storage.board_file import KeptSelection, pack_floats
from latentlab.storage.session_file import SessionFile, session_of
from latentlab.storage.session_parts import LONGEST_PATH
from latentlab.utils.array_rules import LARGEST_COORDINATE

_NOT_CONTENT = ("panels", "view", "relative", "file", "was_modified", "run_was_live", "was_closed", "closed_at")
"""Fields in which two sessions may differ without one being a changed version of the other."""


class SessionSnapshots:
    """Makes values of `SessionFile`, and notifies once of what cannot be kept.

    Parameters
    ----------
    parts
        What has state beside the session's own.

    Attributes
    ----------
    pending_selection
        Selected images of a session that is being restored, until they are encoded.
    """

    def __init__(self, session: Session, parts: Sequence[SessionPart], notifications: Toasts) -> None:
        self._session, self._parts, self._notifications = session, tuple(parts), notifications
        self.pending_selection: Selection | None = None
        self._kept_selection: tuple[Selection | None, KeptSelection | None] = (None, None)  # packed once
        self._left_out: tuple[str, ...] = ()

    def take(self) -> SessionFile:
        """The session as it would be saved now."""
        session = self._session
        board, too_large = entries_of(session.board.items)
        selection, too_many = self._selection_entry()
        path, too_long = self._path_entry()
        values: dict[str, Any] = {
            "model": "" if session.model is None else session.model.source,
            "dataset": "" if session.dataset is None else session.dataset.source,
            "data": session.data_config if session.dataset is None else session.dataset.config,
            "latent": tuple(session.latent.clip(-LARGEST_COORDINATE, LARGEST_COORDINATE).tolist()),
            "label": session.label,
            "axes": (session.axes.x, session.axes.y),
            "level": session.level,
            "colour_by": session.colour_by,
            "selection": selection,
            "board": board,
            "path": path,
            "locked": tuple(sorted(session.locked)),
            "dimension_names": tuple(sorted(session.names.items())),
            "run_folder": session.run_folder,
            "run_config": session.run.config,
            "run_was_live": session.run_is_active,
        }
        for part in self._parts:
            values |= part.save()
        snapshot, left_out = session_of(values)
        left_out = (*left_out, *too_large, *too_many, *too_long)
        if left_out != self._left_out:
            self._left_out = left_out
            for fault in left_out:
                self._notifications.notify("warning", f"A part of the session is not saved: {fault}.", important=True)
        return snapshot

    def _selection_entry(self) -> tuple[KeptSelection | None, tuple[str, ...]]:
        """The selected images as they are saved, and why they cannot be."""
        selection = self._session.selection or self.pending_selection
        if selection is not self._kept_selection[0]:
            self._kept_selection = selection, None if selection is None else entry_of_selection(selection)
        entry = self._kept_selection[1]
        if selection is None:
            return None, ()
        fault = "the selection cannot be kept: it is too large" if entry is None else order_fault(selection, entry)
        return entry, (fault,) if fault else ()

    def _path_entry(self) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        """The path as it is saved, and why it cannot be."""
        path, style = self._session.path, self._session.path_style
        if path is None or not path.size:
            return None, ()
        waypoints = pack_floats(path)
        if len(waypoints) > LONGEST_PATH:
            return None, ("the path cannot be kept: it is too long",)
        entry = {
            "latent_dim": path.shape[1],
            "waypoints": waypoints,
            "interpolation": style.kind,
            "is_closed": style.is_closed,
            "is_even": style.is_even,
        }
        return entry, ()


def is_same_content(one: SessionFile, other: SessionFile) -> bool:
    """Whether two sessions hold the same work: apart from the arrangement of panels, the view and the state of a run.

    An active run changes neither what is open nor what was found.
    """
    if one is other:
        return True
    update = {name: SessionFile.model_fields[name].get_default() for name in _NOT_CONTENT}
    return one.model_copy(update=update) == other.model_copy(update=update)
