"""The running program: start-up, the composition root, and shutdown."""

from __future__ import annotations

from latentlab.app.launch import add_window_options, build, main, open_window, parse

__all__ = ["add_window_options", "build", "main", "open_window", "parse"]
