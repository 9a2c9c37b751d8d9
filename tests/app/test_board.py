"""The Board in the real window: directions are found, slid along, shown on the map and applied to an image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from latentlab.gui.widgets.latent_slider import LatentSlider
from latentlab.models.inference import load_model
from latentlab.state.board import BoardItem, Direction
from latentlab.state.map_axes import AxesChoice
from tests.app.conftest import SECONDS, at, find, shown


def decoded(z) -> np.ndarray:
    image = load_model("bundled:mnist-2d").decode(np.asarray(z, np.float32)[None])[0, 0]
    return np.rint(image * 255).astype(np.uint8)


def wait_for_image(application, qtbot, z) -> None:
    """Wait until the latent's own image is shown; within one grey level, as other code may decode it."""
    expected = decoded(z).astype(int)
    qtbot.waitUntil(lambda: np.abs(shown(application).astype(int) - expected).max() <= 1, timeout=SECONDS)


def two_slanted(application) -> list[BoardItem]:
    """Two directions that are not orthogonal, on the Board."""
    board = application.session.board
    items = [
        BoardItem(name, Direction(np.array(vector, np.float32), np.zeros(2, np.float32)), latent_dim=2)
        for name, vector in (("a", (1, 0.5)), ("b", (1, 1)))
    ]
    board.set_items(board.with_added(*items))
    return items


def test_classes_are_separated_and_dragging_the_slider_decodes_along_the_direction(application, qtbot):
    session, window = application.session, application.window
    qtbot.waitUntil(lambda: session.points is not None, timeout=SECONDS)
    window.actions_.new_direction.trigger()
    find(application, "directionKind").setCurrentIndex(1)
    find(application, "findDirection").click()
    qtbot.waitUntil(lambda: len(session.board.items) == 1, timeout=SECONDS)
    (item,) = session.board.items
    points = session.points
    difference = points.mean[points.label == 0].mean(0) - points.mean[points.label == 1].mean(0)
    np.testing.assert_allclose(item.content.vector, difference, atol=1e-5)
    assert item.content.verdict.startswith("separates well")
    qtbot.waitUntil(lambda: session.board.thumbnail(item) is not None, timeout=SECONDS)
    assert session.board.thumbnail(item).shape == (28, 7 * 28)

    window.board.activated.emit(item.id)
    slider = window.latent_sliders.directions.findChild(LatentSlider, "directionSlider0")
    expected = item.content.moved(session.latent, 0.5)
    slider.setValue(0.5)
    np.testing.assert_allclose(session.latent, expected, atol=1e-6)
    wait_for_image(application, qtbot, expected)


def test_a_point_picked_on_the_plane_of_two_directions_decodes_what_is_drawn_there(application, qtbot):
    session, latent_map = application.session, application.latent_map
    first, second = two_slanted(application)
    session.set_axes(AxesChoice(f"d:{first.id}", f"d:{second.id}"))
    assert latent_map.axis_names() == ("a", "b ⟂")
    plane = session.plane()
    np.testing.assert_allclose([plane.x @ plane.y, plane.x @ plane.x, plane.y @ plane.y], [0, 1, 1], atol=1e-6)
    for pixel in (at(application, (1.0, -0.5)), at(application, (-0.7, 0.9))):
        uv = np.asarray(latent_map.pixel_to_z(pixel), np.float32)
        qtbot.mouseClick(latent_map.viewport(), Qt.MouseButton.LeftButton, pos=pixel)
        expected = uv[0] * plane.x + uv[1] * plane.y  # of two dimensions the plane is the whole space
        np.testing.assert_allclose(session.latent, expected, atol=1e-5)
        back = latent_map.z_to_pixel(session.plane().project(session.latent[None])[0])
        assert (back - pixel.toPointF()).manhattanLength() < 1
        wait_for_image(application, qtbot, expected)


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_direction_applied_to_an_image_decodes_its_mean_and_the_step(application, qtbot, tmp_path):
    session, window = application.session, application.window
    item = two_slanted(application)[0]
    Image.fromarray(decoded((0.3, -0.4))).save(tmp_path / "digit.png")
    application.open(str(tmp_path / "digit.png"))
    qtbot.waitUntil(lambda: session.encoded_image is not None, timeout=SECONDS)
    mean = session.encoded_image.mean
    window.board.select([item.id])
    next(entry for entry in menu_of(application, item) if entry.text().startswith("Apply")).trigger()
    np.testing.assert_allclose(session.latent, mean + item.content.vector, atol=1e-6)
    wait_for_image(application, qtbot, mean + item.content.vector)


def menu_of(application, item: BoardItem):
    """The actions of an item's menu, as the panel asks for it."""
    window = application.window
    window.board.menuRequested.emit([item.id], window.rect().center())
    menu = find(application, "boardMenu")
    menu.hide()
    return menu.actions()


@pytest.mark.parametrize("name", ["mine.latentlab.json", "mine"])
def test_a_session_is_saved_with_its_board_and_opened_again(application, qtbot, tmp_path, name):
    session, window = application.session, application.window
    two_slanted(application)
    window.actions_.save_session.trigger()
    dialog = window.findChild(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / name))
    dialog.close()
    saved = tmp_path / "mine.latentlab.json"
    assert saved.exists()
    session.board.set_items(())
    application.open(str(saved))
    assert [item.name for item in session.board.items] == ["a", "b"]
    with qtbot.waitSignal(session.modelChanged, timeout=SECONDS):
        pass
