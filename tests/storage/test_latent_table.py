"""Tables of latents open as a map of any embedding, with the nearest real image instead of a decode."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import latentlab
from latentlab.data.latent_tables import read_latents
from latentlab.errors import InputError
from latentlab.storage import find_model, read_model
from latentlab.storage.latent_table import LatentTable
from latentlab.storage.source_kind import kind_of

COUNT, LATENTS = 6, 3


def latents(count: int = COUNT, size: int = LATENTS) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, size)).astype(np.float32)


def pictures(folder: Path, count: int = COUNT) -> list[str]:
    """Images of one grey level each, by which they are known again."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(np.full((8, 12), 20 + 30 * number, np.uint8)).save(folder / f"{number}.png")
    return [f"{number}.png" for number in range(count)]


def as_npz(to: Path, **more: np.ndarray) -> Path:
    np.savez(to, mean=latents(), **more)
    return to


def as_csv(path: Path, paths: list[str], labels: list[str], header: str = "mean_") -> Path:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "class", *(f"{header}{number}" for number in range(LATENTS))])
        rows.writerows([name, label, *row] for name, label, row in zip(paths, labels, latents().tolist(), strict=True))
    return path


def as_parquet(path: Path, paths: list[str], labels: list[str], as_lists: bool = False) -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"path": paths, "label": labels}
    if as_lists:
        columns["embedding"] = latents().tolist()
    else:
        columns |= {f"z_{number}": latents()[:, number] for number in range(LATENTS)}
    pq.write_table(pa.table(columns), path)
    return path


LABELS = ["a", "b", "a", "", "b", "b"]


@pytest.mark.parametrize("kind", ["npz", "csv", "parquet", "lists", "z.csv"])
def test_a_table_is_a_map_with_its_nearest_images(tmp_path, kind):
    paths = pictures(tmp_path)
    if kind == "npz":
        path = as_npz(tmp_path / "t.npz", path=np.array(paths), label=np.array(LABELS))
    elif kind.endswith("csv"):
        path = as_csv(tmp_path / "t.csv", paths, LABELS, "z_" if kind == "z.csv" else "mean_")
    else:
        path = as_parquet(tmp_path / "t.parquet", paths, LABELS, kind == "lists")
    assert kind_of(str(path)) == "model"
    file = read_model(find_model(path))
    np.testing.assert_allclose(file.points.mean, latents(), rtol=1e-6)
    assert file.points.label.tolist() == [0, 1, 0, -1, 1, 1]
    assert file.header.classes == ("a", "b")
    assert file.header.image_shape == (3, 8, 12)
    model = latentlab.load_model(path, "cpu")
    shown = model.module.nearest_images(latents() + np.float32(0.01))
    assert shown.shape == (COUNT, 3, 8, 12)
    np.testing.assert_allclose(shown[:, 0, 4, 6] * 255, [20 + 30 * number for number in range(COUNT)], atol=1)


def test_places_on_a_plane_are_a_table_too(tmp_path):
    pictures(tmp_path)
    (tmp_path / "t.csv").write_text("file,x,y\n0.png,1,2\n3.png,-4,5.5\n")
    assert kind_of(str(tmp_path / "t.csv")) == "model"
    file = read_model(tmp_path / "t.csv")
    assert file.points.mean.tolist() == [[1, 2], [-4, 5.5]]
    assert isinstance(file.package, LatentTable)
    assert file.package.paths == ("0.png", "3.png")


def test_deviations_of_posteriors_are_read(tmp_path):
    deviations = np.abs(latents()) + 1
    file = read_model(as_npz(tmp_path / "t.npz", std=deviations))
    np.testing.assert_array_equal(file.points.std, deviations)
    np.savez(tmp_path / "bad.npz", mean=latents(), std=-deviations)
    with pytest.raises(InputError, match="standard deviation that is not a number from 0") as raised:
        read_model(tmp_path / "bad.npz")
    assert "\n" not in str(raised.value)


def test_the_images_of_a_table_are_a_dataset(tmp_path):
    """An image may have several latents, and one that is not there has a point and no image."""
    paths = pictures(tmp_path)
    (tmp_path / "2.png").unlink()
    path = as_csv(tmp_path / "t.csv", [*paths[:5], "0.png"], LABELS)
    dataset = latentlab.load_dataset(path)
    assert dataset.paths == ["0.png", "1.png", "3.png", "4.png"]
    assert [dataset.classes[label] for label in dataset.labels if label >= 0] == ["a", "b", "b"]
    assert [each.path for each in dataset.left_out] == ["2.png"]
    table = read_model(path).package
    assert table.points_in(dataset.paths).index.tolist() == [0, 1, 4, 2, 3, 0]
    assert dataset.source == table.source


def test_a_table_without_paths_is_no_dataset(tmp_path):
    with pytest.raises(InputError, match=r"t\.npz is a table of latents that names no images"):
        latentlab.load_dataset(as_npz(tmp_path / "t.npz"))


def test_missing_images_are_counted_and_named(tmp_path):
    paths = pictures(tmp_path)
    (tmp_path / "2.png").unlink()
    (tmp_path / "4.png").unlink()
    file = read_model(as_csv(tmp_path / "t.csv", paths, LABELS))
    assert file.package.note.startswith(
        f"2 of the 6 images that this table names are not in {tmp_path}, for instance 2.png"
    )
    assert len(file.points.mean) == COUNT
    shown = latentlab.load_model(tmp_path / "t.csv", "cpu").module.nearest_images(latents())
    known = {20 + 30 * number for number in (0, 1, 3, 5)}
    assert set(np.rint(shown[:, 0, 0, 0] * 255).astype(int).tolist()) <= known


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_an_image_that_cannot_be_read_is_grey(tmp_path, content):
    paths = pictures(tmp_path)
    (tmp_path / "1.png").write_bytes(content)
    model = latentlab.load_model(as_csv(tmp_path / "t.csv", paths, LABELS), "cpu")
    assert (model.module.nearest_images(latents()[1:2]) * 255).round().max() == 128


def test_without_paths_the_points_are_shown_alone(tmp_path):
    model = latentlab.load_model(as_npz(tmp_path / "t.npz"), "cpu")
    assert "names no images" in read_model(tmp_path / "t.npz").package.note
    assert model.module.nearest_images(latents()).shape == (COUNT, *model.image_shape)


def test_what_needs_a_model_says_that_there_is_none(tmp_path):
    path = as_npz(tmp_path / "t.npz", path=np.array(pictures(tmp_path)))
    model = latentlab.load_model(path, "cpu")
    assert not model.capabilities.has_decoder
    z, image = latents()[:1], np.zeros((1, *model.image_shape), np.float32)
    for ask, why in (
        (lambda: model.decode(z), "has no decoder"),
        (lambda: model.encode(image), "no encoder"),
        (lambda: model.generate(2), "prior is not known"),
        (lambda: model.decoder_jacobian(z), "has no decoder"),
    ):
        with pytest.raises(InputError, match=why):
            ask()


@pytest.mark.parametrize("name", ["images", "x_train", "arr_0"])
def test_arrays_of_images_are_a_dataset(tmp_path, name):
    np.savez(tmp_path / "d.npz", mean=latents(), **{name: np.zeros((3, 8, 8), np.uint8)})
    assert kind_of(str(tmp_path / "d.npz")) == "dataset"


@pytest.mark.parametrize(
    "text", ["path,label\na.png,1\n", "label,pixel0,pixel1\n1,2,3\n", "x,y,z_height\n1,2,3\n", "", "\0"]
)
def test_other_tables_are_datasets(tmp_path, text):
    (tmp_path / "d.csv").write_text(text)
    assert kind_of(str(tmp_path / "d.csv")) == "dataset"


REFUSED = [
    ("mean_0,mean_1\n1,x\n", "line 2 does not have a number in every column"),
    ("mean_0,mean_1\n1,nan\n", "not finite"),
    ("mean_0,mean_1\n1,1e12\n", "beyond ±1e\\+09"),
    ("mean_0,mean_2\n1,1\n", "a column of the latents is missing"),
    ("mean_0,mean_1\n", "is empty"),
    (
        ",".join(f"mean_{number}" for number in range(5000)) + "\n" + ",".join("1" for _ in range(5000)),
        "more than 4,096",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_tables_without_a_meaning_are_refused_in_a_sentence(tmp_path, text, sentence):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=sentence) as raised:
        read_model(tmp_path / "t.csv")
    assert "\n" not in str(raised.value)


def test_pickled_arrays_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "t.npz", mean=latents(), path=np.array([{}] * COUNT, object))
    with pytest.raises(InputError):
        read_model(tmp_path / "t.npz")


def test_an_archive_with_a_long_list_is_not_listed(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number:050}.npy", b"")
        archive.writestr("mean.npy", b"")
    assert kind_of(str(tmp_path / "t.npz")) == "dataset"


@pytest.mark.parametrize("name", ["../outside.png", "/etc/hostname", "a\0b.png", "", "folder"])
def test_paths_of_any_kind_do_no_harm(tmp_path, name):
    pictures(tmp_path / "in")
    (tmp_path / "in" / "folder").mkdir()
    np.savez(tmp_path / "in" / "t.npz", z=latents(2), path=np.array(["0.png", name]))
    model = latentlab.load_model(tmp_path / "in" / "t.npz", "cpu")
    assert model.module.nearest_images(latents(2)).shape == (2, 3, 8, 12)


def test_lists_of_different_lengths_are_refused(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"embedding": [[1.0, 2.0], [1.0]]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="latents of different lengths"):
        read_model(tmp_path / "t.parquet")


def test_a_damaged_parquet_file_is_refused(tmp_path):
    path = as_parquet(tmp_path / "t.parquet", pictures(tmp_path), LABELS)
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(data)
    with pytest.raises(InputError, match="cannot be read") as raised:
        read_model(path)
    assert "\n" not in str(raised.value)


def test_row_2_a_table_whose_compressed_bytes_are_damaged_is_refused(tmp_path):
    path = tmp_path / "t.npz"
    np.savez_compressed(path, mean=latents(200, 8))
    data = bytearray(path.read_bytes())
    for at in range(100, 1000):
        data[at] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(InputError, match="does not hold latents"):
        read_latents(path)


def test_row_39_columns_of_any_name_are_named_in_one_short_sentence(tmp_path):
    (tmp_path / "t.csv").write_text(f'"a\nb\x1b",{"x" * 70_000}\n1,2\n')
    with pytest.raises(InputError) as refused:
        read_latents(tmp_path / "t.csv")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000
