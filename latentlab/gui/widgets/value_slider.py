"""A slider and the field beside it that shows its value and takes a typed one."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from latentlab.gui.widgets.latent_slider import LatentSlider
from latentlab.gui.widgets.value_edit import ValueEdit


class ValueSlider(QWidget):
    """The base of a row with a slider and its value; a subclass names both and makes the layout.

    Attributes
    ----------
    slider : LatentSlider
        Its signals are those of the row.
    value : ValueEdit
        Shows the slider's value; a typed one moves the slider.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slider, self.value = LatentSlider(self), ValueEdit()
        self.value.typed.connect(self._on_value_typed)
        self.slider.edited.connect(lambda value, _gesture: self.value.show_value(value))

    def show_value(self, value: float) -> None:
        """Show a value, without emitting a signal."""
        if self.slider.value() != value:
            self.slider.show_value(value)
            self.value.show_value(value)

    def _on_value_typed(self, value: float) -> None:
        self.slider.setValue(value)
        self.value.show_value(self.slider.value())
