"""The preferences that the worker needs, read before Qt and pydantic are imported; the store checks the file later."""

from __future__ import annotations

import json
import os
import re

from latentlab.paths import CACHE_SIZE_VARIABLE, CACHE_VARIABLE, preferences_file

_LARGEST_FILE = 1 << 16  # bytes
_DEVICE = re.compile(r"cpu|mps|cuda(:\d{1,3})?")


def apply_early_preferences() -> str:
    """Tell the worker by its environment where the cache is, and return the preferred device; ``auto`` without one.

    What the environment says already is kept, and whatever in the file is not as it must be is passed over.
    """
    values = _values()
    cache, worker = values.get("cache"), values.get("worker")
    if isinstance(cache, dict):
        folder, size = cache.get("folder"), cache.get("gigabytes")
        if isinstance(folder, str) and os.path.isabs(folder) and "\0" not in folder:
            os.environ.setdefault(CACHE_VARIABLE, folder)
        if type(size) is int and 0 < size <= 100_000:
            os.environ.setdefault(CACHE_SIZE_VARIABLE, str(size))
    device = worker.get("device") if isinstance(worker, dict) else None
    return device if isinstance(device, str) and _DEVICE.fullmatch(device) else "auto"


def _values() -> dict[str, object]:
    path = preferences_file()
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > _LARGEST_FILE:
            return {}
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
