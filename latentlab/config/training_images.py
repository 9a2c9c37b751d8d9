"""Whether a model was trained on the open images, as far as that is known (no Qt, no torch)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from latentlab.config.base import validated
from latentlab.config.data import DataConfig
from latentlab.config.info import DatasetInfo
from latentlab.errors import InputError
from latentlab.utils.source_names import NAMED, SEPARATOR

CONTAINED = "The training images are among these"
PART = "These are a part of the training images"
UNKNOWN = "These may not be its training images"


def training_images_remark(data: Mapping[str, Any], dataset: DatasetInfo) -> str:
    """What is to be said of the open images beside those that a model was trained on; empty if they are the same.

    Equal fingerprints are the same images. Different ones need not be others: images that are read by another rule of
    levels have another fingerprint. So the same source with the same number of images counts as the same too. Of one
    source, all images contain those of a run that drew some of them. All else is not known, and never asserted.

    Parameters
    ----------
    data
        The provenance in the model's file: ``source``, ``fingerprint``, ``images`` and ``config``, as far as recorded.
    dataset
        The open images.
    """
    if dataset.fingerprint and data.get("fingerprint") == dataset.fingerprint:
        return ""
    count, config = data.get("images", 0), _config(data.get("config"))
    if config is None or not _is_same_source(str(data.get("source", "")), dataset.source):
        return UNKNOWN
    trained_on, opened = _drawn(config), _drawn(dataset.config)
    is_same_frames = config.frames == dataset.config.frames
    if count == dataset.images:
        return "" if trained_on == opened or (is_same_frames and None in (trained_on, opened)) else UNKNOWN
    if is_same_frames and opened is None and trained_on is not None and count < dataset.images:
        return CONTAINED
    if is_same_frames and trained_on is None and opened is not None and count > dataset.images:
        return PART
    return UNKNOWN


def _config(values: object) -> DataConfig | None:
    """How the training images were read; ``None`` if it was not recorded, or with settings of another version."""
    try:
        return validated(DataConfig, values) if isinstance(values, Mapping) and values else None
    except InputError:
        return None


def _drawn(config: DataConfig) -> tuple[object, ...] | None:
    """Which images of a source are taken; ``None`` for all."""
    if config.limit is None and config.per_class is None and not config.classes:
        return None
    is_random = config.limit is not None or config.per_class is not None
    return tuple(sorted(config.classes)), config.per_class, config.limit, config.seed if is_random else 0


def _is_same_source(one: str, other: str) -> bool:
    """Whether two names are of one source: a path that is not absolute is the end of the other one."""
    ones, others = one.split(SEPARATOR), other.split(SEPARATOR)
    return bool(one) and len(ones) == len(others) and all(map(_is_same_part, ones, others))


def _is_same_part(one: str, other: str) -> bool:
    if one == other or one.startswith(NAMED) or other.startswith(NAMED):
        return one == other
    short, long = sorted((PurePath(one), PurePath(other)), key=lambda path: (path.is_absolute(), len(path.parts)))
    return not short.is_absolute() and bool(short.parts) and long.parts[-len(short.parts) :] == short.parts
