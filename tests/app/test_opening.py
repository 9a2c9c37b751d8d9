"""Datasets of every kind of file through the dialog and by drop, in the real window."""

from __future__ import annotations

import tarfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog

from tests.app.conftest import SECONDS, find
from tests.data.helpers import encoded

VALUES = [10, 60, 110, 160, 210]


def in_parquet(path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"image": [{"bytes": encoded(value), "path": None} for value in VALUES]}), path)


def in_hdf5(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file["images"] = plain()


def in_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number, value in enumerate(VALUES):
            archive.writestr(f"{number}.png", encoded(value))


def in_tar(path: Path) -> None:
    for number, value in enumerate(VALUES):
        (path.parent / f"{number}.png").write_bytes(encoded(value))
    with tarfile.open(path, "w:gz") as archive:
        for number in range(len(VALUES)):
            archive.add(path.parent / f"{number}.png", f"{number}.png")


def in_video(path: Path) -> None:
    pytest.importorskip("av")
    from tests.data.sources.test_video import write

    write(path, count=len(VALUES))


def in_tiff(path: Path) -> None:
    first, *others = (Image.fromarray(image) for image in plain())
    first.save(path, save_all=True, append_images=others)


def in_list(path: Path) -> None:
    for number, value in enumerate(VALUES):
        (path.parent / f"{number}.png").write_bytes(encoded(value))
    path.write_text("".join(f"{number}.png\n" for number in range(len(VALUES))))


def plain() -> np.ndarray:
    return np.stack([np.full((8, 8), value, np.uint8) for value in VALUES])


FILES = {
    "a.parquet": in_parquet,
    "a.h5": in_hdf5,
    "a.zip": in_zip,
    "a.tar.gz": in_tar,
    "a.mp4": in_video,
    "a.tif": in_tiff,
    "a.txt": in_list,
}


def choose(application, path: Path) -> None:
    """Open a file through the dialog, which must list it."""
    application.window.actions_.open_file.trigger()
    dialog = application.window.findChildren(QFileDialog)[-1]
    patterns = dialog.nameFilters()[0].partition("(")[2].removesuffix(")").split()
    assert any(fnmatch(path.name, pattern) for pattern in patterns)
    dialog.fileSelected.emit(str(path))
    dialog.close()


def drop(application, path: Path) -> None:
    """Drop a file onto the window."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    application.window.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, button, keys))


@pytest.mark.parametrize("name", FILES)
def test_a_dataset_file_opens_through_the_dialog_and_by_drop(application, qtbot, tmp_path, name):
    path = tmp_path / "files" / name
    path.parent.mkdir()
    FILES[name](path)
    for way in (choose, drop):
        with qtbot.waitSignal(application.engine.datasetOpened, timeout=SECONDS):
            way(application, path)
        dataset = application.session.dataset
        assert (dataset.source, dataset.images) == (str(path), len(VALUES))
        assert find(application, "datasetPath").text() == str(path)
        assert application.window.data_panel.isVisible()


def test_classes_that_the_model_does_not_know_are_named_in_a_notice(application, qtbot, tmp_path):
    """A model that reads classes takes images of other classes as unlabelled, and the window says so."""
    for name in ("cat", "dog"):
        (tmp_path / "images" / name).mkdir(parents=True)
        Image.new("L", (8, 8), 90).save(tmp_path / "images" / name / "a.png")
    fixture = Path(__file__).parents[1] / "fixtures" / "v1" / "models" / "cvae.safetensors"
    application.open(str(fixture))
    qtbot.waitUntil(lambda: application.session.model.name == "cvae", timeout=SECONDS)
    application.window.pathsDropped.emit([str(tmp_path / "images")])
    expected = "The model does not know the classes cat, dog: it takes 2 images as unlabelled"

    def is_said() -> bool:
        return any(expected in message for message in application.window.notifications.messages())

    qtbot.waitUntil(is_said, timeout=SECONDS)
