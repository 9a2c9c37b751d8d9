"""``latentlab evaluate``: measure a model on images."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from latentlab.cli.console import write_json, write_line, write_table
from latentlab.cli.open_data import model_and_data
from latentlab.data.types import TEST, VALIDATION
from latentlab.errors import InputError
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.data import Dataset
    from latentlab.data.types import Labels
    from latentlab.models.inference import InferenceModel

NATS = "nats per image"
_UNITS = dict.fromkeys(
    (
        "elbo",
        "rate",
        "distortion",
        "log_likelihood",
        "encoder_elbo",
        "refined_elbo",
        "richer_elbo",
        "richer_log_likelihood",
        "amortisation_gap",
        "approximation_gap",
    ),
    NATS,
)
# Of a longer row only the range is shown: a quantised model has hundreds of latents.
_MAX_VALUES = 32


def evaluate(arguments: argparse.Namespace) -> int:
    """Measure a model on images."""
    from latentlab import evaluation

    model, whole, _ = model_and_data(arguments)
    part = arguments.split or held_out_part(whole)
    dataset = whole.part(part)
    if arguments.factors:
        dataset = dataset.with_factors([name.strip() for name in arguments.factors.split(",")])
    labels = model.labels_of(dataset).labels
    binarise = model.header.training.get("binarise", "none")
    # First, because it may be refused.
    gaps = _gaps(model, dataset, labels, arguments.seed) if arguments.gaps else {}
    found = evaluation.evaluate(
        model.module,
        dataset.images,
        labels,
        importance_samples=arguments.importance_samples,
        binarise=binarise,
        seed=arguments.seed,
    )
    remarks = [*_remarks_on_images(model, whole, dataset, part)]
    remarks += evaluation.remarks(model.module, dataset.images, labels, binarise)
    scores, remark = _disentanglement(model, dataset, labels, arguments)
    remarks += [remark] if remark else []
    values = found.as_dict() | gaps | scores
    if whole.splits is not None:
        values["split"] = part
    if arguments.json:
        skipped = [dataclasses.asdict(each) for each in whole.left_out]
        write_json(values | {"remarks": remarks, "skipped": skipped})
    else:
        write_table({name: f"{rounded(value)} {_UNITS.get(name, '')}".strip() for name, value in values.items()})
        for sentence in remarks:
            write_line(f"note: {sentence}")
    return 0


def held_out_part(dataset: Dataset) -> str:
    """The split to measure: test, else validation, else all images."""
    return next((name for name in (TEST, VALIDATION) if name in dataset.split_counts), "all")


def _remarks_on_images(model: InferenceModel, whole: Dataset, dataset: Dataset, part: str) -> Iterator[str]:
    """Which images are measured, whether the model was trained on them, and how they were changed to fit the model."""
    trained_on = model.header.data
    is_known = trained_on.get("fingerprint") == whole.fingerprint
    if whole.splits is not None:
        counts = ", ".join(f"{count:,} {name}" for name, count in whole.split_counts.items())
        yield f"{part} is measured, {pluralize(len(dataset), 'image')}: the data are split into {counts} (--split NAME)"
    if is_known and part == "all":
        learned, held_out = map(len, whole.split())
        yield (
            f"the model was trained on {learned:,} of these {pluralize(len(dataset), 'image')}, with "
            f"{held_out:,} held out, and all are measured together: latentlab info has the metrics of those held out"
        )
    if is_known:
        return
    if trained_on.get("source") == dataset.source:
        yield "these images are from the model's training dataset: it may have been trained on some of them"
    channels, height, width = model.image_shape
    coloured = sum(count for mode, count in dataset.file_stats.modes.items() if _is_coloured(mode))
    if channels == 1 and coloured:
        pronoun = "them" if coloured > 1 else "it"
        yield f"{pluralize(coloured, 'image')} converted from colour to grey, as the model needs {pronoun}"
    others = len(whole) - dataset.file_stats.sizes.get(f"{width}×{height}", 0)  # of all splits, as the sizes are
    if dataset.file_stats.sizes and others:
        usual = max(dataset.file_stats.sizes, key=dataset.file_stats.sizes.__getitem__)
        made = f"resized to {width}×{height}, as the model needs them"
        yield f"{pluralize(others, 'image')} of other sizes (mostly {usual}) {made}"


def _is_coloured(mode: str) -> bool:
    """Whether a file's mode, or an array's type with its channels, has colours."""
    return mode.startswith(("RGB", "CMYK", "YCbCr", "LAB", "HSV")) or mode.endswith(("× 3", "× 4"))


def _gaps(model: InferenceModel, dataset: Dataset, labels: Labels, seed: int) -> dict[str, float]:
    from latentlab import evaluation

    binarise = model.header.training.get("binarise", "none")
    gaps = evaluation.inference_gaps(model.module, dataset.images, labels, binarise=binarise, seed=seed)
    return {
        "encoder_elbo": gaps.encoder_elbo,
        "refined_elbo": gaps.refined_elbo,
        "richer_elbo": gaps.richer_elbo,
        "richer_log_likelihood": gaps.log_likelihood,
        "amortisation_gap": gaps.amortisation_gap,
        "approximation_gap": gaps.approximation_gap,
    }


def _disentanglement(
    model: InferenceModel, dataset: Dataset, labels: Labels, arguments: argparse.Namespace
) -> tuple[dict[str, float], str]:
    """The scores, and a sentence on what they are of or why there are none; both empty if there are no factors."""
    if not dataset.factors:
        return {}, ""
    from latentlab import evaluation

    try:
        found = evaluation.score_factors(model, dataset.images, labels, dataset.factors, arguments.seed)
    except InputError as error:
        if arguments.factors:
            raise
        return {}, f"disentanglement is not measured: {error}"
    factors = ", ".join(f"{name} ({count} values)" for name, count in found.factors.items())
    return found.scores._asdict(), (
        f"disentanglement is measured on {pluralize(found.images, 'image')} with the factors {factors}"
    )


def rounded(value: Any) -> str:
    """A figure as text; of many numbers their range."""
    if isinstance(value, tuple):
        if len(value) > _MAX_VALUES:
            return f"{len(value)} numbers from {rounded(min(value))} to {rounded(max(value))}"
        return " ".join(map(rounded, value)) or "none"
    if value is None:
        return "unknown"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
