"""Points on the latent map against pyqtgraph's ScatterPlotItem, one item for each class, in one run.

Both pan a 900 × 700 window in which every point is in view, a few pixels a frame, and paint each frame at once.
Rounds are interleaved, and the ratio is taken in each round; figures are medians. Times are processor times, which
other work on the machine changes least. The map is measured with its axes, legend and panels; *drawn exactly* is a
frame in which every point is rasterised again, as when the view rests.

Goals for 10⁶ points: a frame of panning in at most 10 ms, and at least 20 times as fast as ScatterPlotItem.

    QT_QPA_PLATFORM=offscreen python -m tests.benchmarks.bench_points [--counts 10000 100000 1000000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
import PySide6
from PySide6.QtWidgets import QApplication

from latentlab.gui.latent_map import LatentMap
from latentlab.gui.style.theme import DARK, LIGHT
from latentlab.utils.palettes import class_colours

CLASSES = 10
FRAMES = 8
GOAL_COUNT, LONGEST_FRAME, LEAST_RATIO = 1_000_000, 10.0, 20.0


def make_points(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten clusters that overlap, as an encoded dataset has them."""
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, count)
    centres = random.normal(0, 1.2, (CLASSES, 2))
    return (centres[labels] + random.normal(0, 0.4, (count, 2))).astype(np.float32), labels


def median_frame(frame: Callable[[int], None]) -> float:
    """Processor time of a frame in ms, the median of a few: both paint on one thread and never wait."""
    times = []
    for number in range(FRAMES):
        start = time.process_time()
        frame(number)
        times.append(1e3 * (time.process_time() - start))
    return float(np.median(times))


def make_scatter(xy: np.ndarray, labels: np.ndarray) -> tuple[pg.PlotWidget, float]:
    """The peer: a plot with an item for each class, with pyqtgraph's defaults."""
    start = time.process_time()
    plot = pg.PlotWidget()
    plot.setAspectLocked(True)
    for number, colour in enumerate(class_colours(CLASSES)):
        mine = xy[labels == number]
        plot.addItem(pg.ScatterPlotItem(mine[:, 0], mine[:, 1], size=4, pen=None, brush=pg.mkBrush(*colour)))
    plot.resize(900, 700)
    plot.show()
    QApplication.processEvents()
    plot.disableAutoRange()
    return plot, time.process_time() - start


def make_map(xy: np.ndarray, labels: np.ndarray) -> tuple[LatentMap, float]:
    """The latent map, with all that it shows beside the points."""
    start = time.process_time()
    widget = LatentMap()
    widget.set_points(xy, labels, [str(number) for number in range(CLASSES)])
    widget.fit_to_points()
    widget.resize(900, 700)
    widget.show()
    QApplication.processEvents()
    return widget, time.process_time() - start


def compare(count: int, rounds: int) -> str:
    """One row: medians over rounds, and the median of the rounds' ratios."""
    xy, labels = make_points(count)
    latent_map, map_build = make_map(xy, labels)  # first: a plot that is open would paint into its time
    scatter, scatter_build = make_scatter(xy, labels)
    box = scatter.getViewBox()

    def pan_scatter(number: int) -> None:
        step = 3 * box.viewPixelSize()[0] * (1 if number % 2 else -1)
        box.translateBy(x=step, y=step)
        scatter.viewport().repaint()

    def pan_map(number: int) -> None:
        step = 3 if number % 2 else -3
        latent_map.view_box.pan(step, step)
        latent_map.viewport().repaint()

    def draw_exactly(number: int) -> None:
        latent_map.set_theme(DARK if number % 2 else LIGHT)  # the last picture cannot be used again
        latent_map.viewport().repaint()

    measured = np.array([[median_frame(f) for f in (pan_scatter, pan_map, draw_exactly)] for _ in range(rounds)])
    peer, ours, exact = np.median(measured, axis=0)
    ratio = float(np.median(measured[:, 0] / measured[:, 1]))
    scatter.close()
    latent_map.close()
    goal = ("met" if ours <= LONGEST_FRAME and ratio >= LEAST_RATIO else "missed") if count >= GOAL_COUNT else "–"
    return (
        f"| {count:,} | {peer:.0f} | {ours:.1f} | {ratio:.0f} × | {goal} | {exact:.0f} "
        f"| {1e3 * scatter_build:.0f} | {1e3 * map_build:.0f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    application = QApplication.instance() or QApplication([])
    print(
        f"{platform.machine()}, Python {platform.python_version()}, PySide6 {PySide6.__version__}, "
        f"pyqtgraph {pg.__version__}, numpy {np.__version__}, {application.platformName()}"
    )
    print(
        "| points | ScatterPlotItem, frame (ms) | latent map, frame (ms) | ratio | goal | drawn exactly (ms) "
        "| ScatterPlotItem, built (ms) | latent map, built (ms) |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for count in options.counts:
        print(compare(count, options.rounds), flush=True)


if __name__ == "__main__":
    main()
