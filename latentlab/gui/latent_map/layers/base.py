"""What every layer of the latent map is: an item of the view box with a name, a switch, an opacity and a legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from latentlab.gui.latent_map.coverage import Coverage
from latentlab.gui.latent_map.view import View
from latentlab.gui.style.theme import DARK, Theme

NO_CLASS_NAME = "no class"


@dataclass(frozen=True)
class LayerState:
    """One layer as the user sees it.

    Attributes
    ----------
    name : str
        What programs call it.
    title : str
        What the user reads.
    visible : bool
        Whether it is drawn.
    opacity : float
        From 0, invisible, to 1.
    unavailable : str
        Why it cannot be drawn now, whatever its switch; empty if it can.
    choices : tuple of (str, str, str)
        What it can show: name, title, and why it cannot be chosen now (empty if it can); empty without a choice.
    choice : str
        Name of the one that it shows.
    about : str
        What is shown, where the title does not say it.
    """

    name: str
    title: str
    visible: bool
    opacity: float
    unavailable: str = ""
    choices: tuple[tuple[str, str, str], ...] = ()
    choice: str = ""
    about: str = ""


@dataclass(frozen=True)
class LegendContent:
    """What the legend lists for a layer.

    Attributes
    ----------
    names : tuple of str
        A name for each class, in order.
    has_unlabelled : bool
        Whether there are points without a class.
    is_ordered : bool
        Whether the classes are steps of a value, coloured from dark to bright.
    title : str
        What the classes or values are of; may be empty.
    unlabelled : str
        What points without a class are called.
    """

    names: tuple[str, ...]
    has_unlabelled: bool = False
    is_ordered: bool = False
    title: str = ""
    unlabelled: str = NO_CLASS_NAME


class Layer(pg.GraphicsObject):  # type: ignore[misc]
    """A layer fills the view box and paints in its logical pixels.

    Items in the axes' units would be transformed, and their pens and images with them; here a pixel stays a pixel,
    and an image made for this view is copied, not resampled. `View` maps points of the axes to pixels.

    A new layer is a subclass that sets ``name`` and ``title`` and implements ``draw``, and one line in `LayerStack`.

    Attributes
    ----------
    name, title : str
        What programs call the layer, and what the user reads.
    about : str
        What is shown, for the tooltip, where the title does not say it.
    visible_at_first, opacity_at_first
        The layer's switch and opacity when the map is made.
    needs_coverage : bool
        Whether ``set_coverage`` is to be called with where the points are, while the layer is visible.
    choices : tuple of (str, str)
        Name and title of each thing that the layer can show instead of the others.
    kept : bool
        Whether Qt keeps a picture of what was painted until ``update``: for what is costly to paint and seldom changes.
        Keeping costs a copy in every frame that pans or zooms.

    Signals
    -------
    stateChanged(object)
        The layer was switched or faded: its `LayerState`.
    legendChanged
        ``legend`` returns something else.
    valuesChanged
        ``scale_texts`` and ``read_out`` return something else.
    choiceEdited(str)
        The user wants the layer to show this choice.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    about: ClassVar[str] = ""
    visible_at_first: ClassVar[bool] = True
    opacity_at_first: ClassVar[float] = 1.0
    needs_coverage: ClassVar[bool] = False
    choices: ClassVar[tuple[tuple[str, str], ...]] = ()
    kept: ClassVar[bool] = False

    stateChanged = Signal(object)
    legendChanged = Signal()
    valuesChanged = Signal()
    choiceEdited = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.theme: Theme = DARK
        self._rect = QRectF()
        self._unavailable = ""
        self._refused: dict[str, str] = {}
        self._choice = self.choices[0][0] if self.choices else ""
        self.setVisible(self.visible_at_first)
        self.setOpacity(self.opacity_at_first)
        if self.kept:
            self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    # --- as the user sees it ----------------------------------------------------------------------

    def state(self) -> LayerState:
        """The layer's switch, opacity and choice now."""
        choices = tuple((name, title, self._refused.get(name, "")) for name, title in self.choices)
        visible, opacity = self.isVisible(), self.opacity()
        return LayerState(self.name, self.title, visible, opacity, self._unavailable, choices, self._choice, self.about)

    def set_unavailable(self, reason: str) -> None:
        """Draw nothing and say why; an empty reason draws it again."""
        before = self.state()
        self._unavailable = reason
        self._announce(before)

    def set_choice(self, choice: str, refused: dict[str, str] | None = None) -> None:
        """Show one of ``choices``; ``refused`` says which of them cannot be chosen, and why."""
        before = self.state()
        self._choice, self._refused = choice, refused or {}
        self._announce(before)

    def _announce(self, before: LayerState) -> None:
        if self.state() != before:
            self.update()
            self.stateChanged.emit(self.state())

    def set_state(self, visible: bool | None = None, opacity: float | None = None) -> None:
        """Switch the layer on or off, or draw it with an opacity between 0 and 1 (clipped)."""
        before = self.state()
        if visible is not None:
            self.setVisible(visible)
        if opacity is not None:
            self.setOpacity(float(np.clip(opacity, 0.0, 1.0)))
        self._announce(before)

    def legend(self) -> LegendContent | None:
        """What the legend lists while the layer is visible; None for a layer without one."""
        return None

    def scale_texts(self) -> tuple[str, str] | None:
        """The values at both ends of the layer's scale; None for a layer without one, and while it shows nothing."""
        return None

    def read_out(self, xy: npt.ArrayLike) -> str:
        """What is written for the place (x, y) of the axes at the pointer; empty where there is no value."""
        return ""

    # --- what it is given -------------------------------------------------------------------------

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        self.theme = theme
        self.update()

    def set_coverage(self, coverage: Coverage | None) -> None:
        """Use where the points are; None if there are none."""

    # --- painting ---------------------------------------------------------------------------------

    def view(self) -> View:
        """What is in view now."""
        view: View = self.getViewBox().view()
        return view

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return False

    def is_shown(self) -> bool:
        """Whether something of the layer can be seen."""
        return self.isVisible() and self.opacity() > 0 and not self._unavailable and not self.is_blank()

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint in logical pixels from the view's top left corner."""
        raise NotImplementedError

    def draw_exactly(self, painter: QPainter, view: View) -> None:
        """Paint in full for a picture of another size, without what is kept for the screen."""
        self.draw(painter, view)

    def viewRangeChanged(self) -> None:
        """Paint again after a zoom or pan (called by pyqtgraph)."""
        self.update()

    def viewChanged(self, view: pg.ViewBox | None, oldView: pg.ViewBox | None) -> None:
        """Fill the view box that the layer was put into (called by pyqtgraph)."""
        if view is not None:
            view.sigResized.connect(self._on_view_resized)
            self._on_view_resized(view)

    def _on_view_resized(self, view: pg.ViewBox) -> None:
        self.prepareGeometryChange()
        self._rect = view.rect()
        self.viewRangeChanged()

    def boundingRect(self) -> QRectF:
        """The whole view; Qt asks every layer many times for each frame."""
        return self._rect

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Paint the layer as it looks in this view."""
        if self._unavailable or self.is_blank():
            return
        painter.save()
        # The view box clips its children half a pixel too late on its lower and right edges.
        painter.setClipRect(self._rect, Qt.ClipOperation.IntersectClip)
        self.draw(painter, self.view())
        painter.restore()
