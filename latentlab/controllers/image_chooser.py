"""Choosing images by class, search and rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject

from latentlab.config.capabilities import ALL
from latentlab.controllers.generations import Generations
from latentlab.controllers.selection import SelectionController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    CancelRanking,
    Failed,
    ImagesFound,
    ImagesRanked,
    RankImages,
    Ranking,
    RankingProgress,
    SearchImages,
)
from latentlab.gui.panels.image_chooser import RANKS, ImageChooser
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.selection import Selection, SelectMode, selection_of_rows
from latentlab.state.session import Session
from latentlab.state.tags import tags_of
from latentlab.utils.plain_text import NAME, as_line
from latentlab.utils.text import format_number, pluralize

_RANKING = "ranking"  # id of the activity
_TITLES = {by: title for by, title, _ in RANKS}
_NEEDS_DATASET = "Open the dataset of the points first: images are compared with their reconstructions"


@dataclass(frozen=True)
class _Wanted:
    """What a ranking is for."""

    by: str
    count: int
    mode: str


class ImageChooserController(QObject):
    """Selects the images that the chooser asks for; a ranking is kept for as long as the weights stay."""

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        selection: SelectionController,
        chooser: ImageChooser,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._selection = session, engine, selection
        self._chooser, self._activity = chooser, activity
        self._searches, self._rankings = Generations(), Generations()
        self._search_mode = SelectMode.REPLACE
        self._wanted: _Wanted | None = None
        self._ranked: dict[str, ImagesRanked] = {}
        chooser.classChosen.connect(self._on_class_chosen)
        chooser.searchRequested.connect(self._on_search_requested)
        chooser.rankRequested.connect(self._on_rank_requested)
        chooser.cancelRequested.connect(self.cancel)
        engine.imagesFound.connect(self._on_found)
        engine.rankingProgress.connect(self._on_progress)
        engine.imagesRanked.connect(self._on_ranked)
        engine.failed.connect(self._on_failed)
        engine.workerLost.connect(lambda _lost: self._end_ranking())
        for signal in (session.pointsChanged, session.datasetChanged, session.viewedEpochChanged):
            signal.connect(self._show)
        session.selectionChanged.connect(self._on_selection_changed)
        session.modelChanged.connect(self._on_model_changed)
        self._show()

    # --- what can be chosen ---------------------------------------------------------------------------

    def _on_model_changed(self, is_new_model: bool) -> None:
        self._ranked.clear()
        if is_new_model:
            self.cancel()
            self._show()

    def _show(self) -> None:
        session, points = self._session, self._selection.points()
        self._chooser.set_classes(() if points is None else points.classes)
        has_images = session.dataset is not None and session.points_are_of_dataset
        nothing = "" if session.points is not None or has_images else "no images are open"
        self._chooser.set_can_search(nothing)
        bound = "" if has_images and session.model is not None else _NEEDS_DATASET
        can = ALL if session.model is None else session.model.capabilities
        bound = bound or (f"Not with this model: {can.why_no_bound}" if can.why_no_bound else "")
        has_elbo = session.points is None or session.points.kl is not None
        self._chooser.set_rank_reasons(
            {
                "distortion": bound,
                "elbo": bound or ("" if has_elbo else "A plain autoencoder has no ELBO"),
                "distance": "" if session.points is not None else "No images are encoded",
            }
        )

    # --- class and search -----------------------------------------------------------------------------

    def _on_class_chosen(self, number: int, mode: str) -> None:
        points = self._selection.points()
        if points is not None and number < len(points.classes):
            rows = np.flatnonzero(points.label == number)
            chosen = selection_of_rows(points, rows, f"class {points.classes[number]}")
            self._select(chosen, SelectMode(mode))

    def _on_search_requested(self, text: str, mode: str) -> None:
        session = self._session
        fingerprint = "" if session.points is None else session.points.fingerprint
        self._search_mode = SelectMode(mode)
        self._chooser.set_note("")
        tags = tags_of(session.board.items, fingerprint)
        self._engine.request(SearchImages(self._searches.next(), text, tags))

    def _on_found(self, result: ImagesFound) -> None:
        if not self._searches.accept(result.generation):
            return
        found = Selection(result.images, result.fingerprint, result.what or f"search {result.text}")
        self._select(found, self._search_mode)

    def _select(self, chosen: Selection, mode: SelectMode) -> None:
        if len(chosen):
            self._selection.select(chosen, mode)
            text = f"{as_line(chosen.description, NAME)}: {pluralize(len(chosen), 'image')}"
        else:
            text = "No image was found: the selection stays as it was."
        self._chooser.set_note(text)

    # --- rank -----------------------------------------------------------------------------------------

    def _on_rank_requested(self, by: str, count: int, mode: str) -> None:
        self._wanted = _Wanted(by, count, mode)
        known = self._ranked.get(by)
        if known is not None and self._is_current(known):
            self._choose_ranked(known)
            return
        self._chooser.set_progress(0, 1)
        self._engine.request(RankImages(self._rankings.next(), by))  # type: ignore[arg-type]
        self._activity.begin(_RANKING, ActivityEntry("Ranking images", is_busy=True, cancel=self.cancel))

    def _is_current(self, ranked: ImagesRanked) -> bool:
        points = self._session.points
        same_images = points is None or points.fingerprint == ranked.fingerprint
        return ranked.model_version == self._session.model_version and same_images

    def cancel(self) -> None:
        """Give up the ranking."""
        if self._wanted is not None:
            self._engine.request(CancelRanking())
            self._end_ranking()

    def _end_ranking(self) -> None:
        self._wanted = None
        self._chooser.set_progress(0, 0)
        self._activity.end(_RANKING)

    def _on_progress(self, progress: RankingProgress) -> None:
        if self._wanted is not None and progress.generation == self._rankings.newest:
            self._chooser.set_progress(progress.done, progress.total)
            fraction = progress.done / max(1, progress.total)
            entry = ActivityEntry("Ranking images", fraction, cancel=self.cancel)
            self._activity.begin(_RANKING, entry)

    def _on_ranked(self, result: ImagesRanked) -> None:
        if self._wanted is None or not self._rankings.accept(result.generation):
            return
        self._ranked[result.by] = result
        self._choose_ranked(result)

    def _choose_ranked(self, ranked: ImagesRanked) -> None:
        wanted = self._wanted
        self._end_ranking()
        if wanted is None:
            return
        count = min(wanted.count, len(ranked.images))
        compared = ranked.compared if ranked.compared < len(ranked.images) else 0
        ranking = Ranking(ranked.by, ranked.images[:count], ranked.values[:count], compared)
        title = f"{count:,} {_TITLES[wanted.by]}"
        chosen = Selection(np.sort(ranking.images), ranked.fingerprint, title, ranking)
        self._selection.select(chosen, SelectMode(wanted.mode))
        self._on_selection_changed()  # also if they were selected already

    def _on_selection_changed(self) -> None:
        """Say from which value to which the images of a ranking are, as long as they are selected."""
        selection = self._session.selection
        if self._wanted is None:
            self._chooser.set_note("" if selection is None else _range_text(selection))

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == RankImages.__name__:
            self._end_ranking()


def _range_text(selection: Selection) -> str:
    """From which value to which the images of a ranking are; empty if the selection is none."""
    ranking = selection.ranking
    if ranking is None or not len(selection):
        return ""
    places = ranking.places_of(selection.images)
    first, last = (float(ranking.values[place]) for place in (places.min(), places.max()))
    if ranking.by == "distance":
        among = f" (among {ranking.compared:,} of the points)" if ranking.compared else ""
        return f"Distance to the nearest other image {first:.3g} to {last:.3g}{among}"
    name = "Distortion" if ranking.by == "distortion" else "ELBO"
    return f"{name} {format_number(first, '.4g')} to {format_number(last, '.4g')} nats"
