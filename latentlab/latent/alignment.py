"""Procrustes: the rotation, reflection and scale that lay one set of latents onto another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.latent.arrays import FloatArray, as_latents


@dataclass(frozen=True, eq=False)
class Procrustes:
    """A similarity map from the latents of one model to those of another.

    Attributes
    ----------
    aligned
        float64 [n, d_a]: the second latents in the coordinates of the first.
    disparity
        In [0, 1]: sum of squared differences when both sets are centred and scaled to a sum of squares of 1; 0 for
        sets of the same shape.
    rotation
        float64 [d, d], orthogonal, with d the larger of both dimensions: the smaller latents are padded with 0.
    scale
        Positive factor; 0 if one of the sets has nothing in common with the other.
    mean_a, mean_b
        float64 [d], padded.
    """

    aligned: FloatArray
    disparity: float
    rotation: FloatArray
    scale: float
    mean_a: FloatArray
    mean_b: FloatArray
    _sizes: tuple[int, int]

    def apply(self, latents: ArrayLike) -> NDArray[np.float32]:
        """Map latents of the second model, [n, d_b] or [d_b], to the first: float32 [n, d_a] or [d_a]."""
        return self._mapped(latents, self._sizes, is_inverse=False)

    def inverse(self, latents: ArrayLike) -> NDArray[np.float32]:
        """Map latents of the first model, [n, d_a] or [d_a], to the second."""
        return self._mapped(latents, self._sizes[::-1], is_inverse=True)

    def _mapped(self, latents: ArrayLike, sizes: tuple[int, int], is_inverse: bool) -> NDArray[np.float32]:
        values = np.asarray(latents, np.float64)
        size, wanted = sizes[::-1]
        if values.ndim not in (1, 2) or values.shape[-1] != size:
            raise InputError(f"latents of {size} numbers are needed, not an array {list(values.shape)}")
        padded = _padded(np.atleast_2d(values), len(self.rotation))
        if is_inverse:
            factor = 1 / self.scale if self.scale > 0 else 0.0
            mapped = (padded - self.mean_a) @ self.rotation.T * factor + self.mean_b
        else:
            mapped = (padded - self.mean_b) @ self.rotation * self.scale + self.mean_a
        return mapped[:, :wanted].reshape(*values.shape[:-1], wanted).astype(np.float32)


def procrustes(a: ArrayLike, b: ArrayLike) -> Procrustes:
    """Lay the latents ``b`` onto the latents ``a`` of the same images.

    Parameters
    ----------
    a, b
        [n, d_a] and [n, d_b], n ≥ 2: row i of both belongs to the same image.

    Returns
    -------
    Procrustes
        ``disparity`` is that of ``scipy.spatial.procrustes(a, b)``, and ``rotation`` that of
        ``scipy.linalg.orthogonal_procrustes`` for the centred ``b`` and ``a``.

    Raises
    ------
    InputError
        For sets of different lengths, or one whose points are all the same.

    References
    ----------
    Gower (1975). Generalized Procrustes analysis. Schönemann (1966). A generalized solution of the orthogonal
    Procrustes problem.

    Examples
    --------
    >>> import numpy as np
    >>> from latentlab.latent import procrustes
    >>> a = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    >>> turned = a @ [[0.0, 1.0], [-1.0, 0.0]] * 3 + 7
    >>> found = procrustes(a, turned)
    >>> round(found.disparity, 12), bool(np.allclose(found.apply(turned), a, atol=1e-6))
    (0.0, True)
    """
    first, second = as_latents(a, "the first set", least=2), as_latents(b, "the second set", least=2)
    if len(first) != len(second):
        raise InputError(f"both sets must have a latent for each image, not {len(first)} and {len(second)}")
    size = max(first.shape[1], second.shape[1])
    padded_a, padded_b = _padded(first, size), _padded(second, size)
    mean_a, mean_b = padded_a.mean(axis=0), padded_b.mean(axis=0)
    centred_a, centred_b = padded_a - mean_a, padded_b - mean_b
    norm_a, norm_b = float(np.linalg.norm(centred_a)), float(np.linalg.norm(centred_b))
    if norm_a == 0 or norm_b == 0:
        raise InputError("all latents of a set are the same point: it cannot be aligned")
    left, strengths, right = np.linalg.svd((centred_b / norm_b).T @ (centred_a / norm_a))
    rotation = left @ right
    overlap = float(strengths.sum())
    scale = overlap * norm_a / norm_b
    aligned = (centred_b @ rotation * scale + mean_a)[:, : first.shape[1]]
    return Procrustes(
        aligned,
        max(0.0, 1 - overlap**2),
        rotation,
        scale,
        mean_a,
        mean_b,
        (first.shape[1], second.shape[1]),
    )


def _padded(latents: FloatArray, size: int) -> FloatArray:
    return np.pad(latents, ((0, 0), (0, size - latents.shape[1])))
