"""Undoable edits of the session: one gesture is one step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from PySide6.QtGui import QUndoCommand, QUndoStack

from latentlab.engine.protocol.messages import FloatArray, ImageEncoded
from latentlab.state.board import BoardItem
from latentlab.state.map_axes import AxesChoice
from latentlab.state.path_style import PathStyle
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


class GestureStep(_Change):
    """A change by a gesture; later changes of the same gesture extend it."""

    def __init__(self, text: str, before: Any, after: Any, apply: Callable[[Any], object], gesture: Hashable) -> None:
        super().__init__(text, before, after, apply)
        self.gesture = gesture

    def extend(self, after: Any, gesture: Hashable) -> bool:
        """Apply a further change if it is of the same gesture; returns whether it is.

        Not by ``mergeWith``: PySide never frees the Python object of a command that Qt has merged into another.
        """
        if gesture != self.gesture:
            return False
        self._after = after
        self.redo()
        return True


def extend_last(undo: QUndoStack, kind: type[GestureStep], after: Any, gesture: Hashable) -> bool:
    """Extend the last step if it is of this kind and gesture; returns whether it is."""
    last = None if undo.canRedo() else undo.command(undo.count() - 1)
    return isinstance(last, kind) and last.extend(after, gesture)


class MoveLatent(GestureStep):
    """Commit another latent, for another class if one is given."""

    def __init__(
        self, session: Session, latent: FloatArray, gesture: Hashable, text: str = "Move", label: int | None = None
    ) -> None:
        def apply(latent_and_label: tuple[FloatArray, int | None]) -> None:
            latent, label = latent_and_label
            # Only guards against a race: the stack is cleared when the latent space becomes another one.
            if latent.size == session.latent.size:
                _decode_for(session, label)
                session.set_latent(latent)

        before = session.latent, session.label
        super().__init__(text, before, (latent, session.label if label is None else label), apply, gesture)


class PlayLatent(_Change):
    """The latent was moved, frame by frame, from one to another."""

    def __init__(self, session: Session, before: FloatArray, after: FloatArray, text: str) -> None:
        def apply(latent: FloatArray) -> None:
            if latent.size == session.latent.size:  # only guards against a race, as in MoveLatent
                session.set_latent(latent)

        super().__init__(text, before, after, apply)


class EditPath(GestureStep):
    """Draw, change or remove the path: waypoints [n, d]."""

    def __init__(self, session: Session, waypoints: FloatArray | None, gesture: Hashable) -> None:
        super().__init__("Edit path", session.path, waypoints, session.set_path, gesture)


class ShapePath(_Change):
    """Let the path lead through its waypoints in another way."""

    def __init__(self, session: Session, style: PathStyle, text: str) -> None:
        super().__init__(text, session.path_style, style, session.set_path_style)


class ShowPath(_Change):
    """Draw a path with the way it leads through its waypoints."""

    def __init__(self, session: Session, waypoints: FloatArray, style: PathStyle, text: str = "Show path") -> None:
        def apply(value: tuple[FloatArray | None, PathStyle]) -> None:
            session.set_path(value[0])
            session.set_path_style(value[1])

        super().__init__(text, (session.path, session.path_style), (waypoints, style), apply)


class LockDimension(_Change):
    """Lock a dimension of the latent, or unlock it."""

    def __init__(self, session: Session, dimension: int, locked: bool) -> None:
        text = f"{'Lock' if locked else 'Unlock'} z{dimension + 1}"
        super().__init__(text, not locked, locked, lambda value: session.set_locked(dimension, value))


class NameDimension(_Change):
    """Give a dimension of the current model a name, or remove it (an empty one)."""

    def __init__(self, session: Session, dimension: int, name: str) -> None:
        source = "" if session.model is None else session.model.source
        names = session.dimension_names
        super().__init__(
            f"Name z{dimension + 1}",
            session.names.get(dimension, ""),
            name,
            lambda value: names.set_name(source, dimension, value),
        )


class ChooseColour(_Change):
    """Colour the points by another column."""

    def __init__(self, session: Session, column: str) -> None:
        super().__init__("Choose colour", session.colour_by, column, session.set_colour_by)


class ChooseAxes(_Change):
    """Show other directions on the map."""

    def __init__(self, session: Session, axes: AxesChoice) -> None:
        super().__init__("Choose axes", session.axes, axes, session.set_axes)


class ChooseLabel(_Change):
    """Decode for another class."""

    def __init__(self, session: Session, label: int | None) -> None:
        super().__init__("Choose class", session.label, label, lambda label: _decode_for(session, label))


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


class ChangeAxesAndBoard(_Change):
    """Show other axes and change the Board: a direction that is removed is no axis any more."""

    def __init__(self, session: Session, axes: AxesChoice, items: Sequence[BoardItem], text: str) -> None:
        def apply(value: tuple[AxesChoice, tuple[BoardItem, ...]]) -> None:
            axes, items = value
            kept = {item.id for item in items}
            # The axes first if they may not outlive an item, the items first if the axes need one.
            if all(name[2:] in kept for name in (session.axes.x, session.axes.y) if name.startswith("d:")):
                session.board.set_items(items)
                session.set_axes(axes)
            else:
                session.set_axes(axes)
                session.board.set_items(items)

        super().__init__(text, (session.axes, session.board.items), (axes, tuple(items)), apply)


class ShowEncodedImage(GestureStep):
    """Show an encoded image at its posterior mean, decoded for its class; or remove the one that is shown."""

    def __init__(
        self, session: Session, encoded: ImageEncoded | None, text: str = "Open image", gesture: Hashable | None = None
    ) -> None:
        def apply(shown: tuple[ImageEncoded | None, FloatArray, int | None]) -> None:
            image, latent, label = shown
            if latent.size == session.latent.size:  # only guards against a race, as in MoveLatent
                is_of_this_model = image is not None and image.model_version >= session.opened_version
                session.set_encoded_image(image if is_of_this_model else None)
                _decode_for(session, label)
                session.set_latent(latent)

        before = session.encoded_image, session.latent, session.label
        after = (None, session.latent, session.label) if encoded is None else at_its_mean(encoded)
        super().__init__(text if encoded is not None else "Remove image", before, after, apply, gesture or object())


def at_its_mean(encoded: ImageEncoded) -> tuple[ImageEncoded, FloatArray, int | None]:
    """What ``ShowEncodedImage.extend`` applies: an image, its mean and its class."""
    return encoded, encoded.mean, encoded.label


class HidePixels(GestureStep):
    """Hide a region of the encoded image, or show it again."""

    def __init__(self, session: Session, encoded: ImageEncoded, gesture: Hashable) -> None:
        def apply(image: ImageEncoded) -> None:
            if image.model_version >= session.opened_version:  # else another model has been opened since
                session.set_encoded_image(image)

        super().__init__("Hide a region", session.encoded_image, encoded, apply, gesture)


def _decode_for(session: Session, label: int | None) -> None:
    """Choose the class, unless the model opened since has none of this index."""
    model = session.model
    if model is not None and model.conditional and label is not None and label < max(1, len(model.classes)):
        session.set_label(label)
