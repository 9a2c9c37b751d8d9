"""Samples of every recipe after one epoch, in one picture: ``python -m tests.benchmarks.gallery IMAGES --out FILE``.

One row for each recipe, in the order in which its name is printed; ``IMAGES`` is an IDX file of digits.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentlab.config import DataConfig, RunConfig, TrainingConfig
from latentlab.data import Dataset, load_dataset
from latentlab.recipes import RECIPES, Recipe
from latentlab.training import Training, tile

COLUMNS = 16


def samples(recipe: Recipe, dataset: Dataset, epochs: int, threads: int) -> NDArray[np.float32]:
    """Images drawn from a model trained on ``dataset``; of a conditional one, each class in turn."""
    training = TrainingConfig(epochs=epochs, device="cpu", threads=threads)
    run = Training(dataset, RunConfig(model=recipe.config(), training=training))
    for _ in run.steps():
        pass
    return run.loaded.decode(run.loaded.sample_prior(COLUMNS), run.loaded.classes_of_samples(COLUMNS))


def main() -> None:
    """Train all recipes, one after another, and write the picture anew after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", help="IDX file, with its labels beside it")
    parser.add_argument("--out", type=Path, default=Path("gallery.png"))
    parser.add_argument("--limit", type=int, default=5000, help="images to learn from")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", metavar="RECIPE", choices=list(RECIPES), default=list(RECIPES))
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.images, DataConfig(validation=0.0, limit=arguments.limit))
    drawn = []
    for name in arguments.only:
        start = time.monotonic()
        drawn.append(samples(RECIPES[name], dataset, arguments.epochs, arguments.threads))
        Image.fromarray(tile(np.concatenate(drawn), COLUMNS)).save(arguments.out)
        print(f"row {len(drawn)}: {name}, {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
