"""What the command palette offers: the actions of the menus, and what other parts of the program add."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from latentlab.gui.action_text import plain_text_of, reason_of, tip_of

ALWAYS_REASON = "Not now"


@dataclass(frozen=True)
class Command:
    """One thing that the palette can do.

    Attributes
    ----------
    title
        What is searched and shown; may come from outside, and is shown as plain text.
    kind
        Where it belongs: a menu, *Recipe*, *Lesson*; searched too.
    run
        Does it.
    keys
        Its shortcut as it is typed on this system; empty without one.
    reason
        Why it cannot be done now, in a sentence; empty if it can.
    about
        One line about what it does.
    is_checked
        Whether what it switches is on; ``None`` if it is no switch.
    """

    title: str
    kind: str
    run: Callable[[], object]
    keys: str = ""
    reason: str = ""
    about: str = ""
    is_checked: bool | None = None


Source = Callable[[], Iterable[Command]]


class CommandRegistry:
    """The sources of commands, which are asked whenever the palette opens.

    Examples
    --------
    >>> registry = CommandRegistry()
    >>> registry.add(lambda: [Command("Rate and distortion", "Lesson", print)])
    >>> [command.title for command in registry.commands()]
    ['Rate and distortion']
    """

    def __init__(self) -> None:
        self._sources: list[Source] = []

    def add(self, source: Source) -> None:
        """Add a source, which is called with no argument and returns its commands as they are now."""
        self._sources.append(source)

    def commands(self) -> list[Command]:
        """Everything that can be offered now, in the order of the sources."""
        return [command for source in self._sources for command in source()]


def commands_of_menus(bar: QMenuBar, without: Collection[QAction] = ()) -> Iterator[Command]:
    """A command for each action of the menus and their submenus, those that are filled when they open too."""
    for action in bar.actions():
        menu = action.menu()
        if isinstance(menu, QMenu) and action.isVisible():
            yield from _commands_of(menu, plain_text_of(action), "", without)


def _commands_of(menu: QMenu, kind: str, refused: str, without: Collection[QAction]) -> Iterator[Command]:
    menu.aboutToShow.emit()  # some are filled by it
    for action in menu.actions():
        inner = action.menu()
        if action.isSeparator() or not action.isVisible() or action in without:
            continue
        if isinstance(inner, QMenu):
            yield from _commands_of(inner, f"{kind} · {plain_text_of(action)}", refused or _refused(action), without)
        else:
            yield command_of_action(action, kind, refused)


def command_of_action(action: QAction, kind: str, refused: str = "") -> Command:
    """The command that triggers an action."""
    title = plain_text_of(action, keep_dots=True)
    tip = tip_of(action)
    return Command(
        title,
        kind,
        action.trigger,
        action.shortcut().toString(QKeySequence.SequenceFormat.NativeText),
        refused or _refused(action),
        "" if tip == title else tip,
        action.isChecked() if action.isCheckable() else None,
    )


def _refused(action: QAction) -> str:
    return "" if action.isEnabled() else reason_of(action) or _tool_tip(action) or ALWAYS_REASON


def _tool_tip(action: QAction) -> str:
    """The tooltip of a disabled action, which says why it is, as a line; empty if it only repeats the action's text."""
    tip = " ".join(action.toolTip().split())
    return "" if tip.startswith("<") or tip == plain_text_of(action) else tip
