"""Geodesics: the paths along which a decoder's images change least (numpy; no torch, no Qt)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.latent.arrays import FloatArray, as_latents, as_vector, same_dimensions
from latentlab.latent.lengths import Answer, Evaluate, measure
from latentlab.latent.polyline import along, finer, step_lengths

NODES = 32
"""Latents that a geodesic between two waypoints is made of."""
_MAX_ITERATIONS = 40
_MAX_REFUSED = 6  # steps in a row that do not lower the energy
_AT_REST = 1e-4  # share of the energy that a step must save
_MAX_DIRECTIONS = 16  # dimensions in which the nodes move at a time
_DAMPING = (1e-2, 1e-6, 1e6)  # first, least, most: relative to the metric
_EVEN = 4  # latents between two nodes, for the spacing of the first guess
PARTS = 4
"""Latents between two nodes, for the lengths that decide whether a path is longer than the straight line."""
_STIFFNESS = 1e-2
"""Share of the straight line's mean metric that is added to the metric in all directions alike: without it nodes wander
off where the images hardly change, such as along collapsed dimensions."""
_DIFFERENCE = 1e-4  # of a numeric derivative, in latent units


class Decoder(Protocol):
    """What paths need of a model; `latentlab.load_model` returns one."""

    def decode(self, z: Any, label: Any = None) -> NDArray[Any]:
        """Images [n, …] of latents [n, d]."""

    def decoder_jacobian(self, z: Any, directions: Any = None, label: Any = None) -> NDArray[Any]:
        """Derivatives [n, k, …] of the images at latents [n, d] along directions [k, d] or [n, k, d]."""


Solving = Generator[Evaluate, Answer, FloatArray]


def geodesic(
    decoder: Decoder | Callable[[FloatArray], NDArray[Any]],
    start: ArrayLike,
    end: ArrayLike,
    nodes: int = NODES,
    *,
    label: int | None = None,
    derivative: Callable[[FloatArray, FloatArray], NDArray[Any]] | None = None,
    guess: ArrayLike | None = None,
) -> NDArray[np.float32]:
    """The path between two latents whose images are nearest to each other: a geodesic of the decoder.

    The decoder's Jacobian J pulls the distance of images back to the metric JᵀJ of the latent space; a geodesic is
    the shortest path in it. The energy Σ ‖D(zᵢ₊₁) − D(zᵢ)‖² of a curve of ``nodes`` latents is minimised with both ends
    fixed, by damped Gauss–Newton steps. A local minimum is found, from the straight line or from ``guess``. In more
    than 16 dimensions the nodes move in 16 random directions at a time.

    Parameters
    ----------
    decoder
        A model, or a function from latents [n, d] to images [n, …].
    start, end
        [d].
    nodes
        Number of latents of the path, at least 3.
    label
        Class that a conditional model decodes for.
    derivative
        For a function as decoder: its derivative [n, …] at latents [n, d] along directions [n, d]. By default
        differences are taken, which cost precision.
    guess
        A path [m, d] with the same ends to begin from.

    Returns
    -------
    ndarray
        float32 [nodes, d], with ``start`` and ``end`` exactly. Its images are never longer, as a path, than those of
        the straight line.

    Raises
    ------
    InputError
        For latents that are not finite or of different sizes, or for fewer than 3 nodes.

    References
    ----------
    Shao, Kumar & Fletcher (2018). The Riemannian geometry of deep generative models. arXiv:1711.08014.
    Arvanitidis, Hansen & Hauberg (2018). Latent space oddity. arXiv:1710.11379.

    Examples
    --------
    >>> import numpy as np
    >>> from latentlab.latent import geodesic, path_length
    >>> def sphere(z):
    ...     return np.stack([np.cos(z[:, 0]) * np.cos(z[:, 1]), np.sin(z[:, 0]) * np.cos(z[:, 1]), np.sin(z[:, 1])], 1)
    >>> path = geodesic(sphere, [0.0, 1.0], [np.pi / 2, 1.0])
    >>> great_circle = np.arccos(np.sin(1) ** 2)
    >>> bool(abs(path_length(sphere(path)) / great_circle - 1) < 0.01)
    True
    """
    answer = evaluator(decoder, label, derivative)
    steps = _no_longer_than_straight(as_vector(start, "the start"), as_vector(end, "the end"), nodes, guess)
    path: NDArray[np.float32] = run(steps, answer).astype(np.float32)
    path[0], path[-1] = np.asarray(start, np.float32), np.asarray(end, np.float32)
    return path


def run(steps: Generator[Evaluate, Answer, Any], answer: Callable[[Evaluate], Answer]) -> Any:
    """Answer a solver until it returns its result."""
    try:
        asked = next(steps)
        while True:
            asked = steps.send(answer(asked))
    except StopIteration as end:
        return end.value


def evaluator(
    decoder: Decoder | Callable[[FloatArray], NDArray[Any]],
    label: int | None = None,
    derivative: Callable[[FloatArray, FloatArray], NDArray[Any]] | None = None,
) -> Callable[[Evaluate], Answer]:
    """What answers a solver with a model or a function."""
    model: Any = decoder if hasattr(decoder, "decode") else _Function(decoder, derivative)

    def answer(asked: Evaluate) -> Answer:
        images = flat(model.decode(asked.latents, label))
        if asked.directions is None:
            return images, None
        slopes = np.asarray(model.decoder_jacobian(asked.latents, asked.directions, label), np.float64)
        return images, slopes.reshape(*slopes.shape[:2], -1)

    return answer


class _Function:
    """A function from latents to images as a decoder; without its derivative, by differences."""

    def __init__(self, function: Any, derivative: Callable[[FloatArray, FloatArray], NDArray[Any]] | None) -> None:
        self._function, self._derivative = function, derivative or self._difference

    def decode(self, z: FloatArray, _label: int | None) -> NDArray[Any]:
        images: NDArray[Any] = self._function(z)
        return images

    def decoder_jacobian(self, z: FloatArray, directions: FloatArray, _label: int | None) -> NDArray[Any]:
        k, size = directions.shape[-2:]
        along = np.broadcast_to(directions, (len(z), k, size)).reshape(-1, size)
        slopes = np.asarray(self._derivative(np.repeat(z, k, axis=0), along))
        return slopes.reshape(len(z), k, *slopes.shape[1:])

    def _difference(self, z: FloatArray, v: FloatArray) -> NDArray[Any]:
        ahead, behind = (np.asarray(self._function(z + side * v), np.float64) for side in (_DIFFERENCE, -_DIFFERENCE))
        slope: NDArray[Any] = (ahead - behind) / (2 * _DIFFERENCE)
        return slope


def flat(images: ArrayLike) -> FloatArray:
    """Images [n, …] as float64 [n, p]."""
    array = np.asarray(images, np.float64)
    return array.reshape(len(array), -1)


def straight(start: FloatArray, end: FloatArray, nodes: int) -> FloatArray:
    """Evenly spaced latents [nodes, d] from one to another."""
    t = np.linspace(0, 1, nodes)[:, None]
    return (1 - t) * start + t * end


def geodesic_in_steps(
    start: FloatArray, end: FloatArray, nodes: int = NODES, guess: ArrayLike | None = None
) -> Solving:
    """Find a :func:`geodesic`, asking for images and derivatives one step at a time; returns float64 [nodes, d]."""
    same_dimensions(start, end, "the ends of a geodesic")
    if nodes < 3:
        raise InputError(f"a geodesic needs at least 3 nodes, not {nodes}")
    line = straight(start, end, nodes)
    if np.array_equal(start, end):
        return line
    line, line_length = yield from _even(line, nodes)
    begin = line
    if guess is not None:
        begin, length = yield from _even(_ends_fixed(as_latents(guess, "the guess", least=2), start, end), nodes)
        if length > line_length:
            begin = line
    stiffness = _STIFFNESS * (line_length / float(np.linalg.norm(end - start))) ** 2
    curve = yield from _descend(begin, stiffness)
    curve, length = yield from _even(curve, nodes)
    return curve if length <= line_length else line


def _no_longer_than_straight(start: FloatArray, end: FloatArray, nodes: int, guess: ArrayLike | None) -> Solving:
    """A geodesic, or the straight line if that is shorter when both are measured closely."""
    curve = yield from geodesic_in_steps(start, end, nodes, guess)
    line = straight(start, end, nodes)
    parts = max(1, round(PARTS * (NODES - 1) / (nodes - 1)))
    found, _ = yield from measure(finer(curve, parts), curve)
    shortest, _ = yield from measure(finer(line, parts), curve)
    return line if found.is_longer(shortest) else curve


def _ends_fixed(guess: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    """A curve moved so that it has these ends."""
    same_dimensions(guess, start, "the guess and the ends")
    t = np.linspace(0, 1, len(guess))[:, None]
    moved: FloatArray = guess + (1 - t) * (start - guess[0]) + t * (end - guess[-1])
    return moved


def _even(curve: FloatArray, nodes: int) -> Generator[Evaluate, Answer, tuple[FloatArray, float]]:
    """The curve with its nodes at equal distances between their images, and the length of its images.

    A curve of lowest energy has equal distances; of the curves that have, the shortest one has the lowest energy.
    """
    fine = finer(curve, _EVEN)
    images, _ = yield Evaluate(fine, None, curve)
    lengths = step_lengths(images)
    spaced = along(fine, lengths, np.linspace(0, 1, nodes))
    spaced[[0, -1]] = curve[[0, -1]]
    return spaced, float(lengths.sum())


def _descend(curve: FloatArray, stiffness: float) -> Solving:
    """Lower the energy of a curve until it is at rest: Gauss–Newton steps, damped as by Levenberg and Marquardt.

    The energy is that of the images, and ``stiffness`` times that of the latents.
    """
    damping, least, most = _DAMPING
    size = curve.shape[1]
    random = np.random.default_rng(0)
    rotation, offset = np.eye(size), 0
    images, derivatives = yield Evaluate(curve, rotation[:_MAX_DIRECTIONS], curve)
    resting = 0
    for _ in range(_MAX_ITERATIONS):
        directions = rotation[offset : offset + _MAX_DIRECTIONS]
        assert derivatives is not None
        energy = _energy(images) + stiffness * _energy(curve)
        system = _system(images, derivatives)
        if stiffness:
            pulled = _system(curve, np.broadcast_to(directions, (len(curve), *directions.shape)))
            gradient, diagonal, beside = (one + stiffness * other for one, other in zip(system, pulled, strict=True))
            system = gradient, diagonal, beside
        refused = 0
        while True:
            moved = curve.copy()
            moved[1:-1] += _step(*system, damping) @ directions
            trial, _ = yield Evaluate(moved, None, curve)
            saved = 1 - (_energy(trial) + stiffness * _energy(moved)) / energy if energy > 0 else 0.0
            if saved > 0 or refused == _MAX_REFUSED or damping >= most:
                break
            refused, damping = refused + 1, damping * 8
        if saved > 0:
            curve, damping = moved, max(least, damping / 4)
        resting = resting + 1 if saved < _AT_REST else 0
        offset += _MAX_DIRECTIONS
        if offset >= size:
            offset = 0
            if size > _MAX_DIRECTIONS:
                rotation = np.linalg.qr(random.normal(size=(size, size)))[0]
        if resting >= max(1, -(-size // _MAX_DIRECTIONS)) or energy == 0:
            break
        images, derivatives = yield Evaluate(curve, rotation[offset : offset + _MAX_DIRECTIONS], curve)
    return curve


def _energy(images: FloatArray) -> float:
    return float((np.diff(images, axis=0) ** 2).sum())


def _system(images: FloatArray, derivatives: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gradient [m, k] of half the energy for the inner nodes, and blocks [m, k, k] of its Gauss–Newton matrix.

    The blocks are those on the diagonal, and those beside it (the last one is not used).
    """
    differences = np.diff(images, axis=0)  # [m + 1, p]
    inner = derivatives[1:-1]  # [m, k, p]
    gradient = np.einsum("mkp,mp->mk", inner, differences[:-1] - differences[1:])
    diagonal = 2 * (inner @ inner.transpose(0, 2, 1))
    beside = -(inner @ derivatives[2:].transpose(0, 2, 1))
    return gradient, diagonal, beside


def _step(gradient: FloatArray, diagonal: FloatArray, beside: FloatArray, damping: float) -> FloatArray:
    """Solve the damped block-tridiagonal system for the step [m, k]: elimination forwards, substitution backwards."""
    count, k = gradient.shape
    scale = np.trace(diagonal, axis1=1, axis2=2) / k
    floor = 1e-9 * scale.max(initial=0) + 1e-30
    damped = diagonal + (damping * (scale + floor) + floor)[:, None, None] * np.eye(k)
    factors, right = np.empty((count, k, k)), np.empty((count, k))
    block, known = damped[0], -gradient[0]
    for i in range(count):
        if i:
            block = damped[i] - beside[i - 1].T @ factors[i - 1]
            known = -gradient[i] - beside[i - 1].T @ right[i - 1]
        both = np.linalg.solve(block, np.column_stack([beside[i], known]))
        factors[i], right[i] = both[:, :k], both[:, k]
    step = np.empty((count, k))
    step[-1] = right[-1]
    for i in range(count - 2, -1, -1):
        step[i] = right[i] - factors[i] @ step[i + 1]
    return step
