"""The model that a run saves has latents on the prior's scale; its checkpoint does not."""

import numpy as np
import pytest

from latentlab.models.inference import load_model
from latentlab.storage import RunFolder
from tests.training.helpers import bars, named, run_config, train

GREY = {"latent_dim": 2, "likelihood": {"kind": "gaussian", "sigma": "optimal", "mean": "sigmoid"}}


def aggregate(points, training):
    mean, std = points.mean[training], points.std[training]
    return mean.mean(0), np.sqrt(mean.var(0) + (std**2).mean(0))


@pytest.mark.parametrize("training", [{}, {"binarise": "dynamic"}])
def test_a_finished_run_saves_standardised_latents_and_resumes_from_its_own(tmp_path, training):
    data = bars(validation=0.2)
    train(data, run_config(GREY, standardise=False, **training), tmp_path / "plain")
    _, events = train(data, run_config(GREY, **training), tmp_path / "run")
    saved, trained = load_model(tmp_path / "run", "cpu"), load_model(tmp_path / "plain", "cpu")
    mean, std = aggregate(saved.points, data.split()[0])
    assert np.allclose(mean, 0, atol=0.3 if training else 1e-3)
    assert np.allclose(std, 1, atol=0.3 if training else 1e-3)
    assert not np.allclose(aggregate(trained.points, data.split()[0])[1], 1, atol=0.01)
    again = saved.decode(saved.points.mean)
    assert np.allclose(again, trained.decode(trained.points.mean), atol=1e-4)
    rates = [model.header.metrics["validation_rate"] for model in (saved, trained)]
    assert rates[0] < rates[1] == pytest.approx(named(events, "epoch")[-1].validation["rate"])
    assert saved.header.metrics["train_rate"] < trained.header.metrics["train_rate"]
    distortions = [model.header.metrics["validation_distortion"] for model in (saved, trained)]
    assert distortions[0] == distortions[1]
    # A checkpoint holds the weights as they were trained: resumed runs are the same to the bit.
    first, second = (RunFolder(tmp_path / name).read_checkpoint() for name in ("plain", "run"))
    assert all(np.array_equal(first.tensors[name], second.tensors[name]) for name in first.tensors)
    more, _ = train(data, run_config(GREY, epochs=5, **training), tmp_path / "run", resume=True)
    whole, _ = train(data, run_config(GREY, epochs=5, **training))
    weights = (dict(each.loaded.module.state_dict()) for each in (more, whole))
    for one, other in zip(*(each.values() for each in weights), strict=True):
        assert np.array_equal(one.numpy(), other.numpy())


def test_a_model_that_is_no_plain_vae_is_saved_as_trained(tmp_path):
    config = run_config({"posterior": {"kind": "delta"}, "beta": 0.0})
    run, _ = train(bars(), config, tmp_path / "run")
    assert all(
        np.array_equal(run.state.best.weights[name], tensor.numpy())
        for name, tensor in run.loaded.module.state_dict().items()
    )
