"""The decoded image of the current latent, drawn large, with real images to compare it with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAction,
    QContextMenuEvent,
    QDrag,
    QGuiApplication,
    QMouseEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QFrame, QGridLayout, QMenu, QScrollArea, QSizePolicy, QWidget

from latentlab.gui.panels.nearest_images import NearestImages
from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.containers import EmptyState, SteadyLabel
from latentlab.gui.widgets.controls import button, column, label, named, row, tool_button
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.qimage import ByteArray, PixelView, to_qimage
from latentlab.utils.text import format_number, subscript

PAIR = 60  # px: side of an encoded image and of its reconstruction
ROOM = 108  # px: least height for what is below the image, if it needs as much
OUTDATED = "not of this latent: it could not be decoded"
NOT_DECODED = "this latent could not be decoded"
MAX_VALUES = 6  # of a latent's values that are written out


def latent_text(values: NDArray[np.float64], first: int = 0) -> str:
    """The first few of a latent's values [n] by name; ``first`` is the index of the first in the whole latent."""
    shown = [
        f"z{subscript(first + index + 1)}\u00a0{format_number(value, '.2f')}"
        for index, value in enumerate(values[:MAX_VALUES])
    ]
    return "   ".join(shown) + ("  …" if values.size > MAX_VALUES else "")


class EncodedImage(QWidget):
    """An image file as the model receives it, beside the model's reconstruction.

    Parameters
    ----------
    closed
        Called when the user removes it.
    """

    def __init__(self, closed: Callable[[], object]) -> None:
        super().__init__()
        self._name = ElidedLabel()
        self._name.setObjectName("encodedImageName")
        self._error = label("", "dim", wrap=True, selectable=True, lines=True)
        self._error.setObjectName("encodedImageError")
        set_tool_tip(
            self._error,
            "Distortion: −log p(x|z). Rate: the KL divergence of q(z|x) from the prior. Means over 64 latents "
            "of q(z|x), as in the Image panel; of one latent until those are there.",
        )
        close = tool_button("closeEncodedImage", "remove the encoded image", "Remove this image", "close")
        close.clicked.connect(lambda _checked=False: closed())
        self._views = tuple(PixelView(PAIR) for _ in range(2))
        captions = ("original", "reconstruction")
        tips = ("The file resized, with the model's channels", "Decoded at the posterior mean")
        pair = QGridLayout()
        for index, (view, name) in enumerate(zip(self._views, ("originalImage", "reconstructionImage"), strict=True)):
            named(view, name, captions[index], tips[index])
            view.setFixedSize(PAIR, PAIR)
            pair.addWidget(view, 0, index)
            pair.addWidget(label(captions[index], "dim"), 1, index)
        pair.setColumnStretch(len(self._views), 1)
        pair.addWidget(self._error, 0, len(self._views), 2, 1, Qt.AlignmentFlag.AlignVCenter)
        heading = row(self._name, close)
        heading.setStretch(0, 1)
        layout = column(self, 0, SPACE // 2)
        layout.addLayout(heading)
        layout.addLayout(pair)

    def set_images(self, image: ByteArray | None, reconstruction: ByteArray | None, name: str, error: str) -> None:
        """Show an image and its reconstruction, each uint8 [H, W] or [H, W, 3]."""
        for view, shown in zip(self._views, (image, reconstruction), strict=True):
            view.set_picture(shown)
        self._name.setText(name)
        self._error.setText(error)


class LowerPart(QScrollArea):
    """What is below the decoded image, which keeps its size: what has no room is scrolled.

    Parameters
    ----------
    *parts
        From top to bottom. It is as high as the highest of them that is shown, at least ``ROOM``.
    """

    def __init__(self, *parts: QWidget) -> None:
        super().__init__()
        self._parts = parts
        self._body = body = QWidget()
        body.setObjectName("panelBody")
        inner = column(body, 0)
        for each in parts:
            inner.addWidget(each)
        inner.addStretch(1)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setWidget(body)

    def sizeHint(self) -> QSize:
        """As high as what is in it, up to the limit."""
        highest = max((self._height_of(each) for each in self._parts if not each.isHidden()), default=0)
        return QSize(0, min(self._height_of(self._body), max(highest, ROOM)))

    def _height_of(self, widget: QWidget) -> int:
        """The height a widget asks for at this width: its texts may need several lines."""
        height = widget.heightForWidth(self.width()) if widget.hasHeightForWidth() else -1
        return height if height >= 0 else widget.sizeHint().height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for the height that suits another width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        """The same: it is the image that takes what is left."""
        return self.sizeHint()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask for another height when what is in it does."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))


class DecodedImage(QWidget):
    """The decoded image, with its latent below it and real images to compare it with.

    Copying, saving and dragging it out give the image at the model's own size.

    Attributes
    ----------
    nearest : NearestImages
        The real images nearest to the latent.

    Signals
    -------
    saveRequested(path)
        A file name was chosen for the shown image.
    openModelRequested
        The empty state's button was pressed.
    encodedImageClosed
        The encoded image file should be removed.
    """

    ACCESSIBLE_ROLE = QAccessible.Role.Graphic

    saveRequested = Signal(str)
    openModelRequested = Signal()
    encodedImageClosed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("decodedImage")
        self.setAccessibleName("decoded image")
        self._image: ByteArray | None = None
        self._pressed: QPoint | None = None  # where a drag may start
        self._is_preview = self._is_far = self._is_outdated = False
        self._view = PixelView(240)
        self._view.setObjectName("decodedView")
        set_tool_tip(self._view, "Right-click to copy or save; drag it out into another program")
        self._build()

    def _build(self) -> None:
        self._caption = label("", wrap=True, selectable=True)
        self._caption.setFont(tabular(self._caption.font()))
        self._caption.setObjectName("decodedCaption")
        self._cue = label("", "dim")
        self._cue.setObjectName("decodedCue")
        self._now = label("now", "dim")
        set_tool_tip(
            self._now,
            "Decoded by the current model, not by that of the epoch on the map: the snapshots of a run have no weights",
        )
        self._now.setObjectName("decodedNow")
        self._now.hide()
        self._smooth = tool_button("smoothImage", "smooth", "Interpolate between pixels", text="Smooth", checkable=True)
        self._smooth.setProperty("chip", True)
        self._smooth.toggled.connect(self._view.set_smooth)
        self.nearest = NearestImages()
        self._encoded = EncodedImage(self.encodedImageClosed.emit)
        self._empty = EmptyState(
            "The decoded image at the pointer appears here.",
            button("decodedOpenModel", "Open model…", "Open a model file", self.openModelRequested.emit, icon="model"),
        )
        layout = column(self)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._view, 1)
        layout.addLayout(row(self._now, self._cue, None, self._smooth))
        layout.addWidget(SteadyLabel(self._caption))
        self._lower = LowerPart(self._encoded, self.nearest)
        layout.addWidget(self._lower)
        self._encoded.hide()
        self.set_image(None)

    # --- what is shown --------------------------------------------------------------------------

    def set_image(self, image: ByteArray | None) -> None:
        """Show a uint8 image [H, W] or [H, W, 3]; ``None`` shows the empty state."""
        self._image = None if image is None else np.array(image, dtype=np.uint8, copy=True)
        self._view.set_picture(self._image)
        for widget, shown in ((self._view, image is not None), (self._smooth, image is not None)):
            widget.setVisible(shown)
        self._empty.setVisible(image is None)

    def image(self) -> ByteArray | None:
        """The image shown, uint8 [H, W] or [H, W, 3]."""
        return self._image

    def set_waiting(self, text: str) -> None:
        """Show what is loading; an empty text clears the message."""
        self._empty.set_waiting(text)

    def set_caption(self, latent: Any | None, preview: bool = False, text: str = "") -> None:
        """Write the latent [d], or ``text`` instead of its values, and whether the image is only a preview."""
        values = "" if latent is None else latent_text(np.asarray(latent, dtype=np.float64).reshape(-1))
        self._caption.setText(text or values)
        self._is_preview = preview
        self._show_cue()

    def set_far_from_data(self, far: bool) -> None:
        """Show or hide the cue that the latent is far from all data, measured in all dimensions."""
        self._is_far = far
        self._show_cue()

    def set_is_outdated(self, is_outdated: bool) -> None:
        """Say, or say no longer, that the newest latent could not be decoded and that the image is of another one."""
        self._is_outdated = is_outdated
        if is_outdated:
            self._empty.set_waiting("")
        self._show_cue()

    def _show_cue(self) -> None:
        far = self._is_far and bool(self._caption.text())
        cue = "far from data" if far else "preview" if self._is_preview else ""
        if self._is_outdated:
            cue = OUTDATED if self._image is not None else NOT_DECODED
        if cue == self._cue.text():
            return
        self._cue.setText(cue)
        self._cue.setProperty("role", "warning" if far or self._is_outdated else "dim")
        self._cue.style().unpolish(self._cue)
        self._cue.style().polish(self._cue)

    def set_is_current(self, visible: bool) -> None:
        """Show or hide the note that the image is the current model's while the map shows an earlier epoch."""
        self._now.setVisible(visible)

    def set_encoded_image(
        self, image: ByteArray | None, reconstruction: ByteArray | None = None, name: str = "", error: str = ""
    ) -> None:
        """Show an image file by ``name``, its reconstruction, and a text about the reconstruction ``error``.

        Both are uint8 [H, W] or [H, W, 3], the image as the model receives it; ``None`` removes both.
        """
        self._encoded.set_images(image, reconstruction, name, error)
        was_hidden = self._encoded.isHidden()
        self._encoded.setVisible(image is not None)
        if was_hidden and image is not None:
            self._lower.verticalScrollBar().setValue(0)

    # --- copying, saving, dragging --------------------------------------------------------------

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy and to save the image."""
        if self._image is None:
            return
        menu = QMenu(self)
        for text, slot in (("Copy image", self.copy), ("Save image…", self._on_save)):
            action = QAction(text, menu)
            action.triggered.connect(slot)
            menu.addAction(action)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def copy(self) -> None:
        """Copy the image to the clipboard."""
        if self._image is not None:
            QGuiApplication.clipboard().setImage(to_qimage(self._image))

    def _on_save(self) -> None:
        dialogs.choose_target(self, "Save image", "decoded.png", "PNG image (*.png)", self.saveRequested.emit)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where a drag or a click starts."""
        if event.button() == Qt.MouseButton.LeftButton and self._image is not None:
            self._pressed = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the image out once the pointer has moved far enough."""
        if self._pressed is None or self._image is None:
            return
        if (event.position().toPoint() - self._pressed).manhattanLength() < QApplication.startDragDistance():
            return
        self._pressed = None
        data = QMimeData()
        data.setImageData(to_qimage(self._image))
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.setPixmap(QPixmap.fromImage(to_qimage(self._image)).scaled(64, 64))
        drag.exec(Qt.DropAction.CopyAction)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Forget where a drag could have started."""
        self._pressed = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll what is below the image, wherever the pointer is."""
        QApplication.sendEvent(self._lower.verticalScrollBar(), event)
