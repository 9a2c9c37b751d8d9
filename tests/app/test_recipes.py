"""What is natural for each kind of latent, in the real window: labels, categories, codes, levels; runs side by side."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

from latentlab.config import RunConfig, with_settings
from latentlab.config.recipes import RECIPES
from tests.app.conftest import SECONDS, find, shown

SMALL = ("architecture.hidden=16", "architecture.width=4", "hierarchy.hidden=8", "codebook.size=8", "epochs=4")


@pytest.fixture
def train(application, qtbot, folder):
    """Trains a small one of a recipe on the folder, and waits until it can be explored."""
    with qtbot.waitSignal(application.engine.datasetOpened, timeout=SECONDS):
        application.window.pathsDropped.emit([str(folder)])

    def run(name: str, *settings: str) -> None:
        config = with_settings(RunConfig(model=RECIPES[name].config()), [*SMALL, "batch_size=16", *settings])
        with qtbot.waitSignal(application.training.finished, timeout=SECONDS):
            application.training.start(config)
        qtbot.waitUntil(lambda: application.session.run_state == "idle", timeout=SECONDS)
        qtbot.waitUntil(lambda: shown(application).shape == (16, 16), timeout=SECONDS)

    return run


def follows(application, qtbot, gesture):
    """A gesture changes the image, and Undo brings the one before back."""
    with qtbot.waitSignal(application.engine.decoded, timeout=SECONDS):  # of the newest weights
        application.session.latentChanged.emit()
    before = shown(application)
    gesture()
    qtbot.waitUntil(lambda: not np.array_equal(before, shown(application)), timeout=SECONDS)
    application.undo.undo()
    qtbot.waitUntil(lambda: np.array_equal(before, shown(application)), timeout=SECONDS)


@pytest.mark.parametrize("name", ["cvae", "semi-supervised-vae"])
def test_a_class_is_chosen_and_image_map_and_strips_follow(application, qtbot, train, name):
    train(name, "latent_dim=2", *(["supervision.labels=4"] if name != "cvae" else []))
    assert application.session.label == 0
    label = find(application, "label")
    assert [label.itemText(i) for i in range(label.count())] == ["dark", "light"]
    label.setFocus()
    requested = application.map.manifold.generation
    strips, tiles = [], []
    application.engine.strip.connect(strips.append)
    application.engine.gridTiles.connect(lambda result: tiles.append(result.done and result.generation > requested))
    follows(application, qtbot, lambda: qtbot.keyClick(label, Qt.Key.Key_Down))
    qtbot.waitUntil(lambda: any(tiles) and bool(strips), timeout=SECONDS)


def test_a_category_is_picked(application, qtbot, train):
    train("concrete-vae", "latent_dim=6", "posterior.categories=3")
    picker = find(application, "category1")
    picker.setFocus()
    follows(application, qtbot, lambda: qtbot.keyClick(picker, Qt.Key.Key_End))
    draws = []
    application.engine.latentDrawn.connect(draws.append)
    qtbot.mouseClick(find(application, "sampleAll"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(draws), timeout=SECONDS)
    assert application.session.latent.reshape(2, 3).sum(axis=1).tolist() == [1, 1], "categories, not numbers"


@pytest.mark.parametrize("name", ["vq-vae", "vq-vae-2", "fsq-vae", "rvq-vae"])
def test_codes_are_painted(application, qtbot, train, name):
    books = []
    application.engine.codebooks.connect(books.append)
    train(name)
    version = application.session.model_version
    qtbot.waitUntil(lambda: bool(books) and books[-1].model_version == version, timeout=SECONDS)
    grid = find(application, "codeGrid")
    cells, palette = find(application, "codeCells"), find(application, "codePalette")
    levels = application.session.layout.levels
    assert find(application, "level").isVisible() == (len(levels) > 1)
    qtbot.waitUntil(lambda: grid.codes().shape == levels[0].grid, timeout=SECONDS)
    code = (int(grid.codes()[0, 0]) + 1) % 8
    qtbot.mouseClick(palette, Qt.MouseButton.LeftButton, pos=grid.swatch_centre(code).toPoint())
    before, decoded = grid.codes(), []
    application.engine.decoded.connect(decoded.append)
    qtbot.mouseClick(cells, Qt.MouseButton.LeftButton, pos=grid.cell_centre(0, 0).toPoint())
    assert grid.codes()[0, 0] == code
    assert (grid.codes() != before).sum() == 1
    painted = application.session.latent
    qtbot.waitUntil(lambda: any(np.array_equal(result.z, painted) for result in decoded), timeout=SECONDS)
    application.undo.undo()
    assert np.array_equal(grid.codes(), before)


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [("ladder-vae", ["latent_dim=9"]), ("hierarchical-vae", ["latent_dim=3", "hierarchy.channels=1"])],
)
def test_a_level_is_chosen(application, qtbot, train, recipe, settings):
    train(recipe, *settings)
    level = find(application, "level")
    level.setFocus()
    qtbot.keyClick(level, Qt.Key.Key_End)
    bottom = application.session.layout.levels[-1]
    assert application.session.axes.x == f"z{bottom.start + 1}"
    slider = find(application, f"latentSlider{bottom.start}")
    assert slider.isVisibleTo(application.window.latent_sliders) or not find(application, "latentSlider0").isVisible()
    follows(application, qtbot, lambda: slider.setValue(3.0))


def test_two_recipes_stand_side_by_side_and_are_copied(application, qtbot, train):
    train("vae")
    train("ae")
    application.window.show_panel("runs")
    table = application.window.runs_table
    qtbot.waitUntil(lambda: table.as_text().count("\n") == 3, timeout=SECONDS)
    qtbot.mouseClick(table.findChild(QPushButton, "copyRuns"), Qt.MouseButton.LeftButton)
    head, second, first = QGuiApplication.clipboard().text().splitlines()
    assert head.startswith("recipe\trun\tELBO\trate\tdistortion\tin use")
    assert (first.split("\t")[0], second.split("\t")[0]) == ("vae", "ae")
    elbo, rate, distortion = (float(number) for number in first.split("\t")[2:5])
    assert elbo == pytest.approx(-rate - distortion, abs=0.2)
    rows = find(application, "runsTable")
    middle = rows.visualItemRect(rows.item(1, 0)).center()
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseDClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    qtbot.waitUntil(lambda: application.session.model.recipe == "vae", timeout=SECONDS)
