"""The roles, for screen readers, of the widgets that paint their content themselves.

Qt takes a widget of an unknown class for a plain area. A class names its role in ``ACCESSIBLE_ROLE``; what it shows
now is its accessible description, which it keeps up to date.
"""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAccessibleWidget, QWidget

_installed = False


def install() -> None:
    """Tell Qt the roles; a second call does nothing."""
    global _installed
    if not _installed:
        _installed = True
        QAccessible.installFactory(_interface)


def tell_description(widget: QWidget, text: str) -> None:
    """Set what a widget shows now, and tell it to a screen reader that runs."""
    if text != widget.accessibleDescription():
        widget.setAccessibleDescription(text)


def _interface(_key: str, item: QObject | None) -> QAccessibleWidget | None:
    role = getattr(type(item), "ACCESSIBLE_ROLE", None)
    return QAccessibleWidget(item, role) if role is not None and isinstance(item, QWidget) else None
