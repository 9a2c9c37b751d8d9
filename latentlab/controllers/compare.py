"""Comparing two models: a second map whose cursor is linked with the first, and both decoded images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.controllers.compared_map import ComparedMapController, Linked
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    BothDecoded,
    CloseComparison,
    ComparisonOpened,
    ComparisonProgress,
    DecodeBoth,
    Failed,
    FloatArray,
    ModelFigures,
    OpenComparison,
)
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.compare import CompareDetails, ComparedMap
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.session import Session
from latentlab.utils.text import format_number, pluralize

REALIGN_MS = 400  # after the points or the model have changed
_MESSAGE = "comparison"  # id of the activity


@dataclass
class _Shown:
    """The widgets of an open comparison."""

    map_side: ComparedMap
    details: CompareDetails
    map: ComparedMapController


class CompareController(QObject):
    """Opens a second model beside the current one, and decodes both wherever the pointer is.

    The latents of the two are linked: at a data point by its image, elsewhere by the alignment of the images that both
    encode. What is chosen on the second map moves the latent of the session, which can be undone; the comparison itself
    is a view. The worker holds the second model until the comparison is left.

    Signals
    -------
    openChanged
        Another model is compared, or none.
    """

    openChanged = Signal()

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        explore: ExploreController,
        window: MainWindow,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._explore = session, engine, explore
        self._window, self._activity = window, activity
        self._openings, self._decodings = Generations(), Generations()
        self._request: OpenComparison | None = None
        self._first = 0  # generation at which this model was opened, not only aligned again
        self._opened: ComparisonOpened | None = None
        self._shown: _Shown | None = None
        self._chosen: Linked | None = None  # a pair that the user chose on the second map
        self._realign = Debouncer(REALIGN_MS, self._request_again, self)
        engine.comparisonOpened.connect(self._on_opened)
        engine.comparisonProgress.connect(self._on_progress)
        engine.bothDecoded.connect(self._on_decoded)
        engine.failed.connect(self._on_failed)
        engine.workerReady.connect(self._on_worker_ready)
        window.escapePressed.connect(self.close)
        session.modelChanged.connect(self._on_model_changed)
        session.viewedEpochChanged.connect(self._on_viewed_epoch_changed)
        session.pointsChanged.connect(self._on_points_changed)
        session.runStateChanged.connect(self._on_points_changed)
        for signal in (session.latentChanged, session.previewChanged, session.labelChanged):
            signal.connect(self._decode)

    @property
    def is_open(self) -> bool:
        """Whether a second model is compared, or is being opened."""
        return self._request is not None

    @property
    def compared(self) -> tuple[str, int | None] | None:
        """Source of the second model and the epoch of its run, or ``None``."""
        return None if self._request is None else (self._request.source, self._request.epoch)

    def open(self, source: str, epoch: int | None = None) -> None:
        """Compare with a model file, run folder or ``bundled:NAME``, or with the snapshot of an epoch of a run."""
        if self._session.model is None:
            return
        self._chosen = None
        self._first = self._openings.next()
        self._request = OpenComparison(self._first, source, epoch, self._viewed_epoch())
        self._engine.request(self._request)
        self._say("Opening the model to compare with …")
        self.openChanged.emit()

    def close(self) -> None:
        """Leave the comparison; the worker frees the second model."""
        if self._request is None:
            return
        self._request = self._opened = self._chosen = None
        self._openings.discard_pending()
        self._decodings.discard_pending()
        self._realign.cancel()
        self._activity.end(_MESSAGE)
        self._engine.request(CloseComparison())
        self._hide()
        self.openChanged.emit()

    def _say(self, text: str) -> None:
        self._activity.begin(_MESSAGE, ActivityEntry(text, is_busy=True, cancel=self.close))

    def _hide(self) -> None:
        if self._shown is not None:
            shown, self._shown = self._shown, None
            shown.map.deleteLater()
            self._window.hide_comparison()

    # --- opening --------------------------------------------------------------------------------------

    def _on_progress(self, result: ComparisonProgress) -> None:
        if self._request is not None:
            self._say(result.message)

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == OpenComparison.__name__:
            self.close()  # a notification says why

    def _on_worker_ready(self, _ready: object) -> None:
        self._request_again()

    def _on_model_changed(self, is_new_model: bool) -> None:
        if self._session.model is None:
            self.close()
        elif is_new_model:
            self._realign.debounce()
        else:
            self._decode()

    def _on_points_changed(self) -> None:
        """Align anew with other points; while a run changes them all the time, only when it rests."""
        if self._request is not None and not self._session.is_learning:
            self._realign.debounce()

    def _on_viewed_epoch_changed(self) -> None:
        """Compare what the first map shows."""
        if self._request is not None and self._request.first_epoch != self._viewed_epoch():
            self._realign.debounce()

    def _viewed_epoch(self) -> int | None:
        """The epoch that the first map shows of the model's run; ``None`` if it shows the model as it is now."""
        viewed, model = self._session.viewed_epoch, self._session.model
        if viewed is None or model is None or not model.source or Path(viewed.run) != Path(model.source):
            return None
        return viewed.epoch

    def _request_again(self) -> None:
        request = self._request
        if request is not None and self._session.model is not None:
            self._request = OpenComparison(self._openings.next(), request.source, request.epoch, self._viewed_epoch())
            self._engine.request(self._request)

    def _on_opened(self, result: ComparisonOpened) -> None:
        if self._request is None or not self._openings.accept(result.generation):
            return
        self._activity.end(_MESSAGE)
        self._opened = result
        if self._shown is None:
            self._shown = self._make()
        self._shown.map_side.set_name(result.info.name)
        self._shown.map.set_comparison(result, self._first)
        first, second = result.figures
        self._shown.details.set_figures((first.name, second.name), figure_rows(first, second), summary_of(result))
        self._decode()

    def _make(self) -> _Shown:
        map_side, details = ComparedMap(), CompareDetails()
        first_map = self._window.latent_map
        assert isinstance(first_map, LatentMap)
        controller = ComparedMapController(self._session, self._engine, first_map, map_side.latent_map, self)
        controller.previewed.connect(self._on_previewed)
        controller.chosen.connect(self._on_chosen)
        map_side.closeRequested.connect(self.close)
        map_side.latent_map.filesDropped.connect(self._window.pathsDropped)
        self._window.show_comparison(map_side, details)
        return _Shown(map_side, details, controller)

    # --- linked latents -------------------------------------------------------------------------------

    def _on_previewed(self, pair: Linked | None) -> None:
        """Show what is under the pointer of the second map."""
        self._chosen = pair
        if pair is not None and pair.z is None:  # not linked: only the second image follows
            self._decode()
        else:
            self._session.set_preview(None if pair is None else pair.z)

    def _on_chosen(self, pair: Linked, gesture: int) -> None:
        self._chosen = pair
        self._session.set_preview(None)
        if pair.z is None:
            self._decode()
        else:
            self._explore.go_to(pair.z, ("compared map", gesture), "Move on the compared map")
            self._decode()  # the same latent may have another counterpart than before

    def _decode(self) -> None:
        session = self._session
        if self._opened is None or session.model is None:
            return
        preview = session.preview
        z = session.latent if preview is None else preview
        self._engine.request(
            DecodeBoth(self._decodings.next(), z, self._counterpart(z), session.label, preview is not None)
        )

    def _counterpart(self, z: FloatArray) -> FloatArray | None:
        """The latent that was chosen on the second map together with this one; else the worker finds it."""
        pair = self._chosen
        if pair is None or (pair.z is not None and not np.array_equal(pair.z, z)):
            return None
        return pair.other

    def _on_decoded(self, result: BothDecoded) -> None:
        if self._shown is None or self._opened is None or not self._decodings.accept(result.generation):
            return
        self._shown.details.set_images(result.image, result.other_image, result.difference)
        self._shown.details.set_note(note_of(result))
        self._shown.map.set_linked(result.other_z, result.preview)


def note_of(result: BothDecoded) -> str:
    """One line about two decoded images."""
    parts = [f"image {result.number:,}"] if result.number >= 0 else []
    if result.mean_difference is not None:
        parts.append(f"mean difference {format_number(result.mean_difference, '.3f')}")
    elif result.other_image is not None:
        parts.append("images of other sizes have no difference")
    return " · ".join([*parts, *([result.note] if result.note else [])])


def figure_rows(first: ModelFigures, second: ModelFigures) -> list[tuple[str, str, str]]:
    """The table of two models: name, and a value of each."""

    def both(title: str, values: tuple[object, object]) -> tuple[str, str, str]:
        return title, *("–" if value is None else _text(value) for value in values)  # type: ignore[return-value]

    return [
        both("recipe", (first.recipe, second.recipe)),
        both("latent_dim", (first.latent_dim, second.latent_dim)),
        both("parameters", (first.parameters, second.parameters)),
        both("ELBO", (first.elbo, second.elbo)),
        both("rate", (first.rate, second.rate)),
        both("distortion", (first.distortion, second.distortion)),
        both("active units", (first.active_units, second.active_units)),
    ]


def _text(value: object) -> str:
    if isinstance(value, float):
        return format_number(value, ".1f")
    return f"{value:,}" if isinstance(value, int) else str(value)


def summary_of(result: ComparisonOpened) -> str:
    """How the two are aligned, and on which images they were measured."""
    if result.alignment is not None:
        images = pluralize(result.common, "image")
        parts = [
            f"Procrustes disparity {format_number(result.alignment.disparity, '.3f')} over {images} (0: same shape)."
        ]
    else:
        parts = [f"Not aligned: {result.why_not_aligned}."]
    first, second = (figures.measured_on for figures in result.figures)
    if first and first == second:
        parts.append(f"ELBO, rate and distortion in nats, on {first}.")
    elif first or second:
        known = "; ".join(f"on {each}" for each in (first, second) if each)
        parts.append(f"In nats, {known}{': perhaps not the same images' if first and second else ''}.")
    return " ".join(parts)
