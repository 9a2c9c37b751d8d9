"""A package is tested in a process of its own before anything of it is shown."""

import numpy as np
import pytest
from onnx import helper, numpy_helper

import latentlab
from latentlab.errors import InputError
from latentlab.foreign import self_test as tested
from latentlab.foreign.onnx_functions import OnnxFunctions
from latentlab.foreign.self_test import self_test
from latentlab.storage.onnx_package import read_package
from tests.storage import onnx_files
from tests.storage.onnx_files import LATENT, SHAPE, decoder_matrix, described, graph, port, write


def test_a_right_package_says_how_far_its_outputs_are_from_the_test(tmp_path):
    differences = self_test(write(tmp_path / "package"))
    assert set(differences) == {"decoded", "mean", "std"}
    assert max(differences.values()) < 1e-6


@pytest.fixture
def in_this_process(monkeypatch):
    """Test packages without starting a process for each: what a test is about is what is found."""

    def test(path):
        package = read_package(path)
        return tested.differences(package, OnnxFunctions(package))

    monkeypatch.setattr(tested, "self_test", test)


@pytest.mark.usefixtures("in_this_process")
def test_a_package_encodes_and_decodes_what_its_networks_do(tmp_path):
    model = latentlab.load_model(write(tmp_path / "package"), "cpu")
    z = np.array([[0.5, -1.0], [0.0, 0.0]], np.float32)
    np.testing.assert_allclose(model.decode(z), (0.5 + z @ decoder_matrix()).reshape(-1, *SHAPE), atol=1e-6)
    image = np.random.default_rng(3).uniform(0, 1, (4, *SHAPE)).astype(np.float32)
    mean, std = model.encode(image)
    np.testing.assert_allclose(mean, (image.reshape(4, -1) - 0.5) @ decoder_matrix().T, atol=1e-6)
    np.testing.assert_allclose(std, 0.5)


@pytest.mark.usefixtures("in_this_process")
def test_images_are_scaled_to_the_range_that_the_networks_take(tmp_path):
    arrays = onnx_files.test_arrays()
    model = latentlab.load_model(write(tmp_path / "package", described(value_range=[-1.0, 1.0])), "cpu")
    decoded = model.decode(arrays["z"])
    np.testing.assert_allclose(decoded, ((arrays["decoded"] + 1) / 2).clip(0, 1), atol=1e-6)
    mean, _ = model.encode(((arrays["image"] + 1) / 2).astype(np.float32))
    np.testing.assert_allclose(mean, arrays["mean"], atol=1e-5)


@pytest.mark.usefixtures("in_this_process")
def test_what_a_foreign_model_cannot_do_is_said(tmp_path):
    model = latentlab.load_model(write(tmp_path / "package", described(encoder=None, prior="unknown")), "cpu")
    with pytest.raises(InputError, match="has no encoder"):
        model.encode(np.zeros((1, *SHAPE), np.float32))
    with pytest.raises(InputError, match="prior is not known"):
        model.generate(2)
    image, z = np.zeros(SHAPE, np.float32), np.zeros((1, LATENT))
    hidden = np.ones(SHAPE[1:], bool)
    for ask in (
        lambda: latentlab.inspect(model, image),
        lambda: latentlab.refine(model, image),
        lambda: latentlab.imputations(model, image, hidden),
        lambda: latentlab.impute(model, image, hidden),
        lambda: latentlab.evaluate(model, latentlab.load_dataset("demo:shapes", limit=2)),
        lambda: model.pixel_std(z),
        lambda: model.sample_pixels(z),
    ):
        with pytest.raises(InputError, match=r"likelihood is not known|it has no encoder"):
            ask()


@pytest.mark.usefixtures("in_this_process")
def test_a_test_that_does_not_hold_is_refused_with_the_difference(tmp_path):
    arrays = onnx_files.test_arrays()
    arrays["decoded"] = arrays["decoded"] + np.float32(0.05)
    with pytest.raises(InputError, match=r"decoded differs by 0\.05 from test\.npz, more than 0\.001"):
        latentlab.load_model(write(tmp_path / "package", arrays=arrays), "cpu")


def bomb():
    """A decoder that fills 4 TB when it is run."""
    shape = numpy_helper.from_array(np.array([2**20, 2**20], np.int64), "huge")
    nodes = [
        helper.make_node("ConstantOfShape", ["huge"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
        helper.make_node("Add", ["z", "sum"], ["sums"]),
        helper.make_node("MatMul", ["sums", "w"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["image"]),
    ]
    weights = [
        shape,
        onnx_files.weight("w", decoder_matrix()),
        numpy_helper.from_array(np.array([-1, *SHAPE], np.int64), "shape"),
    ]
    return graph(nodes, [port("z", "n", LATENT)], [port("image", "n", *SHAPE)], weights)


def wrong_shape():
    made = onnx_files.decoder()
    made.graph.initializer[2].CopyFrom(numpy_helper.from_array(np.array([-1, 1, 3, 2], np.int64), "shape"))
    made.graph.output[0].CopyFrom(port("image", None, None, None, None))
    return made


def not_finite():
    made = onnx_files.decoder()
    made.graph.initializer[1].CopyFrom(onnx_files.weight("grey", np.inf))
    return made


def unknown_operator():
    node = helper.make_node("NoSuchOperator", ["z"], ["image"])
    return graph([node], [port("z", "n", LATENT)], [port("image", "n", *SHAPE)])


def test_a_network_that_needs_all_memory_is_refused_by_its_test(tmp_path):
    with pytest.raises(InputError, match=r"failed|memory|ended the process"):
        latentlab.load_model(write(tmp_path / "package", decoding=bomb()), "cpu")


def test_the_networks_of_the_worker_have_bounded_memory_too(tmp_path):
    functions = OnnxFunctions(read_package(write(tmp_path / "package", decoding=bomb())))
    with pytest.raises(InputError, match=r"^decoder\.onnx needs more than .* of memory for this$"):
        functions.decode(np.zeros((1, LATENT), np.float32))


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (wrong_shape, r"decoded has the shape \[3, 1, 3, 2\] instead of \[3, 1, 2, 3\]"),
        (not_finite, r"decoded has values that are not finite"),
        (unknown_operator, r"decoder\.onnx cannot be run"),
    ],
)
def test_networks_that_fail_are_refused_in_one_sentence(tmp_path, made, sentence):
    with pytest.raises(InputError, match=sentence) as raised:
        latentlab.load_model(write(tmp_path / "package", decoding=made()), "cpu")
    assert "\n" not in str(raised.value)


def test_a_package_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(tested, "_SECONDS", 0.01)
    with pytest.raises(InputError, match="take more than"):
        self_test(write(tmp_path / "package"))
