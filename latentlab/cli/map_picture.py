"""``latentlab export --map``: the window's own map, drawn without a screen."""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentlab.errors import InputError, RunError
from latentlab.paths import HOME_VARIABLE

if TYPE_CHECKING:
    from latentlab.app.application import Application

LAYERS = {"manifold": 1.0, "density": 0.0, "trust": 0.8, "points": 0.85, "neighbours": 0.0, "cursor": 0.0}
"""The layers that can be drawn, and their opacity by default; one with 0 is not drawn."""
_SECONDS = 3600.0  # for all that is waited for


def write_map(arguments: argparse.Namespace, out: Path) -> tuple[int, int]:
    """Write the map of a model; returns its width and height in pixels.

    The window is built with all its parts, on no screen and with no folder of the user's, so that the file is the same
    to the byte as the one that its Export window writes.

    Raises
    ------
    InputError, RunError
        When an option is wrong, Qt is not there, or the worker refuses something.
    """
    size, layers = _size(arguments.size), _layers(arguments.layers)
    view = None if arguments.view is None else _numbers("--view", arguments.view, 4)
    if view is not None and not (view[0] < view[1] and view[2] < view[3]):
        raise InputError("--view must be two rising numbers for each axis, such as -3,3,-2,2")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        from latentlab import app
    except ImportError as error:
        raise InputError(f"a map is drawn by Qt, which cannot be imported here: {error}") from None
    with tempfile.TemporaryDirectory(prefix="latentlab-map-", ignore_cleanup_errors=True) as home:
        before = os.environ.get(HOME_VARIABLE)
        os.environ[HOME_VARIABLE] = home
        try:
            application = app.build([arguments.model, "--engine", "thread", "--device", arguments.device])
            try:
                _draw(_Headless(application), arguments, out, size, layers, view)
            finally:
                application.close()
        finally:
            os.environ.pop(HOME_VARIABLE)
            if before is not None:
                os.environ[HOME_VARIABLE] = before
    return size


def _draw(
    headless: _Headless,
    arguments: argparse.Namespace,
    out: Path,
    size: tuple[int, int],
    layers: dict[str, float],
    view: list[float] | None,
) -> None:
    from latentlab.gui.panels.export_dialog import ExportChoice
    from latentlab.gui.style import theme
    from latentlab.state.map_axes import AxesChoice

    application = headless.application
    session, latent_map = application.session, application.latent_map
    theme.set_scheme(arguments.theme)
    headless.open(arguments)
    of_before = None  # neighbours of another latent
    if arguments.axes is not None:
        x, _, y = arguments.axes.partition(",")
        headless.check_axes(x, y)
        session.set_axes(AxesChoice(x, y))
    if arguments.z is not None:
        z = np.array(_numbers("--z", arguments.z, session.latent.size), np.float32)
        of_before = session.neighbours if not np.array_equal(z, session.latent) else None
        session.set_latent(z)
    if arguments.label is not None:
        session.set_label(headless.label(arguments.label))
    for layer in latent_map.layers():
        opacity = layers.get(layer.name, 0.0)
        latent_map.set_layer_visible(layer.name, opacity > 0)
        if opacity > 0:
            latent_map.set_layer_opacity(layer.name, opacity)
    headless.settle()
    if layers.get("neighbours", 0.0) > 0:
        headless.wait(lambda: session.neighbours is not None and session.neighbours is not of_before)
    ranges = None if view is None else ((view[0], view[1]), (view[2], view[3]))
    choice = ExportChoice("map", out.suffix.lower(), *size, detail=arguments.detail)
    written: list[str] = []
    application.export.written.connect(written.append)
    application.export.write(choice, str(out), ranges)
    headless.wait(lambda: bool(written))


class _Headless:
    """The window on no screen: waits, and raises what the worker refuses."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._refused: list[str] = []
        application.engine.failed.connect(lambda failure: self._refused.append(failure.message))
        application.window.notifications.notified.connect(self._on_notified)

    def _on_notified(self, level: str, message: str, _details: str) -> None:
        if level != "info":
            self._refused.append(message)

    def wait(self, is_done: Callable[[], bool]) -> None:
        """Handle events until something is so.

        Raises
        ------
        InputError
            When the worker has refused something.
        RunError
            When it takes an hour.
        """
        from PySide6.QtCore import QCoreApplication, QEventLoop

        end = time.monotonic() + _SECONDS
        while not is_done():
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            if self._refused:
                raise InputError(self._refused[0].rstrip("."))
            if time.monotonic() > end:
                raise RunError("the map was not drawn within an hour")
            threading.Event().wait(0.002)

    def settle(self) -> None:
        """Handle what the last changes have caused in the window."""
        from PySide6.QtCore import QCoreApplication

        for _ in range(5):
            QCoreApplication.processEvents()

    def open(self, arguments: argparse.Namespace) -> None:
        """Wait for the model, and for the points of the images that are to be encoded."""
        session, window = self.application.session, self.application.window
        self.wait(lambda: session.model is not None and window.decoded_image.image() is not None)
        if arguments.data is None:
            return
        from latentlab.config import DataConfig, validated

        assert session.model is not None
        known = session.model.data.get("config", {})
        changes = {"limit": arguments.limit} | ({"levels": arguments.levels} if arguments.levels else {})
        config = validated(DataConfig, dict(known) | changes)
        self.application.data.open(arguments.data, config)
        self.wait(lambda: session.dataset is not None)
        self.wait(lambda: session.points is not None and session.points_are_of_dataset)

    def check_axes(self, x: str, y: str) -> None:
        """Refuse axes that the model does not have."""
        session = self.application.session
        names = [f"z{number + 1}" for number in range(session.latent.size)]
        names += [f"pc{number + 1}" for number in range(len(session.components))]
        for each in (x, y):
            if each not in names:
                raise InputError(f"--axes needs two of {', '.join(names[:20])}, not {each!r}")

    def label(self, text: str) -> int:
        """The index of a class given by name or number."""
        model = self.application.session.model
        classes = () if model is None or not model.conditional else model.classes
        if text in classes:
            return classes.index(text)
        if text.isdecimal() and int(text) < len(classes):
            return int(text)
        raise InputError(f"there is no class {text!r}; the classes are: {', '.join(classes) or 'none'}")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and 64 <= int(width) <= 16_384 and 64 <= int(height) <= 16_384):
        raise InputError(f"--size must be width and height from 64 to 16384 pixels, such as 1200x900, not {text!r}")
    return int(width), int(height)


def _layers(text: str | None) -> dict[str, float]:
    if text is None:
        return LAYERS
    found = {}
    for part in filter(None, text.split(",")):
        name, _, opacity = part.partition(":")
        try:
            found[name] = float(opacity or 1)
        except ValueError:
            found[name] = -1.0
        if name not in LAYERS or not 0 <= found[name] <= 1:
            raise InputError(f"--layers needs some of {', '.join(LAYERS)}, each with an opacity to 1, not {part!r}")
    return found


def _numbers(option: str, text: str, count: int) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise InputError(f"{option} must be {count} numbers with commas between them, not {text!r}")
    return values
