"""Generating images: what the panel asks for, the worker draws; each image's latent can be taken or kept."""

from __future__ import annotations

import shlex
import time

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.config.capabilities import NO_PRIOR
from latentlab.controllers.commands import ChangeBoard
from latentlab.controllers.copied_commands import CopiedCommands, model_argument, table_path
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    Failed,
    Generate,
    Generated,
    GenerationProgress,
    GenerationSource,
)
from latentlab.gui.panels.generate import GeneratePanel, SourceChoice
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.toasts import Toasts
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.board import BoardItem, Direction, Latent
from latentlab.state.session import Session

SOON_MS = 30  # while a slider is dragged
FOLLOW_SECONDS = 10.0
"""Between images that follow a run: decoding them takes some .3 s of its time at 64 × 64."""
STEPS = 8
"""Images of each draw that is moved along a direction."""
_DIRECTION = "direction:"
_MESSAGE = "generate"  # id of the activity
_TRAINED = "the model is being trained: a flow is fitted to it afterwards"


class GenerateController(QObject):
    """Keeps the panel's images those of its settings.

    They are drawn anew whenever a setting changes, and for another model; while a run changes the weights at most every
    ``FOLLOW_SECONDS``.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        explore: ExploreController,
        undo: QUndoStack,
        panel: GeneratePanel,
        notifications: Toasts,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._explore, self._undo = session, engine, explore, undo
        self._panel, self._activity = panel, activity
        self._commands = CopiedCommands(engine, notifications, self)
        self._generations = Generations()
        self._request: Generate | None = None  # the newest
        self._asked_at = 0.0
        self._shown: Generated | None = None
        self._shown_request: Generate | None = None
        self._soon = Debouncer(SOON_MS, self._ask, self)
        panel.changed.connect(self._soon.throttle)
        panel.chosen.connect(self._on_chosen)
        panel.keepRequested.connect(self._on_keep_requested)
        panel.copyCommandRequested.connect(self._on_copy_requested)
        session.modelChanged.connect(self._on_model_changed)
        session.pointsChanged.connect(self._show_sources)
        session.selectionChanged.connect(self._on_selection_changed)
        session.board.changed.connect(self._show_sources)
        session.runStateChanged.connect(self._on_run_state_changed)
        engine.generated.connect(self._on_generated)
        engine.failed.connect(self._on_failed)
        engine.generationProgress.connect(self._on_progress)
        self._show_sources()
        self._show_copy_reason()

    # --- what can be chosen -------------------------------------------------------------------------

    def _show_sources(self) -> None:
        session = self._session
        kind, points, selection = session.layout.kind, session.points, session.selection
        no_decoder = "" if session.model is None else session.model.capabilities.why_not_decoded
        mixture = "" if kind == "plain" else f"latents are {kind}, which a mixture of Gaussians does not describe"
        no_flow = "" if kind == "plain" else f"latents are {kind}, which a flow does not describe"
        no_encoder = "" if session.model is None else session.model.capabilities.why_not_encoded
        no_points = no_decoder or ("" if points is not None else no_encoder or "no images are encoded: open a dataset")
        fingerprint = "" if points is None else points.fingerprint
        chosen = "" if selection is not None else "no images are selected: use the Select tool on the map"
        if selection is not None and selection.fingerprint != fingerprint:
            chosen = "the selection is of another dataset"
        sources = [
            SourceChoice("prior", "Prior", no_decoder or self._no_prior()),
            SourceChoice("aggregate", "Aggregate posterior", mixture or no_points),
            SourceChoice("flow", "Flow", no_flow or no_points or (_TRAINED if session.is_learning else "")),
            SourceChoice("selection", "Selection", mixture or no_points or chosen),
        ]
        no_directions = no_decoder or ("categories have no directions" if kind == "categories" else "")
        directions = session.board.of_kind("direction")
        if not directions:
            no_directions = no_directions or "there is no direction on the Board: Ctrl+Shift+D finds one"
            sources.append(SourceChoice(_DIRECTION, "Along a direction", no_directions))
        for item in directions:
            source, weights = ("", "") if session.model is None else (session.model.source, session.model.sha256)
            reason = item.why_unusable(session.latent.size, fingerprint, source, weights)
            reason = reason or no_directions
            sources.append(SourceChoice(_DIRECTION + item.id, f"Along {item.name}", reason))
        before = self._panel.source()
        self._panel.set_sources(sources, self._default_source())
        self._panel.set_temperature_reason(self._no_temperature())
        if self._panel.source() != before:
            self._soon.throttle()

    def _no_prior(self) -> str:
        return "" if self._session.model is None or self._session.model.has_prior else NO_PRIOR

    def _default_source(self) -> str:
        """Where samples come from unless the user says otherwise, as on the command line."""
        model = self._session.model
        if model is not None and not model.has_prior:
            return "aggregate"
        if model is None or model.config.get("family") != "vae":
            return "prior"
        return "aggregate" if model.config.get("posterior", {}).get("kind") == "delta" else "prior"

    def _no_temperature(self) -> str:
        """Why the temperature has no effect; empty if it has one."""
        model, kind = self._session.model, self._session.layout.kind
        codebook = {} if model is None else model.config.get("codebook", {})
        if kind == "categories" or (kind == "codes" and codebook.get("prior") == "uniform"):
            return f"this model's prior draws {kind} with equal probability, which has no temperature"
        if self._session.layout.is_sphere and self._panel.source() == "prior":
            return "this model's prior draws every direction with equal probability, which has no temperature"
        return ""

    def _show_copy_reason(self) -> None:
        self._panel.set_copy_reason(self._why_not_copied())

    def _why_not_copied(self) -> str:
        shown, request, model = self._shown, self._shown_request, self._session.model
        if shown is None or request is None or model is None:
            return "There are no images yet"
        if self._session.run_is_active or not model.source:
            return "The model is being trained: its weights are in no file yet"
        if request.source == "direction":
            return "The command line does not draw along a direction"
        if request.source == "flow" and not shown.is_from_file:
            return "The flow is not in the model's file: save the model, and open that file"
        if request.source != "selection" and not shown.is_from_file:
            return "They are drawn from images that the model's file does not contain: save the model first"
        return ""

    # --- requests -----------------------------------------------------------------------------------

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._generations.discard_pending()
            self._request = self._shown = self._shown_request = None
            self._activity.end(_MESSAGE)
            self._panel.set_waiting("")
            self._panel.set_images(None)
            self._panel.set_note("")
            self._show_sources()
            self._show_copy_reason()
        if not self._session.is_learning or self._may_follow():
            self._soon.throttle()

    def _may_follow(self) -> bool:
        """Whether images of a run's newer weights are due: at once if none were asked for."""
        return self._request is None or time.monotonic() - self._asked_at >= FOLLOW_SECONDS

    def _on_selection_changed(self) -> None:
        self._show_sources()
        if self._panel.source() == "selection":
            self._soon.throttle()

    def _on_run_state_changed(self) -> None:
        self._show_sources()
        self._show_copy_reason()
        if not self._session.is_learning:
            self._soon.throttle()

    def _ask(self) -> None:
        session, panel = self._session, self._panel
        if session.model is None or not session.model.has_decoder or not panel.isVisible():
            return
        source, selection, direction = panel.source(), session.selection, self._direction(panel.source())
        kind: GenerationSource = "prior"
        if direction is not None:
            kind = "direction"
        elif source == "aggregate":
            kind = "aggregate"
        elif source == "flow":
            kind = "flow"
        elif source == "selection" and selection is not None:
            kind = "selection"
        panel.set_temperature_reason(self._no_temperature())  # it depends on the source
        self._asked_at = time.monotonic()
        self._request = Generate(
            self._generations.next(),
            kind,
            panel.count(),
            panel.temperature(),
            panel.seed(),
            images=selection.images if kind == "selection" and selection is not None else None,
            vector=None if direction is None else direction.vector,
            origin=None if direction is None else direction.origin,
            steps=1 if direction is None else STEPS,
        )
        if self._shown is None:
            panel.set_waiting("Generating images …")
        self._engine.request(self._request)

    def _direction(self, source: str) -> Direction | None:
        item = self._session.board.item(source.removeprefix(_DIRECTION)) if source.startswith(_DIRECTION) else None
        return item.content if item is not None and isinstance(item.content, Direction) else None

    # --- results ------------------------------------------------------------------------------------

    def _on_progress(self, result: GenerationProgress) -> None:
        if result.generation == self._generations.newest:
            self._activity.begin(_MESSAGE, ActivityEntry(result.message, is_busy=True))

    def _on_generated(self, result: Generated) -> None:
        if result.model_version < self._session.opened_version or not self._generations.accept(result.generation):
            return
        request = self._request
        if request is None or request.generation != result.generation:
            return
        self._activity.end(_MESSAGE)
        self._panel.set_waiting("There are no images." if result.problem else "")
        self._panel.set_note(result.problem)
        if result.images is not None:
            self._shown, self._shown_request = result, request
            self._panel.set_images(result.images, request.steps if request.source == "direction" else 0)
        self._show_copy_reason()

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == Generate.__name__:
            self._activity.end(_MESSAGE)
            self._panel.set_waiting("There are no images.")

    # --- gestures -----------------------------------------------------------------------------------

    def _on_chosen(self, place: int) -> None:
        shown = self._shown
        if shown is not None and shown.latents is not None and place < len(shown.latents):
            self._session.set_preview(None)
            label = None if shown.labels is None else int(shown.labels[place])
            self._explore.go_to(shown.latents[place], text="Go to a generated image", label=label)

    def _on_keep_requested(self, place: int) -> None:
        shown, request, model, board = self._shown, self._shown_request, self._session.model, self._session.board
        if shown is None or shown.latents is None or shown.images is None or request is None or model is None:
            return
        label = None if shown.labels is None else int(shown.labels[place])
        item = BoardItem(
            board.free_name(f"Generated {place + 1}"),
            Latent(np.array(shown.latents[place], np.float32), label),
            f"Image {place + 1} of {request.count} drawn from the {_NAMES[request.source]}, "
            f"temperature {request.temperature:g}, seed {request.seed}, by {model.name}",
            model.source,
            model.latent_dim,
            shown.images[place],
            weights=model.sha256,
        )
        self._undo.push(ChangeBoard(self._session, board.with_added(item), "Keep a generated image"))

    def _on_copy_requested(self) -> None:
        request, model = self._shown_request, self._session.model
        if request is None or model is None or self._why_not_copied():
            return
        if request.source != "selection" or request.images is None:
            self._commands.copy(generate_command(request, model.source), _DOES)
            return
        table = table_path(request.images, model.source)
        self._commands.copy(generate_command(request, model.source, table), _DOES, [(table, request.images)])


_DOES = "makes these images"
_NAMES = {
    "prior": "prior",
    "aggregate": "aggregate posterior",
    "flow": "flow fitted to the encoded images",
    "selection": "selection",
    "direction": "prior, along a direction",
}


def generate_command(request: Generate, source: str, table: str = "") -> str:
    """The ``latentlab generate`` command that makes the same images, as one line for a POSIX shell.

    ``table`` is the file of the posteriors of a selection.
    """
    words = ["latentlab", "generate", model_argument(source), "--count", str(request.count)]
    words += ["--from", table or request.source]
    words += ["--temperature", f"{request.temperature:g}"] if request.temperature != 1 else []
    words += ["--seed", str(request.seed), "--out", "generated.png"]
    return shlex.join(words)
