"""The layers of the map as the user sees them: a switch and an opacity for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QPaintEvent, QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QGridLayout, QSlider, QWidget

from latentlab.gui.latent_map.layers.base import LayerState
from latentlab.gui.latent_map.legend import paint_ground
from latentlab.gui.style.theme import DARK, Theme
from latentlab.gui.widgets.context_menu import MenuEntry, pop_up
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.term_card import explain
from latentlab.utils.plain_text import as_line


class LayerPanel(QFrame):
    """A small panel over the map with a row for each layer.

    Signals
    -------
    visibleEdited(str, bool), opacityEdited(str, float), choiceEdited(str, str)
        The user switched a layer, moved its opacity, or chose what it shows.
    """

    visibleEdited = Signal(str, bool)
    opacityEdited = Signal(str, float)
    choiceEdited = Signal(str, str)

    def __init__(self, layers: Sequence[LayerState], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("layerPanel")
        self.setAccessibleName("Layers of the map")
        self._theme: Theme = DARK
        self._switches: dict[str, QCheckBox] = {}
        self._sliders: dict[str, QSlider] = {}
        self._choices: dict[str, QComboBox] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 8, 10, 8)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        for layer in layers:
            row = grid.rowCount()
            grid.addWidget(self._make_switch(layer), row, 0)
            grid.addWidget(self._make_slider(layer), row, 1)
            if layer.choices:
                grid.addWidget(self._make_choice(layer), row + 1, 0, 1, 2)
            self.show_layer(layer)
        self.adjustSize()
        self.hide()

    def _make_switch(self, layer: LayerState) -> QCheckBox:
        switch = QCheckBox(layer.title)
        switch.setObjectName(f"layerVisible_{layer.name}")
        switch.setAccessibleName(f"Show {layer.title}")
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

    def _make_choice(self, layer: LayerState) -> QComboBox:
        choice = QComboBox()
        choice.setObjectName(f"layerChoice_{layer.name}")
        choice.setAccessibleName(f"What {layer.title} shows")
        for name, title, _ in layer.choices:
            choice.addItem(title, name)
        choice.activated.connect(lambda index: self.choiceEdited.emit(layer.name, choice.itemData(index)))
        self._choices[layer.name] = choice
        return choice

    def show_layer(self, layer: LayerState) -> None:
        """Show a layer's state in its row, without a signal."""
        switch, slider = self._switches[layer.name], self._sliders[layer.name]
        with QSignalBlocker(switch), QSignalBlocker(slider):
            switch.setChecked(layer.visible)
            slider.setValue(round(100 * layer.opacity))
        switch.setEnabled(not layer.unavailable)
        about = f"Show or hide: {layer.title}" + (f"\n{layer.about}" if layer.about else "")
        set_tool_tip(switch, layer.unavailable or about, lines=True)
        if not layer.unavailable:
            explain(switch, layer.title)
        slider.setEnabled(layer.visible and not layer.unavailable)
        if layer.name in self._choices:
            self._show_choice(layer)

    def _show_choice(self, layer: LayerState) -> None:
        choice = self._choices[layer.name]
        choice.setCurrentIndex(choice.findData(layer.choice))
        choice.setEnabled(layer.visible and not layer.unavailable)
        model = choice.model()
        for number, (_, _, refused) in enumerate(layer.choices):
            item = model.item(number) if isinstance(model, QStandardItemModel) else None
            if item is not None:
                item.setEnabled(not refused)
            choice.setItemData(number, as_line(refused), Qt.ItemDataRole.ToolTipRole)
        reasons = [refused for _, _, refused in layer.choices if refused]
        set_tool_tip(choice, reasons[0] if reasons else f"What {layer.title.lower()} show")

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what is done with a layer, by a right click on its row or the Menu key."""
        at = event.pos()
        parts = [*self._switches.items(), *self._sliders.items()]
        name = next((name for name, part in parts if part.hasFocus() or part.geometry().contains(at)), "")
        if name:
            pop_up(self, "layerMenu", self.entries(name), event.globalPos())

    def entries(self, name: str) -> list[MenuEntry | QAction | None]:
        """What can be done with a layer."""
        switch, slider = self._switches[name], self._sliders[name]
        unavailable = "" if switch.isEnabled() else switch.toolTip()
        hidden = "" if slider.isEnabled() else unavailable or "The layer is hidden"
        others = [each for other, each in self._switches.items() if other != name and each.isChecked()]
        return [
            MenuEntry("Show", switch.toggle, unavailable, switch.isChecked()),
            MenuEntry("Hide all others", partial(_uncheck, others)),
            None,
            *(
                MenuEntry(f"Opacity {percent} %", partial(slider.setValue, percent), hidden)
                for percent in (25, 50, 100)
            ),
        ]

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self._theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the panel's background."""
        paint_ground(self, self._theme)

    def _on_switch_toggled(self, name: str, visible: bool) -> None:
        self.visibleEdited.emit(name, visible)


def _uncheck(switches: Iterable[QCheckBox]) -> None:
    for switch in switches:
        switch.setChecked(False)
