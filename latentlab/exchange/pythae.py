"""Imports models of Pythae: the one place that reads a pickle of another program, when asked by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentlab.errors import InputError
from latentlab.storage.model_file import ModelFile
from latentlab.storage.pythae_folder import WEIGHTS, check_archive, converted, read_settings
from latentlab.storage.validation import require_memory

_KEY = "model_state_dict"
_COPIES = 4  # of the file in memory


def import_pythae(folder: Path) -> ModelFile:
    """Read a model of Pythae with its default networks: it becomes a model like ours, with the same likelihood.

    Its ``model.pt`` is read by ``torch.load(weights_only=True)``, which has had faults that let a file run code: import
    only what you trust.

    Parameters
    ----------
    folder
        With ``model_config.json`` and ``model.pt``.

    Raises
    ------
    InputError
        When it is of another kind, or settings and weights disagree.

    References
    ----------
    Chadebec, Vincent & Allassonnière 2022, Pythae (arXiv:2206.08309).
    """
    header = read_settings(folder)
    path = folder / WEIGHTS
    check_archive(path)
    require_memory(path, _COPIES * path.stat().st_size)
    try:
        held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{path} holds more than weights, or is damaged: {reason[:200]}") from None
    weights = held.get(_KEY) if isinstance(held, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise InputError(f"{path} has no {_KEY} of tensors")
    return converted(folder, header, weights)
