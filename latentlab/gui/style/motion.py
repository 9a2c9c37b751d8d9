"""Whether things may move by themselves."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QStyle


def animates() -> bool:
    """Whether the desktop lets widgets animate: not if the user asks for reduced motion."""
    return bool(QApplication.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) > 0)
