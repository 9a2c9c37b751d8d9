"""How fast the film of a path is made, at 252 × 252 and 256 × 256 pixels: frames a second against the film's own 25.

Decoding and encoding one after the other, and together as the command does, in turn.

``python -m tests.benchmarks.bench_film``
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from latentlab.config.recipes import recipe
from latentlab.exchange.encoded import decoded_each, decoding_each, result_of
from latentlab.models import build
from latentlab.models.inference import InferenceModel, load_model
from latentlab.storage import ModelHeader
from latentlab.training.image_output import write_film_images

FRAMES, ROUNDS = 50, 3


def main() -> None:
    small = load_model("bundled:mnist-2d", "cpu")
    config = recipe("vae").config()
    config = config.model_copy(update={"architecture": config.architecture.model_copy(update={"kind": "conv"})})
    shape = (3, 256, 256)
    header = ModelHeader(model=config, image_shape=shape, parameters=1)
    large = InferenceModel(build(config, shape).eval(), header, "cpu")
    for name, model, scale in (("mnist-2d, each pixel 9 × 9", small, 9), ("conv, 256 × 256 colour", large, 1)):
        z = np.linspace(-2, 2, FRAMES * model.latent_dim, dtype=np.float32).reshape(FRAMES, model.latent_dim)
        seconds: dict[tuple[str, str], list[float]] = {}
        with TemporaryDirectory() as folder:
            for _ in range(ROUNDS):
                for suffix in (".mp4", ".gif", ".webp"):
                    out = Path(folder) / f"film{suffix}"
                    began = time.perf_counter()
                    write_film_images(out, result_of(decoding_each(model, z)), 25, scale)
                    seconds.setdefault((suffix, "one after the other"), []).append(time.perf_counter() - began)
                    began = time.perf_counter()
                    write_film_images(out, decoded_each(model, z), 25, scale)
                    seconds.setdefault((suffix, "together"), []).append(time.perf_counter() - began)
        for (suffix, way), times in seconds.items():
            rate = FRAMES / statistics.median(times)
            print(
                f"{name} {suffix}, {way}: {rate:.0f} frames/s, {rate / 25:.1f} × 25 fps; load {os.getloadavg()[0]:.0f}"
            )


if __name__ == "__main__":
    main()
