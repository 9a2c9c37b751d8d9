"""``python -m tests.soak --gestures 200000``: one hand on the window for a long time.

Mouse moves, drags and clicks on the map, drags of the sliders, turns of the wheel, undo, redo and repaints, on the
bundled model. Memory, threads and descriptors of window and worker are printed a hundred times. The exit code is 1 if
they grew, if anything was uncaught, if a worker was lost, or if images stopped coming.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from typing import Any

from tests.endurance.processes import MEMORY
from tests.endurance.window import Visit, visit

_SAMPLES = 100


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--gestures", type=int, default=200_000)
    parser.add_argument("--engine", choices=("process", "thread"), default="process")
    parser.add_argument("--a-frame", type=int, default=4, help="gestures to a frame (4: a mouse of 250 Hz)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", type=float, default=MEMORY, help="MB that window or worker may gain")
    arguments = parser.parse_args()
    with visit("--engine", arguments.engine) as visitor:
        soak(visitor, arguments.gestures, arguments.a_frame, arguments.seed)
    found = visitor.report(arguments.memory)
    print(f"{arguments.gestures:,} gestures, {visitor.decodes:,} images, {len(found)} found", flush=True)
    return 1 if found else 0


def soak(visitor: Visit, gestures: int, a_frame: int, seed: int) -> None:
    """Make the gestures, and take samples meanwhile."""
    from PySide6.QtCore import QCoreApplication

    hand, done, every, decodes = Hand(visitor, seed), 0, max(1, gestures // _SAMPLES), -1
    visitor.samples.take(0)
    while done < gestures:
        for _ in hand.stroke():
            done += 1
            if done % a_frame == 0:
                QCoreApplication.processEvents()
            if done % every == 0:
                visitor.wait_for(lambda before=decodes: visitor.decodes > before, "images come")
                decodes = visitor.decodes
                visitor.samples.take(done)
            if done == gestures:
                break


class Hand:
    """Makes strokes: short rows of events as a hand makes them, on a random part of the window."""

    def __init__(self, visitor: Visit, seed: int) -> None:
        self._visitor, self._application = visitor, visitor.application
        self._random = random.Random(seed)
        self._viewport = visitor.application.latent_map.viewport()

    def stroke(self) -> Iterator[None]:
        """One stroke; yields after each of its events."""
        kinds = (self._hover, self._drag, self._click, self._slide, self._turn_wheel, self._undo, self._repaint)
        yield from self._random.choices(kinds, weights=(6, 6, 4, 5, 1, 1, 1))[0]()

    def _hover(self) -> Iterator[None]:
        for position in self._walk():
            send_mouse(self._viewport, "move", position)
            yield

    def _drag(self) -> Iterator[None]:
        yield from self._drag_over(self._viewport, self._walk())

    def _click(self) -> Iterator[None]:
        for position in self._walk()[:3]:
            send_mouse(self._viewport, "press", position)
            send_mouse(self._viewport, "release", position)
            yield

    def _slide(self) -> Iterator[None]:
        from PySide6.QtCore import QPointF

        slider = self._visitor.find(f"latentSlider{self._random.randrange(2)}")
        if slider is None:  # the open model has no such latent
            return
        x, positions = float(self._random.randrange(slider.width())), []
        for _ in range(12):
            x = min(max(x + self._random.uniform(-15, 15), 0), slider.width() - 1)
            positions.append(QPointF(x, slider.height() / 2))
        yield from self._drag_over(slider, positions)

    def _drag_over(self, widget: Any, positions: list[Any]) -> Iterator[None]:
        import shiboken6

        send_mouse(widget, "press", positions[0])
        for position in positions[1:]:
            if not shiboken6.isValid(widget):  # sliders go with their model
                return
            send_mouse(widget, "move", position, is_pressed=True)
            yield
        if shiboken6.isValid(widget):
            send_mouse(widget, "release", positions[-1])
        yield

    def _turn_wheel(self) -> Iterator[None]:
        """Closer and back again, so that the view stays about where it is."""
        from PySide6.QtCore import QCoreApplication, QPoint, QPointF, Qt
        from PySide6.QtGui import QWheelEvent

        position = QPointF(self._viewport.rect().center())
        for angle in (120, 120, -120, -120):
            event = QWheelEvent(
                position, self._viewport.mapToGlobal(position), QPoint(), QPoint(0, angle), Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            QCoreApplication.sendEvent(self._viewport, event)
            yield
        self._application.window.actions_.reset_view.trigger()
        yield

    def _undo(self) -> Iterator[None]:
        for step in (self._application.undo.undo, self._application.undo.redo):
            step()
            yield

    def _repaint(self) -> Iterator[None]:
        self._application.window.repaint()
        yield

    def _walk(self) -> list[Any]:
        """Twenty neighbouring positions on the map, in pixels."""
        from PySide6.QtCore import QPointF

        width, height = self._viewport.width(), self._viewport.height()
        x, y, positions = self._random.randrange(width), self._random.randrange(height), []
        for _ in range(20):
            x = min(max(x + self._random.randint(-25, 25), 0), width - 1)
            y = min(max(y + self._random.randint(-25, 25), 0), height - 1)
            positions.append(QPointF(x, y))
        return positions


def send_mouse(widget: Any, what: str, position: Any, is_pressed: bool = False) -> None:
    """Send a ``press``, ``move`` or ``release`` of the left button; unlike QTest's moves it turns no event loop."""
    from PySide6.QtCore import QCoreApplication, QEvent, Qt
    from PySide6.QtGui import QMouseEvent

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    kind, button, buttons = {
        "press": (QEvent.Type.MouseButtonPress, left, left),
        "move": (QEvent.Type.MouseMove, none, left if is_pressed else none),
        "release": (QEvent.Type.MouseButtonRelease, left, none),
    }[what]
    where = widget.mapToGlobal(position)
    event = QMouseEvent(kind, position, where, button, buttons, Qt.KeyboardModifier.NoModifier)
    QCoreApplication.sendEvent(widget, event)


if __name__ == "__main__":
    sys.exit(main())
