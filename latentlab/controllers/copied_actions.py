"""Every action that computes, with the command that repeats it: the menu *Tools → Copy as command*."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

from latentlab.controllers.compare import CompareController
from latentlab.controllers.copied_commands import copy_command, model_argument
from latentlab.controllers.export import ExportController
from latentlab.controllers.export_command import written
from latentlab.controllers.model_command import command_of_model
from latentlab.errors import InputError, LatentlabError
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.export_dialog import KINDS, ExportChoice
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.state.session import Session
from latentlab.storage.explored_model import is_explored
from latentlab.utils.source_names import absolute_source

NEIGHBOURS = 8
ELSEWHERE = {
    "generate": "the Generate panel",
    "direction": "the menu of a direction on the Board",
    "impute": "the Image panel, with a hidden region",
    "inspect": "the Image panel",
    "path": "the bar of the path, and the Export window",
}
"""Actions whose command is copied where their settings are."""


class CopiedActions(QObject):
    """Fills the menu, and says why a command cannot be copied now.

    Attributes
    ----------
    names
        Names of the actions, in order: those of ``ELSEWHERE`` and of the Export window have their own places, too.
    """

    def __init__(
        self,
        session: Session,
        export: ExportController,
        compare: CompareController,
        window: MainWindow,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._export, self._compare, self._window = session, export, compare, window
        self._makers: dict[str, tuple[str, str, Callable[[], str]]] = {
            "train": ("&Training", "trains this model", lambda: command_of_model(session)),
            "evaluate": ("&Evaluation", "measures this model on the open images", self._evaluate),
            "encode": ("E&ncoding", "writes the latents of the open images", self._encode),
            "decode": ("&Decoded image", "writes the image of this latent", self._decode),
            "neighbours": ("Nearest &images", "finds the images nearest to this latent", self._neighbours),
            "compare": ("&Comparison", "compares both models on the open images", self._compared),
        }
        titles = {kind.name: kind.title for kind in KINDS}
        for kind in ("map", "traversals", "projector", "html", "onnx", "card", "history", "curves"):
            suffix = next(each.formats[0][0] for each in KINDS if each.name == kind)
            make = partial(self._exported, ExportChoice(kind, suffix))
            self._makers[kind] = titles[kind], "writes this file", make
        self.names = tuple(self._makers)
        self._actions: dict[str, QAction] = {}
        for name, (title, does, _) in self._makers.items():
            action = QAction(title, window.copy_menu)
            action.setObjectName(f"copyCommand{name.capitalize()}")
            action.triggered.connect(partial(self._copy, name, does))
            window.copy_menu.addAction(action)
            self._actions[name] = action
        window.copy_menu.setToolTipsVisible(True)
        window.copy_menu.aboutToShow.connect(self._show_reasons)

    def command(self, name: str) -> str:
        """The command that repeats an action, one line for a POSIX shell.

        Raises
        ------
        InputError
            Says why there is none.
        """
        return self._makers[name][2]()

    def why_not(self, name: str) -> str:
        """Why no command repeats an action now; empty if one does."""
        try:
            self.command(name)
        except LatentlabError as error:
            return str(error)
        return ""

    def _copy(self, name: str, does: str, _checked: bool = False) -> None:
        try:
            command = self.command(name)
        except LatentlabError as error:
            self._window.notifications.notify("warning", str(error))
            return
        copy_command(self._window.notifications, command, does)

    def _show_reasons(self) -> None:
        for name, action in self._actions.items():
            reason = self.why_not(name)
            action.setEnabled(not reason)
            set_tool_tip(action, reason or f"Copy the command that {self._makers[name][1]}")

    # --- the commands ---------------------------------------------------------------------------------

    def _source(self) -> str:
        """The open model on the command line."""
        model = self._session.model
        if model is None:
            raise InputError("Open a model first.")
        if self._session.run_is_active or not model.source:
            raise InputError("The model is being trained: its weights are in no file yet.")
        if is_explored(model.source):
            raise InputError("The model is in another program's memory: no command can open it.")
        return model_argument(model.source)

    def _data(self) -> list[str]:
        """The open images on the command line."""
        model, dataset = self._session.model, self._session.dataset
        if dataset is None:
            raise InputError("Open images first.")
        if model is not None and dataset.image_shape != model.image_shape:
            raise InputError("The open images are of another size than the model's.")
        limit = dataset.config.limit
        return [absolute_source(dataset.source), *([] if limit is None else ["--limit", str(limit)])]

    def _label(self) -> list[str]:
        model, label = self._session.model, self._session.label
        return ["--label", str(label)] if model is not None and model.conditional and label is not None else []

    def _evaluate(self) -> str:
        return shlex.join(["latentlab", "evaluate", self._source(), *self._data()])

    def _encode(self) -> str:
        return shlex.join(["latentlab", "encode", self._source(), *self._data(), "--out", "latents.npz"])

    def _decode(self) -> str:
        latent = written(self._session.latent)
        return shlex.join(
            ["latentlab", "decode", self._source(), f"--z={latent}", *self._label(), "--out", "image.png"]
        )

    def _neighbours(self) -> str:
        words = [self._source(), *self._data(), f"--z={written(self._session.latent)}", "-k", str(NEIGHBOURS)]
        return shlex.join(["latentlab", "neighbours", *words])

    def _compared(self) -> str:
        other = self._compare.compared
        if other is None:
            raise InputError("No other model is compared: choose one in Tools, Compare with.")
        if other[1] is not None:
            raise InputError("The comparison is with an epoch of a run, which no command opens.")
        return shlex.join(["latentlab", "compare", self._source(), model_argument(other[0]), *self._data()])

    def _exported(self, choice: ExportChoice) -> str:
        return self._export.command_of(choice)
