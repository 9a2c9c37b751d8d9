"""The program's icons: SVG outlines drawn in the theme's text colours."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QWidget

from latentlab.gui.style.theme import current_theme
from latentlab.paths import resource

_NAME = "iconName"
_COLOUR = "iconColour"
_SIZES = (16, 24, 32, 48)


def pixmap(name: str, colour: str, size: int) -> QPixmap:
    """The icon ``name`` in ``colour``, ``size`` pixels on a side."""
    result = QPixmap(QSize(size, size))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    _outline(name, colour).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return result


@lru_cache(maxsize=256)
def icon(name: str, colour: str, disabled: str, checked: str) -> QIcon:
    """An icon in all sizes buttons use, with its disabled and checked colours."""
    result = QIcon()
    for size in _SIZES:
        result.addPixmap(pixmap(name, colour, size))
        result.addPixmap(pixmap(name, disabled, size), QIcon.Mode.Disabled)
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Active):
            result.addPixmap(pixmap(name, checked, size), mode, QIcon.State.On)
    return result


def set_icon(target: QAction | QAbstractButton, name: str, colour: str = "text") -> None:
    """Set an icon in one of the theme's colours, by name; ``recolour`` updates it when the theme changes."""
    target.setProperty(_NAME, name)
    target.setProperty(_COLOUR, colour)
    _paint(target)


def recolour(root: QWidget) -> None:
    """Redraw every icon below ``root`` after a palette change."""
    targets: list[QAction | QAbstractButton] = [*root.findChildren(QAbstractButton), *root.findChildren(QAction)]
    for target in targets:
        if target.property(_NAME):
            _paint(target)


def _paint(target: QAction | QAbstractButton) -> None:
    colours = current_theme()
    colour = getattr(colours, target.property(_COLOUR))
    target.setIcon(icon(target.property(_NAME), colour, colours.faint, colours.accent_text))


@lru_cache(maxsize=256)
def _outline(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_svg(name).replace("currentColor", colour).encode()))


@lru_cache(maxsize=64)
def _svg(name: str) -> str:
    return resource("icons", f"{name}.svg").read_text(encoding="utf-8")
