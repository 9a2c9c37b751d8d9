"""Colours of classes and values, chosen to remain distinct to colour-blind people.

Numpy and strings only, no Qt; shared by panels, curves and the latent map.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]


# Okabe & Ito, "Color Universal Design" (2008). Their black is replaced by a grey: light on the dark theme.
_OKABE_ITO = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
# Tol, "Colour Schemes" (2021): bright and muted, without their greys.
_TOL_BRIGHT = (
    (68, 119, 170),
    (238, 102, 119),
    (34, 136, 51),
    (204, 187, 68),
    (102, 204, 238),
    (170, 51, 119),
)
_TOL_MUTED = (
    (136, 204, 238),
    (204, 102, 119),
    (221, 204, 119),
    (17, 119, 51),
    (51, 34, 136),
    (170, 68, 153),
    (68, 170, 153),
    (153, 153, 51),
    (136, 34, 85),
)
PALETTES = {"Okabe-Ito": _OKABE_ITO, "Tol bright": _TOL_BRIGHT, "Tol muted": _TOL_MUTED}
"""The first colours of classes, by name."""
_chosen = "Okabe-Ito"
_NEUTRAL = {True: (200, 204, 210), False: (60, 64, 70)}
_CIVIDIS_RANGE = {True: (0.38, 1.0), False: (0.2, 0.75)}
"""Contrast with the background is at least 3.0 (dark) or 2.0 (light), with black at least 2.1 (full range: 1.1)."""
UNLABELLED = (142, 148, 158)
"""Colour of a point without a known class."""

MAX_COLOURS = 100
"""With more classes colours repeat: more could not be distinguished."""


def class_colours(count: int, dark: bool = True) -> ByteArray:
    """Colours for ``count`` classes that remain distinct to colour-blind people.

    Parameters
    ----------
    count : int
        Number of classes, 0 or more.
    dark : bool
        Whether they are drawn on a dark background.

    Returns
    -------
    ndarray of uint8, [count, 3]
        The chosen palette, by default Okabe and Ito's, for as many classes as it has colours, and a grey. With more,
        its hues are followed by further colours, each chosen to be the farthest from all before it under the colour
        vision that sees the least difference. A class therefore keeps its colour when more classes are added.
    """
    first = PALETTES[_chosen]
    if count <= len(first) + 1:
        return np.array([*first, _NEUTRAL[dark]], np.uint8)[:count].copy()
    return np.asarray(_distinct_colours(_chosen)[np.arange(count) % MAX_COLOURS])


def choose_palette(name: str) -> bool:
    """Choose one of ``PALETTES`` for all classes that are drawn from now on; returns whether it is another."""
    global _chosen
    before, _chosen = _chosen, name if name in PALETTES else _chosen
    return before != _chosen


def palette(count: int, dark: bool = True, ordered: bool = False) -> ByteArray:
    """Colours uint8 [count, 3] for classes, or with ``ordered`` for steps of a value: cividis from dark to bright.

    Only the range of cividis that contrasts with the theme's background and with black images is used.
    """
    return cividis(np.linspace(*_CIVIDIS_RANGE[dark], count)) if ordered else class_colours(count, dark)


@lru_cache(maxsize=4)
def _distinct_colours(name: str) -> ByteArray:
    """A palette's colours, then repeatedly the candidate farthest from those chosen."""
    lightness, chroma, hue = np.meshgrid(np.linspace(0.56, 0.92, 10), (0.09, 0.13, 0.17), np.arange(0, 360, 10))
    candidates = _unique(oklch_to_rgb(lightness.ravel(), chroma.ravel(), hue.ravel()))
    first = np.array(PALETTES[name], np.uint8)
    colours = np.concatenate([first, candidates])
    # Computed once per colour and kind of vision: the window waits for this when the first points arrive.
    seen = np.stack([oklab(as_seen(colours, eye)) for eye in (None, *EYES)])
    chosen = list(range(len(first)))
    nearest = np.min([_distance(seen, index) for index in chosen], axis=0)
    while len(chosen) < MAX_COLOURS:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, _distance(seen, chosen[-1]))
    return np.asarray(colours[chosen])


def _unique(colours: ByteArray) -> ByteArray:
    """Sorted colours [n, 3] without duplicates; ``numpy.unique`` would import numpy.ma, which takes 50 ms."""
    packed = np.sort(colours.astype(np.int64) @ (65536, 256, 1))
    packed = packed[np.concatenate([[True], packed[1:] != packed[:-1]])]
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)


def _distance(seen: FloatArray, index: int) -> FloatArray:
    """Distances [n] of all colours, as seen [visions, n, 3], from one; the least over the kinds of vision."""
    difference = seen - seen[:, index, None]
    return np.asarray(np.sqrt((difference * difference).sum(axis=-1).min(axis=0)))


# Machado, Oliveira & Fernandes (2009), severity 1, on linear sRGB.
EYES: dict[str, FloatArray] = {
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""Kinds of colour blindness, and the matrix of each on linear RGB."""


def as_seen(colours: ByteArray, eye: str | None) -> FloatArray:
    """Colours as linear sRGB in [0, 1], float [n, 3], as seen with a kind of colour blindness; ``None`` for without."""
    encoded = np.asarray(colours, float) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return linear if eye is None else np.clip(linear @ EYES[eye].T, 0.0, 1.0)


# OKLab (Ottosson 2020): linear sRGB → cone-like responses → lightness and two opponent axes.
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(linear: FloatArray) -> FloatArray:
    """OKLab coordinates [..., 3] of linear sRGB [..., 3]; equal distances are about equal perceived differences."""
    return np.asarray(np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T)


def oklch_to_rgb(lightness: npt.ArrayLike, chroma: npt.ArrayLike, hue: npt.ArrayLike) -> ByteArray:
    """Convert OKLCH colours to sRGB, reducing the chroma of colours outside its gamut.

    Parameters
    ----------
    lightness, chroma, hue : array_like [n]
        In [0, 1], in about [0, 0.4] and in degrees.

    Returns
    -------
    ndarray of uint8, [n, 3]
    """
    lightness, chroma = np.asarray(lightness, float), np.asarray(chroma, float)
    radians = np.deg2rad(np.asarray(hue, float))
    for _ in range(16):
        lab = np.stack([lightness, chroma * np.cos(radians), chroma * np.sin(radians)], axis=-1)
        linear = (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONES).T
        outside = (linear.min(axis=-1) < 0) | (linear.max(axis=-1) > 1)
        chroma = np.where(outside, chroma * 0.92, chroma)
    linear = np.clip(linear, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(encoded * 255), dtype=np.uint8)


# Cividis (Nuñez, Anderton & Renslow 2018) at ten evenly spaced values.
_CIVIDIS = (
    (0, 32, 77),
    (0, 51, 111),
    (57, 72, 107),
    (87, 92, 109),
    (112, 113, 115),
    (138, 135, 121),
    (166, 157, 117),
    (196, 181, 108),
    (228, 207, 91),
    (255, 234, 70),
)


@lru_cache(maxsize=1)
def cividis_table() -> ByteArray:
    """The colour map for values: uint8 [256, 3], from dark to bright."""
    positions = np.linspace(0, 255, len(_CIVIDIS))
    table = np.array(_CIVIDIS, float)
    columns = [np.interp(np.arange(256), positions, table[:, channel]) for channel in range(3)]
    return np.round(np.stack(columns, axis=1)).astype(np.uint8)


def diverging(values: npt.ArrayLike, dark: bool = True) -> ByteArray:
    """Colour values from −1 (blue) over 0 (the ground of the theme) to 1 (orange): uint8 [..., 3]."""
    shares = np.clip(np.asarray(values, float), -1.0, 1.0)[..., None]
    middle = np.array(_DIVERGING_MIDDLE[0 if dark else 1], float)
    ends = np.where(shares < 0, np.array(_DIVERGING_ENDS[0], float), np.array(_DIVERGING_ENDS[1], float))
    colours: ByteArray = np.round(middle + np.sqrt(np.abs(shares)) * (ends - middle)).astype(np.uint8)
    return colours


_DIVERGING_ENDS = ((70, 130, 230), (240, 140, 30))
_DIVERGING_MIDDLE = ((16, 18, 22), (250, 250, 250))


def cividis(values: npt.ArrayLike) -> ByteArray:
    """Cividis colours uint8 [..., 3] of values in [0, 1]; others are clipped, NaN counts as 0."""
    clean = np.clip(np.nan_to_num(np.asarray(values, float)), 0.0, 1.0)
    return np.asarray(cividis_table()[np.round(clean * 255).astype(np.intp)])
