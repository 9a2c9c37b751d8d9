"""What the worker says about selected images, and what it writes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import cdist

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.engine.protocol.messages import (
    CancelRanking,
    EncodeSelection,
    ExportSelection,
    ImagesFound,
    ImagesRanked,
    PointsChanged,
    RankImages,
    Ranking,
    RankingProgress,
    SearchImages,
    SelectionExported,
    SelectionSummary,
    SubsetWritten,
    SummarizeSelection,
    WriteSubset,
)
from latentlab.engine.worker.job_queue import JobQueue
from latentlab.engine.worker.selection_requests import SelectionRequests
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.evaluation import quick_bound
from latentlab.models.inference import load_model
from latentlab.storage import Points
from latentlab.utils.pixels import as_pixels, to_bytes
from latentlab.utils.tag_columns import Tag

COUNT = 40


@pytest.fixture(scope="module")
def model():
    return load_model("bundled:mnist-2d", device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Images in two class folders; two of them have the same name."""
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("digits")
    for name in ("ones", "twos"):
        (folder / name).mkdir()
        for number in range(COUNT // 2):
            pixels = random.integers(0, 256, (28, 28), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


class Bench:
    """A worker's state, what it sends, and what answers requests, without a loop."""

    def __init__(self, model, dataset, monkeypatch) -> None:
        self.sent: list = []
        self.errors: list[Exception] = []
        self.workspace = Workspace(self.sent.append)
        self.workspace.model, self.workspace.version = model, 3
        self.dataset = self.workspace.dataset = dataset
        if dataset is not None:
            mean, std = model.encode(np.asarray(dataset.images))
            self.keep_points(Points(mean, std, dataset.labels, np.arange(len(dataset))), dataset.fingerprint)
        self.requests = SelectionRequests(self.workspace, self._report)
        self.jobs = JobQueue(self.workspace, self._report)

    def keep_points(self, points: Points, fingerprint: str) -> None:
        self.workspace.points, self.workspace.points_data = points, fingerprint
        self.workspace.points_version = self.workspace.version

    def _report(self, name: str, path=""):
        from contextlib import contextmanager

        @contextmanager
        def report():
            try:
                yield
            except InputError as error:
                self.errors.append(error)

        return report()

    def ask(self, request, kind=None):
        """Work until it is answered; returns the last result of a kind."""
        is_job = not isinstance(request, SummarizeSelection | SearchImages | RankImages)
        worker = self.jobs if is_job else self.requests
        worker.put(request)
        while worker:
            worker.advance()
        if kind is not None:
            assert not self.errors, self.errors
            return [each for each in self.sent if isinstance(each, kind)][-1]
        return None


@pytest.fixture
def bench(model, folder, monkeypatch) -> Bench:
    return Bench(model, load_dataset(folder), monkeypatch)


@pytest.fixture
def without_images(model, bench, monkeypatch) -> Bench:
    """Points of ten images, as a model file keeps them; their dataset is not open."""
    other = Bench(model, None, monkeypatch)
    assert bench.workspace.points is not None
    other.keep_points(bench.workspace.points.of(np.arange(0, COUNT, 4)), bench.dataset.fingerprint)
    return other


SOME = np.array([1, 5, 22, 39])


def test_a_summary_shows_images_beside_their_reconstructions_and_their_mean(bench, model):
    summary = bench.ask(SummarizeSelection(7, SOME, 3), SelectionSummary)
    pixels = np.asarray(bench.dataset.images)
    assert (summary.generation, summary.model_version) == (7, 3)
    assert summary.images.tolist() == [1, 22, 39]
    np.testing.assert_array_equal(summary.originals, as_pixels(pixels[summary.images]))
    np.testing.assert_array_equal(summary.reconstructions, as_pixels(to_bytes(model.decode(summary.latents))))
    np.testing.assert_array_equal(summary.mean_image, np.rint(pixels[SOME, 0].mean(axis=0)))
    mean = model.encode(pixels[SOME])[0].mean(axis=0)
    np.testing.assert_allclose(summary.mean_latent, mean, atol=1e-5)
    np.testing.assert_array_equal(summary.decoded_mean, as_pixels(to_bytes(model.decode(mean[None])))[0])
    first = next(each for each in bench.sent if isinstance(each, SelectionSummary))
    assert first.mean_image is None, "the images are shown before all are averaged"


def test_without_their_dataset_points_are_decoded(without_images, model):
    summary = without_images.ask(SummarizeSelection(1, np.array([0, 4, 5])), SelectionSummary)
    assert summary.images.tolist() == [0, 4], "image 5 has no point"
    assert summary.originals is None
    assert summary.mean_image is None
    points = without_images.workspace.points
    np.testing.assert_array_equal(summary.latents, points.mean[:2])
    before = len(without_images.sent)
    without_images.ask(SummarizeSelection(2, np.array([5])))
    assert (len(without_images.sent), without_images.errors) == (before, [])


@pytest.mark.parametrize("by", ["distortion", "elbo"])
def test_images_are_ranked_by_the_bound_of_each(bench, model, by):
    ranked = bench.ask(RankImages(1, by), ImagesRanked)
    assert sorted(ranked.images.tolist()) == list(range(COUNT))
    assert np.all(np.diff(ranked.values) * (-1 if by == "distortion" else 1) >= 0)
    assert ranked.fingerprint == bench.dataset.fingerprint
    # Their mean is that of the whole dataset, up to the noise of one sample for each image.
    whole = quick_bound(model.module, np.asarray(bench.dataset.images))
    assert ranked.values.mean() == pytest.approx(getattr(whole, by), rel=0.05)
    before = len(bench.sent)
    bench.ask(RankImages(2, by), ImagesRanked)
    assert len(bench.sent) == before + 1, "the values of the same weights are known"


def test_the_farthest_from_the_others_are_those_of_all_pairs(bench, without_images):
    for each in (bench, without_images):
        ranked = each.ask(RankImages(1, "distance"), ImagesRanked)
        points = each.workspace.points
        between = cdist(points.mean, points.mean)
        np.fill_diagonal(between, np.inf)
        order = np.argsort(-between.min(axis=1), kind="stable")
        np.testing.assert_allclose(ranked.values, between.min(axis=1)[order], rtol=1e-4)
        np.testing.assert_array_equal(ranked.images, points.index[order])
        assert ranked.compared == len(points.mean)


def test_among_many_points_distances_are_to_some_of_them_and_never_to_itself(bench, monkeypatch):
    monkeypatch.setattr("latentlab.engine.worker.image_ranking._MOST_COMPARED", 10)
    ranked = bench.ask(RankImages(1, "distance"), ImagesRanked)
    assert ranked.compared == 10
    assert ranked.values.min() > 0
    mean = bench.workspace.points.mean[ranked.images]
    assert np.all(ranked.values >= np.sort(cdist(mean, mean), axis=1)[:, 1] - 1e-4)


def test_a_ranking_tells_its_progress_and_can_be_cancelled(bench):
    bench.requests.put(RankImages(1, "elbo"))
    bench.requests.advance()
    assert bench.sent[-1] == RankingProgress(1, bench.sent[-1].done, COUNT)
    bench.requests.put(CancelRanking())
    assert not bench.requests
    assert not any(isinstance(each, ImagesRanked) for each in bench.sent)


def test_what_cannot_be_ranked_is_said(without_images):
    without_images.ask(RankImages(1, "elbo"))
    assert "open the dataset" in str(without_images.errors[0])


def test_a_summary_does_not_wait_for_a_ranking(bench):
    bench.requests.put(RankImages(1, "elbo"))
    bench.requests.put(SummarizeSelection(1, SOME))
    while not any(isinstance(each, SelectionSummary) for each in bench.sent):
        bench.requests.advance()
    assert not any(isinstance(each, ImagesRanked) for each in bench.sent)


def test_images_are_found_by_path_class_and_tag(bench, without_images):
    tags = (Tag("mine", "good", np.array([1, 25])), Tag("mine", "bad", np.array([2])))
    found = bench.ask(SearchImages(1, "path: 1.png and class = twos"), ImagesFound)
    assert found.images.tolist() == [n for n, path in enumerate(bench.dataset.paths) if "1.png" in path and n >= 20]
    ones = bench.ask(SearchImages(5, "ONES"), ImagesFound)
    assert (ones.what, ones.images.tolist(), found.what) == ("class ones", list(range(20)), "")
    assert bench.ask(SearchImages(2, "mine = good", tags), ImagesFound).images.tolist() == [1, 25]
    assert bench.ask(SearchImages(3, "bad", tags), ImagesFound).fingerprint == bench.dataset.fingerprint
    assert without_images.ask(SearchImages(1, "mine = good", tags), ImagesFound).images.tolist() == []
    bench.ask(SearchImages(4, "size > 3"))
    assert "no column 'size'" in str(bench.errors[0])


def test_a_table_has_path_class_tags_and_latents(bench, tmp_path):
    path = tmp_path / "some.csv"
    tags = (Tag("mine", "=good", np.array([5])),)
    done = bench.ask(ExportSelection(str(path), SOME, "table", tags), SelectionExported)
    assert done.sentence == "4 images in some.csv; its column mean_0 is z₁, and so on"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["path"] for row in rows] == [bench.dataset.paths[image] for image in SOME]
    assert [row["label"] for row in rows] == ["ones", "ones", "twos", "twos"]
    assert [bool(row["mine"]) for row in rows] == [False, True, False, False]
    assert not rows[1]["mine"].startswith("="), "a spreadsheet would compute it"
    latents = np.array([[float(row["mean_0"]), float(row["mean_1"])] for row in rows])
    np.testing.assert_allclose(latents, bench.workspace.points.mean[SOME], rtol=1e-6)
    deviations = np.array([[float(row["std_0"]), float(row["std_1"])] for row in rows])
    np.testing.assert_allclose(deviations, bench.workspace.points.std[SOME], rtol=1e-6)


def test_images_of_a_ranking_are_shown_and_exported_in_its_order(bench, tmp_path):
    order, values = np.array([22, 5, 39, 1]), np.array([9.5, 7, 3, -2], np.float32)
    summary = bench.ask(SummarizeSelection(1, order, 3, is_ranked=True), SelectionSummary)
    assert summary.images.tolist() == [22, 5, 39], "the first ones"
    np.testing.assert_array_equal(summary.originals, as_pixels(np.asarray(bench.dataset.images)[summary.images]))
    path = tmp_path / "worst.csv"
    ranking = Ranking("elbo", order, values)
    titles = ((1, "z₂ tilt"),)
    bench.ask(ExportSelection(str(path), np.array([22, 39, 1, 7]), "table", (), ranking, titles), SelectionExported)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [(row["image"], row["rank"], row["elbo"]) for row in rows] == [
        ("22", "1", "9.5"), ("39", "3", "3.0"), ("1", "4", "-2.0"), ("7", "", ""),
    ]  # fmt: skip
    assert [row["z₂ tilt"] for row in rows] == [row["mean_1"] for row in rows]
    latents = np.array([[float(row["mean_0"]), float(row["mean_1"])] for row in rows])
    np.testing.assert_allclose(latents, bench.workspace.points.mean[[22, 39, 1, 7]], rtol=1e-6)


def test_a_table_is_not_written_over_an_image(bench, folder):
    before = (folder / "ones" / "1.png").read_bytes()
    bench.ask(ExportSelection(str(folder / "ones" / "1.png"), SOME, "table"))
    assert "input" in str(bench.errors[0])
    assert (folder / "ones" / "1.png").read_bytes() == before


@pytest.mark.parametrize("can_link", [True, False])
def test_a_folder_of_links_or_copies_can_be_opened_again(bench, tmp_path, monkeypatch, can_link):
    if not can_link:

        def refuse(*_arguments):
            raise OSError("no links here")

        monkeypatch.setattr("os.symlink", refuse)
    target = tmp_path / "picked"
    done = bench.ask(ExportSelection(str(target), SOME, "folder"), SelectionExported)
    assert done.sentence == f"4 {'links' if can_link else 'copies'} in picked"
    assert all(path.is_symlink() == can_link for path in target.rglob("*.png"))
    again = load_dataset(target)
    assert again.classes == ("ones", "twos")
    np.testing.assert_array_equal(again.images, bench.dataset.images[SOME])
    bench.ask(ExportSelection(str(target), SOME, "folder"))
    assert "exists already" in str(bench.errors[0]), "nothing is overwritten"


def test_images_of_an_array_become_png_files_with_names_of_their_own(model, tmp_path, monkeypatch):
    images = np.random.default_rng(1).integers(0, 256, (6, 28, 28), np.uint8)
    np.save(tmp_path / "images.npy", images)
    bench = Bench(model, load_dataset(tmp_path / "images.npy"), monkeypatch)
    done = bench.ask(ExportSelection(str(tmp_path / "out"), np.array([0, 3]), "folder"), SelectionExported)
    assert done.sentence == "2 PNG files in out"
    saved = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / "out").iterdir())])
    np.testing.assert_array_equal(saved, images[[0, 3]])


def test_equal_names_are_kept_apart(model, tmp_path, monkeypatch):
    for part in ("one", "two"):
        (tmp_path / "data" / part / "same").mkdir(parents=True)
        Image.fromarray(np.full((28, 28), len(part) * 9, np.uint8)).save(tmp_path / "data" / part / "same" / "x.png")
    (tmp_path / "list.txt").write_text("data/one/same/x.png\ndata/two/same/x.png\n")
    bench = Bench(model, load_dataset(tmp_path / "list.txt"), monkeypatch)
    bench.ask(ExportSelection(str(tmp_path / "out"), np.array([0, 1]), "folder"), SelectionExported)
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


def test_a_subset_of_files_is_a_list_that_opens_as_the_same_images(bench, tmp_path):
    written = bench.ask(WriteSubset(str(tmp_path / "lists"), SOME), SubsetWritten)
    assert written.path.endswith(".txt")
    again = load_dataset(written.path, written.config)
    np.testing.assert_array_equal(again.images, bench.dataset.images[SOME])
    assert [again.classes[label] for label in again.labels] == ["ones", "ones", "twos", "twos"]
    assert bench.ask(WriteSubset(str(tmp_path / "lists"), SOME), SubsetWritten).path == written.path
    named = bench.ask(WriteSubset(str(tmp_path / "lists"), SOME, "a/b without 2 images"), SubsetWritten)
    assert load_dataset(named.path, named.config).name == "a-b without 2 images"


def test_a_subset_of_an_array_with_its_own_settings_opens_as_the_same_images(model, tmp_path, monkeypatch):
    images = np.random.default_rng(1).integers(0, 900, (30, 20, 20)).astype(np.uint16)
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(30) % 3, class_names=np.array(["a", "b", "c"]))
    config = DataConfig(image_size=28, invert=True, classes=("a", "c"), limit=15)
    bench = Bench(model, load_dataset(tmp_path / "images.npz", config), monkeypatch)
    some = np.array([0, 2, 9])
    written = bench.ask(WriteSubset(str(tmp_path), some), SubsetWritten)
    again = load_dataset(written.path, written.config)
    np.testing.assert_array_equal(again.images, bench.dataset.images[some])
    mine = [bench.dataset.classes[label] for label in bench.dataset.labels[some]]
    assert [again.classes[label] for label in again.labels] == mine


def test_a_subset_that_memory_cannot_hold_is_refused(model, tmp_path, monkeypatch):
    np.save(tmp_path / "images.npy", np.zeros((5, 28, 28), np.uint8))
    bench = Bench(model, load_dataset(tmp_path / "images.npy"), monkeypatch)
    monkeypatch.setattr("latentlab.engine.worker.selection_export.available_bytes", lambda: 3 * 28 * 28)
    bench.ask(WriteSubset(str(tmp_path / "out"), np.arange(5)))
    assert "more than the limit" in str(bench.errors[0])
    bench.ask(WriteSubset(str(tmp_path / "out"), np.zeros(0, np.int64)))
    assert "no image would be left" in str(bench.errors[1])


def test_encoding_again_replaces_the_points_of_these_images_alone(bench):
    before = bench.workspace.points.mean.copy()
    bench.workspace.points.mean[:] = 0
    points = bench.ask(EncodeSelection(SOME), PointsChanged)
    np.testing.assert_allclose(points.mean[SOME], before[SOME], atol=1e-5)
    assert not np.delete(points.mean, SOME, axis=0).any()
    assert points.index.tolist() == list(range(COUNT))
