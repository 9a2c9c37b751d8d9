"""Everything the map draws, in layers, each told what it shows by a ``set_…``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from latentlab.gui.colours import DARK, Theme
from latentlab.gui.latent_map.axes_view import MapPlot
from latentlab.gui.latent_map.coverage import Coverage
from latentlab.gui.latent_map.layer_panel import Layer
from latentlab.gui.latent_map.layers.base import PixelLayer
from latentlab.gui.latent_map.layers.cursor import CursorLayer, OutlineLayer, PathLayer, PosteriorLayer, PreviewLayer
from latentlab.gui.latent_map.layers.density import DensityLayer, TrustLayer
from latentlab.gui.latent_map.layers.manifold import ManifoldLayer
from latentlab.gui.latent_map.layers.points import PointsLayer
from latentlab.gui.latent_map.view_box import PRIOR_REACH

ByteArray = npt.NDArray[np.uint8]
Range = tuple[float, float]

LAYERS = (
    Layer("manifold", "Decoded manifold"),
    Layer("density", "Density of points", visible=False, opacity=0.8),
    Layer("trust", "Veil where no data is", opacity=0.8),
    Layer("points", "Points", opacity=0.85),
    Layer("posterior", "Posterior"),
    Layer("path", "Path"),
    Layer("cursor", "Cursor"),
)
"""Every layer as it is at first, from the lowest to the highest."""


class LayeredPlot(MapPlot):
    """A plot with the map's layers: it draws, and knows nothing of the hand."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme: Theme = DARK
        self._coverage: Coverage | None = None
        self._coverage_is_old = False
        # When the event loop turns next: points and what follows from them in one go would cost a frame.
        self._coverage_timer = QTimer(self)
        self._coverage_timer.setSingleShot(True)
        self._coverage_timer.timeout.connect(self._show_coverage)
        self._manifold = ManifoldLayer(self.box, 0)
        self._density = DensityLayer(self.box, 10)
        self._trust = TrustLayer(self.box, 20, self._manifold.extent)
        self._points = PointsLayer(self.box, 30)
        self._posterior = PosteriorLayer(self.box, 40)
        self._path = PathLayer(self.box, 50)
        self._outline = OutlineLayer(self.box, 55)
        self._preview = PreviewLayer(self.box, 60)
        self._cursor = CursorLayer(self.box, 70)
        self._items: dict[str, tuple[PixelLayer, ...]] = {
            "manifold": (self._manifold,),
            "density": (self._density,),
            "trust": (self._trust,),
            "points": (self._points,),
            "posterior": (self._posterior,),
            "path": (self._path,),
            "cursor": (self._cursor, self._preview),
        }
        self._layers = {layer.name: layer for layer in LAYERS}
        for layer in LAYERS:
            self._apply_layer(layer)

    # --- layers -----------------------------------------------------------------------------------------------

    def layers(self) -> tuple[Layer, ...]:
        """Every layer as it is now, from the lowest to the highest."""
        return tuple(self._layers.values())

    def set_layer_visible(self, name: str, visible: bool) -> None:
        """Show or hide a layer by its name, one of those in ``layers()``."""
        self._apply_layer(replace(self._layers[name], visible=bool(visible)))

    def set_layer_opacity(self, name: str, opacity: float) -> None:
        """Draw a layer with an opacity between 0 and 1 (clipped)."""
        self._apply_layer(replace(self._layers[name], opacity=float(np.clip(opacity, 0.0, 1.0))))

    def _apply_layer(self, layer: Layer) -> None:
        self._layers[layer.name] = layer
        for item in self._items[layer.name]:
            item.setVisible(layer.visible)
            item.setOpacity(layer.opacity)
        if layer.visible and layer.name in ("density", "trust"):
            self._show_coverage()

    # --- what is drawn ----------------------------------------------------------------------------------------

    def set_points(
        self,
        xy: npt.ArrayLike | None,
        labels: npt.ArrayLike | None = None,
        class_names: Sequence[str] = (),
        ordered: bool = False,
    ) -> None:
        """Draw the encoded points.

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
        """
        points = np.zeros((0, 2), np.float32) if xy is None else np.asarray(xy, np.float32).reshape(-1, 2)
        known = np.full(len(points), -1, np.int64) if labels is None else np.asarray(labels).astype(np.int64).ravel()
        classes = max(len(class_names), int(known.max(initial=-1)) + 1)
        self._points.set_points(points, known, classes, ordered)
        self._coverage_is_old = True
        self._coverage_timer.start()

    def set_classes_shown(self, shown: Iterable[int]) -> None:
        """Draw the points of these classes only (-1: those without one)."""
        self._points.set_hidden(self._points.classes() - frozenset(shown))

    def set_manifold(self, picture: ByteArray | None, x_range: Range, y_range: Range) -> None:
        """Show a whole picture, uint8 [H, W] or [H, W, 3], its first row uppermost, over these ranges of the axes."""
        self._manifold.set_picture(picture, x_range, y_range)
        self._trust.update()

    def begin_manifold(
        self, view_x_range: Range, view_y_range: Range, columns: int, rows: int, generation: int
    ) -> None:
        """Await the tiles of a manifold over these ranges; what is shown stays until they cover it."""
        self._manifold.begin(view_x_range, view_y_range, columns, rows, generation)
        self._trust.update()

    def put_tiles(self, generation: int, cells: npt.NDArray[np.integer], span: int, tiles: ByteArray) -> None:
        """Paint tiles of the manifold that was begun with this generation.

        Parameters
        ----------
        generation : int
            Tiles of any other generation than the one begun last are passed over.
        cells : ndarray of int, [n, 2]
            Column and row of each tile; column 0 is leftmost, row 0 lowest.
        span : int
            Each tile covers ``span × span`` cells, from its own to the right and upwards.
        tiles : ndarray of uint8, [n, h, w] or [n, h, w, 3]
            The decoded images, all of one size within a generation.
        """
        self._manifold.put_tiles(generation, cells, span, tiles)
        self._trust.update()

    def set_density(self, density: npt.ArrayLike | None, x_range: Range = (0, 1), y_range: Range = (0, 1)) -> None:
        """Show a density [H, W], its first row uppermost, over these ranges; None shows that of the points."""
        self._density.set_density(density, x_range, y_range)
        self._show_coverage()

    def set_cursor(self, xy: npt.ArrayLike | None) -> None:
        """Put the crosshair on the committed point (x, y); None takes it away."""
        self._cursor.set_place(xy)

    def set_preview(self, xy: npt.ArrayLike | None) -> None:
        """Mark the previewed point (x, y); None takes the mark away."""
        self._preview.set_place(xy)

    def set_posterior(self, mean: npt.ArrayLike | None, covariance: npt.ArrayLike | None = None) -> None:
        """Draw a posterior's mean (x, y) and covariance [2, 2] on the shown axes; None takes it away."""
        self._posterior.set_posterior(mean, covariance)

    def set_path(self, points: npt.ArrayLike | None) -> None:
        """Draw a path through these waypoints [n, 2]; None or none of them takes it away."""
        self._path.set_points(points)

    def set_selection(self, indices: npt.ArrayLike | None) -> None:
        """Let these points stand out and dim the others; None or none of them dims none."""
        self._points.set_selected(None if indices is None else np.asarray(indices, np.int64))

    def apply_theme(self, theme: Theme) -> None:
        """Draw everything in these colours."""
        self.theme = theme
        super().apply_theme(theme)
        for item in (*(item for items in self._items.values() for item in items), self._outline):
            item.set_theme(theme)

    # --- where data is ----------------------------------------------------------------------------------------

    def _current_coverage(self) -> Coverage | None:
        if self._coverage_is_old:
            xy = self._points.xy
            placed = np.isfinite(xy[:, 0]) & np.isfinite(xy[:, 1])
            self._coverage = Coverage(xy) if placed.any() else None
            self._coverage_is_old = False
        return self._coverage

    def _show_coverage(self) -> None:
        if self._layers["trust"].visible:
            self._trust.set_coverage(self._current_coverage())
        if self._layers["density"].visible:
            self._density.set_coverage(self._current_coverage())

    # --- what is in view --------------------------------------------------------------------------------------

    def reset_view(self) -> None:
        """Show the region that a standard normal prior fills."""
        self.box.show_range((-PRIOR_REACH, PRIOR_REACH), (-PRIOR_REACH, PRIOR_REACH))

    def fit_to_points(self) -> None:
        """Show all points, or the prior's region when there is none."""
        tiles = self._points.tiles()
        if not len(tiles):
            self.reset_view()
            return
        (x0, x1), (y0, y1) = tiles.x_range, tiles.y_range
        room = max(0.04 * max(x1 - x0, y1 - y0), 0.05)
        self.box.show_range((x0 - room, x1 + room), (y0 - room, y1 + room))
