"""An image's posterior on the shown axes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform

from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.layers.strokes import SHADE, stroke
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]
MEAN_PX = 3.0
CHI_95 = 2.4477
"""Radius, in standard deviations, that holds 95 % of a normal distribution in the plane."""


class PosteriorLayer(Layer):
    """The mean of a posterior, and its ellipses of one standard deviation and of 95 %."""

    name = "posterior"
    title = "Posterior"
    about = "of the opened image or the data point whose latent is committed"
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
            path = self._outline(self._mean, sigmas, view)
            painter.fillPath(path, tint)
            stroke(painter, path, accent, width)
        painter.setPen(QPen(SHADE, 1))
        painter.setBrush(accent)
        painter.drawEllipse(view.point(self._mean), MEAN_PX, MEAN_PX)

    def _area(self) -> QRectF:
        """What it covers of the view, in logical pixels."""
        if self._mean is None:
            return QRectF()
        room = MEAN_PX + 5.0
        area = self._outline(self._mean, CHI_95, self.view()).boundingRect()
        return area.adjusted(-room, -room, room, room) & self.boundingRect()

    def _outline(self, mean: FloatArray, sigmas: float, view: View) -> QPainterPath:
        """The ellipse ``sigmas`` standard deviations from the mean, in logical pixels."""
        # Qt's own ellipse, mapped: a polygon of many corners takes three times as long to paint.
        circle = QPainterPath()
        circle.addEllipse(QPointF(0, 0), sigmas, sigmas)
        centre = view.point(mean)
        first, second = (view.point(mean + axis) - centre for axis in self._axes.T)
        return QTransform(first.x(), first.y(), second.x(), second.y(), centre.x(), centre.y()).map(circle)
