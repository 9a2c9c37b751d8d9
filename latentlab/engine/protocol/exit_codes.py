"""Exit codes of the worker's process."""

from __future__ import annotations

OK = 0
"""Ended when asked to, or after the window was gone."""
FAILED = 1
"""An error escaped, or a step did not end after the window was gone."""
DEVICE_LOST = 75
"""The device stopped answering; only another process may be able to use it again."""
