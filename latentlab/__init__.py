"""Train variational autoencoders and explore what they learned.

Examples
--------
>>> import latentlab
>>> dataset = latentlab.load_dataset("photos/", image_size=64)  # doctest: +SKIP
>>> for event in latentlab.train(dataset, recipe="vae", latent_dim=2, epochs=5, out="run/"):  # doctest: +SKIP
...     print(event)
>>> model = latentlab.load_model("run/")  # doctest: +SKIP
>>> mean, std = model.encode(dataset.images[:16])  # doctest: +SKIP
>>> images = model.decode(mean)  # doctest: +SKIP

Importing this package imports neither torch nor Qt; they are imported when they are first needed.
"""

from __future__ import annotations

from typing import Any

from latentlab.api import (
    disentanglement,
    evaluate,
    explore,
    imputations,
    impute,
    inspect,
    load_dataset,
    load_model,
    refine,
    suggest,
    train,
)

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "disentanglement",
    "evaluate",
    "explore",
    "imputations",
    "impute",
    "inspect",
    "latent",
    "load_dataset",
    "load_model",
    "recipes",
    "refine",
    "suggest",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in ("latent", "recipes"):
        from importlib import import_module

        return import_module(f"latentlab.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
