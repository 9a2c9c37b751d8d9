"""What the encoder sees beside the image: which pixels are observed, and the label."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import CorruptionConfig
from latentlab.models.base import Batch


class EncoderInputs(nn.Module):
    """The image with further channels: its mask, where pixels may be missing, and one learned from the label.

    Attributes
    ----------
    channels
        Of what comes out.
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
            parts.append(self.plane(one_hot).view(len(x), 1, *x.shape[2:]))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def one_hot_labels(label: Tensor | None, classes: int, count: int, device: torch.device) -> Tensor:
    """Labels as vectors [count, classes]; where unknown (−1, or no label at all) all classes in equal parts."""
    if label is None:
        return torch.full((count, classes), 1 / classes, device=device)
    known = functional.one_hot(label.clamp(0, classes - 1), classes).to(torch.float32)
    return torch.where((label >= 0)[:, None], known, 1 / classes)


def corrupted(batch: Batch, config: CorruptionConfig) -> Batch:
    """The batch as the encoder sees it in training: with noise (Vincent et al. 2008), or with pixels missing."""
    if config.kind == "noise":
        return Batch(batch.x, batch.label, batch.index, batch.x + config.level * torch.randn_like(batch.x), batch.mask)
    if config.kind == "mask":
        kept = (torch.rand_like(batch.x[:, :1]) >= config.level).to(batch.x.dtype)
        mask = kept if batch.mask is None else kept * batch.mask
        return Batch(batch.x, batch.label, batch.index, batch.seen, mask)
    return batch
