"""Samples of every recipe after one epoch, in one picture: ``python -m tests.benchmarks.gallery IMAGES --out FILE``.

One row for each recipe, with its name; ``IMAGES`` is an IDX file of digits, or any other images with labels.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from latentlab.config import DataConfig, RunConfig, TrainingConfig
from latentlab.config.recipes import RECIPES, Recipe
from latentlab.data import Dataset, load_dataset
from latentlab.training import Trainer, tile

COLUMNS = 16
NAMES = 150  # px: room for the recipes' names
SCALE = 2


def samples(recipe: Recipe, dataset: Dataset, epochs: int, batch_size: int, threads: int) -> NDArray[np.float32]:
    """Images drawn from a model trained on ``dataset``; of a conditional one, each class in turn."""
    training = TrainingConfig(epochs=epochs, batch_size=batch_size, device="cpu", threads=threads)
    run = Trainer(dataset, RunConfig(model=recipe.config(), training=training))
    for _ in run.steps():
        pass
    return run.loaded.decode(run.loaded.sample_prior(COLUMNS), run.loaded.classes_of_samples(COLUMNS))


def picture(rows: dict[str, NDArray[np.float32]]) -> Image.Image:
    """The samples [COLUMNS, C, H, W] of each recipe as a row, its name before it."""
    sheet = Image.fromarray(tile(np.concatenate(list(rows.values())), COLUMNS)).convert("RGB")
    sheet = sheet.resize((sheet.width * SCALE, sheet.height * SCALE), Image.Resampling.NEAREST)
    named = Image.new("RGB", (NAMES + sheet.width, sheet.height), "white")
    named.paste(sheet, (NAMES, 0))
    draw, height = ImageDraw.Draw(named), sheet.height / len(rows)
    for row, name in enumerate(rows):
        draw.text((6, (row + 0.5) * height), name, fill="black", anchor="lm")
    return named


def main() -> None:
    """Train all recipes, one after another, and rewrite the picture after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", help="IDX file, with its labels beside it")
    parser.add_argument("--out", type=Path, default=Path("gallery.png"))
    parser.add_argument("--limit", type=int, default=5000, help="images to learn from")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=32, help="an epoch of 5,000 images is 157 steps of 32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", metavar="RECIPE", choices=list(RECIPES), default=list(RECIPES))
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.images, DataConfig(validation=0.0, limit=arguments.limit))
    drawn: dict[str, NDArray[np.float32]] = {}
    for name in arguments.only:
        start = time.process_time()
        drawn[name] = samples(RECIPES[name], dataset, arguments.epochs, arguments.batch_size, arguments.threads)
        picture(drawn).save(arguments.out)
        print(f"{name}: {time.process_time() - start:.0f} s of the processor", flush=True)


if __name__ == "__main__":
    main()
