"""Draws from the prior, and latents that are not plain numbers: levels, categories, codes."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from latentlab.config.layout import LatentLayout, Level
from latentlab.controllers.categories import CategoriesController
from latentlab.controllers.codebook import CodebookController, nearest_codes
from latentlab.controllers.decoded_image import describe_latent
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.levels import LevelController
from latentlab.controllers.prior import PriorController
from latentlab.engine.protocol.messages import Codebooks, DrawLatent, LatentDrawn, ReadCodebooks
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.latent_sliders import LatentSliders
from tests.controllers.conftest import model_info, some_points

LADDER = LatentLayout("plain", (Level("top", 0, 2), Level("bottom", 2, 3)))
CATEGORIES = LatentLayout("categories", (Level("", 0, 6),), categories=3)
CODES = LatentLayout("codes", (Level("coarse", 0, 2, (1, 1)), Level("fine", 2, 8, (2, 2))), codes=4)
ENTRIES = (np.array([[0, 0], [1, 0], [0, 1], [5, 5]], np.float32), np.arange(8, dtype=np.float32).reshape(4, 2))


@pytest.fixture
def sliders(qtbot, session, undo, engine):
    latent_map, sliders = LatentMap(), LatentSliders()
    for widget in (latent_map, sliders):
        qtbot.addWidget(widget)
    explore = ExploreController(session, undo, latent_map, sliders)
    sliders.controllers = (
        LevelController(session, undo, sliders),
        CategoriesController(session, explore, sliders),
        CodebookController(session, engine, explore, sliders),
        PriorController(session, engine, explore, sliders),
    )
    sliders.resize(320, 500)
    sliders.show()
    return sliders


def show(session, layout, version=1):
    session.set_model(model_info(layout.latent_dim, layout=layout), version, is_new_model=True)


def test_a_draw_from_the_prior_does_not_change_locked_dimensions(sliders, session, engine, undo):
    session.set_model(model_info(3), 1, is_new_model=True)
    sliders.lockToggled.emit(1, True)
    sliders.sampleRequested.emit(-1)
    request = engine.last(DrawLatent)
    engine.latentDrawn.emit(LatentDrawn(request.generation, 1, np.array([1, 2, 3], np.float32)))
    assert session.latent.tolist() == [1, 0, 3]
    sliders.sampleRequested.emit(2)
    request = engine.last(DrawLatent)
    engine.latentDrawn.emit(LatentDrawn(request.generation, 1, np.array([7, 8, 9], np.float32)))
    assert session.latent.tolist() == [1, 0, 9]
    undo.undo()
    assert session.latent.tolist() == [1, 0, 3]


def test_a_draw_from_a_previous_model_is_ignored(sliders, session, engine):
    session.set_model(model_info(3), 1, is_new_model=True)
    sliders.sampleRequested.emit(-1)
    request = engine.last(DrawLatent)
    session.set_model(model_info(3), 2, is_new_model=True)
    engine.latentDrawn.emit(LatentDrawn(request.generation, 1, np.ones(3, np.float32)))
    assert session.latent.tolist() == [0, 0, 0]


def test_another_level_shows_its_sliders_and_axes_and_can_be_undone(sliders, session, undo, qtbot):
    show(session, LADDER)
    level = sliders.findChild(object, "level")
    shown = [f"latentSlider{d}" for d in range(5) if sliders.findChild(object, f"latentSlider{d}").isVisible()]
    assert shown == ["latentSlider0", "latentSlider1"]
    level.setFocus()
    qtbot.keyClick(level, Qt.Key.Key_Down)
    assert session.level == 1
    assert (session.axes.x, session.axes.y) == ("z3", "z4")
    assert [sliders.findChild(object, f"latentSlider{d}").isVisible() for d in range(5)] == [False] * 2 + [True] * 3
    undo.undo()
    assert (session.level, session.axes.x, level.currentIndex()) == (0, "z1", 0)


def test_a_chosen_category_is_a_one_hot_vector_in_the_latent(sliders, session, undo, qtbot):
    show(session, CATEGORIES)
    assert session.latent.tolist() == [1, 0, 0, 1, 0, 0]
    picker = sliders.findChild(object, "category1")
    picker.setFocus()
    qtbot.keyClick(picker, Qt.Key.Key_Down)
    assert session.latent.tolist() == [1, 0, 0, 0, 1, 0]
    undo.undo()
    assert session.latent.tolist() == [1, 0, 0, 1, 0, 0]
    assert picker.currentIndex() == 0
    session.set_latent([0.4, 0.3, 0.3, 0, 0.1, 0.9])
    assert sliders.findChild(object, "category0").currentIndex() == -1, "no category is chosen between categories"
    assert picker.currentIndex() == 2


def test_a_stroke_over_codes_is_one_undo_step_and_sets_their_entries(sliders, session, engine, undo, qtbot):
    show(session, CODES)
    session.set_level(1)
    engine.codebooks.emit(Codebooks(engine.last(ReadCodebooks).generation, 1, ENTRIES))
    grid = sliders.findChild(object, "codeGrid")
    cells, palette = grid.findChild(object, "codeCells"), grid.findChild(object, "codePalette")
    qtbot.mouseClick(palette, Qt.MouseButton.LeftButton, pos=grid.swatch_centre(3).toPoint())
    assert grid.chosen() == 3
    qtbot.mousePress(cells, Qt.MouseButton.LeftButton, pos=grid.cell_centre(0, 0).toPoint())
    qtbot.mouseMove(cells, grid.cell_centre(0, 1).toPoint())
    qtbot.mouseMove(cells, grid.cell_centre(1, 1).toPoint())
    qtbot.mouseRelease(cells, Qt.MouseButton.LeftButton, pos=grid.cell_centre(1, 1).toPoint())
    assert grid.codes().tolist() == [[3, 3], [0, 3]]
    assert session.latent.tolist() == [0, 0, 6, 6, 0, 6, 7, 7, 0, 7], "the grid's vectors, [D, h, w]"
    undo.undo()
    assert not session.latent.any()
    qtbot.mouseClick(cells, Qt.MouseButton.RightButton, pos=grid.cell_centre(1, 0).toPoint())
    assert grid.chosen() == 0


def test_principal_components_are_those_of_the_chosen_level(sliders, session, undo):
    show(session, CODES)
    session.set_points(some_points(10))
    assert (session.axes.x, len(session.components)) == ("pc1", 2)
    assert session.plane().x.nonzero()[0].tolist() == [0]
    levels = []
    session.axesChanged.connect(lambda: levels.append(session.level))
    sliders.levelChosen.emit(1)
    assert levels == [1], "the map shows other directions"
    assert len(session.components) == 8
    assert session.plane().x.nonzero()[0].tolist() == [2]
    undo.undo()
    assert session.plane().x.nonzero()[0].tolist() == [0]


def test_latents_are_described_by_their_kind():
    assert describe_latent(np.array([0, 1, 0, 0, 0, 1], np.float32), CATEGORIES, 0) == "c₁\u00a02   c₂\u00a03"
    assert describe_latent(np.zeros(10, np.float32), CODES, 1) == "1 × 1 and 2 × 2 codes"
    assert (
        describe_latent(np.array([9, 9, 0, -1, 2], np.float32), LADDER, 1)
        == "bottom: z₃\u00a00.00   z₄\u00a0−1.00   z₅\u00a02.00"
    )
    assert not describe_latent(np.zeros(2, np.float32), LatentLayout("plain", (Level("", 0, 2),)), 0)


def test_codes_are_the_nearest_entries():
    cells = np.array([[[0.9, 0.1]], [[0.2, 0.8]]], np.float32)
    assert nearest_codes(cells, ENTRIES[0]).tolist() == [[1, 2]]


def test_plain_latents_after_others_have_sliders_again(sliders, session):
    show(session, CATEGORIES)
    assert sliders.findChild(object, "latentSlider0") is None
    session.set_model(model_info(2), 2, is_new_model=True)
    assert sliders.findChild(object, "latentSlider0").isVisible()
    assert sliders.findChild(object, "level").isHidden()
