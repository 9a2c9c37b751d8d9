"""Help in the window: the command palette, the glossary, the list of shortcuts, and moving about by keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QWhatsThis, QWidget

from latentlab.gui.commands import Command, command_of_action, commands_of_menus
from latentlab.gui.shortcuts import Shortcuts
from latentlab.gui.widgets.controls import first_control, is_in_front

if TYPE_CHECKING:
    from latentlab.gui.main_window import MainWindow
    from latentlab.gui.widgets.command_palette import CommandPalette


class WindowHelp(QObject):
    """Carries out the actions of the Help menu, and fills the command palette with what the window can do.

    Attributes
    ----------
    shortcuts
        Those of the actions, which can be changed.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._palette: CommandPalette | None = None
        a = window.actions_
        others = (*a.tools.actions(), a.next_panel, a.previous_panel)
        self.shortcuts = Shortcuts(window.menuBar(), {each.objectName(): each for each in others}, self)
        a.palette.triggered.connect(self.open_palette)
        a.glossary.triggered.connect(lambda _checked=False: self.show_glossary())
        a.shortcuts.triggered.connect(self._on_shortcuts)
        a.whats_this.triggered.connect(QWhatsThis.enterWhatsThisMode)
        a.next_panel.triggered.connect(lambda _checked=False: self._focus_panel(1))
        a.previous_panel.triggered.connect(lambda _checked=False: self._focus_panel(-1))
        add = window.commands.add
        add(self._panel_commands)
        add(lambda: commands_of_menus(window.menuBar(), [each.toggleViewAction() for each in window.docks.values()]))
        add(lambda: [command_of_action(each, "Tool") for each in a.tools.actions()])
        add(lambda: [command_of_action(each, "Panels") for each in (a.next_panel, a.previous_panel)])
        add(self._term_commands)

    def open_palette(self) -> None:
        """Open the command palette."""
        if self._palette is None:
            from latentlab.gui.widgets.command_palette import CommandPalette

            window = self._window
            self._palette = CommandPalette(window.commands.commands, window, lambda: window.latent_map)
        self._palette.open()

    def show_glossary(self, key: str = "") -> None:
        """Show the glossary, at a term by its key or at the first one."""
        from latentlab.gui.widgets.glossary_dialog import GlossaryDialog

        GlossaryDialog.open_at(self._window, key)

    # --- internal -------------------------------------------------------------------------------

    def _panel_commands(self) -> list[Command]:
        """What shows each panel: its switch in the View menu would hide one that is behind another."""
        return [
            Command(
                dock.windowTitle(), "Panel", partial(self._go_to_panel, name), about="Bring this panel to the front"
            )
            for name, dock in self._window.docks.items()
        ]

    def _term_commands(self) -> list[Command]:
        """What shows each term of the glossary."""
        from latentlab.config.glossary import glossary  # not before the first paint: it brings pydantic

        return [
            Command(term.title, "Glossary", partial(self.show_glossary, key), about=term.formula)
            for key, term in glossary().items()
        ]

    def _go_to_panel(self, name: str) -> None:
        self._window.show_panel(name)
        first_control(self._window.docks[name]).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _focus_panel(self, step: int) -> None:
        """Give the focus to the map or to a panel in front, after or before the one that has it."""
        window = self._window
        shown = [dock for dock in window.docks.values() if is_in_front(dock)]
        places: list[QWidget] = [window.latent_map, *shown]
        focused = window.focusWidget()
        inside = [index for index, place in enumerate(places) if focused is place or place.isAncestorOf(focused)]
        place = places[((inside[0] if inside else 0) + step) % len(places)]
        first_control(place).setFocus(Qt.FocusReason.TabFocusReason)

    def _on_shortcuts(self) -> None:
        from latentlab.gui.widgets.shortcuts_dialog import ShortcutsDialog

        dialog = ShortcutsDialog(self.shortcuts, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
