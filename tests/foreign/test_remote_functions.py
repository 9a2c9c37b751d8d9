"""Functions of another process, behind the protocol of all models."""

from __future__ import annotations

import threading
from multiprocessing.connection import Listener, answer_challenge, deliver_challenge

import numpy as np
import pytest

import latentlab
from latentlab import evaluation
from latentlab.errors import InputError
from latentlab.foreign import remote_functions
from latentlab.foreign.frames import receive, send
from latentlab.foreign.protocol import ModelProtocol
from latentlab.foreign.remote_functions import RemoteFunctions
from latentlab.storage import read_model
from latentlab.storage.explored_model import address_in, read_explored
from tests.foreign.explored import KEY, SHAPE, WEIGHTS, decode, encode, serve, user_model

Z = np.array([[0.5, -1.0], [0.0, 2.0], [1.0, 1.0]], np.float32)


@pytest.fixture
def served(tmp_path):
    """Serves a model; every server is closed at the end."""
    servers = []

    def start(**changes):
        server, path = serve(tmp_path, user_model(**changes))
        servers.append(server)
        return path

    yield start
    for server in servers:
        server.close()


def protocol(model: ModelProtocol) -> ModelProtocol:
    """Checked by mypy: the models below are of the one protocol."""
    return model


def test_a_model_of_another_process_encodes_and_decodes_as_its_functions_do(served):
    path = served()
    model = latentlab.load_model(path, device="cpu")
    np.testing.assert_allclose(model.decode(Z), decode(Z), atol=1e-6)
    mean, std = model.encode(model.decode(Z))
    np.testing.assert_allclose(mean, Z, atol=1e-4)
    np.testing.assert_allclose(std, 0.5)
    assert read_model(path).capabilities == model.capabilities
    assert not model.capabilities.has_likelihood


def test_our_own_models_and_those_of_others_are_of_one_protocol(served):
    remote = protocol(RemoteFunctions(read_explored(served(log_likelihood=gaussian, jvp=lambda _z, v: v @ WEIGHTS))))
    own = protocol(latentlab.load_model("bundled:shapes-6d", device="cpu"))
    for model in (remote, own):
        z = np.zeros((3, model.latent_dim), np.float32)
        images = model.decode(z)
        assert images.shape == (3, *model.image_shape)
        assert model.encode(images)[0].shape == z.shape
        assert model.log_likelihood(images, z).shape == (3,)
        assert model.jvp(z, np.ones_like(z)).shape == images.shape
    remote.close()


def gaussian(images, z):
    return -0.5 * ((images - decode(z)) ** 2).sum((1, 2, 3)) / 0.01


def test_with_a_likelihood_the_elbo_is_that_of_the_formula(served):
    model = latentlab.load_model(served(log_likelihood=gaussian), device="cpu")
    images = model.decode(Z)
    found = evaluation.evaluate(model.module, np.rint(images * 255).astype(np.uint8), importance_samples=200)
    mean, std = encode(np.rint(images * 255).astype(np.float32) / 255)
    rate = (0.5 * (mean**2 + std**2 - 1) - np.log(std)).sum(1).mean()
    spread = 0.25 * (WEIGHTS**2).sum()  # of the mean of the reconstruction, under q
    residual = ((np.rint(images * 255) / 255 - decode(mean)) ** 2).sum((1, 2, 3)).mean()
    assert found.rate == pytest.approx(rate, abs=1e-3)
    assert found.distortion == pytest.approx(0.5 * (residual + spread) / 0.01, rel=0.15)
    assert found.log_likelihood >= found.elbo


def test_derivatives_are_the_users_where_there_are_some(served):
    model = latentlab.load_model(served(jvp=lambda _z, v: 2 * v @ WEIGHTS), device="cpu")
    found = model.decoder_jacobian(Z)
    np.testing.assert_allclose(found[0, :, 0].reshape(2, 16), 2 * WEIGHTS, atol=1e-6)


def test_labels_reach_functions_that_take_them(tmp_path):
    model = user_model(decode=lambda z, label: decode(z) + 0.1 * label[:, None, None, None], conditional=True)
    server, path = serve(tmp_path, model, conditional=True, classes=["a", "b", "c"])
    found = latentlab.load_model(path, device="cpu")
    np.testing.assert_allclose(
        found.decode(Z, label=["c", "a", "b"]), decode(Z) + np.array([0.2, 0, 0.1]).reshape(3, 1, 1, 1), atol=1e-6
    )
    server.close()


def test_values_are_scaled_to_the_range_of_the_functions(served):
    path = served(decode=lambda z: 2 * decode(z) - 1, encode=lambda x: encode((x + 1) / 2), value_range=(-1.0, 1.0))
    model = latentlab.load_model(path, device="cpu")
    np.testing.assert_allclose(model.decode(Z), decode(Z), atol=1e-6)
    np.testing.assert_allclose(model.encode(decode(Z))[0], Z, atol=1e-4)


def test_an_exception_of_a_function_is_one_sentence_with_its_traceback(served):
    def failing(z):
        raise ValueError("shapes do not\nmatch")

    model = latentlab.load_model(served(decode=failing), device="cpu")
    with pytest.raises(InputError, match=r"^your function decode raised ValueError: shapes do not match$") as raised:
        model.decode(Z)
    assert 'raise ValueError("shapes do not\\nmatch")' in raised.value.details
    assert "user_model.py" not in raised.value.details
    np.testing.assert_allclose(model.encode(decode(Z))[0], Z, atol=1e-4)  # the connection is as it was


@pytest.mark.parametrize(
    ("decoding", "said"),
    [
        (lambda z: decode(z)[:1], r"decode returns an array \[1, 1, 4, 4\], and must return \[3, 1, 4, 4\]"),
        (lambda z: "image", "decode returns str, not a tensor or an array"),
        (lambda z: decode(z).astype(object), "decode returns ndarray, and must return an array of numbers"),
    ],
)
def test_answers_that_are_no_images_are_refused(served, decoding, said):
    model = latentlab.load_model(served(decode=decoding), device="cpu")
    with pytest.raises(InputError, match=said):
        model.decode(Z)


def test_a_slow_function_gives_signs_of_life_and_is_not_waited_for_when_that_is_pointless(served, monkeypatch):
    monkeypatch.setattr(remote_functions, "_INTERVAL", 0.01)
    may_answer = threading.Event()

    def slow(z):
        may_answer.wait(30)
        return decode(z)

    functions = RemoteFunctions(read_explored(served(decode=slow)))
    told: list[tuple[str, float]] = []

    def on_wait(name, seconds):
        told.append((name, seconds))
        if len(told) == 3:
            raise InputError("something else was asked for")

    functions.on_wait = on_wait
    with pytest.raises(InputError, match="something else"):
        functions.decode(Z)
    assert [name for name, _ in told] == ["decode"] * 4
    assert 0 < told[0][1] < told[1][1]
    assert told[3][1] == 0.0
    may_answer.set()
    functions.on_wait = None
    np.testing.assert_allclose(functions.decode(Z[:1]), decode(Z[:1]), atol=1e-6)  # not the answer to the first call
    functions.close()


def test_the_end_of_the_process_is_said_and_a_new_start_is_met(tmp_path):
    server, path = serve(tmp_path, user_model())
    functions = RemoteFunctions(read_explored(path))
    server.close()
    for _ in range(2):
        with pytest.raises(InputError, match="the Python process that computes this model has ended"):
            functions.decode(Z)
    server, _ = serve(tmp_path, user_model())
    np.testing.assert_allclose(functions.decode(Z), decode(Z), atol=1e-6)
    functions.close()
    server.close()


def answering(folder, header, arrays):
    """A process that knows the key and sends this to every request."""
    listener = Listener(address_in(folder, KEY))

    def run():
        connection = listener.accept()
        deliver_challenge(connection, bytes.fromhex(KEY))
        answer_challenge(connection, bytes.fromhex(KEY))
        receive(connection, 0)
        receive(connection, 1000)
        send(connection, header, arrays)
        connection.close()

    def run_and_close():
        with listener:
            run()

    thread = threading.Thread(target=run_and_close, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("header", "arrays", "said"),
    [
        ({}, {}, r"nothing instead of image, float32 \[3, 1, 4, 4\]"),
        ({}, {"image": np.zeros((3, 16), np.float32)}, r"float32 \[3, 16\] instead of image"),
        ({}, {"image": np.zeros((3, *SHAPE), np.int64)}, "arrays of 384 bytes, more than 192 bytes"),
        ({"error": ["no", "text"], "details": 5}, {}, r"\['no', 'text'\]"),
    ],
)
def test_hostile_answers_are_refused_in_one_sentence(tmp_path, header, arrays, said):
    serve(tmp_path, user_model())[0].close()
    thread = answering(tmp_path, header, arrays)
    functions = RemoteFunctions(read_explored(tmp_path / "toy.explore"))
    with pytest.raises(InputError, match=said):
        functions.decode(Z)
    functions.close()
    thread.join(30)


def test_a_process_without_the_key_gets_nothing(tmp_path):
    server, path = serve(tmp_path, user_model())
    path.write_text(path.read_text().replace(KEY, "00" * 32))
    with pytest.raises(InputError, match=r"not of the process that listens there|has ended"):
        RemoteFunctions(read_explored(path))
    server.close()
