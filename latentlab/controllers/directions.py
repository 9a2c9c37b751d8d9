"""Directions of the latent space: found between groups of images, shown as sliders and as axes of the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.controllers.board import BoardController
from latentlab.controllers.commands import ChooseAxes
from latentlab.controllers.copied_commands import CopiedCommands
from latentlab.controllers.direction_command import direction_command, why_no_command
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    DirectionFound,
    Failed,
    FindDirection,
    FloatArray,
    ImageGroup,
)
from latentlab.errors import InputError
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.direction_dialog import DirectionDialog, DirectionKind, Option
from latentlab.gui.panels.direction_sliders import DirectionRow, DirectionSliders
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.board import BoardItem, Direction, DirectionQuery, Latent
from latentlab.state.map_axes import AxesChoice, direction_axis
from latentlab.state.selection import Selection
from latentlab.state.session import Session
from latentlab.utils.text import pluralize

SELECTED, OTHERS, CURRENT, IMAGE, ORIGIN = "selected", "others", "current", "image", "origin"
"""Keys of the choices that are not on the Board: the selected images, all others, the latent shown, the opened image's
mean, and 0."""
REACH = 2.0
"""Standard deviations of a column or a component from the origin to a direction's ends."""
NO_CATEGORIES = "the latents are categories, and between two of them there is nothing"
BY_PLACE = "chosen by their place on the map: the score says only that they are apart there"
"""Said of groups that a lasso or a box drew: these are apart by construction, also where images are held out."""
_MOST_COMPARED = 10_000  # images: takes less than a millisecond
_FINDING = "direction"  # id of the activity


@dataclass(frozen=True)
class _Wanted:
    """A direction that is being found."""

    name: str
    provenance: str
    request: FindDirection
    reach: float = 0.5
    replaces: str = ""  # the item that it is found again for
    classes: tuple[str, ...] = ()  # of the images
    caution: str = ""  # what its score does not say

    @property
    def query(self) -> DirectionQuery | None:
        """What it is found from; a component is only of its own model."""
        request = self.request
        if request.component is not None:
            return None
        return DirectionQuery(
            self.provenance,
            request.fingerprint,
            self.classes,
            request.a,
            request.b,
            request.column,
            request.against,
        )


@dataclass
class _Choices:
    """What the dialog's choices stand for, by their keys."""

    groups: dict[str, tuple[str, ImageGroup]] = field(default_factory=dict)
    latents: dict[str, tuple[str, FloatArray]] = field(default_factory=dict)
    by_place: set[str] = field(default_factory=set)  # groups that were chosen by their place on the map

    def add_selection(self, key: str, name: str, selection: Selection) -> None:
        """Offer a selection as a group."""
        self.groups[key] = (name, ImageGroup(selection.images))
        if selection.is_by_place:
            self.by_place.add(key)

    def caution(self, towards: str | None, away: str | None) -> str:
        """What the score of a direction between two groups does not say."""
        return BY_PLACE if self.by_place & {towards, away} else ""

    def options(self, kind: Literal["groups", "latents"], *prefixes: str) -> tuple[Option, ...]:
        """Texts and keys of the choices whose keys begin so."""
        known: dict[str, tuple[str, object]] = getattr(self, kind)
        return tuple((text, key) for key, (text, _) in known.items() if key.startswith(prefixes or ""))


class DirectionController(QObject):
    """Finds directions, shows their sliders, and puts them on the axes of the map.

    A slider's value is where the latent is along the direction: moving it leaves all that is orthogonal to the
    direction as it is. A drag is one undoable step.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        undo: QUndoStack,
        board: BoardController,
        explore: ExploreController,
        sliders: DirectionSliders,
        activity: Activity,
        window: MainWindow,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._undo = session, engine, undo
        self._board, self._explore, self._sliders = board, explore, sliders
        self._activity, self._window = activity, window
        self._commands = CopiedCommands(engine, window.notifications, self)
        self._generations = Generations()
        self._wanted: _Wanted | None = None
        sliders.valueEdited.connect(self._on_value_edited)
        sliders.removeRequested.connect(lambda identity: self.set_slider(identity, False))
        session.board.changed.connect(self._show_sliders)
        session.modelChanged.connect(self._on_model_changed)
        session.latentChanged.connect(self._show_values)
        engine.directionFound.connect(self._on_found)
        engine.failed.connect(self._on_failed)

    # --- finding ------------------------------------------------------------------------------------

    def choose(self, kind: str = "", towards: str = "", away: str = "") -> DirectionDialog | None:
        """Ask between what a direction is to be found; nothing happens while there are no encoded images."""
        if self._session.points is None:
            return None
        dialog = DirectionDialog(self.kinds(), (kind, towards or None, away or None), self._window)
        dialog.findRequested.connect(self.find)
        dialog.open()
        return dialog

    def kinds(self) -> tuple[DirectionKind, ...]:
        """The ways to find a direction, with what can be chosen for each."""
        session, points, choices = self._session, self._session.points, self._choices()
        columns = [] if points is None else [n for n, values in points.columns.items() if values.dtype.kind in "biuf"]
        selections = choices.options("groups", "item:", SELECTED)
        classes = choices.options("groups", "class:")
        latents = choices.options("latents")
        components = [(f"PC {index + 1}", f"pc:{index}") for index in range(len(session.components))]
        others = (("all other images", OTHERS),)
        count = 0 if session.dataset is None else session.dataset.images
        return (
            DirectionKind(
                "selections", "two selections", selections, (*selections, *others),
                reason="" if selections else "select or keep some images first",
                why_not=lambda towards, away: _why_no_groups(choices, towards, away, count),
                caution=choices.caution,
            ),
            DirectionKind(
                "classes", "two classes", classes, (*classes, *others),
                reason="" if len(classes) > 1 else "the images have no classes",
            ),
            DirectionKind(
                "column", "low and high values of a column", tuple((name, f"column:{name}") for name in columns),
                label="Column", reason="" if columns else "the images have no columns of numbers",
            ),
            DirectionKind("latents", "two latents", latents, latents),
            DirectionKind(
                "component", "ends of a principal component", tuple(components),
                label="Component", reason="" if components else "there are no components",
            ),
        )  # fmt: skip

    def find(self, kind: str, towards: str, away: str | None = None) -> None:
        """Find a direction and keep it on the Board.

        Parameters
        ----------
        kind
            The name of one of the ``kinds``.
        towards, away
            Keys of the chosen options.
        """
        choices, session = self._choices(), self._session
        points = session.points
        if points is None:
            return
        fingerprint, generation = points.fingerprint, self._generations.next()
        if kind == "column":
            column = towards.removeprefix("column:")
            request = FindDirection(generation, fingerprint, column=column)
            self._request(_Wanted(column, f"along {column}", request, REACH))
        elif kind == "component":
            index = int(towards.removeprefix("pc:"))
            if index < len(session.components):
                request = FindDirection(generation, fingerprint, component=session.components[index])
                self._request(_Wanted(f"PC {index + 1}", f"principal component {index + 1}", request, REACH))
        elif kind == "latents" and towards in choices.latents and away in choices.latents:
            self._keep_difference(choices.latents[towards], choices.latents[away])
        elif towards in choices.groups:
            name, group = choices.groups[towards]
            other = ("others", replace(group, are_others=True)) if away == OTHERS else choices.groups.get(away or "")
            if other is not None:
                name = self._kept_name(towards) or name
                other_name = self._kept_name(away) or other[0]
                request = FindDirection(generation, fingerprint, group, other[1])
                words, caution = f"from {other_name} to {name}", choices.caution(towards, away)
                self._request(_Wanted(f"{name} − {other_name}", words, request, caution=caution))

    def _kept_name(self, key: str | None) -> str:
        """The name under which the selected images were kept, latest first; empty if the key is not theirs."""
        if key != SELECTED:
            return ""
        kept = self._session.board.of_kind("selection")
        return next((item.name for item in reversed(kept) if item.content == self._session.selection), "")

    def _choices(self) -> _Choices:
        session, points, choices = self._session, self._session.points, _Choices()
        if points is None:
            return choices
        if session.selection is not None:
            choices.add_selection(SELECTED, "the selected images", session.selection)
        for item in session.board.items:
            if self._board.reason(item):
                continue
            if isinstance(item.content, Selection):
                choices.add_selection(f"item:{item.id}", item.name, item.content)
            elif isinstance(item.content, Latent):
                choices.latents[f"item:{item.id}"] = (item.name, item.content.z)
        for label, name in enumerate(points.classes):
            choices.groups[f"class:{label}"] = (name, ImageGroup(label=label))
        encoded = session.encoded_image
        others = {
            CURRENT: ("the latent shown", session.latent),
            **({IMAGE: (FilePath(encoded.path).name, encoded.mean)} if encoded is not None else {}),
            ORIGIN: ("the origin, 0", np.zeros_like(session.latent)),
        }
        choices.latents = {CURRENT: others.pop(CURRENT), **choices.latents, **others}
        return choices

    def _request(self, wanted: _Wanted) -> None:
        points = self._session.points
        wanted = replace(wanted, classes=() if points is None else points.classes)
        self._wanted = wanted
        self._activity.begin(_FINDING, ActivityEntry(f"Finding the direction {wanted.name} …", is_busy=True))
        self._engine.request(wanted.request)

    def _keep_difference(self, towards: tuple[str, FloatArray], away: tuple[str, FloatArray]) -> None:
        vector = (towards[1] - away[1]).astype(np.float32)
        if not vector.any():
            self._activity.show_for(_FINDING, "Both are the same latent: there is no direction between them")
            return
        content = Direction(vector, ((towards[1] + away[1]) / 2).astype(np.float32))
        name = f"{towards[0]} − {away[0]}"
        self._board.keep(self._board.of_model(name, content, f"difference of two latents: {name}"), "New direction")

    def _on_found(self, result: DirectionFound) -> None:
        wanted = self._wanted
        if wanted is None or not self._generations.accept(result.generation):
            return
        self._wanted = None
        self._activity.end(_FINDING)
        session, scores = self._session, result.scores
        if result.model_version < session.opened_version or result.vector.size != session.latent.size:
            return  # of a model that was closed since
        content = Direction(
            result.vector,
            result.origin,
            wanted.reach,
            score=scores.get("cohens_d"),
            random_score=scores.get("random_cohens_d"),
            random_spread=scores.get("random_spread"),
            p_value=scores.get("p_value"),
            accuracy=scores.get("accuracy"),
            r2=scores.get("r2"),
            explained=scores.get("explained"),
            query=wanted.query,
        )
        item = self._board.of_model(wanted.name, content, _provenance(wanted, result, session))
        old = session.board.item(wanted.replaces)
        if old is None:
            self._board.keep(item, "New direction")
        else:
            names = ("content", "provenance", "model", "latent_dim", "epoch", "weights")
            self._board.change(old.id, f"Find {old.name} again", **{name: getattr(item, name) for name in names})
        caution = f" ({wanted.caution})" if wanted.caution else ""
        self._activity.show_for(_FINDING, f"{wanted.name} {content.verdict}{caution}")

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == FindDirection.__name__:
            self._wanted = None
            self._activity.end(_FINDING)

    def why_not_found_again(self, item: BoardItem) -> str:
        """Why a direction cannot be found again in the model on screen; empty if it can."""
        content = item.content
        if isinstance(content, Direction) and content.query is not None:
            return content.query.why_not_found_in(self._session.points)
        if isinstance(content, Direction) and content.explained is not None:
            return "it depends on other directions of its model"
        return "how it was found is not known: find it with New direction"

    def find_again(self, item: BoardItem) -> None:
        """Find a direction of another model in the one on screen, from the same images; it replaces the old one."""
        session, points, content = self._session, self._session.points, item.content
        if points is None or not isinstance(content, Direction) or content.query is None:
            return
        if not self.why_not_found_again(item):
            request = replace(self._request_of(content.query), fingerprint=points.fingerprint)
            # In another model they are not apart by construction.
            caution = _caution_of(item) if item.model == ("" if session.model is None else session.model.source) else ""
            words, reach = content.query.words, content.reach
            self._request(_Wanted(item.name, words, request, reach, replaces=item.id, caution=caution))

    def _request_of(self, query: DirectionQuery, against: FloatArray | None = None) -> FindDirection:
        generation = self._generations.next()
        return FindDirection(generation, query.fingerprint, query.a, query.b, query.column, against=against)

    def why_no_command(self, item: BoardItem) -> str:
        """Why no command finds a direction; empty if one does."""
        return why_no_command(self._session, item)

    def copy_command(self, item: BoardItem) -> None:
        """Copy the command that finds a direction."""
        if not self.why_no_command(item):
            command = direction_command(self._session, item)
            self._commands.copy(command.text, f"finds {item.name}", command.tables)

    def use_here(self, item: BoardItem) -> None:
        """Keep the vector of another model's direction as one of the model on screen, without its scores."""
        if isinstance(item.content, Direction) and item.latent_dim == self._session.latent.size:
            content = Direction(item.content.vector, item.content.origin, item.content.reach)
            how = f"the vector of {item.name} of {item.model_name}, which was not found in this model"
            self._board.keep(self._board.of_model(item.name, content, how), "Use a direction of another model")

    def orthogonalise(self, item: BoardItem, others: Sequence[BoardItem]) -> str:
        """Keep the part of a direction that is orthogonal to others.

        A direction between groups or along a column is found anew in that part of the latent space, so that it has
        scores of its own; of any other its part is kept without scores.

        Returns
        -------
        str
            Why there is none; empty if it is kept, or being found.
        """
        against = [each for each in others if isinstance(each.content, Direction)]
        vectors = np.stack([each.content.vector for each in against if isinstance(each.content, Direction)])
        name = f"{item.name} ⟂ {against[0].name if len(against) == 1 else f'{len(against)} others'}"
        content, points = item.content, self._session.points
        query = content.query if isinstance(content, Direction) else None
        is_of_points = query is not None and points is not None and query.fingerprint == points.fingerprint
        if isinstance(content, Direction) and query is not None and is_of_points:
            vectors = vectors if query.against is None else np.concatenate([query.against, vectors])
            request = self._request_of(query, vectors)
            how = f"{query.words}, orthogonal to {', '.join(each.name for each in against)}"
            self._request(_Wanted(name, how, request, content.reach, caution=_caution_of(item)))
            return ""
        return self._keep_part(item, name, vectors)

    def _keep_part(self, item: BoardItem, name: str, vectors: FloatArray) -> str:
        from latentlab.latent.directions import orthogonalise  # only when needed: the window starts without it

        assert isinstance(item.content, Direction)
        try:
            part = orthogonalise(item.content.vector, list(vectors))
        except InputError as error:
            return str(error)
        content = Direction(part.vector.astype(np.float32), item.content.origin, item.content.reach)
        how = f"the part of {item.name} that is orthogonal to {pluralize(len(vectors), 'other direction')}"
        self._board.keep(self._board.of_model(name, content, how), "Make orthogonal")
        return ""

    # --- sliders ------------------------------------------------------------------------------------

    def why_no_slider(self) -> str:
        """Why directions have no sliders with the current model; empty if they can."""
        return NO_CATEGORIES if self._session.layout.kind == "categories" else ""

    def set_slider(self, identity: str, shown: bool) -> None:
        """Show the slider of a direction, or remove it."""
        item = self._session.board.item(identity)
        if item is not None and item.has_slider != shown:
            text = f"{'Show' if shown else 'Remove'} the slider of {item.name}"
            self._board.change(identity, text, has_slider=shown)

    def move_to(self, identity: str, coordinate: float, gesture: object = None, text: str = "") -> None:
        """Move the latent along a direction to a coordinate."""
        item = self._session.board.item(identity)
        if item is not None and isinstance(item.content, Direction) and not self._board.reason(item):
            moved = item.content.moved(self._session.latent, coordinate)
            self._explore.go_to(moved, gesture, text or f"Slide {item.name}")

    def _on_value_edited(self, identity: str, value: float, gesture: int) -> None:
        self.move_to(identity, value, ("direction", identity, gesture))

    def _with_sliders(self) -> list[tuple[BoardItem, Direction]]:
        return [
            (item, item.content)
            for item in self._session.board.items
            if item.has_slider and isinstance(item.content, Direction) and not self._board.reason(item)
        ]

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._show_sliders()

    def _show_sliders(self) -> None:
        shown = [] if self.why_no_slider() else self._with_sliders()
        self._sliders.set_directions(
            [DirectionRow(item.id, item.name, direction.verdict, direction.span) for item, direction in shown]
        )
        self._show_values()

    def _show_values(self) -> None:
        latent = self._session.latent
        self._sliders.set_values({item.id: direction.coordinate(latent) for item, direction in self._with_sliders()})

    # --- the map's axes -----------------------------------------------------------------------------

    def show_on_axis(self, identity: str, axis: Literal["x", "y"]) -> None:
        """Put a direction on an axis of the map; if it is on the other one, they change places."""
        item, axes = self._session.board.item(identity), self._session.axes
        if item is None or not isinstance(item.content, Direction) or self._board.reason(item):
            return
        name = direction_axis(identity)
        if axis == "x":
            chosen = AxesChoice(name, axes.x if axes.y == name else axes.y)
        else:
            chosen = AxesChoice(axes.y if axes.x == name else axes.x, name)
        if chosen != axes:
            self._undo.push(ChooseAxes(self._session, chosen))


def _why_no_groups(choices: _Choices, towards: str, away: str, count: int) -> str:
    """Why there is no direction between two selections of a dataset of so many images; empty if there may be one.

    Images in both are left out, so that neither may lie within the other.
    """
    first = choices.groups[towards][1].images if towards in choices.groups else None
    second = choices.groups[away][1].images if away in choices.groups else None
    if first is None:
        return ""
    if away == OTHERS:
        return "there are no other images" if len(first) == count else ""
    if second is None:
        return ""
    if np.array_equal(first, second):
        return "both are the same images"
    few, many = sorted((first, second), key=len)
    if len(few) > _MOST_COMPARED:  # found out by the worker
        return ""
    at = np.searchsorted(many, few).clip(max=len(many) - 1)
    return "all images of one are in the other" if np.array_equal(many[at], few) else ""


def _provenance(wanted: _Wanted, result: DirectionFound, session: Session) -> str:
    """How a direction was found, in one sentence."""
    model = "" if session.model is None else f" in {session.model.name}"
    # The numbers of images of both groups are in the order of the words: from the second one to the first.
    ordered = result.counts if wanted.request.a is None else result.counts[::-1]
    counts = [f"{count:,}" for count in ordered if count]
    images = f", {' and '.join(counts)} images" if counts else ""
    shared = f" ({result.shared:,} in both left out)" if result.shared else ""
    epoch = f" at epoch {result.epoch:.1f}" if session.run_is_active else ""
    caution = f"; {wanted.caution}" if wanted.caution else ""
    return f"{wanted.provenance}{model}{epoch}{images}{shared}{caution}"


def _caution_of(item: BoardItem) -> str:
    """What the score of a kept direction does not say: it is in the sentence on how it was found."""
    return BY_PLACE if BY_PLACE in item.provenance else ""
