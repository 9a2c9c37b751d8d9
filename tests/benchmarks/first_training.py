"""How good a first training is: ``python -m tests.benchmarks.first_training faces=faces.npy mnist=train-images.gz``.

Each source is trained with the suggested settings, on a part of its images, and measured on the others:

- the mean squared error of a pixel, beside that of as many principal components of the same training images;
- the ELBO with Gaussian pixels of the training images' σ, beside the exact log-likelihood of probabilistic PCA;
- the distance of 1,000 samples of the prior from the training images: Fréchet's, in their first 20 principal
  components, over their total variance. It tells coarse structure only: look at ``--sheets`` too;
- the error of training images beside that of validation images, which tells what was learned by heart.

Times are processor times, so that work beside this one hardly matters.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA

from latentlab.config import DataConfig
from latentlab.config.events import Epoch
from latentlab.config.run import RunConfig
from latentlab.data import Dataset, load_dataset
from latentlab.data.suggest import suggest
from latentlab.models.inference import InferenceModel
from latentlab.training import Trainer, tile

SAMPLES = 1000
COMPONENTS = 20
COLUMNS = 16  # of a sheet
HEADINGS = "images|settings|s|steps, epochs|VAE / PCA|ratio|training error|ELBO / PPCA|rate|active|samples"
SMALLEST_SIGMA = np.exp(-6.0)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """What was measured of one training; errors per pixel, bounds in nats per image."""

    seconds: float
    steps: int
    epochs: int
    error: float
    training_error: float
    pca_error: float
    elbo: float
    ppca: float
    rate: float
    active: int
    distance: float

    @property
    def ratio(self) -> float:
        """The model's error over that of principal components."""
        return self.error / self.pca_error


def flat(images: NDArray[np.uint8]) -> Floats:
    """Pixels in [0, 1] as rows."""
    return np.asarray(images).reshape(len(images), -1).astype(np.float64) / 255


def measure(model: InferenceModel, dataset: Dataset, seconds: float, steps: int, epochs: int) -> Figures:
    """The figures of a trained model."""
    training, validation = dataset.split()
    train, held_out = flat(dataset.images[training]), flat(dataset.images[validation])
    pca = PCA(min(model.latent_dim, len(train) - 1), svd_solver="full" if train.shape[1] < 1000 else "randomized")
    pca.fit(train)
    projected = pca.inverse_transform(pca.transform(held_out))
    error, squares, rate, active = read(model, dataset, validation)
    some = np.random.default_rng(0).permutation(training)[:2000]  # images are often sorted by class
    training_error, training_squares, _, _ = read(model, dataset, some)
    pixels = held_out.shape[1]
    sigma = max(np.sqrt(training_squares / pixels), SMALLEST_SIGMA)
    elbo = -0.5 * squares / sigma**2 - pixels * (np.log(sigma) + 0.5 * np.log(2 * np.pi)) - rate
    drawn = model.decode(model.sample_prior(SAMPLES, seed=1), model.classes_of_samples(SAMPLES))
    return Figures(
        seconds,
        steps,
        epochs,
        error,
        training_error,
        float(np.mean((held_out - projected) ** 2)),
        elbo,
        ppca_score(pca, train, held_out),
        rate,
        active,
        frechet(drawn.reshape(SAMPLES, -1).astype(np.float64), train),
    )


def ppca_score(pca: PCA, train: Floats, held_out: Floats) -> float:
    """Mean exact log-likelihood of probabilistic PCA in nats, whose σ² is the mean of all variances left out."""
    variances, pixels = pca.explained_variance_, train.shape[1]
    noise = max((train.var(0).sum() - variances.sum()) / (pixels - len(variances)), SMALLEST_SIGMA**2)
    centred = held_out - pca.mean_
    along = centred @ pca.components_.T
    squares = (along**2 / variances).sum(1) + ((centred**2).sum(1) - (along**2).sum(1)) / noise
    log_det = np.log(variances).sum() + (pixels - len(variances)) * np.log(noise)
    return float(np.mean(-0.5 * (squares + log_det + pixels * np.log(2 * np.pi))))


def read(model: InferenceModel, dataset: Dataset, chosen: NDArray[np.int64]) -> tuple[float, float, float, int]:
    """Error of a pixel at the posterior's mean, squared error of an image at a sample, rate, and active latents."""
    images, labels = np.asarray(dataset.images[chosen]), dataset.labels[chosen]
    mean, std = model.encode(images, labels if model.module.classes else None)
    z = mean + std * np.random.default_rng(0).standard_normal(mean.shape).astype(np.float32)
    target = flat(images)
    label = labels if model.module.classes else None
    at_mean, at_sample = (model.decode(each, label).reshape(len(images), -1) for each in (mean, z))
    safe = np.maximum(std, 1e-12)
    per_dimension = np.mean(0.5 * (mean**2 + std**2 - 1) - np.log(safe), 0)
    squares = float(np.mean(np.sum((at_sample - target) ** 2, 1)))
    return (
        float(np.mean((at_mean - target) ** 2)),
        squares,
        float(per_dimension.sum()),
        int((per_dimension > 0.1).sum()),
    )


def frechet(samples: Floats, train: Floats) -> float:
    """Fréchet distance of two sets of images in the second's first components, over its total variance."""
    pca = PCA(COMPONENTS, svd_solver="randomized", random_state=0).fit(train)
    a, b = pca.transform(samples), pca.transform(train)
    first, second = np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(second)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ first @ root), 0)).sum()
    distance = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(first) + np.trace(second) - 2 * cross
    return float(distance / train.var(0).sum())


def sheet(model: InferenceModel, dataset: Dataset, path: Path) -> None:
    """Write validation images above their reconstructions, and samples below."""
    _, validation = dataset.split()
    chosen = validation[: 2 * COLUMNS]
    images = np.asarray(dataset.images[chosen])
    labels = dataset.labels[chosen] if model.module.classes else None
    rebuilt = model.decode(model.encode(images, labels)[0], labels)
    rows = []
    for start in range(0, len(images), COLUMNS):
        part = slice(start, start + COLUMNS)
        rows += [images[part].astype(np.float32) / 255, rebuilt[part]]
    drawn = model.decode(model.sample_prior(4 * COLUMNS), model.classes_of_samples(4 * COLUMNS))
    picture = Image.fromarray(tile(np.concatenate([*rows, drawn]), COLUMNS))
    scale = max(1, 64 // images.shape[-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST).save(path)


def train(dataset: Dataset, config: RunConfig) -> tuple[InferenceModel, float, int, int]:
    """Train; returns the model, processor time in seconds, steps and epochs."""
    start, last = time.process_time(), None
    run = Trainer(dataset, config)
    for event in run.steps():
        last = event if isinstance(event, Epoch) else last
    return run.loaded, time.process_time() - start, run.step, last.epoch if last else 0


def main() -> None:
    """Print a row for each source and seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sources", nargs="+", metavar="NAME=PATH")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--validation", type=float, default=0.1)
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sheets", type=Path)
    parser.add_argument("--note", default="")
    arguments = parser.parse_args()
    print(f"|{HEADINGS}|")
    print("|" + "---|" * (HEADINGS.count("|") + 1))
    for source in arguments.sources:
        name, _, path = source.partition("=")
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            data = DataConfig(validation=arguments.validation, limit=arguments.limit, seed=seed)
            dataset = load_dataset(path, data)
            settings = [*arguments.set, f"training.seed={seed}", f"training.threads={arguments.threads}"]
            config = suggest(dataset, ["training.device=cpu", *settings]).config
            model, seconds, steps, epochs = train(dataset, config)
            found = measure(model, dataset, seconds, steps, epochs)
            kind = f"{config.model.recipe}, {config.model.architecture.kind}, d {config.model.latent_dim}"
            print(
                f"| {name} {len(dataset)}, seed {seed} | {kind} {arguments.note} | {found.seconds:.0f} | "
                f"{found.steps}, {found.epochs} | {found.error:.5f} / {found.pca_error:.5f} | {found.ratio:.2f} | "
                f"{found.training_error:.5f} | {found.elbo:.0f} / {found.ppca:.0f} | {found.rate:.1f} | "
                f"{found.active} | {found.distance:.3f} |",
                flush=True,
            )
            if arguments.sheets is not None:
                sheet(model, dataset, arguments.sheets / f"{name}-{seed}{arguments.note.replace(' ', '-')}.png")


if __name__ == "__main__":
    main()
