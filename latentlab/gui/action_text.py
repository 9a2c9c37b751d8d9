"""Tooltips of actions: what an action does, its shortcut as it is now, and why it cannot be done while it is greyed."""

from __future__ import annotations

from PySide6.QtGui import QAction, QKeySequence

from latentlab.gui.widgets.plain_text import set_tool_tip, set_whats_this
from latentlab.utils.plain_text import as_line

_TIP, _REASON, _DEFAULT = "tip", "reason", "defaultShortcut"


def plain_text_of(action: QAction, *, keep_dots: bool = False) -> str:
    """The action's text without the mark of its mnemonic, and without the dots of a dialog."""
    text = action.text().replace("&&", "\0").replace("&", "").replace("\0", "&")
    return text if keep_dots else text.rstrip("…")


def describe(action: QAction, tip: str, reason: str = "") -> None:
    """Set what an action does, and why it cannot be done while it is disabled; the tooltip follows its state."""
    is_new = action.property(_TIP) is None
    action.setProperty(_TIP, tip)
    action.setProperty(_REASON, reason)
    if is_new:
        action.setProperty(_DEFAULT, action.shortcut().toString())
        action.enabledChanged.connect(lambda _on: show_tip(action))
    show_tip(action)


def tip_of(action: QAction) -> str:
    """What the action does; empty if nobody has said so."""
    return str(action.property(_TIP) or "")


def reason_of(action: QAction) -> str:
    """Why it cannot be done while it is disabled; empty if nobody has said so."""
    return str(action.property(_REASON) or "")


def set_reason(action: QAction, reason: str) -> None:
    """Set why it cannot be done while it is disabled."""
    if reason != reason_of(action):
        action.setProperty(_REASON, reason)
        show_tip(action)


def default_shortcut(action: QAction) -> QKeySequence:
    """The shortcut that the program gives the action."""
    return QKeySequence(str(action.property(_DEFAULT) or ""))


def show_tip(action: QAction) -> None:
    """Write tip, shortcut and reason into the tooltip."""
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    tip = as_line(tip_of(action))
    text = f"{tip} ({keys})" if keys else tip
    reason = "" if action.isEnabled() else as_line(reason_of(action))
    set_tool_tip(action, f"{text}\n{reason}" if reason else text, lines=True)
    set_whats_this(action, f"{tip}." + (f" Shortcut: {keys}." if keys else ""))
