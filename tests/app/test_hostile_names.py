"""Whatever files, classes, columns and runs are called, the window shows plain, visible, short text."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QObject, QPoint, Qt
from PySide6.QtGui import QAction, QHelpEvent
from PySide6.QtGui import Qt as QtText
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QGraphicsTextItem,
    QGraphicsView,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QTabBar,
    QToolTip,
    QWidget,
)

from latentlab import paths
from latentlab.config import DataConfig
from latentlab.config.events import Adjusted, Epoch, Warned
from latentlab.config.info import DatasetInfo
from latentlab.engine.protocol.messages import (
    DatasetOpened,
    DatasetProgress,
    Failed,
    ImageEncoded,
    ModelChanged,
    ModelSaved,
    NearestFound,
    Notice,
    PointsChanged,
    RunFollowed,
    TrainingEvent,
)
from latentlab.gui.curves.runs_table import Column
from latentlab.gui.main_window import RecentGroup
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.dialogs import AboutDialog, ReportDialog
from latentlab.state.activity import ActivityEntry
from tests.app.conftest import SECONDS, find

pytestmark = pytest.mark.qt_log_ignore("does not support raise", extend=True)  # a tooltip, offscreen
V1 = Path(__file__).parents[1] / "fixtures" / "v1"
# What a file system takes as a name; a table, a model file or a run's metrics may hold anything.
FILE_NAME = "<img src=zero>&lt;b&gt;\x1b[2J\u202egnp\none\ntwo&mnemonic[*]"
HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]|one\ntwo")
LONGEST_LINE, LONGEST_TEXT, LONGEST_VIEW = 600, 4000, 100_000
TOOL_TIP = 6000  # escaped, which makes up to six letters of one


@pytest.fixture
def fifo(tmp_path) -> Iterator[tuple[Path, list[bool]]]:
    """A file that blocks whoever opens it, and a list that is filled when somebody did."""
    path, opened, is_over = tmp_path / "fifo.png", [], threading.Event()
    os.mkfifo(path)

    def wait_for_reader() -> None:
        os.close(os.open(path, os.O_WRONLY))
        if not is_over.is_set():
            opened.append(True)

    thread = threading.Thread(target=wait_for_reader)
    thread.start()
    yield path, opened
    is_over.set()
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # lets the thread end
    thread.join()
    os.close(reader)


def names(fifo: Path) -> tuple[str, ...]:
    return (
        f'<img src="{fifo}">',
        f'<b>x</b><table background="{fifo}">&lt;i&gt;&amp;',
        "one\ntwo\r\n\ttabs",
        "photo\u202egnp.exe\u2066",
        "\x1b[2J\x1b]0;title\x07\x9b31m",
        "&mnemonic",
        "=cmd' /C calc'!A0[*]",
        "\udc80\ud800lone",
        "x" * 1_000_000,
        "\n" * 1_000_000,
    )


def texts(root: QWidget) -> Iterator[tuple[str, str, int]]:
    """Where a text is shown, the text, and its greatest length, for everything below a widget."""
    for each in [root, *root.findChildren(QObject)]:
        where = f"{type(each).__name__} {each.objectName()}"
        if isinstance(each, QAction):
            yield f"{where} text", each.text(), LONGEST_LINE
            yield f"{where} tooltip", each.toolTip(), TOOL_TIP
            yield f"{where} what's this", each.whatsThis(), TOOL_TIP
        if not isinstance(each, QWidget):
            continue
        yield f"{where} what's this", each.whatsThis(), TOOL_TIP
        yield f"{where} tooltip", each.toolTip(), TOOL_TIP
        yield f"{where} status tip", each.statusTip(), LONGEST_LINE
        yield f"{where} title", each.windowTitle(), LONGEST_LINE
        yield f"{where} accessible name", each.accessibleName(), 2 * LONGEST_LINE
        yield f"{where} accessible description", each.accessibleDescription(), LONGEST_TEXT
        if isinstance(each, QMessageBox):
            yield f"{where} text", each.text(), TOOL_TIP
            yield f"{where} explanation", each.informativeText(), TOOL_TIP
        elif isinstance(each, QLabel | QAbstractButton | QLineEdit) or hasattr(each, "setText"):
            yield f"{where} text", each.text(), LONGEST_TEXT if isinstance(each, QLabel) else LONGEST_LINE
        elif isinstance(each, QPlainTextEdit):
            yield f"{where} text", each.toPlainText(), 20 * LONGEST_VIEW
        elif isinstance(each, QTabBar):
            for index in range(each.count()):
                yield f"{where} tab", each.tabText(index), LONGEST_LINE
                yield f"{where} tab tooltip", each.tabToolTip(index), TOOL_TIP
        elif isinstance(each, QComboBox):
            for index in range(each.count()):
                yield f"{where} item", each.itemText(index), LONGEST_LINE
        elif isinstance(each, QAbstractItemView) and each.model() is not None:
            yield from ((f"{where} {place}", text, longest) for place, text, longest in items(each))
        elif isinstance(each, QGraphicsView):
            for item in each.scene().items() if each.scene() else ():
                if isinstance(item, QGraphicsTextItem):
                    yield f"{where} item", item.toHtml().partition("<body")[2].replace("\n", ""), TOOL_TIP


def items(view: QAbstractItemView) -> Iterator[tuple[str, str, int]]:
    model, role = view.model(), Qt.ItemDataRole
    roles = (role.DisplayRole, role.ToolTipRole, role.StatusTipRole, role.WhatsThisRole, role.AccessibleTextRole)
    columns = model.columnCount(QModelIndex()) if isinstance(model, QAbstractTableModel) else 1
    for column in range(columns):
        for each in roles:
            title = model.headerData(column, Qt.Orientation.Horizontal, each)
            yield f"header {each.name}", title if isinstance(title, str) else "", TOOL_TIP
        for row in range(model.rowCount(QModelIndex())):
            for each in roles:
                text = model.index(row, column, QModelIndex()).data(each)
                yield f"item {each.name}", text if isinstance(text, str) else "", TOOL_TIP


def faults(root: QWidget) -> list[str]:
    """What is wrong with the texts below a widget."""
    found = []
    for where, text, longest in texts(root):
        if len(text) > longest:
            found.append(f"{where} has {len(text):,} letters")
        if HIDDEN.search(text):
            found.append(f"{where} hides something: {text[:200]!r}")
        if QtText.mightBeRichText(text) and re.search("<(img|b|table)[ >]", text) and not _is_plain(where):
            found.append(f"{where} may be rich text: {text[:200]!r}")
        if re.search("(?<!&)&mnemonic", text) and re.match("Q?Action.* text", where):
            found.append(f"{where} has a shortcut: {text[:200]!r}")
    for label in root.findChildren(QLabel):
        text = label.text()
        if label.textFormat() != Qt.TextFormat.PlainText and re.search("<(img|b|table)[ >]", text):
            found.append(f"{label.objectName()} is a label of rich text: {text[:200]!r}")
    for button in root.findChildren(QAbstractButton):
        if "mnemonic" in button.text() and not button.shortcut().isEmpty():
            found.append(f"{button.objectName()} has a shortcut: {button.text()[:200]!r}")
    return found


def _is_plain(where: str) -> bool:
    """Whether this kind of text is never rich; labels are looked at one by one."""
    return not re.search("tooltip|ToolTipRole|WhatsThisRole|status tip|QMessageBox|Graphics|Canvas", where)


def hover(root: QWidget) -> int:
    """Show the tooltip of everything whose tooltip quotes a name; returns their number."""
    shown = 0
    for widget in [root, *root.findChildren(QWidget)]:
        if "img" in widget.toolTip():
            shown += _show_tip(widget, QPoint(2, 2))
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            for row in range(widget.model().rowCount(QModelIndex())):
                index = widget.model().index(row, 0, QModelIndex())
                if "img" in str(index.data(Qt.ItemDataRole.ToolTipRole)):
                    shown += _show_tip(widget.viewport(), widget.visualRect(index).center())
    return shown


def _show_tip(widget: QWidget, where: QPoint) -> bool:
    QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, where, widget.mapToGlobal(where)))
    QApplication.processEvents()
    was_shown = QToolTip.isVisible()
    QToolTip.hideText()
    return was_shown


@pytest.fixture
def hostile_run(own_folders) -> Path:
    """A run of an earlier version in the runs folder, under a hostile name."""
    folder = paths.runs_folder() / f"run {FILE_NAME}"
    shutil.copytree(V1 / "run", folder)
    return folder


@pytest.fixture
def hostile_images(tmp_path) -> Path:
    """Images with hostile names, and a table that gives them hostile classes and columns."""
    folder = tmp_path / f"images {FILE_NAME}"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(np.full((16, 16), 20 * number, np.uint8)).save(folder / f"{number} {FILE_NAME}.png")
    os.close(os.open(os.fsencode(folder) + b"/\xff\x1b.png", os.O_CREAT))  # no image, and no text
    return folder


@pytest.mark.logs("there is no file")
def test_an_opened_folder_run_and_file_are_shown_as_plain_text(hostile_run, hostile_images, fifo, application, qtbot):
    window, (pipe, opened) = application.window, fifo
    classes = [f'"{name[:200]}"'.replace("\ud800", "").replace("\udc80", "") for name in names(pipe)[:7]]
    rows = [f'{number},{classes[number % 7]},"<b>{number % 3}\x1b[0m"' for number in range(12)]
    table = "\n".join(["name,class,<img src=column>\x1b&mnemonic", *rows])
    for path in hostile_images.glob("*.png"):
        if path.name[0].isdigit():
            path.rename(hostile_images / f"{path.name.split()[0]}.png")
    (hostile_images / "labels.csv").write_text(table, encoding="utf-8")
    with qtbot.waitSignal(application.engine.datasetOpened, timeout=SECONDS):
        application.open(str(hostile_images))
    assert len(application.session.dataset.classes) == 7
    with qtbot.waitSignal(application.engine.runOpened, timeout=SECONDS):
        application.open(str(hostile_run))
    window.show_panel("runs")
    qtbot.waitUntil(lambda: find(application, "runsTable").rowCount() == 1, timeout=SECONDS)
    with qtbot.waitSignal(application.engine.imageEncoded, timeout=SECONDS):
        Image.new("L", (8, 8)).save(hostile_images / f"one {FILE_NAME}.png")
        application.open(str(hostile_images / f"one {FILE_NAME}.png"))
    application.open(str(hostile_images / "absent <img src=x>\x1b.safetensors"))
    qtbot.waitUntil(lambda: any("absent" in text for text in window.notifications.messages()), timeout=SECONDS)
    assert not faults(window), "\n".join(faults(window))
    assert hover(window) > 0
    assert not opened


@pytest.mark.logs(".*")
def test_whatever_the_worker_reports_is_shown_as_plain_text(fifo, application, qtbot):
    window, emit = application.window, application.engine.emit_result
    (pipe, opened), session = fifo, application.session
    for name in names(pipe):
        pixels = np.zeros((28, 28), np.uint8)
        classes = (name, f"other {name}")
        path = name[:1000]  # a session refuses longer ones
        version = session.opened_version + 1
        info = DatasetInfo(
            name, path, 2, (1, 28, 28), classes, (1, 1), 1, 1, ((name, name),), 1, DataConfig(), 1568,
            formats=((name, 1),), modes=((name, 1), ("L", 1)), sizes=((name, 1),), columns=classes,
        )  # fmt: skip
        model = replace(session.model, name=name, source=path, path=path, recipe=name, classes=classes)
        mean = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
        latent, first = np.zeros(2, np.float32), np.zeros(1, np.int64)
        means = {name: 1.0, "elbo": -1.0}
        details = name.replace("\n", " ")  # which keep their line breaks
        for result in (
            DatasetProgress(name, 1, 2),
            DatasetOpened(info, pixels),
            ModelChanged(version, model, is_new_model=True),
            PointsChanged(version, mean, mean, np.array([0, 1]), classes, latent, columns={name: np.array(classes)}),
            NearestFound(1, version, first, first, mean[:1], first, first, (name,), pixels[None]),
            ImageEncoded(version, name, latent, latent, pixels, pixels, 1.0, 1.0),
            RunFollowed(name, (Epoch(1, 2, means, means, 1.0, 1.0), Adjusted(1, 1.0, schedule=name)), True),
            RunFollowed(name, (Epoch(1, 2, means, means, 1.0, 1.0), Adjusted(1, 1.0, schedule=name))),
            TrainingEvent(Warned(name)),
            Notice(name, details),
            Failed("Decode", name, details),
            ModelSaved(name),
        ):
            emit(result)
        application.activity.begin(
            "hostile", ActivityEntry(name, 0.5, seconds_left=3.0, cancel=lambda: None, cancel_text="Cancel")
        )
        window.runs_table.set_rows([Column(name, name)], [(name, (name,))])
        window.set_recent([RecentGroup("Models", (name,), frozenset([name]))])
        shown = [
            dialogs.ask(window, name, details, "Yes", lambda: None),
            AboutDialog({name[:20]: {name: name}}, window),
            ReportDialog(name, details, window),
        ]
        QApplication.processEvents()
        for panel in ("data", "runs", "curves"):
            window.show_panel(panel)
            QApplication.processEvents()
        if "<" in name:  # only the usual terms are drawn at first
            qtbot.waitUntil(lambda name=name: bool(window.curves.findChildren(QAction, f"curve_{name}")))
            window.curves.findChild(QAction, f"curve_{name}").setChecked(True)
        assert not faults(window), "\n".join(faults(window))
        if "img" in name:
            assert hover(window) > 0
        for dialog in shown:
            dialog.close()
            dialog.deleteLater()
    assert not opened
