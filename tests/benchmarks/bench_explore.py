"""The functions on latents against scikit-learn, matplotlib and scipy, in one run.

Rounds are interleaved, and the ratio is taken in each round; figures are medians of processor times, which other work
on the machine changes least. Set OMP_NUM_THREADS=1, so that all use one core. matplotlib is measured if installed.

Goals: the nearest of 10⁶ points in at most the time of 20 decoded images of the bundled model; a lasso of 10⁶ points
in at most 50 ms.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_explore [--rounds 5]
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
import scipy.spatial
import sklearn
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from latentlab import latent
from latentlab.models.inference import load_model

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


def lassoing() -> Contestants:
    """A lasso of 200 corners drawn by hand around about two fifths of 10⁶ points."""
    random = np.random.default_rng(0)
    points = random.normal(size=(COUNT, 2)).astype(np.float32)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    lasso = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1 + 0.3 * np.sin(9 * angle))[:, None]
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


def sections() -> Iterator[tuple[str, Contestants]]:
    """What is compared, made when it is its turn."""
    yield "bundled:mnist-2d", decoding()
    for size in (2, 10):
        yield f"5 nearest of 10⁶ × {size}", searching(size)
    yield "lasso of 10⁶ points", lassoing()
    yield "Procrustes, 70,000 × 10", aligning()
    yield "mixture, 8,000 × 10", fitting()
    yield "direction, 14,000 × 10", directing()


def main() -> None:
    """Print a table of all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"Python {platform.python_version()}, numpy {np.__version__}, scikit-learn {sklearn.__version__}")
    print("| what | how | median | times as long as the first |\n|---|---|---|---|")
    for title, contestants in sections():
        compare(title, contestants, rounds)


if __name__ == "__main__":
    main()
