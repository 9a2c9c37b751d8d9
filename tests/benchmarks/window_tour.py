"""Every recipe through the real window, with pictures: ``python -m tests.benchmarks.window_tour DATA --out FOLDER``.

Each recipe is chosen in the picker, trained, looked at, moved by its own controls, saved, opened again, continued and
evaluated, as a user would; what goes wrong is printed, and the exit code counts it. With ``QT_QPA_PLATFORM=offscreen``
no screen is needed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from latentlab.app.application import Application

SECONDS = 600.0  # that one wait may last
COLUMNS = 4  # of the montage
_CAPTION = 18  # px


class Tour:
    """One visit to every recipe.

    Parameters
    ----------
    application
        The open window.
    out
        Folder of the pictures.
    epochs
        Of each training.
    """

    def __init__(self, application: Application, out: Path, epochs: int) -> None:
        self.application, self.out, self.epochs = application, out, epochs
        self.window, self.session = application.window, application.session
        self.troubles: list[str] = []
        application.engine.failed.connect(lambda failure: self._note(f"{failure.request}: {failure.message}"))
        self._about = "start"

    def visit(self, name: str, data: str, limit: int) -> None:
        """Do with one recipe all that a user would."""
        self._about = name
        began = time.monotonic()
        self.train(name)
        self.look(name, "1-trained")
        self.use_controls()
        self.look(name, "2-used")
        self.save_and_open_again(self.out / f"{name}.safetensors")
        self.look(name, "3-opened")
        self.go_on()
        numbers = evaluated(self.session.run_folder, data, limit)
        if not np.isfinite([numbers["elbo"], numbers["rate"], numbers["distortion"]]).all():
            self._note("evaluate gave a number that is not finite")
        print(f"{name}: ELBO {numbers['elbo']:.1f}, {time.monotonic() - began:.0f} s", flush=True)

    def train(self, name: str) -> None:
        """Choose the recipe and press Train."""
        picker = self.find("recipe")
        picker.setCurrentIndex(picker.findData(name))
        picker.activated.emit(picker.currentIndex())
        self.window.show_panel("training")
        self.window.show_panel("curves")
        panel = self.window.training_panel
        panel._settings["training.epochs"].set_value(self.epochs)
        panel._check()
        if not self.find("trainButton").isEnabled():
            self._note("the recipe cannot be trained on these images")
        self._until_finished(lambda: self.click("trainButton"))

    def go_on(self) -> None:
        """Press Continue, for as many epochs again."""
        self._until_finished(lambda: self.click("continueButton"))

    def use_controls(self) -> None:
        """Click on the map, then move what the latent is made of: slider, class, category, code and level."""
        before = self.image()
        latent_map = self.application.latent_map
        latent_map.committed.emit(np.array([1.0, 0.5]), 10**6)
        self.wait_for(lambda: not np.array_equal(before, self.image()), "a click on the map changes the image")
        for control in ("label", "level"):
            box = self.find(control)
            if box.isVisible():
                box.setCurrentIndex(box.count() - 1)
                box.activated.emit(box.currentIndex())
        kind = self.session.layout.kind
        before = self.session.latent
        if kind == "plain":
            slider = self.find(f"latentSlider{self.session.layout.levels[self.session.level].start}")
            slider.setValue(2.0)
        elif kind == "categories":
            box = self.find("category0")
            box.setCurrentIndex((box.currentIndex() + 1) % box.count())
            box.activated.emit(box.currentIndex())
        else:
            grid = self.find("codeGrid")
            self.wait_for(lambda: grid.codes().size > 0, "the code grid has codes")
            grid.choose((int(grid.codes()[0, 0]) + 1) % self.session.layout.codes)
            grid._on_cell_pressed(0, 0, 10**6)
        self.wait_for(lambda: not np.array_equal(before, self.session.latent), "a control changes the latent")
        self.window.filmstrip.set_kind("sample")
        self.window.filmstrip.kindChosen.emit("sample")
        self.settle(1.0)

    def save_and_open_again(self, path: Path) -> None:
        """Save the live model, and open the file."""
        saved: list[object] = []
        connection = self.application.engine.modelSaved.connect(saved.append)
        self.application.model.save(str(path))
        self.wait_for(lambda: bool(saved), "the model is saved")
        self.application.engine.modelSaved.disconnect(connection)
        version = self.session.model_version
        self.application.model.open(str(path))
        self.wait_for(lambda: self.session.model_version > version and self.session.points is not None, "it opens")
        self.window.show_panel("model")
        self.settle(1.0)

    def look(self, name: str, when: str) -> None:
        """Keep a picture of the window."""
        self.settle(0.7)
        self.window.grab().save(str(self.out / f"{name}-{when}.png"))

    # --- small things -------------------------------------------------------------------------------

    def find(self, name: str) -> Any:
        """The widget of that name."""
        from PySide6.QtCore import QObject

        found = self.window.findChild(QObject, name)
        if found is None:
            raise LookupError(f"no object is called {name}")
        return found

    def click(self, name: str) -> None:
        """Press a button."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        QTest.mouseClick(self.find(name), Qt.MouseButton.LeftButton)

    def image(self) -> np.ndarray | None:
        """The decoded image that is shown."""
        image: np.ndarray | None = self.find("decodedImage").image()
        return None if image is None else image.copy()

    def wait_for(self, true: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
        """Let the window live until something is true; note it as trouble when it never is."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                self._note(f"waited in vain: {what}")
                return
            self._turn()

    def settle(self, seconds: float) -> None:
        """Let the window live for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._turn()

    def _turn(self) -> None:
        from latentlab.app.first_paint import process_events

        process_events()

    def _until_finished(self, begin: Callable[[], None]) -> None:
        finished: list[object] = []
        self.application.training.finished.connect(finished.append)
        begin()
        troubles = len(self.troubles)
        self.wait_for(lambda: bool(finished) or len(self.troubles) > troubles, "the training ends")
        self.application.training.finished.disconnect(finished.append)
        self.wait_for(lambda: self.session.run_state == "idle", "the run is over")

    def _note(self, trouble: str) -> None:
        self.troubles.append(f"{self._about}: {trouble}")
        print(f"TROUBLE {self.troubles[-1]}", flush=True)


def evaluated(model: str, data: str, limit: int) -> dict[str, Any]:
    """What ``latentlab evaluate --json`` says."""
    from latentlab.cli import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        main(["evaluate", model, data, "--limit", str(limit), "--importance-samples", "5", "--json"])
    numbers: dict[str, Any] = json.loads(said.getvalue())
    return numbers


def montage(out: Path, names: list[str], when: str) -> None:
    """One picture of all recipes' windows, at half their size, with names."""
    tiles = [(name, Image.open(out / f"{name}-{when}.png")) for name in names if (out / f"{name}-{when}.png").exists()]
    if not tiles:
        return
    width, height = (side // 2 for side in tiles[0][1].size)
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * width, rows * (height + _CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (name, tile) in enumerate(tiles):
        left, top = index % COLUMNS * width, index // COLUMNS * (height + _CAPTION)
        draw.text((left + 4, top + 2), name, fill="black")
        sheet.paste(tile.convert("RGB").resize((width, height), Image.Resampling.LANCZOS), (left, top + _CAPTION))
    sheet.save(out / f"montage-{when}.png")


def main() -> None:
    """Open the window in folders of its own, and go from recipe to recipe."""
    from latentlab.config.recipes import RECIPES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="images, with labels: a folder, an .npz or IDX file")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--limit", type=int, default=1000, help="images to learn from")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--only", nargs="+", metavar="RECIPE", choices=list(RECIPES), default=list(RECIPES))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        for name in ("CACHE", "DATA", "CONFIG", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = f"{home}/{name}"
        sys.exit(min(1, len(tour(arguments))))


def tour(arguments: argparse.Namespace) -> list[str]:
    """Visit the recipes; what went wrong."""
    from latentlab import app
    from latentlab.config import DataConfig

    application = app.open_window(["--device", "cpu"])
    try:
        visitor = Tour(application, arguments.out, arguments.epochs)
        application.window.resize(1440, 900)
        visitor.wait_for(lambda: application.session.points is not None, "the first model opens")
        application.data.open(arguments.data, DataConfig(limit=arguments.limit))
        visitor.wait_for(lambda: application.session.dataset is not None, "the images open")
        for name in arguments.only:
            visitor.visit(name, arguments.data, arguments.limit)
            for when in ("1-trained", "2-used", "3-opened"):
                montage(arguments.out, arguments.only, when)
    finally:
        application.close()
    return visitor.troubles


if __name__ == "__main__":
    main()
