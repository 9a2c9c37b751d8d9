"""The points inside the outline being drawn: searched in slices of the event loop, however many points there are."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from latentlab.gui.latent_map.lasso import points_inside
from latentlab.gui.latent_map.layers.point_raster import PointTiles
from latentlab.gui.widgets.debouncer import Debouncer

FloatArray = npt.NDArray[np.floating]

SLICE_SECONDS = 0.006
"""Of searching, before other events are handled."""
BETWEEN_MS = 30
"""From the end of one search to the beginning of the next while the outline grows."""


class LassoSearch(QObject):
    """Searches for the points inside the newest outline.

    A search that is under way is finished before that of a newer outline begins: under a moving pointer none would ever
    be finished otherwise. The last outline, of the released button, does not wait.

    Signals
    -------
    found(object, object)
        Which points are inside, bool [n] in the order of the tiles; and, if the outline was the last, which rows of
        the points they are, bool [rows given to the tiles], else ``None``.
    """

    found = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._next: tuple[PointTiles, FloatArray] | None = None
        self._steps: Iterator[npt.NDArray[np.int64]] | None = None
        self._inside: npt.NDArray[np.bool_] = np.zeros(0, bool)
        self._rows: npt.NDArray[np.bool_] | None = None  # of the last outline
        self._order: npt.NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._is_last = False
        self._continue = Debouncer(0, self._search, self)
        self._pause = Debouncer(BETWEEN_MS, self._begin_next, self)

    def search(self, tiles: PointTiles, corners: FloatArray, is_last: bool) -> None:
        """Search for the points inside an outline [n, 2]; ``found`` follows, at once if there are few points."""
        if is_last:
            self.cancel()
            self._begin(tiles, corners, is_last=True)
            return
        self._next = tiles, corners
        if self._steps is None and not self._pause.is_pending():
            self._begin_next()

    def cancel(self) -> None:
        """Search no more; a last outline, which the user has closed, is searched to its end first."""
        if self._is_last:
            self._search(float("inf"))
        self._next = self._steps = None
        self._continue.cancel()
        self._pause.cancel()

    def _begin_next(self) -> None:
        if self._next is not None:
            (tiles, corners), self._next = self._next, None
            self._begin(tiles, corners, is_last=False)

    def _begin(self, tiles: PointTiles, corners: FloatArray, is_last: bool) -> None:
        self._steps, self._is_last = points_inside(tiles, corners), is_last
        self._inside = np.zeros(len(tiles), bool)
        # A slice at a time as well: of millions of points all at once would take several frames.
        self._rows = np.zeros(tiles.rows_given, bool) if is_last else None
        self._order = tiles.order
        self._search()

    def _search(self, seconds: float = SLICE_SECONDS) -> None:
        if self._steps is None:
            return
        end = time.perf_counter() + seconds
        for positions in self._steps:
            self._inside[positions] = True
            if self._rows is not None:
                self._rows[self._order[positions]] = True
            if time.perf_counter() >= end:
                self._continue.debounce()
                return
        self._steps, was_last, self._is_last = None, self._is_last, False
        if not was_last:
            self._pause.debounce()
        self.found.emit(self._inside, self._rows if was_last else None)
