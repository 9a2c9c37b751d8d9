"""What a saved session has beside the session's own state: the map, the panels, oscillators, a comparison."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any
from uuid import uuid4

from PySide6.QtCore import QObject, Signal

from latentlab.controllers.compare import CompareController
from latentlab.controllers.play import PlayController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.play import OscillatorRow
from latentlab.storage.session_file import SessionFile
from latentlab.utils.array_rules import extent_fault


class SessionPart(QObject):
    """State of the window that is saved with the session.

    Signals
    -------
    changed
        Something that ``save`` returns may be different, by the user's hand.
    """

    changed = Signal()

    def save(self) -> dict[str, Any]:
        """Values for fields of `SessionFile`."""
        raise NotImplementedError

    def restore(self, saved: SessionFile) -> None:
        """Set what was saved; the model is open, and the session's own state is set."""
        raise NotImplementedError


class MapPart(SessionPart):
    """What is in view, the layers of the map, and its tool."""

    def __init__(self, window: MainWindow, latent_map: LatentMap, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window, self._map = window, latent_map
        latent_map.layerChanged.connect(self.changed)
        window.toolChosen.connect(self.changed)

    def save(self) -> dict[str, Any]:
        """The view if it is one that can be shown, layers and tool."""
        view = self._map.view()
        extent = view.x_min, view.x_max, view.y_min, view.y_max
        layers = [
            {"name": each.name, "visible": each.visible, "opacity": each.opacity, "choice": each.choice}
            for each in self._map.layers()
        ]
        return {"view": None if extent_fault(extent) else extent, "layers": tuple(layers), "tool": self._map.mode()}

    def restore(self, saved: SessionFile) -> None:
        """Set layers and tool, and show the view; layers that this version does not have are passed over."""
        for layer in saved.layers:
            with suppress(KeyError):
                self._map.set_layer_visible(layer.name, layer.visible)
                self._map.set_layer_opacity(layer.name, layer.opacity)
                self._map.choose_in_layer(layer.name, layer.choice)
        if saved.tool != self._map.mode():
            self._window.set_tool(saved.tool)
            self._window.toolChosen.emit(saved.tool)
        self.show_view(saved)

    def show_view(self, saved: SessionFile) -> None:
        """Show what was in view, as far as the map has the same shape."""
        if saved.view is not None:
            left, right, bottom, top = saved.view
            self._map.view_box.show_range((left, right), (bottom, top))


class PanelsPart(SessionPart):
    """The arrangement of the docks."""

    def __init__(self, window: MainWindow, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window = window

    def save(self) -> dict[str, Any]:
        """The arrangement as Qt writes it."""
        return {"panels": base64.b64encode(self._window.save_panels()).decode("ascii")}

    def restore(self, saved: SessionFile) -> None:
        """Arrange the docks; an arrangement of another version changes nothing."""
        if saved.panels:
            self._window.restore_panels(base64.b64decode(saved.panels))


class OscillatorsPart(SessionPart):
    """What moves the latent when it plays."""

    def __init__(self, play: PlayController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._play = play
        play.oscillatorsChanged.connect(self.changed)

    def save(self) -> dict[str, Any]:
        """The oscillators' settings."""
        rows = [
            {"target": each.target, "shape": each.shape, "rate": each.rate, "depth": each.depth, "phase": each.phase}
            for each in self._play.oscillators
        ]
        return {"oscillators": tuple(rows)}

    def restore(self, saved: SessionFile) -> None:
        """Set the oscillators; none of them plays."""
        self._play.set_oscillators(
            tuple(
                OscillatorRow(uuid4().hex[:8], each.target, each.shape, each.rate, each.depth, each.phase)
                for each in saved.oscillators
            )
        )


class ComparisonPart(SessionPart):
    """The second model."""

    def __init__(self, compare: CompareController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._compare = compare
        compare.openChanged.connect(self.changed)

    def save(self) -> dict[str, Any]:
        """Source and epoch of the model that is compared."""
        compared = self._compare.compared
        return {"compared": None if compared is None else {"source": compared[0], "epoch": compared[1]}}

    def restore(self, saved: SessionFile) -> None:
        """Open the comparison, or leave the one that is open."""
        if saved.compared is None:
            self._compare.close()
        else:
            self._compare.open(saved.compared.source, saved.compared.epoch)
