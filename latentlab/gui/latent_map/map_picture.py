"""The map as a picture of any size: drawn anew with its axes and its legend, without buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QLinearGradient, QPainter, QPainterPath, QPen

from latentlab.gui.latent_map.layer_stack import LayerStack
from latentlab.gui.latent_map.layers.base import Layer, LegendContent
from latentlab.gui.latent_map.layers.markers import MARKERS, OUTLINE_ALPHA, OUTLINE_COLOUR, OUTLINE_PX, outline
from latentlab.gui.latent_map.layers.strokes import polygon
from latentlab.gui.latent_map.layers.trust import TrustLayer
from latentlab.gui.latent_map.legend import NO_CLASS
from latentlab.gui.latent_map.pictures import draw_image, to_argb, wrap_image
from latentlab.gui.latent_map.ramp_scale import DIMMING, DISTANCE
from latentlab.gui.latent_map.view import AXIS_HEIGHT, AXIS_WIDTH, MARGIN, Range, View
from latentlab.gui.plots.axis import TICK_PX, Axis, tick_labels
from latentlab.gui.plots.painted import painted_image, painted_pixels, painted_svg
from latentlab.gui.style.theme import Theme
from latentlab.utils.palettes import UNLABELLED, palette
from latentlab.utils.plain_text import NAME, as_line

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.floating]
FONT_PX, NAME_PX = 11, 12  # of numbers and of names
_MARKER_PX = 4.5
_ROW_PX, _INSET, _MARK_PX = 16, 8, 12  # of the legend: height of a row, distance to the edge, room for a marker
_RAMP_PX = 40
_ROUND = Qt.PenJoinStyle.RoundJoin
_LONGEST_NAME = 32
VECTORS = ("neighbours", "posterior", "path", "cursor")
"""Layers that an SVG file has as vectors; all others are in one embedded raster."""


@dataclass(frozen=True)
class Tiles:
    """A decoded manifold: uint8 [rows, columns, h, w] or [rows, columns, h, w, 3], the lowest row first."""

    images: ByteArray
    x_range: Range
    y_range: Range

    def pixels(self) -> npt.NDArray[np.uint32]:
        """All of it as one picture, ARGB [H, W]."""
        rows, columns = self.images.shape[:2]
        cells = to_argb(self.images.reshape(rows * columns, *self.images.shape[2:]), axes=3)
        height, width = cells.shape[1:]
        grid = cells.reshape(rows, columns, height, width)[::-1].swapaxes(1, 2)
        return np.ascontiguousarray(grid.reshape(rows * height, columns * width))


def inner_size(width: int, height: int) -> tuple[int, int]:
    """Size in logical pixels of the plot in a picture of this size."""
    return max(16, width - AXIS_WIDTH - MARGIN), max(16, height - AXIS_HEIGHT - MARGIN)


class MapPicture:
    """What is on the map, for one size.

    Parameters
    ----------
    layers
        What is drawn.
    axes
        Whose names and numbers are drawn, the horizontal one first.
    scales
        Name, values at both ends and colours of each layer's scale.
    view
        What part of the plane is shown, the plot's size in logical pixels, and how many pixels each of these has.

    Attributes
    ----------
    tiles
        The manifold, decoded for this picture; ``None`` draws the one on the screen.
    """

    def __init__(
        self,
        layers: LayerStack,
        axes: tuple[Axis, Axis],
        scales: Sequence[tuple[str, tuple[str, str], Sequence[QColor]]],
        view: View,
    ) -> None:
        self._layers, self._axes, self.view = layers, axes, view
        self._scales = [(name, texts, colours) for name, texts, colours in scales if name != DISTANCE]
        self._theme: Theme = layers.manifold.theme
        self._trust: TrustLayer | None = None
        self.tiles: Tiles | None = None

    def set_distances(self, distances: FloatArray, x_range: Range, y_range: Range, scale: Range) -> None:
        """Dim by these distances, which were measured for this picture; see `LatentMap.set_distances`."""
        self._trust = TrustLayer(lambda _view: QPainterPath())
        self._trust.set_theme(self._theme)
        self._trust.set_distances(distances, x_range, y_range, scale)
        texts = self._trust.scale_texts()
        if texts is not None:
            self._scales.append((DISTANCE, texts, DIMMING))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in logical pixels."""
        return self.view.width_px + AXIS_WIDTH + MARGIN, self.view.height_px + AXIS_HEIGHT + MARGIN

    def image(self) -> ByteArray:
        """All of it, uint8 [H, W, 3]."""
        drawn = self._drawn_layers()
        return painted_pixels(self.size, self.view.ratio, lambda painter: self._paint(painter, drawn))

    def svg(self, description: str = "") -> bytes:
        """All of it as an SVG file: points and decoded images as one embedded raster, the rest as vectors."""
        drawn = self._drawn_layers()
        flat = [layer for layer in drawn if layer.name not in VECTORS]
        shapes = [layer for layer in drawn if layer.name in VECTORS]
        plot = (self.view.width_px, self.view.height_px)
        raster = painted_image(plot, self.view.ratio, lambda painter: self._paint_layers(painter, flat))
        paint = partial(self._paint, layers=shapes, raster=raster)
        return painted_svg(self.size, self.view.ratio, paint, "Latent map", description)

    # --- the plot -----------------------------------------------------------------------------------

    def _drawn_layers(self) -> list[Layer]:
        """What is seen, from the lowest, with the points that stand out over all points."""
        drawn: list[Layer] = []
        for layer in self._layers:
            if layer is self._layers.trust:
                is_drawn = self._trust is not None
            else:
                is_drawn = layer.is_shown() or (layer is self._layers.manifold and self._has_tiles())
            if is_drawn:
                drawn.append(layer)
            if layer is self._layers.points and not self._layers.selected_points.is_blank():
                drawn.append(self._layers.selected_points)
        return drawn

    def _has_tiles(self) -> bool:
        manifold = self._layers.manifold
        return self.tiles is not None and manifold.isVisible() and not manifold.state().unavailable

    def _paint(self, painter: QPainter, layers: Sequence[Layer], raster: QImage | None = None) -> None:
        painter.fillRect(QRectF(0, 0, *self.size), QColor(self._theme.map))
        painter.save()
        painter.translate(AXIS_WIDTH, MARGIN)
        if raster is not None:
            painter.drawImage(self.view.rect(), raster)
        self._paint_layers(painter, layers, has_ground=raster is None)
        painter.restore()
        self._paint_axes(painter)
        self._paint_legend(painter)
        self._paint_scales(painter)

    def _paint_layers(self, painter: QPainter, layers: Sequence[Layer], has_ground: bool = True) -> None:
        view = self.view
        painter.setClipRect(view.rect())
        if has_ground:
            painter.fillRect(view.rect(), QColor(self._theme.map))
        for layer in layers:
            painter.save()
            painter.setOpacity(layer.opacity())
            if layer is self._layers.manifold and self.tiles is not None:
                pixels = self.tiles.pixels()
                painter.fillRect(view.rect(), QColor(self._theme.map))
                draw_image(painter, view, wrap_image(pixels), self.tiles.x_range, self.tiles.y_range)
            elif layer is self._layers.trust and self._trust is not None:
                self._trust.draw_exactly(painter, view)
            else:
                layer.draw_exactly(painter, view)
            painter.restore()

    # --- axes ---------------------------------------------------------------------------------------

    def _paint_axes(self, painter: QPainter) -> None:
        view, theme = self.view, self._theme
        numbers, names = _font(FONT_PX), _font(NAME_PX, bold=True)
        metrics, bold = QFontMetricsF(numbers), QFontMetricsF(names)
        left, bottom = float(AXIS_WIDTH), float(MARGIN + view.height_px)
        x_name, y_name = (as_line(axis.name, _LONGEST_NAME) for axis in self._axes)
        painter.setPen(QPen(QColor(theme.control), 1))
        painter.drawLine(QPointF(left, MARGIN), QPointF(left, bottom))
        painter.drawLine(QPointF(left, bottom), QPointF(left + view.width_px, bottom))
        painter.setFont(numbers)
        room = bold.horizontalAdvance(x_name) + 2 * _INSET
        for value, text in _ticks(self._axes[0], view.x_range, view.width_px):
            x = left + view.to_pixel((value, view.y_min))[0]
            wide = metrics.horizontalAdvance(text)
            painter.setPen(QPen(QColor(theme.control), 1))
            painter.drawLine(QPointF(x, bottom), QPointF(x, bottom + TICK_PX))
            if x + wide / 2 < left + view.width_px - room:
                painter.setPen(QColor(theme.dim))
                painter.drawText(QPointF(x - wide / 2, bottom + TICK_PX + 1 + metrics.ascent()), text)
        for value, text in _ticks(self._axes[1], view.y_range, view.height_px):
            y = MARGIN + view.to_pixel((view.x_min, value))[1]
            painter.setPen(QPen(QColor(theme.control), 1))
            painter.drawLine(QPointF(left - TICK_PX, y), QPointF(left, y))
            at = QPointF(left - TICK_PX - 3 - metrics.horizontalAdvance(text), y + metrics.ascent() / 2 - 1)
            is_beside = at.x() > 4 + bold.horizontalAdvance(y_name) + 2
            if is_beside or y > MARGIN + bold.height() + FONT_PX / 2:
                painter.setPen(QColor(theme.dim))
                painter.drawText(at, text)
        painter.setFont(names)
        painter.setPen(QColor(theme.text))
        end = left + view.width_px - bold.horizontalAdvance(x_name)
        painter.drawText(QPointF(end, bottom + TICK_PX + 1 + bold.ascent()), x_name)
        wide = bold.horizontalAdvance(y_name)
        if wide > AXIS_WIDTH - 4:  # reaches into the plot
            painter.fillRect(QRectF(0, 0, wide + 8, bold.height() + 4), QColor(theme.map))
        painter.drawText(QPointF(4, 2 + bold.ascent()), y_name)

    # --- legend and scales --------------------------------------------------------------------------

    def _paint_legend(self, painter: QPainter) -> None:
        content = self._layers.legend()
        if content is None:
            return
        hidden = self._layers.points.hidden
        numbers = [*range(len(content.names)), *([NO_CLASS] if content.has_unlabelled else [])]
        if len(numbers) < 2:
            return
        rows = [number for number in numbers if number not in hidden]
        font, bold = _font(FONT_PX), _font(FONT_PX, bold=True)
        metrics = QFontMetricsF(font)
        title = as_line(content.title, NAME)
        fits = max(1, int((self.view.height_px - 4 * _INSET) // _ROW_PX) - bool(title) - 1)
        texts = [(number, _name_of(content, number)) for number in rows]
        if len(texts) > fits:
            texts = [*texts[:fits], (None, f"and {len(rows) - fits:,} more")]
        widest = max([metrics.horizontalAdvance(text) for _, text in texts] or [0.0])
        wide = max(widest + 2 * _MARK_PX, QFontMetricsF(bold).horizontalAdvance(title)) + 2 * _INSET
        tall = _ROW_PX * (len(texts) + bool(title)) + _INSET
        left, top = AXIS_WIDTH + self.view.width_px - wide - _INSET, float(MARGIN + _INSET)
        self._paint_ground(painter, QRectF(left, top, wide, tall))
        top += _INSET / 2
        if title:
            painter.setFont(bold)
            painter.setPen(QColor(self._theme.text))
            painter.drawText(QPointF(left + _INSET, top + metrics.ascent() + 1), title)
            top += _ROW_PX
        painter.setFont(font)
        colours = palette(len(content.names), self._theme.is_dark, content.is_ordered)
        for number, text in texts:
            middle = top + _ROW_PX / 2
            if number is not None:
                colour = UNLABELLED if number == NO_CLASS else colours[number % len(colours)]
                has_own = number != NO_CLASS and not content.is_ordered
                marker = MARKERS[number % len(MARKERS) if has_own else 0]
                self._paint_marker(painter, marker, colour, QPointF(left + _INSET + _MARK_PX / 2, middle))
            painter.setPen(QColor(self._theme.text))
            painter.drawText(QPointF(left + _INSET + 2 * _MARK_PX - 4, middle + metrics.ascent() / 2 - 1), text)
            top += _ROW_PX

    def _paint_marker(self, painter: QPainter, marker: str, colour: Sequence[int], centre: QPointF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shade = QColor(*OUTLINE_COLOUR, round(255 * OUTLINE_ALPHA))
        painter.setPen(QPen(shade, 2 * OUTLINE_PX, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, _ROUND))
        shape = polygon(outline(marker, _MARKER_PX) + np.array([centre.x(), centre.y()]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolygon(shape)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(*(int(level) for level in colour[:3])))
        painter.drawPolygon(shape)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_scales(self, painter: QPainter) -> None:
        font = _font(FONT_PX)
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        bottom = float(MARGIN + self.view.height_px - _INSET)
        for name, (low, high), colours in self._scales:
            parts = [metrics.horizontalAdvance(text) for text in (name, low, high)]
            wide, tall = sum(parts) + _RAMP_PX + 5 * _INSET, _ROW_PX + 4.0
            left, top = AXIS_WIDTH + float(_INSET), bottom - tall
            self._paint_ground(painter, QRectF(left, top, wide, tall))
            baseline = top + tall / 2 + metrics.ascent() / 2 - 1
            painter.setPen(QColor(self._theme.text))
            x = left + _INSET
            painter.drawText(QPointF(x, baseline), name)
            x += parts[0] + _INSET
            painter.drawText(QPointF(x, baseline), low)
            x += parts[1] + _INSET
            ramp = QRectF(x, top + tall / 2 - 4, _RAMP_PX, 8)
            gradient = QLinearGradient(ramp.topLeft(), ramp.topRight())
            for number, colour in enumerate(colours):
                gradient.setColorAt(number / (len(colours) - 1), colour)
            painter.fillRect(ramp, gradient)
            painter.drawText(QPointF(x + _RAMP_PX + _INSET, baseline), high)
            bottom = top - _INSET / 2

    def _paint_ground(self, painter: QPainter, area: QRectF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.colour("control", 70), 1))
        painter.setBrush(self._theme.colour("raised", 224))
        painter.drawRoundedRect(area, 6, 6)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _name_of(content: LegendContent, number: int) -> str:
    name = content.unlabelled if number == NO_CLASS else content.names[number]
    return as_line(name, _LONGEST_NAME)


def _font(pixels: int, bold: bool = False) -> QFont:
    """The same letters on every screen and without one: no hints and no colours for a screen's pixels."""
    font = QFont("sans-serif")
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(pixels)
    font.setBold(bold)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    font.setStyleStrategy(QFont.StyleStrategy.NoSubpixelAntialias)
    return font


def _ticks(axis: Axis, shown: Range, size: int) -> list[tuple[float, str]]:
    """Positions and numbers of an axis that is ``size`` logical pixels long."""
    spacing, values = axis.tickValues(*shown, size)[0]
    return list(zip(values, tick_labels(values, spacing or 1.0), strict=True))
