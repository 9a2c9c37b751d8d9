"""A second model beside the current one: aligned by the images of both, measured on the same ones, and decoded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import procrustes as scipy_procrustes

from latentlab.api import load_dataset
from latentlab.engine.protocol.messages import (
    Axes,
    BothDecoded,
    CloseComparison,
    ComparisonOpened,
    DecodeBoth,
    DecodeOtherGrid,
    DrawLatent,
    LatentDrawn,
    OpenComparison,
    OtherTiles,
)
from latentlab.engine.worker.comparison import comparing
from latentlab.engine.worker.decode_both import NO_COUNTERPART, NO_WEIGHTS, decode_both, signed_difference
from latentlab.engine.worker.interactive import InteractiveRequests
from latentlab.engine.worker.jobs import encoding
from latentlab.engine.worker.workspace import Workspace, info_of
from latentlab.errors import InputError
from latentlab.models.inference import load_model
from latentlab.storage import RunFolder, Snapshot
from latentlab.utils.pixels import to_bytes

COUNT = 60


@pytest.fixture(scope="module")
def models():
    return {name: load_model(f"bundled:{name}", device="cpu") for name in ("mnist-2d", "mnist-10d")}


@pytest.fixture(scope="module")
def dataset(models, tmp_path_factory):
    z = np.random.default_rng(0).normal(size=(COUNT, 2))
    images = to_bytes(models["mnist-2d"].decode(z))[:, 0]
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(path, images=images)
    return load_dataset(path)


@pytest.fixture
def sent():
    return []


@pytest.fixture
def workspace(models, dataset, sent):
    """The model of 2 dimensions with the encoded dataset."""
    workspace = Workspace(sent.append)
    model = models["mnist-2d"]
    workspace.model, workspace.dataset = model, dataset
    workspace.publish_model(info_of(model.header, "bundled:mnist-2d", None), is_new_model=True)
    for _ in encoding(workspace):
        pass
    sent.clear()
    return workspace


def opened(workspace, sent, source="bundled:mnist-10d", epoch=None) -> ComparisonOpened:
    pieces = sum(1 for _ in comparing(workspace, OpenComparison(7, source, epoch)))
    assert pieces > 1
    return sent[-1]


def test_latents_of_the_same_images_are_aligned_and_both_are_measured_on_the_same_images(
    workspace, dataset, models, sent
):
    result = opened(workspace, sent)
    assert (result.generation, result.info.latent_dim, result.common, result.has_decoder) == (7, 10, COUNT, True)
    mean, _ = models["mnist-10d"].encode(dataset.images)
    np.testing.assert_allclose(result.points.mean, mean, atol=1e-5)
    padded = np.pad(workspace.points.mean, ((0, 0), (0, 8)))
    assert result.alignment.disparity == pytest.approx(scipy_procrustes(padded, mean)[2], rel=1e-5)
    first, second = result.figures
    assert (first.latent_dim, second.latent_dim) == (2, 10)
    assert first.measured_on == second.measured_on != ""
    for figures in result.figures:
        assert figures.elbo == pytest.approx(-(figures.rate + figures.distortion), rel=1e-6)
    assert second.active_units == (mean.var(axis=0) > 0.01).sum()


def test_a_latent_of_a_point_is_compared_with_the_same_images_latent(workspace, models, sent):
    result = opened(workspace, sent)
    decode_both(workspace, DecodeBoth(3, workspace.points.mean[17]))
    both = sent[-1]
    assert (both.number, both.generation) == (17, 3)
    np.testing.assert_array_equal(both.other_z, result.points.mean[17])
    np.testing.assert_array_equal(both.other_image, to_bytes(models["mnist-10d"].decode(both.other_z[None]))[0, 0])
    np.testing.assert_array_equal(both.image, to_bytes(models["mnist-2d"].decode(both.z[None]))[0, 0])


def test_any_other_latent_is_compared_with_the_aligned_one(workspace, sent):
    result = opened(workspace, sent)
    z = np.array([0.123, 0.4], np.float32)
    decode_both(workspace, DecodeBoth(3, z))
    assert sent[-1].number == -1
    np.testing.assert_allclose(sent[-1].other_z, result.alignment.inverse(z), rtol=1e-5)
    chosen = np.full(10, 0.3, np.float32)
    decode_both(workspace, DecodeBoth(4, z, chosen))
    np.testing.assert_array_equal(sent[-1].other_z, chosen)


def test_the_difference_is_red_where_the_second_image_is_brighter(sent):
    picture, mean = signed_difference(np.zeros((1, 1, 3), np.float32), np.array([[[0.0, 1.0, 0.0]]], np.float32))
    assert mean == pytest.approx(1 / 3)
    assert picture[0, 0].tolist() == [255, 255, 255]
    assert picture[0, 1, 0] > picture[0, 1, 2]
    picture, _ = signed_difference(np.ones((3, 1, 1), np.float32), np.zeros((3, 1, 1), np.float32))
    assert picture[0, 0, 2] > picture[0, 0, 0]


def test_without_the_images_nothing_is_aligned_and_it_is_said_why(workspace, sent):
    workspace.dataset = workspace.points = None
    result = opened(workspace, sent)
    assert result.alignment is None
    assert "open the images" in result.why_not_aligned
    assert result.figures[1].measured_on.endswith("as stored")
    decode_both(workspace, DecodeBoth(1, np.zeros(2, np.float32)))
    assert (sent[-1].other_image, sent[-1].note) == (None, NO_COUNTERPART)


def test_the_compared_manifold_is_decoded_by_the_compared_model(workspace, models, sent):
    opened(workspace, sent)
    sent.clear()
    interactive = InteractiveRequests(workspace)
    zero, x, y = np.zeros(10, np.float32), *np.eye(10, dtype=np.float32)[:2]
    interactive.answer(DecodeOtherGrid(2, Axes(zero, x, y), (-1, 1), (-1, 1), 2, 2, 28))
    while interactive.working_on:
        interactive.advance()
    tiles = [result for result in sent if isinstance(result, OtherTiles)]
    assert tiles[-1].done
    assert {each.model_version for each in tiles} == {7}  # the number of the comparison
    upper_right = [each.tiles[(each.cells == [1, 1]).all(axis=1)] for each in tiles if each.span == 1]
    (tile,) = np.concatenate(upper_right)
    corner = models["mnist-10d"].decode((0.5 * x + 0.5 * y)[None])
    np.testing.assert_allclose(tile.astype(int), to_bytes(corner)[0, 0].astype(int), atol=1)


def test_opening_it_again_only_aligns_it_anew(workspace, sent, monkeypatch):
    first = opened(workspace, sent)
    monkeypatch.setattr("latentlab.engine.worker.comparison.read_model", None)  # is not read again
    again = opened(workspace, sent)
    assert again.points.mean is first.points.mean
    assert again.alignment is not first.alignment


def test_a_model_that_cannot_be_read_leaves_none(workspace, sent):
    opened(workspace, sent)
    with pytest.raises(InputError, match="no bundled model"):
        list(comparing(workspace, OpenComparison(8, "bundled:none")))


def snapshot_of(workspace, epoch: int) -> Snapshot:
    """With a picture of 6 × 6 cells of 28 pixels, each of a grey of its own."""
    cells = np.repeat(np.repeat(np.arange(36, dtype=np.uint8).reshape(6, 6), 28, axis=0), 28, axis=1)
    points, images = workspace.points, np.zeros((2, 28, 28), np.uint8)
    return Snapshot(
        epoch, {"validation_elbo": -5.0, "validation_rate": 2.0, "validation_distortion": 3.0}, -points.mean,
        points.label, points.index, (), workspace.points_data, cells, (-3.0, 3.0, -3.0, 3.0), images, images, images,
    )  # fmt: skip


def test_an_epoch_is_compared_by_what_its_snapshot_holds(workspace, sent, tmp_path):
    workspace.publish_model(info_of(workspace.model.header, str(tmp_path), None), is_new_model=False)
    RunFolder(tmp_path).snapshots.write(snapshot_of(workspace, 4))
    result = opened(workspace, sent, str(tmp_path), 4)
    assert (result.snapshot.epoch, result.has_decoder, result.points) == (4, False, None)
    assert result.alignment.disparity == pytest.approx(0, abs=1e-5)
    assert result.figures[1].elbo == -5
    assert [each.name for each in result.figures] == [f"Now: {tmp_path.name}", f"Epoch 4 of {tmp_path.name}"]
    decode_both(workspace, DecodeBoth(1, np.zeros(2, np.float32), np.array([-2.9, 2.9], np.float32)))
    assert (sent[-1].other_image == 0).all()  # upper left
    assert "stored at epoch 4" in sent[-1].note
    decode_both(workspace, DecodeBoth(2, np.zeros(2, np.float32), np.array([2.9, -2.9], np.float32)))
    assert (sent[-1].other_image == 35).all()
    decode_both(workspace, DecodeBoth(3, np.zeros(2, np.float32), np.array([3.1, 0], np.float32)))
    assert (sent[-1].other_image, sent[-1].note) == (None, NO_WEIGHTS)


def write_epoch(workspace, run: Path, epoch: int, elbo: float, factor: float = 1.0) -> None:
    """An epoch of a run: its line of metrics, and its snapshot with latents ``factor`` times those of the model."""
    means = {"elbo": elbo, "rate": 2.0, "distortion": -elbo - 2}
    RunFolder(run).append_metrics({"event": "epoch", "epoch": epoch, "train": means, "validation": means})
    snapshot = snapshot_of(workspace, epoch)
    metrics = {f"validation_{name}": value for name, value in means.items()}
    mean = np.abs(snapshot.mean) ** factor  # another shape, not only another size
    RunFolder(run).snapshots.write(replace(snapshot, metrics=metrics, mean=mean))


def test_epochs_of_a_run_are_compared_by_figures_of_the_same_images(workspace, sent, tmp_path):
    """Those of its validation images after each epoch: there are no weights to measure others by."""
    workspace.publish_model(info_of(workspace.model.header, str(tmp_path), None), is_new_model=False, epoch=8.5)
    for epoch, elbo in ((4, -5.0), (8, -4.0), (9, -3.0)):
        write_epoch(workspace, tmp_path, epoch, elbo)
    first, second = opened(workspace, sent, str(tmp_path), 4).figures
    assert (first.elbo, second.elbo) == (-4, -5), "the last finished epoch, and the compared one"
    assert first.measured_on == second.measured_on == "the validation images of the run, as stored"
    again = opened(workspace, sent, str(tmp_path), 8).figures
    assert again[0].elbo == again[1].elbo


def test_a_viewed_epoch_is_compared_in_place_of_the_model_as_it_is_now(workspace, sent, tmp_path):
    workspace.publish_model(info_of(workspace.model.header, str(tmp_path), None), is_new_model=False, epoch=30)
    for epoch, elbo, factor in ((3, -9.0, 1.0), (20, -4.0, 2.0)):
        write_epoch(workspace, tmp_path, epoch, elbo, factor)
    list(comparing(workspace, OpenComparison(7, str(tmp_path), 3, first_epoch=20)))
    result = sent[-1]
    assert [each.name for each in result.figures] == [f"Epoch 20 of {tmp_path.name}", f"Epoch 3 of {tmp_path.name}"]
    assert [each.elbo for each in result.figures] == [-4, -9]
    late, early = (RunFolder(tmp_path).snapshots.read(epoch).mean for epoch in (20, 3))
    assert result.alignment.disparity == pytest.approx(scipy_procrustes(late, early)[2], rel=1e-4)
    decode_both(workspace, DecodeBoth(1, np.array([2.9, -2.9], np.float32), np.array([-2.9, 2.9], np.float32)))
    assert (sent[-1].image == 35).all()
    assert (sent[-1].other_image == 0).all()
    assert "stored at epoch 20" in sent[-1].note
    assert "stored at epoch 3" in sent[-1].note
    list(comparing(workspace, OpenComparison(8, str(tmp_path), 3, first_epoch=99)))
    assert sent[-1].figures[0].name == f"Now: {tmp_path.name}", "a snapshot that was removed meanwhile"


def test_closing_drops_the_second_model(driver):
    """In either host; what is asked about it afterwards has no answer."""
    other = np.zeros(10, np.float32)
    driver.ask(OpenComparison(1, "bundled:mnist-10d"))
    opened = driver.wait(ComparisonOpened)
    assert (opened.info.latent_dim, opened.alignment) == (10, None)
    driver.ask(DecodeBoth(1, np.zeros(2, np.float32), other))
    assert driver.wait(BothDecoded).other_image.shape == (28, 28)
    driver.ask(CloseComparison(), DecodeBoth(2, np.zeros(2, np.float32), other), DrawLatent(9, 0))
    driver.wait(LatentDrawn)
    assert not driver.seen(BothDecoded)
