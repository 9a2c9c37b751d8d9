"""What one dimension of the latent space does: its images, where pixels change, and what it goes with."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np

from latentlab.engine.protocol.messages import Correlation, DescribeDimension, DimensionDescribed
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.latent import traverse
from latentlab.latent.correlation import correlation_ratio, extreme_groups, groups_of, pearson
from latentlab.models.inference import InferenceModel
from latentlab.utils.array_types import FloatArray, IntArray
from latentlab.utils.pixels import as_pixels, to_bytes

_AVERAGED = 48  # encoded images over which the change is averaged
_AT_ONCE = 4  # derivatives computed at a time
_MAX_GROUPS = 64  # a column with more distinct texts names the images rather than describing them
CLASS = "class"

Decoded = Callable[[InferenceModel, FloatArray, int | IntArray | None], Iterator[tuple[slice, FloatArray]]]


def describing(workspace: Workspace, request: DescribeDimension, decoded: Decoded) -> Generator[None, None, None]:
    """Describe a dimension in pieces, then send the result.

    Parameters
    ----------
    decoded
        Decodes latents in pieces that are shorter than a frame.

    Raises
    ------
    InputError
        When there is no model, or no such dimension.
    """
    model, dimension = workspace.need_model(), request.dimension
    if not 0 <= dimension < model.latent_dim:
        raise InputError(f"the model has dimensions 1 to {model.latent_dim}")
    latents = traverse(request.z, (dimension,), request.values)[0]
    parts = []
    for _, images in decoded(model, latents, request.label):
        parts.append(to_bytes(images))
        yield
    direction = np.eye(model.latent_dim, dtype=np.float32)[dimension]
    change = _strongest_channel(model.decoder_derivative(request.z[None], direction, request.label))[0]
    yield
    mean_change, averaged = yield from _mean_change(workspace, model, direction)
    correlations = yield from _correlations(workspace, dimension)
    workspace.send(
        DimensionDescribed(
            generation=request.generation,
            model_version=workspace.version,
            dimension=dimension,
            images=as_pixels(np.concatenate(parts)),
            latents=latents,
            change=change,
            mean_change=mean_change,
            averaged=averaged,
            correlations=correlations,
        )
    )


def _mean_change(
    workspace: Workspace, model: InferenceModel, direction: FloatArray
) -> Generator[None, None, tuple[FloatArray | None, int]]:
    """|∂x/∂z_i| [H, W], averaged over some encoded images, and their number; ``None`` without points."""
    from latentlab.engine.worker.point_pictures import latents_of

    points = workspace.points
    if points is None or not len(points.mean) or points.mean.shape[1] != model.latent_dim:
        return None, 0
    chosen = np.unique(np.linspace(0, len(points.mean) - 1, _AVERAGED).astype(np.int64))
    latents, labels = latents_of(workspace, model, chosen)
    total = np.zeros(model.image_shape[1:], np.float64)
    for start in range(0, len(latents), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        derivative = model.decoder_derivative(latents[rows], direction, None if labels is None else labels[rows])
        total += np.abs(_strongest_channel(derivative)).sum(axis=0)
        yield
    return (total / len(latents)).astype(np.float32), len(latents)


def _correlations(workspace: Workspace, dimension: int) -> Generator[None, None, tuple[Correlation, ...]]:
    """How strongly the dimension's means go with the classes and the columns of the encoded images."""
    points = workspace.points
    if points is None:
        return ()
    values = points.mean[:, dimension]
    found = _of_groups(CLASS, values, points.label, workspace.points_classes)
    yield
    for name, column in workspace.columns_of(points.index, workspace.points_data).items():
        if column.dtype.kind in "biuf":
            r = pearson(values, column)
            found += [] if r is None else [Correlation(name, r, is_signed=True)]
        else:
            groups, texts = groups_of(column)
            found += _of_groups(name, values, groups, texts) if len(texts) <= _MAX_GROUPS else []
        yield
    return tuple(sorted(found, key=lambda each: -abs(each.value)))


def _of_groups(name: str, values: FloatArray, groups: IntArray, names: Sequence[str]) -> list[Correlation]:
    """The correlation with groups of images, with the groups of the highest and the lowest means; or none."""
    ratio = correlation_ratio(values, groups)
    if ratio is None:
        return []
    high, low = (
        tuple((names[group] if group < len(names) else str(group), mean) for group, mean in groups_and_means)
        for groups_and_means in extreme_groups(values, groups)
    )
    return [Correlation(name, ratio, is_signed=False, high=high, low=low)]


def _strongest_channel(derivative: FloatArray) -> FloatArray:
    """[N, C, H, W] as [N, H, W]: the channel that changes most, with its sign."""
    strongest = np.abs(derivative).argmax(axis=1)[:, None]
    taken: FloatArray = np.take_along_axis(derivative, strongest, axis=1)[:, 0]
    return taken
