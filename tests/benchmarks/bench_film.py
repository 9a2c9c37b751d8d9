"""How fast the film of a path is made, at 252 × 252 and 256 × 256 pixels: frames a second against the film's own 25.

``python -m tests.benchmarks.bench_film``
"""

from __future__ import annotations

import io
import statistics
import time

import numpy as np

from latentlab.config.recipes import recipe
from latentlab.data.images.film import write_film
from latentlab.exchange.encoded import decoding_each, result_of
from latentlab.models import build
from latentlab.models.inference import InferenceModel, load_model
from latentlab.storage import ModelHeader

FRAMES, ROUNDS = 100, 3


def main() -> None:
    small = load_model("bundled:mnist-2d", "cpu")
    config = recipe("vae").config()
    config = config.model_copy(update={"architecture": config.architecture.model_copy(update={"kind": "conv"})})
    shape = (3, 256, 256)
    header = ModelHeader(model=config, image_shape=shape, parameters=1)
    large = InferenceModel(build(config, shape).eval(), header, "cpu")
    for name, model, scale in (("mnist-2d, each pixel 9 × 9", small, 9), ("conv, 256 × 256 colour", large, 1)):
        z = np.linspace(-2, 2, FRAMES * model.latent_dim, dtype=np.float32).reshape(FRAMES, model.latent_dim)
        seconds: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            began = time.perf_counter()
            images = result_of(decoding_each(model, z))
            seconds.setdefault("decode", []).append(time.perf_counter() - began)
            frames = np.rint(images * 255).astype(np.uint8).transpose(0, 2, 3, 1)
            frames = frames[..., 0] if frames.shape[-1] == 1 else frames
            for suffix in (".mp4", ".gif", ".webp"):
                began = time.perf_counter()
                write_film(io.BytesIO(), frames, suffix, 25, scale)
                seconds.setdefault(suffix, []).append(time.perf_counter() - began)
        decode = statistics.median(seconds.pop("decode"))
        for suffix, times in seconds.items():
            total = decode + statistics.median(times)
            rate = FRAMES / total
            print(f"{name} {suffix}: {rate:.0f} frames/s, {rate / 25:.1f} × 25 fps (decoding {decode:.2f} s)")


if __name__ == "__main__":
    main()
