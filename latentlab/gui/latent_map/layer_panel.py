"""The layers of the map as the user sees them: a switch and an opacity for each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QSlider, QWidget

from latentlab.gui.latent_map.layers.base import LayerState
from latentlab.gui.latent_map.legend import paint_ground
from latentlab.gui.style.theme import DARK, Theme
from latentlab.gui.widgets.plain_text import set_tool_tip


class LayerPanel(QFrame):
    """A small panel over the map with a row for each layer.

    Signals
    -------
    visibleEdited(str, bool), opacityEdited(str, float)
        The user switched a layer, or moved its opacity.
    """

    visibleEdited = Signal(str, bool)
    opacityEdited = Signal(str, float)

    def __init__(self, layers: Sequence[LayerState], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("layerPanel")
        self.setAccessibleName("Layers of the map")
        self._theme: Theme = DARK
        self._switches: dict[str, QCheckBox] = {}
        self._sliders: dict[str, QSlider] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 8, 10, 8)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        for row, layer in enumerate(layers):
            grid.addWidget(self._make_switch(layer), row, 0)
            grid.addWidget(self._make_slider(layer), row, 1)
        self.adjustSize()
        self.hide()

    def _make_switch(self, layer: LayerState) -> QCheckBox:
        switch = QCheckBox(layer.title)
        switch.setObjectName(f"layerVisible_{layer.name}")
        switch.setAccessibleName(f"Show {layer.title}")
        set_tool_tip(switch, f"Show or hide: {layer.title}")
        switch.setChecked(layer.visible)
        switch.toggled.connect(lambda visible: self._on_switch_toggled(layer.name, visible))
        self._switches[layer.name] = switch
        return switch

    def _make_slider(self, layer: LayerState) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setObjectName(f"layerOpacity_{layer.name}")
        slider.setAccessibleName(f"Opacity of {layer.title}")
        set_tool_tip(slider, f"Opacity of {layer.title}")
        slider.setRange(0, 100)
        slider.setValue(round(100 * layer.opacity))
        slider.setFixedWidth(96)
        slider.setEnabled(layer.visible)
        slider.valueChanged.connect(lambda value: self.opacityEdited.emit(layer.name, value / 100))
        self._sliders[layer.name] = slider
        return slider

    def show_layer(self, layer: LayerState) -> None:
        """Show a layer's state in its row, without a signal."""
        switch, slider = self._switches[layer.name], self._sliders[layer.name]
        with QSignalBlocker(switch), QSignalBlocker(slider):
            switch.setChecked(layer.visible)
            slider.setValue(round(100 * layer.opacity))
        slider.setEnabled(layer.visible)

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self._theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the panel's background."""
        paint_ground(self, self._theme)

    def _on_switch_toggled(self, name: str, visible: bool) -> None:
        self._sliders[name].setEnabled(visible)
        self.visibleEdited.emit(name, visible)
