"""``evaluate``: metrics of a model on a dataset."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentlab.config.layout import ACTIVE_KL
from latentlab.errors import InputError
from latentlab.evaluation.batches import Binarise, batches, device_of, samples_at_once
from latentlab.evaluation.cluster_accuracy import cluster_accuracy
from latentlab.evaluation.diversity import sample_diversity
from latentlab.models import VQVAE
from latentlab.models.base import Batch, Bound, LatentModel
from latentlab.models.seeded_noise import fixed_noise
from latentlab.utils.defaults import IMPORTANCE_SAMPLES

# A latent is active when its posterior mean varies by more than this over the images (Burda et al. 2016).
ACTIVE_VARIANCE = 0.01

# Added to a density of pixels to get a probability of grey levels, which are 1/255 apart.
GREY_LEVEL_BITS = math.log2(255)


@dataclass(frozen=True)
class Evaluation:
    """Means over the images, in nats per image at β = 1.

    Attributes
    ----------
    images
        Number of images.
    elbo, rate, distortion
        ``elbo = −(rate + distortion)``.
    log_likelihood
        With ``importance_samples`` latents per image (L_K of Burda et al. 2016): at least the ELBO.
    bits_per_dimension
        −log_likelihood per pixel and channel in bits. Of Gaussian pixels the probability of the grey level is meant:
        the density times its width, 1/255, without dequantisation noise.
    active_units
        Latents whose posterior mean has a variance above .01.
    kl_per_dimension
        KL of each latent to the prior's density of that latent, in nats; their sum is the rate if the prior is
        N(0, I) and q diagonal.
    collapsed
        Indices of the latents whose posterior has collapsed to the prior: a KL below .01. Points (standard deviation
        0) are never counted.
    importance_samples
        K.
    sample_diversity
        Mean distance between samples divided by that between images (``diversity.sample_diversity``); ``None`` when
        all images are equal.
    figures
        Metrics of some model families only: ``classification_error`` (semi-supervised, a fraction), ``perplexity`` (of
        a VQ-VAE's finest codebook, over all images), ``cluster_accuracy`` (of labelled images, a fraction: with the
        assignment of one class to each cluster at most that is best).
    remarks
        Sentences on what the numbers depend on; from :func:`latentlab.evaluate`.
    """

    images: int
    elbo: float
    rate: float
    distortion: float
    log_likelihood: float
    bits_per_dimension: float
    active_units: int
    kl_per_dimension: tuple[float, ...]
    collapsed: tuple[int, ...]
    importance_samples: int
    sample_diversity: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The numbers as plain values for JSON, with those of ``figures`` at the same level."""
        values = dataclasses.asdict(self)
        figures: dict[str, float] = values.pop("figures")
        del values["remarks"]
        return values | figures


@torch.no_grad()
def evaluate(
    model: LatentModel,
    images: np.ndarray[Any, Any] | Tensor,
    labels: np.ndarray[Any, Any] | Tensor | None = None,
    importance_samples: int = IMPORTANCE_SAMPLES,
    batch_size: int = 256,
    binarise: Binarise = "none",
    seed: int = 0,
) -> Evaluation:
    """Evaluate a model, deterministically for a given ``seed`` and in bounded memory.

    Parameters
    ----------
    model
        Put into evaluation mode for the duration of the call.
    images
        uint8 [N, C, H, W], N ≥ 1.
    labels
        int64 [N], −1 where unknown.
    importance_samples, seed
        As in :func:`latentlab.evaluate`.
    batch_size
        Images per batch.
    binarise
        Sample grey values to black or white first, to compare with likelihoods of binary images.

    Raises
    ------
    InputError
        For no images, images whose shape is not the model's, or a model without encoder or likelihood.
    """
    if reason := model.capabilities.why_no_bound:
        raise InputError(f"this model cannot be evaluated: {reason}")
    if len(images) == 0:
        raise InputError("there are no images to evaluate")
    if tuple(images.shape[1:]) != tuple(model.image_shape):
        raise InputError(f"the model is for images of shape {model.image_shape}, not {tuple(images.shape[1:])}")
    if importance_samples < 1:
        raise InputError("at least 1 importance sample is needed")
    device = device_of(model)
    sums = _Sums()
    training = model.training
    model.eval()
    try:
        with fixed_noise(device, seed):
            for batch in batches(images, labels, batch_size, device, binarise):
                sums.add(model, batch, importance_samples)
            diversity = sample_diversity(model, images, labels, seed)
    finally:
        model.train(training)
    return dataclasses.replace(sums.evaluation(model, importance_samples), sample_diversity=diversity)


class _Sums:
    """Sums over the images so far, in float64 on the CPU."""

    def __init__(self) -> None:
        self.images = 0
        self.scalars = np.zeros(3)
        self.kl: Any = 0.0
        self.std: Any = 0.0
        self.first_mean: Any = None
        self.mean: Any = 0.0
        self.square: Any = 0.0
        self.figures: dict[str, tuple[float, int]] = {}
        self.code_counts: Any = None
        self.cluster_counts: Counter[tuple[int, int]] = Counter()

    def add(self, model: LatentModel, batch: Batch, samples: int) -> None:
        self.images += len(batch.x)
        self.scalars += _summed_terms(model, batch, samples)
        self.kl = self.kl + _double(model.kl_per_dimension(batch)).sum(0)
        for name, values in model.extra_metrics(batch).items():
            total, count = self.figures.get(name, (0.0, 0))
            self.figures[name] = total + values.sum().item(), count + len(values)
        if isinstance(model, VQVAE):
            counts = np.bincount(model.codes(batch)[-1].flatten().cpu(), minlength=model.config.codebook.entries)
            self.code_counts = counts if self.code_counts is None else self.code_counts + counts
        clusters = model.clusters(batch)
        if clusters is not None and batch.label is not None:
            self.cluster_counts.update(zip(clusters.tolist(), batch.label.tolist(), strict=True))
        mean, std = map(_double, model.encode(batch))
        self.std = self.std + std.sum(0)
        if self.first_mean is None:
            self.first_mean = mean.mean(0)
        mean -= self.first_mean  # does not change the variance; avoids cancellation when it is small
        self.mean = self.mean + mean.sum(0)
        self.square = self.square + (mean**2).sum(0)

    def evaluation(self, model: LatentModel, samples: int) -> Evaluation:
        rate, distortion, gain = (self.scalars / self.images).tolist()
        elbo = -(rate + distortion)
        log_likelihood = elbo + gain
        variance = self.square / self.images - (self.mean / self.images) ** 2
        kl = self.kl / self.images
        bits = -log_likelihood / (math.prod(model.image_shape) * math.log(2))
        return Evaluation(
            images=self.images,
            elbo=elbo,
            rate=rate,
            distortion=distortion,
            log_likelihood=log_likelihood,
            bits_per_dimension=bits + GREY_LEVEL_BITS if model.is_density else bits,
            active_units=int((variance > ACTIVE_VARIANCE).sum()),
            kl_per_dimension=tuple(kl.tolist()),
            collapsed=tuple(np.flatnonzero((kl < ACTIVE_KL) & (self.std > 0)).tolist()),
            importance_samples=samples,
            figures=self._figures(),
        )

    def _figures(self) -> dict[str, float]:
        figures = {name: total / count for name, (total, count) in self.figures.items() if count}
        if self.code_counts is not None:
            shares = self.code_counts[self.code_counts > 0] / self.code_counts.sum()
            figures["perplexity"] = float(np.exp(-(shares * np.log(shares)).sum()))
        labelled = {pair: count for pair, count in self.cluster_counts.items() if pair[1] >= 0}
        if labelled:
            figures["cluster_accuracy"] = cluster_accuracy(labelled)
        return figures


def _summed_terms(model: LatentModel, batch: Batch, samples: int) -> np.ndarray[Any, Any]:
    """Rate, distortion, and L_K − ELBO, summed over a batch.

    The last is log-mean-exp minus mean of the same K log-weights: never negative, by Jensen's inequality. Added to an
    ELBO with the exact rate it estimates L_K with less variance than the log-weights alone, whose rate is sampled. For
    weights whose mean is not the ELBO (``log_ratio_estimates_rate``), L_K is their log-mean-exp alone.
    """
    chunk = samples_at_once(model, batch, samples)
    rate = distortion = 0.0
    weights: list[Tensor] = []
    for start in range(0, samples, chunk):
        bound: Bound = model.bound(batch, min(chunk, samples - start))
        rate += bound.rate.sum().item() / samples
        distortion -= bound.log_likelihood.sum().item() / samples
        weights.append((bound.log_likelihood - bound.log_ratio).double().cpu())
    log_weights = torch.cat(weights)
    largest = log_weights.amax(0)
    excess = log_weights - largest
    log_mean = torch.log(torch.exp(excess).mean(0))
    if model.log_ratio_estimates_rate:
        gain = (log_mean - excess.mean(0)).clamp_min(0).sum().item()
    else:
        gain = (largest + log_mean).sum().item() + rate + distortion
    return np.array([rate, distortion, gain])


def _double(values: Tensor) -> np.ndarray[Any, Any]:
    doubled: np.ndarray[Any, Any] = values.cpu().numpy().astype(np.float64)
    return doubled
