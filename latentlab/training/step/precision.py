"""In what a model's networks compute while training: float32, or bfloat16 where that costs no nats.

bfloat16 has float32's range and 8 bits of precision, and graphics processors multiply matrices of it many times as fast
(Kalamkar et al. 2019, arXiv:1905.12322). Only encoders and decoders compute in it, by torch's autocast, and only in
training: their outputs are float32 again, so that likelihoods, densities, divergences and every sum over pixels,
latents and images are float32, as are the weights, the optimizer, all files, and what is evaluated or shown.

float32 means what torch means by it: matrix products in full precision; convolutions on CUDA through cuDNN, whose
default is TF32 (10 bits of mantissa). TF32 for matrix products is left off, as torch leaves it: it is a switch of the
whole process, which also evaluates.
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

Name = Literal["float32", "bfloat16"]

_WORTH_CASTING = 5e9
"""Floating-point operations of a step below which ``auto`` stays with float32: every weight and activation has to be
cast, some twenty kernels of a microsecond or two each. An estimate from that alone; it has not been measured."""


class Precision:
    """Lets a model's networks compute in bfloat16, or not.

    Parameters
    ----------
    asked
        ``float32``, ``bfloat16``, or ``auto``: bfloat16 where the device has it and a step is work enough, as long as
        ``holds`` says so.
    model, device
        Whose networks, and where they are.
    work
        Floating-point operations of a step.
    so_far
        What a run that goes on computed in when it was left; empty for a new one.

    Attributes
    ----------
    name
        ``float32`` or ``bfloat16``.
    may_change
        Whether ``name`` is to be tried, and given up where it does not hold.
    """

    def __init__(
        self,
        asked: Literal["auto", "float32", "bfloat16"],
        model: LatentModel,
        device: torch.device,
        work: float,
        so_far: str = "",
    ) -> None:
        self._model, self._device = model, device
        pays = so_far != "float32" and work >= _WORTH_CASTING and has_bfloat16(device)
        low = asked == "bfloat16" or (asked == "auto" and pays)
        self.name: Name = "bfloat16" if low else "float32"
        self.may_change = low and asked == "auto"
        self._trying = False
        self._entered: list[Any] = []
        if low:
            for network in networks(model):
                # Hooks, not methods put in their place: a copy of the model must not compute with these weights.
                network.register_forward_pre_hook(self._enter)
                network.register_forward_hook(self._leave, always_call=True)

    def holds(self, batch: Batch) -> bool:
        """Whether bfloat16 stays within the noise of these images' ELBO.

        With the same draws in both, the mean ELBO has to move by less than its standard error over the images.
        """
        exact = self._elbo(batch)
        with self._tried():
            rounded = self._elbo(batch)
        error = exact.std() / math.sqrt(len(exact)) if len(exact) > 1 else torch.zeros(())
        return bool(((rounded - exact).mean().abs() < error).item())

    def give_up(self) -> None:
        """Compute in float32 from now on."""
        self.name = "float32"
        self.may_change = False

    def _elbo(self, batch: Batch) -> Tensor:
        """One sample's ELBO of each image, [B], as evaluated; with the same noise each time."""
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
        # Without autocast's cache: it would outlive a recorded step, and each weight is used once.
        context: Any = torch.autocast(self._device.type, torch.bfloat16, enabled=low, cache_enabled=False)
        context.__enter__()
        self._entered.append(context)

    def _leave(self, network: nn.Module, inputs: tuple[Any, ...], output: Tensor | None) -> Tensor | None:
        self._entered.pop().__exit__(None, None, None)
        return None if output is None else output.to(torch.float32)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies matrices of bfloat16 by itself, so that it is faster there."""
    if device.type != "cuda":
        return False
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def networks(model: LatentModel) -> list[nn.Module]:
    """The parts that may compute in bfloat16: encoders and decoders, a discriminator's among them."""
    if isinstance(model, VQVAE):
        return [model.encoder, model.decoder]
    return [part for part in model.modules() if isinstance(part, Encoder | Decoder)]
