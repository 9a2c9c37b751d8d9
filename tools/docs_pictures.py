"""Make the documentation's pictures from the real window: ``python tools/docs_pictures.py [docs/pictures]``.

The window is opened without a screen on bundled models and ``demo:shapes``, moved through the public signals and object
names, and photographed. Settings, caches and runs go to a temporary folder.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentlab.app.application import Application

WIDTH, HEIGHT = 1280, 800  # px
COLOURS = 256  # of a picture's palette: files stay below 150 kB
PATIENCE = 600.0  # seconds that a step may take


class Photographer:
    """An open window, and a folder for its pictures.

    Parameters
    ----------
    application
        What ``latentlab.app.build`` returned.
    out
        The folder.
    """

    def __init__(self, application: Application, out: Path) -> None:
        self.application, self.window, self.out = application, application.window, out

    def find(self, name: str) -> Any:
        """The object of that name.

        Raises
        ------
        LookupError
            When there is none.
        """
        from PySide6.QtCore import QObject

        found = self.window.findChild(QObject, name)
        if found is None:
            raise LookupError(f"the window has no object named {name}")
        return found

    def settle(self, seconds: float = 1.5) -> None:
        """Let the window live for a while."""
        end = time.monotonic() + seconds
        self.wait_for(lambda: time.monotonic() > end, "time passes")

    def wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        """Let the window live until something is so.

        Raises
        ------
        TimeoutError
            When it does not come.
        """
        from PySide6.QtCore import QEventLoop
        from PySide6.QtWidgets import QApplication

        end = time.monotonic() + PATIENCE
        while not is_so():
            if time.monotonic() > end:
                raise TimeoutError(f"waited in vain: {what}")
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            time.sleep(0.005)

    def open(self, source: str) -> None:
        """Open what a path or name stands for, as if it had been dropped on the window."""
        self.window.pathsDropped.emit([source])

    def click_map(self, z: tuple[float, float]) -> None:
        """Click on the map at a latent of the two axes shown."""
        from PySide6.QtCore import QEvent, QPointF, Qt
        from PySide6.QtTest import QTest
        from PySide6.QtWidgets import QApplication

        shown = self.find("latentMap")
        target = getattr(shown, "viewport", lambda: shown)()
        at = QPointF(shown.z_to_pixel(z)).toPoint()
        QTest.mouseMove(target, at)
        QTest.mouseClick(target, Qt.MouseButton.LeftButton, pos=at)
        QTest.qWait(50)
        QApplication.sendEvent(target, QEvent(QEvent.Type.Leave))

    def lasso(self, corners: list[tuple[float, float]]) -> None:
        """Draw around points of the map with the Select tool."""
        from PySide6.QtCore import QEvent, QPointF, Qt
        from PySide6.QtGui import QMouseEvent
        from PySide6.QtTest import QTest
        from PySide6.QtWidgets import QApplication

        self.find("actionSelect").trigger()
        shown, left, none = self.find("latentMap"), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        pixels = [QPointF(shown.z_to_pixel(corner)) for corner in corners]
        target = shown.viewport()
        QTest.mousePress(target, left, none, pixels[0].toPoint())
        for at in pixels[1:]:
            where = QPointF(target.mapToGlobal(at.toPoint()))
            move = QMouseEvent(QEvent.Type.MouseMove, at, where, Qt.MouseButton.NoButton, left, none)
            QApplication.sendEvent(target, move)
        QTest.mouseRelease(target, left, none, pixels[-1].toPoint())

    def photograph(self, name: str, widget: Any = None) -> None:
        """Save a picture of the window, or of a part of it, with a small palette."""
        from PIL import Image
        from PySide6.QtCore import QBuffer

        self.settle(0.3)
        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.ReadWrite)
        (widget or self.window).grab().save(buffer, "PNG")
        with Image.open(io.BytesIO(buffer.data().data())) as picture:
            small = picture.convert("RGB").quantize(
                COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE
            )
        path = self.out / f"{name}.png"
        small.save(path, optimize=True)
        print(f"{path}: {path.stat().st_size // 1024} kB", flush=True)

    # --- the pictures -----------------------------------------------------------------------------------

    def tour(self) -> None:
        """Every picture of the first hour, in its order."""
        session = self.application.session
        device = self.window.device  # the label at the end of the toolbar
        self.wait_for(lambda: session.points is not None, "the first model's points")
        self.wait_for(lambda: "starting" not in device.text(), "torch")
        self.find("actionLight").trigger()
        self.settle(6)
        self.photograph("window")
        self.click_map((-0.9, 1.7))
        self.settle()
        self.photograph("a-click")

        self.find("actionDark").trigger()
        self.settle()
        self.photograph("dark")
        self.find("actionLight").trigger()

        version = session.model_version
        self.open("bundled:mnist-10d")
        self.wait_for(lambda: session.model_version > version and session.points is not None, "the second model")
        self.settle(4)
        self.photograph("ten-dimensions")

        self.find("demoShapesButton").click()
        self.wait_for(lambda: session.dataset is not None, "the images")
        images = session.dataset
        self.find("imageSize").setValue(32)
        self.find("applyData").click()
        self.wait_for(lambda: session.dataset is not images, "the images at another size")
        self.window.show_panel("data")
        self.settle(4)
        self.photograph("images")

        self.window.show_panel("training")
        self.window.show_panel("curves")
        self.find("latentDim").setValue(2)
        self.find("epochs").setValue(20)
        self.settle(0.5)
        train, stop = self.find("trainButton"), self.find("stopButton")
        self.wait_for(train.isEnabled, "Train can be pressed")
        train.click()
        self.wait_for(stop.isEnabled, "the run begins")
        bar = self.find("progress")
        self.wait_for(lambda: bar.value() > bar.maximum() // 3, "a third of the run")
        self.settle(2)
        self.photograph("training")
        self.wait_for(lambda: not stop.isEnabled(), "the run is over")
        self.settle(5)
        self.photograph("trained")
        self.find("stripKinds").setCurrentIndex(3)
        scrubber = self.find("historySlider")
        scrubber.setValue(scrubber.minimum() + 1)
        self.settle(4)
        self.photograph("scrubber")

    def selection(self) -> None:
        """The picture of selected images."""
        session = self.application.session
        self.wait_for(lambda: session.points is not None, "the first model's points")
        self.find("actionLight").trigger()
        self.open("bundled:shapes-6d")
        self.find("demoShapesButton").click()
        self.wait_for(lambda: session.dataset is not None, "the images")
        self.wait_for(
            lambda: session.points is not None and session.points_are_of_dataset and session.points.columns,
            "their points",
        )
        for name in ("curves", "runs", "board"):
            self.window.docks[name].hide()
        self.find("actionFitPoints").trigger()
        self.settle(4)
        view = self.find("latentMap").view()
        across, up = view.x_max - view.x_min, view.y_max - view.y_min
        shape = [(0.3, 0.55), (0.33, 0.75), (0.45, 0.85), (0.55, 0.7), (0.52, 0.5), (0.4, 0.45)]
        self.lasso([(view.x_min + across * x, view.y_min + up * y) for x, y in shape])
        self.settle(4)
        self.photograph("selection")

    def board(self) -> None:
        """The picture of the Board, with a direction as slider and axis."""
        session, window = self.application.session, self.window
        self.wait_for(lambda: session.points is not None, "the first model's points")
        self.find("actionLight").trigger()
        version = session.model_version
        self.open("bundled:mnist-10d")
        self.wait_for(lambda: session.model_version > version and session.points is not None, "the second model")
        self.wait_for(lambda: "starting" not in window.device.text(), "torch")
        for name in ("data", "model", "training", "selection"):
            window.docks[name].hide()
        window.show_panel("board")
        for z in ((0.7, -2.0), (-0.4, 0.9)):
            self.click_map(z)
            self.settle()
            self.find("keepLatent").click()
        self.lasso([(-2.5, 1.6), (-2.5, 3.0), (0.1, 3.0), (0.1, 1.6)])
        self.settle()
        self.find("actionKeepSelection").trigger()
        self.find("actionClearSelection").trigger()
        self.find("actionExplore").trigger()
        for towards, away in ((4, 9), (0, 1)):
            count = len(session.board.items)
            self.find("newDirection").click()
            for name, index in (("directionKind", 1), ("directionTowards", towards), ("directionAway", away)):
                self.find(name).setCurrentIndex(index)
            self.find("findDirection").click()
            self.wait_for(lambda count=count: len(session.board.items) > count, "the direction")
        chosen = session.board.items[-1].id
        window.board.activated.emit(chosen)
        window.board.axisRequested.emit(chosen, "x")
        window.board.select([chosen])
        self.settle(5)
        self.photograph("board")

    def instruments(self) -> None:
        """The pictures of nearest images, of the Generate panel, and of two compared models."""
        session, window = self.application.session, self.window
        self.wait_for(lambda: session.points is not None, "the first model's points")
        self.wait_for(lambda: "starting" not in window.device.text(), "torch")
        self.find("actionLight").trigger()
        self.open("bundled:shapes-6d")
        self.find("demoShapesButton").click()
        self.wait_for(lambda: session.dataset is not None, "the images")
        self.wait_for(lambda: session.points is not None and session.points_are_of_dataset, "their points")
        self.find("latentMap").pointPicked.emit(10, 1)
        self.wait_for(lambda: bool(self.find("copyText").text()), "the comparison with all images")
        self.photograph("neighbours", window.docks["decoded"])
        window.show_panel("generate")
        combo = self.find("generateFrom")
        combo.setCurrentIndex(combo.findData("aggregate"))
        window.generate_panel.changed.emit()
        self.settle(1)
        self.wait_for(self.find("generateCopy").isEnabled, "the images")
        self.settle(20)
        self.photograph("generate", window.docks["generate"])
        self._compare()

    def dimensions(self) -> None:
        """The pictures of what a dimension does, of all pairs of dimensions, and of pictures at the points."""
        session, window = self.application.session, self.window
        self.wait_for(lambda: session.points is not None, "the first model's points")
        self.wait_for(lambda: "starting" not in window.device.text(), "torch")
        self.find("actionLight").trigger()
        self.open("bundled:shapes-6d")
        self.find("demoShapesButton").click()
        self.wait_for(lambda: session.dataset is not None, "the images")
        self.wait_for(lambda: session.points is not None and session.points_are_of_dataset, "their points")
        self.settle(4)
        strongest = int(session.points.kl.argmax())
        window.latent_sliders.dimensionAsked.emit(strongest)
        self.settle(8)
        self.photograph("dimension", self.find("dimensionView"))
        self.find("dimensionView").close()
        self.find("allPairs").click()
        self.settle(4)
        self.photograph("pairs", self.find("pairPlot"))
        self.find("pairPlot").close()
        window.layerToggled.emit("manifold", False)
        window.layerToggled.emit("trust", False)
        window.layerToggled.emit("pictures", True)
        self.find("actionFitPoints").trigger()
        self.settle(8)
        self.photograph("points", self.find("latentMap"))

    def layers(self) -> None:
        """The pictures of the magnification and of the class boundaries, with the values at a place."""
        session, window = self.application.session, self.window
        self.wait_for(lambda: session.points is not None, "the first model's points")
        self.wait_for(lambda: "starting" not in window.device.text(), "torch")
        self.find("actionLight").trigger()
        for name in ("data", "model", "training", "selection", "curves", "runs", "board", "decoded", "latent"):
            if name in window.docks:
                window.docks[name].hide()
        shown = self.find("latentMap")
        for layer, name, z in (
            ("magnification", "magnification", (-0.9, 0.4)),
            ("classes", "class-boundaries", (0.9, 0.7)),
        ):
            window.layerToggled.emit(layer, True)
            self.settle(6)
            self.hover_map(z)
            self.photograph(name, shown)
            window.layerToggled.emit(layer, False)
        self._terrain()

    def _terrain(self) -> None:
        """The picture of digits of ten dimensions, laid out by t-SNE and decoded."""
        from latentlab.state.map_axes import AxesChoice

        session, window = self.application.session, self.window
        version = session.model_version
        self.open("bundled:mnist-10d")
        self.wait_for(lambda: session.model_version > version and session.points is not None, "the second model")
        session.set_axes(AxesChoice("tsne1", "tsne2"))
        self.wait_for(lambda: session.embedding is not None and session.embedding.terrain is not None, "the layout")
        window.layerToggled.emit("points", False)
        window.layerToggled.emit("classes", True)
        self.settle(10)
        self.photograph("terrain", self.find("latentMap"))
        window.layerToggled.emit("points", True)
        window.layerToggled.emit("classes", False)

    def hover_map(self, z: tuple[float, float]) -> None:
        """Move the pointer over the map to a latent of the two axes shown."""
        from PySide6.QtCore import QPointF
        from PySide6.QtTest import QTest

        shown = self.find("latentMap")
        QTest.mouseMove(shown.viewport(), QPointF(shown.z_to_pixel(z)).toPoint())
        self.settle(1)

    def play(self) -> None:
        """The picture of the Play panel, with a recorded path on the Board."""
        session, window = self.application.session, self.window
        self.wait_for(lambda: "starting" not in window.device.text(), "torch")
        self.find("actionLight").trigger()
        self.open("bundled:mnist-10d")
        self.wait_for(lambda: session.latent.size == 10 and session.points is not None, "the model's points")
        self.settle(2)
        window.show_panel("board")
        window.show_panel("play")
        for _ in range(3):
            self.find("playAdd").click()
        self.find("playStart").click()
        self.find("playRecord").click()
        self.settle(6)
        self.find("playRecord").click()
        self.find("playStart").click()
        self.settle(6)
        self.photograph("play")
        session.board.set_items(())

    def your_image(self) -> None:
        """The picture of a painted digit, half of it hidden and filled in."""
        from PySide6.QtCore import QPoint, Qt
        from PySide6.QtTest import QTest

        session, window = self.application.session, self.window
        self.wait_for(lambda: session.points is not None, "the first model's points")
        self.wait_for(lambda: "starting" not in window.device.text(), "torch")
        self.find("actionLight").trigger()
        version = session.model_version
        self.open("bundled:mnist-10d")
        self.wait_for(lambda: session.model_version > version and session.points is not None, "the second model")
        for name in ("curves", "runs", "board"):
            window.docks[name].hide()
        self.find("actionPaintAnImage").trigger()
        self.settle(2)
        canvas = self.find("imageCanvas")
        target = canvas.target()
        scale = target.width() / canvas.pixels().shape[1]
        curve = [(9, 8), (11, 6), (14, 5), (17, 6), (18, 9), (16, 12), (13, 13), (16, 14), (18, 17), (17, 21), (9, 21)]
        at = [QPoint(round(target.x() + x * scale), round(target.y() + y * scale)) for x, y in curve]
        for first, second in pairwise(at):
            QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=first)
            QTest.mouseMove(canvas, second)
            QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=second)
        self.settle(2)
        self.find("refineImage").click()
        self.wait_for(lambda: session.encoded_image.refinement is not None, "the refinement")
        stop = self.find("stopRefining")
        self.wait_for(lambda: not stop.isVisible(), "the end of the refinement")
        self.find("imageModeHide").click()
        self.find("hideHalf").click()
        text = self.find("fillingsText")
        self.wait_for(lambda: "observed" in text.text(), "the fillings")
        self.settle(6)
        self.photograph("your-image", window.docks["image"])

    def paths(self) -> None:
        """The picture of a geodesic loop that is played."""
        session, window = self.application.session, self.window
        self.wait_for(lambda: session.points is not None, "the first model's points")
        self.wait_for(lambda: "starting" not in window.device.text(), "torch")
        self.find("actionLight").trigger()
        self.find("actionPath").trigger()
        for name in ("data", "model", "training", "selection", "curves", "runs", "board"):
            window.docks[name].hide()
        self.settle(2)
        for z in ((-2.0, 1.0), (1.9, 1.2), (1.2, -1.9)):
            self.click_map(z)
        kind = self.find("pathKind")
        kind.setCurrentIndex(kind.findData("geodesic"))
        kind.activated.emit(kind.currentIndex())
        self.find("pathLoop").click()
        self.find("pathEven").click()
        self.wait_for(lambda: session.path_frames is not None, "the path")
        self.find("pathScrubber").setValue(17)
        self.settle(3)
        self.photograph("path")

    def _compare(self) -> None:
        """Two models of digits, on images that one of them decodes: MNIST may not be at hand."""
        import numpy as np

        import latentlab

        session, window = self.application.session, self.window
        model = latentlab.load_model("bundled:mnist-10d", "cpu")
        points = model.points.of(np.arange(2000))
        path = Path(tempfile.mkdtemp()) / "digits.npz"
        np.savez(path, images=np.rint(255 * model.decode(points.mean)[:, 0]).astype(np.uint8), labels=points.label)
        version = session.model_version
        self.open("bundled:mnist-10d")
        self.wait_for(lambda: session.model_version > version, "the model")
        self.open(str(path))
        self.wait_for(lambda: session.points is not None and session.points_are_of_dataset, "their points")
        self.settle(3)
        for name in ("data", "model", "training", "selection", "curves", "runs", "board"):
            window.docks[name].hide()
        window.compare_menu.aboutToShow.emit()
        (other,) = [each for each in window.compare_menu.actions() if each.text().endswith("2 dimensions")]
        other.trigger()
        self.settle(1)
        self.wait_for(lambda: self._exists("otherMap"), "the second map")
        index = int(np.flatnonzero(session.points.label == 3)[0])
        self.find("latentMap").pointPicked.emit(index, 1)
        self.settle(5)
        self.photograph("compare")

    def _exists(self, name: str) -> bool:
        try:
            return self.find(name) is not None
        except LookupError:
            return False


PARTS = ("tour", "selection", "board", "instruments", "dimensions", "layers", "play", "your_image", "paths")
"""Methods of `Photographer` that make pictures."""


def main() -> None:
    """Open the window, make the pictures, close it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parents[1] / "docs" / "pictures")
    parser.add_argument("--only", choices=PARTS, help="make the pictures of one part alone")
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as home:
        for name in ("CACHE", "DATA", "CONFIG", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = home
        from latentlab import app

        application = app.build([])
        try:
            application.window.resize(WIDTH, HEIGHT)
            application.window.show()
            photographer = Photographer(application, out)
            for part in PARTS if arguments.only is None else (arguments.only,):
                getattr(photographer, part)()
        finally:
            application.close()


if __name__ == "__main__":
    sys.exit(main())
