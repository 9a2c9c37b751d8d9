"""The published numbers: one command for each row, with its protocol.

``python -m tests.benchmarks.published ROW --mnist FOLDER [--device cuda] [--budget-minutes M]``

Trains on the 60,000 digits and measures on the 10,000 of the test set (``shapes``: on all images, as its papers do).
Likelihoods are in nats per image. What differs from a paper's protocol is printed with the result; so is a run that
the budget cut short, or that was made smaller by ``--epochs`` and ``--limit``.
``--small`` compares a row's methods at equal budget, by a protocol that a processor can bear: the order of the methods
may be held to the paper's, the figures may not.

``dsprites``, ``dsprites-tc`` and ``shapes3d`` need the files of these sets: ``--data dsprites.npz`` or ``3dshapes.h5``.

Where the references come from. Read at the source: Pythae's (the cards of its reproduced models), the ladder's (the
table of addtt/ladder-vae-pytorch) and the VampPrior's protocol (its authors' program). Found quoted by others: M2's,
and IWAE's at K = 1 and 50. From the papers by memory, and not found again: the remaining ones, VampPrior's 88.56 among
them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from latentlab.config import DataConfig, RunConfig, with_settings
from latentlab.config.events import Epoch
from latentlab.config.recipes import recipe
from latentlab.data import Dataset, load_dataset
from latentlab.evaluation import disentanglement, evaluate
from latentlab.latent.grids import quantile_grid
from latentlab.models.inference import InferenceModel
from latentlab.training import Trainer, from_the_top, tile

TRAIN, TEST = "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"
MIG_AND_SCORE = ("factor_vae_score", "mig")


@dataclass(frozen=True)
class Variant:
    """One method of a row: a recipe, what is set beside the row's own settings, and what the paper reports."""

    name: str
    recipe: str
    settings: tuple[str, ...]
    reference: str


@dataclass(frozen=True)
class Small:
    """A row at a cost that a processor can bear: what shows the order of its methods, not their published figures.

    Every method of the row gets the same images and updates. ``settings`` come after the row's and the variant's own.
    """

    epochs: int
    images: int | None = None
    test_images: int = 1000
    settings: tuple[str, ...] = ()
    learning_rate: float = 1e-3
    importance_samples: int = 200
    variants: tuple[Variant, ...] | None = None


@dataclass(frozen=True)
class Row:
    """A published table's row.

    ``learning_rates`` are passes and the rate in them, one after another; ``figures`` names what is reported;
    ``differs`` says what is not as in the paper; ``data`` are its images, empty if only ``--data`` gives them;
    ``small`` is its protocol for ``--small``.
    """

    variants: tuple[Variant, ...]
    settings: tuple[str, ...]
    learning_rates: tuple[tuple[int, float], ...]
    figures: tuple[str, ...] = ("log_likelihood", "elbo")
    importance_samples: int = 5000
    differs: str = "nothing known"
    data: str = "mnist"
    small: Small | None = None

    @property
    def epochs(self) -> int:
        """Of the whole protocol."""
        return sum(epochs for epochs, _ in self.learning_rates)


def _importance_table() -> tuple[Variant, ...]:
    elbo, bound = {1: 86.76, 5: 86.47, 50: 86.35}, {1: 86.76, 5: 85.54, 50: 84.78}
    methods = (("VAE", "vae", elbo), ("IWAE", "iwae", bound))
    return tuple(
        Variant(f"{name}, K = {k}", kind, (f"samples={k}",), f"NLL {reference[k]}")
        for name, kind, reference in methods
        for k in (1, 5, 50)
    )


_TANH = ("architecture.hidden=200", "architecture.layers=2", "architecture.activation=tanh")
_SHAPES = ("latent_dim=10", "architecture.kind=conv", "batch_size=64")
_FACTOR_METHODS = (
    Variant("VAE", "vae", (), "FactorVAE score .63, MIG .10"),
    Variant("β-VAE", "beta-vae", ("beta=4",), ".63, .21"),
    Variant("β-TCVAE", "tc-vae", ("divergence.weight=5",), ".62, .45"),
    Variant("FactorVAE", "factor-vae", ("adversary.weight=6.4",), ".82, .15"),
)
_FACTOR_SETTINGS = (*_SHAPES, "binarise=none")
_MEASURED_OF_LARGE_SETS = 10_000  # images, for scores of factors: their time and memory grow with the number

ROWS = {
    "quick": Row(
        (Variant("VAE", "vae", (), "test loss 106.7"),),
        ("latent_dim=20", "architecture.hidden=400", "batch_size=128"),
        ((7, 1e-3),),
        figures=("elbo",),
        importance_samples=1,
        differs="nothing known; the example prints the ELBO's negative, its test loss",
    ),
    "binarised": Row(
        tuple(Variant(f"VAE, {draw}", "vae", (f"binarise={draw}",), "NLL 88 to 90") for draw in ("static", "dynamic")),
        ("latent_dim=40", "architecture.hidden=400", "batch_size=128"),
        ((500, 1e-3),),
        differs="static images are drawn here, not Larochelle's file; test images are drawn once",
        small=Small(epochs=20, test_images=2000, importance_samples=500),
    ),
    "pythae": Row(
        (Variant("VAE", "vae", (), "NLL 89.78 ± .01 (89.9 in the paper)"),),
        ("latent_dim=40", "architecture.hidden=400", "batch_size=100", "binarise=dynamic"),
        ((500, 1e-4),),
        importance_samples=200,
        differs="whether its images are binarised once or anew is not known; here anew; test images are drawn once",
        small=Small(epochs=20, test_images=1000),
    ),
    "iwae": Row(
        _importance_table(),
        (*_TANH, "latent_dim=50", "binarise=dynamic", "batch_size=20"),
        tuple((3**i, 1e-3 * 10 ** (-i / 7)) for i in range(8)),
        figures=("log_likelihood", "elbo", "active_units"),
        differs="Adam's ε is 1e-8, not 1e-4; the output bias does not start at the pixels' means",
        small=Small(epochs=12, test_images=2000, settings=("batch_size=100",), importance_samples=500),
    ),
    "vamp": Row(
        (
            Variant("standard prior", "vae", (), "NLL 88.56"),
            Variant("VampPrior", "vamp-vae", ("prior.components=500",), "NLL 85.57"),
        ),
        (
            "latent_dim=40",
            "architecture.hidden=300",
            "architecture.layers=2",
            "binarise=static",
            "batch_size=100",
            "rate.warmup=100",
        ),
        ((2000, 5e-4),),
        differs="ReLU layers, not gated ones; Adam, not Adam on normalised gradients; pseudo-inputs begin at training "
        "images; static images are drawn here; a fixed number of epochs, no early stop",
        small=Small(
            epochs=4,
            settings=("rate.warmup=1",),
            variants=(
                Variant("standard prior", "vae", (), "NLL 88.56"),
                Variant("VampPrior, 200 pseudo-inputs", "vamp-vae", ("prior.components=200",), "NLL 85.57 with 500"),
            ),
        ),
    ),
    "flows": Row(
        (
            Variant("no flow", "vae", (), "−ELBO 86.55"),
            Variant("planar", "planar-vae", ("posterior.steps=16",), "−ELBO 86.06"),
            Variant("IAF", "iaf-vae", ("posterior.steps=16", "posterior.hidden=1280"), "−ELBO 84.20"),
        ),
        ("latent_dim=64", "architecture.kind=conv", "binarise=dynamic", "batch_size=100", "rate.warmup=100"),
        ((2000, 5e-4),),
        figures=("elbo", "log_likelihood"),
        differs="plain, not gated convolutions; Adam, not Adamax; a fixed number of epochs, no early stop",
        small=Small(
            epochs=6,
            settings=("architecture.kind=mlp", "architecture.hidden=300", "latent_dim=40", "rate.warmup=1"),
            variants=(
                Variant("no flow", "vae", (), "−ELBO 86.55"),
                Variant("planar, 8 steps", "planar-vae", ("posterior.steps=8",), "−ELBO 86.06 with 16"),
                Variant("IAF, 2 steps of 320", "iaf-vae", ("posterior.steps=2", "posterior.hidden=320"), "−ELBO 84.20"),
            ),
        ),
    ),
    "ladder": Row(
        (
            Variant("one layer", "vae", ("latent_dim=64",), "none: the contrast"),
            Variant("3 layers", "ladder-vae", ("hierarchy.layers=3", "latent_dim=112"), "−ELBO 82.14"),
            Variant(
                "3 layers, bottom-up too",
                "ladder-vae",
                ("hierarchy.layers=3", "latent_dim=112", "hierarchy.bottom_up=true"),
                "none",
            ),
            Variant("12 layers", "ladder-vae", ("hierarchy.layers=12", "latent_dim=192"), "−ELBO 80.50"),
        ),
        ("architecture.kind=residual", "binarise=static", "batch_size=128", "rate.warmup=200"),
        ((2000, 1e-3),),
        figures=("elbo", "log_likelihood"),
        differs="layers of vectors, not of feature maps; static images are drawn here; reference: the table of "
        "addtt/ladder-vae-pytorch, a convolutional ladder, not Sønderby et al.'s own",
        small=Small(
            epochs=2,
            settings=("architecture.kind=mlp", "latent_dim=28", "batch_size=100", "rate.kind=beta", "rate.warmup=0"),
            variants=(
                Variant("one layer of 28", "vae", (), "none: the contrast"),
                Variant("3 layers of 4, 8 and 16", "ladder-vae", (), "−ELBO 82.14"),
                Variant("the same, bottom-up too", "ladder-vae", ("hierarchy.bottom_up=true",), "none"),
            ),
        ),
    ),
    "helmholtz": Row(
        (
            Variant("wake–sleep, 2 layers", "helmholtz", (), "none: the contrast"),
            Variant("the ELBO itself, 2 layers", "ladder-vae", ("hierarchy.layers=2", "rate.kind=beta"), "none"),
        ),
        ("latent_dim=18", "binarise=static", "batch_size=100"),
        ((100, 1e-3),),
        figures=("elbo", "log_likelihood"),
        differs="no table of it is held to: how far wake and sleep stay behind a bound that is maximised",
        small=Small(epochs=6),
    ),
    "score": Row(
        (
            Variant("through the sample", "vae", ("samples=8",), "none"),
            Variant(
                "score function, leave-one-out baseline", "score-function-vae", ("samples=8",), "none: the contrast"
            ),
        ),
        ("latent_dim=10", "binarise=static", "batch_size=100"),
        ((100, 1e-3),),
        figures=("elbo", "gradient_variance_reparameterised", "gradient_variance_score"),
        importance_samples=1,
        differs="no table of it is held to; variances are of one sample's gradient in the posterior's mean, summed "
        "over dimensions, in the last epoch",
        small=Small(epochs=2, importance_samples=1),
    ),
    "m2": Row(
        (Variant("M2", "semi-supervised-vae", ("supervision.labels=100",), "error 11.97 ± 1.71 %"),),
        ("latent_dim=50", "architecture.hidden=500", "architecture.activation=softplus", "batch_size=200"),
        ((3000, 3e-4),),
        figures=("classification_error",),
        importance_samples=1,
        differs="Adam, not RMSProp with momentum; M2 on pixels",
        small=Small(epochs=6, images=20_000, test_images=10_000, importance_samples=1, settings=("batch_size=100",)),
    ),
    "shapes": Row(
        _FACTOR_METHODS,
        _SHAPES,
        ((2000, 1e-4),),
        figures=MIG_AND_SCORE,
        importance_samples=1,
        differs="demo:shapes (9,600 images, 8 rotations) in the place of dSprites (737,280, 40 rotations)",
        data="demo:shapes",
        small=Small(epochs=12, importance_samples=1, settings=("architecture.kind=mlp", "architecture.hidden=300")),
    ),
    "dsprites": Row(
        _FACTOR_METHODS,
        _FACTOR_SETTINGS,
        ((26, 1e-4),),
        figures=MIG_AND_SCORE,
        importance_samples=1,
        differs="26 epochs of 11,520 steps for 300,000; the discriminator's layers and rate are the recipe's",
        data="",
    ),
    "dsprites-tc": Row(
        (Variant("β-TCVAE", "tc-vae", ("divergence.weight=5",), "ELBO 710.41, modified 85.54 (712.26, 86.40)"),),
        (
            "latent_dim=10",
            "architecture.kind=mlp",
            "architecture.hidden=1200",
            "architecture.layers=2",
            "batch_size=2048",
        ),
        ((50, 1e-3),),
        figures=("elbo", "objective", *MIG_AND_SCORE),
        importance_samples=1,
        differs="network, batch size and β are not on Pythae's card and are those of the authors' program by memory; "
        "the total correlation is estimated as the recipe's page says; signs and the modified bound may differ",
        data="",
    ),
    "shapes3d": Row(
        _FACTOR_METHODS,
        _FACTOR_SETTINGS,
        ((67, 1e-4),),
        figures=MIG_AND_SCORE,
        importance_samples=1,
        differs="67 epochs of 7,500 steps for 500,000; the references are of dSprites, as the paper shows 3D Shapes in "
        "figures only",
        data="",
    ),
    "manifold": Row(
        (Variant("VAE", "vae", (), "Kingma & Welling's figure 4, by eye: manifold.png"),),
        ("latent_dim=2", "architecture.activation=tanh", "batch_size=100"),
        ((500, 1e-3),),
        figures=("elbo",),
        importance_samples=1,
        differs="Adam, not Adagrad",
    ),
}


def trained(
    dataset: Dataset, config: RunConfig, row: Row, budget: float | None
) -> tuple[Trainer, int, Mapping[str, float]]:
    """Train with the row's learning rates.

    The training, the whole epochs that ``budget`` seconds left time for, and the terms of the last.
    """
    rates = list(_by_epoch(row))
    training = Trainer(dataset, config)
    start, done = time.monotonic(), 0
    terms: Mapping[str, float] = {}
    stopped = False
    for event in training.steps():
        if isinstance(event, Epoch):
            done, terms = event.epoch, event.train
            if done < min(len(rates), config.training.epochs) and rates[done] != rates[done - 1]:
                training.update(learning_rate=rates[done])
        if budget is not None and not stopped and time.monotonic() - start > budget:
            training.stop()
            stopped = True
    return training, done, terms


def _by_epoch(row: Row) -> Iterator[float]:
    for epochs, rate in row.learning_rates:
        yield from [rate] * epochs


def configured(row: Row, variant: Variant, arguments: argparse.Namespace, seed: int) -> RunConfig:
    """The whole run's configuration."""
    settings = [
        *row.settings,
        *variant.settings,
        f"learning_rate={row.learning_rates[0][1]}",
        f"epochs={arguments.epochs or row.epochs}",
        f"training.seed={seed}",
        f"device={arguments.device}",
        f"threads={arguments.threads}",
        *arguments.set,
    ]
    return with_settings(RunConfig(model=recipe(variant.recipe).config()), settings)


def measured(row: Row, training: Trainer, terms: Mapping[str, float], test: Dataset, samples: int) -> dict[str, float]:
    """The row's figures of what has been trained; NaN for those that the method has not."""
    binarise = training.config.training.binarise
    values = evaluate(training.model, test.images, test.labels, samples, binarise=binarise).as_dict()
    if test.factors is not None:
        mean, std = training.loaded.encode(test.images)
        values |= disentanglement(mean, std, test.factors)._asdict()
    values |= {name: term for name, term in terms.items() if name not in values}
    return {name: float(values.get(name, "nan")) for name in row.figures}


def draw_manifold(model: InferenceModel, path: Path) -> None:
    """The decoded plane through the prior's quantiles, as in the figure."""
    picture = tile(model.decode(from_the_top(quantile_grid(20, 2))), 20)
    Image.fromarray(picture).save(path)


def smaller(row: Row) -> Row:
    """The row by its small protocol."""
    small = row.small
    if small is None:
        raise SystemExit("this row has no small protocol: its own is small")
    shrunk = tuple(
        replace(variant, settings=(*variant.settings, *small.settings)) for variant in small.variants or row.variants
    )
    images = "all" if small.images is None else f"{small.images:,}"
    return replace(
        row,
        variants=shrunk,
        learning_rates=((small.epochs, small.learning_rate),),
        importance_samples=small.importance_samples,
        differs=f"{row.differs}; small: {small.epochs} epochs over {images} images at {small.learning_rate}"
        + "".join(f", {setting}" for setting in small.settings),
    )


def run(name: str, arguments: argparse.Namespace) -> None:
    """Train and measure every variant of a row, and print the table."""
    row = ROWS[name]
    if arguments.small:
        small = row.small
        row = smaller(row)
        assert small is not None
        arguments.limit = arguments.limit or small.images
        arguments.test_limit = arguments.test_limit or small.test_images
    train, test = datasets(row, arguments)
    samples = arguments.importance_samples or row.importance_samples
    budget = 60 * arguments.budget_minutes if arguments.budget_minutes else None
    print(f"{name}: {len(train):,} images to learn from, {len(test):,} to be measured on; K = {samples}")
    print(f"differs from the paper's protocol: {row.differs}", flush=True)
    print(f"\n| method | epochs of {row.epochs} | {' | '.join(row.figures)} | reference | processor minutes |")
    print("|---" * (len(row.figures) + 4) + "|", flush=True)
    for variant in row.variants:
        if arguments.only and variant.name not in arguments.only:
            continue
        found, start, epochs = [], time.process_time(), 0
        for seed in range(arguments.seeds):
            training, epochs, terms = trained(train, configured(row, variant, arguments, seed), row, budget)
            found.append(measured(row, training, terms, test, samples))
            if name == "manifold":
                draw_manifold(training.loaded, Path("manifold.png"))
        figures = " | ".join(_spread([values[figure] for values in found]) for figure in row.figures)
        cut = "" if epochs == row.epochs else " (cut short)"
        minutes = (time.process_time() - start) / 60
        print(f"| {variant.name} | {epochs}{cut} | {figures} | {variant.reference} | {minutes:.1f} |", flush=True)


def datasets(row: Row, arguments: argparse.Namespace) -> tuple[Dataset, Dataset]:
    """What to learn from and what to be measured on."""
    config = DataConfig(validation=0.0, limit=arguments.limit)
    if arguments.data:
        images = load_dataset(arguments.data, config)
        if len(images) <= _MEASURED_OF_LARGE_SETS:
            return images, images
        chosen = np.random.default_rng(0).choice(len(images), _MEASURED_OF_LARGE_SETS, replace=False)
        return images, images.subset(np.sort(chosen))
    if not row.data:
        raise SystemExit("this row needs its images: --data dsprites.npz or --data 3dshapes.h5")
    if row.data != "mnist":
        images = load_dataset(row.data, config)
        return images, images
    return load_dataset(arguments.mnist / TRAIN, config), load_dataset(
        arguments.mnist / TEST, DataConfig(limit=arguments.test_limit)
    )


def _spread(values: list[float]) -> str:
    if np.isnan(values).all():  # not a figure of this method
        return "–"
    mean = f"{np.mean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.3f}"


def main() -> None:
    """Run one row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("row", choices=list(ROWS))
    parser.add_argument("--mnist", type=Path, default=Path(), help="folder of MNIST's gzipped IDX files")
    parser.add_argument("--data", help="other images to learn from and be measured on, such as a folder of Frey faces")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="methods by name, as in the table (all)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="of torch on a CPU")
    parser.add_argument("--budget-minutes", type=float, help="of training, for each method and seed")
    parser.add_argument("--small", action="store_true", help="by the row's small protocol, for a processor")
    parser.add_argument("--epochs", type=int, help="in the place of the protocol's")
    parser.add_argument("--limit", type=int, help="train on so many images")
    parser.add_argument("--test-limit", type=int, help="measure on so many images")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting after the row's")
    parser.add_argument("--importance-samples", type=int, metavar="K", help="in the place of the protocol's")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each method; mean and standard deviation")
    arguments = parser.parse_args()
    run(arguments.row, arguments)


if __name__ == "__main__":
    main()
