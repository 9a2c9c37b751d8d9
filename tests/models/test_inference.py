"""The NumPy interface of a model, and what is refused when its file is opened."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import latentlab
from latentlab.config import ModelConfig
from latentlab.errors import InputError
from latentlab.models import build
from latentlab.models.inference import CHUNK, InferenceModel, load_model, weights_of
from latentlab.paths import resource
from latentlab.storage import ModelFile, ModelHeader, read_model, write_model
from latentlab.storage.tensors import digest
from tests.training.helpers import bars

BUNDLED = sorted(path.stem for path in resource("models").glob("*.safetensors"))


def a_model(shape=(1, 8, 8), **config):
    config = ModelConfig(**({"architecture": {"kind": "mlp", "hidden": 8}, "latent_dim": 3} | config))
    module = build(config, shape)
    return InferenceModel(module, ModelHeader(model=config, image_shape=shape), "cpu")


@pytest.fixture
def path(tmp_path):
    model = a_model()
    write_model(tmp_path / "m.safetensors", ModelFile(model.header, weights_of(model.module)))
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize("count", [0, 1, CHUNK, CHUNK + 1])
def test_shapes_and_types(count):
    model = a_model()
    images = np.random.default_rng(0).integers(0, 256, (count, 1, 8, 8), dtype=np.uint8)
    mean, std = model.encode(images)
    assert mean.shape == std.shape == (count, 3)
    assert mean.dtype == std.dtype == np.float32
    assert (std > 0).all()
    decoded = model.decode(mean)
    assert decoded.shape == (count, 1, 8, 8)
    assert decoded.dtype == np.float32


def test_uint8_and_float_images_are_equivalent():
    model = a_model()
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)
    assert np.allclose(model.encode(images)[0], model.encode(images / 255)[0], atol=1e-6)


def test_a_chunk_does_not_depend_on_the_next():
    model = a_model()
    z = np.random.default_rng(0).normal(size=(CHUNK + 50, 3))
    assert (model.decode(z)[:CHUNK] == model.decode(z[:CHUNK])).all()


def test_wrong_shapes_and_values_are_refused():
    model = a_model()
    for z in (np.zeros((2, 4)), np.zeros(3), [[np.inf, 0, 0]]):
        with pytest.raises(InputError):
            model.decode(z)
    for images in (np.zeros((1, 8, 8)), np.zeros((2, 2, 8, 8)), np.zeros((2, 1, 0, 8))):
        with pytest.raises(InputError, match=r"images of shape \[1, 8, 8\]"):
            model.encode(images)
    with pytest.raises(InputError, match="uint8, or floats from 0 to 1"):
        model.encode(np.full((2, 1, 9, 9), 2.0))


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 8, 8), (3, 10, 20)])
def test_images_of_another_shape_are_fitted(shape):
    model = a_model()
    images = np.random.default_rng(0).integers(0, 255, (3, *shape), dtype=np.uint8)
    mean, _ = model.encode(images)
    alone, _ = model.encode(images[1:2])
    assert mean.shape == (3, 3)
    assert len(np.unique(mean)) == mean.size
    np.testing.assert_allclose(mean[1:2], alone, atol=1e-6)
    np.testing.assert_allclose(model.encode(images / 255)[0], mean, atol=1e-6)


def test_classes_are_numbers_in_range_or_names():
    config = ModelConfig(latent_dim=3, conditional=True, architecture={"hidden": 16})
    header = ModelHeader(model=config, image_shape=(1, 8, 8), classes=("cat", "dog"))
    model = InferenceModel(build(config, (1, 8, 8), 2), header, "cpu")
    z = np.ones((2, 3))
    assert np.array_equal(model.decode(z, ["dog", "cat"]), model.decode(z, [1, 0]))
    for wrong, why in ((2, "no class 2"), ([0, -3], "no class -3"), ("bird", "no class 'bird'"), ([0] * 3, "2 labels")):
        with pytest.raises(InputError, match=why):
            model.decode(z, wrong)
        with pytest.raises(InputError, match=why):
            model.encode(np.zeros((2, 1, 8, 8)), wrong)
    named = replace(bars(), classes=("dog", "bird", "cat", "fox"), fingerprint="")
    mean, _ = model.encode(named)
    by_number, _ = model.encode(named.images, np.array([1, -1, 0, -1])[named.labels])
    assert np.array_equal(mean, by_number)


def test_a_file_restores_the_model(path):
    one, other = load_model(path, "cpu"), load_model(path, "cpu")
    z = np.ones((2, 3))
    assert (one.decode(z) == other.decode(z)).all()
    assert not one.module.training


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_saving_over_the_open_file(tmp_path, kind):
    path = tmp_path / "m.safetensors"
    first = a_model(architecture={"kind": kind, "hidden": 8, "width": 4})
    write_model(path, ModelFile(first.header, weights_of(first.module)))
    loaded = load_model(path, "cpu")
    z = np.ones((2, 3))
    before = loaded.decode(z)
    write_model(path, ModelFile(loaded.header, weights_of(loaded.module)))
    assert (loaded.decode(z) == before).all()
    assert (load_model(path, "cpu").decode(z) == before).all()


def edited(path, edit):
    """Edit a model file's configuration, and update its checksum."""
    file = read_model(path)
    values = file.header.model_dump(mode="json")
    edit(values["model"])
    tensors = load_file(path)
    values["sha256"] = digest(tensors)
    save_file(tensors, path, metadata={"latentlab": json.dumps(values)})


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda model: model.update(latent_dim=4), r"is float32 \[.*\] instead of \[.*\]"),
        (lambda model: model["architecture"].update(layers=2), "is missing"),
        (lambda model: model["architecture"].update(kind="conv"), "is missing"),
    ],
)
def test_mismatched_weights_are_refused_by_name(path, edit, why):
    edited(path, edit)
    with pytest.raises(InputError, match=f"configuration and weights disagree: .*{why}"):
        load_model(path, "cpu")


def test_a_configuration_of_terabytes_is_refused_before_allocation(path):
    """Memory is bounded by the size of the file."""
    edited(path, lambda model: model["architecture"].update(hidden=65536, layers=16))
    with pytest.raises(InputError, match="disagree"):
        load_model(path, "cpu")


def test_a_missing_device_is_refused(path):
    with pytest.raises(InputError, match="no device 'cuda:99'"):
        load_model(path, "cuda:99")


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_models_have_points_and_a_preview(name):
    path = resource("models", f"{name}.safetensors")
    assert path.stat().st_size < 4e6
    model = latentlab.load_model(f"bundled:{name}", "cpu")
    assert model.points is not None
    assert len(model.points.mean) >= 1000
    assert set(np.unique(model.points.label)) == set(range(len(model.header.classes)))
    assert model.preview is not None
    assert model.header.preview_extent is not None
    assert all(model.header.metrics[f"validation_{term}"] for term in ("elbo", "rate", "distortion"))
    assert name.startswith("mnist") == ("test_elbo" in model.header.metrics)
    # The lower left cell of the preview is the decoded latent at that corner.
    left, right, bottom, top = model.header.preview_extent
    height, width = model.image_shape[1:]
    cells = model.preview.shape[1] // width
    corner = np.zeros((1, model.latent_dim), np.float32)
    corner[0, :2] = left + (right - left) / cells / 2, bottom + (top - bottom) / cells / 2
    decoded = np.rint(model.decode(corner)[0, 0] * 255)
    assert abs(decoded - model.preview[-height:, :width]).max() <= 2


def test_bundled_digits_cluster_by_class():
    """Most neighbours on the map share a class."""
    points = read_model(resource("models", "mnist-2d.safetensors")).points
    mean, label = points.mean[:2000], points.label[:2000]
    distance = ((mean[:, None] - mean[None]) ** 2).sum(-1)
    np.fill_diagonal(distance, np.inf)
    assert (label[distance.argmin(1)] == label).mean() > 0.6
