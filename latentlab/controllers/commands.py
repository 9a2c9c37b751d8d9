"""Undoable edits of the session: one gesture is one step."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtGui import QUndoCommand

from latentlab.engine.protocol.messages import FloatArray, ImageEncoded
from latentlab.state.map_axes import AxesChoice
from latentlab.state.session import Session

_LATENT_COMMAND = 1


class MoveLatent(QUndoCommand):
    """Commit another latent; moves of the same gesture merge into one step."""

    def __init__(self, session: Session, latent: FloatArray, gesture: Hashable, text: str = "Move") -> None:
        super().__init__(text)
        self._session = session
        self._before = session.latent
        self._after = latent
        self._gesture = gesture

    def id(self) -> int:
        """Latent moves merge only with latent moves."""
        return _LATENT_COMMAND

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Merge with the next move of the same gesture."""
        if not isinstance(other, MoveLatent) or other._gesture != self._gesture:
            return False
        self._after = other._after
        return True

    def redo(self) -> None:
        """Commit the new latent."""
        self._apply(self._after)

    def undo(self) -> None:
        """Commit the old latent again."""
        self._apply(self._before)

    def _apply(self, latent: FloatArray) -> None:
        # Only guards against a race: the stack is cleared when a model of another size is opened.
        if latent.size == self._session.latent.size:
            self._session.set_latent(latent)


class ChooseAxes(QUndoCommand):
    """Show other directions on the map."""

    def __init__(self, session: Session, axes: AxesChoice) -> None:
        super().__init__("Choose axes")
        self._session = session
        self._before = session.axes
        self._after = axes

    def redo(self) -> None:
        """Show the new directions."""
        self._session.set_axes(self._after)

    def undo(self) -> None:
        """Show the old directions again."""
        self._session.set_axes(self._before)


class ChooseLabel(QUndoCommand):
    """Decode for another class."""

    def __init__(self, session: Session, label: int | None) -> None:
        super().__init__("Choose class")
        self._session = session
        self._before = session.label
        self._after = label

    def redo(self) -> None:
        """Decode for the new class."""
        self._session.set_label(self._after)

    def undo(self) -> None:
        """Decode for the old class again."""
        self._session.set_label(self._before)


class ChooseLevel(QUndoCommand):
    """Show another level on sliders and map."""

    def __init__(self, session: Session, level: int, axes: AxesChoice) -> None:
        super().__init__("Choose level")
        self._session = session
        self._before = session.level, session.axes
        self._after = level, axes

    def redo(self) -> None:
        """Show the new level on its own axes."""
        self._apply(*self._after)

    def undo(self) -> None:
        """Show the old level again on its previous axes."""
        self._apply(*self._before)

    def _apply(self, level: int, axes: AxesChoice) -> None:
        self._session.set_level(level)
        self._session.set_axes(axes)


class ShowEncodedImage(QUndoCommand):
    """Show an encoded image file at its posterior mean, decoded for its class; or remove the one that is shown."""

    def __init__(self, session: Session, encoded: ImageEncoded | None) -> None:
        super().__init__("Open image" if encoded is not None else "Remove image")
        self._session = session
        self._before = session.encoded_image, session.latent, session.label
        self._after = (
            (None, session.latent, session.label) if encoded is None else (encoded, encoded.mean, encoded.label)
        )

    def redo(self) -> None:
        """Show the image and go to its latent, or remove it."""
        self._apply(*self._after)

    def undo(self) -> None:
        """Show what was shown before, at its latent."""
        self._apply(*self._before)

    def _apply(self, encoded: ImageEncoded | None, latent: FloatArray, label: int | None) -> None:
        # Only guards against a race, as in MoveLatent.
        if latent.size == self._session.latent.size:
            self._session.set_encoded_image(encoded)
            self._session.set_label(label)
            self._session.set_latent(latent)
