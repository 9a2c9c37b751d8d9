"""Writes pictures of the window to files, never over what the session has open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QUrl
from PySide6.QtGui import QDesktopServices, QImage, QPixmap

from latentlab.controllers.copied_commands import copy_command
from latentlab.errors import InputError
from latentlab.gui.widgets.toasts import Toasts
from latentlab.state.session import Session
from latentlab.storage import atomic_write
from latentlab.storage.outputs import check_output


def save_picture(path: str, picture: QImage | QPixmap, session: Session) -> None:
    """Write a picture in the format of the file's suffix.

    Raises
    ------
    InputError, RunError
        When the file is one of the open model's or of the open images, has no suffix of a picture, or cannot be
        written.
    """
    model, dataset = session.model, session.dataset
    of_model = [] if model is None else [each for each in (model.source, model.path) if each]
    check_output(path, *of_model, data="" if dataset is None else dataset.source, follows_links=False)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not picture.save(buffer, Path(path).suffix.removeprefix(".") or "png"):  # type: ignore[call-overload]
        raise InputError(f"cannot write {path}: its name must end in .png or .jpg")
    atomic_write(path, bytes(buffer.data().data()))


def show_in_folder(path: str) -> None:
    """Open the folder that a file is in, in the desktop's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(path).absolute().parent)))


def tell_written(notifications: Toasts, path: str, sentence: str, command: str = "") -> None:
    """Say that a file is written, and offer to show it and, if there is one, to copy the command that writes it."""
    actions: list[tuple[str, Callable[[], object]]] = [("Show in folder", partial(show_in_folder, path))]
    if command:
        actions.append(("Copy as command", partial(copy_command, notifications, command, "writes this file")))
    notifications.notify("info", sentence, path, actions)
