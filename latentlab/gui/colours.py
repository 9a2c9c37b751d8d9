"""Colours of classes, values and themes, chosen so that colour-blind eyes can tell them apart.

Plain numpy and strings, no Qt: panels, curves and the latent map share them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Theme:
    """The few colours that plots and overlays are drawn in, as ``#rrggbb``.

    Attributes
    ----------
    dark : bool
        Whether this is the theme for a dark window.
    background, surface : str
        Behind a plot; behind a small panel that lies over it.
    text, faint : str
        Writing that is read; axes and whatever should stay in the background.
    accent : str
        The one colour that says "this is yours": cursor, path, selection.
    """

    dark: bool
    background: str
    surface: str
    text: str
    faint: str
    accent: str


DARK = Theme(True, "#15171a", "#23262b", "#e4e6ea", "#8b919b", "#ffb000")
LIGHT = Theme(False, "#f7f7f5", "#ffffff", "#1f2328", "#6b7078", "#c2410c")


def theme(dark: bool) -> Theme:
    """Give the colours for a dark or a light window."""
    return DARK if dark else LIGHT


# Okabe & Ito, "Color Universal Design" (2008). Their black becomes the theme's own neutral: grey-white on dark.
_OKABE_ITO = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
_NEUTRAL = {True: (200, 204, 210), False: (60, 64, 70)}
UNLABELLED = (142, 148, 158)
"""Colour of a point whose class is not known."""

# Beyond eight: hues go round a wheel while the lightness steps through three levels, so that neighbours
# of one hue, or of hues that a colour-blind eye confuses, still differ in lightness.
_LIGHTNESS = (0.80, 0.56, 0.68)
_CHROMA = 0.145
_FIRST_HUE = 50.0


def class_colours(count: int, dark: bool = True) -> ByteArray:
    """Colours for ``count`` classes that colour-blind eyes can tell apart.

    Parameters
    ----------
    count : int
        How many classes, 0 or more.
    dark : bool
        Whether they are drawn on a dark ground.

    Returns
    -------
    ndarray of uint8, [count, 3]
        Okabe and Ito's palette for up to eight classes, beyond that a wheel of even hues with
        alternating lightness. A class keeps its colour when it is drawn in the other theme, the
        neutral eighth aside.
    """
    if count <= len(_OKABE_ITO) + 1:
        return np.array([*_OKABE_ITO, _NEUTRAL[dark]], np.uint8)[:count].copy()
    index = np.arange(count)
    hue = _FIRST_HUE + 360.0 * index / count
    lightness = np.take(_LIGHTNESS, index % 3)
    return oklch_to_rgb(lightness, np.full(count, _CHROMA), hue)


def oklch_to_rgb(lightness: npt.ArrayLike, chroma: npt.ArrayLike, hue: npt.ArrayLike) -> ByteArray:
    """Bring OKLCH colours (Ottosson 2020) to sRGB, giving up chroma where sRGB has no such colour.

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
    for _ in range(12):
        linear = _oklab_to_linear(lightness, chroma * np.cos(radians), chroma * np.sin(radians))
        outside = (linear.min(axis=-1) < 0) | (linear.max(axis=-1) > 1)
        if not outside.any():
            break
        chroma = np.where(outside, chroma * 0.92, chroma)
    linear = np.clip(linear, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)


def _oklab_to_linear(lightness: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=-1,
    )


# Cividis (Nuñez, Anderton & Renslow 2018) at nine even places; linear in between is within 2 levels of the original.
_CIVIDIS = (
    (0, 34, 78),
    (18, 53, 112),
    (59, 73, 108),
    (87, 93, 109),
    (112, 113, 115),
    (138, 134, 120),
    (165, 156, 116),
    (195, 179, 105),
    (225, 204, 85),
    (254, 232, 56),
)


@lru_cache(maxsize=1)
def cividis_table() -> ByteArray:
    """The colour map for values, as a table of uint8 [256, 3], dark to bright."""
    places = np.linspace(0, 255, len(_CIVIDIS))
    table = np.array(_CIVIDIS, float)
    columns = [np.interp(np.arange(256), places, table[:, channel]) for channel in range(3)]
    return np.round(np.stack(columns, axis=1)).astype(np.uint8)


def cividis(values: npt.ArrayLike) -> ByteArray:
    """Colour values in [0, 1] (clipped; NaN counts as 0) with cividis: uint8 [..., 3]."""
    clean = np.clip(np.nan_to_num(np.asarray(values, float)), 0.0, 1.0)
    return cividis_table()[np.round(clean * 255).astype(np.intp)]
