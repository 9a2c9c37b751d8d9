"""Snapshots of a run: encoded points and decoded images at the end of an epoch, one file per stored epoch."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.config import Config
from latentlab.errors import InputError
from latentlab.storage.atomic import remove_leftovers, write_error
from latentlab.storage.tensors import DAMAGED, Arrays, digest, read_tensors, write_tensors
from latentlab.storage.validation import (
    INDEX,
    MEAN,
    Epochs,
    FileContentError,
    Means,
    Name,
    Names,
    PictureExtent,
    check_arrays,
    described,
    image_rule,
    json_object,
    label_rule,
    shortened,
)
from latentlab.utils.array_rules import PICTURE

MAX_SNAPSHOTS = 120
_MAX_LISTED = 10_000
_MAX_IMAGES = 10_000
_MAX_CELLS = 1000  # per side of the picture

_KEY = "latentlab_history"
_NAME = re.compile(r"epoch-(\d{1,9})\.safetensors")
_HALF_RANGE = float(np.finfo(np.float16).max)

ByteArray = NDArray[np.uint8]
Extent = tuple[float, float, float, float]


@dataclass(frozen=True)
class Snapshot:
    """The snapshot of one epoch.

    Attributes
    ----------
    epoch
        Number of finished epochs, from 1.
    metrics
        Means of that epoch by name (``train_elbo``, ``validation_rate`` …), nats per image.
    mean
        float32 [n, d]: posterior means of some images, the same in every epoch. Stored as float16.
    label
        int64 [n], −1 where unknown.
    index
        int64 [n]: index of each point's image in the dataset.
    classes, fingerprint
        Class names and fingerprint of the dataset.
    picture, extent
        The decoded manifold of the first two dimensions, with the others 0: uint8 [H, W] or [H, W, 3], z₂ upwards; and
        its (left, right, bottom, top) in z.
    originals, reconstructions, samples
        uint8 [k, h, w] or [k, h, w, 3]: some images, their reconstructions, and decoded samples of the prior with the
        same noise in every epoch.
    cells
        Images per side of the ``picture``; 0 if it is not known, as in files of earlier versions.
    """

    epoch: int
    metrics: dict[str, float]
    mean: NDArray[np.float32]
    label: NDArray[np.int64]
    index: NDArray[np.int64]
    classes: tuple[str, ...]
    fingerprint: str
    picture: ByteArray
    extent: Extent
    originals: ByteArray
    reconstructions: ByteArray
    samples: ByteArray
    cells: int = 0


class SnapshotFolder:
    """The ``history`` folder of a run.

    At most ``MAX_SNAPSHOTS`` epochs are stored, always with the first and the newest. When there is one too many, the
    epoch with the closest neighbours is removed; early epochs have a higher weight, as a model learns most at first.

    Parameters
    ----------
    folder
        The folder; it may not exist yet.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, epoch: int) -> Path:
        """Path of an epoch's snapshot, whether it exists or not."""
        return self.folder / f"epoch-{epoch:06d}.safetensors"

    def epochs(self) -> tuple[int, ...]:
        """The stored epochs, sorted, at most 10,000; empty if the folder does not exist."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return ()
        return tuple(sorted({int(found[1]) for name in names if (found := _NAME.fullmatch(name))})[:_MAX_LISTED])

    def write(self, snapshot: Snapshot) -> None:
        """Store a snapshot, and remove another one if there are too many.

        Raises
        ------
        RunError
            When the disk is full or fails.
        InputError
            When the folder cannot be written at all.
        """
        small = np.abs(snapshot.mean).max(initial=0.0) <= _HALF_RANGE
        tensors = {
            "mean": snapshot.mean.astype(np.float16 if small else np.float32),
            "label": snapshot.label.astype(np.int64),
            "index": snapshot.index.astype(np.int64),
            "picture": snapshot.picture,
            "originals": snapshot.originals,
            "reconstructions": snapshot.reconstructions,
            "samples": snapshot.samples,
        }
        text = json.dumps(
            {
                "epoch": snapshot.epoch,
                "metrics": snapshot.metrics,
                "classes": snapshot.classes,
                "fingerprint": snapshot.fingerprint,
                "extent": snapshot.extent,
                "cells": snapshot.cells,
                "sha256": digest(tensors),
            }
        )
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(self.folder, error) from error
        write_tensors(self.path(snapshot.epoch), _KEY, text, tensors)
        self._remove(set(self.epochs()) - set(thinned(self.epochs())))

    def read(self, epoch: int) -> Snapshot:
        """Read the snapshot of an epoch.

        Raises
        ------
        InputError
            When it is not stored, or its file is damaged.
        """
        path = self.path(epoch)
        text, tensors = read_tensors(path, _KEY, DAMAGED)
        try:
            description = described(_Description, json_object(text))
            if digest(tensors) != description.sha256:
                raise FileContentError("its SHA-256 does not match")
            _check_tensors(tensors, len(description.classes))
            if description.cells and any(side % description.cells for side in tensors["picture"].shape[:2]):
                raise FileContentError(f"its picture does not have {description.cells} cells per side")
        except FileContentError as fault:
            raise InputError(f"{path} {DAMAGED}: {fault}") from None
        return Snapshot(
            epoch=epoch,
            metrics=description.metrics,
            mean=tensors["mean"].astype(np.float32),
            label=tensors["label"].astype(np.int64),
            index=tensors["index"].astype(np.int64),
            classes=description.classes,
            fingerprint=description.fingerprint,
            picture=tensors["picture"],
            extent=description.extent,
            originals=tensors["originals"],
            reconstructions=tensors["reconstructions"],
            samples=tensors["samples"],
            cells=description.cells,
        )

    def trim(self, epochs: int) -> None:
        """Remove the snapshots after ``epochs``: a resumed run writes them again."""
        if os.path.isdir(self.folder):
            remove_leftovers(self.folder)
            self._remove({epoch for epoch in self.epochs() if epoch > epochs})

    def _remove(self, epochs: Iterable[int]) -> None:
        for epoch in epochs:
            try:
                self.path(epoch).unlink(missing_ok=True)
            except OSError as error:
                raise write_error(self.path(epoch), error) from error


def thinned(epochs: Sequence[int], most: int = MAX_SNAPSHOTS) -> tuple[int, ...]:
    """Select at most ``most`` of the sorted ``epochs``, always with the first and the last."""
    kept = list(epochs)
    while len(kept) > max(2, most):
        # Distance between an epoch's two neighbours, divided by √epoch.
        gaps = [(kept[at + 1] - kept[at - 1]) / max(1, kept[at]) ** 0.5 for at in range(1, len(kept) - 1)]
        del kept[1 + int(np.argmin(gaps))]
    return tuple(kept)


def evenly(epochs: Sequence[int], most: int) -> tuple[int, ...]:
    """Select at most ``most`` evenly spaced entries of ``epochs``, including the first and the last."""
    if len(epochs) <= most:
        return tuple(epochs)
    positions = np.unique(np.rint(np.linspace(0, len(epochs) - 1, most)).astype(int))
    return tuple(epochs[position] for position in positions)


class _Description(Config):
    """The description in a snapshot's metadata."""

    epoch: Epochs
    metrics: Means
    classes: Names
    fingerprint: Name
    extent: PictureExtent
    cells: Annotated[int, Field(ge=0, le=_MAX_CELLS)] = 0
    sha256: Name


_IMAGES = ("originals", "reconstructions", "samples")


def _check_tensors(tensors: Arrays, classes: int) -> None:
    rules = {"mean": MEAN, "label": label_rule(classes), "index": INDEX, "picture": PICTURE}
    rules |= dict.fromkeys(_IMAGES, image_rule(range(1, _MAX_IMAGES + 1)))
    if missing := [name for name in rules if name not in tensors]:
        raise FileContentError(f"tensor {missing[0]} is missing")
    if unknown := [name for name in tensors if name not in rules]:
        raise FileContentError(f"tensor {shortened(unknown[0])} is not one of a snapshot's")
    check_arrays(tensors, rules)
    shapes = [tensors[name].shape for name in _IMAGES]
    if shapes[0] != shapes[1] or shapes[0][1:] != shapes[2][1:]:
        raise FileContentError("its images, reconstructions and samples have different sizes")
