"""An image's posterior on the shown axes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.layers.strokes import SHADE, polygon, stroke
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]
MEAN_PX = 3.0
CHI_95 = 2.4477
"""Radius, in standard deviations, that holds 95 % of a normal distribution in the plane."""


class PosteriorLayer(Layer):
    """The mean of a posterior, and its ellipses of one standard deviation and of 95 %."""

    name = "posterior"
    title = "Posterior"
    kept = True

    def __init__(self) -> None:
        super().__init__()
        self._mean: FloatArray | None = None
        self._axes: FloatArray = np.zeros((2, 2))

    def set_posterior(self, mean: npt.ArrayLike | None, covariance: npt.ArrayLike | None) -> None:
        """Draw the posterior with this mean (x, y) and covariance [2, 2] (None: a point without spread)."""
        before = self._area()
        self._mean = None if mean is None else np.asarray(mean, float).reshape(2)
        self._axes = np.zeros((2, 2))
        if self._mean is not None and covariance is not None:
            values, vectors = np.linalg.eigh(np.asarray(covariance, float).reshape(2, 2))
            self._axes = vectors * np.sqrt(np.maximum(values, 0.0))
        for area in (before, self._area()):
            if not area.isEmpty():
                self.update(area)

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return self._mean is None

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint both ellipses and the mean."""
        if self._mean is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent = QColor(self.theme.mark)
        tint = QColor(accent)
        tint.setAlpha(40)
        for sigmas, width in ((CHI_95, 1.2), (1.0, 1.8)):
            path = QPainterPath()
            path.addPolygon(polygon(view.to_pixel(self._outline(self._mean, sigmas))))
            painter.fillPath(path, tint)
            stroke(painter, path, accent, width)
        painter.setPen(QPen(SHADE, 1))
        painter.setBrush(accent)
        painter.drawEllipse(view.point(self._mean), MEAN_PX, MEAN_PX)

    def _area(self) -> QRectF:
        """What it covers of the view, in logical pixels."""
        if self._mean is None:
            return QRectF()
        pixels = self.view().to_pixel(self._outline(self._mean, CHI_95))
        (left, top), (right, bottom) = pixels.min(axis=0), pixels.max(axis=0)
        room = MEAN_PX + 5.0
        return QRectF(left - room, top - room, right - left + 2 * room, bottom - top + 2 * room) & self.boundingRect()

    def _outline(self, mean: FloatArray, sigmas: float) -> FloatArray:
        """Points [65, 2] on the axes, ``sigmas`` standard deviations from the mean all round."""
        angle = np.linspace(0.0, 2 * np.pi, 65)
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return np.asarray(mean + sigmas * circle @ self._axes.T)
