"""The latent map: a plot of the shown axes, the layers on it, the panels over it, and the tools of the mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from latentlab.gui.accessibility import tell_description
from latentlab.gui.latent_map.graphics_view import MapGraphicsView
from latentlab.gui.latent_map.layer_stack import LayerStack
from latentlab.gui.latent_map.layers.base import NO_CLASS_NAME, LayerState
from latentlab.gui.latent_map.map_picture import MapPicture, inner_size
from latentlab.gui.latent_map.overlay_panels import OverlayPanels
from latentlab.gui.latent_map.point_picker import PointPicker
from latentlab.gui.latent_map.point_selector import PointSelector
from latentlab.gui.latent_map.tools import ExploreTool, PathTool, SelectTool, Tool
from latentlab.gui.latent_map.view import AXIS_HEIGHT, AXIS_WIDTH, MARGIN, PRIOR_REACH, Range, View
from latentlab.gui.latent_map.view_box import MapViewBox
from latentlab.gui.plots.plot import Plot
from latentlab.gui.style.theme import Theme, current_theme
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.gesture_id import next_gesture
from latentlab.gui.widgets.plain_text import set_whats_this

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.floating]
VIEW_MS = 90
NUDGE_STEPS = 40
KEY_ZOOM = 1.2
FOLLOW_MARGIN = 28.0  # px from the map's edge
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}

_HOW = (
    "Move to preview, click or drag to choose a latent, Ctrl+click to take a data point's, arrows to nudge it, Enter "
    "to set a waypoint or a corner of a selection."
)


class LatentMap(QWidget):
    """The live latent map.

    It keeps no program state: ``set_…`` methods say what to draw, signals report what the user does.
    Points are (x, y) on the shown axes, whatever latent dimensions those stand for.

    Parameters
    ----------
    parent
        The widget that it is in.
    parts_later
        Leave it empty: ``build`` then makes its parts, so that the event loop can run between them.

    Attributes
    ----------
    view_box : MapViewBox
        The `pyqtgraph.ViewBox` that zooms and pans.
    plot : Plot
        The `pyqtgraph.PlotItem` with the axes.
    layer_stack : LayerStack
        What is drawn on it.

    Signals
    -------
    hovered(object)
        Where the pointer is, float [2]; None when it has left the map.
    committed(object, int)
        A click or drag chose this point, float [2]; the id stays the same during one drag.
    pointPicked(int, int)
        A click with Ctrl, a double click or a click on a picture picked the data point of this index; the id is the
        gesture's, as in ``committed``.
    pointPreviewed(int)
        The pointer is where a press would pick this data point; ``hovered`` is not emitted then.
    pointHovered(int, bool)
        The data point that is marked at the pointer, −1 for none, and whether a click without Ctrl picks it.
    menuRequested(object, QPoint)
        A menu was asked for by the right button or the Menu key: for a point of the axes, at a place on the screen.
    nudged(object, int)
        Arrow keys moved by this much, float [2]; the id stays the same while a key is held.
    viewChanged(object)
        What is in view, a `View`, after it has been the same for a moment and now and then while it moves.
    layerChanged(object)
        A layer was switched or faded: its `LayerState`.
    filesDropped(list)
        Paths of files dropped on the map.
    filesDragged(bool)
        Whether files are dragged over the map, whenever that changes.
    pointsSelected(object, str, str)
        Indices of the points chosen with a select tool, int64 [k]; whether they ``replace`` the selection or are
        to ``add`` or ``subtract``; and how they were chosen: ``lasso``, ``box`` or ``click``.
        What is selected then is for the receiver to say, by ``set_selection``.
    selectionPreviewed(int)
        So many points would be selected if the button were released now; −1 once no outline is drawn.
    pathEdited(object, object, int)
        Waypoints of the path after an edit in the *path* mode, float [n, 2]; the index that each had before, int64 [n],
        −1 for a new one; the id stays the same during one drag.
    pathPlayToggled, pathPlayStopped
        A key of the *path* mode starts or pauses the playing of the path, or ends it.
    """

    ACCESSIBLE_ROLE = QAccessible.Role.Canvas

    hovered = Signal(object)
    committed = Signal(object, int)
    pointPicked = Signal(int, int)
    pointPreviewed = Signal(int)
    pointHovered = Signal(int, bool)
    nudged = Signal(object, int)
    menuRequested = Signal(object, QPoint)
    viewChanged = Signal(object)
    layerChanged = Signal(object)
    filesDropped = Signal(list)
    filesDragged = Signal(bool)
    pointsSelected = Signal(object, str, str)
    selectionPreviewed = Signal(int)
    pathEdited = Signal(object, object, int)
    pathPlayToggled = Signal()
    pathPlayStopped = Signal()

    def __init__(self, parent: QWidget | None = None, *, parts_later: bool = False) -> None:
        super().__init__(parent)
        self.setObjectName("latentMap")
        self.setAccessibleName("Latent map")
        self.setAccessibleDescription(_HOW)
        set_whats_this(self, _HOW)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self._is_built = False
        self._held_nudge = 0
        self._path_is_played = False
        self._sent_view: View | None = None
        self._view_report = Debouncer(VIEW_MS, self._send_view, self)
        if not parts_later:
            for _ in self.build():
                pass

    def build(self) -> Iterator[None]:
        """Make the parts, one with each step; the iterator must be exhausted before the map is used or shown."""
        self._graphics = MapGraphicsView(self)
        self.view_box = MapViewBox()
        yield
        self.plot = Plot(self.view_box)
        yield
        self._fix_axes()
        self.layer_stack = LayerStack(self.view_box, self)
        yield
        self._overlays = OverlayPanels(self.layer_stack, self)
        yield
        self._picker = PointPicker(self.layer_stack, self)
        self._selector = PointSelector(self.layer_stack, self)
        self._mode = ""
        self._tools: dict[str, Tool] = {
            "explore": ExploreTool(self._commit, self.pointPicked.emit, self._picker.target),
            "select": SelectTool(self._selector),
            "box": SelectTool(self._selector, is_box=True),
            "path": PathTool(self),
        }
        self._connect()
        self.set_axes_names("z₁", "z₂")
        self.set_mode("explore")
        self._is_built = True
        self.set_theme(current_theme())

    def _fix_axes(self) -> None:
        """Give the axes a fixed size, and put the plot into the graphics view."""
        self.plot.layout.setContentsMargins(0, MARGIN, MARGIN, 0)
        self.plot.y_axis.setWidth(AXIS_WIDTH)
        self.plot.x_axis.setHeight(AXIS_HEIGHT)
        self._graphics.setGeometry(self.rect())  # there is a view before the widget is shown
        self._graphics.setCentralItem(self.plot)

    def _connect(self) -> None:
        self.view_box.sigRangeChanged.connect(self._on_view_changed)
        self.view_box.sigResized.connect(self._on_box_resized)
        self.view_box.hovered.connect(self._on_hovered)
        self.view_box.menuRequested.connect(self.menuRequested)
        self._picker.previewed.connect(self.pointPreviewed)
        self._picker.hovered.connect(self.pointHovered)
        self._selector.selected.connect(self.pointsSelected)
        self._selector.previewed.connect(self.selectionPreviewed)
        self.view_box.press_filter = self._overlays.close_layer_panel
        self._graphics.pinched.connect(lambda factor, pixel: self.view_box.zoom(factor, self.pixel_to_z(pixel)))
        self.layer_stack.stateChanged.connect(self.layerChanged)
        self._overlays.fitClicked.connect(self.fit_to_points)

    # --- where things are -------------------------------------------------------------------------

    def viewport(self) -> QWidget:
        """The widget that is painted and gets the mouse events; its pixels are the map's."""
        viewport: QWidget = self._graphics.viewport()
        return viewport

    def view(self) -> View:
        """What is in view now."""
        return self.view_box.view()

    def z_to_pixel(self, z: npt.ArrayLike) -> QPointF:
        """Map a point (x, y) of the shown axes to pixels of this widget."""
        x, y = np.asarray(z, float)[:2]
        return self.view_box.mapToScene(self.view().point((x, y)))  # type: ignore[no-any-return]

    def pixel_to_z(self, point: QPoint | QPointF) -> FloatArray:
        """Map a pixel of this widget to the point (x, y) of the shown axes under it, float [2]."""
        pixel = self.view_box.mapFromScene(QPointF(point))
        return self.view().from_pixel((pixel.x(), pixel.y()))

    def reset_view(self) -> None:
        """Show the region that a standard normal prior fills."""
        self.view_box.show_range((-PRIOR_REACH, PRIOR_REACH), (-PRIOR_REACH, PRIOR_REACH))

    def fit_to_points(self) -> None:
        """Show all points, or the prior's region if there are none."""
        extent = self.layer_stack.extent_of_points()
        if extent is None:
            self.reset_view()
        else:
            self.view_box.show_range(*extent)

    def follow(self, xy: npt.ArrayLike) -> None:
        """Bring a point (x, y) into view, panning no farther than needed; not while a button is held on the map."""
        if not self.view_box.is_button_down:
            self.view_box.bring_into_view(xy, FOLLOW_MARGIN)

    def _on_view_changed(self) -> None:
        self._view_report.throttle()

    def _send_view(self) -> None:
        view = self.view()
        if view != self._sent_view:
            self._sent_view = view
            self.viewChanged.emit(view)

    # --- what is drawn ----------------------------------------------------------------------------

    def set_axes_names(self, x: str, y: str) -> None:
        """Name the horizontal and the vertical axis."""
        self.plot.x_axis.set_name(x)
        self.plot.y_axis.set_name(y)

    def axis_names(self) -> tuple[str, str]:
        """Names of the horizontal and the vertical axis."""
        return self.plot.x_axis.name, self.plot.y_axis.name

    def set_points(
        self,
        xy: npt.ArrayLike | None,
        labels: npt.ArrayLike | None = None,
        class_names: Sequence[str] = (),
        ordered: bool = False,
        title: str = "",
        *,
        unlabelled: str = NO_CLASS_NAME,
        labelled_on_top: bool = False,
        is_turning: bool = False,
    ) -> None:
        """Draw the encoded points and list their classes.

        Parameters
        ----------
        xy : array_like [N, 2] or None
            Points on the shown axes; None or an empty array draws none.
        labels : array_like of int [N], optional
            Class of each; -1 where it is not known.
        class_names : sequence of str
            A name for each class, in order.
        ordered : bool
            Whether the classes are steps of a value, coloured from dark to bright.
        title : str
            What the classes or values are of.
        unlabelled : str
            What the legend calls points without a class.
        labelled_on_top : bool
            Whether points with a class are drawn over those without, which are dimmed while none is selected.
        is_turning : bool
            Whether the same points are shown from another side: they then move to their positions for a moment.
        """
        self._picker.clear()
        points = self.layer_stack.points
        before = points.xy
        points.set_points(xy, labels, class_names, ordered, title, unlabelled, labelled_on_top)
        if is_turning:
            points.turn_from(before)
        extent = self.layer_stack.extent_of_points()
        self.view_box.set_extent(0.0 if extent is None else max(high - low for low, high in extent))

    def set_selection(self, indices: npt.ArrayLike | None) -> None:
        """Let these points stand out and dim the others; None or an empty array dims none."""
        self.layer_stack.points.set_selected(None if indices is None else np.asarray(indices, np.int64))

    def set_manifold(self, picture: ByteArray | None, x_range: Range, y_range: Range) -> None:
        """Show a whole picture, uint8 [H, W] or [H, W, 3], its first row uppermost, over these ranges of the axes."""
        self.layer_stack.manifold.set_picture(picture, x_range, y_range)

    def begin_manifold(
        self, view_x_range: Range, view_y_range: Range, columns: int, rows: int, generation: int
    ) -> None:
        """Expect the tiles of a manifold over these ranges; what is shown stays until they cover it."""
        self.layer_stack.manifold.begin(view_x_range, view_y_range, columns, rows, generation)

    def put_tiles(self, generation: int, cells: npt.NDArray[np.integer], span: int, tiles: ByteArray) -> None:
        """Paint tiles of the manifold that was begun with this generation.

        Parameters
        ----------
        generation : int
            Tiles of any other generation than the one begun last are ignored.
        cells : ndarray of int, [n, 2]
            Column and row of each tile; column 0 is leftmost, row 0 lowest.
        span : int
            Each tile covers ``span × span`` cells, from its own to the right and upwards.
        tiles : ndarray of uint8, [n, h, w] or [n, h, w, 3]
            The decoded images, all of one size within a generation.
        """
        self.layer_stack.manifold.put_tiles(generation, cells, span, tiles)

    def put_pictures(self, rows: npt.NDArray[np.integer], pictures: ByteArray) -> None:
        """Take pictures of the points of these rows, uint8 [k, h, w] or [k, h, w, 3]; ``wanted`` asks for them."""
        self.layer_stack.pictures.put(rows, pictures)

    def set_distances(
        self,
        distances: FloatArray | None,
        x_range: Range = (0.0, 1.0),
        y_range: Range = (0.0, 1.0),
        scale: Range = (0.0, 1.0),
    ) -> None:
        """Dim what is far from data.

        Parameters
        ----------
        distances : ndarray [rows, columns] or None
            From each part of these ranges of the axes to the nearest point, the first row lowest; None dims nothing.
        x_range, y_range : tuple of float
            What the distances cover.
        scale : tuple of float
            The distances at which dimming begins and is complete.
        """
        self.layer_stack.trust.set_distances(distances, x_range, y_range, scale)

    def set_cursor(self, xy: npt.ArrayLike | None) -> None:
        """Put the cursor on the committed point (x, y); None removes it."""
        self.layer_stack.cursor.set_position(xy)
        at = "" if xy is None else f"At {', '.join(f'{value:.2f}' for value in np.asarray(xy, float).tolist())}. "
        tell_description(self, f"{at}{_HOW}")

    def set_preview(self, xy: npt.ArrayLike | None) -> None:
        """Mark the previewed point (x, y); None removes the mark."""
        self.layer_stack.cursor.preview.set_position(xy)

    def set_neighbours(self, xy: npt.ArrayLike | None) -> None:
        """Mark the data points [k, 2] nearest to the latent shown; None removes the marks."""
        self.layer_stack.neighbours.set_points(xy)

    def set_posterior(self, mean: npt.ArrayLike | None, covariance: npt.ArrayLike | None = None) -> None:
        """Draw a posterior's mean (x, y) and covariance [2, 2] on the shown axes; None removes it."""
        self.layer_stack.posterior.set_posterior(mean, covariance)

    def set_path(self, points: npt.ArrayLike | None) -> None:
        """Draw a path through these waypoints [n, 2]; None or none of them removes it."""
        self.layer_stack.path.set_points(points)

    def set_path_curve(self, curve: npt.ArrayLike | None) -> None:
        """Draw the way through the waypoints through these points [m, 2]; None draws straight lines."""
        self.layer_stack.path.set_curve(curve)

    def set_path_is_played(self, is_played: bool) -> None:
        """Set whether the path is played or paused, which Escape ends in the *path* mode."""
        self._path_is_played = is_played

    def layers(self) -> tuple[LayerState, ...]:
        """Every layer as it is now, from the lowest to the highest."""
        return tuple(layer.state() for layer in self.layer_stack)

    def set_layer_visible(self, name: str, visible: bool) -> None:
        """Show or hide a layer by its name, one of those in ``layers()``."""
        self.layer_stack[name].set_state(visible=visible)

    def set_layer_opacity(self, name: str, opacity: float) -> None:
        """Draw a layer with an opacity between 0 and 1 (clipped)."""
        self.layer_stack[name].set_state(opacity=opacity)

    def choose_in_layer(self, name: str, choice: str) -> None:
        """Let a layer show one of its choices, if it has this one."""
        layer = self.layer_stack[name]
        if choice and choice in dict(layer.choices):
            layer.choiceEdited.emit(choice)

    # --- messages over the map ---------------------------------------------------------------------

    def set_message(self, text: str | None, button: str = "", clicked: Callable[[], object] | None = None) -> None:
        """Show one line on how to fill the empty map, and a button that does it.

        Parameters
        ----------
        text : str or None
            The line; None or an empty one removes the message.
        button : str
            Text of the button; no text, no button.
        clicked : callable, optional
            Called when the button is clicked.
        """
        self._overlays.set_message(text or "", button, clicked)

    def set_staleness_text(self, text: str, part: str = "points") -> None:
        """Show which epoch the map belongs to, for instance "epoch 3.0"; an empty text removes the note.

        The text for another ``part`` than the points is shown behind that for the points.
        """
        self._overlays.set_staleness_text(text, part)

    def set_epoch_banner(self, text: str) -> None:
        """Show that the map is of a past epoch; an empty text removes the banner."""
        self._overlays.set_epoch_banner(text)

    def set_picks_only(self, picks_only: bool) -> None:
        """Let every click of the Explore tool pick the nearest data point: there is nothing between the points."""
        self._picker.picks_only = picks_only

    def set_view_note(self, text: str) -> None:
        """Show what kind of view the map is, if that is not a plane of the latent space; an empty text removes it."""
        self._overlays.set_view_note(text)

    def set_far_from_data(self, far: bool) -> None:
        """Show or hide the note that the latent shown is far from all data; the caller measures it."""
        self._overlays.set_far_from_data(far)

    def picture(
        self, width: int, height: int, ratio: float = 1.0, ranges: tuple[Range, Range] | None = None
    ) -> MapPicture:
        """Return what is on the map as a picture to paint at any size; see `MapPicture`.

        ``ranges`` of the axes are shown whole; by default those in view.
        """
        x_range, y_range = ranges or (self.view().x_range, self.view().y_range)
        return MapPicture(
            self.layer_stack,
            (self.plot.x_axis, self.plot.y_axis),
            self._overlays.scales(),
            View.fitted(x_range, y_range, *inner_size(width, height), ratio),
        )

    # --- tools and keys ---------------------------------------------------------------------------

    def set_mode(self, mode: str) -> None:
        """Choose what the left button does: ``"explore"``, ``"select"``, ``"box"`` or ``"path"``."""
        if mode not in self._tools:
            raise ValueError(f"no mode is called {mode!r}")
        if self._mode:
            self._tools[self._mode].cancel()
        self._mode = mode
        self._picker.clear()
        self.view_box.set_tool(self._tools[mode])

    def mode(self) -> str:
        """What the left button does now."""
        return self._mode

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Nudge with the arrows (Shift: ten times finer), zoom with plus and minus, show all with Home.

        Enter sets a waypoint or a corner of the selection at the cross-hair. Escape gives up what is being drawn, then
        clears it.
        """
        key, view = event.key(), self.view()
        if key in _ARROWS:
            step = (view.y_max - view.y_min) / NUDGE_STEPS
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                step /= 10
            if not event.isAutoRepeat() or not self._held_nudge:
                self._held_nudge = next_gesture()
            self.nudged.emit(np.array(_ARROWS[Qt.Key(key)], float) * step, self._held_nudge)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            middle = ((view.x_min + view.x_max) / 2, (view.y_min + view.y_max) / 2)
            self.view_box.zoom(1 / KEY_ZOOM if key == Qt.Key.Key_Minus else KEY_ZOOM, middle)
        elif key == Qt.Key.Key_Home:
            self.fit_to_points()
        elif key == Qt.Key.Key_Menu or (key, event.modifiers()) == (Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier):
            self._request_menu()
        elif not self._act_on_key(Qt.Key(key), event.modifiers()):
            event.ignore()

    def _act_on_key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        """Do what the tool does with a key, or Escape without it; returns whether anything was done."""
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return self._enter(modifiers)
        if key == Qt.Key.Key_Escape and self._overlays.close_layer_panel():
            return True
        return self._tools[self._mode].key(key) or (key == Qt.Key.Key_Escape and self._selector.clear())

    def _request_menu(self) -> None:
        """Ask for the menu at the cross-hair, or in the middle without one."""
        view, cursor = self.view(), self.layer_stack.cursor.position
        middle = ((view.x_min + view.x_max) / 2, (view.y_min + view.y_max) / 2)
        xy = np.asarray(middle if cursor is None else cursor, float)
        self.menuRequested.emit(xy, self.viewport().mapToGlobal(self.z_to_pixel(xy).toPoint()))

    def show_layer_panel(self) -> None:
        """Show the switches and opacities of the layers."""
        self._overlays.show_layer_panel()

    def _enter(self, modifiers: Qt.KeyboardModifier) -> bool:
        """Let the tool act at the cross-hair; returns whether it did."""
        cursor = self.layer_stack.cursor.position
        if cursor is None:
            return False
        return self._tools[self._mode].enter(self.view().to_pixel(cursor), self.view(), modifiers)

    def _on_hovered(self, xy: FloatArray | None, modifiers: Qt.KeyboardModifier) -> None:
        self._overlays.show_values_at(xy)
        is_picking = self._mode == "explore" and self._picker.hover(xy, modifiers, self.view())
        if not is_picking:
            self.hovered.emit(xy)

    def _commit(self, xy: FloatArray, gesture: int) -> None:
        self._picker.clear()
        self.committed.emit(xy, gesture)

    # --- the path tool ----------------------------------------------------------------------------

    def path_points(self) -> FloatArray:
        """Waypoints of the path that is drawn [n, 2]."""
        return self.layer_stack.path.points

    def path_side_at(self, pixel: FloatArray, view: View, reach: float) -> int | None:
        """The side of the path, from 0, that is within ``reach`` of a pixel."""
        return self.layer_stack.path.side_at(pixel, view, reach)

    def edit_path(self, points: FloatArray, sources: Sequence[int], gesture: int) -> None:
        """Draw the edited path, and emit it."""
        if len(points) != len(self.path_points()):
            self.layer_stack.path.set_curve(None)
        self.layer_stack.path.set_points(points)
        self.pathEdited.emit(points, np.asarray(sources, np.int64), gesture)

    def toggle_playing(self) -> None:
        """Emit that the path is to be played or paused."""
        self.pathPlayToggled.emit()

    def stop_playing(self) -> bool:
        """Emit that playing ends; returns whether the path is played."""
        if self._path_is_played:
            self.pathPlayStopped.emit()
            return True
        return False

    # --- dropped files ----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.filesDragged.emit(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Report that files are no longer dragged over the map."""
        self.filesDragged.emit(False)
        super().dragLeaveEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Accept files anywhere on the map."""
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Emit the paths of the dropped files."""
        self.filesDragged.emit(False)
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.filesDropped.emit(paths)

    # --- how it looks -----------------------------------------------------------------------------

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours, until the palette changes."""
        self._graphics.setBackground(theme.map)
        self.plot.set_theme(theme, self.font())
        self.layer_stack.set_theme(theme)
        self._overlays.set_theme(theme)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fill the widget."""
        self._graphics.setGeometry(self.rect())

    def _on_box_resized(self) -> None:
        """Keep the panels in the corners of the map."""
        area: QRectF = self.view_box.mapRectToScene(self.view_box.rect())
        self._overlays.place(area.toAlignedRect())
        self._on_view_changed()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette from light to dark and back, and the font."""
        super().changeEvent(event)
        if self._is_built and event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.set_theme(current_theme())
