"""Devices by name."""

from __future__ import annotations

import torch

from latentlab.errors import InputError


def available_devices() -> list[str]:
    """Names of this machine's devices, the one that ``auto`` chooses first."""
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        names.append("mps")
    return [*names, "cpu"]


def resolve_device(name: str) -> torch.device:
    """The device of that name: ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises
    ------
    InputError
        When this machine has no such device; the message names those it has.
    """
    available = available_devices()
    chosen = {"auto": available[0], "cuda": "cuda:0"}.get(name, name)
    if chosen not in available:
        raise InputError(f"there is no device {name!r} on this machine; available: {', '.join(available)}")
    return torch.device(chosen)
