"""M2: a class and continuous latents per image, with the class known for a few images."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import ModelConfig
from latentlab.models.base import Batch, Bound, Losses, StepState
from latentlab.models.families.vae import VAE
from latentlab.models.networks import build_encoder
from latentlab.models.objective import batch_objective

# Labelled images per step, drawn with replacement.
LABELLED_BATCH = 64


class SemiSupervisedVAE(VAE):
    """p(y) uniform, p(z) = N(0, I), p(x|y, z); q(y|x) a classifier, q(z|x, y).

    Only ``supervision.labels`` labels of the training set are used, the same number for each class, of the first
    images that training meets. These images are saved, as uint8, with the weights. An unknown class is summed out.

    Examples
    --------
    >>> config = ModelConfig(family="semi-supervised", conditional=True)
    >>> model = SemiSupervisedVAE(config, (1, 8, 8), classes=4)
    >>> model.classify(Batch(torch.rand(5, 1, 8, 8))).shape
    torch.Size([5])

    References
    ----------
    Kingma et al. 2014, Semi-supervised Learning with Deep Generative Models (arXiv:1406.5298).
    """

    labelled_images: Tensor
    labelled_classes: Tensor
    log_ratio_estimates_rate = False

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        self.decodes_per_sample = classes
        self.classifier_encoder = build_encoder(config.architecture, image_shape)
        self.classifier = nn.Linear(self.classifier_encoder.features, classes)
        self.per_class = max(1, config.supervision.labels // classes)
        kept = self.per_class * classes
        self.register_buffer("labelled_images", torch.zeros(kept, *image_shape, dtype=torch.uint8))
        self.register_buffer("labelled_classes", torch.full((kept,), -1))
        self.has_all_labels = False

    def log_class_probabilities(self, batch: Batch) -> Tensor:
        """Log q(y|x), [B, classes], from the image without its label."""
        x = batch.x if batch.seen is None else batch.seen
        if batch.mask is not None:
            x = x * batch.mask
        return torch.log_softmax(self.classifier(self.classifier_encoder(x)), -1)

    @property
    def is_capturable(self) -> bool:
        """Whether a step can be captured as a CUDA graph: once all labelled images are collected."""
        return self.has_all_labels

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """−ELBO of every image with y summed out, −ELBO(x, y) of labelled images, and their cross-entropy.

        Kingma et al. add the bounds of N_u unlabelled and N_l labelled images (eq. 8) and α N times the mean
        cross-entropy (eq. 9). Per training image the labelled bound therefore has the weight N_l / N, whatever the
        number of labelled images in a step.
        """
        self._collect_labelled(batch)
        seen = self.corrupted(batch)
        log_likelihood, rate, _ = self._marginalised(seen, self.config.samples)
        labelled = self.corrupted(self._labelled_batch())
        assert labelled.label is not None
        known = torch.ge(labelled.label, 0).to(torch.float32)
        log_classes = self.log_class_probabilities(labelled)
        cross_entropy = functional.nll_loss(log_classes, labelled.label.clamp_min(0), reduction="none")
        q = self.infer(labelled)
        draw = q.rsample(self.config.samples)
        own_rate = q.kl_to_prior()
        assert own_rate is not None
        with self.likelihood.held():  # an optimal σ is that of all images, not of the labelled ones
            bound = self.log_likelihood(draw.z, labelled) - self.rate_schedule.cost(own_rate.sum(-1))
        bound = bound - math.log(self.classes)
        return batch_objective(
            log_likelihood,
            rate,
            self.rate_schedule.cost,
            extra={
                "labelled_loss": (min(1.0, len(self.labelled_classes) / state.images), -bound * known),
                "classification": (self.config.supervision.weight, cross_entropy * known),
            },
        )

    def _marginalised(self, batch: Batch, samples: int) -> tuple[Tensor, Tensor, Tensor]:
        """Log-likelihood and rate averaged over q(y|x), and log Σ_y p(x, y, z) / q(z|x, y), in nats, [K, B] each."""
        count = len(batch.x)
        log_q = self.log_class_probabilities(batch).T  # [classes, B]
        repeated = _repeated(batch, self.classes)
        q = self.infer(repeated)
        draw = q.rsample(samples)
        shape = (samples, self.classes, count)
        weights = torch.exp(log_q)
        # A class counts with its probability: an optimal σ² is the mean over images of Σ_y q(y|x) · squared error.
        log_likelihood = self.log_likelihood(draw.z, repeated, weights.flatten().detach()).view(shape)
        log_ratio = self.log_ratio(q, draw).view(shape)
        own_rate = q.kl_to_prior()
        assert own_rate is not None
        uniform = -math.log(self.classes)
        rate = (weights * (own_rate.sum(-1).view(shape[1:]) + log_q - uniform)).sum(0)
        marginal = torch.logsumexp(log_likelihood - log_ratio + uniform, 1)
        return (weights * log_likelihood).sum(1), rate.expand(samples, count), marginal

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The terms of the ELBO with the class summed out, also in the importance weights."""
        log_likelihood, rate, marginal = self._marginalised(batch, samples)
        return Bound(log_likelihood, rate, log_likelihood - marginal)

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """KL of each continuous dimension given the label or the most probable class, in nats, [B, d]."""
        return super().kl_per_dimension(self._with_classes(batch))

    def extra_metrics(self, batch: Batch) -> dict[str, Tensor]:
        """``classification_error`` of the labelled images: 1 where the most probable class is not the label."""
        if batch.label is None:
            return {}
        wrong = self.classify(batch) != batch.label
        return {"classification_error": wrong[batch.label >= 0].to(torch.float32)}

    def classify(self, batch: Batch) -> Tensor:
        """The most probable class under q(y|x), int64 [B]."""
        return self.log_class_probabilities(batch).argmax(-1)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of q(z|x, y), y the label where known, else the most probable class."""
        return super().encode(self._with_classes(batch))

    def _with_classes(self, batch: Batch) -> Batch:
        guess = self.classify(batch)
        label = guess if batch.label is None else torch.where(batch.label >= 0, batch.label, guess)
        return Batch(batch.x, label, batch.index, batch.seen, batch.mask)

    @torch.no_grad()
    def _collect_labelled(self, batch: Batch) -> None:
        """Store labelled images of the batch until there are enough of each class."""
        if self.has_all_labels or batch.label is None or not self.training:
            return
        for label in range(self.classes):
            end = (label + 1) * self.per_class
            free = int((self.labelled_classes[end - self.per_class : end] < 0).sum())
            images = batch.x[batch.label == label][:free]
            rows = slice(end - free, end - free + len(images))
            self.labelled_images[rows] = (images * 255).round().to(torch.uint8)
            self.labelled_classes[rows] = label
        self.has_all_labels = bool((self.labelled_classes >= 0).all())

    def _labelled_batch(self) -> Batch:
        # Unfilled rows are drawn only while all are unfilled; their terms are multiplied by 0.
        weights = (self.labelled_classes >= 0).to(torch.float32) + 1e-12
        chosen = torch.multinomial(weights, LABELLED_BATCH, replacement=True)
        images = self.labelled_images[chosen].to(torch.float32) / 255
        return Batch(images, self.labelled_classes[chosen])


def _repeated(batch: Batch, classes: int) -> Batch:
    """The batch once per class, labelled with it: [classes · B]."""
    label = torch.arange(classes, device=batch.x.device).repeat_interleave(len(batch.x))

    def tiled(values: Tensor | None) -> Tensor | None:
        return None if values is None else values.repeat(classes, *[1] * (values.ndim - 1))

    return Batch(batch.x.repeat(classes, 1, 1, 1), label, tiled(batch.index), tiled(batch.seen), tiled(batch.mask))
