"""One's own image: painted, pasted, refined, hidden and filled in; each change is one undo step."""

from __future__ import annotations

import shlex
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton, QScrollArea, QToolButton

from latentlab import paths
from latentlab.cli.parser import build_parser
from latentlab.config.capabilities import Capabilities
from latentlab.config.recipes import RECIPES
from latentlab.controllers.board import BoardController
from latentlab.controllers.encoded_image import EncodedImageController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.image_command import image_command, image_sheet
from latentlab.controllers.your_image import YourImageController
from latentlab.engine.protocol.messages import (
    DrawingEncoded,
    EncodeDrawing,
    EncodeImage,
    Failed,
    ImageEncoded,
    ImageImputed,
    ImageInspected,
    ImageRefined,
    ImputeImage,
    InspectImage,
    RefineImage,
    StopImageWork,
)
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.gap_curve import GapCurve
from latentlab.gui.widgets.qimage import to_qimage
from tests.controllers.conftest import model_info

SIDE = 8


@pytest.fixture
def window(qtbot, session, engine, undo, activity, monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "data_folder", lambda: tmp_path / "data")
    latent_map = LatentMap()
    window = MainWindow(latent_map)
    qtbot.addWidget(window)
    explore = ExploreController(session, undo, latent_map, window.latent_sliders, window)
    encoded = EncodedImageController(session, engine, undo, window.decoded_image, window.notifications, window)
    board = BoardController(session, engine, undo, window.board, window.actions_, activity, window)
    YourImageController(session, engine, explore, undo, encoded, board, window, activity, window)
    config = RECIPES["vae"].config().model_dump(mode="json")
    session.set_model(model_info(2, config=config, source="bundled:m"), 1, is_new_model=True)
    return window


def encoded(image=None, path: str = "face.png", version: int = 1, **changes) -> ImageEncoded:
    pixels = np.full((SIDE, SIDE), 200, np.uint8) if image is None else image
    mean = np.array([pixels.mean() / 100, -1], np.float32)
    return replace(
        ImageEncoded(version, path, mean, np.full(2, 0.3, np.float32), pixels, pixels // 2, 12.5, 3.0), **changes
    )


@pytest.fixture
def shown(window, session) -> ImageEncoded:
    """An image file that is shown."""
    result = encoded()
    session.set_encoded_image(result)
    return result


def painted(engine) -> ImageEncoded:
    """The worker's answer to the newest drawing."""
    request = engine.last(EncodeDrawing)
    result = encoded(request.image, request.name, is_drawing=True)
    engine.drawingEncoded.emit(DrawingEncoded(request.generation, result))
    return result


def stroke(window, number: int, row: int) -> None:
    """A change of the canvas by a stroke, as the mouse makes it."""
    canvas = window.your_image.canvas
    pixels = canvas.pixels()
    pixels[row] = 255
    canvas.set_picture(pixels)
    canvas.painted.emit(number)


def refined(engine, elbos=(-9.0, -8.0), done: bool = False) -> ImageRefined:
    request = engine.last(RefineImage)
    mean = np.array([len(elbos), 1], np.float32)
    result = ImageRefined(
        request.generation, 1, mean, mean + 1, request.image, tuple(range(len(elbos))), elbos, done=done
    )
    engine.imageRefined.emit(result)
    return result


def lower_half() -> np.ndarray:
    hidden = np.zeros((SIDE, SIDE), bool)
    hidden[SIDE // 2 :] = True
    return hidden


def filled(engine, **changes) -> ImageImputed:
    request = engine.last(ImputeImage)
    draws = np.stack([request.image] * request.draws)
    z = np.random.default_rng(0).normal(size=(request.draws, 2)).astype(np.float32)
    result = replace(
        ImageImputed(request.generation, 1, request.image, draws, z, 50.0, "importance", done=True), **changes
    )
    engine.imageImputed.emit(result)
    return result


def inspected(engine, **changes) -> ImageInspected:
    request = engine.last(InspectImage)
    tiles, values = np.stack([request.image] * 8), np.full((SIDE, SIDE), 0.1, np.float32)
    z = np.random.default_rng(1).normal(size=(8, 2)).astype(np.float32)
    result = ImageInspected(request.generation, 1, values, values, tiles, tiles, z, -9.5, 2.0, 7.5, done=True)
    engine.imageInspected.emit(replace(result, **changes))
    return result


def notified(window) -> list[str]:
    return [each.text() for each in window.notifications.findChildren(QLabel)]


def text(window, name: str) -> str:
    return window.findChild(QLabel, name).text()


# --- painting -------------------------------------------------------------------------------------


def test_alive_a_drawing_is_encoded_while_it_is_painted_and_each_stroke_is_one_step(window, session, engine, undo):
    window.actions_.paint_image.trigger()
    assert engine.last(EncodeDrawing).image.shape == (SIDE, SIDE)
    painted(engine)
    assert window.your_image.canvas.mode == "paint"
    assert undo.count() == 1
    for row in range(3):
        stroke(window, 1, row)
        assert (engine.last(EncodeDrawing).image[: row + 1] == 255).all()
    answer = painted(engine)
    assert session.encoded_image is not None
    assert session.encoded_image.is_drawing
    np.testing.assert_array_equal(session.latent, answer.mean)
    stroke(window, 2, 6)
    second = painted(engine)
    assert undo.count() == 3, "an empty canvas, and two strokes"
    undo.undo()
    np.testing.assert_array_equal(session.latent, answer.mean)
    np.testing.assert_array_equal(window.your_image.canvas.pixels(), answer.image)
    undo.redo()
    np.testing.assert_array_equal(window.your_image.canvas.pixels(), second.image)


def test_an_older_answer_does_not_undo_what_was_painted_since(window, engine):
    window.actions_.paint_image.trigger()
    painted(engine)
    stroke(window, 1, 0)
    older = engine.last(EncodeDrawing)
    stroke(window, 1, 1)
    answer = DrawingEncoded(older.generation, encoded(older.image, "Drawing", is_drawing=True))
    engine.drawingEncoded.emit(answer)
    assert (window.your_image.canvas.pixels()[:2] == 255).all()


def test_painting_on_a_file_makes_a_drawing_of_it(window, session, engine, shown):
    stroke(window, 1, 0)
    assert engine.last(EncodeDrawing).name == "face.png, painted on"
    painted(engine)
    assert session.encoded_image.is_drawing


def test_yours_a_drawing_is_encoded_again_by_another_model(window, session, engine):
    window.actions_.paint_image.trigger()
    painted(engine)
    session.set_model(model_info(2, name="second"), 2, is_new_model=True)
    assert session.encoded_image is None
    again = next(each for each in window.notifications.findChildren(QPushButton) if "Encode" in each.text())
    count = engine.count(EncodeDrawing)
    again.click()
    assert engine.count(EncodeDrawing) == count + 1
    assert engine.count(EncodeImage) == 0


def test_newer_weights_encode_a_drawing_again_and_keep_what_is_hidden(qtbot, window, session, engine):
    window.actions_.paint_image.trigger()
    painted(engine)
    session.set_encoded_image(replace(session.encoded_image, hidden=lower_half()))
    count = engine.count(EncodeDrawing)
    session.set_model(session.model, 2, is_new_model=False)
    qtbot.waitUntil(lambda: engine.count(EncodeDrawing) > count)
    request = engine.last(EncodeDrawing)
    answer = encoded(request.image, request.name, version=2, is_drawing=True)
    engine.drawingEncoded.emit(DrawingEncoded(request.generation, answer))
    assert session.encoded_image.model_version == 2
    assert session.encoded_image.hidden.any()


def test_a_new_drawing_starts_without_the_hidden_region_of_the_image_before(window, session, engine, undo, shown):
    session.set_encoded_image(replace(shown, hidden=lower_half()))
    window.your_image.canvas.set_hidden(lower_half())
    window.actions_.paint_image.trigger()
    painted(engine)
    assert session.encoded_image.hidden is None
    assert window.your_image.canvas.hidden() is None
    session.set_encoded_image(replace(session.encoded_image, hidden=lower_half()))
    stroke(window, 1, 0)
    painted(engine)
    assert session.encoded_image.hidden.any(), "a stroke keeps it"
    undo.undo()
    undo.undo()
    assert session.encoded_image.hidden.any(), "undo brings it back"


def test_a_stroke_on_a_new_drawing_that_is_not_encoded_yet_starts_without_it_too(window, session, engine, shown):
    session.set_encoded_image(replace(shown, hidden=lower_half()))
    window.actions_.paint_image.trigger()
    stroke(window, 1, 0)
    painted(engine)
    assert session.encoded_image.hidden is None


def test_a_new_drawing_is_scrolled_to(qtbot, window, session, engine, shown):
    window.allow_close()
    window.resize(1000, 500)
    window.show()
    window.show_panel("image")
    bar = window.your_image.findChild(QScrollArea).verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    window.actions_.paint_image.trigger()
    assert bar.value() == 0


# --- pasting --------------------------------------------------------------------------------------


def test_a_pasted_image_is_stored_and_opened_like_a_file(window, engine):
    QGuiApplication.clipboard().setImage(to_qimage(np.full((4, 6, 3), 90, np.uint8)))
    window.actions_.paste.trigger()
    path = engine.last(EncodeImage).path
    with Image.open(path) as picture:
        assert picture.size == (6, 4)
    window.actions_.paste.trigger()
    assert engine.last(EncodeImage).path == path, "the same pixels have the same file"


def test_a_large_pasted_image_is_scaled_down(window, engine):
    QGuiApplication.clipboard().setImage(to_qimage(np.zeros((100, 3000), np.uint8)))
    window.actions_.paste.trigger()
    with Image.open(engine.last(EncodeImage).path) as picture:
        assert picture.size == (1024, 34)


def png_that_announces(width: int, height: int) -> bytes:
    """A small file with a header of this size and hardly any pixels."""
    header, pixels = struct.pack(">II5B", width, height, 8, 2, 0, 0, 0), zlib.compress(bytes(10))
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    packed = (struct.pack(">I", len(b)) + a + b + struct.pack(">I", zlib.crc32(a + b)) for a, b in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def test_a_pasted_image_of_very_many_pixels_is_refused_by_its_header(window, engine):
    data = QMimeData()
    data.setData("image/png", png_that_announces(20_000, 12_000))
    QGuiApplication.clipboard().setMimeData(data)
    window.actions_.paste.trigger()
    said = window.notifications.messages()[-1]
    assert said.startswith("The image in the clipboard has 20,000 × 12,000 pixels, more than 16 million: save it as")
    assert engine.count(EncodeImage) == 0


def test_an_image_of_very_many_pixels_of_this_program_is_refused_too(window, engine):
    QGuiApplication.clipboard().setImage(QImage(5000, 4000, QImage.Format.Format_Grayscale8))
    window.actions_.paste.trigger()
    assert "5,000 × 4,000" in window.notifications.messages()[-1]
    assert engine.count(EncodeImage) == 0


def test_a_pasted_file_is_dropped_on_the_window(window, qtbot, tmp_path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "one.png"))])
    QGuiApplication.clipboard().setMimeData(data)
    with qtbot.waitSignal(window.pathsDropped) as dropped:
        window.actions_.paste.trigger()
    assert dropped.args == [[str(tmp_path / "one.png")]]


def test_without_an_image_in_the_clipboard_it_is_said(window, engine):
    QGuiApplication.clipboard().setText("words")
    window.actions_.paste.trigger()
    assert engine.count(EncodeImage) == 0
    said = [each.text() for each in window.notifications.findChildren(QLabel)]
    assert any("no image in the clipboard" in each for each in said)


# --- inspecting -----------------------------------------------------------------------------------


def test_what_the_model_makes_of_the_image_is_shown_and_the_sentence_does_not_flicker(qtbot, window, engine, shown):
    qtbot.waitUntil(lambda: engine.count(InspectImage) == 1)
    inspected(engine, typical="Typical of the data: …")
    assert text(window, "imageElbo") == "ELBO −9.5 nats: distortion 7.5, rate 2.0"
    assert text(window, "imageTypical").startswith("Typical")
    inspected(engine, typical="", done=False)
    assert text(window, "imageTypical").startswith("Typical"), "until the new one is there"


def test_the_decoded_image_has_the_same_distortion_once_it_is_there(qtbot, window, session, engine, shown):
    assert text(window, "encodedImageError") == "distortion 12.5, rate 3.0 nats, of one latent"
    qtbot.waitUntil(lambda: engine.count(InspectImage) == 1)
    inspected(engine)
    assert text(window, "imageElbo") == "ELBO −9.5 nats: distortion 7.5, rate 2.0"
    assert text(window, "encodedImageError") == "distortion 7.5, rate 2.0 nats"
    session.set_encoded_image(replace(shown, hidden=lower_half()))
    assert text(window, "encodedImageError") == "distortion 7.5, rate 2.0 nats", "of the same image"
    session.set_encoded_image(encoded(np.zeros((SIDE, SIDE), np.uint8)))
    assert text(window, "encodedImageError") == "distortion 12.5, rate 3.0 nats, of one latent"


def test_a_sample_is_gone_to_and_kept(qtbot, window, session, engine, undo, shown):
    qtbot.waitUntil(lambda: engine.count(InspectImage) == 1)
    result = inspected(engine)
    window.your_image.chosen.emit("samples", 3)
    np.testing.assert_array_equal(session.latent, result.z[3])
    window.your_image.keepRequested.emit("samples", 2)
    (item,) = session.board.items
    assert item.name == "face, sample 3"
    np.testing.assert_array_equal(item.content.z, result.z[2])
    window.your_image.keepRequested.emit("image", 0)
    np.testing.assert_array_equal(session.board.items[-1].content.z, shown.mean)
    assert undo.count() == 3


# --- refining -------------------------------------------------------------------------------------


def test_right_a_refinement_is_one_undo_step_and_its_gap_is_shown(window, session, engine, undo, shown):
    window.actions_.refine_image.trigger()
    refined(engine)
    result = refined(engine, (-9.0, -8.0, -6.5))
    assert text(window, "gapText") == "ELBO −9.0 → −6.5: gap 2.50 nats"
    assert window.findChild(GapCurve).curve()[1] == [-9.0, -8.0, -6.5]
    np.testing.assert_array_equal(session.latent, result.mean)
    refined(engine, (-9.0, -8.0, -6.5), done=True)
    assert undo.count() == 1
    undo.undo()
    assert session.encoded_image is shown
    assert not window.findChild(GapCurve).isVisibleTo(window.your_image)
    undo.redo()
    assert session.encoded_image.refinement == ((0, 1, 2), (-9.0, -8.0, -6.5))
    assert text(window, "gapText").endswith("gap 2.50 nats")


def test_what_is_refined_is_inspected_with_the_encoders_elbo(qtbot, window, engine, shown):
    window.actions_.refine_image.trigger()
    result = refined(engine, done=True)
    qtbot.waitUntil(lambda: engine.count(InspectImage) > 0 and engine.last(InspectImage).encoded_elbo == -9.0)
    np.testing.assert_array_equal(engine.last(InspectImage).mean, result.mean)


def test_escape_backs_out_of_a_refinement(window, session, engine, undo, shown):
    window.actions_.refine_image.trigger()
    refined(engine)
    window.escapePressed.emit()
    assert session.encoded_image is shown
    assert isinstance(engine.asked[-1], StopImageWork)
    refined(engine, (-9.0, -7.0))
    assert session.encoded_image is shown, "a late answer changes nothing"
    assert undo.index() == 0


def test_stop_keeps_the_best_so_far(window, session, engine, shown):
    window.actions_.refine_image.trigger()
    refined(engine)
    window.your_image.stopRequested.emit()
    assert engine.last(StopImageWork).what == "refine"
    refined(engine, done=True)
    assert session.encoded_image.refinement is not None
    assert not window.findChild(QPushButton, "stopRefining").isVisibleTo(window.your_image)


def test_an_undo_during_a_refinement_ends_it(window, session, engine, undo, shown):
    window.actions_.refine_image.trigger()
    refined(engine)
    undo.undo()
    assert session.encoded_image is shown
    refined(engine, (-9.0, -7.0))
    assert session.encoded_image is shown


@pytest.mark.parametrize(("recipe", "refines", "fills"), [("vq-vae", False, False), ("ladder-vae", False, True)])
def test_what_a_recipe_cannot_do_is_greyed_with_the_reason(window, session, recipe, refines, fills):
    config = RECIPES[recipe].config().model_dump(mode="json")
    session.set_model(model_info(2, config=config), 2, is_new_model=True)
    session.set_encoded_image(encoded(version=2))
    button, mode = window.findChild(QPushButton, "refineImage"), window.findChild(QToolButton, "imageModeHide")
    assert (button.isEnabled(), mode.isEnabled()) == (refines, fills)
    assert window.actions_.refine_image.isEnabled() == refines
    assert "its latents" in button.toolTip()


def test_a_failed_refinement_is_over(window, engine, activity, shown):
    window.actions_.refine_image.trigger()
    engine.failed.emit(Failed("RefineImage", "no"))
    assert not window.findChild(QPushButton, "stopRefining").isVisibleTo(window.your_image)
    assert activity.shown.text == "Ready"


# --- hiding and filling in ------------------------------------------------------------------------


def test_a_hidden_region_is_filled_in_and_undone(window, session, engine, undo, shown):
    window.your_image.set_mode("hide")
    window.your_image.canvas.hide_half()
    request = engine.last(ImputeImage)
    np.testing.assert_array_equal(request.hidden, lower_half())
    np.testing.assert_array_equal(request.image, shown.image)
    result = filled(engine)
    assert "worth 50" in text(window, "fillingsText")
    assert undo.count() == 1
    before = session.latent
    window.your_image.chosen.emit("fillings", 0)
    np.testing.assert_array_equal(session.latent, before)
    assert any("no latent" in each for each in notified(window)), "a click on the expected image says why"
    window.your_image.chosen.emit("fillings", 2)
    np.testing.assert_array_equal(session.latent, result.z[1])
    undo.undo()
    undo.undo()
    assert session.encoded_image.hidden is None
    assert window.your_image.canvas.hidden() is None
    assert engine.last(StopImageWork).what == "impute"
    undo.redo()
    assert engine.count(ImputeImage) == 2, "filled in again"
    np.testing.assert_array_equal(window.your_image.canvas.hidden(), lower_half())


def test_the_caption_says_what_the_fillings_are(window, session, engine, shown):
    session.set_encoded_image(replace(shown, hidden=lower_half()))
    for method in ("importance", "langevin"):
        filled(engine, method=method)
        said = text(window, "fillingsText")
        assert "means" in said
        assert "without the noise" in said
        assert "uneven" not in said
        assert "A click shows" in said
    assert "too few" in said


def test_one_stroke_that_hides_is_one_step_and_the_newest_wins(window, session, engine, undo, shown):
    canvas = window.your_image.canvas
    for rows in (1, 2, 3):
        hidden = np.zeros((SIDE, SIDE), bool)
        hidden[:rows] = True
        canvas.set_hidden(hidden)
        canvas.hiddenChanged.emit(5)
    assert undo.count() == 1
    assert session.encoded_image.hidden.sum() == 3 * SIDE
    first = next(each for each in engine.asked if isinstance(each, ImputeImage))
    newest = filled(engine)
    engine.imageImputed.emit(replace(newest, generation=first.generation, method="langevin"))
    assert "Langevin" not in text(window, "fillingsText"), "an older answer"


def test_other_fillings_have_the_next_seed(window, session, engine, shown):
    session.set_encoded_image(replace(shown, hidden=lower_half()))
    assert engine.last(ImputeImage).seed == 0
    window.your_image.fillingsRequested.emit()
    assert engine.last(ImputeImage).seed == 1


def test_moving_on_does_not_fill_in_again(window, session, engine, shown):
    session.set_encoded_image(replace(shown, hidden=lower_half()))
    session.set_encoded_image(replace(session.encoded_image, mean=shown.mean + 1))
    assert engine.count(ImputeImage) == 1


def test_escape_puts_the_brush_away(window, shown):
    window.your_image.set_mode("hide")
    window.your_image.escapePressed.emit()
    assert window.your_image.canvas.mode == "view"


# --- files ----------------------------------------------------------------------------------------


def test_yours_the_copied_command_reads_what_is_shown(window, session, engine, shown):
    session.set_encoded_image(replace(shown, hidden=lower_half()))
    window.your_image.copyCommandRequested.emit()
    words = shlex.split(QGuiApplication.clipboard().text())
    arguments = build_parser().parse_args(words[1:])
    assert (arguments.model, arguments.draws, arguments.samples, arguments.prepared) == ("bundled:m", 9, 256, True)
    assert arguments.expected, "the first image that is shown is the expected one"
    with Image.open(arguments.image) as image, Image.open(arguments.mask) as mask:
        np.testing.assert_array_equal(np.asarray(image), shown.image)
        np.testing.assert_array_equal(np.asarray(mask) > 0, lower_half())


def test_without_a_hidden_region_the_command_inspects():
    model = model_info(2, source="bundled:m", conditional=True, classes=("a", "b"))
    image = encoded(label=1, refinement=((0, 150), (-2.0, -1.0)))
    words = shlex.split(image_command(image, model, "x.png", data=("photos", "--limit", "20")))
    arguments = build_parser().parse_args(words[1:])
    assert (arguments.label, arguments.refine, arguments.data, arguments.limit) == ("1", 150, "photos", 20)


@pytest.mark.parametrize(("kind", "place", "name"), [("fillings", 0, "expected"), ("fillings", 2, "filling-3"),
                                                     ("samples", 3, "sample-4"), ("draws", 3, "draw-4")])  # fmt: skip
def test_one_image_is_saved_large(qtbot, window, session, engine, shown, tmp_path, kind, place, name):
    session.set_encoded_image(replace(shown, hidden=lower_half()))
    qtbot.waitUntil(lambda: engine.count(InspectImage) > 0)
    tiles = np.stack([np.full((SIDE, SIDE), 10 * each, np.uint8) for each in range(9)])
    inspected(engine, samples=tiles[:8], draws=tiles[:8] + 100)
    filled(engine, expected=tiles[8], draws=tiles)
    window.your_image.saveRequested.emit(kind, place)
    (dialog,) = window.findChildren(QFileDialog)
    assert dialog.selectedFiles()[0].endswith(f"face-{name}.png")
    dialog.fileSelected.emit(str(tmp_path / "one.png"))
    value = {"expected": 80, "filling-3": 10, "sample-4": 30, "draw-4": 130}[name]
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.size == (512, 512)
        assert (np.asarray(picture) == value).all()
    assert any("one.png" in each for each in notified(window))
    dialog.close()


def test_the_exported_picture_has_all_that_is_shown():
    image = encoded(hidden=lower_half())
    tiles, values = np.zeros((8, SIDE, SIDE), np.uint8), np.ones((SIDE, SIDE), np.float32)
    z = np.zeros((8, 2), np.float32)
    found = ImageInspected(1, 1, values, values, tiles, tiles, z, 0, 0, 0)
    fillings = ImageImputed(1, 1, tiles[0], tiles, z)
    sheet = image_sheet(image, found, fillings)
    side = SIDE * 12
    assert sheet.shape == (5 * (side + 4) + 4, 8 * (side + 4) + 4, 3)
    assert (sheet[10, 10] == 200).all()
    assert image_sheet(encoded()).shape == (side + 8, 2 * (side + 4) + 4, 3)


# --- beside a run ---------------------------------------------------------------------------------


def test_a_run_does_not_interrupt_a_refinement_whose_result_stays_until_its_end(qtbot, window, session, engine, shown):
    session.set_run_state("running", "run")
    window.actions_.refine_image.trigger()
    session.set_model(session.model, 2, is_new_model=False)
    refined(engine)
    refined(engine, (-9.0, -7.0), done=True)
    assert session.encoded_image.refinement is not None
    session.set_model(session.model, 3, is_new_model=False)
    assert engine.count(EncodeImage) == 0
    session.set_run_state("idle")
    qtbot.waitUntil(lambda: engine.count(EncodeImage) == 1)


def test_fillings_are_finished_before_those_of_newer_weights_begin(window, session, engine, shown):
    session.set_encoded_image(replace(shown, hidden=lower_half()))
    newer = replace(session.encoded_image, model_version=2)
    session.set_encoded_image(newer)
    assert engine.count(ImputeImage) == 1
    filled(engine)
    session.set_encoded_image(replace(newer, model_version=3))
    assert engine.count(ImputeImage) == 2


def test_without_an_encoder_no_image_can_be_opened_pasted_or_painted(window, session):
    actions = [window.actions_.open_image, window.actions_.paste, window.actions_.paint_image]
    session.set_model(model_info(2, capabilities=Capabilities(has_encoder=False)), 2, is_new_model=True)
    assert not any(action.isEnabled() for action in actions)
    assert all("it has no encoder" in action.toolTip() for action in actions)
    texts = [label.text() for label in window.your_image.findChildren(QLabel)]
    assert "Images cannot be encoded by this model: it has no encoder." in texts
    session.set_model(model_info(2), 3, is_new_model=True)
    assert all(action.isEnabled() for action in actions)


def test_the_picture_of_a_model_without_a_likelihood_has_its_samples_but_no_sigma():
    image, values = np.full((SIDE, SIDE), 200, np.uint8), np.full((SIDE, SIDE), 0.1, np.float32)
    tiles, z = np.stack([image] * 2), np.zeros((2, 2), np.float32)
    found = ImageInspected(1, 1, values, None, tiles, None, z, None, None, None)
    sheet = image_sheet(encoded(image), found)
    with_all = image_sheet(encoded(image), replace(found, std=values, draws=tiles))
    assert sheet.shape[0] < with_all.shape[0]  # a row of tiles less
