from __future__ import annotations

import numpy as np
import pytest

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.errors import InputError

av = pytest.importorskip("av")


def write(path, count=12, size=(32, 24), codec="mpeg4"):
    """Plain frames that become brighter."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(count):
            pixels = np.full((size[1], size[0], 3), 20 * number % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def brightness(dataset):
    return dataset.images.mean(axis=(1, 2, 3))


def test_every_frame_is_an_image(tmp_path):
    dataset = load_dataset(write(tmp_path / "film.mp4"))
    assert len(dataset) == 12
    assert dataset.image_shape[1:] == (24, 32)
    assert dataset.paths[3] == "film.mp4#3"
    np.testing.assert_allclose(brightness(dataset), 20 * np.arange(12), atol=6)
    assert dataset.file_stats.formats == {"video": 12}


def test_a_subset_has_the_frames_of_its_names(tmp_path):
    dataset = load_dataset(write(tmp_path / "film.mkv"), DataConfig(limit=4, image_size=16, fit="stretch"))
    numbers = [int(name.partition("#")[2]) for name in dataset.paths]
    assert len(numbers) == 4
    np.testing.assert_allclose(brightness(dataset), 20 * np.array(numbers), atol=6)


@pytest.mark.parametrize(("frames", "numbers"), [("every 5", [0, 5, 10]), ("first", [0])])
def test_the_configuration_says_which_frames_are_images(tmp_path, frames, numbers):
    dataset = load_dataset(write(tmp_path / "film.mp4"), DataConfig(frames=frames))
    assert dataset.paths == [f"film.mp4#{number}" for number in numbers]
    np.testing.assert_allclose(brightness(dataset), 20 * np.array(numbers), atol=6)


def test_a_film_that_ends_early_keeps_what_it_has(tmp_path):
    path = write(tmp_path / "film.avi", 30)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    dataset = load_dataset(path)
    assert 0 < len(dataset) < 30


def test_frames_too_large_for_the_memory_are_refused_before_one_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr("latentlab.data.sources.video.available_bytes", lambda: 1000)
    with pytest.raises(InputError, match=r"film\.mp4 has frames of 32 × 24 pixels"):
        load_dataset(write(tmp_path / "film.mp4", 2))


@pytest.mark.parametrize("content", [b"", b"no film", b"\0" * 5000])
def test_what_is_no_film_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "film.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"film\.mp4 is not a video that can be read"):
        load_dataset(tmp_path / "film.mp4")


def test_without_pyav_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "film.mp4").write_bytes(b"x")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(
        InputError, match=r'film\.mp4 is read by PyAV; install it with pip install "latentlab\[video\]"'
    ):
        load_dataset(tmp_path / "film.mp4")
