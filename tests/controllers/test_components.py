"""Latents that are maps have sliders along the principal components of the encoded images."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QPushButton

from latentlab.config.layout import LatentLayout, Level
from latentlab.controllers.codebook import CodebookController
from latentlab.controllers.components import ComponentController
from latentlab.controllers.explore import ExploreController
from latentlab.engine.protocol.messages import PointsChanged
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.component_sliders import SHOWN, ComponentSliders
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.widgets.latent_slider import LatentSlider
from latentlab.latent.components import principal_components
from tests.controllers.conftest import model_info

SPATIAL = LatentLayout("plain", (Level("", 0, 64, (4, 4)),))


@pytest.fixture
def sliders(qtbot, session, undo, engine):
    latent_map, sliders = LatentMap(), LatentSliders()
    for widget in (latent_map, sliders):
        qtbot.addWidget(widget)
    explore = ExploreController(session, undo, latent_map, sliders)
    sliders.controllers = (
        CodebookController(session, engine, explore, sliders),
        ComponentController(session, explore, sliders),
    )
    sliders.show()
    return sliders


def points(seed=0, offset=5.0, count=40):
    mean = np.random.default_rng(seed).standard_normal((count, 64)) * np.linspace(3, 0.1, 64) + offset
    mean = mean.astype(np.float32)
    label = np.full(count, -1, np.int64)
    return PointsChanged(
        model_version=1,
        mean=mean,
        std=np.ones_like(mean),
        label=label,
        classes=(),
        kl=None,
        components=principal_components(mean, 16),
    )


def show(session, layout=SPATIAL):
    session.set_model(model_info(64, layout=layout), 1, is_new_model=True)


def test_there_is_no_slider_for_each_number_and_the_empty_state_says_what_gives_components(sliders, session, qtbot):
    show(session)
    panel = sliders.findChild(ComponentSliders)
    assert sliders.latent().size == 0
    texts = [each.text() for each in panel.findChildren(QLabel)]
    assert any("4 × 4 × 4 numbers" in text for text in texts)
    assert panel.findChildren(LatentSlider) == []
    with qtbot.waitSignal(sliders.controllers[1].openDatasetRequested):
        panel.findChild(QPushButton, "componentsOpenDataset").click()


def test_the_map_shows_components_and_only_the_strongest_sliders_are_unfolded(sliders, session):
    show(session)
    assert session.axes.is_principal
    session.set_points(points())
    found = sliders.findChildren(LatentSlider)
    assert len(found) == 16
    visible = [slider.objectName() for slider in found if slider.isVisibleTo(sliders)]
    assert visible == [f"componentSlider{index}" for index in range(SHOWN)]


def test_the_latent_starts_at_the_mean_of_the_images_unless_it_was_moved(sliders, session):
    show(session)
    session.set_points(points())
    np.testing.assert_allclose(session.latent, points().mean.mean(axis=0), atol=1e-4)
    assert sliders.findChild(LatentSlider, "componentSlider0").value() == pytest.approx(0, abs=1e-4)
    show(session)
    session.set_latent(np.ones(64, np.float32))
    session.set_points(points())
    assert (session.latent == 1).all()


def test_a_slider_moves_along_its_component_alone_as_one_step(sliders, session, undo):
    show(session)
    session.set_points(points())
    before, components = session.latent, session.components
    slider = sliders.findChild(LatentSlider, "componentSlider1")
    slider.setValue(1.5)
    along = (session.points.mean.astype(np.float64) @ components.T).std(axis=0)
    moved = (session.latent - before) @ components.T
    assert moved[1] == pytest.approx(1.5 * along[1], rel=1e-4)
    np.testing.assert_allclose(np.delete(moved, 1), 0, atol=1e-4)
    assert slider.value() == pytest.approx(1.5)
    assert undo.undoText() == "Slide PC 2"
    undo.undo()
    np.testing.assert_allclose(session.latent, before)
    assert slider.value() == pytest.approx(0, abs=1e-4)


def test_a_model_of_another_kind_takes_the_sliders_away(sliders, session):
    show(session)
    session.set_points(points())
    show(session, LatentLayout("plain", (Level("", 0, 64),)))
    assert not any(panel.isVisibleTo(sliders) for panel in sliders.findChildren(ComponentSliders))
    assert sliders.latent().size == 64
    session.set_points(points())
    assert not session.axes.is_principal
