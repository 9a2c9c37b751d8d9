"""Points of many dimensions laid out in two, by t-SNE or UMAP: neighbours stay neighbours, distances do not."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.config.embedding import FEWEST_POINTS, LAYOUTERS, Method, install_advice
from latentlab.errors import InputError
from latentlab.latent.components import principal_components
from latentlab.utils.array_types import FloatArray

Report = Callable[[FloatArray | None, float], bool]

_PERPLEXITY = 30
_NEIGHBOURS = 15
_MANY = 20_000  # points, from which t-SNE takes _NEIGHBOURS of the same weight instead of a perplexity
_ITERATIONS = ((150, 12.0, 0.5), (350, 1.0, 0.8))  # of t-SNE: number, exaggeration, momentum
# Every 50 iterations take longer than those before, since the layout grows and with it the grid of the gradient: of
# 70,000 points 3, 4.5, 6.4 and 8.8 s of a processor.
_ITERATIONS_OF_MANY = ((150, 12.0, 0.5), (200, 1.0, 0.8))
_TREE_DIMENSIONS = 12  # above, a k-d tree looks at nearly every point
_BRUTE = 100_000  # points, above which all pairs take longer than the approximate search of the packages
_FEW = 5_000  # points, below which threads cost more than they save
_AT_ONCE = 4096  # points whose neighbours are searched before it is reported
_SEARCH_SHARE = 0.15  # of the whole time
_REPORT_EVERY = 5  # iterations
_UMAP_EPOCHS = 100  # beyond _MANY points, a quarter of a second of a processor each for 70,000; UMAP would take 200
_UMAP_START = 10.0  # UMAP expects an initial layout of this size
_TSNE_START = 1e-4  # and t-SNE one of this standard deviation


def embed(points: ArrayLike, method: Method, report: Report = lambda _positions, _fraction: False) -> FloatArray:
    """Lay points out in two dimensions so that near ones stay near.

    Both start from the first two principal components, which keeps the large structure and makes the result the same
    for the same points (Kobak & Berens 2019, "The art of using t-SNE for single-cell transcriptomics").

    Parameters
    ----------
    points
        [N, d], finite; at least ``FEWEST_POINTS``.
    method
        ``"tsne"`` (van der Maaten & Hinton 2008; openTSNE's FFT-accelerated gradient, Linderman et al. 2019) with
        perplexity 30, or beyond 20,000 points with 15 neighbours of equal weight, which look the same (Böhm et al.
        2022, arXiv:2007.08902). ``"umap"`` (McInnes et al. 2018, arXiv:1802.03426) with 15 neighbours. ``"flat"``: the
        principal components themselves.
    report
        Called with positions [N, 2], or ``None`` if there are no newer ones, and the fraction that is done; it returns
        whether to stop. UMAP reports its progress but no positions before the end.

    Returns
    -------
    ndarray
        float32 [N, 2], scaled as by :func:`scaled`.

    Raises
    ------
    InputError
        When the package is not installed, or there are too few points.
    """
    latents = np.ascontiguousarray(points, np.float32)
    if latents.ndim != 2 or len(latents) < FEWEST_POINTS or not np.isfinite(latents).all():
        raise InputError(f"a layout needs {FEWEST_POINTS} points at least, of finite numbers")
    start = starting_layout(latents)
    if method == "flat" or report(start, 0.0):
        return start
    try:
        return _tsne(latents, start, report) if method == "tsne" else _umap(latents, start, report)
    except ImportError:
        raise InputError(f"a layout needs {install_advice(LAYOUTERS[method].package)}") from None


def starting_layout(latents: FloatArray) -> FloatArray:
    """The points on their first two principal components, [N, 2], scaled."""
    components = principal_components(latents, 2)
    positions = (latents - latents.mean(axis=0)) @ components.T
    if positions.shape[1] < 2:
        positions = np.column_stack([positions, np.zeros(len(positions), np.float32)])
    return scaled(positions)


def scaled(positions: ArrayLike) -> FloatArray:
    """Positions centred, with a root mean square distance of 2 from the centre: float32 [N, 2]."""
    centred = np.asarray(positions, np.float64)
    centred = centred - centred.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=1).mean())
    result: FloatArray = (centred * (2.0 / max(float(size), 1e-12))).astype(np.float32)
    return result


def _tsne(latents: FloatArray, start: FloatArray, report: Report) -> FloatArray:
    from openTSNE import TSNEEmbedding, affinity
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    if len(latents) <= _MANY:
        perplexity = min(_PERPLEXITY, (len(latents) - 1) / 3)
        affinities = affinity.PerplexityBasedNN(latents, perplexity=perplexity, n_jobs=-1, random_state=0)
    elif (found := _nearest(latents, _NEIGHBOURS + 1, report)) is not None:
        index = PrecomputedNeighbors(found[0][:, 1:].copy(), found[1][:, 1:].copy())
        affinities = affinity.Uniform(knn_index=index, k_neighbors=_NEIGHBOURS)
    else:
        affinities = affinity.Uniform(latents, k_neighbors=_NEIGHBOURS, n_jobs=-1, random_state=0)
    threads = -1 if len(latents) > _FEW else 1
    first = start.astype(np.float64) * (_TSNE_START / max(float(start[:, 0].std()), 1e-12))
    layout = TSNEEmbedding(first, affinities, n_jobs=threads, random_state=0)
    stages = _ITERATIONS if len(latents) <= _MANY else _ITERATIONS_OF_MANY
    total, done = sum(number for number, _, _ in stages), 0
    for iterations, exaggeration, momentum in stages:
        for _ in range(0, iterations, _REPORT_EVERY):
            layout.optimize(
                n_iter=_REPORT_EVERY,
                exaggeration=exaggeration,
                momentum=momentum,
                inplace=True,
                propagate_exception=True,
            )
            done += _REPORT_EVERY
            if report(scaled(layout), _SEARCH_SHARE + (1 - _SEARCH_SHARE) * done / total):
                return scaled(layout)
    return scaled(layout)


def _umap(latents: FloatArray, start: FloatArray, report: Report) -> FloatArray:
    import umap

    found = _nearest(latents, min(_NEIGHBOURS, len(latents) - 1), report)
    known = {} if found is None else {"precomputed_knn": (found[0].astype(np.int32), found[1].astype(np.float32))}
    init = start.astype(np.float32) * (_UMAP_START / max(float(np.abs(start).max()), 1e-12))
    progress = _ProgressBar(lambda fraction: report(None, _SEARCH_SHARE + (1 - _SEARCH_SHARE) * fraction))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that new points could not be added with these neighbours
        layout: Any = umap.UMAP(
            n_neighbors=min(_NEIGHBOURS, len(latents) - 1),
            init=init,
            n_epochs=_UMAP_EPOCHS if len(latents) > _MANY else None,
            random_state=0,
            n_jobs=1,  # what a fixed seed needs
            verbose=True,
            tqdm_kwds={"file": progress, "mininterval": 0.2},
            **known,
        ).fit_transform(latents)
    return scaled(layout)


def _nearest(latents: FloatArray, count: int, report: Report) -> tuple[NDArray[np.int64], FloatArray] | None:
    """The nearest points of each, itself first: indices and distances [N, count]; ``None`` where others are faster.

    The approximate searches of the packages take three times as long for 70,000 points of 10 dimensions.
    """
    size, dimensions = latents.shape
    if dimensions <= _TREE_DIMENSIONS:
        from scipy.spatial import KDTree

        tree = KDTree(latents)

        def search(points: FloatArray) -> Any:
            distance, index = tree.query(points, count, workers=-1)
            return index, distance

    elif size <= _BRUTE:
        from sklearn.neighbors import NearestNeighbors

        fitted = NearestNeighbors(n_neighbors=count, algorithm="brute", n_jobs=-1).fit(latents)

        def search(points: FloatArray) -> Any:
            distance, index = fitted.kneighbors(points)
            return index, distance

    else:
        return None
    indices, distances = np.empty((size, count), np.int64), np.empty((size, count), np.float32)
    for start in range(0, size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        indices[part], distances[part] = search(latents[part])
        report(None, _SEARCH_SHARE * min(1.0, (start + _AT_ONCE) / size))
    return indices, distances


class _ProgressBar(io.StringIO):
    """Reads the percentages that tqdm writes: UMAP has no other way to tell its progress."""

    def __init__(self, report: Callable[[float], object]) -> None:
        super().__init__()
        self._report = report

    def write(self, text: str) -> int:
        found = re.search(r"(\d+)%", text)
        if found:
            self._report(min(1.0, int(found.group(1)) / 100))
        return len(text)
