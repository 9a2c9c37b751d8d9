"""Hierarchies of latents: which level the sliders and the map show."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.controllers.commands import ChooseLevel
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.state.map_axes import AxesChoice
from latentlab.state.session import Session


class LevelController(QObject):
    """Offers the levels of a model that has several, and shows the sliders and axes of the chosen one."""

    def __init__(
        self, session: Session, undo: QUndoStack, sliders: LatentSliders, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._undo, self._sliders = session, undo, sliders
        sliders.levelChosen.connect(self._on_level_chosen)
        session.levelChanged.connect(self._show)
        session.modelChanged.connect(self._on_model_changed)

    def _on_level_chosen(self, index: int) -> None:
        session = self._session
        if index == session.level or not 0 <= index < len(session.layout.levels):
            return
        level, axes = session.layout.levels[index], session.axes
        if session.layout.kind == "plain" and not axes.is_principal and not axes.directions:
            axes = AxesChoice(f"z{level.start + 1}", f"z{level.start + min(2, level.size)}")
        self._undo.push(ChooseLevel(session, index, axes))

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._show()

    def _show(self) -> None:
        session = self._session
        levels = session.layout.levels
        has_several = len(levels) > 1
        self._sliders.set_levels([level.name for level in levels] if has_several else (), session.level)
        chosen = levels[session.level]
        self._sliders.set_shown(range(chosen.start, chosen.start + chosen.size) if has_several else None)
