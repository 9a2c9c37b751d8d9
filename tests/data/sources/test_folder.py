from __future__ import annotations

import gc
import os
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from latentlab.config import DataConfig
from latentlab.data import Dataset, load_dataset, open_dataset
from latentlab.data.sources.scan import Scan, scan
from latentlab.errors import InputError
from tests.data.helpers import grey, save


def reasons(dataset: Dataset) -> dict[str, str]:
    return {each.path: each.reason for each in dataset.skipped}


def test_a_flat_folder_has_no_labels(tmp_path):
    for number in (3, 1, 2):
        save(tmp_path / f"{number}.png", grey(number))
    dataset = load_dataset(tmp_path)
    assert dataset.paths == ["1.png", "2.png", "3.png"]
    assert dataset.images[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert dataset.labels.tolist() == [-1, -1, -1]
    assert dataset.classes == ()
    assert dataset.image_shape == (1, 8, 10)


def test_class_folders_give_labels_in_natural_order(tmp_path):
    for name in ("10", "9", "1"):
        save(tmp_path / name / "deeper" / "a.png")
    dataset = load_dataset(tmp_path)
    assert dataset.classes == ("1", "9", "10")
    assert dataset.paths == ["1/deeper/a.png", "10/deeper/a.png", "9/deeper/a.png"]
    assert dataset.labels.tolist() == [0, 2, 1]


def test_common_folders_and_split_folders_are_not_classes(tmp_path):
    for path in ("set/train/cat/a.png", "set/train/dog/b.png", "set/test/cat/c.png"):
        save(tmp_path / path)
    dataset = load_dataset(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 0, 1]


def test_split_folders_without_classes_have_no_labels(tmp_path):
    save(tmp_path / "train/a.png")
    save(tmp_path / "test/b.png")
    assert load_dataset(tmp_path).classes == ()


def test_row_26_a_folder_without_images_is_refused_with_the_reason(tmp_path):
    with pytest.raises(InputError, match="there are no images in"):
        load_dataset(tmp_path)
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(InputError, match=r"1 other file \(notes\.txt: not an image by its name"):
        load_dataset(tmp_path)
    (tmp_path / "a.png").write_text("none")
    with pytest.raises(InputError, match="there are no images in"):
        load_dataset(tmp_path)


def test_row_26_one_image_is_a_dataset(tmp_path):
    save(tmp_path / "a.png")
    dataset = load_dataset(tmp_path)
    training, validation = dataset.split(0.1, 0)
    assert (len(dataset), training.tolist(), validation.tolist()) == (1, [0], [])


def test_row_27_an_empty_class_folder_keeps_its_class(tmp_path):
    save(tmp_path / "cat/a.png")
    save(tmp_path / "dog/a.png")
    (tmp_path / "cow").mkdir()
    dataset = load_dataset(tmp_path)
    assert dataset.classes == ("cat", "cow", "dog")
    assert dataset.labels.tolist() == [0, 2]


def test_row_27_hidden_files_and_folders_are_left_out(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / ".hidden.png")
    save(tmp_path / ".thumbnails" / "a.png")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    dataset = load_dataset(tmp_path)
    assert dataset.paths == ["a.png"]
    assert dataset.skipped == []


def test_row_27_duplicate_and_unicode_names_are_kept_by_their_path(tmp_path):
    for name in ("x/a.png", "y/a.png", "y/猫 — très.png"):
        save(tmp_path / name)
    assert load_dataset(tmp_path).paths == ["x/a.png", "y/a.png", "y/猫 — très.png"]


def test_row_27_undecodable_names_are_read_and_shown_as_text(tmp_path):
    save(tmp_path / "a.png")
    try:
        os.rename(tmp_path / "a.png", os.fsencode(tmp_path) + b"/caf\xe9.png")
    except OSError:
        pytest.skip("this file system allows no such name")
    dataset = load_dataset(tmp_path)
    assert dataset.paths == ["caf\\xe9.png"]
    dataset.paths[0].encode("utf-8")


def test_row_28_damaged_files_are_skipped_and_listed_and_the_order_stays(tmp_path):
    for number in range(5):
        save(tmp_path / f"{number}.png", grey(number * 10))
    noise = grey(np.random.default_rng(0).integers(0, 255, (8, 10)))
    whole = save(tmp_path / "cut.jpg", noise).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) - 40])
    (tmp_path / "2.png").write_bytes(b"this is no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "notes.txt").write_text("none")
    dataset = load_dataset(tmp_path)
    assert dataset.images[:, 0, 0, 0].tolist() == [0, 10, 30, 40]
    assert dataset.paths == ["0.png", "1.png", "3.png", "4.png"]
    assert list(reasons(dataset)) == ["2.png", "cut.jpg", "empty.png", "notes.txt"]
    assert reasons(dataset)["2.png"] == "not an image of a known format"
    assert "truncated" in reasons(dataset)["cut.jpg"]
    assert reasons(dataset)["empty.png"] == "empty file"


def test_row_30_mixed_sizes_and_modes_are_unified(tmp_path):
    save(tmp_path / "a.png", grey(50, (40, 30)))
    save(tmp_path / "b.png", grey(70, (90, 100)))
    save(tmp_path / "c.png", Image.new("RGB", (64, 64), (200, 10, 10)))
    dataset = load_dataset(tmp_path, DataConfig(fit="stretch"))
    assert dataset.image_shape == (3, 64, 64)
    assert dataset.images[:, :, 32, 32].tolist() == [[50, 50, 50], [70, 70, 70], [200, 10, 10]]
    assert dataset.file_stats.modes == {"L": 2, "RGB": 1}
    assert dataset.file_stats.sizes == {"40×30": 1, "90×100": 1, "64×64": 1}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_row_31_only_regular_files_are_read(tmp_path):
    save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    dataset = load_dataset(tmp_path)
    assert reasons(dataset) == {"b.png": "not a regular file"}


def test_row_31_each_folder_is_visited_once_despite_links(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    save(root / "real" / "a.png")
    save(elsewhere / "b.png")
    (root / "real" / "loop").symlink_to(root)
    (root / "a link to real").symlink_to(root / "real")
    (root / "up").symlink_to(tmp_path)
    (root / "other").symlink_to(elsewhere)
    (root / "again").symlink_to(elsewhere)
    (root / "circle.png").symlink_to(root / "circle.png")
    (root / "broken.png").symlink_to(root / "absent.png")
    dataset = load_dataset(root)
    assert len(dataset) == 2
    assert "real/a.png" in dataset.paths
    assert reasons(dataset) == {
        "real/loop": "a link to a folder that contains it",
        "up": "a link to a folder that contains it",
        "circle.png": "a circular link",
        "broken.png": "a broken link",
    }


def test_row_31_unreadable_files_and_folders_are_skipped(tmp_path, monkeypatch):
    save(tmp_path / "a.png")
    locked, shut = save(tmp_path / "locked.png"), tmp_path / "shut"
    save(shut / "b.png")
    locked.chmod(0)
    shut.chmod(0)
    if os.access(locked, os.R_OK):  # root may read anything
        real_open, real_scan = os.open, os.scandir

        def refuse(real, names):
            def call(path, *rest):
                if str(path).endswith(names):
                    raise PermissionError(13, "Permission denied")
                return real(path, *rest)

            return call

        monkeypatch.setattr(os, "open", refuse(real_open, "locked.png"))
        monkeypatch.setattr(os, "scandir", refuse(real_scan, "shut"))
    dataset = load_dataset(tmp_path)
    shut.chmod(0o755)
    assert dataset.paths == ["a.png"]
    assert reasons(dataset) == {"locked.png": "permission denied", "shut": "permission denied"}


def test_row_31_a_file_that_vanishes_during_loading_is_skipped(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.png")
    loading = open_dataset(tmp_path, DataConfig(image_size=8))
    for step in loading:
        (tmp_path / "1.png").unlink(missing_ok=True)
        if isinstance(step, Dataset):
            break
    steps = scan(str(tmp_path))
    assert len(next(step for step in steps if isinstance(step, Scan)).paths) == 2
    assert set(reasons(step)) <= {"1.png"}


@pytest.fixture(scope="module")
def many_files(tmp_path_factory):
    """200,000 files that are empty, by links to one: quick to make, each an entry of its own."""
    root = tmp_path_factory.mktemp("many")
    for number in range(4):
        folder = root / str(number)
        folder.mkdir()
        descriptor = os.open(folder, os.O_RDONLY)
        os.close(os.open("0.png", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
        for file in range(1, 50_000):
            os.link("0.png", f"{file}.png", src_dir_fd=descriptor, dst_dir_fd=descriptor)
        os.close(descriptor)
    return root


def test_row_32_scanning_200_000_files_reports_progress_in_bounded_memory(many_files):
    (many_files / "0" / "0.png").write_bytes(b"x")  # 50,000 of them are not empty now
    steps = list(scan(str(many_files)))
    found = steps.pop()
    assert isinstance(found, Scan)
    assert (len(found.paths), len(found.skipped)) == (50_000, 150_000)
    counts = [step.done for step in steps if step.message == "Looking for images"]
    assert len(counts) > 3
    assert counts == sorted(counts)
    # Descriptions of so many files are not scanned by the garbage collector, neither during the scan nor later.
    assert gc.isenabled()
    assert not any(each is found.skipped for each in gc.get_objects())
    bytes_each = sum(map(sys.getsizeof, found.paths)) / 50_000 + found.sizes.itemsize + found.times.itemsize
    assert bytes_each < 100


def test_row_32_a_scan_is_cancelled_at_once(many_files):
    loading = open_dataset(many_files, DataConfig())
    next(loading)
    started = time.monotonic()
    loading.close()
    assert time.monotonic() - started < 0.2


def test_cancelling_a_loading_ends_its_threads_and_leaves_nothing_in_the_cache(tmp_path, own_folders):
    for number in range(300):
        save(tmp_path / "pictures" / f"{number:03}.png", grey(number % 256))
    loading = open_dataset(tmp_path / "pictures", DataConfig(image_size=32))
    while next(loading).done == 0:
        pass
    loading.close()
    for thread in threading.enumerate():
        if thread.name.startswith("ingest"):  # one that is still at its last image
            thread.join(5)
            assert not thread.is_alive()
    files = [path for path in own_folders.rglob("*") if path.is_file()]
    assert not [path for path in files if path.parent.name != "surveys"], "a finished survey may be kept"


def test_progress_reaches_the_total_and_shows_the_first_images(tmp_path):
    for number in range(100):
        save(tmp_path / f"{number:03}.png", grey(number))
    steps = list(open_dataset(tmp_path, DataConfig(image_size=8)))
    dataset = steps.pop()
    assert isinstance(dataset, Dataset)
    assert (steps[-1].done, steps[-1].total) == (100, 100)
    previews = [step.images for step in steps if step.images is not None]
    assert len(previews) == 1
    assert (previews[0] == dataset.images[: len(previews[0])]).all()


def test_a_path_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no file or folder"):
        load_dataset(tmp_path / "absent")


def test_an_unknown_file_format_is_refused(tmp_path):
    (tmp_path / "a.doc").write_text("x")
    with pytest.raises(InputError, match="is not a dataset"):
        load_dataset(tmp_path / "a.doc")


def test_folders_of_systems_are_never_images_nor_classes_and_are_said_once(tmp_path):
    for path in (
        *("cat/0.png", "dog/0.png", "cat/@eaDir/0.png/SYNOPHOTO_THUMB_M.jpg", "dog/@eaDir/0.jpg"),
        *("__MACOSX/cat/0.png", "$RECYCLE.BIN/S-1/R0.png", "System Volume Information/x.png", "LOST+FOUND/x.png"),
        "cat/.ipynb_checkpoints/0-checkpoint.png",
    ):
        save(tmp_path / path)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / "cat" / name).write_bytes(b"x")
    for _ in range(2):  # scanned, and from the stored listing
        dataset = load_dataset(tmp_path)
        assert dataset.paths == ["cat/0.png", "dog/0.png"]
        assert dataset.classes == ("cat", "dog")
        assert {each.path for each in dataset.left_out} == {
            *("@eaDir", "__MACOSX", "$RECYCLE.BIN", "System Volume Information", "LOST+FOUND", ".ipynb_checkpoints"),
        }  # fmt: skip
        assert {each.kind for each in dataset.left_out} == {"folder"}
