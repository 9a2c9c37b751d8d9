"""Export: what can be written of what is open, to where, how far it is, and the command that writes the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.controllers.copied_commands import copy_command, copy_python
from latentlab.controllers.export_command import (
    export_command,
    why_no_export_command,
)
from latentlab.controllers.exports import show_in_folder, tell_written
from latentlab.controllers.filmstrip import MAX_ROWS
from latentlab.controllers.generations import Generations
from latentlab.controllers.manifold import Layout
from latentlab.controllers.path import FILM_SIDE, PathController
from latentlab.controllers.plane_distance import dimming_scale
from latentlab.controllers.traversals import strongest
from latentlab.data.images.png_file import write_png
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    CancelExport,
    CancelFilm,
    DecodeMap,
    ExportCancelled,
    ExportFile,
    ExportFilm,
    ExportProgress,
    Failed,
    FileExported,
    FilmCancelled,
    FilmExported,
    FilmProgress,
    MapDecoded,
    ModelInfo,
)
from latentlab.errors import InputError, LatentlabError
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.latent_map.map_picture import MapPicture, Tiles
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.export_dialog import FOLDER, KINDS, ExportChoice, ExportDialog
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.new_folder import choose_new_folder
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.field_reasons import NO_DECODER
from latentlab.state.map_state import resolve
from latentlab.state.session import Session
from latentlab.storage import RunFolder, atomic_write
from latentlab.storage.explored_model import is_explored
from latentlab.storage.outputs import check_output
from latentlab.utils.stamp import Stamp
from latentlab.utils.text import pluralize

Ranges = tuple[tuple[float, float], tuple[float, float]]
_DOES = "writes this file"
_MESSAGE = "export"  # id of the activity
TRAVERSED = np.linspace(-3, 3, 11, dtype=np.float32)
_OF_MODEL = ("image", "traversals", "latents", "projector", "html", "onnx", "card")
_OF_DECODER = ("image", "traversals", "html", "onnx")
_NO_MODEL = "There is no model: open one first"
_IN_TRAINING = "A run is changing the weights: pause or end it first, so that all of the file is of one model"


class ExportController(QObject):
    """Opens the Export window, and writes what is chosen in it.

    What needs the model is written by the worker, the map and the filmstrip are drawn here and written in a thread.
    Nothing of the session is changed.

    Signals
    -------
    written(path)
        A file is written.
    """

    written = Signal(str)
    _written = Signal(str, str, object)

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        latent_map: LatentMap,
        path: PathController,
        window: MainWindow,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._map = session, engine, latent_map
        self._path, self._window, self._activity = path, window, activity
        self._dialog: ExportDialog | None = None
        self._generations = Generations()
        self._drawn: tuple[str, ExportChoice, MapPicture, Layout] | None = None  # a map that waits for its manifold
        self._commands: dict[str, str] = {}  # by path
        self._place = os.getcwd()  # where folders are made: beside the last one
        self._film = ""  # path of the film of a path that is written from here
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="export")
        actions = window.actions_
        actions.export_map.triggered.connect(lambda: self.open("map"))
        engine.exportProgress.connect(self._on_progress)
        engine.fileExported.connect(self._on_exported)
        engine.exportCancelled.connect(self._on_cancelled)
        engine.mapDecoded.connect(self._on_map_decoded)
        engine.failed.connect(self._on_failed)
        engine.filmProgress.connect(self._on_film_progress)
        engine.filmExported.connect(self._on_film_exported)
        engine.filmCancelled.connect(self._on_film_cancelled)
        self._written.connect(self._on_written)
        for signal in (session.modelChanged, session.datasetChanged, session.runStateChanged, session.pointsChanged,
                       session.pathPlanned, session.axesChanged):  # fmt: skip
            signal.connect(self._show_reasons)

    def close(self) -> None:
        """Close the window, and wait until what is being written is on the disk."""
        if self._dialog is not None:
            self._dialog.close()
            self._dialog.deleteLater()
            self._dialog = None
        self._pool.shutdown()

    # --- the window -----------------------------------------------------------------------------------

    def open(self, kind: str = "") -> ExportDialog:
        """Show the window, with this kind chosen; the one chosen before if empty."""
        if self._dialog is None:
            dialog = self._dialog = ExportDialog(self._window)
            dialog.exportRequested.connect(self._on_export_requested)
            dialog.commandRequested.connect(lambda choice: self.copy(choice, "command"))
            dialog.pythonRequested.connect(lambda choice: self.copy(choice, "Python"))
            dialog.cancelRequested.connect(self._cancel)
            dialog.folderRequested.connect(show_in_folder)
            size = self._map.size()
            dialog.set_map_size(2 * size.width(), 2 * size.height(), 2)
        model = self._session.model
        if model is not None:
            self._dialog.set_scale(max(1, FILM_SIDE // max(model.image_shape[1:])))
        self._dialog.set_has_images(self._has_images())
        if kind:
            self._dialog.show_kind(kind)
        self._show_reasons()
        if not self._dialog.isVisible():
            self._dialog.show()
            self._put_aside(self._dialog)
        self._dialog.activateWindow()
        return self._dialog

    def _put_aside(self, dialog: ExportDialog) -> None:
        """Move the window to the lower right: desktops put it over the middle of the map."""
        corner = self._window.mapToGlobal(self._window.rect().bottomRight())
        size = dialog.frameGeometry().size()
        dialog.move(corner.x() - size.width(), corner.y() - size.height() - self._window.status.height())

    def _has_images(self) -> bool:
        model, dataset = self._session.model, self._session.dataset
        if model is None or dataset is None or not model.has_encoder:
            return False
        return dataset.image_shape == model.image_shape

    def _show_reasons(self, *_changed: object) -> None:
        if self._dialog is not None:
            reasons = {kind.name: self.why_not(kind.name) for kind in KINDS}
            copying = {kind.name: self.why_no_copy(kind.name) for kind in KINDS}
            self._dialog.set_reasons(reasons, copying, format_reasons())

    def why_not(self, kind: str) -> str:
        """Why something cannot be written now; empty if it can."""
        model = self._session.model
        if kind in ("history", "curves"):
            return self._why_no_run(kind)
        if kind == "strip":
            shown = self._window.filmstrip.shown_images()
            return "" if shown is not None else "The filmstrip shows no images"
        if kind == "path":
            return self._path.why_no_film()
        return _NO_MODEL if model is None else self._why_not_of(kind, model)

    def _why_not_of(self, kind: str, model: ModelInfo) -> str:
        """Why something cannot be written of the open model; empty if it can."""
        session = self._session
        is_plain = session.layout.kind == "plain" and not session.layout.is_spatial
        reason = ""
        if session.is_learning and kind in _OF_MODEL:
            reason = _IN_TRAINING
        elif kind in _OF_DECODER and not model.has_decoder:
            reason = NO_DECODER
        elif kind == "traversals" and not is_plain:
            reason = "Only latents that are plain numbers are swept, and this model's are not"
        elif kind == "html" and (not is_plain or model.latent_dim < 2):
            reason = "The page is a map of plain latents of at least two dimensions, and this model has none"
        elif kind == "onnx":
            reason = self._why_no_package(model)
        elif kind in ("latents", "projector") and session.points is None and not self._has_images():
            reason = "No images are encoded: open the images first"
        return reason

    def _why_no_package(self, model: ModelInfo) -> str:
        if find_spec("onnx") is None or find_spec("onnxruntime") is None or find_spec("onnxscript") is None:
            return 'ONNX is not installed: pip install "latentlab[onnx]"'
        if model.recipe == "foreign" or model.config.get("family") == "foreign":
            return "This model is a package of another program already: copy its folder"
        if is_explored(model.source):
            return "The model is in another program's memory: make its package with latentlab adopt"
        return "" if model.source else "The model is in no file yet: save it first"

    def _why_no_run(self, kind: str) -> str:
        run = self._run_folder()
        if not run:
            return "There is no run: train a model, or open a run folder"
        if kind == "history" and not RunFolder(run).snapshots.epochs():
            return "The run has kept no epochs yet"
        return ""

    def _run_folder(self) -> str:
        """The run that is active or whose model is open; empty if there is none."""
        run, model = self._session.run, self._session.model
        if run.is_active and run.folder:
            return run.folder
        if model is None or not model.source or model.source.startswith("bundled:"):
            return ""
        path = Path(model.source).absolute()
        folder = path.parent if path.name == "model.safetensors" else path
        return str(folder) if os.path.isfile(RunFolder(folder).metrics) else ""

    # --- writing --------------------------------------------------------------------------------------

    def _on_export_requested(self, choice: ExportChoice) -> None:
        then = partial(self.write, choice)
        if choice.suffix == FOLDER:
            name = {"onnx": "package", "projector": "projector"}[choice.kind]
            suggested = self._place, new_name(self._place, self.file_name(choice))
            parent = self._dialog or self._window
            choose_new_folder(parent, f"Export: folder of the {name}", suggested, why_no_folder, then)
            return
        kind = next(each for each in KINDS if each.name == choice.kind)
        title = next(title for suffix, title in kind.formats if suffix == choice.suffix)
        dialogs.choose_target(
            self._window, f"Export: {kind.title}", self.file_name(choice), f"{title} (*{choice.suffix})", then
        )

    def file_name(self, choice: ExportChoice) -> str:
        """The name that is suggested."""
        model = self._session.model
        stem = "latentlab" if model is None else model.name
        return f"{stem}-{choice.kind}{choice.suffix}"

    def write(self, choice: ExportChoice, path: str, ranges: Ranges | None = None) -> None:
        """Write what is chosen to a file or a folder; of a map these ranges of the axes, or those in view."""
        try:
            is_plot = choice.kind == "curves" and choice.suffix != ".csv"
            has_command = not is_plot and not self.why_no_copy(choice.kind)
            self._commands[path] = self.command(choice, path) if has_command else ""
            match choice.kind:
                case "map":
                    self._draw_map(choice, path, ranges)
                case "strip":
                    self._write_strip(choice, path)
                case "curves" if is_plot:
                    self._write_plots(choice, path)
                case "path":
                    self._path.write_film(path, choice.scale)
                    self._film = path
                    self._show_progress("Exporting …")
                case _:
                    request = self._request(choice, path)
                    if choice.suffix == FOLDER:
                        self._place = os.path.dirname(os.path.abspath(path))
                    self._engine.request(request)
                    self._show_activity(0, 0)
        except LatentlabError as error:
            self._tell_failure(str(error))

    def _request(self, choice: ExportChoice, path: str) -> ExportFile:
        session, model = self._session, self._session.model
        request = partial(ExportFile, path, choice.kind)  # type: ignore[arg-type]
        if choice.kind in ("history", "curves"):
            run = self._run_folder()
            return request(run=run, of=choice.of, fps=choice.fps, scale=choice.scale)
        if model is None:
            raise InputError(_NO_MODEL)
        return request(
            source=model.source,
            z=session.latent,
            label=session.label if model.conditional else None,
            dimensions=self._dimensions(),
            values=TRAVERSED,
            with_images=choice.with_images and self._has_images(),
            scale=choice.scale,
        )

    def _dimensions(self) -> tuple[int, ...]:
        """The dimensions that are traversed: those with the highest KL, in order."""
        points = self._session.points
        kl = None if points is None else points.kl
        return tuple(sorted(strongest(kl, range(self._session.latent.size), MAX_ROWS)))

    # --- the map and the filmstrip ----------------------------------------------------------------------

    def _draw_map(self, choice: ExportChoice, path: str, ranges: Ranges | None) -> None:
        """Draw the map: its manifold is decoded by the worker, in cells for this size."""
        self._check(path)
        width, height = (max(64, round(side / choice.detail)) for side in (choice.width, choice.height))
        picture = self._map.picture(width, height, float(choice.detail), ranges)
        state = resolve(self._session)
        surface = state.surface
        manifold = next(layer for layer in self._map.layers() if layer.name == "manifold")
        if surface is None or state.viewed_epoch is not None or not manifold.visible or manifold.unavailable:
            self._finish_map(choice, path, picture, "")
            return
        layout = Layout.of(picture.view)
        self._drawn = path, choice, picture, layout
        self._engine.request(
            DecodeMap(
                self._generations.next(),
                surface,
                layout.x_range,
                layout.y_range,
                layout.columns,
                layout.rows,
                state.label,
                with_distances=self._map.layer_stack.trust.isVisible(),
            )
        )
        self._show_activity(0, 0)

    def _on_map_decoded(self, result: MapDecoded) -> None:
        if self._drawn is None or not self._generations.accept(result.generation):
            return
        path, choice, picture, layout = self._drawn
        self._drawn = None
        picture.tiles = Tiles(result.tiles, layout.x_range, layout.y_range)
        if result.distances is not None and result.typical > 0:
            scale = dimming_scale(result.typical)
            picture.set_distances(result.distances, result.x_range, result.y_range, scale)
        self._finish_map(choice, path, picture, result.sha256)

    def _finish_map(self, choice: ExportChoice, path: str, picture: MapPicture, sha256: str) -> None:
        stamp = Stamp(sha256)
        content = map_content(picture, choice.suffix, stamp)
        self._write_later(path, content, "the map")

    def _write_strip(self, choice: ExportChoice, path: str) -> None:
        self._check(path)
        shown = self._window.filmstrip.shown_images()
        if shown is None:
            raise InputError("the filmstrip shows no images")
        rows, columns, height, width = shown.shape[:4]
        sheet = np.swapaxes(shown, 1, 2).reshape(rows * height, columns * width, *shown.shape[4:])
        large = np.ascontiguousarray(sheet.repeat(choice.scale, 0).repeat(choice.scale, 1))
        self._write_later(path, partial(_png, large, Stamp()), "the filmstrip")

    def _write_plots(self, choice: ExportChoice, path: str) -> None:
        """Draw the curves as they are shown."""
        self._check(path)
        curves = self._window.curves
        if not curves.has_picture():
            raise InputError("no curves are drawn yet: open the Curves panel")
        content = partial(_png, curves.pixels(float(choice.detail)), Stamp())
        self._write_later(path, content, "the curves")

    def _check(self, path: str) -> None:
        model, dataset = self._session.model, self._session.dataset
        read = [] if model is None else [each for each in (model.source, model.path) if each]
        check_output(path, *read, data="" if dataset is None else dataset.source, follows_links=False)

    def _write_later(self, path: str, content: Callable[[], bytes], what: str) -> None:
        """Compress and write in a thread."""
        self._show_activity(0, 0)
        done = self._pool.submit(lambda: atomic_write(path, content()))
        done.add_done_callback(lambda future: self._written.emit(path, f"{what} in {Path(path).name}", future))

    def _on_written(self, path: str, sentence: str, future: Future[None]) -> None:
        error = future.exception()
        if error is None:
            self._on_exported(FileExported(path, sentence))
            return
        self._end_activity()
        self._tell_failure(str(error) if isinstance(error, LatentlabError) else f"cannot write {path}: {error}")

    # --- answers --------------------------------------------------------------------------------------

    def _show_activity(self, done: int, total: int) -> None:
        share = f"{100 * done // total} %" if total else "Exporting …"
        entry = ActivityEntry("Exporting", done / total if total else None, cancel=self._cancel)
        self._activity.begin(_MESSAGE, entry)
        self._show_progress(share)

    def _show_progress(self, share: str) -> None:
        if self._dialog is not None:
            self._dialog.set_progress(share)

    def _end_activity(self) -> None:
        self._activity.end(_MESSAGE)
        self._show_progress("")

    def _show_outcome(self, sentence: str, path: str = "") -> None:
        """Say in the Export window, which may lie over the notifications, how the writing has ended."""
        if self._dialog is not None:
            self._dialog.set_progress("")
            self._dialog.set_outcome(sentence, path)

    def _tell_failure(self, message: str) -> None:
        self._window.notifications.notify("warning", message)
        self._show_outcome(f"Not exported: {message}")

    def _cancel(self) -> None:
        self._drawn = None
        self._engine.request(CancelExport())
        if self._film:
            self._engine.request(CancelFilm())

    def _on_progress(self, result: ExportProgress) -> None:
        self._show_activity(result.done, result.total)

    def _on_cancelled(self, _result: ExportCancelled) -> None:
        self._end_activity()
        self._show_outcome("Cancelled: nothing was exported")

    def _on_failed(self, failure: Failed) -> None:
        is_film = failure.request == ExportFilm.__name__ and bool(self._film)
        if is_film or failure.request in (ExportFile.__name__, DecodeMap.__name__):
            self._drawn, self._film = None, ""
            self._end_activity()
            self._show_outcome(f"Not exported: {failure.message}")

    # --- the film of the path, which its own controller writes ------------------------------------------

    def _on_film_progress(self, result: FilmProgress) -> None:
        if self._film:
            self._show_progress(f"{100 * result.done // max(1, result.total)} %")

    def _on_film_exported(self, result: FilmExported) -> None:
        if result.path == self._film:
            self._film = ""
            self._show_outcome(f"Exported {pluralize(result.frames, 'image')} to {Path(result.path).name}", result.path)

    def _on_film_cancelled(self, _result: FilmCancelled) -> None:
        if self._film:
            self._film = ""
            self._show_outcome("Cancelled: nothing was exported")

    def _on_exported(self, result: FileExported) -> None:
        self._end_activity()
        self.written.emit(result.path)
        self.tell(result.path, f"Exported {result.sentence}")

    def tell(self, path: str, sentence: str) -> None:
        """Say that a file is written."""
        tell_written(self._window.notifications, path, sentence, self._commands.pop(path, ""))
        self._show_outcome(sentence, path)

    # --- copying --------------------------------------------------------------------------------------

    def why_no_copy(self, kind: str) -> str:
        """Why no command writes the same; empty if one does."""
        return self.why_not(kind) or why_no_export_command(kind, self._session, self._map, self._path)

    def command(self, choice: ExportChoice, path: str) -> str:
        """The command that writes the same file."""
        return export_command(
            choice, path, self._session, self._map, self._path, self._run_folder(), self._dimensions()
        )

    def copy(self, choice: ExportChoice, language: str) -> None:
        """Copy the ``command`` or the ``Python`` code that writes the same file, or say why there is none."""
        reason = self.why_no_copy(choice.kind)
        if reason:
            self._window.notifications.notify("warning", f"{reason}.")
            return
        if choice.kind == "curves" and choice.suffix != ".csv":
            self._window.notifications.notify("warning", "No command draws the curves: choose CSV.")
            return
        copy = copy_command if language == "command" else copy_python
        copy(self._window.notifications, self.command(choice, self.file_name(choice)), _DOES)

    def command_of(self, choice: ExportChoice) -> str:
        """The command that writes a file with the name that is suggested.

        Raises
        ------
        InputError
            Says why there is none.
        """
        reason = self.why_no_copy(choice.kind)
        if reason:
            raise InputError(f"{reason}.")
        return self.command(choice, self.file_name(choice))


def why_no_folder(path: str) -> str:
    """Why a folder of files cannot be written; empty if it can: it is made, or is empty."""
    try:
        with os.scandir(path) as entries:
            is_empty = not any(entries)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return f"{path} is no folder that can be written: {getattr(error, 'strerror', None) or error}"
    return "" if is_empty else f"{path} is not empty: give the name of a new folder"


def new_name(place: str, name: str) -> str:
    """The name, with a number behind it if there is such a file or folder already."""
    taken = (number for number in range(2, 1000) if not os.path.lexists(os.path.join(place, f"{name}-{number}")))
    return f"{name}-{next(taken, 1000)}" if os.path.lexists(os.path.join(place, name)) else name


def format_reasons() -> dict[str, str]:
    """Why no file with a suffix can be written here; empty texts for those that can."""
    return {
        ".mp4": "" if find_spec("av") else 'PyAV is not installed: pip install "latentlab[video]"',
        ".parquet": "" if find_spec("pyarrow") else 'pyarrow is not installed: pip install "latentlab[hf]"',
    }


def map_content(picture: MapPicture, suffix: str, stamp: Stamp) -> Callable[[], bytes]:
    """What makes the bytes of a map's file: the drawing is done, the compression of a PNG file is not."""
    if suffix == ".svg":
        text = picture.svg(stamp.text())
        return lambda: text
    return partial(_png, picture.image(), stamp)


def _png(pixels: np.ndarray, stamp: Stamp) -> bytes:
    file = BytesIO()
    write_png(file, pixels, stamp)
    return file.getvalue()
