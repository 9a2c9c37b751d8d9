"""The encoded points: projected onto the map's axes, and coloured by class or by another column."""

from __future__ import annotations

import math
from collections.abc import Set
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentlab.engine.protocol.messages import Axes, FloatArray
from latentlab.gui.latent_map import LatentMap, View
from latentlab.gui.latent_map.view import PRIOR_REACH
from latentlab.state.map_state import MapState
from latentlab.state.tags import columns_of
from latentlab.utils.text import format_number

PRIOR_SHARE = 0.9  # share of the points within the prior's region for which that region is the first view
MAX_CATEGORIES = 12  # a column with more distinct numbers is a continuous value
COLOUR_STEPS = 12


class EncodedPoints:
    """Draws the points of a map's state, and chooses the first view of each model."""

    def __init__(self, latent_map: LatentMap) -> None:
        self._map = latent_map
        self._has_view = False
        self._fitted: View | None = None  # the view that shows the whole layout
        self._viewed_model = ("", 0)  # source and size of the model whose view was chosen
        self._drawn_on: Axes | None = None  # the plane that the points were projected on

    def apply(self, state: MapState, changed: Set[str]) -> None:
        """Draw what has changed."""
        if "opened_version" in changed:
            model = (state.source, state.latent.size)
            if model != self._viewed_model or not state.run_is_active:  # a restarted worker opens the same model
                self._has_view = False
            self._viewed_model = model
        # Other names on the same plane only rename the axes.
        shown, axes_changed = state.shown_points, "axes" in changed or {"axis_names", "plane"} <= changed
        is_turned = "plane" in changed and bool(state.axes.directions) and not _same_axes(state.plane, self._drawn_on)
        is_recoloured = "colour_by" in changed or ("tagged" in changed and bool(state.colour_by))
        is_laid_out = "embedded" in changed and state.embedded is not None
        if axes_changed or is_turned or is_recoloured or is_laid_out or changed & {"points", "viewed_epoch"}:
            self._draw(state, is_turning=axes_changed or is_laid_out)
        if changed & {"points", "viewed_epoch", "selection"}:
            selection = state.selection
            self._map.set_selection(None if shown is None or selection is None else selection.rows(shown))
        # The view follows a layout that is computed until the user moves it.
        is_followed = is_laid_out and self._fitted in (None, self._map.view())
        if (axes_changed or is_turned or is_followed) and shown is not None:
            self._map.fit_to_points()
        if "axes" in changed or is_followed:
            self._fitted = self._map.view() if state.embedded is not None else None
        if "points" in changed and state.points is not None and not self._has_view and state.plane is not None:
            self._has_view = True
            self._choose_first_view(state, state.points.mean)

    def _draw(self, state: MapState, is_turning: bool = False) -> None:
        points = state.shown_points
        self._drawn_on = state.plane
        xy = self._positions(state)
        if points is None or xy is None:
            if not state.axes.embedding or points is None or state.viewed_epoch is not None:
                self._map.set_points(None, None, ())
            return  # the points stay where they are until there is a layout
        column = columns_of(points, state.tagged).get(state.colour_by) if state.colour_by else None
        colours = PointColours(points.label, points.classes, False) if column is None else colours_of_column(column)
        title = "" if column is None else state.colour_by
        is_tag = column is not None and title not in points.columns
        self._map.set_points(
            xy, colours.labels, colours.names, colours.is_ordered, title,
            unlabelled="no class" if column is None else "not tagged" if is_tag else "no value",
            labelled_on_top=is_tag, is_turning=is_turning,
        )  # fmt: skip

    def _positions(self, state: MapState) -> FloatArray | None:
        """Where the shown points are on the map, [N, 2]; ``None`` if there are none, or no layout of them yet."""
        points, embedded = state.shown_points, state.embedded
        if points is None:
            return None
        if state.plane is not None:
            return state.plane.project(points.mean)
        is_of_points = state.viewed_epoch is None and embedded is not None and len(embedded) == len(points.mean)
        return embedded if is_of_points else None

    def _choose_first_view(self, state: MapState, mean: FloatArray) -> None:
        """Show the prior's region if it has most points in it, else all points; later the view is the user's.

        During training the points are still close together and will spread: the prior's region is shown then too.
        """
        assert state.plane is not None
        is_within = np.abs(state.plane.project(mean)).max(axis=1, initial=0.0) <= PRIOR_REACH
        if state.run_is_active or (len(is_within) and is_within.mean() >= PRIOR_SHARE):
            self._map.reset_view()
        else:
            self._map.fit_to_points()


def _same_axes(one: Axes | None, other: Axes | None) -> bool:
    """Whether two planes have the same axes, at whatever latent."""
    if one is None or other is None:
        return one is other
    return np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)


class PointColours(NamedTuple):
    """Labels [N] (−1 unknown) with their names; ``is_ordered`` when they are steps of a value."""

    labels: NDArray[np.int64]
    names: tuple[str, ...]
    is_ordered: bool


def colours_of_column(values: NDArray[Any]) -> PointColours:
    """Colour by a column: text and few distinct numbers as categories, other numbers in even steps.

    The steps lie between the 1st and the 99th percentile, so that a few outliers do not take up all colours.
    """
    if values.dtype.kind not in "biuf":
        names, labels = np.unique(values.astype(str), return_inverse=True)
        if len(names) and names[0] == "":  # no text is no category
            names, labels = names[1:], labels - 1
        return PointColours(labels.astype(np.int64), tuple(names.tolist()), False)
    numbers = values.astype(np.float64)
    is_finite = np.isfinite(numbers)
    distinct = np.unique(numbers[is_finite])
    labels = np.full(len(numbers), -1, np.int64)
    if len(distinct) <= MAX_CATEGORIES:
        labels[is_finite] = np.searchsorted(distinct, numbers[is_finite])
        form = _form(distinct)
        return PointColours(labels, tuple(format_number(value, form) for value in distinct), len(distinct) > 2)
    low, high = np.percentile(numbers[is_finite], (1, 99))
    edges = np.linspace(low, high, COLOUR_STEPS + 1)
    steps = np.searchsorted(edges, numbers[is_finite], side="right") - 1
    labels[is_finite] = np.clip(steps, 0, COLOUR_STEPS - 1)
    form = _form(edges)
    ranges = tuple(f"{format_number(a, form)} – {format_number(b, form)}" for a, b in pairwise(edges))
    return PointColours(labels, ranges, True)


def _form(numbers: NDArray[np.float64]) -> str:
    """A format with as many digits as tell neighbouring numbers apart: years, for instance, need more than three."""
    step = np.diff(numbers).min(initial=np.inf)
    largest = np.abs(numbers).max(initial=0)
    digits = math.ceil(math.log10(largest / step)) + 1 if 0 < step <= largest else 3
    return f".{min(max(digits, 3), 12)}g"
