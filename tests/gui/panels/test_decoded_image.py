"""The decoded image is shown pixel for pixel."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, QPointF, QTimer
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QMenu, QPushButton, QScrollArea, QToolButton, QWidget

from latentlab.gui.panels.decoded_image import DecodedImage
from latentlab.gui.panels.nearest_images import NearestImage
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.qimage import PixelView, to_qimage


@pytest.mark.parametrize("shape", [(28, 28), (9, 13), (16, 16, 3)])
def test_image_is_what_was_given_and_what_is_painted(shown, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    widget = shown(DecodedImage())
    widget.set_image(image)
    assert np.array_equal(widget.image(), image)
    view = widget.findChild(PixelView, "decodedView")
    target, painted = view.target(), view.grab().toImage()
    for y, x in ((0, 0), (shape[0] - 1, shape[1] - 1), (shape[0] // 2, 1)):
        px = target.left() + round((x + 0.5) * target.width() / shape[1])
        py = target.top() + round((y + 0.5) * target.height() / shape[0])
        assert painted.pixelColor(px, py).getRgb()[:3] == tuple(np.broadcast_to(image[y, x], 3))


def test_no_button_is_shown_while_a_model_opens(shown):
    image = shown(DecodedImage())
    button = image.findChild(QPushButton, "decodedOpenModel")
    image.set_waiting("Opening the model …")
    assert not button.isVisible()
    assert "Opening the model …" in [line.text() for line in image.findChildren(QLabel)]
    image.set_waiting("")
    assert button.isVisible()


def test_a_change_of_the_callers_array_changes_nothing(shown):
    image = np.zeros((8, 8), np.uint8)
    widget = shown(DecodedImage())
    widget.set_image(image)
    image[:] = 255
    assert widget.image().max() == 0


def test_copy_gives_the_models_own_size(shown):
    widget = shown(DecodedImage())
    widget.set_image(np.full((12, 10), 77, np.uint8))
    widget.copy()
    copied = QGuiApplication.clipboard().image()
    assert (copied.width(), copied.height()) == (10, 12)
    assert copied.pixelColor(3, 3).red() == 77


def test_the_caption_shows_the_latent(shown):
    widget = shown(DecodedImage())
    widget.set_image(np.zeros((8, 8), np.uint8))
    widget.set_caption([0.5, -2.0], preview=True)
    texts = " ".join(each.text() for each in widget.findChildren(QLabel))
    assert "preview" in texts
    assert "−2.00" in texts
    widget.set_caption([9.0, 9.0])
    widget.set_far_from_data(True)
    assert widget.findChild(QLabel, "decodedCue").text() == "far from data"


def test_honest_an_encoded_image_is_shown_beside_its_reconstruction_until_it_is_closed(qtbot, shown):
    widget = shown(DecodedImage())
    widget.set_image(np.zeros((8, 8), np.uint8))
    widget.set_encoded_image(
        np.full((8, 8), 200, np.uint8), np.full((8, 8), 100, np.uint8), "face.png", "distortion 12.5, rate 3.0 nats"
    )
    for name, grey in (("originalImage", 200), ("reconstructionImage", 100)):
        view = widget.findChild(PixelView, name)
        qtbot.waitUntil(view.isVisible)
        assert view.picture().pixelColor(0, 0).red() == grey
    assert widget.findChild(ElidedLabel, "encodedImageName").text() == "face.png"
    assert "distortion 12.5" in widget.findChild(QLabel, "encodedImageError").text()
    with qtbot.waitSignal(widget.encodedImageClosed):
        widget.findChild(QToolButton, "closeEncodedImage").click()
    widget.set_encoded_image(None)
    assert not widget.findChild(PixelView, "originalImage").isVisible()


def test_alive_the_decoded_image_stays_large_when_an_image_is_opened(qtbot, shown):
    widget = shown(DecodedImage(), 300, 400)
    picture = np.zeros((8, 8), np.uint8)
    widget.set_image(picture)
    widget.set_encoded_image(picture, picture, "face.png", "distortion 12.5, rate 3.0 nats")
    opened = widget.findChild(PixelView, "originalImage")
    qtbot.waitUntil(lambda: opened.isVisible() and not opened.visibleRegion().isEmpty())
    assert widget.findChild(PixelView, "decodedView").height() >= widget.height() / 2


def with_opened_image_and_nearest(shown, **size) -> DecodedImage:
    widget = shown(DecodedImage(), **size)
    picture = np.zeros((8, 8), np.uint8)
    widget.set_image(picture)
    nearest = [NearestImage(number, 0.1 * number, "a") for number in range(8)]
    widget.nearest.set_images(nearest, np.zeros((8, 8, 8), np.uint8))
    widget.nearest.set_copy_text("Not a copy: nearest of 10,000 open images at 0.8 × the typical distance")
    widget.set_encoded_image(picture, picture, "face.png", "distortion 12.5, rate 3.0 nats")
    return widget


def test_an_opened_image_is_in_view_below_the_decoded_one_whatever_else_is_there(qtbot, shown):
    widget = with_opened_image_and_nearest(shown, width=300, height=460)
    for name in ("originalImage", "reconstructionImage"):
        view = widget.findChild(PixelView, name)
        qtbot.waitUntil(lambda view=view: view.visibleRegion().boundingRect() == view.rect())


@pytest.mark.parametrize("name", ["decodedView", "originalImage"])
def test_the_wheel_scrolls_what_is_below_the_image_over_the_whole_panel(qtbot, shown, name):
    widget = with_opened_image_and_nearest(shown, width=300, height=460)
    bar, target = widget.findChild(QScrollArea).verticalScrollBar(), widget.findChild(QWidget, name)
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    QTest.wheelEvent(widget.windowHandle(), QPointF(target.mapTo(widget, target.rect().center())), QPoint(0, -120))
    qtbot.waitUntil(lambda: bar.value() > 0, timeout=1000)


def test_a_note_of_several_lines_below_the_image_is_not_cut_off(qtbot, shown):
    widget = shown(DecodedImage(), 300, 500)
    widget.set_image(np.zeros((8, 8), np.uint8))
    nearest = [NearestImage(number, 0.1 * number, "a") for number in range(8)]
    widget.nearest.set_images(nearest, None, "Open the dataset of these points to see the images. " * 4)
    area = widget.findChild(QScrollArea)
    qtbot.waitUntil(lambda: area.height() >= widget.nearest.heightForWidth(area.width()), timeout=1000)


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_alive_saving_an_image_asks_for_the_file_without_a_nested_event_loop(qtbot, shown):
    widget = shown(DecodedImage())
    widget.set_image(np.zeros((8, 8), np.uint8))
    middle = widget.rect().center()
    widget.contextMenuEvent(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, middle, widget.mapToGlobal(middle)))
    (menu,) = widget.findChildren(QMenu)
    (save,) = [action for action in menu.actions() if action.text().startswith("Save")]
    nested = []

    def end_nested_loop() -> None:
        nested.append(True)
        if (dialog := QApplication.activeModalWidget()) is not None:
            dialog.close()

    QTimer.singleShot(0, widget, end_nested_loop)
    save.trigger()
    assert not nested, "the event loop ran inside of the action"
    menu.close()
    dialog = widget.findChild(QFileDialog)
    with qtbot.waitSignal(widget.saveRequested) as requested:
        dialog.fileSelected.emit("saved.png")
    assert requested.args == ["saved.png"]
    dialog.close()


def test_an_image_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="shape"):
        to_qimage(np.zeros((4, 4, 2), np.uint8))


def test_a_changed_caption_causes_no_layout_unless_it_needs_more_space(shown, qtbot):
    widget = shown(DecodedImage())
    widget.resize(200, 500)
    widget.set_image(np.zeros((8, 8), np.uint8))
    widget.set_caption(np.zeros(2))
    caption = widget.findChild(QLabel, "decodedCaption")
    qtbot.waitUntil(lambda: caption.height() >= caption.heightForWidth(caption.width()))

    class Watch(QObject):
        requests = 0

        def eventFilter(self, _watched, event) -> bool:
            self.requests += event.type() == QEvent.Type.LayoutRequest
            return False

    for _ in range(3):  # earlier layout requests are handled
        QCoreApplication.processEvents()
    watch = Watch()
    widget.installEventFilter(watch)
    for step in range(5):
        widget.set_caption(np.full(2, step / 10))
        QCoreApplication.processEvents()
    assert watch.requests == 0
    widget.set_caption(np.full(6, -1.25))
    qtbot.waitUntil(
        lambda: caption.height() >= caption.heightForWidth(caption.width()) > caption.fontMetrics().height() * 2
    )
