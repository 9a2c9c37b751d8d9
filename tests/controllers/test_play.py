"""Playing: oscillators and OSC move the latent, nothing queues, one step of undo, and what moved becomes a path."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton, QSpinBox, QWidget

from latentlab.config.layout import LatentLayout, Level
from latentlab.controllers import osc as osc_controller
from latentlab.controllers.board import BoardController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.osc import OscController
from latentlab.controllers.osc_messages import read_packet, write_message
from latentlab.controllers.osc_port import OscReceiver
from latentlab.controllers.play import PlayController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.play import OscillatorRow, PlayPanel
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.state.board import BoardItem, Direction, Path
from tests.controllers.conftest import model_info, one_nearest, some_points


@pytest.fixture
def parts(qtbot, session, engine, undo, activity):
    latent_map = LatentMap()
    window = MainWindow(latent_map)
    qtbot.addWidget(window)
    explore = ExploreController(session, undo, latent_map, window.latent_sliders, window)
    board = BoardController(session, engine, undo, window.board, window.actions_, activity, window)
    play = PlayController(session, undo, board, window, window)
    osc = OscController(session, engine, play, window.play_panel, window)
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(some_points(3))
    yield SimpleNamespace(window=window, panel=window.play_panel, play=play, osc=osc, explore=explore, map=latent_map)
    play.set_playing(False)
    osc.listen(False)
    osc.send_to(False)
    window.allow_close()


def text(parts, name: str) -> str:
    return parts.panel.findChild(QLabel, name).text()


# --- oscillators --------------------------------------------------------------------------------------------


def test_oscillators_move_their_dimensions_and_stopping_is_one_step_of_undo(qtbot, parts, session, undo):
    session.set_latent([0, 5, 0])
    parts.play.add()
    parts.play.change(replace(parts.play.oscillators[0], target="z3", rate=5.0, depth=2.0))
    parts.panel.findChild(QPushButton, "playStart").click()
    seen = []
    session.latentChanged.connect(lambda: seen.append(session.latent))
    qtbot.waitUntil(lambda: len(seen) > 10)
    assert undo.count() == 0, "no step for a frame"
    parts.window.escapePressed.emit()
    assert not parts.play.is_playing
    moved = np.stack(seen)
    assert (moved[:, :2] == [0, 5]).all()
    assert np.ptp(moved[:, 2]) > 0.1
    assert np.abs(moved[:, 2]).max() <= 2.0
    assert undo.count() == 1
    undo.undo()
    assert session.latent.tolist() == [0, 5, 0]


def test_the_latent_begins_to_move_from_where_it_is(qtbot, parts, session):
    parts.play.add()
    parts.play.change(replace(parts.play.oscillators[0], rate=0.01, depth=50.0, phase=0.25))
    with qtbot.waitSignal(session.latentChanged):
        parts.play.set_playing(True)
    assert np.abs(session.latent).max() < 25.0, "its depth grows"


def test_what_the_user_moves_meanwhile_moves_the_middle(qtbot, parts, session):
    parts.play.add()
    parts.play.change(replace(parts.play.oscillators[0], target="z1", depth=0.5, rate=3.0))
    parts.play.set_playing(True)
    with qtbot.waitSignal(session.latentChanged):
        pass
    latent = session.latent
    latent[1] = 7
    parts.explore.go_to(latent)
    qtbot.waitUntil(lambda: session.latent[0] != latent[0])
    assert session.latent[1] == 7
    assert parts.play.middle()[1] == 7


def test_a_locked_dimension_is_not_moved(qtbot, parts, session):
    session.set_locked(0, True)
    for target in ("z1", "z2"):
        parts.play.add()
        parts.play.change(replace(parts.play.oscillators[-1], target=target, rate=3.0))
    parts.play.set_playing(True)
    qtbot.waitUntil(lambda: session.latent[1] != 0)
    assert session.latent[0] == 0


def test_directions_oscillate_by_their_length_and_those_of_other_models_do_not(qtbot, parts, session):
    vector = np.array([0, 0, 2], np.float32)
    item = BoardItem("up", Direction(vector, np.zeros(3, np.float32)), "", "m.safetensors", 3)
    session.board.set_items([item])
    parts.play.add()
    parts.play.change(replace(parts.play.oscillators[0], target=f"d:{item.id}", rate=3.0, depth=1.0))
    parts.play.set_playing(True)
    qtbot.waitUntil(lambda: abs(session.latent[2]) > 0.5)
    assert session.latent[:2].tolist() == [0, 0]
    session.set_model(model_info(3, source="other"), 2, is_new_model=True)
    assert not parts.play.is_playing
    session.set_latent([0, 0, 0])
    parts.play.set_playing(True)
    target = parts.panel.findChild(QComboBox, "oscillatorTarget0")
    assert target.currentText() == "not in this model"


def test_the_panel_edits_oscillators_and_removes_them(qtbot, parts):
    parts.panel.findChild(QPushButton, "playAdd").click()
    parts.panel.findChild(QPushButton, "playAdd").click()
    first, second = parts.play.oscillators
    assert (first.target, second.target) == ("z1", "z2")
    shape = parts.panel.findChild(QComboBox, "oscillatorShape1")
    shape.setCurrentIndex(shape.findData("wander"))
    shape.activated.emit(shape.currentIndex())
    assert parts.play.oscillators[1].shape == "wander"
    parts.panel.removeRequested.emit(first.identity)
    assert [each.target for each in parts.play.oscillators] == ["z2"]


def test_categories_are_not_played_and_it_is_said_why(parts, session):
    layout = LatentLayout("categories", (Level("", 0, 4),), categories=2)
    session.set_model(model_info(4, layout=layout), 2, is_new_model=True)
    start = parts.panel.findChild(QPushButton, "playStart")
    assert not start.isEnabled()
    assert "categories" in start.toolTip().replace("\n", " ")
    parts.play.set_playing(True)
    assert not parts.play.is_playing


def test_hundreds_of_dimensions_offer_those_of_the_highest_kl(parts, session):
    session.set_model(model_info(200), 2, is_new_model=True)
    kl = np.zeros(200, np.float32)
    kl[[150, 199]] = 1
    session.set_points(replace(some_points(200, version=2), kl=kl))
    parts.play.add()
    target = parts.panel.findChild(QComboBox, "oscillatorTarget0")
    assert target.count() == 64
    assert min(target.findData("z151"), target.findData("z200")) >= 0


# --- recording ----------------------------------------------------------------------------------------------


def test_what_moves_the_latent_is_recorded_as_a_path_on_the_board(parts, session, undo):
    record = parts.panel.findChild(QPushButton, "playRecord")
    record.click()
    for value in (1, 2, 3):
        parts.explore.go_to(np.array([value, 0, 0], np.float32))
    record.click()
    (item,) = session.board.items
    assert isinstance(item.content, Path)
    assert item.content.waypoints[0].tolist() == [0, 0, 0]
    assert item.content.waypoints[-1].tolist() == [3, 0, 0]
    assert item.provenance.startswith("recorded for")
    undo.undo()
    assert session.board.items == ()


def test_without_a_movement_nothing_is_kept_and_it_is_said(parts, session):
    parts.window.actions_.record.trigger()
    parts.window.actions_.record.trigger()
    assert session.board.items == ()
    assert "did not move" in text(parts, "playNote")


# --- OSC ----------------------------------------------------------------------------------------------------


@pytest.fixture
def send(parts):
    """Sends packets to the window as another program does."""
    pytest.importorskip("pythonosc")
    parts.osc.listen(True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        yield lambda *packets: [other.sendto(packet, ("127.0.0.1", parts.osc.port)) for packet in packets]


def test_osc_moves_dimensions_directions_the_cursor_and_along_the_path(qtbot, parts, session, send):
    send(write_message("z/2", (1.5,)))
    qtbot.waitUntil(lambda: session.latent.tolist() == [0, 1.5, 0])
    send(write_message("z", (0.5, 1.0, 2.0)))
    qtbot.waitUntil(lambda: session.latent.tolist() == [0.5, 1, 2])
    send(write_message("cursor", (-1.0, 3.0)))
    qtbot.waitUntil(lambda: session.latent.tolist() == [-1, 3, 2])
    direction = Direction(np.array([0, 0, 2], np.float32), np.zeros(3, np.float32))
    session.board.set_items([BoardItem("up − down", direction, "", "m.safetensors", 3)])
    send(write_message("direction/up%20%E2%88%92%20down", (2.0,)))
    qtbot.waitUntil(lambda: session.latent.tolist() == [-1, 3, 4])
    send(write_message("direction/1", (-1.0,)))
    qtbot.waitUntil(lambda: session.latent.tolist() == [-1, 3, -2])
    session.set_path(np.array([[0, 0, 0], [4, 0, 0]], np.float32))
    send(write_message("path", (0.75,)))
    qtbot.waitUntil(lambda: session.latent.tolist() == [3, 0, 0])
    frames = np.array([[0, 0, 0], [4, 1, 0], [4, 2, 0]], np.float32)
    session.set_path_plan(frames, frames)
    send(write_message("path", (0.75,)))
    qtbot.waitUntil(lambda: session.latent.tolist() == [4, 1.5, 0])
    assert text(parts, "oscCounts") == "7 messages"


def test_of_many_messages_in_a_frame_the_newest_counts_and_they_are_one_step_of_undo(qtbot, parts, session, undo, send):
    seen = []
    session.latentChanged.connect(lambda: seen.append(session.latent))
    send(*[write_message("z/1", (value / 100,)) for value in range(101)])
    qtbot.waitUntil(lambda: session.latent[0] == 1)
    assert len(seen) < 10
    qtbot.waitUntil(lambda: undo.count() == 1)
    assert undo.undoText() == "Play by OSC"
    undo.undo()
    assert session.latent[0] == 0


def test_packets_that_mean_nothing_are_counted_in_silence(qtbot, parts, session, send):
    session.set_locked(1, True)
    send(b"noise", write_message("z/9", (1.0,)), write_message("path", (0.5,)), write_message("z/2", (1.0,)))
    qtbot.waitUntil(lambda: text(parts, "oscCounts") == "3 messages, 4 refused")
    assert parts.panel.findChild(ElidedLabel, "oscRefusal").text() == "/latentlab/z/2: the dimension is locked"
    assert session.latent.tolist() == [0, 0, 0]
    send(write_message("z/1", (1.0,)))
    qtbot.waitUntil(lambda: session.latent[0] == 1)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (("path", 2.0), "/latentlab/path: 2 is not from 0 to 1"),
        (("path", 0.5), "/latentlab/path: no path is drawn"),
        (("z/9", 1.0), "/latentlab/z/9: the latent has 3 dimensions"),
        (("z", 1.0), "/latentlab/z: 1 number, but the latent has 3"),
        (("class", 1), "/latentlab/class: the model is not conditional"),
        (("direction/up", 1.0), "/latentlab/direction/up: the Board has no such direction of this model"),
        (("speed", 1.0), "nothing is played by /latentlab/speed with 1 numbers"),
    ],
)
def test_the_last_refusal_says_what_was_refused_and_why(qtbot, parts, session, send, packet, reason):
    if packet[1] == 2.0:
        session.set_path(np.array([[0, 0, 0], [4, 0, 0]], np.float32))
    send(write_message(packet[0], packet[1:]))
    qtbot.waitUntil(lambda: "1 refused" in text(parts, "oscCounts"))
    assert parts.panel.findChild(ElidedLabel, "oscRefusal").text() == reason
    assert session.latent.tolist() == [0, 0, 0]


def arrived(parts, *messages: tuple[float, str, float]) -> None:
    """Let messages arrive within one frame, each at its time in seconds: the window was busy."""
    parts.osc.follow([replace(read_packet(write_message(what, (value,)))[0], at=at) for at, what, value in messages])


@pytest.mark.usefixtures("send")
def test_a_recording_by_osc_has_the_times_of_arrival_and_every_message(parts, session):
    session.set_path(np.array([[0, 0, 0], [4, 0, 0]], np.float32))
    began = time.monotonic() - 20
    moves = [(began + step / 20, "path", step / 160) for step in range(161)]
    shown = []
    session.latentChanged.connect(lambda: shown.append(session.latent))
    arrived(parts, (began, "record", 1), *moves[:100])
    arrived(parts, *moves[100:], (began + 9, "record", 0))
    assert len(shown) == 2, "only the newest of a frame is shown"
    (item,) = session.board.items
    assert item.provenance == "recorded for 8.0 s in m, 161 waypoints"
    np.testing.assert_allclose(item.content.waypoints[:, 0], np.linspace(0, 4, 161), atol=1e-4)


@pytest.mark.usefixtures("send")
def test_what_oscillates_while_messages_arrive_is_recorded_at_their_times(parts, session):
    parts.play.add()
    parts.play.change(replace(parts.play.oscillators[0], target="z3", rate=0.25, depth=2.0))
    parts.play.set_playing(True)
    began = time.monotonic() + 10  # full depth, at the crest 1 s later or before
    arrived(parts, (began, "record", 1), (began + 1, "z/1", 1), (began + 2, "z/1", 2), (began + 3, "record", 0))
    (item,) = session.board.items
    assert item.content.waypoints[-1][0] == 2
    assert np.ptp(item.content.waypoints[:, 2]) > 0.5


def test_dropped_messages_are_counted_and_the_recording_says_so(qtbot, parts, session, send):
    parts.play.set_recording(True)
    for _ in range(4):  # no frame of the window between them
        send(*[write_message("z/1", (value / 1000,)) for value in range(500)])
    last = write_message("z/1", (2.0,))
    qtbot.waitUntil(lambda: send(last) and session.latent[0] == 2)
    qtbot.waitUntil(lambda: "dropped" in text(parts, "oscCounts"))
    parts.play.set_recording(False)
    (item,) = session.board.items
    assert "could not be followed" in item.provenance
    assert "The recording has gaps" in text(parts, "playNote")


def test_packets_have_the_time_of_their_arrival_however_late_they_are_read(qtbot):
    pytest.importorskip("pythonosc")
    receiver, got = OscReceiver(), []
    receiver.received.connect(got.extend)
    assert receiver.open(0) == ""
    before = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(write_message("z/1", (1.0,)), ("127.0.0.1", receiver.port))
    while not receiver.waiting and time.monotonic() < before + 5:
        pass  # the window's thread is busy meanwhile: it reads nothing
    after = time.monotonic()
    qtbot.waitUntil(lambda: bool(got))
    receiver.close()
    assert before <= got[0].at <= after


def test_the_columns_of_the_oscillators_have_headings(qtbot):
    panel = PlayPanel()
    qtbot.addWidget(panel)
    panel.set_targets([("z1", "z₁")])
    panel.set_oscillators([OscillatorRow("a", "z1")])
    panel.resize(700, 300)
    with qtbot.waitExposed(panel):
        panel.show()
    headings = {each.text(): each for each in panel.findChildren(QLabel, "oscillatorHeading")}
    columns = {"moves": "Target", "shape": "Shape", "rate": "Rate", "depth": "Depth", "phase": "Phase"}
    for heading, name in columns.items():
        field = panel.findChild(QWidget, f"oscillator{name}0")
        assert headings[heading].isVisible()
        assert headings[heading].mapTo(panel, QPoint()).x() == field.mapTo(panel, QPoint()).x()
    panel.set_oscillators([])
    assert not any(each.isVisible() for each in headings.values())


def test_osc_starts_and_stops_playing_and_moves_its_middle(qtbot, parts, session, send):
    send(write_message("play", (1,)))
    qtbot.waitUntil(lambda: parts.play.is_playing)
    send(write_message("z/3", (2.0,)))
    qtbot.waitUntil(lambda: session.latent[2] == 2)
    assert parts.play.is_playing
    send(write_message("play", (0,)))
    qtbot.waitUntil(lambda: not parts.play.is_playing)


def test_a_class_is_chosen_for_a_conditional_model_only(qtbot, parts, session, send):
    send(write_message("class", (1,)))
    qtbot.waitUntil(lambda: "1 refused" in text(parts, "oscCounts"))
    session.set_model(model_info(3, conditional=True, classes=("a", "b")), 2, is_new_model=True)
    send(write_message("class", (1,)))
    qtbot.waitUntil(lambda: session.label == 1)


def test_every_latent_is_sent_and_what_is_nearest(qtbot, parts, session, engine):
    pytest.importorskip("pythonosc")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.setblocking(False)
        parts.osc.send_to(True, "localhost", other.getsockname()[1])
        got = {}

        def receive() -> dict:
            try:
                while True:
                    packet = other.recv(4096)
                    address = packet[: packet.index(b"\0")].decode()
                    got[address] = packet
            except BlockingIOError:
                return got

        session.set_latent([0.5, -1, 2])
        engine.nearestFound.emit(one_nearest(1, [0.5, -1, 2]))
        qtbot.waitUntil(lambda: {"/latentlab/z", "/latentlab/cursor", "/latentlab/nearest"} <= receive().keys())
        qtbot.waitUntil(lambda: read_packet(receive()["/latentlab/z"])[0].values == (0.5, -1, 2))
        assert read_packet(got["/latentlab/cursor"])[0].values == (0.5, -1)


def test_a_port_that_is_taken_is_said_in_a_sentence(parts):
    pytest.importorskip("pythonosc")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        parts.panel.findChild(QSpinBox, "oscPort").setValue(taken)
        listen = parts.panel.findChild(QCheckBox, "oscListen")
        listen.setChecked(True)
        assert not listen.isChecked()
        assert text(parts, "playNote") == (
            f"Port {taken} is used by another program: choose another port, or close that program."
        )
    listen.setChecked(True)
    assert listen.isChecked()
    assert parts.osc.port == taken
    listen.setChecked(False)
    assert parts.osc.port == 0


def test_only_this_machine_is_heard_unless_it_is_asked_for(parts):
    pytest.importorskip("pythonosc")
    parts.osc.listen(True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", parts.osc.port))  # another address of this machine: not taken


def test_a_host_that_is_no_address_is_refused_in_a_sentence(parts):
    pytest.importorskip("pythonosc")
    parts.osc.send_to(True, "not an address", 9001)
    assert "must be numbers" in text(parts, "playNote")
    assert not parts.panel.findChild(QCheckBox, "oscSend").isChecked()


def test_without_python_osc_the_switches_are_greyed_and_say_how_to_install_it(parts, session, engine, monkeypatch):
    monkeypatch.setattr(osc_controller, "is_installed", lambda: False)
    osc = OscController(session, engine, parts.play, parts.panel, parts.window)
    for name in ("oscListen", "oscSend"):
        switch = parts.panel.findChild(QCheckBox, name)
        assert not switch.isEnabled()
        assert 'pip install "latentlab[osc]"' in switch.toolTip().replace("\n", " ")
    osc.listen(True)
    assert osc.port == 0
