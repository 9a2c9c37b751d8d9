"""How much a decoder stretches the latent space."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def magnification(jacobian: ArrayLike) -> NDArray[np.float64]:
    """Factor √det JᵀJ by which a map enlarges lengths (k = 1), areas (k = 2) or volumes.

    Where it is large a small step in latent space changes the image much; where it is 0 some direction changes nothing.

    Parameters
    ----------
    jacobian
        [N, k, ...]: the derivative along each of k directions at each of N latents, as from
        ``model.decoder_jacobian``. For the plane of two dimensions, the derivatives along these two.

    Returns
    -------
    ndarray
        float64 [N], 0 or more, in units of the images' values to the power k for each unit volume of the latent space.

    Raises
    ------
    ValueError
        When the Jacobian has fewer than two axes.

    References
    ----------
    Bishop, Svensén & Williams 1997, Magnification factors for the GTM algorithm.
    Arvanitidis, Hansen & Hauberg 2018, Latent Space Oddity (arXiv:1710.11379).

    Examples
    --------
    >>> magnification([[[3.0, 0.0, 0.0], [0.0, 0.0, 2.0]]])
    array([6.])
    """
    rows = np.asarray(jacobian, np.float64)
    if rows.ndim < 2:
        raise ValueError(f"a Jacobian is [N, k, ...], not {list(rows.shape)}")
    flat = rows.reshape(*rows.shape[:2], -1)
    metric = flat @ np.swapaxes(flat, 1, 2)
    factors: NDArray[np.float64] = np.sqrt(np.maximum(np.linalg.det(metric), 0.0))
    return factors
