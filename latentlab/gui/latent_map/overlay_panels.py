"""The small panels over the map: legend, layers, tools, notes, and the message of an empty map."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy.typing as npt
from PySide6.QtCore import QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from latentlab.gui.latent_map.layer_panel import LayerPanel
from latentlab.gui.latent_map.layer_stack import LayerStack
from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.legend import Legend
from latentlab.gui.latent_map.overlay_widgets import INSET, Banner, CornerTools, Message, Note, at_corner
from latentlab.gui.latent_map.ramp_scale import DIMMING, DISTANCE, VALUES, RampScale
from latentlab.gui.style.theme import Theme

FAR_FROM_DATA = "far from data"


class OverlayPanels(QObject):
    """Makes the panels, keeps them in their corners, and joins the layer panel and the legend to the layers.

    Parameters
    ----------
    layers
        What the layer panel switches and the legend lists.
    over
        The widget that the panels are over.

    Signals
    -------
    fitClicked
        The button that shows all points was clicked.
    """

    fitClicked = Signal()

    def __init__(self, layers: LayerStack, over: QWidget) -> None:
        super().__init__(over)
        self._layers, self._over = layers, over
        self._inside = QRect()
        self._staleness: dict[str, str] = {}
        self._on_message_clicked: Callable[[], object] | None = None
        self._legend = Legend(over)
        self._tools = CornerTools(over)
        self._layer_panel = LayerPanel([layer.state() for layer in layers], over)
        self._staleness_note = Note("mapFreshness", "Epoch of the map", over)
        self._epoch_banner = Banner("mapPast", "Epoch that is shown", over)
        self._view_note = Note("mapView", "Kind of view", over)
        self._far_note = Note("mapFarFromData", "Far from data", over)
        self._distance_scale = RampScale("distanceScale", "Scale of the dimming far from data", DISTANCE, DIMMING, over)
        self._scales = {"trust": self._distance_scale} | {
            layer.name: RampScale(f"{layer.name}Scale", f"Scale of {layer.title}", name, VALUES, over)
            for layer, name in self._named_values()
        }
        self._read_out = Note("mapReadOut", "Values at the pointer", over)
        self._place_read: npt.ArrayLike | None = None
        self._message = Message(over)
        self._connect()

    def _named_values(self) -> list[tuple[Layer, str]]:
        """The layers whose scale is a ramp of colours, from the highest to the lowest, with the name of its values."""
        fields = [(layer, layer.quantity) for layer in self._layers.fields.values() if layer.quantity]
        return [*reversed(fields), (self._layers.density, "images per unit²")]

    def _connect(self) -> None:
        self._tools.fitClicked.connect(self.fitClicked)
        self._tools.layersToggled.connect(self._on_layers_toggled)
        self._layer_panel.visibleEdited.connect(lambda name, visible: self._layers[name].set_state(visible=visible))
        self._layer_panel.opacityEdited.connect(lambda name, opacity: self._layers[name].set_state(opacity=opacity))
        self._layer_panel.choiceEdited.connect(lambda name, choice: self._layers[name].choiceEdited.emit(choice))
        self._layers.stateChanged.connect(self._layer_panel.show_layer)
        self._layers.legendChanged.connect(self._show_legend)
        self._layers.valuesChanged.connect(self._show_values)
        self._legend.shownChanged.connect(lambda _shown: self._layers.points.set_hidden(self._legend.hidden()))
        self._message.clicked.connect(lambda: self._on_message_clicked and self._on_message_clicked())

    # --- texts -----------------------------------------------------------------------------------

    def set_message(self, text: str, button: str, clicked: Callable[[], object] | None) -> None:
        """Show one line on how to fill the empty map, and a button that does it; an empty text removes both."""
        self._on_message_clicked = clicked
        self._message.show_text(text, button)
        self._place()

    def set_staleness_text(self, text: str, part: str) -> None:
        """Show which epoch a part of the map belongs to; the points' text comes first, and is needed for the others."""
        self._staleness[part] = text
        points = self._staleness.get("points")
        others = [text for name, text in self._staleness.items() if text and name != "points"]
        shown = " · ".join([points, *others]) if points else ""
        if shown != self._staleness_note.text():
            self._staleness_note.show_text(shown)
            self._place()

    def set_epoch_banner(self, text: str) -> None:
        """Show that the map is of a past epoch; an empty text removes the banner."""
        self._epoch_banner.show_text(text)
        self._place()

    def set_view_note(self, text: str) -> None:
        """Show what kind of view the map is; an empty text removes the note."""
        if text != self._view_note.text():
            self._view_note.show_text(text)
            self._place()

    def set_far_from_data(self, far: bool) -> None:
        """Show or hide the note that the shown latent is far from all data."""
        if far != self._far_note.isVisibleTo(self._over):
            self._far_note.show_text(FAR_FROM_DATA if far else "")
            self._place()

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        for panel in (self._legend, self._tools, self._layer_panel, self._message):
            panel.set_theme(theme)
        for scale in self._scales.values():
            scale.set_theme(theme)
        for note in (self._staleness_note, self._epoch_banner, self._view_note, self._far_note, self._read_out):
            note.set_theme(theme)

    def scales(self) -> list[tuple[str, tuple[str, str], Sequence[QColor]]]:
        """Name, values at both ends and colours of each scale that is shown, from the lowest."""
        shown = (scale for scale in self._scales.values() if scale.isVisibleTo(self._over))
        return [(scale.name, scale.texts(), scale.colours) for scale in shown]

    # --- where they are ---------------------------------------------------------------------------

    def place(self, inside: QRect) -> None:
        """Keep to the corners of this rectangle of the widget."""
        self._inside = inside
        self._place()

    def _place(self) -> None:
        inside, corner = self._inside, Qt.Corner
        at_corner(self._tools, inside, corner.TopRightCorner)
        at_corner(self._layer_panel, inside, corner.TopRightCorner, self._tools.height() + INSET)
        at_corner(self._epoch_banner, inside, corner.TopLeftCorner)
        self._place_lower_notes()
        self._message.move(inside.center() - self._message.rect().center())
        top = inside.top() + 2 * INSET + self._tools.height()
        self._legend.place(QPoint(inside.right() - INSET, top), inside.bottom() - top - 5 * INSET)
        self._legend.setVisible(self._has_legend() and not self._layer_panel.isVisibleTo(self._over))

    def _place_lower_notes(self) -> None:
        """Put the notes of the lower edge beside each other, or above each other if there is no room."""
        inside, corner = self._inside, Qt.Corner
        far, epoch = self._far_note, self._staleness_note
        higher, widest = 0, far.width()
        for each in (self._view_note, *self._scales.values(), far, self._read_out):
            at_corner(each, inside, corner.BottomLeftCorner, higher)
            if each.isVisibleTo(self._over):
                higher += each.height() + INSET // 2
                widest = max(widest, each.width())
        fits = widest + epoch.width() + 3 * INSET <= inside.width()
        at_corner(epoch, inside, corner.BottomRightCorner, 0 if fits else higher)

    def _has_legend(self) -> bool:
        return not self._legend.is_empty and self._layers.legend() is not None

    def show_layer_panel(self) -> None:
        """Open the panel of layers."""
        self._tools.set_layers_shown(True)

    def close_layer_panel(self) -> bool:
        """Close the layer panel; returns whether it was open."""
        was_open = self._layer_panel.isVisibleTo(self._over)
        if was_open:
            self._tools.set_layers_shown(False)
        return was_open

    def _on_layers_toggled(self, shown: bool) -> None:
        self._layer_panel.setVisible(shown)
        self._layer_panel.raise_()
        self._place()

    def show_values_at(self, xy: npt.ArrayLike | None) -> None:
        """Write what the visible layers say of a place (x, y) of the axes; None for no place."""
        self._place_read = xy
        texts = [] if xy is None else [layer.read_out(xy) for layer in self._layers if layer.is_shown()]
        text = "  ·  ".join(text for text in texts if text)
        if text != self._read_out.text():
            self._read_out.show_text(text)
            self._place()

    def _show_values(self) -> None:
        for name, scale in self._scales.items():
            layer = self._layers[name]
            texts = layer.scale_texts() if layer.is_shown() else None
            scale.set_texts(texts, "" if texts is None else f"{layer.title}: from {texts[0]} to {texts[1]}")
        self.show_values_at(self._place_read)
        self._place()

    def _show_legend(self) -> None:
        self._show_values()  # the layer may have been switched
        content = self._layers.legend()
        if content is not None:
            self._legend.set_content(content)
            self._layers.points.set_hidden(self._legend.hidden())
        self._place()
