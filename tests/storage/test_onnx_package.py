"""ONNX packages are data: what could run, read or claim anything else is refused before it is opened."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from latentlab.errors import InputError
from latentlab.storage import find_model, read_model
from latentlab.storage.source_kind import kind_of
from tests.storage import onnx_files
from tests.storage.onnx_files import LATENT, SHAPE, decoder, described, graph, port, weight, write


def test_a_package_is_a_model_as_a_folder_and_as_a_zip(tmp_path: Path) -> None:
    folder = write(tmp_path / "linear")
    archive = tmp_path / "linear.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.iterdir():
            file.write(path, f"linear/{path.name}")
    for path in (folder, archive):
        assert kind_of(str(path)) == "model"
        assert find_model(path) == path
        found = read_model(path)
        assert found.package is not None
        assert found.header.image_shape == SHAPE
        assert found.header.model.latent_dim == LATENT
        assert found.package.encoder is not None
        assert set(found.package.test) == {"z", "decoded", "image", "mean", "std"}


@pytest.mark.parametrize("name", ["model.json", "decoder.onnx", "encoder.onnx"])
def test_a_file_of_a_package_stands_for_it(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "linear")
    assert kind_of(str(folder / name)) == "model"
    assert find_model(folder / name) == folder


def test_a_zip_of_images_and_a_folder_with_another_model_json_are_no_packages(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as file:
        file.writestr("a/1.png", b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "model.json").write_text("{}")
    assert kind_of(str(tmp_path / "images.zip")) == "dataset"
    assert kind_of(str(tmp_path / "folder")) == "dataset"


def test_an_archive_of_very_many_files_is_no_package_and_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window asks on its own thread: the list of 300,000 images takes it seconds."""
    listed: list[int] = []
    names = zipfile.ZipFile.infolist
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda self: listed.append(len(names(self))) or names(self))
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as file:
        file.writestr("model.json", b"")
        file.writestr("decoder.onnx", b"")
        for number in range(3000):
            file.writestr(f"{number}.png", b"")
    assert kind_of(str(tmp_path / "images.zip")) == "dataset"
    assert not listed


def test_a_decoder_alone_is_opened_if_its_graph_says_its_sizes(tmp_path: Path) -> None:
    path = tmp_path / "decoder.onnx"
    onnx.save_model(decoder(), path)
    assert kind_of(str(path)) == "model"
    header = read_model(path).header
    assert (header.image_shape, header.model.latent_dim) == (SHAPE, LATENT)


def test_a_decoder_that_does_not_say_its_sizes_asks_for_a_description(tmp_path: Path) -> None:
    path = tmp_path / "decoder.onnx"
    silent = decoder()
    silent.graph.output[0].CopyFrom(port("image", None, None, None, None))
    onnx.save_model(silent, path)
    with pytest.raises(InputError, match=r"does not say the sizes .* model\.json"):
        read_model(path)


def external() -> Any:
    model = decoder()
    model.graph.initializer[0].ClearField("raw_data")
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return model


def huge() -> Any:
    model = decoder()
    model.graph.initializer[0].dims[:] = [1_000_000_000, 6]
    return model


def negative() -> Any:
    model = decoder()
    model.graph.initializer[0].dims[:] = [-2, 6]
    return model


def custom() -> Any:
    node = helper.make_node("Shell", ["z"], ["image"], domain="com.example")
    return graph([node], [port("z", "n", LATENT)], [port("image", "n", *SHAPE)], domains=["com.example"])


def custom_inside_a_branch() -> Any:
    inner = helper.make_graph(
        [helper.make_node("Shell", ["z"], ["image"], domain="com.example")], "then", [], [port("image", "n", *SHAPE)]
    )
    nodes = [helper.make_node("If", ["yes"], ["image"], then_branch=inner, else_branch=inner)]
    yes = onnx.numpy_helper.from_array(np.array(True), "yes")
    ports = [port("z", "n", LATENT)], [port("image", "n", *SHAPE)]
    return graph(nodes, *ports, [yes], domains=["com.example"])


def huge_in_an_attribute() -> Any:
    value = weight("w", np.zeros((2, 6)))
    value.dims[:] = [2**40]
    nodes = [helper.make_node("Constant", [], ["w"], value=value), helper.make_node("MatMul", ["z", "w"], ["image"])]
    return graph(nodes, [port("z", "n", LATENT)], [port("image", "n", *SHAPE)])


def fixed_batch() -> Any:
    model = decoder()
    model.graph.input[0].CopyFrom(port("z", 1, LATENT))
    return model


def of_doubles() -> Any:
    model = decoder()
    model.graph.input[0].CopyFrom(port("z", "n", LATENT, kind=TensorProto.DOUBLE))
    return model


def two_inputs() -> Any:
    model = decoder()
    model.graph.input.append(port("noise", "n", 3))
    return model


def wider() -> Any:
    model = decoder()
    model.graph.input[0].CopyFrom(port("z", "n", 7))
    return model


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (external, r"tensor w is kept in another file"),
        (huge, r"tensor w says it has 6,000,000,000 numbers, and does not hold them"),
        (negative, r"tensor w has a negative size"),
        (custom, r"operator Shell of com\.example"),
        (custom_inside_a_branch, r"operator Shell of com\.example"),
        (huge_in_an_attribute, r"tensor w says it has 1,099,511,627,776 numbers"),
        (fixed_batch, r"takes 1 at a time"),
        (of_doubles, r"'z' of decoder\.onnx is float64, and must be float32"),
        (two_inputs, r"further input 'noise'"),
        (wider, r"has the shape \['\?', 7\], and model\.json says \[N, 2\]"),
    ],
)
def test_a_graph_that_lies_or_reaches_out_is_refused(tmp_path: Path, made: Any, sentence: str) -> None:
    folder = write(tmp_path / "package", decoding=made())
    with pytest.raises(InputError, match=sentence):
        read_model(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image_shape": [1, 2]}, "image_shape"),
        ({"image_shape": [1, 2**40, 3]}, "image_shape"),
        ({"latent_shape": [4096, 4096, 4096]}, "latent_shape: 68,719,476,736 numbers"),
        ({"value_range": [1.0, 1.0]}, "value_range"),
        ({"value_range": [0.0, "1"]}, "value_range"),
        ({"version": 2}, "newer latentlab"),
        ({"format": "other"}, "format"),
        ({"weights": "other.pt"}, "weights"),
        ({"decoder": {"z": "latent"}}, r"no input 'latent' \(it has z\)"),
        ({"decoder": {"label": "label"}}, "classes"),
    ],
)
def test_a_description_that_does_not_fit_is_refused_by_its_field(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    folder = write(tmp_path / "package", described(**changes))
    with pytest.raises(InputError, match=sentence):
        read_model(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"z": np.zeros((3, 5), np.float32)}, "array z is|z is float32"),
        ({"decoded": np.full((3, *SHAPE), np.nan, np.float32)}, "decoded holds values that are not finite"),
        ({"code": np.zeros(3)}, "array code is not one of a test's"),
        ({"z": np.array([{}] * 3, dtype=object)}, "cannot be read as arrays"),
    ],
)
def test_a_test_that_is_none_is_refused(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    folder = write(tmp_path / "package", arrays=onnx_files.test_arrays() | changes)
    with pytest.raises(InputError, match=sentence):
        read_model(folder)


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b"PK\x03\x04", b"\x08\x08" * 1000, b"\x0a" * 5000])
def test_what_is_not_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = write(tmp_path / "package")
    (folder / "decoder.onnx").write_bytes(content)
    with pytest.raises(InputError, match=r"decoder\.onnx"):
        read_model(folder)


def test_an_archive_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "package")
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in folder.iterdir():
            file.writestr(path.name, b" " * (8 << 20) if path.name == "model.json" else path.read_bytes())
    with pytest.raises(InputError, match=r"8\.0 MB are too many"):
        read_model(archive)
