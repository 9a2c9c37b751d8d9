"""When the hints of the first start are shown, and which."""

from __future__ import annotations

from PySide6.QtCore import QObject

from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets.tour import Hint, Tour
from latentlab.state.window_settings import WindowSettings


class TourController(QObject):
    """Shows the hints once in a user's life, and again when *First steps* is chosen.

    Parameters
    ----------
    settings
        Remembers that they were shown.
    """

    def __init__(self, window: MainWindow, settings: WindowSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window, self._settings = window, settings
        self._tour: Tour | None = None
        window.actions_.tour.triggered.connect(self.start)
        window.escapePressed.connect(self.end)

    def offer(self) -> None:
        """Show the hints if they have never been shown."""
        if not self._settings.has_seen_tour():
            self.start()

    def start(self) -> None:
        """Show the hints from the first."""
        self.end()
        self._settings.set_tour_seen()  # at once: what is interrupted does not return either
        self._tour = Tour(self._window, self._hints())
        self._tour.ended.connect(self._on_ended)
        self._tour.start()

    def end(self) -> None:
        """End the hints that are shown."""
        if self._tour is not None:
            self._tour.end()

    def _on_ended(self) -> None:
        if self._tour is not None:
            self._tour.deleteLater()
            self._tour = None

    def _hints(self) -> list[Hint]:
        window = self._window
        return [
            Hint(
                window.latent_map,
                "The map of what a model has learned",
                "Move over it: the image on the right is decoded where you are. A click keeps the place, the wheel "
                "zooms.",
            ),
            Hint(
                window.docks["sliders"],
                "Every dimension has a slider",
                "The upper ones carry most, by the KL beside them. Rest on a word like KL to read what it is.",
            ),
            Hint(
                window.docks["filmstrip"],
                "One dimension at a time",
                "Each row sweeps one dimension with the others held. A click on an image goes there.",
            ),
            Hint(
                window.docks["data"],
                "Your own images",
                "Open a folder here, or drop one on the window. Then press Train in the Training panel.",
            ),
            Hint(
                window.menuBar(),
                "Ctrl+K finds everything",
                "Type a few letters of what you want. F1 lists the keys, Shift+F1 explains any control.",
            ),
        ]
