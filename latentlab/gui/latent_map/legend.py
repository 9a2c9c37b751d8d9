"""The classes: colour, marker and name of each, and a click that shows or hides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint, QPointF, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QFrame, QMenu, QScrollArea, QVBoxLayout, QWidget

from latentlab.gui.latent_map.layers.base import LegendContent
from latentlab.gui.latent_map.layers.markers import MARKERS, sprite
from latentlab.gui.latent_map.pictures import wrap_image
from latentlab.gui.plots.legend_row import ROW_PX, LegendRow
from latentlab.gui.style.theme import DARK, Theme
from latentlab.gui.widgets.plain_text import PlainLabel, set_tool_tip
from latentlab.utils.palettes import UNLABELLED, palette
from latentlab.utils.plain_text import NAME, as_line

MARKER_PX = 5.0
WIDEST_PX = 150
NO_CLASS = -1


@lru_cache(maxsize=512)
def marker_pixels(name: str, radius: float, colour: tuple[int, int, int]) -> npt.NDArray[np.uint32]:
    """One marker as premultiplied ARGB, uint32 [side, side], the radius in device pixels."""
    shape = sprite(name, radius)
    side = 2 * shape.reach + 1
    opaque = np.array([[*colour, 255]], np.uint8)
    pixels = np.zeros((side, side), np.uint32)
    pixels[shape.dy + shape.reach, shape.dx + shape.reach] = shape.table(opaque)[0]
    return pixels


class ClassSwitch(LegendRow):
    """One class: its marker and name; checked while its points are shown.

    Signals
    -------
    soloed
        A double click asks to show this class alone.
    """

    soloed = Signal()

    def __init__(self, number: int, name: str, marker: str) -> None:
        super().__init__(name)
        self._marker = marker
        self._colour: tuple[int, int, int] = UNLABELLED
        self.setObjectName("legendUnlabelled" if number == NO_CLASS else f"legendClass{number}")
        name = as_line(name, NAME)
        self.setAccessibleName(f"Class {name}")
        set_tool_tip(
            self, f"{name}: click to hide or show its points, double-click to show them alone, and again to show all"
        )
        self.setChecked(True)

    def set_colour(self, colour: Sequence[int]) -> None:
        """Draw the marker in this colour; shown with the next ``set_theme``."""
        red, green, blue = (int(level) for level in colour)
        self._colour = (red, green, blue)

    def sizeHint(self) -> QSize:
        """As wide as the name needs, within limits."""
        return super().sizeHint().boundedTo(QSize(WIDEST_PX, ROW_PX))

    def minimumSizeHint(self) -> QSize:
        """The same: a row does not shrink."""
        return self.sizeHint()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show this class alone."""
        event.accept()
        self.soloed.emit()

    def draw_mark(self, painter: QPainter, centre: QPointF, theme: Theme) -> None:
        """Draw the marker as the points are drawn, only larger."""
        ratio = self.devicePixelRatioF()
        pixels = marker_pixels(self._marker, MARKER_PX * ratio, self._colour)
        size = len(pixels) / ratio
        painter.drawImage(QRectF(centre.x() - size / 2, centre.y() - size / 2, size, size), wrap_image(pixels))


class Legend(QFrame):
    """All classes in a column, over a corner of the map.

    Signals
    -------
    shownChanged(object)
        The classes that are shown now, frozenset of int (-1: the points without one).
    """

    shownChanged = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("legend")
        self.setAccessibleName("Classes")
        self._theme: Theme = DARK
        self._content = LegendContent(())
        self._switches: dict[int, ClassSwitch] = {}
        self._at_press: frozenset[int] | None = None  # what was shown then: a double click begins with a click
        self._title = PlainLabel()
        self._title.setObjectName("legendTitle")
        self._title.setContentsMargins(6, 0, 4, 2)
        self._area = QScrollArea(self)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.viewport().setAutoFillBackground(False)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        around = QVBoxLayout(self)
        around.setContentsMargins(4, 4, 4, 4)
        around.setSpacing(0)
        around.addWidget(self._title)
        around.addWidget(self._area)
        self.hide()

    def set_content(self, content: LegendContent) -> None:
        """List these classes, and a row for points without one; the switches of the same list stay as they are."""
        if content == self._content:
            return
        before, self._content = self._content, content
        self._title.setText(as_line(content.title, NAME))
        self._title.setVisible(bool(content.title))
        if replace(before, title="") == replace(content, title=""):
            return
        numbers = [*range(len(content.names)), *([NO_CLASS] if content.has_unlabelled else [])]
        self._switches = {number: self._make_switch(number) for number in numbers}
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for switch in self._switches.values():
            column.addWidget(switch)
        self._area.setWidget(body)
        body.setAutoFillBackground(False)
        self.set_theme(self._theme)

    def _make_switch(self, number: int) -> ClassSwitch:
        has_own_marker = number != NO_CLASS and not self._content.is_ordered
        marker = MARKERS[number % len(MARKERS) if has_own_marker else 0]
        name = self._content.unlabelled if number == NO_CLASS else self._content.names[number]
        switch = ClassSwitch(number, name, marker)
        switch.pressed.connect(self._on_switch_pressed)
        switch.toggled.connect(lambda: self.shownChanged.emit(self.shown()))
        switch.soloed.connect(lambda: self._on_switch_soloed(number))
        return switch

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to choose between."""
        return len(self._switches) < 2

    def shown(self) -> frozenset[int]:
        """The classes that are switched on."""
        return frozenset(number for number, switch in self._switches.items() if switch.isChecked())

    def hidden(self) -> frozenset[int]:
        """The classes that are switched off."""
        return frozenset(self._switches) - self.shown()

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self._theme = theme
        self._title.setStyleSheet(f"color: {theme.text}; background: transparent; font-weight: 600;")
        colours = palette(len(self._content.names), theme.is_dark, self._content.is_ordered)
        for number, switch in self._switches.items():
            switch.set_colour(UNLABELLED if number == NO_CLASS else colours[number])
            switch.set_theme(theme)
        self.update()

    def place(self, corner: QPoint, height: int) -> None:
        """Put the upper right corner there, no taller than that; what does not fit scrolls."""
        widths = [switch.sizeHint().width() for switch in self._switches.values()]
        title = self._title.sizeHint() if self._content.title else QSize(0, 0)
        wide, tall = max([*widths, min(title.width(), WIDEST_PX)], default=0), ROW_PX * len(widths) + title.height() + 8
        bar = 0 if tall <= height else self._area.verticalScrollBar().sizeHint().width()
        least = ROW_PX + title.height() + 8
        self.setGeometry(corner.x() - wide - bar - 8, corner.y(), wide + bar + 8, min(tall, max(height, least)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the panel's background."""
        paint_ground(self, self._theme)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to show all classes, by a right click or the Menu key."""
        menu = QMenu(self)
        entry = menu.addAction("Show all", self.show_all)
        entry.setObjectName("legendShowAll")
        entry.setEnabled(bool(self.hidden()))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def show_all(self) -> None:
        """Show the points of all classes."""
        self._show_only(frozenset(self._switches))

    def _on_switch_pressed(self) -> None:
        self._at_press = self.shown()

    def _on_switch_soloed(self, number: int) -> None:
        """Show one class alone; all again if it was alone before the double click."""
        before, self._at_press = self._at_press, None
        is_alone = (self.shown() if before is None else before) == {number}
        self._show_only(frozenset(self._switches if is_alone else [number]))

    def _show_only(self, wanted: frozenset[int]) -> None:
        before = self.shown()
        for each, switch in self._switches.items():
            with QSignalBlocker(switch):
                switch.setChecked(each in wanted)
            switch.update()
        if wanted != before:
            self.shownChanged.emit(wanted)


def paint_ground(widget: QWidget, theme: Theme) -> None:
    """Paint a rounded, nearly opaque background under a small panel over the map."""
    size, ratio = widget.size(), widget.devicePixelRatioF()
    with QPainter(widget) as painter:
        painter.drawPixmap(0, 0, _ground(size.width(), size.height(), ratio, theme))


@lru_cache(maxsize=32)
def _ground(width: int, height: int, ratio: float, theme: Theme) -> QPixmap:
    """The background as a picture: panels over the map are painted with every frame."""
    pixmap = QPixmap(round(width * ratio), round(height * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    background, rim = QColor(theme.raised), QColor(theme.control)
    background.setAlpha(224)
    rim.setAlpha(70)
    painter.setPen(QPen(rim, 1))
    painter.setBrush(background)
    painter.drawRoundedRect(QRectF(0.5, 0.5, width - 1, height - 1), 6, 6)
    painter.end()
    return pixmap
