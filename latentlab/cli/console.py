"""Output of the commands."""

from __future__ import annotations

import json
from typing import Any


def write_json(values: Any) -> None:
    """Write one JSON value as a line, and flush."""
    print(json.dumps(values), flush=True)


def write_table(rows: dict[str, Any]) -> None:
    """Write names and values in two columns."""
    width = max(map(len, rows), default=0)
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")
