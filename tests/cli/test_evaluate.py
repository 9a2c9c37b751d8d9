"""``latentlab evaluate``."""

import inspect
import json

import numpy as np
import pytest

import latentlab
import latentlab.evaluation
from latentlab.cli import main
from latentlab.errors import InputError
from tests.cli.conftest import SMALL
from tests.training.helpers import bars


def test_evaluate_measures_in_nats(run, data, capsys):
    arguments = ["evaluate", str(run), str(data), "--limit", "30", "--importance-samples", "5", "--device", "cpu"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == 30
    assert found["importance_samples"] == 5
    assert found["elbo"] == pytest.approx(-found["rate"] - found["distortion"])
    assert found["log_likelihood"] >= found["elbo"]
    assert {"bits_per_dimension", "active_units"} <= set(found)
    assert main(arguments) == 0
    assert "nats per image" in capsys.readouterr().out


def test_evaluate_remarks_how_the_images_relate_to_the_model(run, data, tmp_path, capsys):
    """Its training images; some of them; or others, which were resized."""
    quick = ("--importance-samples", "1")
    assert any(
        "trained on 54 of these 60 images, with 6 held" in said for said in remarks_on(capsys, run, data, *quick)
    )
    some = remarks_on(capsys, run, data, "--limit", "30", *quick)
    assert any("it may have been trained on some of them" in said for said in some)
    colours = np.random.default_rng(0).integers(0, 256, (9, 10, 12, 3)).astype(np.uint8)
    np.save(tmp_path / "colours.npy", colours)
    others = remarks_on(capsys, run, tmp_path / "colours.npy", *quick)
    assert others[:2] == [
        "9 images converted from colour to grey, as the model needs them",
        "9 images of other sizes (mostly 12×10) resized to 8×8, as the model needs them",
    ]


def remarks_on(capsys, *arguments):
    return measured(capsys, *arguments)["remarks"]


def test_evaluate_counts_active_units_and_measures_the_variety_of_samples(run, data, capsys):
    found = measured(capsys, run, data)
    assert len(found["kl_per_dimension"]) == 2
    assert found["collapsed"] == [index for index, kl in enumerate(found["kl_per_dimension"]) if kl < 0.01]
    assert 0 < found["sample_diversity"] < 1
    assert not {"mig", "amortisation_gap", "figures"} & set(found)


def test_evaluate_measures_the_gaps_when_asked(run, data, capsys):
    found = measured(capsys, run, data, "--gaps", "--limit", "20")
    assert found["amortisation_gap"] == pytest.approx(found["refined_elbo"] - found["encoder_elbo"])
    assert found["approximation_gap"] == pytest.approx(found["richer_log_likelihood"] - found["refined_elbo"])
    # Both are estimates of the encoder's ELBO on the same images.
    assert found["encoder_elbo"] == pytest.approx(found["elbo"], abs=1)


def test_evaluate_has_the_metrics_of_the_model_family(data, tmp_path, capsys):
    for recipe, figure, most in (("semi-supervised-vae", "classification_error", 1), ("vq-vae", "perplexity", 512)):
        run = tmp_path / recipe
        small = ("--set", "architecture.width=4", *SMALL)
        assert main(["train", str(data), "--recipe", recipe, "--out", str(run), "--epochs", "1", *small]) == 0
        assert 0 <= measured(capsys, run, data, "--importance-samples", "1")[figure] <= most


def test_evaluate_scores_disentanglement_if_factors_are_known(tmp_path, capsys):
    small = ("--image-size", "8", "--limit", "300", "--latent-dim", "3")
    run = tmp_path / "run"
    assert main(["train", "demo:shapes", "--out", str(run), "--epochs", "1", *small, *SMALL]) == 0
    found = measured(capsys, run, "demo:shapes", "--limit", "300", "--importance-samples", "1")
    for score in ("mig", "factor_vae_score", "beta_vae_score"):
        assert 0 <= found[score] <= 1


@pytest.fixture(scope="module")
def split_data(tmp_path_factory):
    dataset = bars()
    path = tmp_path_factory.mktemp("split") / "bars.npz"
    images = {"x_train": dataset.images[:40, 0], "x_test": dataset.images[40:, 0]}
    np.savez(path, **images, level_train=np.arange(40) % 4, level_test=np.arange(20) % 4, kind_train=np.arange(40) % 2)
    return path


def test_evaluate_measures_the_test_split_and_says_so(run, split_data, capsys):
    quick = ("--importance-samples", "1")
    found = measured(capsys, run, split_data, *quick)
    assert (found["split"], found["images"]) == ("test", 20)
    assert found["remarks"][0] == (
        "test is measured, 20 images: the data are split into 40 train, 20 test (--split NAME)"
    )
    for part, images in (("train", 40), ("all", 60)):
        found = measured(capsys, run, split_data, "--split", part, *quick)
        assert (found["split"], found["images"]) == (part, images)
    assert main(["evaluate", str(run), str(split_data), "--split", "dev"]) == 2
    assert "no split 'dev' (splits: train, test)" in capsys.readouterr().err


def test_evaluate_scores_columns_that_are_chosen_as_factors(run, split_data, capsys):
    options = ("--importance-samples", "1", "--split", "all")
    assert "mig" not in measured(capsys, run, split_data, *options)
    found = measured(capsys, run, split_data, "--factors", "level, kind", *options)
    assert 0 <= found["mig"] <= 1
    assert found["remarks"][-1] == (
        "disentanglement is measured on 40 images with the factors level (4 values), kind (2 values)"
    )
    for factors, message in (
        ("level", "two factors that vary"),
        ("absent,kind", "no column 'absent' (columns: level, kind"),
    ):
        assert main(["evaluate", str(run), str(split_data), "--factors", factors]) == 2
        assert message in capsys.readouterr().err


def test_python_scores_factors(run, split_data):
    model, dataset = latentlab.load_model(run, "cpu"), latentlab.load_dataset(split_data)
    scores = latentlab.disentanglement(model, dataset, ["level", "kind"])
    assert 0 <= scores.factor_vae_score <= 1
    with pytest.raises(InputError, match="two factors that vary among the images, and there are 0"):
        latentlab.disentanglement(model, dataset)


def test_evaluate_refuses_gaps_of_models_that_cannot_be_refined(data, tmp_path, capsys):
    assert main(["train", str(data), "--recipe", "ae", "--out", str(tmp_path / "ae"), "--epochs", "1", *SMALL]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "ae"), str(data), "--gaps"]) == 2
    assert "diagonal or full-covariance" in capsys.readouterr().err


def test_evaluate_remarks_what_its_metrics_do_not_mean(data, tmp_path, capsys):
    bernoulli = tmp_path / "bernoulli"
    assert main(["train", str(data), "--recipe", "vae", "--out", str(bernoulli), "--epochs", "1", *SMALL]) == 0
    assert any("grey pixels" in said for said in measured(capsys, bernoulli, data)["remarks"])
    points = tmp_path / "points"
    gaussian = ("--set", "likelihood.kind=gaussian", *SMALL)
    assert main(["train", str(data), "--recipe", "ae", "--out", str(points), "--epochs", "1", *gaussian]) == 0
    assert [remark.split(",")[0] for remark in measured(capsys, points, data)["remarks"][1:]] == [
        "the latents are points",
        "the likelihood is a density of pixels in [0",
    ]
    assert main(["evaluate", str(points), str(data), "--device", "cpu"]) == 0
    assert "note: the latents are points" in capsys.readouterr().out


def measured(capsys, model, data, *options):
    capsys.readouterr()
    assert main(["evaluate", str(model), str(data), "--device", "cpu", "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_without_a_number_all_three_draw_as_many_importance_samples(run, data, capsys):
    defaults = [
        inspect.signature(function).parameters["importance_samples"].default
        for function in (latentlab.evaluate, latentlab.evaluation.evaluate)
    ]
    assert main(["evaluate", str(run), str(data), "--limit", "2", "--device", "cpu", "--json"]) == 0
    assert defaults == [json.loads(capsys.readouterr().out)["importance_samples"]] * 2


def test_images_of_a_split_are_no_images_of_another_size(run, tmp_path, capsys):
    images = bars().images[:, 0]
    np.savez(tmp_path / "split.npz", x_train=images[:20], x_test=images[20:])
    assert main(["evaluate", str(run), str(tmp_path / "split.npz"), "--importance-samples", "1"]) == 0
    said = capsys.readouterr().out
    assert "test is measured" in said
    assert "of other sizes" not in said
