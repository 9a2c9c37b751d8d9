"""The command that repeats what the window says of one image, and a picture of all of it."""

from __future__ import annotations

import shlex

import numpy as np

from latentlab.config.info import ModelInfo
from latentlab.controllers.copied_commands import model_argument
from latentlab.engine.protocol.messages import ByteArray, ImageEncoded, ImageImputed, ImageInspected, ImputeImage
from latentlab.utils.palettes import cividis, diverging

_SIDE = 96  # px: tiles of the picture are enlarged to about this
_GAP = 4  # px


def image_command(
    shown: ImageEncoded, model: ModelInfo, image: str, mask: str = "", data: tuple[str, ...] = (), seed: int = 0
) -> str:
    """One line for a POSIX shell: ``latentlab impute`` with a hidden region, else ``latentlab inspect``.

    Parameters
    ----------
    shown, model
        The image and the model that has encoded it.
    image, mask
        Files of the image as the model reads it, and of its hidden region; no mask for none.
    data
        Images that it is compared with, and the options that choose them.
    seed
        Of the fillings.
    """
    words = ["latentlab", "impute" if mask else "inspect", model_argument(model.source), image, "--prepared"]
    if model.conditional and shown.label is not None and 0 <= shown.label < len(model.classes):
        words += ["--label", str(shown.label)]
    if mask:
        defaults = ImputeImage(0, shown.image, np.zeros((0, 0), bool))
        words += ["--mask", mask, "--draws", str(defaults.draws), "--expected"]
        words += ["--samples", str(defaults.samples), "--seed", str(seed), "--out", "filled.png"]
    else:
        words += ["--data", *data] if data else []
        words += ["--refine", str(shown.refinement[0][-1])] if shown.refinement is not None else []
        words += ["--out", "inspected.png"]
    return shlex.join(words)


def image_sheet(
    shown: ImageEncoded, inspected: ImageInspected | None = None, imputed: ImageImputed | None = None
) -> ByteArray:
    """A picture uint8 [H, W, 3]: the image, its reconstruction, error and σ; samples; drawn images; fillings.

    A model whose likelihood is not known has neither σ nor drawn images.
    """
    rows = [[shown.image, shown.reconstruction]]
    if inspected is not None:
        error, std = inspected.error, inspected.std
        rows[0] += [diverging(error / max(float(np.abs(error).max(initial=0.0)), 1e-12), dark=False)]
        if std is not None:
            rows[0] += [cividis(std / max(float(std.max(initial=0.0)), 1e-12))]
        rows += [list(images) for images in (inspected.samples, inspected.draws) if images is not None and len(images)]
    if shown.hidden is not None and imputed is not None and imputed.draws is not None and imputed.expected is not None:
        marked = _colours(shown.image).copy()
        marked[shown.hidden] = (255, 165, 31)
        rows += [[marked, imputed.expected], list(imputed.draws)]
    tile_height, tile_width = enlarged(shown.image, _SIDE).shape[:2]
    across = max(len(row) for row in rows)
    sheet = np.full((len(rows) * (tile_height + _GAP) + _GAP, across * (tile_width + _GAP) + _GAP, 3), 255, np.uint8)
    for at, row in enumerate(rows):
        for over, image in enumerate(row):
            top, left = _GAP + at * (tile_height + _GAP), _GAP + over * (tile_width + _GAP)
            sheet[top : top + tile_height, left : left + tile_width] = enlarged(_colours(image), _SIDE)
    return sheet


def enlarged(image: ByteArray, side: int) -> ByteArray:
    """An image [H, W] or [H, W, 3] with each pixel repeated so that its longer side is about ``side``, never less."""
    factor = max(1, round(side / max(image.shape[:2])))
    larger: ByteArray = image.repeat(factor, axis=0).repeat(factor, axis=1)
    return larger


def _colours(image: ByteArray) -> ByteArray:
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
