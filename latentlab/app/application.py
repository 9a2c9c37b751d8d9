"""The composition root: builds session, engine, window and controllers, and closes them."""

from __future__ import annotations

import gc
import logging
import platform
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Qt, Signal, qVersion
from PySide6.QtWidgets import QDialog

from latentlab import paths
from latentlab.app.crash_report import FaultLog, UncaughtExceptions, take_fault_logs
from latentlab.app.desktop_notifier import DesktopNotifier
from latentlab.app.first_paint import FirstPaint
from latentlab.app.garbage import GuiThreadCollector
from latentlab.app.prefetch_imports import ImportPrefetcher
from latentlab.app.shutdown import ShutdownController
from latentlab.config import DataConfig
from latentlab.config.recipe_titles import title_of
from latentlab.config.recipes import RECIPES
from latentlab.controllers.actions import ActionsController
from latentlab.controllers.autosave import AutosaveController
from latentlab.controllers.board import BoardController
from latentlab.controllers.board_menu import BoardMenuController
from latentlab.controllers.categories import CategoriesController
from latentlab.controllers.codebook import CodebookController
from latentlab.controllers.compare import CompareController
from latentlab.controllers.compare_menu import CompareMenuController
from latentlab.controllers.components import ComponentController
from latentlab.controllers.context_menus import MapMenuController
from latentlab.controllers.copied_actions import CopiedActions
from latentlab.controllers.data import DataController, DatasetFitController
from latentlab.controllers.decoded_image import DecodedImageController
from latentlab.controllers.desktop_notices import DesktopNoticeController
from latentlab.controllers.dimension import DimensionController
from latentlab.controllers.directions import DirectionController
from latentlab.controllers.embedding import EmbeddingController
from latentlab.controllers.encoded_image import EncodedImageController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.explored import ExploredController
from latentlab.controllers.export import ExportController
from latentlab.controllers.far_from_data import FarFromDataController
from latentlab.controllers.filmstrip import FilmstripController
from latentlab.controllers.frame_rate import FrameRateController
from latentlab.controllers.generate import GenerateController
from latentlab.controllers.image_chooser import ImageChooserController
from latentlab.controllers.latent_map import MapController
from latentlab.controllers.lesson_actions import LessonDoors
from latentlab.controllers.lessons import LessonsController
from latentlab.controllers.levels import LevelController
from latentlab.controllers.model import ModelController
from latentlab.controllers.model_opening import ModelOpeningController
from latentlab.controllers.neighbours import NeighboursController
from latentlab.controllers.notifications import NotificationsController
from latentlab.controllers.opened_run import OpenedRunController
from latentlab.controllers.osc import OscController
from latentlab.controllers.pair_plot import PairPlotController
from latentlab.controllers.path import PathController
from latentlab.controllers.picking import PickController
from latentlab.controllers.play import PlayController
from latentlab.controllers.preferences import PreferencesController
from latentlab.controllers.prior import PriorController
from latentlab.controllers.recent_files import RecentFilesController
from latentlab.controllers.run_comparison import RunComparisonController
from latentlab.controllers.runs import RunsController
from latentlab.controllers.selection import SelectionController
from latentlab.controllers.selection_panel import SelectionPanelController
from latentlab.controllers.session_document import SessionDocumentController
from latentlab.controllers.session_parts import ComparisonPart, MapPart, OscillatorsPart, PanelsPart
from latentlab.controllers.session_restore import SessionRestorer
from latentlab.controllers.session_snapshot import SessionSnapshots
from latentlab.controllers.snapshots import SnapshotsController
from latentlab.controllers.source_watch import SourceWatchController
from latentlab.controllers.status_line import StatusLineController
from latentlab.controllers.tool_hints import ToolHintController
from latentlab.controllers.tour import TourController
from latentlab.controllers.training import TrainingController
from latentlab.controllers.undo_history import UndoHistoryController, undo_stack
from latentlab.controllers.worker_status import WorkerStatusController
from latentlab.controllers.your_image import YourImageController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.client.worker_host import WorkerHost
from latentlab.engine.protocol.messages import Train, WorkerReady
from latentlab.gui.commands import Command
from latentlab.gui.panels.log import LogHandler
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.dialogs import AboutDialog, ReportDialog
from latentlab.state.activity import Activity
from latentlab.state.preference_store import PreferenceStore
from latentlab.state.selection import Selection
from latentlab.state.session import Session

BUNDLED = (
    ("mnist-2d", "Handwritten digits, 2 dimensions"),
    ("mnist-10d", "Handwritten digits, 10 dimensions"),
    ("shapes-6d", "Shapes of known factors, 6 dimensions"),
)


class Application(QObject):
    """The running program.

    Parameters
    ----------
    front
        The window's frame, and the map, which has been built; the rest is made by ``build``.
    host
        The worker, already started.
    device, path
        The command line's; ``path`` is opened in addition to the first model.

    Attributes
    ----------
    window, latent_map, session, activity, engine, undo
        The parts that tests and scripts use.
    map, data, model, training, lessons, play, restorer, document
        Controllers that they use.

    Signals
    -------
    closed
        Window and worker are gone.
    """

    closed = Signal()
    _exceptionCaught = Signal(str, str)
    _reportReady = Signal(str, str)

    def __init__(self, front: FirstPaint, host: WorkerHost, device: str, path: str | None) -> None:
        super().__init__()
        self._qt, self._settings = front.qt, front.settings
        self.latent_map, self.window = front.latent_map, front.window
        self._host, self._device, self._path = host, device, path
        self._is_closed = False
        self._versions: dict[str, str] = {}
        self._fault_log = FaultLog()
        self._collector = GuiThreadCollector(self)
        self.session = Session(self)
        self.activity = Activity(self)
        self.undo = undo_stack(self)
        self.engine = EngineClient(self)
        self._controllers = QObject(self)  # their parent: deleted before the window, so that none updates a dead widget

    # --- building -----------------------------------------------------------------------------------

    def build(self) -> Iterator[None]:
        """Make the panels and controllers, one part a step, and connect to the worker; must be run to its end."""
        yield from self.window.build_panels()
        self._build_explorers()
        yield
        self._build_panel_controllers()
        yield
        self._build_window_controllers()
        self._watch_for_errors()
        yield
        self._fill_window()
        self._tour = TourController(self.window, self._settings, self._controllers)
        self.window.lessons_panel.lessonOpened.connect(self._tour.end)  # they would cover each other
        yield
        self.engine.workerReady.connect(self._on_worker_ready)
        self.engine.start(self._host, self._device)
        if self._path is not None:
            self.open(self._path)

    def _build_explorers(self) -> None:
        """Make the controllers of the latent space: the map, the sliders and what replaces them, images, strips."""
        session, engine, window, parent = self.session, self.engine, self.window, self._controllers
        latent_map, sliders, image = self.latent_map, window.latent_sliders, window.decoded_image
        # First of all: the worker decodes while the others follow a new latent.
        DecodedImageController(session, engine, image, parent, paint_hold=window.paint_hold)
        UndoHistoryController(session, self.undo, self.activity, parent)
        explore = self._explore = ExploreController(session, self.undo, latent_map, sliders, parent)
        NeighboursController(session, engine, explore, self.undo, image.nearest, parent)
        LevelController(session, self.undo, sliders, parent)
        CategoriesController(session, explore, sliders, parent)
        CodebookController(session, engine, explore, sliders, parent)
        components = ComponentController(session, explore, sliders, parent)
        components.openDatasetRequested.connect(window.actions_.open_folder.trigger)
        PriorController(session, engine, explore, sliders, parent)
        self._selection = SelectionController(session, self.undo, latent_map, self.activity, parent)
        actions = window.actions_
        actions.select_all.triggered.connect(self._selection.select_all)
        actions.select_none.triggered.connect(self._selection.clear)
        actions.invert_selection.triggered.connect(self._selection.invert)
        EmbeddingController(session, engine, self.activity, parent)
        self.map = MapController(session, engine, latent_map, parent)
        FarFromDataController(session, engine, image, parent)
        self._encoded_image = EncodedImageController(session, engine, self.undo, image, window.notifications, parent)
        path = PathController(session, engine, explore, self.undo, latent_map, window, self.activity, parent)
        self.export = ExportController(session, engine, latent_map, path, window, self.activity, parent)
        filmstrip = FilmstripController(session, engine, window.filmstrip, parent)
        compare = self.compare = CompareController(session, engine, explore, window, self.activity, parent)
        self.copied = CopiedActions(session, self.export, compare, window, parent)
        CompareMenuController(session, engine, compare, window, _bundled(), parent)
        GenerateController(
            session, engine, explore, self.undo, window.generate_panel, window.notifications, self.activity, parent
        )
        SnapshotsController(session, engine, window.snapshot_bar, window.filmstrip, window.curves, parent)
        dimension = DimensionController(session, engine, self.undo, sliders, window, parent)
        dimension.latentPicked.connect(explore.go_to)
        filmstrip.latentPicked.connect(explore.go_to)
        self._build_board(explore)

    def _build_board(self, explore: ExploreController) -> None:
        """Make the controllers of what is kept."""
        session, engine, window, parent = self.session, self.engine, self.window, self._controllers
        board = BoardController(session, engine, self.undo, window.board, window.actions_, self.activity, parent)
        YourImageController(
            session, engine, explore, self.undo, self._encoded_image, board, window, self.activity, parent
        )
        sliders = window.latent_sliders.directions
        directions = self.directions = DirectionController(
            session, engine, self.undo, board, explore, sliders, self.activity, window, parent
        )
        self._board_menu = BoardMenuController(
            session, self.undo, board, directions, self._selection, explore, window, parent
        )
        play = self.play = PlayController(session, self.undo, board, window, parent)
        self._osc = OscController(session, engine, play, window.play_panel, parent)

    def _build_panel_controllers(self) -> None:
        """Make the controllers of data, model and training."""
        session, engine, window, parent = self.session, self.engine, self.window, self._controllers
        self._build_selection_controllers()
        self._frame_rate = FrameRateController(engine, window, parent)
        MapMenuController(session, self._explore, self.latent_map, window, parent)
        is_first_start = self._settings.layout() is None
        hints = ToolHintController(session, window, self.activity, is_first_start=is_first_start, parent=parent)
        PickController(session, self._explore, self.latent_map, hints, parent)
        status_line = StatusLineController(self.activity, window.status, parent)
        window.actions_.show_activities.triggered.connect(status_line.show_list)
        WorkerStatusController(session, engine, self.activity, window, parent)
        self.data = DataController(session, engine, window.data_panel, self.activity, parent)
        self._dataset_fit = DatasetFitController(session, window.data_panel, window.notifications, parent)
        self.model = ModelController(session, engine, self.undo, window.model_panel, parent)
        PairPlotController(session, self.undo, window.model_panel, self.latent_map, window, parent)
        self.training = TrainingController(session, engine, window.training_panel, window.curves, self.activity, parent)
        opened_run = OpenedRunController(session, engine, window.training_panel, window.curves, self.activity, parent)
        opened_run.unfinishedRunOpened.connect(lambda: window.show_panel("training"))
        self._runs = RunsController(session, self.training, self.model, window.runs_table, parent)
        # A panel behind another tab is not hidden for Qt: only its dock reports that it comes to the front.
        window.docks["runs"].visibilityChanged.connect(self._on_runs_visibility_changed)

    def _build_selection_controllers(self) -> None:
        """Make the controllers of the Selection panel."""
        session, engine, window, parent = self.session, self.engine, self.window, self._controllers
        panel, selection = window.selection_panel, self._selection
        ImageChooserController(session, engine, selection, panel.chooser, self.activity, parent)
        self._selection_panel = SelectionPanelController(
            session, engine, self.undo, selection, self._explore, panel, window.notifications, self.activity, parent
        )
        panel.keepRequested.connect(window.actions_.keep_selection.trigger)
        self._board_menu.train_on = self._train_on
        self._selection_panel.subsetWritten.connect(self._on_subset_written)
        window.docks["selection"].visibilityChanged.connect(self._selection_panel.set_shown)
        window.toolChosen.connect(self._on_tool_chosen)

    def _train_on(self, selection: Selection) -> None:
        """Select kept images, and prepare a run on them."""
        self._selection.select(selection)
        self._selection_panel.train(inside=True)

    def _build_window_controllers(self) -> None:
        """Make the controllers of the window as a whole."""
        session, engine, window, parent = self.session, self.engine, self.window, self._controllers
        notifications = window.notifications
        RunComparisonController(engine, window.curves, window.runs_table, self._choose_run, notifications, parent)
        window.runs_table.compareRequested.connect(lambda _runs: window.show_panel("curves"))
        self._build_session_controllers()
        self._prefetcher = ImportPrefetcher(session, parent)
        self._actions = ActionsController(
            session, engine, self.undo, window, self.latent_map,
            self.data, self.model, self._encoded_image, self.training, self.document, parent,
        )  # fmt: skip
        self._preferences = PreferenceStore(self._settings, parent=parent)
        PreferencesController(session, engine, self._preferences, self.training, self._frame_rate, window, parent)
        recent = RecentFilesController(window, self._settings, self._actions.open, parent)
        for opened in (self.data.opened, self.model.opened, self.model.saved, self.document.opened):
            opened.connect(recent.add)
        watch = SourceWatchController(session, notifications, self._actions.open, parent)
        self.model.saved.connect(watch.note_written)
        NotificationsController(
            engine, self.training, notifications, self._continue_run, self._actions.request_again, parent
        )
        self.lessons = self._make_lessons()
        self._dataset_fit.is_user_opening = lambda: not self.lessons.runner.is_running
        ModelOpeningController(engine, self.model, self.activity, parent)
        notifier = DesktopNotifier(parent)
        DesktopNoticeController(
            engine, self.training, window, notifier.notify, lambda: self._preferences.value.notices.desktop, parent
        )
        self._shutdown = ShutdownController(session, engine, window, self.activity, self._save_on_exit, parent)
        self._shutdown.closing.connect(self._autosave.note_closing)
        explored = ExploredController(session, notifications, parent)
        explored.closeRequested.connect(self._shutdown.close)
        self._shutdown.closing.connect(explored.close)
        self._shutdown.closed.connect(self._on_shut_down)
        # The end of the user's session, which does not wait for an answer to a question.
        self._qt.commitDataRequest.connect(self.close)

    def _build_session_controllers(self) -> None:
        """Make the controllers that save and restore what the window shows."""
        session, engine, window, parent = self.session, self.engine, self.window, self._controllers
        parts = (
            MapPart(window, self.latent_map, parent),
            OscillatorsPart(self.play, parent),
            ComparisonPart(self.compare, parent),
            PanelsPart(window, parent),  # last: tools bring panels to the front
        )
        snapshots = SessionSnapshots(session, parts, window.notifications)
        restorer = self.restorer = SessionRestorer(session, engine, self.training, snapshots, parts, parent)
        self._autosave = AutosaveController(session, snapshots, restorer, window.notifications, parent)
        self.document = SessionDocumentController(session, self._autosave, restorer, window, parts, parent)

    def _make_lessons(self) -> LessonsController:
        window = self.window
        doors = LessonDoors(
            self.session, self.engine, window, self.latent_map, self._explore, self.data, self.model, self.training,
            self._encoded_image,
        )  # fmt: skip
        return LessonsController(
            doors, self._autosave, self.restorer, window.lessons_panel, self._settings, self._controllers
        )

    def _fill_window(self) -> None:
        window = self.window
        window.training_panel.set_recipes(list(RECIPES.values()))
        window.commands.add(self._recipe_commands)
        shortcuts = window.help.shortcuts
        shortcuts.apply(self._settings.shortcuts())
        shortcuts.changed.connect(self._settings.set_shortcuts)
        window.model_panel.set_bundled(_bundled())
        window.actions_.about.triggered.connect(self._on_about)
        if self._settings.set_aside is not None:
            window.notifications.notify(
                "warning",
                f"The window's settings could not be read and were kept as {self._settings.set_aside}.",
                important=True,
            )
        for text in take_fault_logs():
            window.notifications.notify("warning", "latentlab crashed the last time it ran.", text, important=True)
        if not self._autosave.offer() and self._path is None:
            self._open_last()

    def _recipe_commands(self) -> list[Command]:
        """What the command palette offers to choose a recipe."""
        refused = "A run is active" if self.session.run_is_active else ""
        return [
            Command(
                f"{title_of(name)} · {name}",
                "Recipe",
                partial(self._choose_recipe, name),
                reason=refused,
                about=recipe.summary,
            )
            for name, recipe in RECIPES.items()
        ]

    def _choose_recipe(self, name: str) -> None:
        self.window.show_panel("training")
        self.window.training_panel.choose_recipe(name)

    def _open_last(self) -> None:
        """Open the last session if that is preferred, or offer it."""
        if self._preferences.value.start.opens != "last session" or not self._autosave.reopen_last():
            self._autosave.offer_last()

    def _watch_for_errors(self) -> None:
        self._log = LogHandler(self.window.log_view)
        self.window.notifications.notified.connect(self.window.log_view.add_notice)
        logging.getLogger("latentlab").addHandler(self._log)
        # By a signal: an exception of another thread is reported on the GUI thread.
        self._exceptionCaught.connect(self._on_exception)
        self._reportReady.connect(self._show_report, Qt.ConnectionType.QueuedConnection)
        self._exceptions = UncaughtExceptions(self._exceptionCaught.emit)

    def open(self, source: str) -> None:
        """Open a model, run folder, session, image folder, dataset file or image."""
        self._actions.open(source)

    # --- running ------------------------------------------------------------------------------------

    def run(self, *, shows_tour: bool = False) -> int:
        """Enter the event loop until the window is closed; returns the exit code.

        With ``shows_tour`` the hints of the first start are shown, if they never were, once the first image is there.
        """
        if shows_tour and self._qt.platformName() not in _WITHOUT_PEOPLE:
            self.engine.decoded.connect(self._offer_tour, Qt.ConnectionType.SingleShotConnection)
        signals = _Signals(self._shutdown.close, self)
        self.closed.connect(self._qt.quit)
        # The present objects stay: a garbage collection that searched them all would delay a frame.
        gc.freeze()
        try:
            return self._qt.exec()
        finally:
            signals.remove()
            self.close()

    def close(self) -> None:
        """Close everything without asking: an active run is checkpointed, the worker ends, the window closes."""
        if not self._is_closed:
            self._shutdown.finish()

    def _offer_tour(self, _decoded: object) -> None:
        if not self.window.findChildren(QDialog):  # an offer to restore comes first
            self._tour.offer()

    def _save_on_exit(self) -> None:
        self._settings.set_layout(self.window.save_layout())
        self._settings.flush()
        self.lessons.close()
        self._autosave.close()

    def _on_shut_down(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._qt.commitDataRequest.disconnect(self.close)
        self._runs.close()
        self.export.close()
        self._prefetcher.close()
        logging.getLogger("latentlab").removeHandler(self._log)
        self._exceptions.remove()
        self._fault_log.close()
        # While Python still holds the commands: garbage collection may free them before the stack, which then crashes.
        self.undo.clear()
        self._collector.close()
        self._controllers.deleteLater()
        self.window.deleteLater()
        self.closed.emit()

    # --- signals ------------------------------------------------------------------------------------

    def _on_worker_ready(self, ready: WorkerReady) -> None:
        self._versions = ready.versions
        self.window.set_device(ready.device)
        self.window.training_panel.set_devices(ready.devices)

    def _on_tool_chosen(self, tool: str) -> None:
        if tool in ("select", "box"):
            self.window.show_panel("selection")

    def _on_subset_written(self, source: str, config: DataConfig) -> None:
        """Open the images to train on, and show the settings of the run, which are those of the run before."""
        self.training.keep_settings_for(source)
        self.data.open(source, config)
        self.window.show_panel("training")

    def _on_runs_visibility_changed(self, is_visible: bool) -> None:
        if is_visible:
            self._runs.refresh()

    def _choose_run(self, then: Callable[[str], object]) -> None:
        dialogs.choose_folder(self.window, "Add a run to compare", then).setDirectory(str(paths.runs_folder()))

    def _continue_run(self, request: Train) -> None:
        run = self.session.run
        # The session knows the settings that were changed during the run, unless another run was opened since.
        config = run.config if run.folder == request.out and run.config is not None else request.config
        self.training.start(config, request.out, request.resume)

    def _on_exception(self, summary: str, details: str) -> None:
        try:
            self._autosave.autosave()
        finally:  # an exception of the autosave is only logged: the first one is what is reported
            # Not at once: what failed may be a paint event, and a window must not open inside it.
            self._reportReady.emit(summary, details)

    def _show_report(self, summary: str, details: str) -> None:
        if any(dialog.isVisible() for dialog in self.window.findChildren(ReportDialog)):
            return  # one dialog is enough: repeated exceptions are in the log
        ReportDialog(summary, f"{details}\n{_facts_as_text(self._facts())}", self.window).open()

    def _on_about(self) -> None:
        AboutDialog(self._facts(), self.window).open()

    def _facts(self) -> dict[str, dict[str, str]]:
        versions = {"latentlab": metadata.version("latentlab"), "Python": platform.python_version(), "Qt": qVersion()}
        return {
            "Versions": versions | self._versions,
            "Machine": {"system": platform.platform(), "device": self.window.device.text()},
            "Paths": {
                "data": str(paths.data_folder()),
                "cache": str(paths.cache_folder()),
                "settings": str(paths.settings_file()),
            },
        }


def _bundled() -> list[tuple[str, str]]:
    """Source and title of each bundled model."""
    return [(f"bundled:{name}", title) for name, title in BUNDLED]


class _Signals(QObject):
    """Calls ``close`` from the event loop when SIGINT or SIGTERM arrives.

    Python runs signal handlers between bytecodes, which an idle Qt event loop does not execute: the wake-up socket
    wakes it.
    """

    def __init__(self, close: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._close = close
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_activated)
        self._wakeup = signal.set_wakeup_fd(self._write.fileno())
        self._before = {number: signal.signal(number, self._on_signal) for number in _STOPPING_SIGNALS}

    def remove(self) -> None:
        """Restore the previous handlers."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

    def _on_activated(self) -> None:
        # Python runs its handler before this returns.
        self._read.recv(4096)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._close()


_WITHOUT_PEOPLE = ("offscreen", "minimal")
"""Qt's platforms on which nobody looks at the window."""
_STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _facts_as_text(facts: dict[str, dict[str, str]]) -> str:
    return "\n".join(f"{name}: {value}" for values in facts.values() for name, value in values.items())
