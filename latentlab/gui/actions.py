"""The actions of the menus and the toolbar with their shortcuts."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QWidget

from latentlab.gui.action_text import describe, set_reason, tip_of
from latentlab.gui.style.icons import set_icon
from latentlab.utils.file_formats import FORMAT_NAMES

_Key = QKeySequence.StandardKey
_CONTINUE_TIP = "Continue the last run in its folder"
_NEEDS = {
    "undo": "Nothing can be undone",
    "redo": "Nothing was undone",
    "train": "It needs an open dataset, and no run that is active",
    "continue_run": "There is no run to continue",
    "pause": "No run is active",
    "stop": "No run is active",
    "keep_latent": "It needs an open model",
    "keep_selection": "No image is selected",
    "keep_path": "There is no path on the map",
    "new_direction": "No images are encoded: open a dataset",
    "play_path": "There is no path on the map",
    "export_film": "There is no path on the map",
    "refine_image": "There is no image yet: open, paste or paint one",
}
"""Why each of the actions that are disabled at first cannot be done while it is disabled."""


class Actions(QObject):
    """The window's actions, as attributes.

    Attributes
    ----------
    open_folder, open_file, open_image, open_model, open_run, open_session, reopen_session, save_session,
    save_session_as, save_model, export_map, quit
        File.
    preferences, undo, redo, paste, select_all, select_none, invert_selection
        Edit.
    map_axes, reset_view, fit_view, show_activities, reset_layout, theme_system, theme_light, theme_dark
        View; the window makes those of the layers. One theme is checked (``schemes``).
    train, continue_run, pause, stop
        Train.
    explore, select, select_box, path
        The tools of the map; one of them is checked (``tools``).
    keep_latent, keep_selection, keep_path, new_direction, play_path, export_film, play, record, paint_image,
    refine_image, copy_command
        Tools.
    palette, lessons, next_panel, previous_panel, shortcuts, whats_this, glossary, tour, about
        Help, and moving about by keys.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._make_file()
        self._make_edit_and_view()
        self._make_train()
        self._make_map_tools()
        self._make_tools()
        self._make_help()
        self._make_themes()
        self.tools = self._group(self.explore, self.select, self.select_box, self.path)
        self.schemes = self._group(self.theme_system, self.theme_light, self.theme_dark)
        for name, reason in _NEEDS.items():
            action: QAction = getattr(self, name)
            describe(action, tip_of(action), reason)
            action.setEnabled(False)

    def _make_file(self) -> None:
        make = self._make
        self.open_folder = make("Open images &folder…", "open", _Key.Open, "Open a folder of images")
        self.open_folder.setIconText("Open")
        self.open_file = make("Open &dataset file…", "", "Ctrl+Shift+O", f"Open an {FORMAT_NAMES} file")
        self.open_image = make("Open &image…", "", "Ctrl+I", "Encode one image and show it beside its reconstruction")
        self.open_model = make("Open &model…", "model", "Ctrl+M", "Open a model file")
        self.open_run = make("Open &run…", "", "", "Open the model of a run, by its folder")
        self.open_session = make("Open &session…", "", "Ctrl+Alt+O", "Open a saved session, with its Board")
        self.reopen_session = make("Reopen &last session", "", "", "Open what the window closed last had open")
        tip = "Save what is open, the map, the panels, the path, the selection and the Board"
        self.save_session = make("Sa&ve session", "save", _Key.Save, tip)
        self.save_session_as = make("S&ave session as…", "", _Key.SaveAs, "Save the session in another file")
        self.save_model = make("Save mo&del as…", "save", "Ctrl+Alt+S", "Save the current model")
        self.export_map = make(
            "&Export…",
            "image",
            "Ctrl+E",
            "Write the map, images, films, latents, the model or curves to files",
        )
        self.quit = make("&Quit", "", _Key.Quit, "Close the window", role=QAction.MenuRole.QuitRole)

    def _make_edit_and_view(self) -> None:
        make = self._make
        keys = _Key.Preferences if QKeySequence.keyBindings(_Key.Preferences) else "Ctrl+,"
        role = QAction.MenuRole.PreferencesRole
        tip = "Look, start, device, cache and defaults of new runs"
        self.preferences = make("Pre&ferences…", "", keys, tip, role=role)
        self.undo = make("&Undo", "undo", _Key.Undo, "Undo the last gesture")
        self.redo = make("&Redo", "redo", _Key.Redo, "Redo what was undone")
        self.paste = make("&Paste image", "", _Key.Paste, "Encode the image, or the image file, in the clipboard")
        self.select_all = make("Select &all points", "", _Key.SelectAll, "Select every image on the map")
        self.select_none = make("&Clear selection", "", "Ctrl+D", "Select no image")
        self.invert_selection = make("&Invert selection", "", "Ctrl+Shift+I", "Select the images that are not selected")
        self.reset_view = make("&Reset view", "reset", "Ctrl+0", "Show the centre of the prior")
        self.fit_view = make("&Fit points", "fit", "Ctrl+F", "Show all encoded points")
        self.map_axes = make("Map &axes", "", "Ctrl+Shift+A", "Choose the latent directions of the map's axes")
        self.show_activities = make("&Work in progress", "", "Ctrl+J", "Show everything that is in progress")
        self.reset_layout = make("Reset &panels", "", "", "Restore the default layout of panels")

    def _make_train(self) -> None:
        make = self._make
        self.train = make("&Train", "train", "Ctrl+T", "Start a run")
        self.continue_run = make("&Continue", "", "Ctrl+Shift+T", _CONTINUE_TIP)
        self.pause = make("&Pause", "pause", "Ctrl+P", "Pause the run, or resume it")
        self.stop = make("&Stop", "stop", "Ctrl+.", "Stop the run and keep its best model")

    def _make_map_tools(self) -> None:
        make = self._make
        self.explore = make(
            "Explore",
            "explore",
            "E",
            "Move to preview a latent, click to choose it; Ctrl+click takes that of a data point",
            checkable=True,
        )
        tip = "Draw around points to select them; Shift adds, Ctrl or Alt takes away"
        self.select = make("Select", "lasso", "S", tip, checkable=True)
        tip = "Drag a box over points to select them; Shift adds, Ctrl or Alt takes away"
        self.select_box = make("Box", "select", "R", tip, checkable=True)
        self.path = make("Path", "path", "P", "Set the waypoints of a path; Space plays it", checkable=True)

    def _make_tools(self) -> None:
        make = self._make
        self.keep_latent = make("&Keep latent", "", "Ctrl+B", "Keep the latent that is shown on the Board")
        self.keep_selection = make("Keep &selection", "", "Ctrl+Shift+B", "Keep the selected images on the Board")
        self.keep_path = make("Keep &path", "", "", "Keep the path drawn on the map on the Board")
        self.play_path = make("&Play path", "", "Ctrl+Shift+P", "Play the images along the path, or pause")
        self.export_film = make("Export &film…", "", "Ctrl+Shift+E", "Write the film of the path that is played")
        self.new_direction = make(
            "New &direction…", "", "Ctrl+Shift+D", "Find a direction between two groups of images, or along a column"
        )
        self.play = make("&Play", "", "Ctrl+Space", "Let the oscillators move the latent, or stop them")
        self.record = make(
            "&Record movement", "", "Ctrl+Shift+Space", "Record how the latent moves as a path on the Board, or end it"
        )
        self.paint_image = make("&Paint an image", "", "Ctrl+Shift+N", "Paint an image that is encoded as you draw")
        self.refine_image = make(
            "&Refine the image's posterior", "", "Ctrl+Shift+R", "Refine the posterior of the opened image"
        )
        self.copy_command = make("&Copy as command", "copy", "Ctrl+Shift+C", "Copy the command that trains this model")

    def _make_help(self) -> None:
        make = self._make
        self.palette = make("&Find a command…", "", "Ctrl+K", "Find and do anything by a few letters of its name")
        self.next_panel = make("&Next panel", "", "F6", "Move the keyboard focus to the next panel")
        self.previous_panel = make("Pre&vious panel", "", "Shift+F6", "Move the keyboard focus to the panel before")
        self.lessons = make("&Lessons", "", "Ctrl+L", "Learn the ideas of the field by experiments in this window")
        self.shortcuts = make("&Keyboard shortcuts", "", "F1", "List what each key does, and change it")
        self.whats_this = make("&What's this?", "", "Shift+F1", "Then click a control to read what it is for")
        self.glossary = make("&Glossary", "", "Ctrl+F1", "The terms that the window uses, with their formulas")
        self.tour = make("&First steps", "", "", "Show the five hints of the first start again")
        self.about = make("&About latentlab", "info", "", "Versions, device, paths", role=QAction.MenuRole.AboutRole)

    def _make_themes(self) -> None:
        self.theme_system = self._make("&System", "", "", "Follow the system's theme", checkable=True)
        self.theme_light = self._make("&Light", "", "", "Always use the light theme", checkable=True)
        self.theme_dark = self._make("&Dark", "", "", "Always use the dark theme", checkable=True)

    def show_continue_tip(self, text: str) -> None:
        """Set why Continue is disabled; an empty text restores the usual reason."""
        set_reason(self.continue_run, text or _NEEDS["continue_run"])

    def set_encoding_reason(self, reason: str) -> None:
        """Grey what encodes one image, for a reason; an empty one enables it."""
        for action in (self.open_image, self.paste, self.paint_image):
            set_reason(action, reason)
            action.setEnabled(not reason)

    def _make(
        self,
        text: str,
        icon: str,
        shortcut: QKeySequence.StandardKey | str,
        tip: str,
        *,
        checkable: bool = False,
        role: QAction.MenuRole = QAction.MenuRole.NoRole,
    ) -> QAction:
        action = QAction(text, self.parent())
        plain = text.replace("&", "").rstrip("…")
        action.setObjectName("action" + "".join(word.capitalize() for word in plain.split()))
        action.setCheckable(checkable)
        action.setMenuRole(role)
        if shortcut != "":
            action.setShortcut(QKeySequence(shortcut))
        describe(action, tip)
        if icon:
            set_icon(action, icon)
        return action

    def _group(self, *actions: QAction) -> QActionGroup:
        group = QActionGroup(self)
        for action in actions:
            group.addAction(action)
        actions[0].setChecked(True)
        return group
