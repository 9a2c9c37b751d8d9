"""``python -m tests.monkey --minutes 10 --seed 1``: random actions on the window beside training recipes.

Gestures on the map and the sliders, keys, buttons, boxes, menus, panels closed and shown, sizes and themes, files of
every kind opened (also damaged ones), recipes trained, paused, stopped and continued. About once a minute the window is
brought to rest with its first model, and memory, threads and descriptors of window and worker are printed. The exit
code is 1 if they grew, if anything was uncaught, if the worker was lost or failed by a fault of its own, or if a rest
was not reached. The same seed chooses the same actions as long as the window answers alike.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.endurance.window import Visit, visit
from tests.soak import Hand

_MEMORY = 150.0
"""MB that a process may gain between rests: other recipes and images were open between them."""
_RESTS = 10
_MODEL = "bundled:mnist-2d"
_NO_BUTTONS = ("Restart the worker", "Quit")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.monkey", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", type=float, default=_MEMORY, help="MB that window or worker may gain")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="latentlab-monkey-") as folder:
        os.chdir(folder)
        sources = make_sources(Path(folder))
        with visit() as visitor:
            monkey = Monkey(visitor, sources, arguments.seed)
            monkey.play(60 * arguments.minutes)
        found = visitor.report(arguments.memory)
    print(dict(monkey.counts.most_common()), dict(monkey.runs), flush=True)
    counts = f"{monkey.counts.total():,} actions, {monkey.runs.total():,} runs, {visitor.decodes:,} images"
    print(f"{counts}, {len(found)} found", flush=True)
    return 1 if found else 0


def make_sources(folder: Path) -> list[str]:
    """Images, models and what is neither, in a folder."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 16, 16), dtype=np.uint8)
    for name, part in (("dark", pixels[:30] // 2), ("light", 128 + pixels[30:] // 2)):
        (folder / "images" / name).mkdir(parents=True)
        for number, image in enumerate(part):
            Image.fromarray(image).save(folder / "images" / name / f"{number}.png")
    (folder / "images" / "dark" / "cut.png").write_bytes((folder / "images" / "dark" / "0.png").read_bytes()[:60])
    np.savez(folder / "images.npz", images=pixels, labels=np.arange(60) % 3)
    Image.fromarray(pixels[0]).save(folder / "one.png")
    (folder / "empty").mkdir()
    (folder / "damaged.safetensors").write_bytes(b"\xff" * 100)
    (folder / "notes.txt").write_text("no images")
    names = ("images", "images.npz", "one.png", "empty", "damaged.safetensors", "notes.txt", "absent.npz")
    models = [_MODEL, "bundled:mnist-10d", "bundled:shapes-6d"]
    return [*models, *(str(folder / name) for name in names), f"{folder}/images/dark|{folder}/images/light"]


class Monkey:
    """Acts on the window.

    Attributes
    ----------
    counts
        Actions made, by name.
    runs
        Runs begun, by recipe.
    """

    def __init__(self, visitor: Visit, sources: list[str], seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        self._visitor, self._application, self._window = visitor, visitor.application, visitor.application.window
        self._sources = sources
        self._random = random.Random(seed)
        self._hand = Hand(visitor, seed)
        self._actions: dict[Callable[[], None], int] = {
            self._make_stroke: 40, self._press_key: 10, self._press_button: 12, self._choose_entry: 6,
            self._step_number: 4, self._trigger_action: 8, self._toggle_panel: 6, self._resize: 2, self._drop: 5,
            self._train: 4, self._end_run: 2, self._answer_dialogs: 6,
            self._use_board: 8, self._show_activities: 6, self._use_palette: 4, self._use_session: 3,
        }  # fmt: skip

    def play(self, seconds: float) -> None:
        """Act for some time, with rests."""
        from PySide6.QtTest import QTest

        began, rests = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds and not self._is_lost():
            if passed > rests * seconds / _RESTS:
                self._rest()
                rests += 1
            (act,) = self._random.choices(list(self._actions), weights=list(self._actions.values()))
            self.counts[act.__name__.lstrip("_")] += 1
            act()
            QTest.qWait(self._random.choice((0, 1, 5, 20)))
        self._rest()

    # --- actions ------------------------------------------------------------------------------------

    def _make_stroke(self) -> None:
        from PySide6.QtCore import QCoreApplication

        for _ in self._hand.stroke():
            QCoreApplication.processEvents()

    def _press_key(self) -> None:
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        names = ("Left", "Right", "Up", "Down", "Escape", "Delete", "Home", "Tab", "Space", "E", "S", "P")
        modifiers = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier)
        key = getattr(Qt.Key, f"Key_{self._random.choice(names)}")
        target = self._random.choice((self._application.latent_map, self._window))
        QTest.keyClick(target, key, self._random.choice(modifiers))

    def _press_button(self) -> None:
        from PySide6.QtWidgets import QAbstractButton, QToolButton

        buttons = [
            each
            for each in self._visible(QAbstractButton)
            if each.text() not in _NO_BUTTONS and not (isinstance(each, QToolButton) and each.menu())
        ]
        if buttons:
            self._random.choice(buttons).click()

    def _choose_entry(self) -> None:
        from PySide6.QtWidgets import QComboBox, QTabBar

        boxes = self._visible((QComboBox, QTabBar))
        if boxes and (box := self._random.choice(boxes)).count():
            index = self._random.randrange(box.count())
            box.setCurrentIndex(index)
            if isinstance(box, QComboBox):
                box.activated.emit(index)

    def _step_number(self) -> None:
        from PySide6.QtWidgets import QAbstractSpinBox

        boxes = self._visible(QAbstractSpinBox)
        if boxes:
            self._random.choice(boxes).stepBy(self._random.choice((-2, -1, 1, 2)))

    def _trigger_action(self) -> None:
        from PySide6.QtGui import QAction

        actions = [each for each in vars(self._window.actions_).values() if isinstance(each, QAction)]
        action = self._random.choice([each for each in actions if each is not self._window.actions_.quit])
        if action.isEnabled():
            action.trigger()

    def _use_board(self) -> None:
        """Use, move, rename or remove items of the Board, or trigger an entry of their menu."""
        from PySide6.QtCore import QPoint
        from PySide6.QtWidgets import QMenu

        board, random_ = self._window.board, self._random
        identities = [row.identity for row in board.rows()]
        if not identities:
            return
        some = random_.sample(identities, min(len(identities), random_.choice((1, 1, 2, 3))))
        gestures: list[Callable[[], None]] = [
            lambda: board.activated.emit(some[0]),
            lambda: board.axisRequested.emit(some[0], random_.choice("xy")),
            lambda: board.renamed.emit(some[0], random_.choice(("a", "<b>b</b>", "c\n"))),
            lambda: board.moved.emit(random_.sample(identities, len(identities))),
            lambda: board.menuRequested.emit(some, QPoint(100, 100)),
            lambda: board.menuRequested.emit(some, QPoint(100, 100)),
        ]
        if len(identities) > 20:
            gestures = [lambda: board.deleteRequested.emit(identities[::2])]
        board.select(some)
        random_.choice(gestures)()
        for menu in board.findChildren(QMenu, "boardMenu"):
            entries = [action for action in menu.actions() if action.isEnabled() and not action.isSeparator()]
            menu.close()
            random_.choice(entries).trigger()

    def _show_activities(self) -> None:
        """Open the list of what is in progress, or close it, or press one of its buttons."""
        from PySide6.QtWidgets import QAbstractButton

        shown = self._visitor.find("activityList")
        buttons = [each for each in shown.findChildren(QAbstractButton) if each.isVisible()]
        if not shown.isVisible():
            self._visitor.find("statusBar").listRequested.emit()
        elif buttons and self._random.random() < 0.2:
            self._random.choice(buttons).click()
        else:
            shown.close()

    def _use_palette(self) -> None:
        """Run a command of the palette: an action, a recipe, a lesson, a recent file."""
        from latentlab.gui.commands import Command

        commands: list[Command] = self._window.commands.commands()
        usable = [each for each in commands if not each.reason and each.title not in _NO_BUTTONS]
        self._random.choice(usable).run()

    def _use_session(self) -> None:
        """Save the session, or open the saved one."""
        document = self._application.document
        if not os.path.exists("monkey.latentlab.json") or self._random.random() < 0.5:
            document.save_as("monkey.latentlab.json") if not document.file else document.save()
        else:
            document.open("monkey.latentlab.json")

    def _toggle_panel(self) -> None:
        name = self._random.choice(list(self._window.docks))
        if self._random.random() < 0.5:
            self._window.docks[name].toggleViewAction().trigger()
        else:
            self._window.show_panel(name)

    def _resize(self) -> None:
        self._window.resize(self._random.randint(1024, 1920), self._random.randint(700, 1200))

    def _drop(self) -> None:
        self._window.pathsDropped.emit([self._random.choice(self._sources)])

    def _train(self) -> None:
        from latentlab.config.recipes import RECIPES

        picker, epochs = self._visitor.find("recipe"), self._visitor.find("epochs")
        if self._application.session.dataset is None:
            self._window.pathsDropped.emit([self._sources[3]])
        elif not self._application.session.run_is_active:
            recipe = self._random.choice(list(RECIPES))
            picker.setCurrentIndex(picker.findData(recipe))
            picker.activated.emit(picker.currentIndex())
            epochs.setValue(self._random.randint(1, 20))
            train = self._visitor.find("trainButton")
            self.runs[recipe] += train.isEnabled()
            train.click()

    def _end_run(self) -> None:
        actions = self._window.actions_
        action = self._random.choice((actions.pause, actions.stop, actions.continue_run))
        if action.isEnabled():
            action.trigger()

    def _answer_dialogs(self) -> None:
        """Files are never written where a dialog would suggest it: file dialogs are cancelled."""
        from PySide6.QtWidgets import QAbstractButton, QDialog, QFileDialog

        for dialog in self._window.findChildren(QDialog):
            if not dialog.isVisible():
                continue
            buttons = [each for each in dialog.findChildren(QAbstractButton) if each.isVisible() and each.isEnabled()]
            if isinstance(dialog, QFileDialog) or not buttons or self._random.random() < 0.3:
                dialog.reject()
            else:
                self._random.choice(buttons).click()

    # --- rests --------------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Close dialogs, stop the run, open the first model again, and take a sample."""
        from PySide6.QtWidgets import QDialog

        from latentlab.engine.protocol.messages import WorkerState

        session, engine = self._application.session, self._application.engine
        for dialog in self._window.findChildren(QDialog):
            dialog.reject()
        if session.run_is_active:
            self._visitor.wait_for(
                lambda: self._window.actions_.stop.isEnabled() or not session.run_is_active, "a run can be stopped"
            )
            self._window.actions_.stop.trigger()
        self._visitor.wait_for(lambda: not session.run_is_active, "the run is over")
        self._window.pathsDropped.emit([_MODEL])
        self._visitor.wait_for(lambda: engine.status.state is WorkerState.READY, "the worker is ready")
        self._visitor.wait_for(
            lambda: session.model is not None and session.model.source == _MODEL and session.points is not None,
            "the first model is open",
        )
        decodes = self._visitor.decodes
        self._application.latent_map.hovered.emit(np.array([self._random.random(), 0.5]))
        self._visitor.wait_for(lambda: self._visitor.decodes > decodes, "images come")
        gc.collect()
        self._visitor.samples.take(self.counts.total())

    def _is_lost(self) -> bool:
        return any("still does not hold" in trouble for trouble in self._visitor.troubles)

    def _visible(self, kind: Any) -> list[Any]:
        """Enabled and visible widgets of a kind, outside dialogs."""
        kinds = kind if isinstance(kind, tuple) else (kind,)
        found = [each for one in kinds for each in self._window.findChildren(one)]
        return [each for each in found if each.isVisible() and each.isEnabled() and each.window() is self._window]


if __name__ == "__main__":
    sys.exit(main())
