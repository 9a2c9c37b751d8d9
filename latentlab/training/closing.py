"""The end of a run: its best model is saved with its points and its picture, and is the live one from then on."""

from __future__ import annotations

from collections.abc import Iterator

from latentlab.data import Dataset
from latentlab.models.inference import InferenceModel, put_weights
from latentlab.training.checkpoint import BestModel
from latentlab.training.map_preview import encode_points, manifold_preview
from latentlab.training.run_writer import Output


def save_best(loaded: InferenceModel, best: BestModel, dataset: Dataset, output: Output) -> Iterator[None]:
    """Put the best weights into the model and write its file, a piece of the work with each step.

    Parameters
    ----------
    loaded
        The network as it learned last; afterwards the best one, with points, picture and the header of its file.
    best
        Its weights, where an epoch was done.
    dataset
        What is encoded.
    output
        Where the file goes.

    Raises
    ------
    RunError
        When the disk is full or fails.
    """
    if best.weights:
        put_weights(loaded.module, best.weights)
    points = yield from encode_points(loaded, dataset)
    preview, extent = yield from manifold_preview(loaded)
    loaded.points, loaded.preview = points, preview
    loaded.header = output.model(loaded.module, best, points, preview, extent)
