"""The map with the small panels that lie over it: legend, layers, notes and the message of an empty map."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QWidget

from latentlab.gui.colours import theme
from latentlab.gui.latent_map.layer_panel import LayerPanel
from latentlab.gui.latent_map.layer_stack import LayeredPlot
from latentlab.gui.latent_map.legend import Legend
from latentlab.gui.latent_map.overlay_widgets import INSET, Banner, CornerTools, EnterWatch, Message, Note, at_corner

FAR_FROM_DATA = "far from data"


class PanelledPlot(LayeredPlot):
    """A layered plot with its panels; it follows the palette from light to dark.

    Signals
    -------
    classesShownChanged(object)
        The classes that the legend shows now, frozenset of int (-1: points without one).
    layerChanged(str, bool, float)
        A layer's name, whether it is drawn, and its opacity.
    messageClicked()
        The button of the empty map's message was clicked.
    pointerCovered()
        The pointer has gone from the map onto a panel that lies over it.
    """

    classesShownChanged = Signal(object)
    layerChanged = Signal(str, bool, float)
    messageClicked = Signal()
    pointerCovered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own_theme: bool | None = None
        self._fresh: dict[str, str] = {}
        self._message_clicked: Callable[[], object] | None = None
        self._make_panels()
        self._apply_palette()

    def _make_panels(self) -> None:
        """Make the small panels that lie over the map, and join them with what they show."""
        over = self.viewport()
        self._legend = Legend(over)
        self._legend.shownChanged.connect(self._on_legend_changed)
        self._tools = CornerTools(over)
        self._tools.fitClicked.connect(self.fit_to_points)
        self._layer_panel = LayerPanel(self.layers(), over)
        self._layer_panel.visibleEdited.connect(self.set_layer_visible)
        self._layer_panel.opacityEdited.connect(self.set_layer_opacity)
        self._tools.layersToggled.connect(self._on_layers_toggled)
        self._freshness = Note("mapFreshness", "Freshness of the map", over)
        self._past = Banner("mapPast", "Epoch that is looked at", over)
        self._badge = Note("mapFarFromData", "Far from data", over)
        self._message = Message(over)
        self._message.clicked.connect(self._on_message_clicked)
        self._watch = EnterWatch(self)
        self._watch.watch(self._legend, self._tools, self._layer_panel, self._message)
        self._watch.entered.connect(self.pointerCovered)

    # --- what is said over the map ----------------------------------------------------------------------------

    def set_points(
        self,
        xy: npt.ArrayLike | None,
        labels: npt.ArrayLike | None = None,
        class_names: Sequence[str] = (),
        ordered: bool = False,
    ) -> None:
        """Draw the encoded points and list their classes; see `LayeredPlot.set_points`."""
        super().set_points(xy, labels, class_names, ordered)
        classes = len(self._points.classes()) - 1
        names = [*class_names, *(str(number) for number in range(len(class_names), classes))]
        has_unlabelled = labels is not None and bool((np.asarray(labels) < 0).any())
        self._legend.set_classes(names if len(self._points.xy) else (), has_unlabelled, ordered)
        self._points.set_hidden(self._legend.hidden())
        self._place_panels()

    def set_classes_shown(self, shown: Iterable[int]) -> None:
        """Draw the points of these classes only (-1: those without one), here and in the legend."""
        shown = frozenset(shown)
        super().set_classes_shown(shown)
        self._legend.set_shown(shown)

    def set_layer_visible(self, name: str, visible: bool) -> None:
        """Show or hide a layer by its name, one of those in ``layers()``."""
        super().set_layer_visible(name, visible)
        self._tell_layer(name)

    def set_layer_opacity(self, name: str, opacity: float) -> None:
        """Draw a layer with an opacity between 0 and 1 (clipped)."""
        super().set_layer_opacity(name, opacity)
        self._tell_layer(name)

    def set_message(self, text: str | None, button: str = "", clicked: Callable[[], object] | None = None) -> None:
        """Say in one line what would fill the empty map, and offer the button that does.

        Parameters
        ----------
        text : str or None
            The line; None or an empty one takes the message away.
        button : str
            What the button reads; none is shown without.
        clicked : callable, optional
            Called when it is clicked, in the place of the one before; ``messageClicked`` is emitted besides.
        """
        self._message_clicked = clicked
        self._message.say(text or "", button)
        self._place_panels()

    def set_freshness(self, text: str, part: str = "points") -> None:
        """Say how fresh the map is, for instance "epoch 3 · 0.4 s ago"; an empty text says nothing.

        What is said of another ``part`` than the points stands behind what is said of them.
        """
        self._fresh[part] = text
        points = self._fresh.get("points")
        said = (
            " · ".join([points, *(text for name, text in self._fresh.items() if text and name != "points")])
            if points
            else ""
        )
        if said != self._freshness.text():
            self._freshness.say(said)
            self._place_panels()

    def set_past(self, text: str) -> None:
        """Say that the map shows a past epoch; an empty text says nothing."""
        self._past.say(text)
        self._place_panels()

    def set_far_from_data(self, far: bool) -> None:
        """Say that the latent shown, previewed or committed, is far from all data; the caller measures it."""
        words = FAR_FROM_DATA if far else ""
        if words != self._badge.text() or far != self._badge.isVisibleTo(self.viewport()):
            self._badge.say(words)
            self._place_panels()

    def _tell_layer(self, name: str) -> None:
        layer = self._layers[name]
        self._layer_panel.show_layer(layer)
        self.layerChanged.emit(name, layer.visible, layer.opacity)

    def _place_panels(self) -> None:
        """Lay the panels into their corners."""
        inside = self.box.mapRectToScene(self.box.rect()).toAlignedRect()
        at_corner(self._tools, inside, Qt.Corner.TopRightCorner)
        at_corner(self._layer_panel, inside, Qt.Corner.TopRightCorner, self._tools.height() + INSET)
        at_corner(self._freshness, inside, Qt.Corner.BottomRightCorner)
        at_corner(self._past, inside, Qt.Corner.TopLeftCorner)
        at_corner(self._badge, inside, Qt.Corner.BottomLeftCorner)
        self._message.move(inside.center() - self._message.rect().center())
        top = inside.top() + 2 * INSET + self._tools.height()
        self._legend.place(QPoint(inside.right() - INSET, top), inside.bottom() - top - 5 * INSET)
        self._legend.setVisible(not self._legend.is_empty and not self._layer_panel.isVisibleTo(self.viewport()))

    def _on_layers_toggled(self, shown: bool) -> None:
        self._layer_panel.setVisible(shown)
        self._layer_panel.raise_()
        self._place_panels()

    def close_layer_panel(self) -> bool:
        """Fold the layer panel away; tells whether it was open."""
        was_open = self._layer_panel.isVisibleTo(self.viewport())
        if was_open:
            self._tools.set_layers_shown(False)
        return was_open

    def _on_legend_changed(self, shown: frozenset[int]) -> None:
        self._points.set_hidden(self._legend.hidden())
        self.classesShownChanged.emit(shown)

    def _on_message_clicked(self) -> None:
        if self._message_clicked is not None:
            self._message_clicked()
        self.messageClicked.emit()

    # --- how it looks -----------------------------------------------------------------------------------------

    def set_theme(self, dark: bool) -> None:
        """Draw for a dark or a light window from now on, whatever the palette says."""
        self._own_theme = dark
        self._apply_palette()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette from light to dark and back, and the font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_own_theme"):
            self._apply_palette()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep what lies over the map in its corners."""
        super().resizeEvent(event)
        if hasattr(self, "_message"):
            self._place_panels()

    def _apply_palette(self) -> None:
        window = self.palette().color(QPalette.ColorRole.Window)
        colours = theme(window.lightness() < 128 if self._own_theme is None else self._own_theme)
        self.apply_theme(colours)
        for panel in (self._legend, self._tools, self._layer_panel, self._message):
            panel.set_theme(colours)
        for note in (self._freshness, self._past, self._badge):
            note.set_theme(colours)
