"""The arrangement of the window's docks: the default one, its column widths, saving and restoring."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import QMainWindow, QTabBar, QTabWidget

from latentlab.gui.widgets.dock import Dock

STATE_VERSION = 3
NARROW = 1180  # px: in a narrower window the side columns are narrower too
WIDE_COLUMNS, NARROW_COLUMNS = (320, 304), (270, 282)  # px: left and right column
_LEFT = ("data", "model", "training", "selection", "image", "lessons", "curves", "runs", "board")
_RIGHT = ("decoded", "sliders")
_BOTTOM = ("filmstrip", "generate", "play", "log")
_TABS = (("data", "model", "training", "selection", "image", "lessons"), ("curves", "runs", "board"), _BOTTOM)
_TITLES = {
    "data": "Data",
    "model": "Model",
    "training": "Training",
    "selection": "Selection",
    "image": "Image",
    "lessons": "Lessons",
    "curves": "Curves",
    "runs": "Runs",
    "board": "Board",
    "decoded": "Decoded image",
    "sliders": "Latent",
    "filmstrip": "Filmstrip",
    "generate": "Generate",
    "play": "Play",
    "log": "Log",
}
_TOLERANCE = 12  # px: a column that differs less from its default width was not resized by the user


class DockLayout:
    """Makes the docks of a window and arranges them around its central widget.

    Parameters
    ----------
    window
        The window; its toolbars must exist when ``set_default`` is called.

    Attributes
    ----------
    docks
        The docks by name, in the order of the View menu.
    """

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self._is_narrow = False
        self.docks = {name: Dock(name, title, window) for name, title in _TITLES.items()}
        area = Qt.DockWidgetArea
        for names, side in (
            (_LEFT, area.LeftDockWidgetArea),
            (_RIGHT, area.RightDockWidgetArea),
            (_BOTTOM, area.BottomDockWidgetArea),
        ):
            for name in names:
                window.addDockWidget(side, self.docks[name])
        for name, next_tab in chain.from_iterable(map(pairwise, _TABS)):
            window.tabifyDockWidget(self.docks[name], self.docks[next_tab])
        self.docks["log"].hide()
        self.docks["lessons"].hide()  # until it is asked for: its tab would leave the others too little room
        self.docks["data"].raise_()
        self.docks["curves"].raise_()
        self.docks["filmstrip"].raise_()
        window.setCorner(Qt.Corner.BottomLeftCorner, area.LeftDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, area.RightDockWidgetArea)
        window.setTabPosition(area.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        window.setDocumentMode(True)
        window.setDockOptions(
            QMainWindow.DockOption.AnimatedDocks
            | QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.AllowTabbedDocks
        )

    def set_default(self) -> None:
        """Give each panel the size it needs and the map the rest; ``reset`` restores this arrangement."""
        d, down = self.docks, Qt.Orientation.Vertical
        self._set_columns(*(NARROW_COLUMNS if self._is_narrow else WIDE_COLUMNS))
        self._window.resizeDocks([d["data"], d["curves"]], [400, 290], down)
        self._window.resizeDocks([d["decoded"], d["sliders"]], [420, 270], down)
        self._window.resizeDocks([d["filmstrip"]], [172], down)
        self._default = self._window.saveState(STATE_VERSION)

    def match_columns(self) -> None:
        """When the window becomes narrow or wide, change the width of columns the user has not resized."""
        narrow = self._window.width() < NARROW
        if narrow == self._is_narrow:
            return
        self._is_narrow = narrow
        before, after = (WIDE_COLUMNS, NARROW_COLUMNS) if narrow else (NARROW_COLUMNS, WIDE_COLUMNS)
        columns = self.columns()
        # A column is never narrower than the widest of its panels needs.
        least = [max(self.docks[name].minimumSizeHint().width() for name in names) for names in (_LEFT, _RIGHT)]
        wanted = [
            new if abs(now - max(old, low)) <= _TOLERANCE else now
            for now, old, new, low in zip(columns, before, after, least, strict=True)
        ]
        if wanted != columns:
            self._set_columns(*wanted)

    def columns(self) -> list[int]:
        """Widths of the left and the right column of docks, in px."""
        return [self._width_of(names) for names in (_LEFT, _RIGHT)]

    def _width_of(self, names: Sequence[str]) -> int:
        """Width of a column: that of its docks in front, as those that are closed or behind keep an older width."""
        docks = [self.docks[name] for name in names]
        return max(dock.width() for dock in [each for each in docks if not each.visibleRegion().isEmpty()] or docks)

    def widen_columns(self, columns: list[int]) -> None:
        """Give columns that have become narrower these widths again."""
        now = self.columns()
        wanted = [max(pair) for pair in zip(now, columns, strict=True)]
        if wanted != now:
            self._set_columns(*wanted)

    def match_tabs(self) -> None:
        """Update the docks' title bars and tabs after a change of the arrangement."""
        for dock in self.docks.values():
            dock.match_tabs()
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if bar.elideMode() != Qt.TextElideMode.ElideNone:
                bar.setElideMode(Qt.TextElideMode.ElideNone)  # tabs without room are scrolled, not cut

    def save(self) -> tuple[bytes, bytes]:
        """The window's geometry and the arrangement of its docks, for ``restore``."""
        return bytes(self._window.saveGeometry().data()), bytes(self._window.saveState(STATE_VERSION).data())

    def restore(self, geometry: bytes, state: bytes) -> bool:
        """Restore a saved geometry and arrangement; ``False`` if they do not fit, and the window is unchanged."""
        fits = self._window.restoreGeometry(QByteArray(geometry))
        return self._restore_docks(QByteArray(state)) and fits

    def restore_state(self, state: bytes) -> bool:
        """Restore an arrangement without the window's geometry; ``False`` if it does not fit."""
        return self._restore_docks(QByteArray(state))

    def reset(self) -> None:
        """Restore the default arrangement."""
        self._restore_docks(self._default)

    def _set_columns(self, left: int, right: int) -> None:
        docks = [self.docks[name] for name in ("data", "curves", "decoded", "sliders")]
        self._window.resizeDocks(docks, [left, left, right, right], Qt.Orientation.Horizontal)

    def _restore_docks(self, state: QByteArray) -> bool:
        """Restore an arrangement; hide the tab bars before it, which Qt replaces but leaves visible."""
        before = self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
        fits = self._window.restoreState(state, STATE_VERSION)
        if fits:
            for bar in before:
                bar.hide()
        return fits
