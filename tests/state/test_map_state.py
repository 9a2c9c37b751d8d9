"""The map's state follows from the session alone, and two states can be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from latentlab.engine.protocol.messages import ImageEncoded
from latentlab.state.map_axes import AxesChoice
from latentlab.state.map_state import OF_EARLIER_IMAGES, OF_TRAINING_IMAGES, MapState, changed_fields, resolve
from latentlab.state.session import Posterior
from tests.controllers.conftest import model_info, some_points
from tests.controllers.test_autosave import dataset_info


@pytest.fixture
def open_session(session):
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(some_points(3))
    return session


def changes(session, change) -> set[str]:
    """The fields that a change of the session changes."""
    before = resolve(session)
    change()
    return set(changed_fields(before, resolve(session)))


def test_without_a_model_there_is_nothing_to_show(session):
    state = resolve(session)
    assert (state.has_model, state.cursor, state.posterior, state.shown_points) == (False, None, None, None)
    assert changed_fields(state, resolve(session)) == frozenset()
    assert changed_fields(MapState(), MapState()) == frozenset()


def test_a_move_on_the_plane_changes_the_cursor_and_a_move_off_it_the_plane(open_session):
    assert changes(open_session, lambda: open_session.set_latent([1, 2, 0])) == {"latent", "cursor"}
    np.testing.assert_allclose(resolve(open_session).cursor, [1, 2])
    assert changes(open_session, lambda: open_session.set_latent([1, 2, 3])) == {"latent", "plane"}


def test_points_differ_by_identity_and_arrays_by_value(open_session):
    assert changes(open_session, lambda: open_session.set_points(some_points(3))) == {"points"}
    newer = replace(some_points(3), components=np.eye(3, dtype=np.float32)[[1, 0, 2]])
    assert changes(open_session, lambda: open_session.set_points(newer)) == {"points"}, "the axes are dimensions"
    open_session.set_axes(AxesChoice("pc1", "pc2"))
    assert "plane" in changes(open_session, lambda: open_session.set_points(some_points(3)))


def test_the_path_is_projected_onto_the_axes_that_are_shown(open_session):
    open_session.set_path(np.array([[1, 2, 3], [4, 5, 6]], np.float32))
    open_session.set_axes(AxesChoice("z3", "z1"))
    np.testing.assert_allclose(resolve(open_session).path, [[3, 1], [6, 4]])
    assert resolve(open_session).axis_names == ("z₃", "z₁")


def test_the_posterior_is_of_the_image_at_the_latent_and_of_none_elsewhere(open_session):
    nearest = Posterior(np.array([1, 1, 1], np.float32), np.array([1, 2, 3], np.float32))
    open_session.set_nearest_posterior(nearest)
    assert resolve(open_session).posterior is None, "the nearest image is not at the cross-hair"
    open_session.set_latent(nearest.mean)
    mean, covariance = resolve(open_session).posterior
    np.testing.assert_allclose(mean, [1, 1])
    np.testing.assert_allclose(covariance, [[1, 0], [0, 4]])
    pixels = np.zeros((8, 8), np.uint8)
    std = np.full(3, 0.5, np.float32)
    encoded = ImageEncoded(1, "one.png", np.array([2, 0, 0], np.float32), std, pixels, pixels, 1.0, 1.0)
    open_session.set_encoded_image(encoded)
    open_session.set_latent(encoded.mean)
    np.testing.assert_allclose(resolve(open_session).posterior[0], [2, 0])
    open_session.set_latent([0, 0, 0])
    assert resolve(open_session).posterior is None


def test_a_new_model_ends_path_and_posterior(open_session):
    open_session.set_path(np.zeros((2, 3), np.float32))
    open_session.set_nearest_posterior(Posterior(np.zeros(3, np.float32), np.ones(3, np.float32)))
    open_session.set_far_from_data(True)
    open_session.set_model(model_info(3), 2, is_new_model=True)
    state = resolve(open_session)
    assert (state.path, state.posterior, state.is_far_from_data, state.opened_version) == (None, None, False, 2)
    open_session.set_model(model_info(3), 3, is_new_model=False)
    assert (resolve(open_session).opened_version, resolve(open_session).model_version) == (2, 3)


def test_honest_points_that_are_not_of_the_open_images_say_of_which_they_are(session):
    """*Honest*: points of other images are not shown as if they were those of the open dataset."""
    session.set_model(model_info(data={"fingerprint": "digits"}), 1, is_new_model=True)
    session.set_points(replace(some_points(), fingerprint="digits", epoch=2.5))
    assert resolve(session).staleness == ""
    session.set_dataset(replace(dataset_info(), fingerprint="faces"))
    assert resolve(session).staleness == OF_TRAINING_IMAGES
    session.set_points(replace(some_points(), fingerprint="more digits", epoch=2.5))
    assert resolve(session).staleness == OF_EARLIER_IMAGES
    session.set_run_state("running")
    assert resolve(session).staleness == "epoch 2.5"


def test_every_signal_is_followed_by_changed_once_the_change_is_complete(session):
    versions = []
    session.changed.connect(lambda: versions.append((session.model_version, session.latent.size, session.points)))
    session.set_model(model_info(3), 1, is_new_model=True)
    assert versions == [(1, 3, None)]
