"""The functions on latents against scikit-learn, matplotlib, scipy and stochman, in one run.

Rounds are interleaved, and the ratio is taken in each round; figures are medians of processor times, which other work
on the machine changes least. Set OMP_NUM_THREADS=1, so that all use one core. matplotlib and stochman are measured if
installed.

Goals: the nearest of 10⁶ points in at most the time of 20 decoded images of the bundled model; a lasso of 10⁶ points
in at most 50 ms; with pictures at 10⁵ points a frame of panning or zooming in at most 16 ms; a lasso of 10⁷ points on
the map in at most 200 ms, without a step of the event loop as long as that; a layout of 70,000 latents in at most 60 s;
a geodesic of 32 latents of the bundled model in at most 1 s.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_explore [--rounds 5] [--only neighbours]
    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_explore --only map [--points 10000000]
    python -m tests.benchmarks.bench_explore --only layouts --latents latents.npz
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import scipy.spatial
import sklearn
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from latentlab import latent
from latentlab.engine.worker.plane_fields import round_trip
from latentlab.latent.embedding import starting_layout
from latentlab.latent.terrain import Terrain
from latentlab.latent.voting import majority
from latentlab.models.inference import InferenceModel, load_model

COUNT, QUERIES = 1_000_000, 20
Contestants = dict[str, Callable[[], object]]


def processor_time(function: Callable[[], object]) -> float:
    """In ms."""
    start = time.process_time()
    function()
    return 1e3 * (time.process_time() - start)


def compare(title: str, contestants: Contestants, rounds: int) -> None:
    """A row for each contestant: its median time, and how many times as long it takes as the first."""
    for function in contestants.values():
        function()
    times = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, function in contestants.items():
            times[name].append(processor_time(function))
    first = np.array(next(iter(times.values())))
    for name, taken in times.items():
        ratios = np.array(taken) / first
        spread = f"{ratios.min():.2f} to {ratios.max():.2f}"
        print(f"| {title} | {name} | {np.median(taken):.2f} ms | {np.median(ratios):.2f} ({spread}) |", flush=True)


def decoding() -> Contestants:
    """Twenty decoded images of the bundled model, one at a time, as a drag asks for them."""
    model = load_model("bundled:mnist-2d", "cpu")
    z = np.zeros((1, 2), np.float32)
    return {"20 decoded images": lambda: [model.decode(z) for _ in range(20)]}


def searching(size: int) -> Contestants:
    """The 5 nearest of 10⁶ points; twenty queries, divided by twenty by the reader."""
    random = np.random.default_rng(0)
    points = random.normal(size=(COUNT, size)).astype(np.float32)
    z = random.normal(size=(QUERIES, size))
    index = latent.NeighbourIndex(points)
    brute = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(points)
    tree = NearestNeighbors(n_neighbors=5, algorithm="kd_tree").fit(points)
    return {
        "NeighbourIndex, 20 queries": lambda: [index.query(each, 5) for each in z],
        "neighbours, 20 queries": lambda: [latent.neighbours(points, each, 5) for each in z],
        "scikit-learn brute, 20 queries": lambda: [brute.kneighbors(each[None]) for each in z],
        "scikit-learn kd_tree, 20 queries": lambda: [tree.kneighbors(each[None]) for each in z],
        "making the NeighbourIndex": lambda: latent.NeighbourIndex(points),
        "making the kd_tree": lambda: NearestNeighbors(n_neighbors=5, algorithm="kd_tree").fit(points),
    }


def outline() -> np.ndarray:
    """200 corners, as drawn by hand around about two fifths of standard normal points."""
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1 + 0.3 * np.sin(9 * angle))[:, None]


def lassoing() -> Contestants:
    """A lasso of 200 corners drawn by hand around about two fifths of 10⁶ points."""
    random = np.random.default_rng(0)
    points = random.normal(size=(COUNT, 2)).astype(np.float32)
    lasso = outline()
    contestants: Contestants = {"contains": lambda: latent.contains(lasso, points)}
    if find_spec("matplotlib"):
        from matplotlib.path import Path

        path = Path(lasso, closed=False)
        assert (path.contains_points(points) != latent.contains(lasso, points)).mean() < 1e-5
        contestants["matplotlib Path.contains_points"] = lambda: path.contains_points(points)
    return contestants


def aligning() -> Contestants:
    """70,000 latents of 10 dimensions."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 70_000, 10))
    return {"procrustes": lambda: latent.procrustes(a, b), "scipy": lambda: scipy.spatial.procrustes(a, b)}


def fitting() -> Contestants:
    """A mixture of 16 Gaussians of 8,000 points of 10 dimensions."""
    points = np.random.default_rng(0).normal(size=(8000, 10))
    return {
        "fit_mixture": lambda: latent.fit_mixture(points, components=16, covariance="full"),
        "scikit-learn": lambda: GaussianMixture(16, random_state=0).fit(points),
    }


def directing() -> Contestants:
    """Two groups of 7,000 latents of 10 dimensions, with all scores."""
    a, b = np.random.default_rng(0).normal(size=(2, 7000, 10))
    return {"direction with 40 random groupings": lambda: latent.direction(a, b)}


def surveying(name: str) -> Contestants:
    """Quantities at 40 × 40 cells of a bundled model's plane, beside the decoded images of as many cells."""
    model = load_model(f"bundled:{name}", "cpu")
    z = np.random.default_rng(0).normal(size=(1600, model.latent_dim)).astype(np.float32)
    axes = np.eye(model.latent_dim, dtype=np.float32)[:2]
    index = latent.NeighbourIndex(model.points.mean)
    layout = starting_layout(model.points.mean)
    terrain, places = Terrain(model.points.mean, layout), layout[:1600]
    return {
        "decoded images": lambda: model.decode(z),
        "magnification": lambda: latent.magnification(model.decoder_jacobian(z, axes)),
        "uncertainty": lambda: model.pixel_std(z).sum(axis=(1, 2, 3)),
        "round trip": lambda: round_trip(model, z),
        "classes": lambda: majority(model.points.label[index.query(z, 15)[0]]),
        "latents of a terrain": lambda: terrain.at(places),
        "making a terrain and its error": lambda: Terrain(model.points.mean, layout).assignment_error(),
    }


GEODESICS = 5
"""Pairs of encoded digits, drawn with a fixed seed; some are of one class."""


def geodesics() -> Contestants:
    """Geodesics of 32 latents between encoded digits, on the same decoder: all of them, divided by the reader.

    stochman (if installed) as it comes: a cubic spline whose energy at 20 places Adam lowers in 150 steps. The lengths
    of the images of all paths, sampled finely, are printed first: shorter is better.
    """
    model = load_model("bundled:mnist-2d", "cpu")
    ends = model.points.mean[np.random.default_rng(1).integers(len(model.points.mean), size=(GEODESICS, 2))]
    paths: dict[str, Callable[[], list[np.ndarray]]] = {
        "geodesic, 5 pairs": lambda: [latent.geodesic(model, *pair) for pair in ends],
    }
    if find_spec("stochman"):
        paths["stochman, 5 pairs"] = lambda: [_stochman(model, pair) for pair in ends]
    straight = [latent.interpolate(pair, 32) for pair in ends]
    for name, found in {"straight lines": lambda: straight, **paths}.items():
        lengths = [_image_length(model, path) for path in found()]
        print(f"{name}: lengths of the images {', '.join(f'{length:.2f}' for length in lengths)}", flush=True)
    return dict(paths)


def _image_length(model: InferenceModel, path: np.ndarray) -> float:
    fine = np.concatenate([latent.interpolate(pair, 17)[:-1] for pair in pairwise(path)] + [path[-1:]])
    return latent.path_length(model.decode(fine))


def _stochman(model: InferenceModel, ends: np.ndarray) -> np.ndarray:
    """The path [32, d] that stochman finds, at its defaults."""
    import torch
    from stochman.manifold import EmbeddedManifold

    class Decoded(EmbeddedManifold):
        def embed(self, points: torch.Tensor, jacobian: bool = False) -> torch.Tensor:
            flat = points.reshape(-1, points.shape[-1])
            return model.module.decode(flat, None).reshape(*points.shape[:-1], -1)

    start, end = torch.from_numpy(ends[:, None].copy())
    curve, _ = Decoded().connecting_geodesic(start, end)
    with torch.no_grad():
        found = curve(torch.linspace(0, 1, 32))
    return found.reshape(32, -1).numpy()


def sections(only: str) -> Iterator[tuple[str, Contestants]]:
    """What is compared, made when it is its turn; ``only`` names one section, or is empty for all."""
    made: dict[str, list[tuple[str, Callable[[], Contestants]]]] = {
        "decoding": [("bundled:mnist-2d", decoding)],
        "neighbours": [(f"5 nearest of 10⁶ × {size}", partial(searching, size)) for size in (2, 10)],
        "lasso": [("lasso of 10⁶ points", lassoing)],
        "layers": [(f"1,600 cells, {name}", partial(surveying, name)) for name in ("mnist-2d", "mnist-10d")],
        "geodesics": [("geodesic of bundled:mnist-2d", geodesics)],
        "others": [
            ("Procrustes, 70,000 × 10", aligning),
            ("mixture, 8,000 × 10", fitting),
            ("direction, 14,000 × 10", directing),
        ],
    }
    for name, entries in made.items():
        for title, make in entries if only in ("", name) else ():
            yield title, make()


# --- the map ------------------------------------------------------------------------------------------------------


def settle(seconds: float) -> None:
    """Let the window live for a while."""
    from PySide6.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.005)


def pictures(rounds: int) -> None:
    """Frames of a 900 × 700 map with a picture in every cell, of 10⁵ points: processor time of each."""
    from tests.benchmarks.bench_points import make_map

    random = np.random.default_rng(0)
    points = random.uniform(-3, 3, (100_000, 2)).astype(np.float32)
    latent_map, _ = make_map(points, random.integers(0, 10, len(points)))
    layers = latent_map.layer_stack
    images = random.integers(0, 255, (2000, 28, 28), dtype=np.uint8)
    layers.pictures.wanted.connect(lambda rows: layers.pictures.put(np.asarray(rows), images[np.asarray(rows) % 2000]))
    layers.pictures.setVisible(True)
    box = latent_map.view_box
    gestures = {
        "pan": lambda: box.pan(5, 3),
        "zoom in": lambda: box.zoom(1.02, (0, 0)),
        "zoom out": lambda: box.zoom(1 / 1.02, (0, 0)),
    }
    times: dict[str, list[float]] = {name: [] for name in gestures}
    for _ in range(rounds):
        for name, gesture in gestures.items():
            settle(2)
            for _ in range(40):
                start = time.process_time()
                gesture()
                latent_map.viewport().repaint()
                times[name].append(1e3 * (time.process_time() - start))
                settle(0)
    for name, taken in times.items():
        median, late = np.percentile(taken, [50, 95])
        print(
            f"| pictures at 10⁵ points | {name}, a frame | {median:.1f} ms | 95th percentile {late:.1f} ms |",
            flush=True,
        )
    latent_map.close()


def releasing(count: int, rounds: int) -> None:
    """From the release of the button that closes a lasso until the selection is made and drawn: processor time."""
    from dataclasses import replace

    from PySide6.QtGui import QUndoStack

    from latentlab.controllers.latent_map import MapController
    from latentlab.controllers.selection import SelectionController
    from latentlab.gui.latent_map import LatentMap
    from latentlab.gui.latent_map.point_selector import PointSelector
    from latentlab.state.activity import Activity
    from latentlab.state.session import Session
    from tests.controllers.conftest import Engine, model_info, some_points

    latent_map, session, undo = LatentMap(), Session(), QUndoStack()
    controllers = (
        MapController(session, Engine(), latent_map),
        SelectionController(session, undo, latent_map, Activity()),
    )
    random = np.random.default_rng(0)
    session.set_model(model_info(2), 1, is_new_model=True)
    mean = random.normal(size=(count, 2)).astype(np.float32)
    label, none = random.integers(0, 10, count), np.zeros((1, 2), np.float32)
    session.set_points(replace(some_points(2), mean=mean, std=none, label=label, classes=tuple("0123456789")))
    latent_map.resize(900, 700)
    latent_map.show()
    latent_map.fit_to_points()
    settle(8)
    selector = latent_map.findChild(PointSelector)
    for _ in range(rounds):
        steps = [processor_time(lambda: selector.close(outline(), "replace", "lasso"))]
        while session.selection is None:
            steps.append(processor_time(lambda: settle(0)))
        until = sum(steps)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            steps.append(processor_time(lambda: settle(0)))
            time.sleep(0.005)
        print(
            f"| lasso of {count:,} points on the map, {len(session.selection):,} inside | until it is selected | "
            f"{until:.0f} ms | until it is drawn {sum(steps):.0f} ms, longest step {max(steps):.0f} ms |",
            flush=True,
        )
        undo.undo()
        settle(2)
    del controllers
    latent_map.close()


def laying_out(latents: str) -> None:
    """t-SNE and UMAP of encoded images, in the process that the window starts: real and processor time."""
    from latentlab.engine.worker.embedding import EmbeddingProcess

    with np.load(latents) as file:
        points = file["mean"].astype(np.float32)
    for method in ("tsne", "umap"):
        before, begun, pictures_seen, first = children_time(), time.monotonic(), 0, 0.0
        process = EmbeddingProcess(points, method)
        while not process.is_over:
            news = process.take()
            if news is not None and news[0] is not None:
                pictures_seen += 1
                first = first or time.monotonic() - begun
            time.sleep(0.02)
        process.close()
        taken, load = time.monotonic() - begun, os.getloadavg()[0]
        print(
            f"| {method} of {len(points):,} × {points.shape[1]} | {pictures_seen} layouts, first after {first:.1f} s "
            f"| {taken:.0f} s | {children_time() - before:.0f} s of processors, load {load:.0f} |",
            flush=True,
        )


def children_time() -> float:
    """Processor time of ended child processes, in s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print a table of all comparisons, or of one section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    names = ("decoding", "neighbours", "lasso", "layers", "geodesics", "others", "map", "layouts")
    parser.add_argument("--only", choices=names, default="")
    parser.add_argument("--points", type=int, default=10_000_000, help="of the lasso on the map")
    parser.add_argument("--latents", help="an .npz file with mean, for the layouts")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, numpy {np.__version__}, scikit-learn {sklearn.__version__}")
    print("| what | how | median | times as long as the first |\n|---|---|---|---|")
    for title, contestants in sections(options.only):
        compare(title, contestants, options.rounds)
    if options.only == "map":
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from PySide6.QtWidgets import QApplication

        application = QApplication.instance() or QApplication([])
        pictures(options.rounds)
        releasing(options.points, options.rounds)
        application.processEvents()
    if options.only == "layouts":
        laying_out(options.latents)


if __name__ == "__main__":
    main()
