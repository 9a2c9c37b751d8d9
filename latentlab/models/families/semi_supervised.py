"""M2: a class and a continuous latent per image, the class known of a few (Kingma et al. 2014)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import ModelConfig
from latentlab.models.base import Batch, Bound, Losses, StepState
from latentlab.models.families.vae import VAE
from latentlab.models.networks import build_encoder
from latentlab.models.objective import reduce

# Labelled images seen at each step, drawn anew.
LABELLED_BATCH = 64


class SemiSupervisedVAE(VAE):
    """p(y) uniform, p(z) = N(0, I), p(x|y, z); q(y|x) a classifier, q(z|x, y).

    Of the training's labels only ``supervision.labels`` are used: those of the first images met, equally many of
    each class. The images are kept, as uint8, among the weights. Where the class is not known it is summed out.
    """

    labelled_images: Tensor
    labelled_classes: Tensor

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        self.decodes_per_sample = classes
        self.classifier_encoder = build_encoder(config.architecture, image_shape)
        self.classifier = nn.Linear(self.classifier_encoder.features, classes)
        self.per_class = max(1, config.supervision.labels // classes)
        kept = self.per_class * classes
        self.register_buffer("labelled_images", torch.zeros(kept, *image_shape, dtype=torch.uint8))
        self.register_buffer("labelled_classes", torch.full((kept,), -1))
        self._complete = False

    def log_class_probabilities(self, batch: Batch) -> Tensor:
        """Log q(y|x), [B, classes], of the image alone: its label is not looked at."""
        x = batch.x if batch.seen is None else batch.seen
        if batch.mask is not None:
            x = x * batch.mask
        return torch.log_softmax(self.classifier(self.classifier_encoder(x)), -1)

    @property
    def is_capturable(self) -> bool:
        """Whether a step can be captured as a CUDA graph: once all labelled images are gathered."""
        return self._complete

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """U(x) of every image, L(x, y) of some labelled ones, and the classification term."""
        self._keep_labelled(batch)
        seen = self.corrupted(batch)
        log_likelihood, rate, _ = self._summed_out(seen, self.config.samples)
        labelled = self.corrupted(self._some_labelled())
        assert labelled.label is not None
        known = torch.ge(labelled.label, 0).to(torch.float32)
        log_classes = self.log_class_probabilities(labelled)
        cross_entropy = functional.nll_loss(log_classes, labelled.label.clamp_min(0), reduction="none")
        q = self.infer(labelled)
        draw = q.rsample(self.config.samples)
        own_rate = q.kl_to_prior()
        assert own_rate is not None
        bound = self.log_likelihood(draw.z, labelled) - self.rate_schedule.beta * own_rate.sum(-1)
        bound = bound - math.log(self.classes)
        return reduce(
            log_likelihood,
            rate,
            self.rate_schedule.cost,
            extra={
                "labelled_loss": (1.0, -bound * known),
                "classification": (self.config.supervision.weight, cross_entropy * known),
            },
        )

    def _summed_out(self, batch: Batch, samples: int) -> tuple[Tensor, Tensor, Tensor]:
        """Log-likelihood and rate, [K, B], in expectation over q(y|x), and log Σ_y of the joint weights, [K, B]."""
        count = len(batch.x)
        log_q = self.log_class_probabilities(batch).T  # [classes, B]
        every = _repeated(batch, self.classes)
        q = self.infer(every)
        draw = q.rsample(samples)
        shape = (samples, self.classes, count)
        log_likelihood = self.log_likelihood(draw.z, every).view(shape)
        log_ratio = self.log_ratio(q, draw).view(shape)
        own_rate = q.kl_to_prior()
        assert own_rate is not None
        weights = torch.exp(log_q)
        uniform = -math.log(self.classes)
        rate = (weights * (own_rate.sum(-1).view(shape[1:]) + log_q - uniform)).sum(0)
        marginal = torch.logsumexp(log_likelihood - log_ratio + uniform, 1)
        return (weights * log_likelihood).sum(1), rate.expand(samples, count), marginal

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The bound's terms with the class summed out, in the importance weights too."""
        log_likelihood, rate, marginal = self._summed_out(batch, samples)
        return Bound(log_likelihood, rate, log_likelihood - marginal)

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """KL of each continuous dimension given the likeliest class, [B, d]."""
        return super().kl_per_dimension(self._with_classes(batch))

    def extra_metrics(self, batch: Batch) -> dict[str, Tensor]:
        """``classification_error``: 1 where the likeliest class is not the label; images without one do not count."""
        if batch.label is None:
            return {}
        wrong = self.classify(batch) != batch.label
        return {"classification_error": wrong[batch.label >= 0].to(torch.float32)}

    def classify(self, batch: Batch) -> Tensor:
        """The class [B] that q(y|x) is greatest for."""
        return self.log_class_probabilities(batch).argmax(-1)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of q(z|x, y), y the label where known, else the likeliest class."""
        return super().encode(self._with_classes(batch))

    def _with_classes(self, batch: Batch) -> Batch:
        guess = self.classify(batch)
        label = guess if batch.label is None else torch.where(batch.label >= 0, batch.label, guess)
        return Batch(batch.x, label, batch.index, batch.seen, batch.mask)

    @torch.no_grad()
    def _keep_labelled(self, batch: Batch) -> None:
        """Take from the batch what is still missing."""
        if self._complete or batch.label is None or not self.training:
            return
        for name in range(self.classes):
            place = slice(name * self.per_class, (name + 1) * self.per_class)
            free = int((self.labelled_classes[place] < 0).sum())
            found = batch.x[batch.label == name][:free]
            first = place.stop - free
            self.labelled_images[first : first + len(found)] = (found * 255).round().to(torch.uint8)
            self.labelled_classes[first : first + len(found)] = name
        self._complete = bool((self.labelled_classes >= 0).all())

    def _some_labelled(self) -> Batch:
        # Empty places are drawn only while all are; they count for nothing.
        there = (self.labelled_classes >= 0).to(torch.float32) + 1e-12
        chosen = torch.multinomial(there, LABELLED_BATCH, replacement=True)
        images = self.labelled_images[chosen].to(torch.float32) / 255
        return Batch(images, self.labelled_classes[chosen])


def _repeated(batch: Batch, classes: int) -> Batch:
    """The batch once for each class, labelled with it: [classes · B]."""
    label = torch.arange(classes, device=batch.x.device).repeat_interleave(len(batch.x))

    def tiled(values: Tensor | None) -> Tensor | None:
        return None if values is None else values.repeat(classes, *[1] * (values.ndim - 1))

    return Batch(batch.x.repeat(classes, 1, 1, 1), label, tiled(batch.index), tiled(batch.seen), tiled(batch.mask))
