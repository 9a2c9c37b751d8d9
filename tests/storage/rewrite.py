"""Writes a latentlab file again with other content and a matching checksum: only what is tested is then wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from latentlab.storage.tensors import digest


def rewrite(
    path: Path,
    key: str,
    tensors: dict[str, np.ndarray | None] | None = None,
    edit: Callable[[dict[str, Any]], object] | None = None,
) -> None:
    """Replace or add ``tensors`` (``None`` removes one), and edit the JSON description under ``key``."""
    data = path.read_bytes()
    description = json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"][key])
    kept = {name: array for name, array in (load_file(path) | (tensors or {})).items() if array is not None}
    description["sha256"] = digest(kept)
    if edit is not None:
        edit(description)
    save_file({name: np.asarray(array) for name, array in kept.items()}, path, metadata={key: json.dumps(description)})
