"""Which values are black and white: one rule for all types of numbers, folders, arrays and Python."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

import latentlab
from latentlab.data.images.image_types import Ranges
from latentlab.data.images.value_range import ValueScan, choose_range, decide, seen_ranges, to_uint8
from latentlab.errors import InputError

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.random((4, 16, 16))


def facts(values, bits=None):
    scan = ValueScan(np.asarray(values).dtype, bits)
    scan.add(np.asarray(values))
    return scan.facts()


def chosen(values, levels="auto", bits=None):
    return choose_range(facts(values, bits), levels)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([False, True], (0, 1, "type")),
        ([0, 1], (0, 1, "type")),
        ([0, 255], (0, 255, "type")),
        ([0, 3], (0, 255, "type")),
        ([0, 1000], (0, 1023, "type")),
        ([0, 4095], (0, 4095, "type")),
        ([0, 4096], (0, 16383, "type")),
        ([0, 65535], (0, 65535, "type")),
        ([0, 100_000], (0, 100_000, "data")),
        ([0, 2**24 - 1], (0, 2**24 - 1, "type")),
        ([0, 2**32 - 1], (0, 2**32 - 1, "type")),
        ([-1, 0, 1], (-1, 1, "type")),
        ([-128, 127], (-128, 127, "type")),
        ([-1000, 3000], (-1000, 3000, "data")),
        ([-30_000, 30_000], (-32768, 32767, "type")),
        ([0.0, 0.5, 1.0000001], (0, 1, "type")),
        ([0.1, 0.5, 1.4], (0, 1, "type")),
        ([-1.0, 0.3, 0.9], (-1, 1, "type")),
        ([0.5, 200.25], (0, 255, "type")),
        ([0.5, 3.25], (0.5, 3.25, "data")),
        ([-500.5, 500.0], (-500.5, 500.0, "data")),
        ([np.nan, 0.5, np.inf], (0, 1, "type")),
    ],
)
def test_the_range_is_the_first_that_the_values_fit(values, expected):
    found = chosen(values)
    assert (found.low, found.high, found.origin) == expected


def test_one_stray_value_does_not_decide():
    values = np.append(np.tile(NOISE.ravel(), 20), 37.5)
    assert chosen(values).high == 1.0
    deep = np.append(np.tile(np.rint(4095 * NOISE.ravel()), 20), 65535).astype(np.uint16)
    assert chosen(deep).high == 4095


def test_few_bright_pixels_on_black_are_no_stray_values():
    sky = np.zeros((200, 200), np.uint16)
    sky[3, 3] = 60_000
    assert chosen(sky).high == 65535


@pytest.mark.parametrize(
    ("levels", "values", "expected"),
    [
        ("type", np.array([0, 4095], np.uint16), (0, 65535)),
        ("type", np.array([-5, 5], np.int8), (-128, 127)),
        ("type", np.array([0.0, 255.0]), (0, 1)),
        ("window", np.array([10, 20], np.uint8), (10, 20)),
        ("window", np.array([7, 7], np.uint8), (7, 8)),
        ("0.5,9", np.array([10, 20], np.uint8), (0.5, 9)),
        ("full", np.array([0, 4095], np.uint16), (0, 65535)),
        ("full", np.array([0.0, 1.0000001]), (0, 255)),
        ("full", np.array([0, 1], np.int64), (0, 255)),
    ],
)
def test_the_setting_decides(levels, values, expected):
    found = chosen(values, levels)
    assert (found.low, found.high) == expected


def test_bits_that_a_file_declares_are_its_range():
    assert chosen(np.array([0, 300], np.uint16), bits=12).high == 4095
    assert chosen(np.array([0, 300], np.uint16), "type", bits=12).high == 4095


@pytest.mark.parametrize(
    ("values", "levels", "warning"),
    [
        (np.array([0, 1, 2, 3], np.uint8), "auto", "nearly black: the only values are 0, 1, 2, 3, as in masks"),
        (RANDOM.integers(0, 200, 999).astype(np.uint16), "type", r"nearly black: the values are 0 to 199 in a range"),
        (RANDOM.integers(65000, 65535, 999).astype(np.uint16), "auto", "nearly white"),
        (np.linspace(0, 1.5, 99), "auto", r"33% of the values are outside the range from 0 to 1 .*levels=window uses"),
        (RANDOM.integers(0, 200, 999).astype(np.uint16), "auto", "^$"),
        (np.array([0, 1, 2, 3], np.uint8), "window", "^$"),
    ],
)
def test_a_range_of_which_little_is_used_is_warned_about(values, levels, warning):
    import re

    assert re.search(warning, chosen(values, levels).warning)


def test_the_sentence_says_type_values_and_range():
    scan = ValueScan(np.dtype(np.uint16), total=500)
    scan.add(np.array([5, 3000], np.uint16))
    found = choose_range(scan.facts())
    assert found.sentence == "uint16 values from 5 to 3,000 in 1 of 500 images: 0 is black and 4,095 white"


def test_a_dataset_of_several_types_has_a_range_for_each():
    ranges, found = decide([facts(np.array([0, 3000], np.uint16)), facts(np.array([0.0, 0.7]))], "auto")
    assert ranges == ((0, 255), (0, 4095), (0, 1))
    assert (found.low, found.high) == (0, 4095)
    assert "float64" in found.sentence
    assert decide([], "2,3")[0] == ((2, 3),) * 3


@settings(max_examples=40, deadline=None)
@given(arrays.arrays(st.sampled_from([np.float64, np.int32, np.uint8, np.float16]), 40))
def test_any_values_have_a_range(values):
    found = chosen(values)
    assert found.high > found.low
    assert 0 <= found.used <= 1
    shown = to_uint8(values, (found.low, found.high))
    assert shown.dtype == np.uint8


def test_the_histogram_counts_the_sample():
    counts, edges = facts(np.array([0, 0, 10, 20])).histogram(2)
    assert counts.tolist() == [2, 2]
    assert edges.tolist() == [0, 10, 20]


# --- the same numbers, however they are stored ----------------------------------------------------

NUMBERS = {
    "0 to 1": (np.rint(NOISE), ["bool", "uint8", "int16", "int64", "uint16", "float32", "float64", "float16"]),
    "8 bits": (np.rint(255 * NOISE), ["uint8", "int16", "uint16", "int64", "uint32", "float32", "float64"]),
    "12 bits": (np.rint(4095 * NOISE), ["int16", "uint16", "int32", "float32"]),
    "signed": (np.rint(255 * NOISE) - 128, ["int8", "int16", "float32"]),
    "fractions": (NOISE * 1.0000001, ["float32", "float64"]),
}


@pytest.fixture(params=["npy", "npz", "tiff", "png", "pgm"])
def stored(request, tmp_path):
    """Store images as a dataset; returns its path, or ``None`` where the format has no such type."""

    def store(images):
        if request.param == "npy":
            np.save(tmp_path / "a.npy", images)
            return tmp_path / "a.npy"
        if request.param == "npz":
            np.savez(tmp_path / "a.npz", images=images)
            return tmp_path / "a.npz"
        if request.param != "tiff" and images.dtype not in (np.uint8, np.uint16):
            return None
        folder = tmp_path / f"{request.param}-{images.dtype}"
        folder.mkdir()
        for number, image in enumerate(images):
            if request.param == "tiff":
                tifffile.imwrite(folder / f"{number}.tif", image, photometric="minisblack")
            else:
                Image.fromarray(image).save(folder / f"{number}.{request.param}")
        return folder

    return store


@pytest.mark.parametrize("name", NUMBERS)
def test_the_same_numbers_are_the_same_images(stored, name):
    numbers, types = NUMBERS[name]
    top = {"0 to 1": 1, "8 bits": 255, "12 bits": 4095, "signed": 255, "fractions": 1}[name]
    expected = (numbers - (-128 if name == "signed" else 0)) * 255 / top
    for kind in types:
        path = stored(numbers.astype(kind))
        if path is not None:
            shown = latentlab.load_dataset(path).images[:, 0]
            assert np.abs(shown - expected).max() <= 1, kind


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(top=st.integers(1, 65535), low=st.integers(-100, 100))
def test_any_whole_numbers_are_the_same_images_in_every_type_that_holds_them(tmp_path, top, low):
    numbers = np.rint(NOISE * top) + min(low, 0)
    shown = []
    for kind in ("int8", "uint8", "int16", "uint16", "int32", "float32", "float64"):
        if np.array_equal(numbers.astype(kind), numbers):
            np.save(tmp_path / f"{kind}.npy", numbers.astype(kind))
            shown.append(np.array(latentlab.load_dataset(tmp_path / f"{kind}.npy").images))
    assert all(np.array_equal(images, shown[0]) for images in shown)


def test_a_folder_has_one_range_and_not_one_per_image(tmp_path):
    for number, top in enumerate((100, 1000, 4000)):
        tifffile.imwrite(tmp_path / f"{number}.tif", np.full((8, 8), top, np.uint16), photometric="minisblack")
    dataset = latentlab.load_dataset(tmp_path)
    assert dataset.images[:, 0, 0, 0].tolist() == [6, 62, 249]
    stretched = latentlab.load_dataset(tmp_path, levels="stretch")
    assert stretched.images[:, 0, 0, 0].tolist() == [0, 59, 255]
    assert (stretched.value_range.low, stretched.value_range.high) == (100, 4000)
    window = latentlab.load_dataset(tmp_path, levels=(0, 1000))
    assert window.images[:, 0, 0, 0].tolist() == [26, 255, 255]
    assert window.value_range.origin == "window"


def test_masks_of_few_values_are_warned_about_and_shown_by_their_own_range(tmp_path):
    for number in range(6):
        mask = np.zeros((16, 16), np.uint8)
        mask[number : number + 6, 2:12] = 1 + number % 3
        Image.fromarray(mask).save(tmp_path / f"{number}.png")
    dataset = latentlab.load_dataset(tmp_path)
    assert "0, 1, 2, 3, as in masks" in dataset.value_range.warning
    assert latentlab.load_dataset(tmp_path, levels="window").images.max() == 255


def test_transparency_stays_when_a_window_is_chosen(tmp_path):
    Image.fromarray(np.array([[[0, 0], [10, 255], [20, 255]]], np.uint8), "LA").resize((9, 9), 0).save(
        tmp_path / "a.png"
    )
    shown = latentlab.load_dataset(tmp_path, levels=(0, 20), background="black", channels=1, image_size=None).images
    assert sorted(set(shown.ravel().tolist())) == [0, 128, 255]


def test_complex_numbers_are_refused_with_the_reason(tmp_path):
    np.save(tmp_path / "a.npy", NOISE.astype(np.complex64))
    with pytest.raises(InputError, match="complex"):
        latentlab.load_dataset(tmp_path / "a.npy")


def test_training_warns_of_nearly_black_images(tmp_path):
    np.save(tmp_path / "a.npy", np.rint(3 * NOISE).astype(np.uint8))
    dataset = latentlab.load_dataset(tmp_path / "a.npy")
    events = latentlab.train(dataset, recipe="vae", latent_dim=2, epochs=1)
    started, warning = next(events), next(events)
    del events
    assert (started.event, warning.event) == ("started", "warning")
    assert "nearly black" in warning.message


def known_as(values, known, levels="auto"):
    chosen = decide([facts(np.asarray(values))], levels, known)[1]
    return chosen.low, chosen.high, chosen.origin


def test_a_models_range_is_used_for_its_type_of_values():
    known = Ranges(None, (0, 4095), (-100, 300))
    assert known_as(np.array([0, 900], np.uint16), known) == (0, 4095, "model")
    assert known_as(np.array([0, 60000], np.uint16), known) == (0, 4095, "model"), "clipped, and a warning says so"
    assert known_as(np.array([1.5, 90.0]), known) == (-100, 300, "model")
    assert known_as(np.array([0, 200], np.uint8), known) == (0, 255, "type"), "8 bits were not among its images"


def test_a_models_range_is_that_of_the_same_numbers_of_another_type():
    known = Ranges(None, (0, 4095), None)
    assert known_as(np.array([0.0, 900.0]), known) == (0, 4095, "model")
    assert known_as(np.array([0.0, 0.7]), known) == (0, 1, "type")
    assert known_as(np.array([0.0, 60000.0]), known) == (0, 65535, "type")


def test_images_scaled_by_another_convention_keep_their_own_range():
    masks, photos = np.array([0, 1], np.uint8), np.array([0, 255], np.uint8)
    assert known_as(masks, Ranges((0, 255))) == (0, 1, "type")
    assert known_as(photos, Ranges((0, 1))) == (0, 255, "type")
    assert known_as(np.array([0.0, 0.6]), Ranges(None, None, (-1, 1))) == (-1, 1, "model")
    sentence = decide([facts(masks)], "auto", Ranges((0, 255)))[1].sentence
    assert sentence.endswith("(in the model's training images 0 and 255)")


def test_the_ranges_that_a_model_keeps_are_those_of_the_types_seen():
    whole, real = facts(np.array([0, 3000], np.uint16)), facts(np.array([0.0, 0.7]))
    assert seen_ranges([whole, real], "auto") == (None, (0, 4095), (0, 1))
    assert seen_ranges([real], "2,3") == ((2, 3),) * 3


def test_a_range_is_finite_whatever_the_values():
    found = choose_range(facts(np.array([-1e308, 0.0, 1e308] * 40)))
    assert (found.low, found.high) == (-1e30, 1e30)
    assert to_uint8(np.array([-1e308, 0.0, 1e308]), (found.low, found.high)).tolist() == [0, 128, 255]
    assert "outside the range" in found.warning


@pytest.mark.parametrize("value", [2.0**60, -(2.0**60), 1e308])
def test_equal_values_have_a_range_however_large_they_are(value):
    found = choose_range(facts(np.full(20, value)))
    assert found.high > found.low
