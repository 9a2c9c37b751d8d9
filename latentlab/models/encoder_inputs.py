"""The encoder's input: the image, the mask of observed pixels, and the label."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import CorruptionConfig
from latentlab.models.base import Batch


class EncoderInputs(nn.Module):
    """Adds channels to the image: the mask of observed pixels, and one plane that is a learned map of the label.

    Attributes
    ----------
    channels
        Number of output channels.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, masked: bool) -> None:
        super().__init__()
        channels, height, width = image_shape
        self.masked = masked
        self.channels = channels + masked + (classes > 0)
        self.plane = nn.Linear(classes, height * width) if classes else None
        if self.plane is not None:
            nn.init.normal_(self.plane.weight, std=0.3)

    def forward(self, batch: Batch, one_hot: Tensor | None) -> Tensor:
        """Images [B, ``channels``, H, W]; missing pixels are 0."""
        x = batch.x if batch.seen is None else batch.seen
        parts = [x]
        if self.masked:
            mask = torch.ones_like(x[:, :1]) if batch.mask is None else batch.mask
            parts = [x * mask, mask]
        if self.plane is not None:
            parts.append(self.plane(one_hot).view(x.shape[0], 1, *x.shape[2:]))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def one_hot_labels(label: Tensor | None, classes: int, count: int, device: torch.device) -> Tensor:
    """One-hot labels [count, classes]; all classes in equal parts where the label is −1 or ``None``."""
    if label is None:
        return torch.full((count, classes), 1 / classes, device=device)
    known = functional.one_hot(label.clamp(0, classes - 1), classes).to(torch.float32)
    return torch.where((label >= 0)[:, None], known, 1 / classes)


def corrupted(batch: Batch, config: CorruptionConfig) -> Batch:
    """The batch with noise added to the encoder's input (Vincent et al. 2008), or with pixels masked, for training."""
    if config.kind == "noise":
        return Batch(batch.x, batch.label, batch.index, batch.x + config.level * torch.randn_like(batch.x), batch.mask)
    if config.kind == "mask":
        kept = (torch.rand_like(batch.x[:, :1]) >= config.level).to(batch.x.dtype)
        mask = kept if batch.mask is None else kept * batch.mask
        return Batch(batch.x, batch.label, batch.index, batch.seen, mask)
    return batch
