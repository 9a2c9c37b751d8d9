"""The status line's hint about the active tool of the map."""

from __future__ import annotations

from PySide6.QtCore import QObject

from latentlab.gui.main_window import MainWindow
from latentlab.state.activity import Activity
from latentlab.state.session import Session

FIRST_HINT = "Move over the map to preview images, click to choose a latent, scroll to zoom"
"""The hint of the Explore tool, on the first start until the first run."""
_HINTS = {
    "select": "Draw around points to select them; Shift adds, Ctrl or Alt takes away, Escape clears; R: in a box",
    "box": "Drag a box over points to select them; Shift adds, Ctrl or Alt takes away, Escape clears; S: by a lasso",
    "path": (
        "Click to add a waypoint, also on the path; drag to move it, Shift+drag to draw by hand, Ctrl+click to remove; "
        "Space plays, Escape clears the path"
    ),
}


class ToolHintController(QObject):
    """Shows a hint about the active tool while the status line has nothing else to show.

    Parameters
    ----------
    is_first_start
        Whether the Explore tool has a hint too, until the first run.
    """

    def __init__(
        self,
        session: Session,
        window: MainWindow,
        activity: Activity,
        *,
        is_first_start: bool,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._activity = session, activity
        self._tool, self._is_first_start = "explore", is_first_start
        self._point_hint = ""
        window.toolChosen.connect(self._on_tool_chosen)
        session.runStateChanged.connect(self._on_run_state_changed)
        self._show()

    def set_point_hint(self, text: str) -> None:
        """Show a hint about the data point at the pointer instead; an empty text removes it."""
        if text != self._point_hint:
            self._point_hint = text
            self._show()

    def _on_tool_chosen(self, name: str) -> None:
        self._tool = name
        self._show()

    def _on_run_state_changed(self) -> None:
        if self._session.run_is_active:
            self._is_first_start = False
            self._show()

    def _show(self) -> None:
        of_tool = _HINTS.get(self._tool, FIRST_HINT if self._is_first_start else "")
        self._activity.set_hint(self._point_hint or of_tool)
