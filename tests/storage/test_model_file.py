"""Model files: what is written comes back, and what is no model is refused (reliability rows 1 to 6)."""

import contextlib
import io
import json
import math
import os
import pickle
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from latentlab.app.preview_picture import preview_picture
from latentlab.config import ModelConfig
from latentlab.errors import InputError
from latentlab.storage import (
    ModelFile,
    ModelHeader,
    Points,
    check_weights,
    find_model,
    read_model,
    write_model,
)
from latentlab.utils.array_rules import ArrayRule
from tests.storage.rewrite import rewrite


def a_model(with_points=True):
    rng = np.random.default_rng(0)
    header = ModelHeader(
        model=ModelConfig(latent_dim=2),
        image_shape=(1, 8, 8),
        classes=("zero", "één"),
        data={"name": "digits", "images": 5},
        metrics={"validation_elbo": -150.25},
        parameters=13,
        preview_extent=(-3, 3, -3, 3) if with_points else None,
    )
    weights = {
        "encoder.weight": rng.normal(size=(3, 4)).astype(np.float32),
        "log_sigma": np.float32(0.5).reshape(()),
        # Not contiguous: as a channels-last convolution's weights are.
        "decoder.weight": rng.normal(size=(4, 3)).astype(np.float32).T,
    }
    if not with_points:
        return ModelFile(header, weights)
    points = Points(
        rng.normal(size=(5, 2)).astype(np.float32),
        rng.uniform(size=(5, 2)).astype(np.float32),
        np.array([0, 1, -1, 0, 1]),
        np.arange(5),
    )
    return ModelFile(header, weights, points, rng.integers(0, 256, (16, 16), dtype=np.uint8))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.safetensors"


def header_edited(path, edit):
    """Write the file again with its JSON description edited."""
    tensors = load_file(path)
    description = json.loads(read_raw_description(path))
    edit(description)
    save_file(tensors, path, metadata={"latentlab": json.dumps(description)})


def read_raw_description(path):
    data = path.read_bytes()
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["latentlab"]


@pytest.mark.parametrize("with_points", [True, False])
def test_a_model_is_read_as_written(path, with_points):
    model = a_model(with_points)
    written = write_model(path, model)
    back = read_model(path)
    assert back.header == written
    assert back.header.model_copy(update={"sha256": ""}) == model.header
    assert back.weights.keys() == model.weights.keys()
    for name, array in model.weights.items():
        assert back.weights[name].shape == array.shape
        assert (back.weights[name] == array).all()
    if with_points:
        for name in ("mean", "std", "label", "index"):
            assert (getattr(back.points, name) == getattr(model.points, name)).all()
        assert back.points.label.dtype == np.int64
        assert (back.preview == model.preview).all()
    else:
        assert back.points is None
        assert back.preview is None


def test_any_safetensors_reader_opens_it_and_equal_models_are_equal_files(path, tmp_path):
    write_model(path, a_model())
    write_model(tmp_path / "again", a_model())
    assert set(load_file(path)) == {
        "encoder.weight", "decoder.weight", "log_sigma", "points.mean", "points.std", "points.label", "points.index",
        "preview",
    }  # fmt: skip
    assert path.read_bytes() == (tmp_path / "again").read_bytes()


def test_saving_over_the_loaded_file_keeps_the_values(path):
    """Row 6."""
    write_model(path, a_model())
    loaded = read_model(path)
    before = {name: array.copy() for name, array in loaded.weights.items()}
    write_model(path, loaded)
    again = read_model(path)
    for name, array in before.items():
        assert (loaded.weights[name] == array).all()
        assert (again.weights[name] == array).all()


class Payload:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (self.target, "w")


def test_a_pickle_is_refused_and_nothing_runs(path, tmp_path):
    """Row 1."""
    path.write_bytes(pickle.dumps(Payload(str(tmp_path / "owned"))))
    with pytest.raises(InputError, match="pickle"):
        read_model(path)
    assert not (tmp_path / "owned").exists()


def test_a_zip_is_refused(path):
    """Row 2: zeros deflated to a thousandth."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    path.write_bytes(bomb.getvalue())
    with pytest.raises(InputError, match="zip archive"):
        read_model(path)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"\xff" * 7, b"not a model at all", bytes(1000)])
def test_random_bytes_are_refused(path, content):
    """Row 2."""
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a latentlab model: "):
        read_model(path)


def test_a_file_cut_anywhere_is_refused(path):
    """Rows 2 and 3."""
    write_model(path, a_model())
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            read_model(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(InputError, match="not fully covered"):
        read_model(path)


def test_a_text_under_the_name_of_a_model_is_called_what_it_is_not(path):
    path.write_text('{"model": "vae"}')
    with pytest.raises(InputError, match="it is not a safetensors file"):
        read_model(path)


def test_a_header_of_101_megabytes_is_refused_unread(path):
    """Row 3."""
    with open(path, "wb") as file:
        file.write((101_000_000).to_bytes(8, "little") + b"{")
        file.truncate(101_000_100)
    with pytest.raises(InputError, match="101,000,000 bytes"):
        read_model(path)


@pytest.mark.parametrize(
    "entries",
    [
        {"a": ("F32", [2], [0, 8]), "b": ("F32", [2], [4, 12])},
        {"a": ("F32", [2], [0, 8]), "b": ("F32", [1], [12, 16])},
        {"a": ("F32", [2], [4, 12])},
        {"a": ("F32", [2], [0, 4])},
        {"a": ("F32", [2**40, 2**40], [0, 4])},
        {"a": ("F32", [-1], [0, 4])},
        {"a": ("F32", [True], [0, 4])},
        {"a": ("F32", [1.0], [0, 4])},
        {"a": ("F32", [1], [0])},
        {"a": ("F32", [1], [4, 0])},
        {"a": ("Q7", [1], [0, 4])},
        {"a": ("BF16", [2], [0, 4])},
        {"a": ("F8_E4M3", [4], [0, 4])},
    ],
)
def test_tensors_that_do_not_tile_the_file_are_refused(path, entries):
    """Row 3. The body is as long as the entries say, so that only what is tested is wrong."""
    described = {n: {"dtype": d, "shape": s, "data_offsets": o} for n, (d, s, o) in entries.items()}
    path.write_bytes(safetensors_bytes(described, max(o[-1] for _, _, o in entries.values())))
    with pytest.raises(InputError, match="is not a latentlab model: "):
        read_model(path)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b'{"__metadata__":{"latentlab":"{}"},"a":%s,"a":%s}', "a name occurs twice"),
        (b'{"__metadata__":{"latentlab":"{}","latentlab":"[]"},"a":%s}', "a name occurs twice"),
        (b'{"__metadata__":{"other":"{}"},"a":%s}', "without latentlab's description"),
        (b'{"a":%s}', "without latentlab's description"),
        (b'{"a":' + b"[" * 100_000, "recursion limit"),
        (b"[1]", "invalid JSON"),
        (b'{"\xff":1}', "UTF-8"),
    ],
)
def test_headers_that_are_not_unambiguous_json_are_refused(path, header, why):
    header = header.replace(b"%s", b'{"dtype":"F32","shape":[1],"data_offsets":[0,4]}')
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(InputError, match=why):
        read_model(path)


def test_a_file_of_junk_is_refused_before_its_tensors_are_read(path):
    """A sparse file of 1 TB: reading it would exhaust the memory."""
    header = safetensors_bytes({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, 4)
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="not fully covered"):
        read_model(path)


SIZES = st.sampled_from([0, 1, 2, 3, 4, 8, 12, 16, 2**32, 2**62, 2**63, -1, True, 1.0, None, "4"])
TYPES = st.sampled_from(["F32", "F64", "U8", "I16", "BOOL", "F16", "f32", "", 4, None])
ENTRY = st.fixed_dictionaries(
    {"dtype": TYPES, "shape": st.lists(SIZES, max_size=3), "data_offsets": st.lists(SIZES, min_size=1, max_size=3)}
)
NEAR_VALID = st.builds(
    lambda dtype, shape, begin, extra: {
        "dtype": dtype,
        "shape": shape,
        "data_offsets": [begin, begin + math.prod(shape) * ITEM_BYTES[dtype] + extra],
    },
    st.sampled_from(["F32", "F64", "U8", "I16"]),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from([0, 0, 0, 4, 8]),
    st.sampled_from([0, 0, 0, 1, -1]),
)
ITEM_BYTES = {"BOOL": 1, "U8": 1, "F16": 2, "I16": 2, "F32": 4, "F64": 8}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.dictionaries(st.sampled_from("abc"), NEAR_VALID | NEAR_VALID | ENTRY, max_size=3),
    spare=st.sampled_from([0, 0, 0, 1, -1, 8]),
)
def test_safetensors_accepts_only_tensors_that_tile_the_file(path, entries, spare):
    """What `latentlab.storage.tensors` leaves to the library: valid types, sizes that fit, no overlap and no gap."""
    ends = [end for entry in entries.values() for end in entry["data_offsets"] if type(end) is int and end < 100]
    length = max(0, max(ends, default=0) + spare)
    path.write_bytes(safetensors_bytes(entries, length))
    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError:
        return
    end = 0
    for entry in sorted(entries.values(), key=lambda entry: entry["data_offsets"]):
        sizes = [*entry["shape"], *entry["data_offsets"]]
        assert all(type(size) is int and size >= 0 for size in sizes)
        begin, stop = entry["data_offsets"]
        assert begin == end
        assert stop - begin == math.prod(entry["shape"]) * ITEM_BYTES[entry["dtype"]]
        end = stop
    assert end == length


def safetensors_bytes(entries, length):
    """A file whose header holds ``entries`` and whose body is ``length`` zeros."""
    header = json.dumps({"__metadata__": {"latentlab": "{}"}, **entries}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(length)


def test_one_flipped_byte_anywhere_in_the_data_is_named(path):
    """Row 4."""
    write_model(path, a_model())
    whole = path.read_bytes()
    data_start = 8 + int.from_bytes(whole[:8], "little")
    for at in range(data_start, len(whole), 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(InputError, match="SHA-256"):
            read_model(path)


def test_a_newer_version_is_refused_by_its_number(path):
    """Row 5."""
    write_model(path, a_model())
    header_edited(path, lambda d: d.update(schema_version=2, something_new=True))
    with pytest.raises(InputError, match=r"newer latentlab \(schema version 2; this one reads 1\)"):
        read_model(path)


def test_configuration_and_weights_that_disagree_are_named():
    """Row 5."""
    weights = {"a": np.zeros((2, 3)), "b": np.zeros(2), "c": np.zeros(1)}
    rules = {name: ArrayRule(("f",), (array.shape,)) for name, array in weights.items()}
    check_weights(rules, weights, "m")
    with pytest.raises(InputError, match="c is float64, which is not allowed"):
        check_weights(rules | {"c": ArrayRule(("i",))}, weights, "m")
    rules |= {"a": ArrayRule(("f",), ((3, 2),)), "d": ArrayRule(("f",))}
    del rules["c"]
    why = r"d is missing; c is not one of its tensors; a is float64 \[2, 3\] instead of \[3, 2\]$"
    with pytest.raises(InputError, match=why):
        check_weights(rules, weights, "m")


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.pop("model"),
        lambda d: d.update(schema_version="x"),
        lambda d: d.update(image_shape=[1, 10**9, 8]),
        lambda d: d["model"].update(latent_dim=10**12),
        lambda d: d["model"].update(surprise=1),
        lambda d: d.update(metrics={"elbo": float("nan")}),
    ],
)
def test_a_hostile_description_is_refused(path, edit):
    write_model(path, a_model())
    header_edited(path, edit)
    with pytest.raises(InputError, match="is not a latentlab model"):
        read_model(path)


def filled(number, shape=(5, 2), kind=np.float32):
    return np.full(shape, number, kind)


@pytest.mark.parametrize(
    ("name", "array", "why"),
    [
        ("points.std", filled(1, (4, 2)), r"is float32 \[4, 2\] instead of \[5, 2\]"),
        ("points.mean", filled(1, (5, 3)), r"is float32 \[5, 3\] instead of \[N, 2\]"),
        ("points.mean", filled(1, (10,)), "instead of"),
        ("points.mean", filled(3e38), r"holds 3e\+38, more than 1e\+09"),
        ("points.mean", filled(-2e9), r"holds -2e\+09, less than"),
        ("points.mean", filled(np.inf), "not finite"),
        ("points.mean", filled(np.nan), "not finite"),
        ("points.mean", filled(1e300, kind=np.float64), r"holds 1e\+300"),
        ("points.mean", None, "is missing"),
        ("points.std", filled(-0.5), "holds -0.5, less than 0"),
        ("points.std", filled(np.nan), "not finite"),
        ("points.label", filled(0, 5), "is float32, which is not allowed"),
        ("points.label", filled(2**62, 5, np.int64), "more than 99999"),
        ("points.label", filled(-2, 5, np.int8), "holds -2, less than -1"),
        ("points.index", filled(-1, 5, np.int32), "holds -1, less than 0"),
        ("points.index", filled(2**40, 5, np.int64), "more than"),
        ("points.index", filled(0, 6, np.int32), "instead of"),
        ("points.other", filled(0, 5), "is not one of a model's"),
        ("preview", filled(0, (4, 4)), "is float32, which is not allowed"),
        ("preview", filled(0, (4, 4, 2), np.uint8), "instead of"),
        ("preview", filled(0, (0, 4), np.uint8), "instead of"),
        ("encoder.weight", filled(np.nan, (3, 4)), "not finite"),
        ("encoder.weight", filled(-np.inf, (3, 4)), "not finite"),
        ("encoder.weight", filled(1e300, (3, 4), np.float64), r"holds 1e\+300"),
    ],
)
def test_row_40_tensors_beside_and_of_the_weights_are_checked(path, name, array, why):
    write_model(path, a_model())
    rewrite(path, "latentlab", {name: array})
    with pytest.raises(InputError, match=f"^{path}: tensor {name} .*{why}"):
        read_model(path)


def test_a_label_without_a_name_is_unknown(path):
    """Models saved with the points of another dataset have such labels."""
    write_model(path, a_model())
    rewrite(path, "latentlab", {"points.label": np.array([0, 1, 2, -1, 99_999])})
    assert read_model(path).points.label.tolist() == [0, 1, -1, -1, -1]


@pytest.mark.parametrize("mean", [np.inf, 2e9])
def test_points_that_would_be_refused_are_not_written(path, mean):
    model = a_model()
    points = Points(filled(mean), filled(1), model.points.label)
    write_model(path, ModelFile(model.header, model.weights, points, model.preview))
    assert read_model(path).points is None


def deep(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("preview_extent", [-1e308, 1e308, -3, 3], r"has an edge at .*1e\+308"),
        ("preview_extent", [3, -3, -3, 3], "is empty"),
        ("preview_extent", [0, 1e-300, -3, 3], "is empty"),
        ("preview_extent", [1e8, 1e8 + 1, -3, 3], "is empty"),
        ("preview_extent", [-3, 3], ""),
        ("classes", ["a", "x" * 1_000_000], r"classes\.1: .* at most 1000 characters"),
        ("classes", [str(number) for number in range(100_001)], "at most 100000 items"),
        ("data", deep(100), "nested too deeply"),
        ("data", {"name": ["x"]}, "name: "),
        ("data", {"config": []}, "config: "),
        ("data", {"note": "x" * 5000}, "5,000 characters"),
        ("data", {"images": 1e30}, "images: "),
        ("training", {"binarise": "often"}, "binarise: "),
        ("training", {"step": -1}, "step: "),
        ("training", {"note": 1e999}, "not finite"),
        ("schema_version", True, "schema_version: "),
        ("schema_version", 1.0, "schema_version: "),
        ("schema_version", 0, "schema_version: "),
        ("metrics", {"x": 1e300}, "metrics.x: "),
        ("metrics", {"x" * 2000: 1.0}, "at most 1000 characters"),
        ("parameters", 2**80, "parameters: "),
        ("sha256", "a" * 1_000_000, "sha256: "),
    ],
)
def test_row_40_the_description_is_checked(path, field, value, why):
    write_model(path, a_model())
    rewrite(path, "latentlab", edit=lambda description: description.update({field: value}))
    with pytest.raises(InputError, match=f"^{path} is not a latentlab model: (?=.*{why}){field}") as caught:
        read_model(path)
    assert len(str(caught.value)) < 500 + len(str(path))


def test_the_settings_of_a_model_that_exclude_each_other_are_refused_with_the_files_name(path):
    write_model(path, a_model())
    rewrite(path, "latentlab", edit=lambda description: description["model"]["posterior"].update(kind="concrete"))
    with pytest.raises(InputError, match=f"^{path} is not a latentlab model: concrete latents"):
        read_model(path)


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({f"t{number}": ("F32", [0], [0, 0]) for number in range(20_001)}, "more than 20,000 tensors"),
        ({"x" * 400: ("F32", [1], [0, 4])}, "the name of tensor x{79}… has 400 characters"),
        ({"a": ("F32", [1] * 70, [0, 4])}, "tensor a has an impossible shape"),
        ({"a": ("F32", [0, 2**62], [0, 0])}, "tensor a has an impossible shape"),
    ],
    ids=["number", "name", "dimensions", "size"],
)
def test_row_40_names_and_shapes_of_tensors_are_bounded(path, entries, why):
    described = {n: {"dtype": d, "shape": s, "data_offsets": o} for n, (d, s, o) in entries.items()}
    path.write_bytes(safetensors_bytes(described, max(o[-1] for _, _, o in entries.values())))
    with pytest.raises(InputError, match=f"is not a latentlab model: .*{why}"):
        read_model(path)


def test_row_42_a_model_larger_than_the_memory_is_refused_with_both_sizes(path, monkeypatch):
    write_model(path, a_model())
    monkeypatch.setattr("latentlab.storage.validation.available_bytes", lambda: 3 << 10)
    with pytest.raises(InputError, match=r"needs \d\.\d kB of memory to be read, and 3\.0 kB are available"):
        read_model(path)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names")
def test_a_pipe_is_not_waited_for(path):
    os.mkfifo(path)
    with pytest.raises(InputError, match="is not a regular file"):
        read_model(path)
    assert preview_picture(str(path)) is None


def test_the_first_paint_shows_only_a_picture_that_the_worker_will_accept(path):
    write_model(path, a_model())
    picture, extent = preview_picture(str(path))
    assert (picture == read_model(path).preview).all()
    assert extent == (-3, 3, -3, 3)
    for extent in ([-1e308, 1e308, -3, 3], [3, -3, -3, 3], [-3, 3], "abcd", None, [-3, 3, -3, float("nan")]):
        rewrite(path, "latentlab", edit=lambda description: description.update(preview_extent=extent))  # noqa: B023
        assert preview_picture(str(path)) is None
    write_model(path, a_model())
    for spoilt in (np.zeros((0, 4), np.uint8), np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.uint8), None):
        rewrite(path, "latentlab", {"preview": spoilt})
        assert preview_picture(str(path)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["__metadata__", "encoder.weight", "preview", "points.mean"])
FIELDS = st.sampled_from([None, "dtype", "shape", "data_offsets", "latentlab"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=KEYS, entry=FIELDS, value=JSON)
def test_a_mutated_header_is_refused_in_one_sentence(path, key, entry, value):
    """Row 3: whatever is put in place of a part of the header, the answer is an InputError."""
    write_model(path, a_model())
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    if entry is None:
        header[key] = value
    else:
        header[key][entry] = value
    text = json.dumps(header).encode()
    changed = json.loads(text) != json.loads(data[8 : 8 + length])
    assume(changed and (key != "__metadata__" or entry in (None, "latentlab")))
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    with pytest.raises(InputError) as caught:
        read_model(path)
    assert "\n" not in str(caught.value)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from(sorted(ModelHeader.model_fields)), value=JSON)
def test_a_mutated_description_is_read_or_refused(path, field, value):
    write_model(path, a_model())
    header_edited(path, lambda d: d.update({field: value}))
    with contextlib.suppress(InputError):
        assert isinstance(read_model(path), ModelFile)


def test_find_model(path, tmp_path):
    write_model(path, a_model())
    assert find_model(path) == path
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="there is no model in"):
        find_model(tmp_path / "run")
    write_model(tmp_path / "run" / "model.safetensors", a_model())
    assert find_model(tmp_path / "run") == tmp_path / "run" / "model.safetensors"
    for absent in ("bundled:absent", "bundled:../../secret", tmp_path / "absent"):
        with pytest.raises(InputError, match="there is no"):
            find_model(absent)


@pytest.mark.parametrize(
    "ranges",
    [{"whole": [4095, 0]}, {"whole": [0, 1, 2]}, {"real": [0, 1e39]}, {"other": [0, 1]}, {"eight": "ab"}, [1], 3],
    ids=str,
)
def test_row_40_value_ranges_that_no_images_have_are_refused(path, ranges):
    write_model(path, a_model())
    header_edited(path, lambda description: description["data"].update(ranges=ranges))
    with pytest.raises(InputError, match="ranges"):
        read_model(path)
