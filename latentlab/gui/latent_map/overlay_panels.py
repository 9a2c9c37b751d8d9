"""The small panels over the map: legend, layers, tools, notes, and the message of an empty map."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from latentlab.gui.latent_map.distance_scale import DistanceScale
from latentlab.gui.latent_map.layer_panel import LayerPanel
from latentlab.gui.latent_map.layer_stack import LayerStack
from latentlab.gui.latent_map.legend import Legend
from latentlab.gui.latent_map.overlay_widgets import INSET, Banner, CornerTools, Message, Note, at_corner
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
        self._distance_scale = DistanceScale(over)
        self._message = Message(over)
        self._connect()

    def _connect(self) -> None:
        self._tools.fitClicked.connect(self.fitClicked)
        self._tools.layersToggled.connect(self._on_layers_toggled)
        self._layer_panel.visibleEdited.connect(lambda name, visible: self._layers[name].set_state(visible=visible))
        self._layer_panel.opacityEdited.connect(lambda name, opacity: self._layers[name].set_state(opacity=opacity))
        self._layer_panel.choiceEdited.connect(lambda name, choice: self._layers[name].choiceEdited.emit(choice))
        self._layers.stateChanged.connect(self._layer_panel.show_layer)
        self._layers.legendChanged.connect(self._show_legend)
        self._layers.trust.scaleChanged.connect(self._show_scale)
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
        for panel in (self._legend, self._tools, self._layer_panel, self._distance_scale, self._message):
            panel.set_theme(theme)
        for note in (self._staleness_note, self._epoch_banner, self._view_note, self._far_note):
            note.set_theme(theme)

    def draw_legend(self, painter: QPainter) -> None:
        """Draw the legend where it is in the widget."""
        if self._has_legend():
            self._legend.render(painter, self._legend.pos())

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
        scale, far, epoch = self._distance_scale, self._far_note, self._staleness_note
        # A view that is no plane has no distances from data, and a plane needs no name: one of the two at most.
        lowest = self._view_note if self._view_note.text() else scale
        at_corner(lowest, inside, corner.BottomLeftCorner)
        above = lowest.height() + INSET // 2 if lowest.isVisibleTo(self._over) else 0
        at_corner(far, inside, corner.BottomLeftCorner, above)
        higher = above + (far.height() + INSET // 2 if far.isVisibleTo(self._over) else 0)
        fits = max(lowest.width(), far.width()) + epoch.width() + 3 * INSET <= inside.width()
        at_corner(epoch, inside, corner.BottomRightCorner, 0 if fits else higher)

    def _has_legend(self) -> bool:
        return not self._legend.is_empty and self._layers.legend() is not None

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

    def _show_scale(self) -> None:
        trust = self._layers.trust
        self._distance_scale.set_scale(trust.scale if trust.isVisible() and not trust.state().unavailable else None)
        self._place()

    def _show_legend(self) -> None:
        self._show_scale()  # the layer may have been switched
        content = self._layers.legend()
        if content is not None:
            self._legend.set_content(content)
            self._layers.points.set_hidden(self._legend.hidden())
        self._place()
