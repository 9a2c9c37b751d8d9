"""The precision of a model's networks while training: float32, or bfloat16 where that costs no nats.

bfloat16 has float32's range and 8 bits of precision, and GPUs multiply bfloat16 matrices many times as fast (Kalamkar
et al. 2019, arXiv:1905.12322). Only encoders and decoders compute in it, by torch's autocast, and only in training.
Their outputs are converted back, so that likelihoods, densities, divergences and every sum over pixels, latents and
images are float32, as are the weights, the optimizer, all files, and what is evaluated or shown.

float32 means what torch means by it: matrix products in full precision; convolutions on CUDA by cuDNN, whose default
is TF32 (10 bits of mantissa). TF32 for matrix products stays off, torch's default: it is a switch of the whole process,
which also evaluates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from latentlab.models.base import Batch, LatentModel
from latentlab.models.families.vq import VQVAE
from latentlab.models.networks import Decoder, Encoder
from latentlab.models.seeded_noise import fixed_noise
from latentlab.training.batches import BatchLoader
from latentlab.training.distributed import ProcessGroup
from latentlab.training.seeding import RandomStream

Name = Literal["float32", "bfloat16"]

_WORTH_CASTING = 5e9
"""Floating-point operations of a step below which ``auto`` stays with float32: every weight and activation has to be
cast, some twenty kernels of a microsecond or two each. An estimate from that alone; it has not been measured."""

GIVEN_UP = "bfloat16 would move the ELBO by more than its noise over a batch; the networks compute in float32"
"""The warning when ``auto`` falls back to float32."""


class Precision:
    """Lets a model's networks compute in bfloat16, or not.

    Parameters
    ----------
    requested
        ``float32``, ``bfloat16``, or ``auto``: bfloat16 if the device supports it and a step is large enough, as long
        as ``holds`` is true.
    model, device
        The model and its device.
    step_flops
        Floating-point operations of a step.
    resumed
        The precision that a resumed run had; empty for a new run.

    Attributes
    ----------
    name
        ``float32`` or ``bfloat16``.
    may_change
        Whether ``name`` is to be tried, and given up if ``holds`` is false.
    """

    def __init__(
        self,
        requested: Literal["auto", "float32", "bfloat16"],
        model: LatentModel,
        device: torch.device,
        step_flops: float,
        resumed: str = "",
    ) -> None:
        self._model, self._device = model, device
        pays = resumed != "float32" and step_flops >= _WORTH_CASTING and has_bfloat16(device)
        low = requested == "bfloat16" or (requested == "auto" and pays)
        self.name: Name = "bfloat16" if low else "float32"
        self.may_change = low and requested == "auto"
        self._trying = False
        self._entered: list[Any] = []
        if low:
            for network in networks(model):
                # Hooks rather than replaced methods: a deep copy of the model must compute with its own weights.
                network.register_forward_pre_hook(self._enter)
                network.register_forward_hook(self._leave, always_call=True)

    def check(self, batches: BatchLoader, count: int, stream: RandomStream, group: ProcessGroup | None) -> bool:
        """Whether the precision may stay; if it may change, try it on the run's first ``count`` images.

        If it fails in any process, all give it up. The stream is not advanced.
        """
        if not self.may_change:
            return True
        with stream.forked():
            failed = not self.holds(batches.load_first(count))
        if failed if group is None else group.any(failed):
            self.name, self.may_change = "float32", False
            return False
        return True

    def holds(self, batch: Batch) -> bool:
        """Whether bfloat16 moves the mean ELBO of these images by less than its standard error, with the same noise."""
        exact = self._elbo(batch)
        with self._tried():
            rounded = self._elbo(batch)
        error = exact.std() / math.sqrt(len(exact)) if len(exact) > 1 else torch.zeros(())
        return bool(((rounded - exact).mean().abs() < error).item())

    def _elbo(self, batch: Batch) -> Tensor:
        """The one-sample ELBO of each image in evaluation mode, [B]; the noise is the same in every call."""
        self._model.eval()
        try:
            with torch.no_grad(), fixed_noise(self._device, 0):
                bound = self._model.bound(batch, 1)
        finally:
            self._model.train()
        return (bound.log_likelihood - bound.rate)[0]

    @contextmanager
    def _tried(self) -> Iterator[None]:
        self._trying = True
        try:
            yield
        finally:
            self._trying = False

    def _enter(self, network: nn.Module, inputs: tuple[Any, ...]) -> None:
        low = self._trying or (network.training and self.name == "bfloat16")
        # No cache: it would outlive a recorded step, and each weight is used only once.
        context: Any = torch.autocast(self._device.type, torch.bfloat16, enabled=low, cache_enabled=False)
        context.__enter__()
        self._entered.append(context)

    def _leave(self, network: nn.Module, inputs: tuple[Any, ...], output: Tensor | None) -> Tensor | None:
        self._entered.pop().__exit__(None, None, None)
        return None if output is None else output.to(torch.float32)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices in hardware."""
    if device.type != "cuda":
        return False
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def networks(model: LatentModel) -> list[nn.Module]:
    """The modules that may compute in bfloat16: encoders and decoders, including a discriminator's."""
    if isinstance(model, VQVAE):
        return [model.encoder, model.decoder]
    return [part for part in model.modules() if isinstance(part, Encoder | Decoder)]
