"""One image of the user's own: opened, pasted or painted; what the model makes of it; refined, hidden and filled in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QColorDialog, QGridLayout, QMenu, QSlider, QVBoxLayout, QWidget

from latentlab.gui.panels.gap_curve import GapCurve
from latentlab.gui.style.theme import SPACE, current_theme
from latentlab.gui.widgets.containers import EmptyState
from latentlab.gui.widgets.controls import button, column, label, named, row, scrolled, tool_button
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.flow_layout import FlowLayout
from latentlab.gui.widgets.image_canvas import HIDE, PAINT, VIEW, ImageCanvas
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.qimage import ByteArray, PixelView
from latentlab.gui.widgets.term_card import set_term
from latentlab.utils.palettes import cividis, diverging
from latentlab.utils.text import format_number

TILE = 60  # px: side of the reconstruction, the error and σ
CANVAS = 196  # px
STRIP = 84  # px: height of two rows of images
_BRUSH_STEPS = 4  # of the brush's slider for each pixel
_SHARES = {PAINT: 12, HIDE: 5}
"""The brush's first diameter is the image's side over this."""
_EMPTY = "Open, drop, paste (Ctrl+V) or paint an image: the model encodes it, and it can be refined and filled in."
_MODES = (
    (VIEW, "View", "Look at the image (Escape)"),
    (PAINT, "Paint", "Paint on the image: drag, or move the brush with the arrows and put it down with Space"),
    (HIDE, "Hide", "Hide a part of the image, which is then filled in: drag, or use the arrows and Space"),
)
NO_LATENT = "The expected image is a mean over many latents: no latent decodes to it"
_SAVE = "Save this image alone, enlarged to about 512 pixels"
_SIGMA = (
    "Standard deviation of each pixel under the predictive distribution: the noise of p(x|z), and the "
    "variation of its means over q(z|x). With Bernoulli pixels the noise follows from the mean λ: √(λ(1 − λ))."
)
_SAMPLES = "Samples of q(z|x), and of p(x|z)"
_REFINE = "Refine the posterior by gradient steps (Ctrl+Shift+R): its ELBO rises by the amortisation gap"
FloatArray = NDArray[np.float32]


class YourImagePanel(QWidget):
    """Shows an image and what the model makes of it.

    Attributes
    ----------
    canvas : ImageCanvas
        The image, which can be painted on.

    Signals
    -------
    openRequested, paintRequested, closeRequested
        An image is to be opened; a new one painted; the one that is shown removed.
    refineRequested, stopRequested
        Its posterior is to be refined; a refinement or an imputation ended.
    fillingsRequested
        Other fillings of the hidden region are wanted.
    chosen(kind, index)
        An image of ``samples`` or ``fillings`` was clicked.
    keepRequested(kind, index)
        Its latent is to be kept on the Board; of the kind ``image`` that of the image itself.
    saveRequested(kind, index)
        An image of ``samples``, ``draws`` or ``fillings`` is to be saved alone.
    exportRequested, copyCommandRequested
        Pictures are to be saved; the command that repeats what is shown is to be copied.
    escapePressed
        Escape was pressed in the panel.
    """

    openRequested = Signal()
    paintRequested = Signal()
    closeRequested = Signal()
    refineRequested = Signal()
    stopRequested = Signal()
    fillingsRequested = Signal()
    chosen = Signal(str, int)
    keepRequested = Signal(str, int)
    saveRequested = Signal(str, int)
    exportRequested = Signal()
    copyCommandRequested = Signal()
    escapePressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("yourImage")
        self.setAccessibleName("your image")
        self._is_grey = True
        self._sizes: dict[str, int] = {}  # of the brush in each mode, in steps of its slider
        self._columns = 1  # of the fillings
        self._encoding_reason = ""
        self._filling_count = 0  # with the expected image
        self._build_head()
        self._build_canvas()
        self._build_refinement()
        self._build_brush()
        self._build_figures()
        self._build_fillings()
        self._build_foot()
        self._empty = EmptyState(
            _EMPTY,
            button("openImage", "Open…", "Open an image (Ctrl+I)", self.openRequested.emit, icon="image"),
            button("paintImage", "Paint", "Paint an image (Ctrl+Shift+N)", self.paintRequested.emit),
        )
        self._body = QWidget()
        inner = column(self._body, SPACE, SPACE)
        for part in (self._head, self._picture, self._modes, self._brush, self._fill, self._refine, self._figures):
            inner.addWidget(part)
        inner.addWidget(self._foot)
        inner.addStretch(1)
        self._scroll = scrolled(self._body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._scroll, 1)
        self.set_mode(VIEW)
        self.set_image(None)

    # --- building -------------------------------------------------------------------------------

    def _build_head(self) -> None:
        self._head = QWidget()
        self._name = ElidedLabel()
        self._name.setObjectName("yourImageName")
        self._note = label("", "dim", wrap=True)
        self._note.setObjectName("yourImageNote")
        opened = tool_button("yourImageOpen", "open another image", "Open another image (Ctrl+I)", "image")
        opened.clicked.connect(lambda _checked=False: self.openRequested.emit())
        new = tool_button("yourImageNew", "paint a new image", "Paint a new image (Ctrl+Shift+N)", text="New")
        new.clicked.connect(lambda _checked=False: self.paintRequested.emit())
        close = tool_button("yourImageClose", "remove the image", "Remove this image", "close")
        close.clicked.connect(lambda _checked=False: self.closeRequested.emit())
        top = row(self._name, new, opened, close, space=SPACE // 2)
        top.setStretch(0, 1)
        layout = column(self._head, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self._note)

    def _build_canvas(self) -> None:
        self._picture = QWidget()
        self.canvas = ImageCanvas(CANVAS)
        named(self.canvas, "imageCanvas", "your image", "What the model reads, at its own size")
        self.canvas.setFixedHeight(CANVAS)
        self._tiles = {}
        grid = QGridLayout(self._picture)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(SPACE // 2)
        grid.addWidget(self.canvas, 0, 0, 6, 1)
        grid.setColumnStretch(0, 1)
        for index, (name, caption, tip) in enumerate(
            (
                ("yourReconstruction", "reconstruction", "The mean of p(x|z) at the posterior mean"),
                ("errorMap", "error", ""),
                ("pixelSigma", "σ", ""),
            )
        ):
            view, text = PixelView(TILE), label(caption, "dim")
            named(view, name, caption, tip)
            view.setFixedSize(TILE + 2 * SPACE, TILE - SPACE)
            text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            text.setObjectName(f"{name}Caption")
            grid.addWidget(view, 2 * index, 1, Qt.AlignmentFlag.AlignHCenter)
            grid.addWidget(text, 2 * index + 1, 1)
            self._tiles[name] = view, text

    def _build_brush(self) -> None:
        self._modes, self._brush = QWidget(), QWidget()
        self._mode_buttons = {}
        self._group = QButtonGroup(self)
        self._half = tool_button("hideHalf", "hide the lower half", "Hide the lower half", text="Lower half")
        self._half.clicked.connect(lambda _checked=False: self.canvas.hide_half())
        modes = FlowLayout(self._modes)
        for mode, title, tip in _MODES:
            each = tool_button(f"imageMode{title}", title.lower(), tip, text=title, checkable=True)
            each.setProperty("chip", True)
            each.clicked.connect(lambda _checked=False, mode=mode: self.set_mode(mode))
            self._group.addButton(each)
            self._mode_buttons[mode] = each
            modes.addWidget(each)
        modes.addWidget(self._refine_button)
        modes.addWidget(self._stop_refining)
        self._size = QSlider(Qt.Orientation.Horizontal)
        named(self._size, "brushSize", "brush size", "")
        self._size.valueChanged.connect(self._on_size_changed)
        self._eraser = tool_button(
            "brushEraser", "eraser", "Erase; in Hide, show again what is hidden", text="Eraser", checkable=True
        )
        self._eraser.setProperty("chip", True)
        self._eraser.toggled.connect(self.canvas.set_erases)
        self._shade = QSlider(Qt.Orientation.Horizontal)
        named(self._shade, "brushShade", "brush shade", "From black to white")
        self._shade.setRange(0, 255)
        self._shade.setValue(255)
        self._shade.valueChanged.connect(lambda _value: self._show_colours())
        self._shade_label = label("Shade", "dim")
        self._shade_label.setObjectName("brushShadeLabel")
        self._colour_button = button("brushColour", "Colour…", "Choose the colour of the brush", self._on_colour)
        self._colour, self._paper = QColor("white"), QColor("black")
        tip = "White paper, instead of black"
        self._paper_button = tool_button("brushPaper", "white paper", tip, text="White paper", checkable=True)
        self._paper_button.setProperty("chip", True)
        self._paper_button.toggled.connect(self._on_paper_toggled)
        tip = "Fill the image with the paper; in Hide, show everything"
        self._clear = tool_button("canvasClear", "clear", tip, text="Clear")
        self._clear.clicked.connect(lambda _checked=False: self.canvas.clear())
        layout = column(self._brush, 0, SPACE // 2)
        layout.addLayout(row(label("Brush", "dim"), self._size))
        layout.addLayout(row(self._shade_label, self._shade))
        chips = QWidget()
        FlowLayout(chips, self._eraser, self._half, self._colour_button, self._paper_button, self._clear)
        layout.addWidget(chips)

    def _build_figures(self) -> None:
        self._figures = QWidget()
        self._elbo = label("", wrap=True, selectable=True, lines=True)
        self._elbo.setObjectName("imageElbo")
        set_tool_tip(
            self._elbo,
            "In nats, means over 64 latents of q(z|x). Distortion: −log p(x|z). Rate: the KL divergence of q(z|x) from "
            "the prior.",
        )
        set_term(self._elbo, "elbo")
        self._typical = label("", wrap=True, selectable=True)
        self._typical.setObjectName("imageTypical")
        set_tool_tip(
            self._typical,
            "By the rank of its ELBO among up to 1,000 of the open images. A likelihood is not only low for images of "
            "another kind: images that are simpler than the data can have a higher one.",
        )
        self._samples = ImageStrip()
        named(self._samples, "imageSamples", "samples of the image", "")
        set_tool_tip(
            self._samples,
            "Above, decoded latents of q(z|x); below, images drawn from p(x|z) at the same latents. Click one to go to "
            "its latent, right-click to keep or save it",
        )
        self._samples.setFixedHeight(STRIP)
        self._connect_strip(self._samples, "samples")
        layout = column(self._figures, 0, SPACE // 2)
        layout.addWidget(self._elbo)
        layout.addWidget(self._typical)
        self._samples_title = label(_SAMPLES, "section")
        self._samples_title.setObjectName("imageSamplesTitle")
        layout.addWidget(self._samples_title)
        layout.addWidget(self._samples)

    def _build_refinement(self) -> None:
        self._refine = QWidget()
        self._refine_button = button("refineImage", "Refine", _REFINE, self.refineRequested.emit)
        self._stop_refining = button("stopRefining", "Stop", "Stop, and keep the best posterior so far",
                                     self.stopRequested.emit)  # fmt: skip
        self._gap = label("", wrap=True, selectable=True)
        self._gap.setObjectName("gapText")
        set_term(self._gap, "amortisation-gap")
        self._curve = GapCurve()
        layout = column(self._refine, 0, SPACE // 2)
        heading = label("Refined posterior", "section")
        set_term(heading, "posterior")
        layout.addWidget(heading)
        layout.addWidget(self._gap)
        layout.addWidget(self._curve)
        self._refine.hide()
        self._stop_refining.hide()

    def _build_fillings(self) -> None:
        self._fill = QWidget()
        self._fillings = ImageStrip()
        named(self._fillings, "imageFillings", "fillings of the hidden region", "")
        set_tool_tip(
            self._fillings,
            "The expected image, then means of p(x|z) at latents drawn from p(z | observed pixels). Click one to go to "
            "its latent, right-click to keep or save it",
        )
        self._fillings.setFixedHeight(STRIP)
        self._connect_strip(self._fillings, "fillings")
        self._fill_text = label("", "dim", wrap=True)
        self._fill_text.setObjectName("fillingsText")
        others = tool_button("otherFillings", "other fillings", "Other fillings: the next seed", "dice")
        others.clicked.connect(lambda _checked=False: self.fillingsRequested.emit())
        head = row(label("Fillings of the hidden region", "section"), None, others)
        layout = column(self._fill, 0, SPACE // 2)
        layout.addLayout(head)
        layout.addWidget(self._fillings)
        layout.addWidget(self._fill_text)
        self._fill.hide()

    def _build_foot(self) -> None:
        self._foot = QWidget()
        keep = button("keepImage", "Keep", "Keep the image's latent on the Board",
                      lambda: self.keepRequested.emit("image", 0))  # fmt: skip
        export = button("exportImage", "Export…", "Save the image and all that is shown of it as a picture",
                        self.exportRequested.emit)  # fmt: skip
        self._copy = button("copyImageCommand", "Copy command", "", self.copyCommandRequested.emit, icon="copy")
        FlowLayout(self._foot, keep, export, self._copy)
        self.set_copy_reason("There is no image yet")

    def _connect_strip(self, strip: ImageStrip, kind: str) -> None:
        strip.tileChosen.connect(lambda at, across: self.chosen.emit(kind, self._index_of(kind, at, across)))
        strip.menuRequested.connect(lambda at, across, position: self._on_menu(kind, at, across, position))

    # --- what is shown --------------------------------------------------------------------------

    def set_waiting(self, text: str) -> None:
        """Show what is loading; an empty text clears the message."""
        self._empty.set_waiting(text or self._encoding_reason)

    def set_encoding_reason(self, reason: str) -> None:
        """Say why no image can be encoded, in place of the buttons that would; an empty text restores them."""
        if reason != self._encoding_reason:
            self._encoding_reason = reason
            self._empty.set_waiting(reason)

    def set_image(self, image: ByteArray | None, name: str = "", note: str = "") -> None:
        """Show an image, uint8 [H, W] or [H, W, 3], by its name; ``None`` shows the empty state."""
        self._empty.setVisible(image is None)
        self._scroll.setVisible(image is not None)
        self.canvas.set_picture(image)
        self.set_name(name, note)
        if image is None:
            self.set_mode(VIEW)
            self.set_inspection(None, None, None, None, "", "")
            self.set_refinement((), ())
            self.set_fillings(None, None, "")
            return
        is_grey = image.ndim == 2
        most = max(2, max(image.shape[:2]) // 3)
        if self._size.maximum() != most * _BRUSH_STEPS or is_grey != self._is_grey:
            self._is_grey = is_grey
            self._sizes = {mode: round(max(image.shape[:2]) / share * _BRUSH_STEPS) for mode, share in _SHARES.items()}
            self._size.setRange(2, most * _BRUSH_STEPS)
            self._show_brush()
            self._show_colours()

    def set_name(self, name: str, note: str) -> None:
        """Show the image's name, and what was changed about it to fit the model."""
        self._name.setText(name)
        self._note.setText(note)
        self._note.setVisible(bool(note))

    def show_canvas(self) -> None:
        """Scroll to the image itself."""
        self._scroll.verticalScrollBar().setValue(0)

    def set_reconstruction(self, reconstruction: ByteArray | None) -> None:
        """Show the reconstruction, uint8 [H, W] or [H, W, 3]."""
        self._tiles["yourReconstruction"][0].set_picture(reconstruction)

    def set_inspection(
        self,
        error: FloatArray | None,
        std: FloatArray | None,
        samples: ByteArray | None,
        draws: ByteArray | None,
        figures: str,
        typical: str,
    ) -> None:
        """Show what the model makes of the image.

        Parameters
        ----------
        error, std
            Signed error in [−1, 1], and standard deviation of each pixel, [H, W]; ``None`` where it is not known.
        samples, draws
            Decoded latents, and images drawn from p(x|z), [n, H, W] or [n, H, W, 3]; ``None`` for none.
        figures
            ELBO, rate and distortion in words.
        typical
            Whether it is typical of the data.
        """
        self._show_maps(error, std)
        if samples is None or not len(samples):
            self._samples.set_rows(None, (), pickable=False)
        else:
            rows = [samples] if draws is None else [samples, draws]
            self._samples.set_rows(np.stack(rows), (), pickable=True)
        self._elbo.setText(figures)
        self.set_typical(typical)

    def set_typical(self, sentence: str) -> None:
        """Say whether the image is typical of the data."""
        self._typical.setText(sentence)
        unlike = sentence.startswith(("Not typical", "Unusual", "Simpler"))
        role = "warning" if unlike else "dim"
        if self._typical.property("role") != role:
            self._typical.setProperty("role", role)
            self._typical.style().unpolish(self._typical)
            self._typical.style().polish(self._typical)

    def _show_maps(self, error: FloatArray | None, std: FloatArray | None) -> None:
        (error_view, error_text), (std_view, std_text) = self._tiles["errorMap"], self._tiles["pixelSigma"]
        if error is None:
            error_view.set_picture(None)
            error_text.setText("error")
        else:
            largest = float(abs(error).max(initial=0.0))
            error_view.set_picture(diverging(error / max(largest, 1e-12), current_theme().is_dark))
            error_text.setText(f"error ±{format_number(largest, '.2f')}")
            set_tool_tip(error_view, "Image minus reconstruction. Orange: the image is brighter; blue: darker")
        if std is None:
            std_view.set_picture(None)
            std_text.setText("σ")
        else:
            most = float(std.max(initial=0.0))
            std_view.set_picture(cividis(std / max(most, 1e-12)))
            std_text.setText(f"σ to {format_number(most, '.2f')}")

    def set_likelihood_reason(self, reason: str) -> None:
        """Grey σ and leave out what is drawn from p(x|z), for a reason; an empty one restores them."""
        view, text = self._tiles["pixelSigma"]
        for each in (view, text):
            each.setEnabled(not reason)
            set_tool_tip(each, reason or _SIGMA)
        self._samples_title.setText("Samples of q(z|x)" if reason else _SAMPLES)
        set_tool_tip(self._samples_title, f"No images are drawn from p(x|z). {reason}" if reason else "")

    def set_refinement(
        self, steps: Sequence[int], elbos: Sequence[float], text: str = "", *, running: bool = False, last: int = 0
    ) -> None:
        """Show how the ELBO has risen, and whether the refinement is running."""
        self._curve.set_curve(steps, elbos, last)
        self._curve.setVisible(bool(steps))
        self._refine.setVisible(bool(steps or text))
        self._gap.setText(text)
        self._stop_refining.setVisible(running)
        self._refine_button.setVisible(not running)

    def set_refine_reason(self, reason: str) -> None:
        """Grey Refine, for a reason; an empty one enables it."""
        self._refine_button.setEnabled(not reason)
        set_tool_tip(self._refine_button, reason or _REFINE)

    def set_hide_reason(self, reason: str) -> None:
        """Grey Hide, for a reason; an empty one enables it."""
        each = self._mode_buttons[HIDE]
        each.setEnabled(not reason)
        set_tool_tip(each, reason or next(tip for mode, _, tip in _MODES if mode == HIDE))
        if reason and self.canvas.mode == HIDE:
            self.set_mode(VIEW)

    def set_copy_reason(self, reason: str) -> None:
        """Grey "Copy command", for a reason; an empty one enables it."""
        self._copy.setEnabled(not reason)
        set_tool_tip(self._copy, reason or "Copy the command that repeats what is shown, and save the files it reads")

    def set_fillings(self, expected: ByteArray | None, draws: ByteArray | None, text: str) -> None:
        """Show the expected image and the drawn ones, [n, H, W] or [n, H, W, 3]; ``None`` hides them."""
        self._fill.setVisible(draws is not None or bool(text))
        self._fill_text.setText(text)
        self._filling_count = 0 if draws is None else len(draws) + 1
        if expected is None or draws is None:
            self._fillings.set_rows(None, (), pickable=False)
            return
        count = self._filling_count
        self._columns = -(-count // 2)
        grid = np.zeros((2 * self._columns, *draws.shape[1:]), np.uint8)
        grid[0], grid[1:count] = expected, draws
        self._fillings.set_rows(grid.reshape(2, self._columns, *draws.shape[1:]), (), pickable=True)

    # --- the brush ------------------------------------------------------------------------------

    def set_mode(self, mode: str) -> None:
        """View the image, paint on it, or hide a part of it."""
        self.canvas.set_mode(mode)
        self._mode_buttons[mode].setChecked(True)
        self._show_brush()
        if mode != VIEW:
            self.canvas.setFocus()

    def set_paper(self, is_white: bool) -> None:
        """Choose white or black paper, and the brush's shade against it."""
        self._paper_button.setChecked(is_white)
        self._on_paper_toggled(is_white)

    def paper(self) -> int:
        """The shade of the paper, 0 to 255."""
        return self._paper.red()

    def _show_brush(self) -> None:
        mode = self.canvas.mode
        self._brush.setVisible(mode != VIEW)
        self._size.setValue(max(2, self._sizes.get(mode, 2)))
        self._on_size_changed(self._size.value())
        self._half.setVisible(mode == HIDE)
        for widget, shown in ((self._shade_label, self._is_grey), (self._shade, self._is_grey),
                              (self._colour_button, not self._is_grey), (self._paper_button, True)):  # fmt: skip
            widget.setVisible(shown and mode == PAINT)

    def _on_size_changed(self, value: int) -> None:
        self._sizes[self.canvas.mode] = value
        self.canvas.set_brush(value / _BRUSH_STEPS)
        diameter = format_number(value / _BRUSH_STEPS, ".1f")
        set_tool_tip(self._size, f"Diameter of the brush: {diameter} pixels of the image")

    def _on_colour(self) -> None:
        dialog = QColorDialog(self._colour, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(self._on_colour_chosen)
        dialog.open()

    def _on_colour_chosen(self, colour: QColor) -> None:
        self._colour = colour
        self._show_colours()

    def _on_paper_toggled(self, is_white: bool) -> None:
        self._paper = QColor("white" if is_white else "black")
        self._shade.setValue(0 if is_white else 255)
        self._colour = QColor("black" if is_white else "white")
        self._show_colours()

    def _show_colours(self) -> None:
        shade = self._shade.value()
        self.canvas.set_colours(QColor(shade, shade, shade) if self._is_grey else self._colour, self._paper)

    # --- gestures -------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Back out with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.escapePressed.emit()
        else:
            super().keyPressEvent(event)

    def _index_of(self, kind: str, at: int, across: int) -> int:
        """Which latent an image of a strip has: both rows of samples have the same ones."""
        return across if kind == "samples" else at * self._columns + across

    def _on_menu(self, kind: str, at: int, across: int, position: QPoint) -> None:
        index = self._index_of(kind, at, across)
        if kind == "fillings" and index >= self._filling_count:
            return
        reason = NO_LATENT if kind == "fillings" and index == 0 else ""
        of_images = "draws" if kind == "samples" and at == 1 else kind
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for text, signal, of, why, tip in (
            ("Go to its latent", self.chosen, kind, reason, "Show it in the Decoded image and on the map"),
            ("Keep on the Board", self.keepRequested, kind, reason, "Keep its latent on the Board"),
            ("Save image…", self.saveRequested, of_images, "", _SAVE),
        ):
            action = menu.addAction(text)
            action.setEnabled(not why)
            set_tool_tip(action, why or tip)
            action.triggered.connect(lambda _checked=False, signal=signal, of=of: signal.emit(of, index))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(position)
