"""The first screen: the window's frame and, instead of the map, the model's stored picture.

The rest of the program takes longer to import and build than the first paint, and follows it in small steps. Do not
import anything here that can be deferred (pyqtgraph, pydantic, the panels, the engine's messages).
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication

from latentlab import paths
from latentlab.app.preview_picture import preview_picture
from latentlab.gui.latent_map import MapPreview
from latentlab.gui.main_window import MainWindow
from latentlab.gui.style import theme
from latentlab.state.window_settings import WindowSettings
from latentlab.utils.palettes import MAX_COLOURS, class_colours
from latentlab.utils.thread_priority import short_gil_switch_interval

if TYPE_CHECKING:
    from latentlab.gui.latent_map import LatentMap

log = logging.getLogger("latentlab")


class FirstPaint(QObject):
    """The window before its panels and controllers exist.

    Parameters
    ----------
    model
        The model that the worker opens first; its stored picture is shown.

    Attributes
    ----------
    qt, settings, window
        The parts that the application uses.
    latent_map
        The map, after ``build_map``.
    """

    def __init__(self, model: str) -> None:
        self.qt = _qt_application()
        super().__init__()
        self.settings = WindowSettings()
        theme.apply(self.qt, self.settings.scheme())
        self._stored = preview_picture(model)
        picture, (left, right, bottom, top) = self._stored or (None, (0.0, 1.0, 0.0, 1.0))
        self._preview = MapPreview(picture, (left, right), (bottom, top))
        self.window = MainWindow(self._preview, panels_later=True)
        self.window.setWindowIcon(QIcon(str(paths.resource("icons", "latentlab.svg"))))
        self.window.set_device("starting …")
        layout = self.settings.layout()
        if layout is not None and not self.window.restore_layout(*layout):
            self.window.reset_layout()

    def show(self) -> None:
        """Show the window, and return when it has been painted."""
        painted = _Painted(self._preview)
        self.window.show()
        while not painted.seen:
            process_events()
        log.debug("the window is painted")

    def build_map(self) -> Iterator[None]:
        """Make the map and replace the preview by it, one part with each step; the iterator must be exhausted."""
        from latentlab.gui.latent_map import LatentMap  # imports pyqtgraph, longer than the first paint takes

        self.latent_map = LatentMap(parts_later=True)
        yield from self.latent_map.build()
        yield
        if self._stored is not None:
            picture, (left, right, bottom, top) = self._stored
            self.latent_map.set_manifold(picture, (left, right), (bottom, top))
            yield
        self.window.set_latent_map(self.latent_map)

    def make_map(self) -> LatentMap:
        """Replace the preview by the map, without a step between."""
        for _ in self.build_map():
            pass
        return self.latent_map

    def import_behind(self, name: str) -> None:
        """Import a module, and compute the colours of the first points, while the window reacts to events."""

        def work() -> None:
            import_module(name)
            class_colours(MAX_COLOURS)  # cached by the module; the window would wait for them later

        thread = threading.Thread(target=work, name="latentlab-import")
        thread.start()
        with short_gil_switch_interval():
            while thread.is_alive():
                process_events()


class _Painted(QObject):
    """Notices the first paint of a widget."""

    def __init__(self, widget: QObject) -> None:
        super().__init__()
        self.seen = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.seen = True
            watched.removeEventFilter(self)
        return False


def process_events() -> None:
    """Process pending events, then release the interpreter to another thread for a moment."""
    QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
    time.sleep(0.001)


def _qt_application() -> QApplication:
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        QGuiApplication.setHighDpiScaleFactorRoundingPolicy(
            QGuiApplication.highDpiScaleFactorRoundingPolicy().PassThrough
        )
        application = QApplication(sys.argv[:1])
    application.setApplicationName("latentlab")
    application.setDesktopFileName("latentlab")
    application.setQuitOnLastWindowClosed(False)
    return application
