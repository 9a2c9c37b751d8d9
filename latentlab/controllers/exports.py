"""Writes pictures of the window to files, never over what the session has open."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage, QPixmap

from latentlab.errors import InputError
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
