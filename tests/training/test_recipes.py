"""Every recipe trains, is stopped and resumed to the bit, saved, opened and used."""

import numpy as np
import pytest

from latentlab.config import ModelConfig
from latentlab.config.recipes import RECIPES
from latentlab.models.inference import load_model
from latentlab.training import Trainer
from latentlab.training.distributed import has_unused_parameters
from tests.training.helpers import bars, named, run_config, train
from tests.training.test_resume import content

pytestmark = pytest.mark.real


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_resumes_and_opens(name, tmp_path):
    values = RECIPES[name].config().model_dump()
    values["architecture"] |= {"hidden": 16, "width": 4}
    values["posterior"]["refine"] = min(3, values["posterior"]["refine"])
    config = run_config(values, epochs=2)
    assert config.model == ModelConfig(**values)
    dataset = bars(side=16)
    _, events = train(dataset, config, tmp_path / "whole")
    epoch = named(events, "epoch")[-1]
    for means in (epoch.train, epoch.validation):
        assert {"elbo", "rate", "distortion"} <= set(means)
        assert np.isfinite(list(means.values())).all()

    trainer = Trainer(dataset, config, tmp_path / "parts")
    parameters, learned = list(trainer.model.parameters()), []
    for parameter in parameters:
        parameter.register_post_accumulate_grad_hook(lambda which: learned.append(id(which)))
    for _ in trainer.steps():
        if trainer.step == 5:
            trainer.stop()
    assert has_unused_parameters(trainer.model) or {id(parameter) for parameter in parameters} == set(learned)
    train(dataset, config, tmp_path / "parts", resume=True)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")

    model = load_model(tmp_path / "whole", "cpu")
    mean, std = model.encode(dataset.images, dataset.labels)
    assert mean.shape == std.shape == (60, model.latent_dim)
    images = model.decode(mean, dataset.labels)
    assert images.shape == dataset.images.shape
    assert 0 <= images.min() <= images.max() <= 1
