"""Train variational autoencoders and explore what they learned.

Examples
--------
>>> import latentlab
>>> dataset = latentlab.load_dataset("photos/", image_size=64)
>>> for event in latentlab.train(dataset, recipe="vae", latent_dim=2, epochs=5, out="run/"):
...     print(event)
>>> model = latentlab.load_model("run/")
>>> mean, std = model.encode(dataset.images[:16])
>>> images = model.decode(mean)

Importing this package imports neither torch nor Qt; they come when they are first needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from latentlab.config.events import Event
    from latentlab.data import Dataset
    from latentlab.evaluation import Evaluation
    from latentlab.models.inference import InferenceModel

__version__ = "0.1.0"
__all__ = ["__version__", "evaluate", "impute", "load_dataset", "load_model", "recipes", "train"]


def load_dataset(source: str | Path, **settings: Any) -> Dataset:
    """Read images.

    Parameters
    ----------
    source
        A folder of images, an ``.npz``, ``.npy`` or IDX file, or ``demo:shapes``.
    **settings
        Fields of ``latentlab.config.DataConfig``: ``image_size``, ``channels``, ``limit`` and so on.

    Returns
    -------
    Dataset
        ``images`` uint8 [N, C, H, W], ``labels`` [N], ``classes``, ``paths``, ``skipped``.

    Raises
    ------
    latentlab.errors.InputError
        In one sentence.
    """
    from latentlab import data
    from latentlab.config import DataConfig, validated

    return data.load_dataset(source, validated(DataConfig, settings))


def train(
    dataset: Dataset, recipe: str = "vae", out: str | Path | None = None, resume: bool = False, **settings: Any
) -> Iterator[Event]:
    """Train a model, a step at a time as the events are taken.

    Parameters
    ----------
    dataset
        What ``load_dataset`` returned.
    recipe
        A name in ``latentlab.config.recipes.RECIPES``.
    out
        The run folder, new or empty; without it nothing is written.
    resume
        Go on from the folder's last checkpoint.
    **settings
        Any setting of model or training, as after ``--set``: ``latent_dim=2``, ``epochs=5``,
        ``**{"architecture.kind": "conv"}``.

    Returns
    -------
    iterator of Event
        ``Started``, an ``Epoch`` for each, ``Checkpoint``, ``Warned`` and at last ``Finished``.

    Raises
    ------
    latentlab.errors.InputError
        At once, before anything is written.
    latentlab.errors.RunError
        While the events are taken.
    """
    import json
    from pathlib import Path

    from latentlab.config import RunConfig, with_settings
    from latentlab.config.recipes import recipe as find_recipe
    from latentlab.training import Trainer

    config = RunConfig(model=find_recipe(recipe).config())
    config = with_settings(config, [f"{name}={json.dumps(value)}" for name, value in settings.items()])
    training = Trainer(dataset, config, None if out is None else Path(out), resume)
    return (event for event in training.steps() if event is not None and event.event != "progress")


def load_model(source: str | Path, device: str = "auto") -> InferenceModel:
    """Open a trained model: a ``.safetensors`` file, a run folder, or ``bundled:NAME``.

    Returns
    -------
    InferenceModel
        ``encode`` takes images [N, C, H, W] and returns mean and standard deviation, float32 [N, d] each;
        ``decode`` takes latents [N, d] and returns float32 images in [0, 1].

    Raises
    ------
    latentlab.errors.InputError
        In one sentence.
    """
    from latentlab.models import inference

    return inference.load_model(source, device)


def evaluate(model: InferenceModel, dataset: Dataset, importance_samples: int = 50, seed: int = 0) -> Evaluation:
    """Measure a model on images it has not seen, in nats per image.

    Parameters
    ----------
    model, dataset
        What ``load_model`` and ``load_dataset`` returned.
    importance_samples
        Latents drawn for each image.
    seed
        Of the drawing.
    """
    from latentlab import evaluation

    return evaluation.evaluate(
        model.module,
        dataset.images,
        dataset.labels,
        importance_samples=importance_samples,
        binarise=model.header.training.get("binarise", "none"),
        seed=seed,
    )


def impute(
    model: InferenceModel,
    image: ArrayLike,
    mask: ArrayLike,
    samples: int = 100,
    label: int | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Fill in hidden pixels with their expected value given the observed ones.

    Parameters
    ----------
    model
        What ``load_model`` returned; best one trained with ``corruption.kind=mask``.
    image
        [C, H, W], [N, C, H, W], or [H, W] for a model of grey images: uint8, or floats in [0, 1].
    mask
        [H, W] or [N, H, W], true (or white) where a pixel is hidden.
    samples
        Latents drawn for each image, for self-normalised importance sampling (Mattei & Frellsen 2019).
    label
        Class of the images, for a conditional model.
    seed
        Of the latents.

    Returns
    -------
    ndarray
        float32 in [0, 1], of the shape of ``image``: unchanged where observed.

    Raises
    ------
    latentlab.errors.InputError
        In one sentence.
    """
    from latentlab import evaluation

    return evaluation.impute_images(model, image, mask, samples, label, seed)


def __getattr__(name: str) -> Any:
    if name == "recipes":
        from importlib import import_module

        return import_module("latentlab.config.recipes")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
