"""What is written for other programs: latents, the projector's folder, the film of a run, curves, and their stamps."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from latentlab.errors import InputError
from latentlab.exchange.curves_table import write_curves
from latentlab.exchange.encoded import Encoded, decoding, encoded_images, result_of
from latentlab.exchange.history_film import history_frames, writing_history
from latentlab.exchange.latents_file import write_latents
from latentlab.exchange.projector import sprite_side, writing_projector
from latentlab.exchange.traversals import traversal_latents
from latentlab.storage import Points, RunFolder, Snapshot
from latentlab.utils.stamp import Stamp
from tests.exchange.test_onnx_export import untrained

STAMP = Stamp("ab12", seed=3)


def opened(path):
    """A picture whose file is closed."""
    return Image.open(io.BytesIO(path.read_bytes()))


def some(paths=("a.png", "=b\tc.png", "d.png")) -> Encoded:
    mean = np.array([[0.1, -2.5e-8], [1 / 3, 4.0], [-1.0, 0.0]], np.float32)
    return Encoded(mean, mean**2, np.array([1, 0, -1]), ("cat", "dog"), paths, np.arange(3))


def test_latents_are_the_same_numbers_in_every_format(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    encoded = some()
    for suffix in (".npz", ".csv", ".parquet"):
        write_latents(tmp_path / f"z{suffix}", encoded, STAMP)
    with np.load(tmp_path / "z.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["mean"], encoded.mean)
        assert arrays["path"].tolist() == list(encoded.paths)
        assert json.loads(str(arrays["latentlab"]))["model_sha256"] == "ab12"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "z.csv").read_text())))
    assert [np.float32(row["mean_1"]) for row in rows] == encoded.mean[:, 1].tolist()
    assert [row["class"] for row in rows] == ["dog", "cat", ""]
    described = json.loads((tmp_path / "z.csv-metadata.json").read_text())
    assert (described["url"], described["dc:source"]["seed"]) == ("z.csv", 3)
    table = parquet.read_table(tmp_path / "z.parquet")
    np.testing.assert_array_equal(table["std_0"].to_numpy(), encoded.std[:, 0])
    assert table["class"].to_pylist() == ["dog", "cat", None]
    assert json.loads(table.schema.metadata[b"latentlab"])["seed"] == 3


def test_the_projectors_folder_has_a_line_and_a_picture_for_each_image(tmp_path):
    model, encoded = untrained("vae"), some()
    images = np.arange(3 * 256).astype(np.uint8).reshape(3, 1, 16, 16)
    encoded = Encoded(**{**vars(encoded), "images": images})
    written = result_of(writing_projector(model, encoded, tmp_path / "new", STAMP))
    assert written == {"images": 3, "sprite": 16}
    folder = tmp_path / "new"
    tensors = np.loadtxt(folder / "tensors.tsv", delimiter="\t", dtype=np.float32)
    np.testing.assert_array_equal(tensors, encoded.mean)
    lines = (folder / "metadata.tsv").read_text().splitlines()
    assert lines[0] == "name\tclass"
    assert [line.count("\t") for line in lines] == [1] * 4
    assert lines[1:][2] == "d.png\tunknown"
    sprite = opened(folder / "sprite.png")
    assert sprite.size == (32, 32)
    np.testing.assert_array_equal(np.asarray(sprite)[16:, :16], images[2, 0])
    assert json.loads(sprite.text["latentlab"])["model_sha256"] == "ab12"
    assert "single_image_dim: 16" in (folder / "projector_config.pbtxt").read_text()
    with pytest.raises(InputError, match="not empty"):
        result_of(writing_projector(model, encoded, folder, STAMP))


def test_without_images_the_sprite_has_reconstructions(tmp_path):
    model, encoded = untrained("vae"), some()
    result_of(writing_projector(model, encoded, tmp_path / "new", STAMP))
    decoded = np.rint(model.decode(encoded.mean) * 255).astype(np.uint8)
    sprite = np.asarray(opened(tmp_path / "new" / "sprite.png"))
    np.testing.assert_array_equal(sprite[:16, :16], decoded[0, 0])


def test_a_sprite_is_no_larger_than_browsers_draw():
    assert sprite_side(20_000, 28) == 28
    assert sprite_side(100_000, 64) == 25
    assert sprite_side(10_000_000, 28) == 0


def test_the_points_of_a_models_file_are_its_images_where_none_are_open():
    model = untrained("vae")
    with pytest.raises(InputError, match="no encoded images"):
        result_of(encoded_images(model, None))
    model.points = Points(np.ones((2, 2), np.float32), np.ones((2, 2), np.float32), np.array([0, -1]), np.array([7, 9]))
    encoded = result_of(encoded_images(model, None))
    assert list(encoded.paths) == ["image 7", "image 9"]
    np.testing.assert_array_equal(encoded.mean, model.points.mean)


def test_pieces_are_decoded_as_all_at_once_and_report_how_far_they_are():
    model = untrained("vae")
    z = np.random.default_rng(0).standard_normal((40, 2)).astype(np.float32)
    steps = list(decoding(model, z))
    assert steps[-1] == (40, 40)
    np.testing.assert_allclose(result_of(decoding(model, z)), model.decode(z), atol=1e-6)


def test_a_traversal_holds_the_others():
    z = traversal_latents(np.array([5.0, 6.0, 7.0], np.float32), [2, 0], np.array([-1.0, 1.0], np.float32))
    assert z.tolist() == [[5, 6, -1], [5, 6, 1], [-1, 6, 7], [1, 6, 7]]
    with pytest.raises(InputError, match="no dimension 4"):
        traversal_latents(np.zeros(3, np.float32), [3], np.zeros(1, np.float32))


def snapshot(epoch: int, reach: float, cells: int = 2) -> Snapshot:
    images = np.full((3, 4, 4), 10 * epoch, np.uint8)
    picture = np.full((4 * cells, 4 * cells), 20 * epoch, np.uint8)
    points = np.zeros((1, 2), np.float32), np.zeros(1, np.int64), np.zeros(1, np.int64)
    extent = (-reach, reach, -reach, reach)
    return Snapshot(epoch, {}, *points, ("a",), "f", picture, extent, images, images, images, cells)


@pytest.fixture
def history(tmp_path):
    run = tmp_path / "run"
    for epoch, reach, cells in ((1, 1.0, 2), (2, 2.0, 3), (4, 4.0, 2), (9, 2.0, 2)):
        run.mkdir(exist_ok=True)
        RunFolder(run).snapshots.write(snapshot(epoch, reach, cells))
    return run


def test_a_film_of_a_run_goes_at_an_even_pace_whatever_epochs_were_kept(history):
    assert history_frames(history, 9) == (1, 2, 2, 4, 4, 4, 4, 4, 9)
    assert len(history_frames(history)) == 4
    assert history_frames(history)[-1] == 9


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4"])
def test_a_film_of_a_run_shows_every_epoch_on_one_plane(history, tmp_path, suffix):
    if suffix == ".mp4":
        pytest.importorskip("av")
    out = tmp_path / f"film{suffix}"
    assert result_of(writing_history(history, out, frames=9, fps=5)) == 9
    if suffix == ".mp4":
        import av

        with av.open(str(out)) as container:
            frames = [each.to_ndarray(format="gray") for each in container.decode(video=0)]
            assert "latentlab" in container.metadata["comment"]
    else:
        film = opened(out)
        frames = []
        for number in range(film.n_frames):
            film.seek(number)
            frames.append(np.asarray(film.convert("L")))
    shape = frames[0].shape
    assert shape == (16 + 16, 16)  # eight units at two pixels each, and a line with the epoch
    middle = [int(frame[8, 8]) for frame in frames]
    assert middle[0] == pytest.approx(20, abs=6)
    assert middle[-1] == pytest.approx(180, abs=6)
    corner = [int(frame[1, 1]) for frame in frames]
    assert corner[0] == pytest.approx(32, abs=6)  # beyond the first epoch's latents


def test_a_film_of_samples_and_what_is_refused(history, tmp_path):
    assert result_of(writing_history(history, tmp_path / "s.gif", "samples", scale=2)) == 4
    assert opened(tmp_path / "s.gif").size == (16, 16 + 16)
    with pytest.raises(InputError, match="not 'points'"):
        result_of(writing_history(history, tmp_path / "s.gif", "points"))
    with pytest.raises(InputError, match="no epochs that were kept"):
        result_of(writing_history(tmp_path, tmp_path / "s.gif"))
    with pytest.raises(InputError, match="a film is written as"):
        result_of(writing_history(history, tmp_path / "s.avi"))


def test_curves_are_a_row_for_each_epoch(tmp_path):
    run = RunFolder(tmp_path / "run")
    (tmp_path / "run").mkdir()
    for epoch in (1, 2):
        run.append_metrics({"event": "epoch", "epoch": epoch, "train": {"elbo": -epoch / 3}, "kl_per_dimension": [1.5]})
    assert write_curves(tmp_path / "run", tmp_path / "c.csv") == 2
    rows = list(csv.DictReader(io.StringIO((tmp_path / "c.csv").read_text())))
    assert rows[1] == {"epoch": "2", "train_elbo": str(-2 / 3), "kl_z1": "1.5"}
    with pytest.raises(InputError, match="no metrics"):
        write_curves(tmp_path, tmp_path / "d.csv")


def test_a_stamp_of_very_many_latents_counts_them():
    text = Stamp("a", z=np.zeros((5000, 2), np.float32)).text()
    assert json.loads(text)["latents"] == 5000
    assert json.loads(Stamp(z=np.array([[0.1]], np.float32), label=4).text()) == {
        "program": json.loads(text)["program"],
        "z": [[0.1]],
        "label": 4,
    }
