"""The main window: the map in the middle, panels around it, menus, toolbar and status bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMargins, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QLineEdit,
    QMainWindow,
    QMenu,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from latentlab.gui import accessibility
from latentlab.gui.action_text import describe, set_reason
from latentlab.gui.actions import Actions
from latentlab.gui.commands import CommandRegistry
from latentlab.gui.dock_layout import DockLayout
from latentlab.gui.help import WindowHelp
from latentlab.gui.style.icons import recolour, set_icon
from latentlab.gui.widgets.controls import column, row
from latentlab.gui.widgets.drop_hint import DropHint
from latentlab.gui.widgets.paint_hold import PaintHold
from latentlab.gui.widgets.plain_text import add_action, window_title
from latentlab.gui.widgets.status_bar import StatusBar, device_label, frame_rate_label
from latentlab.gui.widgets.toasts import Toasts

if TYPE_CHECKING:
    from latentlab.gui.curves.panel import TrainingCurves
    from latentlab.gui.curves.runs_table import RunsTable
    from latentlab.gui.panels.board import BoardPanel
    from latentlab.gui.panels.data import DataPanel
    from latentlab.gui.panels.decoded_image import DecodedImage
    from latentlab.gui.panels.filmstrip import Filmstrip
    from latentlab.gui.panels.generate import GeneratePanel
    from latentlab.gui.panels.latent_sliders import LatentSliders
    from latentlab.gui.panels.lessons import LessonsPanel
    from latentlab.gui.panels.log import LogView
    from latentlab.gui.panels.model import ModelPanel
    from latentlab.gui.panels.path_bar import PathBar
    from latentlab.gui.panels.play import PlayPanel
    from latentlab.gui.panels.selection import SelectionPanel
    from latentlab.gui.panels.snapshot_bar import SnapshotBar
    from latentlab.gui.panels.training import TrainingPanel
    from latentlab.gui.panels.your_image import YourImagePanel
    from latentlab.state.run_status import RunStatus

_PANELS = (
    ("decoded_image", "panels.decoded_image", "decoded", "DecodedImage"),
    ("latent_sliders", "panels.latent_sliders", "sliders", "LatentSliders"),
    ("filmstrip", "panels.filmstrip", "filmstrip", "Filmstrip"),
    ("generate_panel", "panels.generate", "generate", "GeneratePanel"),
    ("play_panel", "panels.play", "play", "PlayPanel"),
    ("curves", "curves.panel", "curves", "TrainingCurves"),
    ("data_panel", "panels.data", "data", "DataPanel"),
    ("model_panel", "panels.model", "model", "ModelPanel"),
    ("training_panel", "panels.training", "training", "TrainingPanel"),
    ("selection_panel", "panels.selection", "selection", "SelectionPanel"),
    ("your_image", "panels.your_image", "image", "YourImagePanel"),
    ("lessons_panel", "panels.lessons", "lessons", "LessonsPanel"),
    ("runs_table", "curves.runs_table", "runs", "RunsTable"),
    ("board", "panels.board", "board", "BoardPanel"),
    ("log_view", "panels.log", "log", "LogView"),
)
"""Attribute, module, dock and class of each panel, in the order they are made."""
_IN_PARTS = ("DataPanel", "TrainingPanel")
"""The classes of panels that have so many controls that they are made in parts."""
_MODEL_PANELS = ("decoded_image", "latent_sliders", "filmstrip", "model_panel", "generate_panel", "your_image")
"""The panels that are empty until a model is open."""
_MAP_MARGINS = QMargins(46, 44, 8, 88)  # px of the map with its axes, and with notes in its corners
OPENING = "Opening the model …"
"""Shown in these panels at the start."""


@dataclass(frozen=True)
class RecentGroup:
    """Recent sources of one kind.

    Attributes
    ----------
    title
        What they are.
    paths
        Newest first.
    missing
        Those that are not there now.
    """

    title: str
    paths: tuple[str, ...]
    missing: frozenset[str] = frozenset()


class MainWindow(QMainWindow):
    """Contains the panels and the actions; controllers connect them to the session and the engine.

    Parameters
    ----------
    latent_map
        The widget in the middle; ``set_latent_map`` may replace it.
    panels_later
        Leave the docks empty, so that the window can be painted: ``build_panels`` then fills them.

    Attributes
    ----------
    latent_map
        The widget in the middle.
    path_bar, snapshot_bar
        The bars under the map: of the path, and of epochs.
    data_panel, model_panel, training_panel, selection_panel, your_image, lessons_panel, curves, runs_table, board, \
    decoded_image, latent_sliders, filmstrip, generate_panel, play_panel, log_view
        The panels, each in a dock of ``docks`` by name.
    actions_ : Actions
        The menus' and the toolbar's actions.
    help : WindowHelp
        The palette, the glossary, the list of shortcuts, and moving from panel to panel.
    commands : CommandRegistry
        What the command palette offers; other parts of the program add their own.
    compare_menu
        What the model can be compared with; filled when it is opened.
    notifications, status, device, frame_rate
        Notifications, status bar, and the two labels at the toolbar's end.
    drop_hint
        Says what dropping files does, while they are dragged over the window.
    paint_hold : PaintHold
        Delays the window's painting until the decoded image is there.

    Signals
    -------
    pathsDropped(paths)
        Files or folders were dropped on the window: a list of str.
    recentChosen(path), recentCleared, recentShown
        An entry of File → Open recent was chosen, the list should be emptied, or the menu is about to be shown.
    toolChosen(name)
        ``explore``, ``select``, ``box`` or ``path``.
    layerToggled(name, shown)
        A layer of the map was shown or hidden in the View menu.
    closeRequested
        The user wants to close the window; it stays open until ``allow_close``.
    escapePressed
        Escape was pressed where nothing else uses it.
    """

    pathsDropped = Signal(list)
    recentChosen = Signal(str)
    recentCleared = Signal()
    recentShown = Signal()
    toolChosen = Signal(str)
    layerToggled = Signal(str, bool)
    closeRequested = Signal()
    escapePressed = Signal()

    data_panel: DataPanel
    model_panel: ModelPanel
    training_panel: TrainingPanel
    selection_panel: SelectionPanel
    your_image: YourImagePanel
    lessons_panel: LessonsPanel
    curves: TrainingCurves
    runs_table: RunsTable
    board: BoardPanel
    decoded_image: DecodedImage
    latent_sliders: LatentSliders
    filmstrip: Filmstrip
    generate_panel: GeneratePanel
    play_panel: PlayPanel
    log_view: LogView
    snapshot_bar: SnapshotBar
    path_bar: PathBar

    def __init__(self, latent_map: QWidget, parent: QWidget | None = None, *, panels_later: bool = False) -> None:
        super().__init__(parent)
        self.setObjectName("mainWindow")
        self.setAccessibleName("latentlab")
        self.setWindowTitle("latentlab")
        self.setMinimumSize(1024, 700)
        self.setAcceptDrops(True)
        self._may_close = False
        self._is_starting = panels_later  # no model is open yet
        self.latent_map = latent_map
        self._map_area = QWidget()
        self._map_layout = column(self._map_area, 0, 0)
        self._map_layout.addWidget(latent_map)
        centre = QWidget()
        self._centre = column(centre, 0, 0)
        self._maps = row(self._map_area, space=2)
        self._maps.setStretch(0, 1)
        self._centre.addLayout(self._maps, 1)
        self._comparison: tuple[QWidget, ...] = ()
        self._columns: list[int] = []  # widths of the columns of docks before a comparison
        self.setCentralWidget(centre)
        accessibility.install()
        self.actions_ = Actions(self)
        self.commands = CommandRegistry()
        self._dock_layout = DockLayout(self)
        self.docks = self._dock_layout.docks
        self.status = StatusBar()
        self.setStatusBar(self.status)
        self.device, self.frame_rate = device_label(), frame_rate_label()
        self.help = WindowHelp(self)
        self._build_menus()
        self._build_toolbar()
        self.paint_hold = PaintHold(self)
        self.notifications = Toasts(self, self._map_area, _MAP_MARGINS)
        self.drop_hint = DropHint(self._map_area)
        self.resize(1280, 800)
        self._dock_layout.set_default()
        if not panels_later:
            for _ in self.build_panels():
                pass

    # --- building -------------------------------------------------------------------------------

    def build_panels(self) -> Iterator[None]:
        """Make the panels, a part of one with each step and visible ones first; the iterator must be exhausted."""
        for attribute, module, dock, kind in _PANELS:
            # Imported here: the window is painted before any panel is needed.
            make = getattr(import_module(f"latentlab.gui.{module}"), kind)
            if kind in _IN_PARTS:
                panel = make(self.docks[dock], parts_later=True)
                yield from panel.build()
            else:
                panel = make(self.docks[dock])
            setattr(self, attribute, panel)
            if self._is_starting and attribute in _MODEL_PANELS:
                panel.set_waiting(OPENING)
            elif self._is_starting and attribute == "training_panel":
                panel.set_can_train(False)
            yield
            self.docks[dock].set_panel(panel)
            yield
        self.path_bar = import_module("latentlab.gui.panels.path_bar").PathBar()
        self._centre.addWidget(self.path_bar)
        self.snapshot_bar = import_module("latentlab.gui.panels.snapshot_bar").SnapshotBar()
        self._centre.addWidget(self.snapshot_bar)
        self._join_panels()

    def _join_panels(self) -> None:
        a = self.actions_
        self.curves.trainingRequested.connect(lambda: self.show_panel("training"))
        self.filmstrip.openModelRequested.connect(a.open_model.trigger)
        self.generate_panel.openModelRequested.connect(a.open_model.trigger)
        self.filmstrip.openDatasetRequested.connect(a.open_folder.trigger)
        self.filmstrip.pathToolRequested.connect(a.path.trigger)
        self.filmstrip.sampleRequested.connect(lambda: self.latent_sliders.sampleRequested.emit(-1))

    def _build_menus(self) -> None:
        a, bar = self.actions_, self.menuBar()
        file = bar.addMenu("&File")
        file.addActions([a.open_folder, a.open_file, a.open_image, a.open_model, a.open_run])
        self._recent = file.addMenu("Open re&cent")
        self._recent.aboutToShow.connect(self.recentShown)
        file.addSeparator()
        file.addActions([a.open_session, a.reopen_session, a.save_session, a.save_session_as])
        file.addSeparator()
        file.addActions([a.save_model, a.export_map])
        file.addSeparator()
        file.addAction(a.quit)
        edit = bar.addMenu("&Edit")
        edit.addActions([a.undo, a.redo])
        edit.addAction(a.paste)
        edit.addSeparator()
        edit.addActions([a.select_all, a.select_none, a.invert_selection])
        edit.addSeparator()
        edit.addAction(a.preferences)
        view = bar.addMenu("&View")
        view.addActions([dock.toggleViewAction() for dock in self.docks.values()])
        view.addSeparator()
        self._layers = view.addMenu("&Layers")
        view.addActions([a.map_axes, a.reset_view, a.fit_view])
        view.addSeparator()
        view.addActions([a.show_activities, a.reset_layout])
        view.addMenu("&Theme").addActions([a.theme_system, a.theme_light, a.theme_dark])
        bar.addMenu("&Train").addActions([a.train, a.continue_run, a.pause, a.stop])
        tools = bar.addMenu("T&ools")
        tools.addActions([a.keep_latent, a.keep_selection, a.keep_path, a.new_direction])
        tools.addActions([a.play_path, a.export_film, a.play, a.record])
        tools.addActions([a.paint_image, a.refine_image])
        self.compare_menu = tools.addMenu("&Compare with")
        tools.addSeparator()
        tools.addAction(a.copy_command)
        self.copy_menu = tools.addMenu("Copy c&ommand of")
        help_ = bar.addMenu("&Help")
        help_.addActions([a.palette, a.lessons, a.whats_this, a.glossary, a.shortcuts, a.tour])
        help_.addSeparator()
        help_.addAction(a.about)
        self.addActions([a.next_panel, a.previous_panel])
        self._connect_menus()
        for menu in bar.findChildren(QMenu):
            menu.setToolTipsVisible(True)
        self.set_recent(())
        self.set_layers(())

    def _connect_menus(self) -> None:
        a = self.actions_
        a.quit.triggered.connect(self.close)
        a.map_axes.triggered.connect(self._on_map_axes)
        a.reset_layout.triggered.connect(self.reset_layout)
        a.lessons.triggered.connect(self._on_lessons)

    def _build_toolbar(self) -> None:
        a = self.actions_
        self.toolbar = QToolBar("Toolbar")
        self.toolbar.setObjectName("toolbar")
        self.toolbar.setMovable(False)
        self.toolbar.setIconSize(QSize(18, 18))
        self.toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.toolbar.addActions([a.open_folder])
        self.toolbar.addSeparator()
        self.toolbar.addActions([a.train, a.pause, a.stop])
        self.toolbar.addSeparator()
        self.toolbar.addActions([a.undo, a.redo])
        self.toolbar.addSeparator()
        self.toolbar.addActions([a.explore, a.select, a.select_box, a.path])
        gap = QWidget()
        gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.toolbar.addWidget(gap)
        self.toolbar.addWidget(self.device)
        self.toolbar.addWidget(self.frame_rate)
        self.addToolBar(self.toolbar)
        for action in (a.undo, a.redo):
            widget = self.toolbar.widgetForAction(action)
            if isinstance(widget, QToolButton):
                widget.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        pause = self.toolbar.widgetForAction(a.pause)
        widths = []
        for text in ("&Resume", "&Pause"):
            a.pause.setText(text)
            pause.ensurePolished()
            widths.append(pause.sizeHint().width())
        pause.setMinimumWidth(max(widths))  # so that the buttons beside it do not move when its text changes
        a.tools.triggered.connect(self._on_tool_triggered)

    # --- what is shown --------------------------------------------------------------------------

    def set_recent(self, groups: Sequence[RecentGroup]) -> None:
        """Offer recent sources in groups; those that are missing are shown, and cannot be chosen."""
        self._recent.clear()
        for group in groups:
            self._recent.addSection(group.title)
            for path in group.paths:
                action = add_action(self._recent, path)
                action.triggered.connect(lambda _checked=False, path=path: self.recentChosen.emit(path))
                if path in group.missing:
                    describe(action, path, f"{path} is not there now")
                    action.setEnabled(False)
        if groups:
            self._recent.addSeparator()
            clear = add_action(self._recent, "Clear this list")
            clear.setObjectName("actionClearRecent")
            clear.triggered.connect(lambda _checked=False: self.recentCleared.emit())
        self._recent.setEnabled(bool(groups))

    def set_latent_map(self, latent_map: QWidget) -> None:
        """Replace the widget in the middle by one of the same geometry, before anything is painted."""
        before, self.latent_map = self.latent_map, latent_map
        latent_map.setGeometry(before.geometry())
        self._map_layout.replaceWidget(before, latent_map)
        QWidget.setTabOrder(before, latent_map)
        latent_map.show()
        if before.hasFocus():
            latent_map.setFocus()
        before.hide()
        before.deleteLater()
        self._map_layout.activate()

    def set_layers(self, layers: Sequence[tuple[str, str, bool]]) -> None:
        """Offer the map's layers in the View menu: name, title and visibility of each."""
        self._layers.clear()
        self._layers.setEnabled(bool(layers))
        for name, title, shown in layers:
            action = add_action(self._layers, title)
            action.setCheckable(True)
            action.setChecked(shown)
            action.setObjectName(name)
            describe(action, f"Show or hide {title[:1].lower()}{title[1:]} on the map")
            action.toggled.connect(lambda on, name=name: self.layerToggled.emit(name, on))

    def show_layer(self, name: str, visible: bool, unavailable: str = "") -> None:
        """Tick or untick a layer in the View menu, without emitting a signal; disable it for a reason."""
        action = next(action for action in self._layers.actions() if action.objectName() == name)
        with QSignalBlocker(action):
            action.setChecked(visible)
        set_reason(action, unavailable)
        action.setEnabled(not unavailable)

    def set_document(self, name: str, dirty: bool = False, session: str = "") -> None:
        """Show the model's name in the title, before it the session's, marked if something is not saved."""
        if session:
            title = f"{window_title(session)}[*]{' — ' * bool(name)}{window_title(name)}"
        else:
            title = f"{window_title(name)}[*]"
        self.setWindowTitle(f"{title} — latentlab" if session or name else "latentlab[*]")
        self.setWindowModified(dirty)

    def set_run_status(self, run: RunStatus, can_train: bool = True) -> None:
        """Enable Train, Pause and Stop for a run's state."""
        set_reason(self.actions_.train, "A run is active" if run.is_active else "No dataset is open")
        self.actions_.train.setEnabled(can_train and not run.is_active)
        self.actions_.pause.setEnabled(run.can_adjust)
        self.actions_.pause.setText("&Resume" if run.can_unpause else "&Pause")
        set_icon(self.actions_.pause, "train" if run.can_unpause else "pause")
        self.actions_.stop.setEnabled(run.can_stop)

    def set_device(self, text: str) -> None:
        """Show the device the worker computes on."""
        self.device.setText(text)

    def set_frame_rate(self, images_per_second: float | None) -> None:
        """Show how many images are decoded per second; ``None`` hides the label's text."""
        self.frame_rate.setText("" if images_per_second is None else f"{images_per_second:.0f} fps")

    def set_tool(self, name: str) -> None:
        """Show which tool is active, without emitting ``toolChosen``."""
        next(action for action, tool in self._tool_names().items() if tool == name).setChecked(True)

    def show_panel(self, name: str) -> None:
        """Bring a dock to the front, by its name in ``docks``."""
        self.docks[name].show()
        self.docks[name].raise_()

    # --- comparison -----------------------------------------------------------------------------

    def show_comparison(self, map_side: QWidget, details: QWidget) -> None:
        """Show a second map beside the first, and details below both."""
        self.hide_comparison()
        self._columns = self._dock_layout.columns()
        self._maps.addWidget(map_side, 1)
        self._centre.insertWidget(1, details)
        self._comparison = map_side, details

    def hide_comparison(self) -> None:
        """Remove the second map and the details; panels that they have made narrower get their width back."""
        if not self._comparison:
            return
        for widget in self._comparison:
            widget.hide()
            widget.deleteLater()
        self._comparison = ()
        self._dock_layout.widen_columns(self._columns)

    # --- geometry -------------------------------------------------------------------------------

    def save_layout(self) -> tuple[bytes, bytes]:
        """The window's geometry and the layout of its docks, for ``restore_layout``."""
        return self._dock_layout.save()

    def restore_layout(self, geometry: bytes, state: bytes) -> bool:
        """Restore a saved geometry and layout; ``False`` if they do not fit this window, which then is unchanged."""
        return self._dock_layout.restore(geometry, state)

    def save_panels(self) -> bytes:
        """The layout of the docks alone, for ``restore_panels``."""
        return self._dock_layout.save()[1]

    def restore_panels(self, state: bytes) -> bool:
        """Restore a layout of docks; ``False`` if it does not fit this window, which then is unchanged."""
        return self._dock_layout.restore_state(state)

    def reset_layout(self) -> None:
        """Restore the default layout of docks."""
        self._dock_layout.reset()

    def allow_close(self) -> None:
        """Let the window close, and close it."""
        self._may_close = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Emit ``closeRequested``, and stay open until ``allow_close``."""
        if self._may_close:
            event.accept()
        else:
            event.ignore()
            self.closeRequested.emit()

    # --- events ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Adapt the columns to the window's width."""
        super().resizeEvent(event)
        self._dock_layout.match_columns()

    def event(self, event: QEvent) -> bool:
        """Update the docks' title bars whenever the layout changes."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._dock_layout.match_tabs()
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Emit ``escapePressed``; Enter in a field gives the focus to the map, whose keys would be typed otherwise."""
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Escape:
            self.escapePressed.emit()
        elif is_enter and isinstance(self.focusWidget(), QLineEdit | QAbstractSpinBox):
            self.latent_map.setFocus()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Recolour icons with the palette."""
        if event.type() == QEvent.Type.PaletteChange:
            recolour(self)
        super().changeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept local files, and say what dropping them does."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.drop_hint.set_shown(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Hide what was said about dropping."""
        self.drop_hint.set_shown(False)
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Emit ``pathsDropped``."""
        self.drop_hint.set_shown(False)
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.pathsDropped.emit(paths)

    def _on_lessons(self) -> None:
        self.show_panel("lessons")
        self.docks["lessons"].widget().setFocus()  # during the start the panel is not made yet, and gets it then

    def _on_map_axes(self) -> None:
        self.show_panel("model")
        if hasattr(self, "model_panel"):  # not made yet during the start
            self.model_panel.focus_axes()

    def _on_tool_triggered(self, action: QAction) -> None:
        self.toolChosen.emit(self._tool_names()[action])

    def _tool_names(self) -> dict[QAction, str]:
        a = self.actions_
        return {a.explore: "explore", a.select: "select", a.select_box: "box", a.path: "path"}
