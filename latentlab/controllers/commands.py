"""Undoable edits of the session: one gesture is one step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from PySide6.QtGui import QUndoCommand

from latentlab.engine.protocol.messages import FloatArray, ImageEncoded
from latentlab.state.board import BoardItem
from latentlab.state.map_axes import AxesChoice
from latentlab.state.selection import Selection
from latentlab.state.session import Session


class _Change(QUndoCommand):
    """Apply one value, and with undo the value before."""

    def __init__(self, text: str, before: Any, after: Any, apply: Callable[[Any], object]) -> None:
        super().__init__(text)
        self._before, self._after, self._apply = before, after, apply

    def redo(self) -> None:
        """Apply the new value."""
        self._apply(self._after)

    def undo(self) -> None:
        """Apply the old value again."""
        self._apply(self._before)


class MoveLatent(_Change):
    """Commit another latent, for another class if one is given; moves of the same gesture are one step."""

    def __init__(
        self, session: Session, latent: FloatArray, gesture: Hashable, text: str = "Move", label: int | None = None
    ) -> None:
        def apply(latent_and_label: tuple[FloatArray, int | None]) -> None:
            latent, label = latent_and_label
            # Only guards against a race: the stack is cleared when a model of another size is opened.
            if latent.size == session.latent.size:
                session.set_label(label)
                session.set_latent(latent)

        before = session.latent, session.label
        super().__init__(text, before, (latent, session.label if label is None else label), apply)
        self._gesture = gesture

    def extend(self, latent: FloatArray, gesture: Hashable, label: int | None = None) -> bool:
        """Move on to ``latent`` if it is of the same gesture.

        Not by ``mergeWith``: PySide never frees the Python object of a command that Qt has merged into another.
        """
        if gesture != self._gesture:
            return False
        self._after = latent, self._after[1] if label is None else label
        self.redo()
        return True


class ChooseAxes(_Change):
    """Show other directions on the map."""

    def __init__(self, session: Session, axes: AxesChoice) -> None:
        super().__init__("Choose axes", session.axes, axes, session.set_axes)


class ChooseLabel(_Change):
    """Decode for another class."""

    def __init__(self, session: Session, label: int | None) -> None:
        super().__init__("Choose class", session.label, label, session.set_label)


class ChooseLevel(_Change):
    """Show another level on sliders and map, on axes of its own."""

    def __init__(self, session: Session, level: int, axes: AxesChoice) -> None:
        def apply(choice: tuple[int, AxesChoice]) -> None:
            session.set_level(choice[0])
            session.set_axes(choice[1])

        super().__init__("Choose level", (session.level, session.axes), (level, axes), apply)


class ChangeSelection(_Change):
    """Select other images, or none."""

    def __init__(self, session: Session, selection: Selection | None, text: str = "Select") -> None:
        def apply(selection: Selection | None) -> None:
            points = session.points
            if selection is None or points is None or selection.fingerprint == points.fingerprint:
                session.set_selection(selection)  # a selection of a dataset that was closed since stays undone

        super().__init__(text, session.selection, selection, apply)


class ChangeBoard(_Change):
    """Add, remove, rename or move items of the Board."""

    def __init__(self, session: Session, items: Sequence[BoardItem], text: str) -> None:
        super().__init__(text, session.board.items, tuple(items), session.board.set_items)


class ShowEncodedImage(_Change):
    """Show an encoded image file at its posterior mean, decoded for its class; or remove the one that is shown."""

    def __init__(self, session: Session, encoded: ImageEncoded | None) -> None:
        def apply(shown: tuple[ImageEncoded | None, FloatArray, int | None]) -> None:
            image, latent, label = shown
            if latent.size == session.latent.size:  # only guards against a race, as in MoveLatent
                session.set_encoded_image(image)
                session.set_label(label)
                session.set_latent(latent)

        before = session.encoded_image, session.latent, session.label
        after = (None, session.latent, session.label) if encoded is None else (encoded, encoded.mean, encoded.label)
        super().__init__("Open image" if encoded is not None else "Remove image", before, after, apply)
