"""Quantised latents: a grid of codes to paint on, instead of the sliders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from latentlab.config.layout import Level
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import ByteArray, Codebooks, FloatArray, ReadCodebooks
from latentlab.gui.panels.codebook_grid import CodebookGrid
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.state.session import Session


class CodebookController(QObject):
    """Joins the painted grid with the session's latent, which holds an entry of the codebook for each cell.

    The codebooks are read from the worker whenever the model's weights change, so that a stroke needs no answer but
    the decoded image.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        explore: ExploreController,
        sliders: LatentSliders,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._explore, self._sliders = session, engine, explore, sliders
        self._generations = Generations()
        self._grid: CodebookGrid | None = None
        self._entries: tuple[FloatArray, ...] = ()
        session.modelChanged.connect(self._on_model_changed)
        session.latentChanged.connect(self._show_codes)
        session.levelChanged.connect(self._show_level)
        engine.codebooks.connect(self._on_codebooks)

    def _on_model_changed(self, is_new_model: bool) -> None:
        is_quantised = self._session.model is not None and self._session.layout.kind == "codes"
        if is_new_model:
            self._generations.discard_pending()
            self._entries = ()
            self._grid = None  # deleted by the sliders' panel
            if is_quantised:
                self._grid = CodebookGrid()
                self._grid.painted.connect(self._on_painted)
                self._sliders.set_instead(self._grid)
        if is_quantised:
            self._engine.request(ReadCodebooks(self._generations.next()))

    def _on_codebooks(self, result: Codebooks) -> None:
        if self._generations.accept(result.generation) and len(result.entries) == len(self._session.layout.levels):
            self._entries = result.entries
            self._show_level()

    def _on_painted(self, row: int, column: int, code: int, gesture: int) -> None:
        if not self._entries:
            return
        level, entries = self._level(), self._entries[self._session.level]
        assert level.grid is not None
        latent = self._session.latent
        cells = latent[level.indices].reshape(-1, *level.grid)  # a view: [D, h, w]
        cells[:, row, column] = entries[code]
        self._explore.go_to(latent, ("paint", gesture), "Paint")

    def _level(self) -> Level:
        return self._session.layout.levels[self._session.level]

    def _show_level(self) -> None:
        if self._grid is not None and self._entries:
            self._grid.set_palette(colours_of(self._entries[self._session.level]))
            self._show_codes()

    def _show_codes(self) -> None:
        if self._grid is None or not self._entries:
            return
        level = self._level()
        assert level.grid is not None
        cells = self._session.latent[level.indices].reshape(-1, *level.grid)
        self._grid.set_codes(nearest_codes(cells, self._entries[self._session.level]))


def nearest_codes(cells: FloatArray, entries: FloatArray) -> NDArray[np.int64]:
    """Index [h, w] of the entry [K, D] nearest to each cell of [D, h, w], as the decoder quantises it."""
    vectors = cells.reshape(len(cells), -1).T
    distances = (entries**2).sum(axis=1) - 2 * vectors @ entries.T
    codes: NDArray[np.int64] = distances.argmin(axis=1).reshape(cells.shape[1:])
    return codes


def colours_of(entries: FloatArray) -> ByteArray:
    """A colour uint8 [K, 3] for each entry [K, D] by its first three principal components: similar ones look alike."""
    centred = entries - entries.mean(axis=0)
    _values, vectors = np.linalg.eigh(centred.T @ centred)  # ascending
    coordinates = centred @ vectors[:, ::-1][:, :3]
    coordinates = np.pad(coordinates, ((0, 0), (0, 3 - coordinates.shape[1])))
    # Ranks, not coordinates: with a few outliers all other entries would have one colour.
    ranks = coordinates.argsort(axis=0).argsort(axis=0) / max(1, len(entries) - 1)
    colours: ByteArray = np.rint(40 + 200 * ranks).astype(np.uint8)
    return colours
