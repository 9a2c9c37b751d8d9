"""Selected images of every recipe: shown, ranked and found, whatever its latents are."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from latentlab.config.recipes import RECIPES
from latentlab.data import load_dataset
from latentlab.engine.protocol.messages import ImagesRanked, RankImages, SelectionSummary, SummarizeSelection
from latentlab.engine.worker.jobs import encoding
from latentlab.engine.worker.selection_requests import SelectionRequests
from latentlab.engine.worker.workspace import Workspace, info_of
from latentlab.models import build
from latentlab.models.inference import InferenceModel
from latentlab.storage import ModelHeader
from tests.engine.worker.test_recipes import configured, data

__all__ = ["data"]  # the fixture

SHAPE = (1, 16, 16)


def workspace_of(config, dataset, sent: list) -> Workspace:
    """A worker's state with an untrained model of two classes, and all images encoded."""
    torch.manual_seed(0)
    module = build(config, SHAPE, 2).eval()
    header = ModelHeader(model=config, image_shape=SHAPE, classes=("0", "1"))
    workspace = Workspace(sent.append)
    workspace.model, workspace.dataset = InferenceModel(module, header, "cpu"), dataset
    workspace.info = info_of(header, "model", None)
    for _ in encoding(workspace):
        pass
    return workspace


def work(workspace: Workspace, request: object, requests: SelectionRequests | None = None) -> None:
    requests = requests or SelectionRequests(workspace, lambda _name: nullcontext(False))
    requests.put(request)
    while requests:
        requests.advance()


@pytest.mark.parametrize("name", RECIPES)
def test_images_of_every_recipe_are_shown_and_ranked(data, name):
    sent: list = []
    config = configured(name).model
    workspace = workspace_of(config, load_dataset(data), sent)
    work(workspace, SummarizeSelection(1, np.array([0, 1, 7, 30]), label=0))
    summary = next(each for each in reversed(sent) if isinstance(each, SelectionSummary))
    assert summary.originals.shape == summary.reconstructions.shape == (4, 16, 16)
    assert summary.latents.shape == (4, workspace.model.latent_dim)
    assert np.isfinite(summary.mean_latent).all()
    assert summary.mean_image is not None
    requests = SelectionRequests(workspace, lambda _name: nullcontext(False))
    for by in ("distortion", "elbo", "distance"):
        work(workspace, RankImages(1, by), requests)
        ranked = sent[-1]
        assert isinstance(ranked, ImagesRanked)
        assert sorted(ranked.images.tolist()) == list(range(40))
        assert np.isfinite(ranked.values).all(), by


def test_two_hundred_dimensions(data):
    sent: list = []
    config = configured("vae").model.model_copy(update={"latent_dim": 200})
    workspace = workspace_of(config, load_dataset(data), sent)
    work(workspace, RankImages(1, "distance"))
    points = workspace.points.mean
    between = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(between, np.inf)
    np.testing.assert_allclose(sent[-1].values, np.sort(between.min(axis=1))[::-1], rtol=1e-4)
