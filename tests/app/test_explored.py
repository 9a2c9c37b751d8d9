"""The window of a model that another process computes; that process's end is in the test."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

from latentlab import app, paths
from latentlab.app import explored
from latentlab.engine.worker import loop
from latentlab.foreign import remote_functions
from latentlab.foreign.exploration import Exploration
from latentlab.foreign.remote_functions import GONE
from latentlab.state.board import BoardItem, Direction, Latent, Path
from latentlab.state.selection import Selection
from tests.app.conftest import SECONDS, find
from tests.foreign.explored import decode, serve, user_model

ENDED = "toy is a model of a Python process that has ended"


class Functions:
    """A model whose decoder fails or waits when it is told to."""

    def __init__(self) -> None:
        self.error = ""
        self.seconds, self.calls = 0.0, 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def decode(self, z):
        self.calls += 1
        self.may_answer.wait(60)
        threading.Event().wait(self.seconds)
        if self.error:
            raise ValueError(self.error)
        return decode(z)


@pytest.fixture
def functions():
    return Functions()


@pytest.fixture
def exploration(tmp_path):
    folder = tmp_path / "latentlab-explore-test"
    folder.mkdir()
    return Exploration(folder, (2,))


@pytest.fixture
def server(exploration, tmp_path, functions):
    """What answers in the other process."""
    model = user_model(decode=functions.decode)
    server, _path = serve(tmp_path / "latentlab-explore-test", model, exploration.take_report)
    exploration.serve(server)
    yield server
    functions.may_answer.set()
    exploration.close()


@pytest.fixture
def application(qtbot, own_folders, tmp_path, server):
    """The window on that model, shown with its first image; the worker is a thread of this process."""
    path = tmp_path / "latentlab-explore-test" / "toy.explore"
    application = app.build(["--engine", "thread", "--device", "cpu", str(path)])
    application.window.show()
    qtbot.waitUntil(lambda: find(application, "decodedImage").image() is not None, timeout=SECONDS)
    yield application
    application.close()


def shown(application) -> np.ndarray:
    return np.array(find(application, "decodedImage").image())


def test_what_is_on_the_board_is_read_as_arrays_also_when_the_window_is_closed(application, exploration, qtbot):
    session = application.session
    assert session.model.name == "toy"
    session.set_latent([0.5, -1.0])
    qtbot.waitUntil(lambda: exploration.latent is not None and exploration.latent.tolist() == [0.5, -1.0])
    session.set_selection(Selection(np.array([3, 17]), "f", "lasso"))
    waypoints = np.array([[0, 0], [1, 1], [2, 0]], np.float32)
    session.board.set_items(
        [
            BoardItem("odd ones", Selection(np.array([1, 3, 5]), "f"), "by lasso", tag="kind"),
            BoardItem("smile", Direction(np.array([1, 0], np.float32), np.array([0, 2], np.float32)), latent_dim=2),
            BoardItem("way", Path(waypoints), latent_dim=2),
            BoardItem("here", Latent(np.array([4, 5], np.float32)), latent_dim=2),
            BoardItem("of another model", Latent(np.zeros(7, np.float32)), latent_dim=7),
        ]
    )
    qtbot.waitUntil(lambda: len(exploration.board) == 4)
    assert exploration.selection.tolist() == [3, 17]
    assert exploration.selections["odd ones"].tolist() == [1, 3, 5]
    assert exploration.directions["smile"].tolist() == [1, 0]
    np.testing.assert_array_equal(exploration.paths["way"], waypoints)
    assert exploration.latents["here"].tolist() == [4, 5]
    entries = {entry.name: entry for entry in exploration.board}
    assert entries["smile"].origin.tolist() == [0, 2]
    assert (entries["odd ones"].tag, entries["odd ones"].provenance) == ("kind", "by lasso")
    session.board.set_items(session.board.items[:1])
    application.close()  # tells at last what it has
    assert exploration.wait_for(lambda found: len(found.board) == 1, 30)


@pytest.mark.logs("your function decode raised ValueError")
def test_an_exception_of_the_function_is_shown_with_its_traceback_and_the_window_goes_on(application, functions, qtbot):
    functions.error = "no such layer"
    before = shown(application)
    with qtbot.waitSignal(application.engine.failed, timeout=SECONDS) as failed:
        application.session.set_latent([2.0, 2.0])
    (failure,) = failed.args
    assert failure.message == "your function decode raised ValueError: no such layer"
    assert "raise ValueError(self.error)" in failure.details
    assert failure.message in application.window.notifications.messages()
    np.testing.assert_array_equal(shown(application), before)
    cue = find(application, "decodedCue")
    qtbot.waitUntil(lambda: cue.text() == "not of this latent: it could not be decoded", timeout=SECONDS)
    functions.error = ""
    application.session.set_latent([1.0, 2.0])
    qtbot.waitUntil(lambda: not np.array_equal(shown(application), before), timeout=SECONDS)
    assert "could not be decoded" not in cue.text()


@pytest.mark.logs("your function decode was not waited for")
def test_alive_while_a_function_runs_long_the_window_says_so_and_another_model_can_be_opened(
    application, functions, qtbot, monkeypatch
):
    monkeypatch.setattr(remote_functions, "_INTERVAL", 0.05)
    functions.may_answer.clear()
    application.session.set_latent([2.0, 2.0])
    text = "Your function decode is running"
    qtbot.waitUntil(lambda: application.activity.shown.text.startswith(text), timeout=SECONDS)
    application.open("bundled:mnist-2d")
    qtbot.waitUntil(lambda: application.session.model.name == "mnist-2d", timeout=SECONDS)
    qtbot.waitUntil(lambda: not application.activity.shown.text.startswith(text), timeout=SECONDS)


def test_images_are_opened_between_the_answers_of_a_slow_function(application, functions, qtbot, tmp_path, monkeypatch):
    """Opening them has many pieces: not each of them waits for a slow answer."""
    monkeypatch.setattr(loop, "_SHARE_BESIDE_A_SLOW_ANSWER", 100.0)
    np.savez(tmp_path / "some.npz", images=np.zeros((300, 4, 4), np.uint8))
    functions.seconds = 0.3
    session, calls = application.session, functions.calls

    def is_open_while_the_latent_moves() -> bool:
        session.set_latent(session.latent + 0.001)
        return session.dataset is not None

    application.open(str(tmp_path / "some.npz"))
    qtbot.waitUntil(is_open_while_the_latent_moves, timeout=SECONDS)
    assert functions.calls - calls <= 20  # 41 with one piece for each turn of the loop
    functions.seconds = 0.0


@pytest.mark.logs(GONE)
def test_the_end_of_the_process_is_said_once_and_what_is_shown_stays(application, exploration, qtbot):
    before, messages = shown(application), application.window.notifications.messages
    exploration.close()
    qtbot.waitUntil(lambda: GONE in messages(), timeout=SECONDS)
    with qtbot.waitSignal(application.engine.failed, timeout=SECONDS):
        application.session.set_latent([2.0, 2.0])
    assert messages().count(GONE) == 1
    np.testing.assert_array_equal(shown(application), before)
    assert application.session.model.name == "toy"


def test_the_process_can_close_the_window(application, exploration, server, qtbot):
    qtbot.waitUntil(lambda: exploration.latent is not None, timeout=SECONDS)
    with qtbot.waitSignal(application.closed, timeout=SECONDS):
        assert server.ask_to_close()


@pytest.mark.logs(GONE, "is a model of a Python process that has ended")
def test_a_session_of_a_process_that_has_ended_is_met_with_a_sentence(application, exploration, qtbot):
    source = application.session.model.source
    exploration.close()
    assert not application.window.actions_.save_model.isEnabled()
    sentence = "toy is a model of a Python process that has ended"

    def is_refusal(failure):  # that the process has ended may be said before
        return failure.message == sentence

    with qtbot.waitSignal(application.engine.failed, timeout=SECONDS, check_params_cb=is_refusal):
        application.model.open(source)


def test_the_window_removes_the_folder_of_a_process_that_was_killed_and_nothing_else(tmp_path, monkeypatch):
    folders = [tmp_path / "latentlab-explore-x", tmp_path / "photos"]
    for folder in folders:
        folder.mkdir()
    parents = iter([10, 10, 10, 1])
    monkeypatch.setattr(explored.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(explored, "main", lambda _arguments: 0)
    sources = [str(folders[0] / "toy.explore"), str(folders[1] / "images.npz")]
    assert explored.run(sources) == 0
    assert all(folder.exists() for folder in folders)
    assert explored.run(sources) == 0
    assert [folder.exists() for folder in folders] == [False, True]


@pytest.mark.parametrize("is_painted", [False, True])
def test_an_image_is_shown_with_its_posterior_reconstruction_and_error(application, qtbot, tmp_path, is_painted):
    """The likelihood is not known, so that only what needs it is greyed, with the reason."""
    window, session = application.window, application.session
    pixels = np.round(decode(np.array([[0.7, -0.4]]))[0, 0].clip(0, 1) * 255).astype(np.uint8)
    if is_painted:
        window.actions_.paint_image.trigger()
        qtbot.waitUntil(lambda: session.encoded_image is not None, timeout=SECONDS)
    else:
        Image.fromarray(pixels).save(tmp_path / "mine.png")
        application.open(str(tmp_path / "mine.png"))
        qtbot.waitUntil(lambda: session.encoded_image is not None, timeout=SECONDS)
        np.testing.assert_allclose(session.latent, [0.7, -0.4], atol=0.1)
        assert np.abs(session.encoded_image.reconstruction.astype(int) - pixels).max() <= 1
    np.testing.assert_allclose(session.encoded_image.std, 0.5)
    qtbot.waitUntil(lambda: "no ELBO: its likelihood is not known" in find(application, "imageElbo").text(),
                    timeout=SECONDS)  # fmt: skip
    assert find(application, "errorMap").picture() is not None
    assert find(application, "encodedImageError").text().startswith("error 0.")
    assert find(application, "imageSamplesTitle").text() == "Samples of q(z|x)"
    sigma, refine = find(application, "pixelSigma"), find(application, "refineImage")
    assert (sigma.isEnabled(), refine.isEnabled()) == (False, False)
    for each in (sigma, refine):
        assert "its likelihood is not known" in " ".join(each.toolTip().split())
    assert not window.notifications.messages()


@pytest.mark.logs(GONE, "is a model of a Python process that has ended")
def test_the_board_of_a_process_that_has_ended_is_restored_without_its_model(application, exploration, qtbot):
    """It is on the Board of the next window, and of the one after it, also if that window ends before it saves."""
    here = BoardItem("here", Latent(np.array([4, 5], np.float32)), latent_dim=2)
    application.session.board.set_items([here])
    application.close()
    exploration.close()
    for start in range(2):
        window = app.build(["--engine", "thread", "--device", "cpu"])
        try:
            window.window.show()
            assert any("1 item on its Board" in each for each in window.window.notifications.messages())
            find(window, "notificationAction0").click()
            if start == 0:  # the session of the next window has the model that was open in this one
                messages = window.window.notifications.messages
                qtbot.waitUntil(lambda said=messages: ENDED in said(), timeout=SECONDS)
            (item,) = window.session.board.items
            assert item.name == "here"
            np.testing.assert_array_equal(item.content.z, [4, 5])
            assert list((paths.data_folder() / "autosave").iterdir()), "nothing else holds it yet"
        finally:
            window.close()
        (kept,) = (paths.data_folder() / "autosave").iterdir()
        assert "here" in kept.read_text(encoding="utf-8")
