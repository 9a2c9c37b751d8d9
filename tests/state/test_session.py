"""The session emits only changes, and keeps its parts consistent."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.engine.protocol.messages import ModelInfo, PointsChanged
from latentlab.state.map_axes import AxesChoice
from latentlab.state.run_status import RunState
from latentlab.state.session import Session


def model(latent_dim: int = 3, conditional: bool = False) -> ModelInfo:
    return ModelInfo(
        name="m",
        source="m.safetensors",
        recipe="vae",
        latent_dim=latent_dim,
        image_shape=(1, 8, 8),
        classes=("a", "b"),
        conditional=conditional,
        parameters=1,
        beta=1.0,
        metrics={},
        data={},
        config={},
        path=None,
    )


@pytest.fixture
def session(qapp):
    session = Session()
    session.set_model(model(), 1, is_new_model=True)
    return session


def test_setting_the_same_value_emits_nothing(session, qtbot):
    session.set_latent([1, 2, 3])
    with qtbot.assertNotEmitted(session.latentChanged):
        session.set_latent(np.array([1.0, 2.0, 3.0]))
    with qtbot.waitSignal(session.latentChanged):
        session.set_latent([1, 2, 4])


def test_returned_latents_are_copies(session):
    session.latent[:] = 9
    assert session.latent.tolist() == [0, 0, 0]


@pytest.mark.parametrize("latent", [[1, 2], [np.nan, 0, 0], []])
def test_a_latent_of_another_size_or_not_finite_is_refused(session, latent):
    with pytest.raises(ValueError, match="latent"):
        session.set_latent(latent)


def test_a_model_of_another_size_starts_at_the_origin(session):
    session.set_latent([1, 2, 3])
    session.set_axes(AxesChoice("z2", "z3"))
    session.set_model(model(2), 2, is_new_model=True)
    assert session.latent.tolist() == [0, 0]
    assert session.axes == AxesChoice("z1", "z2")


def test_newer_weights_do_not_move_the_latent(session):
    session.set_latent([1, 2, 3])
    session.set_model(model(), 2, is_new_model=False)
    assert session.latent.tolist() == [1, 2, 3]


def test_the_plane_passes_through_the_latent(session):
    session.set_latent([1, 2, 3])
    session.set_axes(AxesChoice("z3", "z1"))
    plane = session.plane()
    position = plane.project(session.latent[None])
    assert position.tolist() == [[3, 1]]
    assert plane.lift(position)[0].tolist() == [1, 2, 3]


def test_principal_axes_are_the_points_components(session):
    turn = np.float32(np.sqrt(0.5))
    components = np.array([[turn, turn, 0], [-turn, turn, 0]], np.float32)
    none = np.zeros((0, 3), np.float32)
    session.set_points(
        PointsChanged(1, none, none, np.zeros(0, np.int64), (), np.zeros(3, np.float32), 0.0, components)
    )
    session.set_latent([1, 2, 3])
    session.set_axes(AxesChoice("pc1", "pc2"))
    plane = session.plane()
    np.testing.assert_allclose(plane.lift(plane.project(session.latent[None]))[0], [1, 2, 3], rtol=1e-6)
    np.testing.assert_array_equal(plane.x, components[0])


def points_with(kl: list[float] | None) -> PointsChanged:
    none = np.zeros((0, 0 if kl is None else len(kl)), np.float32)
    return PointsChanged(1, none, none, np.zeros(0, np.int64), (), None if kl is None else np.array(kl, np.float32))


def test_a_model_opens_on_the_two_dimensions_with_the_highest_kl(session, qtbot):
    with qtbot.waitSignal(session.axesChanged):
        session.set_points(points_with([0.1, 3.0, 2.0]))
    assert session.axes == AxesChoice("z2", "z3")
    session.set_points(points_with([5.0, 3.0, 2.0]))
    assert session.axes == AxesChoice("z2", "z3"), "they do not change while the user explores"
    session.set_model(model(4), 2, is_new_model=True)
    session.set_latent([1, 0, 0, 0])
    session.set_points(points_with([0.1, 3.0, 2.0, 0.0]))
    assert session.axes == AxesChoice(), "nor while it is loading"
    session.set_model(model(3), 3, is_new_model=True)
    session.set_points(points_with(None))
    assert session.axes == AxesChoice(), "there is no rate to go by"


def test_chosen_axes_stay_and_a_starting_run_does_not_change_them(session):
    session.set_axes(AxesChoice())
    session.set_points(points_with([0.1, 3.0, 2.0]))
    assert session.axes == AxesChoice(), "chosen, if the same"
    session.set_model(model(4), 2, is_new_model=True)
    session.set_run_state("running")
    session.set_points(points_with([0.1, 3.0, 2.0, 0.0]))
    session.set_run_state("idle")
    session.set_points(points_with([0.1, 3.0, 2.0, 0.0]))
    assert session.axes == AxesChoice()


def test_one_latent_dimension_has_a_map_too(qapp):
    session = Session()
    session.set_model(model(1), 1, is_new_model=True)
    assert session.plane().lift(np.array([[0.5, 7.0]], np.float32)).tolist() == [[0.5]]


def test_a_conditional_model_decodes_for_a_class(session):
    assert session.label is None
    session.set_model(model(conditional=True), 2, is_new_model=True)
    assert session.label == 0


def test_run_status_and_state_have_signals_of_their_own(session):
    heard = []
    session.runStatusChanged.connect(lambda: heard.append("status"))
    session.runStateChanged.connect(lambda: heard.append("state"))
    session.update_run(state=RunState.RUNNING, folder="runs/mine")
    session.update_run(epoch=1.5)
    session.update_run(epoch=1.5)
    session.update_run(state=RunState.PAUSED)
    assert heard == ["status", "state", "status", "status", "state"]
    assert (session.run.folder, session.run.epoch, session.run.can_unpause) == ("runs/mine", 1.5, True)
