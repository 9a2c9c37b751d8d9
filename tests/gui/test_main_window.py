"""The window: names, actions, drops, closing, geometry, themes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSpinBox,
    QTabBar,
    QWidget,
)

from latentlab.config import DataConfig
from latentlab.config.info import DatasetInfo
from latentlab.config.recipes import RECIPES
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow, RecentGroup
from latentlab.gui.style import theme
from latentlab.state.run_status import RunState, RunStatus

INFO = DatasetInfo(
    name="photos",
    source="/home/ada/pictures/2026/plates/photos",
    images=1234,
    image_shape=(1, 32, 32),
    classes=("cat", "dog"),
    class_counts=(1000, 234),
    training_images=1111,
    validation_images=123,
    skipped=(),
    skipped_count=0,
    config=DataConfig(),
    bytes_in_memory=1_263_616,
)
NAMES = (
    "latentMap decodedImage latentSlider0 latentSlider1 datasetPath openDatasetButton openModelButton recipe "
    "latentDim epochs trainButton pauseButton stopButton trainingCurves progress statusMessage filmstrip "
    "notifications xAxis yAxis"
)


@pytest.fixture
def window(themed, shown):
    made = MainWindow(LatentMap())
    made.training_panel.set_recipes(RECIPES.values())
    made.latent_sliders.set_dimensions(2)
    yield shown(made, 1280, 800)
    made.allow_close()


def test_every_promised_name_is_there_once(window):
    assert window.objectName() == "mainWindow"
    for name in NAMES.split():
        assert len(window.findChildren(QWidget, name)) == 1, name


def test_every_control_can_be_read_aloud_and_explained(window):
    kinds = (QAbstractButton, QComboBox, QSpinBox, QLineEdit)
    nameless = [
        f"{type(each).__name__} {each.objectName()}"
        for kind in kinds
        for each in window.findChildren(kind)
        if each.objectName()
        and not each.objectName().startswith(("qt_", "Scroll"))
        and not (each.accessibleName() and each.toolTip())
    ]
    assert nameless == []


def test_no_two_actions_share_a_shortcut(window):
    keys = [action.shortcut().toString() for action in window.findChildren(QAction) if not action.shortcut().isEmpty()]
    assert len(keys) == len(set(keys))
    assert window.actions_.undo.shortcut() == QKeySequence(QKeySequence.StandardKey.Undo)


@pytest.mark.parametrize("size", [(1024, 700), (1280, 800), (1920, 1080)])
def test_nothing_is_cut_off_or_covered(qtbot, window, size):
    window.latent_sliders.set_dimensions(10)
    window.latent_sliders.set_kl(np.arange(10.0))
    window.data_panel.set_info(INFO)
    window.resize(*size)
    for name in ("data", "model", "training", "curves", "decoded", "sliders", "filmstrip"):
        window.show_panel(name)
        qtbot.waitUntil(window.docks[name].isVisible)
        for body in window.docks[name].findChildren(QWidget, "panelBody"):
            qtbot.waitUntil(lambda body=body: body.width() <= body.parentWidget().width())
    docks = [
        dock.geometry() for dock in window.docks.values() if dock.isVisible() and not dock.visibleRegion().isEmpty()
    ]
    for bar in (each for each in window.findChildren(QTabBar) if each.isVisible()):
        texts = [bar.tabText(tab) for tab in range(bar.count())]  # cut off if the tabs need all the width there is
        assert sum(bar.tabRect(tab).width() for tab in range(bar.count())) < bar.width() or len(texts) < 2, texts
    for index, one in enumerate(docks):
        assert window.rect().contains(one)
        assert not any(one.intersects(other) for other in docks[index + 1 :])


def test_the_map_keeps_most_of_the_room(window):
    assert window.latent_map.width() >= window.width() * 0.45
    assert window.latent_map.height() >= window.height() * 0.55


def test_in_a_narrow_window_the_panels_spare_some_room_unless_the_user_made_them_so_wide(qtbot, window):
    def widths() -> tuple[int, int]:
        return window.docks["curves"].width(), window.docks["sliders"].width()

    wide = widths()
    window.resize(1024, 700)
    qtbot.waitUntil(lambda: widths()[0] < wide[0] and widths()[1] < wide[1])
    assert window.latent_map.width() >= window.width() * 0.43
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: widths() == wide)
    window.resizeDocks([window.docks["curves"]], [400], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: widths()[0] == 400)
    window.resize(1024, 700)
    qtbot.waitUntil(lambda: widths()[1] < wide[1])
    assert widths()[0] == 400


def test_panels_are_as_wide_as_before_once_a_comparison_is_left(qtbot, window):
    def widths() -> tuple[int, int]:
        return window.docks["curves"].width(), window.docks["sliders"].width()

    before = widths()
    details = QWidget()
    details.setMinimumWidth(window.latent_map.width() + 60)
    window.show_comparison(QWidget(), details)
    qtbot.waitUntil(lambda: sum(widths()) < sum(before))
    window.hide_comparison()
    qtbot.waitUntil(lambda: widths() == before)


def test_dropped_files_are_emitted(qtbot, window, tmp_path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a b.png")), QUrl("https://example.org/x.png")])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    with qtbot.waitSignal(window.pathsDropped) as dropped:
        window.dropEvent(event)
    assert dropped.args == [[str(tmp_path / "a b.png")]]


def test_files_that_are_dragged_over_the_window_are_told_what_dropping_does(window, tmp_path):
    def enter(url: QUrl) -> None:
        data = QMimeData()
        data.setUrls([url])
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        with warnings.catch_warnings():  # Qt 6.12 deprecates the only constructor that Qt 6.10 has
            warnings.simplefilter("ignore", DeprecationWarning)
            event = QDragEnterEvent(QPoint(5, 5), copy, data, left, none)
        window.dragEnterEvent(event)

    enter(QUrl("https://example.org/x.png"))
    assert not window.drop_hint.isVisible()
    enter(QUrl.fromLocalFile(str(tmp_path / "one.png")))
    assert window.drop_hint.isVisible()
    assert window.drop_hint.rect() == window.drop_hint.parentWidget().rect()
    window.dragLeaveEvent(QDragLeaveEvent())
    assert not window.drop_hint.isVisible()


def test_closing_asks_first(qtbot, window):
    with qtbot.waitSignal(window.closeRequested):
        assert not window.close()
    assert window.isVisible()
    window.allow_close()
    assert not window.isVisible()


def test_tools_are_chosen_by_key_and_set_in_silence(qtbot, window):
    with qtbot.waitSignal(window.toolChosen) as chosen:
        window.actions_.path.trigger()
    assert chosen.args == ["path"]
    with qtbot.assertNotEmitted(window.toolChosen):
        window.set_tool("select")
    assert window.actions_.select.isChecked()


def menu(window, title: str) -> QMenu:
    """The menu with this title."""
    return next(each for each in window.findChildren(QMenu) if each.title() == title)


def test_recent_files_and_layers_are_offered(qtbot, window):
    window.set_recent([RecentGroup("Models", ("/tmp/a", "/tmp/b"))])
    with qtbot.waitSignal(window.recentChosen) as chosen:
        menu(window, "Open re&cent").actions()[2].trigger()
    assert chosen.args == ["/tmp/b"]
    window.set_layers([("points", "Points", True)])
    with qtbot.waitSignal(window.layerToggled) as toggled:
        menu(window, "&Layers").actions()[0].trigger()
    assert toggled.args == ["points", False]
    with qtbot.assertNotEmitted(window.layerToggled):
        window.show_layer("points", True)
    assert menu(window, "&Layers").actions()[0].isChecked()


def test_the_layout_is_saved_and_restored(window):
    window.docks["filmstrip"].close()
    saved = window.save_layout()
    window.reset_layout()
    assert window.docks["filmstrip"].isVisible()
    assert window.restore_layout(*saved)
    assert not window.docks["filmstrip"].isVisible()
    assert not window.restore_layout(b"garbage", b"garbage")


@pytest.mark.qt_log_ignore("This plugin does not support raise")
def test_a_tab_takes_the_place_of_the_title_bar(qtbot, window):
    def titled(name):
        return window.docks[name].titleBarWidget().objectName() == "dockTitle"

    qtbot.waitUntil(lambda: not titled("data") and titled("decoded"))
    window.docks["data"].setFloating(True)
    qtbot.waitUntil(lambda: titled("data"))
    window.docks["data"].setFloating(False)


def test_until_a_model_is_open_nothing_can_be_trained_and_the_panels_wait(qtbot, themed):
    window = MainWindow(LatentMap(), panels_later=True)
    qtbot.addWidget(window)
    a = window.actions_
    assert not any(action.isEnabled() for action in (a.train, a.continue_run, a.pause, a.stop))
    for _ in window.build_panels():
        pass
    assert not window.training_panel.findChild(QPushButton, "trainButton").isEnabled()
    for panel in (window.decoded_image, window.latent_sliders, window.filmstrip, window.model_panel):
        assert any(each.text() == "Opening the model …" for each in panel.findChildren(QLabel)), panel
    window.allow_close()


def test_run_state_moves_the_actions(window):
    window.set_run_status(RunStatus(RunState.PAUSED))
    a = window.actions_
    assert [a.train.isEnabled(), a.pause.isEnabled(), a.stop.isEnabled()] == [False, True, True]
    assert a.pause.text() == "&Resume"
    window.set_run_status(RunStatus(), can_train=False)
    assert not a.train.isEnabled()


def test_the_document_is_marked_while_unsaved(window):
    window.set_document("digits", True)
    assert window.isWindowModified()
    assert "digits" in window.windowTitle()


def test_light_and_dark_change_live(qtbot, window):
    def darkness():
        shot = window.grab().toImage()
        corner = [shot.pixelColor(x, 40).lightness() for x in range(800, 1000, 20)]
        icon = window.actions_.open_folder.icon().pixmap(32, 32).toImage()
        drawn = [icon.pixelColor(x, y) for x in range(32) for y in range(32) if icon.pixelColor(x, y).alpha() > 200]
        return np.mean(corner), np.mean([colour.lightness() for colour in drawn])

    background, ink = darkness()
    assert background > 200
    assert ink < 100
    theme.set_scheme("dark")
    qtbot.waitUntil(lambda: darkness()[0] < 60)
    assert darkness()[1] > 200


def test_status_says_what_runs(qtbot, window):
    window.status.set_message("Training: epoch 3 of 20")
    window.status.set_progress(0.5, cancellable=True)
    assert window.status.message() == "Training: epoch 3 of 20"
    with qtbot.waitSignal(window.status.cancelRequested):
        qtbot.mouseClick(window.findChild(object, "statusCancel"), Qt.MouseButton.LeftButton)
    window.status.set_progress(None)
    assert not window.findChild(object, "statusProgress").isVisible()


def test_honest_the_status_line_is_left_alone_by_tooltips_of_buttons_and_menus(window):
    window.status.set_message("Training: epoch 3 of 20")
    window.actions_.train.showStatusText(window)
    window.docks["log"].toggleViewAction().showStatusText(window)
    assert window.status.currentMessage() == "", "a hint would cover the current activity"


@pytest.mark.parametrize("name", ["latentValue0", "chooseSearch", "epochs"])
def test_enter_in_a_field_returns_the_focus_to_the_map(qtbot, window, name):
    for panel in ("sliders", "selection", "training"):
        window.show_panel(panel)
    field = window.findChild(QWidget, name)
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert window.latent_map.hasFocus()
