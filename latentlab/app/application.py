"""The composition root: builds session, engine, window and controllers, and takes them down again."""

from __future__ import annotations

import gc
import logging
import platform
import signal
import socket
from collections.abc import Callable, Iterator
from importlib import metadata
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Signal, qVersion
from PySide6.QtGui import QUndoStack

from latentlab import paths
from latentlab.app.crash_report import FaultLog, UncaughtExceptions, take_fault_logs
from latentlab.app.first_paint import FirstPaint
from latentlab.app.prefetch_imports import ImportPrefetcher
from latentlab.app.shutdown import ShutdownController
from latentlab.config.recipes import RECIPES
from latentlab.controllers.actions import ActionsController
from latentlab.controllers.autosave import AutosaveController
from latentlab.controllers.categories import CategoriesController
from latentlab.controllers.codebook import CodebookController
from latentlab.controllers.data import DataController
from latentlab.controllers.dataset_fit import DatasetFitController
from latentlab.controllers.decoded_image import DecodedImageController
from latentlab.controllers.encoded_image import EncodedImageController
from latentlab.controllers.encoded_points import EncodedPointsController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.far_from_data import FarFromDataController
from latentlab.controllers.filmstrip import FilmstripController
from latentlab.controllers.frame_rate import FrameRateController
from latentlab.controllers.levels import LevelController
from latentlab.controllers.manifold import ManifoldController
from latentlab.controllers.model import ModelController
from latentlab.controllers.notifications import NotificationsController
from latentlab.controllers.prior import PriorController
from latentlab.controllers.run_comparison import RunComparisonController
from latentlab.controllers.runs import RunsController
from latentlab.controllers.selection import SelectionController
from latentlab.controllers.snapshots import SnapshotsController
from latentlab.controllers.status_line import StatusLineController
from latentlab.controllers.training import TrainingController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.client.worker_host import WorkerHost
from latentlab.engine.protocol.messages import WorkerReady
from latentlab.gui.panels.log import LogHandler
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.about_dialog import AboutDialog
from latentlab.gui.widgets.report_dialog import ReportDialog
from latentlab.state.activity import Activity
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
        The window's frame and the map; the rest is made by ``build``.
    home
        The worker, already started.
    device, path
        The command line's; ``path`` is opened beside the first model.

    Attributes
    ----------
    window, latent_map, session, activity, engine, undo
        The parts that tests and scripts take hold of.

    Signals
    -------
    closed
        Window and worker are gone.
    """

    closed = Signal()
    _uncaughtCame = Signal(str, str)

    def __init__(self, front: FirstPaint, home: WorkerHost, device: str, path: str | None) -> None:
        super().__init__()
        self._qt, self._settings = front.qt, front.settings
        self.latent_map, self.window = front.make_map(), front.window
        self._home, self._device, self._path = home, device, path
        self._is_closed = False
        self._versions: dict[str, str] = {}
        self._fault_log = FaultLog()
        self.session = Session(self)
        self.activity = Activity(self)
        self.undo = QUndoStack(self)
        self.engine = EngineClient(self)

    # --- building -----------------------------------------------------------------------------------

    def build(self) -> Iterator[None]:
        """Make all that is behind the front, a piece with each step, and listen to the worker; to be run to its end."""
        yield from self.window.build_panels()
        yield from self._build_controllers()
        self._watch_for_trouble()
        yield
        self._dress_window()
        yield
        self.engine.workerReady.connect(self._on_worker_ready)
        self.engine.start(self._home, self._device)
        if self._path is not None:
            self._desk.open(self._path)

    def _build_controllers(self) -> Iterator[None]:
        session, engine, window = self.session, self.engine, self.window
        latent_map, sliders = self.latent_map, window.latent_sliders
        self._explore = ExploreController(session, self.undo, latent_map, sliders, self)
        self._levels = LevelController(session, self.undo, sliders, self)
        self._categories = CategoriesController(session, self._explore, sliders, self)
        self._codes = CodebookController(session, engine, self._explore, sliders, self)
        self._prior = PriorController(session, engine, self._explore, sliders, self)
        self._points = EncodedPointsController(session, latent_map, sliders, self)
        self._image = DecodedImageController(session, engine, window.decoded_image, latent_map, self)
        self._far_from_data = FarFromDataController(session, engine, window.decoded_image, latent_map, self)
        self._encoded_image = EncodedImageController(
            session, engine, self.undo, window.decoded_image, window.notifications, self
        )
        self._manifold = ManifoldController(session, engine, latent_map, self)
        self._filmstrip = FilmstripController(session, engine, window.filmstrip, self)
        self._history = SnapshotsController(
            session, engine, latent_map, window.history_bar, window.filmstrip, window.curves, self
        )
        yield
        self._frame_rate = FrameRateController(engine, window, self)
        self._status_line = StatusLineController(self.activity, window.status, self)
        self._data = DataController(session, engine, window.data_panel, self.activity, self)
        self._dataset_fit = DatasetFitController(session, window.data_panel, window.notifications, self)
        self._model = ModelController(session, engine, self.undo, window.model_panel, self)
        self._training = TrainingController(session, engine, window.training_panel, window.curves, self.activity, self)
        self._runs = RunsController(session, self._training, self._model, window.runs_table, self)
        # Qt hides no panel behind another's tab: only its dock says when it comes to the front.
        window.docks["runs"].visibilityChanged.connect(self._on_runs_seen)
        yield
        self._comparing = RunComparisonController(
            engine, window.curves, window.runs_table, self._choose_run, window.notifications, self
        )
        window.runs_table.compareRequested.connect(lambda _runs: window.show_panel("curves"))
        self._recovery = AutosaveController(session, engine, self._training, window.notifications, self)
        self._import_ahead = ImportPrefetcher(session, self)
        self._notices = NotificationsController(engine, self._training, window.notifications, self._continue_run, self)
        self._desk = ActionsController(
            session, engine, self.undo, window, latent_map, self._settings,
            self._data, self._model, self._encoded_image, self._training, self._recovery, self,
        )  # fmt: skip
        self._leaving = ShutdownController(session, engine, window, self.activity, self._save_last, self)
        self._leaving.leaving.connect(self._recovery.note_closing)
        self._filmstrip.latentPicked.connect(self._explore.go_to)
        self._image.latentPicked.connect(self._explore.go_to)
        self._selection = SelectionController(session, self._explore, self._points, latent_map, self.activity, self)
        latent_map.pathEdited.connect(lambda points: self._filmstrip.set_path(session.plane().lift(points)))
        self._leaving.left.connect(self._on_left)

    def _dress_window(self) -> None:
        window = self.window
        window.training_panel.set_recipes(list(RECIPES.values()))
        window.model_panel.set_bundled([(f"bundled:{name}", title) for name, title in BUNDLED])
        window.actions_.about.triggered.connect(self._on_about)
        if self._settings.set_aside is not None:
            window.notifications.notify(
                "warning", f"The window's settings could not be read and were kept as {self._settings.set_aside}."
            )
        for text in take_fault_logs():
            window.notifications.notify("warning", "latentlab crashed the last time it ran.", text)
        self._recovery.offer()

    def _watch_for_trouble(self) -> None:
        self._log = LogHandler(self.window.log_view)
        logging.getLogger("latentlab").addHandler(self._log)
        self._uncaughtCame.connect(self._on_uncaught)
        # By a signal: an exception of another thread is told on the GUI's.
        self._uncaught = UncaughtExceptions(self._uncaughtCame.emit)

    # --- running ------------------------------------------------------------------------------------

    def run(self) -> int:
        """Enter the event loop until the window is closed; returns the exit code."""
        signals = _Signals(self._leaving.leave, self)
        self.closed.connect(self._qt.quit)
        # What is there now stays: looking through all of it for garbage would cost a frame, now and then.
        gc.freeze()
        try:
            return self._qt.exec()
        finally:
            signals.remove()
            self.close()

    def close(self) -> None:
        """Close everything without asking: a live run is checkpointed, the worker ends, the window goes."""
        if not self._is_closed:
            self._leaving.finish()

    def _save_last(self) -> None:
        self._settings.set_layout(self.window.save_layout())
        self._settings.flush()
        self._recovery.close()

    def _on_left(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._filmstrip.close()
        self._history.close()
        self._runs.close()
        self._image.close()
        self._far_from_data.close()
        self._encoded_image.close()
        self._frame_rate.close()
        self._import_ahead.close()
        logging.getLogger("latentlab").removeHandler(self._log)
        self._uncaught.remove()
        self._fault_log.close()
        self.window.deleteLater()
        self.closed.emit()

    # --- news ---------------------------------------------------------------------------------------

    def _on_worker_ready(self, ready: WorkerReady) -> None:
        self._versions = ready.versions
        self.window.set_device(ready.device)
        self.window.training_panel.set_devices(ready.devices)

    def _on_runs_seen(self, seen: bool) -> None:
        if seen:
            self._runs.look()

    def _choose_run(self, then: Callable[[str], object]) -> None:
        dialogs.choose_folder(self.window, "Add a run to compare", then).setDirectory(str(paths.runs_folder()))

    def _continue_run(self, folder: str) -> None:
        config = self.session.run.config
        if config is not None:
            self._training.start(config, folder, resume=True)

    def _on_uncaught(self, summary: str, details: str) -> None:
        self._recovery.autosave()
        if any(dialog.isVisible() for dialog in self.window.findChildren(ReportDialog)):
            return  # what comes again and again is in the log; one dialog says so
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


class _Signals(QObject):
    """Calls ``leave`` from the event loop when SIGINT or SIGTERM arrives.

    Python runs signal handlers between bytecodes, which an idle Qt loop never reaches: the wake-up socket
    makes the loop turn.
    """

    def __init__(self, leave: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._leave = leave
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_activated)
        self._wakeup = signal.set_wakeup_fd(self._write.fileno())
        self._before = {number: signal.signal(number, self._on_signal) for number in _STOPPING_SIGNALS}

    def remove(self) -> None:
        """Put back what was there before."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

    def _on_activated(self) -> None:
        # Only to let Python run its handler, which happens before this returns.
        self._read.recv(4096)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._leave()


_STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _facts_as_text(facts: dict[str, dict[str, str]]) -> str:
    return "\n".join(f"{name}: {value}" for values in facts.values() for name, value in values.items())
