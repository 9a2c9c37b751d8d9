"""The public Python functions: ``import latentlab`` offers all of them (no Qt; torch is imported when it is needed)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentlab.utils.defaults import IMPORTANCE_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from latentlab.config.events import Event
    from latentlab.config.suggestion import Effort, Suggestion
    from latentlab.data import Dataset
    from latentlab.evaluation import Disentanglement, Evaluation, Filling, Inspection, Refined
    from latentlab.foreign.exploration import Exploration
    from latentlab.models.inference import InferenceModel


def load_dataset(source: str | Path | Sequence[str | Path], **settings: Any) -> Dataset:
    """Read images.

    Parameters
    ----------
    source
        A folder of images, a table, a file (.npz, .npy, .mat, IDX, Parquet, HDF5, video, zip or tar), a zarr store, a
        text file of paths, or ``demo:shapes``. Several, in a list, are one dataset.
    **settings
        Fields of ``latentlab.config.DataConfig``: ``image_size``, ``channels``, ``limit`` and so on.

    Returns
    -------
    Dataset
        ``images`` uint8 [N, C, H, W], ``labels`` [N], ``classes``, ``paths``; ``left_out`` lists what is
        not in it and why.

    Raises
    ------
    latentlab.errors.InputError
        When the source cannot be read, or a setting is refused.

    Examples
    --------
    >>> import latentlab
    >>> dataset = latentlab.load_dataset("demo:shapes", limit=64)
    >>> dataset.images.shape, dataset.images.dtype
    ((64, 1, 64, 64), dtype('uint8'))
    """
    from latentlab import data
    from latentlab.config import DataConfig, validated

    return data.load_dataset(source, validated(DataConfig, settings))


def suggest(dataset: Dataset, effort: Effort = "good") -> Suggestion:
    """Choose settings for a first training, as the window and the command line do.

    Parameters
    ----------
    dataset
        From :func:`load_dataset`.
    effort
        ``good``, as many latents as the images need and as long as it takes, some minutes; or ``quick``, a look after
        some two minutes, with two latents where they can show the images as a map.

    Returns
    -------
    Suggestion
        ``config`` (data, model and training); ``reason``, in one line; ``minutes`` of a CPU that it takes; and
        ``sizes``, what other numbers of latents would buy: the error and the rate of as many principal components.

    Examples
    --------
    >>> import latentlab
    >>> found = latentlab.suggest(latentlab.load_dataset("demo:shapes", limit=64))
    >>> found.config.model.architecture.kind, found.config.training.batch_size
    ('conv', 16)
    """
    from latentlab.data.suggest import suggest

    return suggest(dataset, effort=effort)


def train(
    dataset: Dataset,
    recipe: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    effort: Effort = "good",
    **settings: Any,
) -> Iterator[Event]:
    """Train a model; the iterator runs the training while it is consumed.

    Parameters
    ----------
    dataset
        From :func:`load_dataset`.
    recipe
        A name in ``latentlab.recipes.RECIPES``. If they are not given, ``epochs``, and ``latent_dim`` unless the recipe
        has its own, are suggested for the images. Without a recipe, and without a run to resume, all settings are those
        of :func:`suggest`.
    out
        The run folder, new or empty; without it nothing is written.
    resume
        Continue from the folder's last checkpoint, with the run's settings.
    effort
        Of the suggested settings: see :func:`suggest`.
    **settings
        Any setting of model or training, as after ``--set``: ``latent_dim=2``, ``epochs=5``,
        ``**{"architecture.kind": "conv"}``. Settings of the data, such as ``validation``, are for
        :func:`load_dataset`.

    Returns
    -------
    iterator of Event
        ``Started``, an ``Epoch`` for each epoch, ``Checkpoint``, ``Warned``, and ``Finished`` at the end. Before
        ``Started``: a ``Warned`` when parts of the source were left out of the dataset, and ``Suggested`` when the
        settings were suggested.

    Raises
    ------
    latentlab.errors.InputError
        At once, before anything is written; also for a setting that could not act: one of the data, or one that the
        model does not read.
    latentlab.errors.RunError
        While the iterator is consumed.

    Examples
    --------
    >>> import latentlab
    >>> dataset = latentlab.load_dataset("demo:shapes", limit=64)
    >>> [event.event for event in latentlab.train(dataset, recipe="vae", latent_dim=2, epochs=2)]
    ['started', 'epoch', 'epoch', 'finished']
    """
    from itertools import chain
    from pathlib import Path

    from latentlab.config.events import Warned
    from latentlab.training import Trainer
    from latentlab.training.configure import configure

    folder = None if out is None else Path(out)
    config, notes = configure(dataset, recipe, folder, resume, settings, effort)
    trainer = Trainer(dataset, config, folder, resume)
    warnings = [Warned(dataset.left_out_summary)] if dataset.left_out else []
    steps = (event for event in trainer.steps() if event is not None and event.event != "progress")
    return chain(warnings, notes, steps)


def load_model(source: str | Path, device: str = "auto") -> InferenceModel:
    """Open a trained model: a ``.safetensors`` file, a run folder, or ``bundled:NAME``.

    Parameters
    ----------
    source
        Which model.
    device
        ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Returns
    -------
    InferenceModel
        ``encode`` takes images [N, C, H, W] and returns mean and standard deviation, float32 [N, d] each;
        ``decode`` takes latents [N, d] and returns float32 images in [0, 1].

    Raises
    ------
    latentlab.errors.InputError
        When there is no such model, or its file cannot be read.

    Examples
    --------
    >>> import latentlab
    >>> model = latentlab.load_model("bundled:mnist-2d", device="cpu")
    >>> model.decode([[0.0, 0.0], [1.0, -1.0]]).shape
    (2, 1, 28, 28)
    """
    from latentlab.models import inference

    return inference.load_model(source, device)


def explore(
    encode: Callable[..., Any] | Any | None,
    decode: Callable[..., Any] | None = None,
    images: ArrayLike | Dataset | None = None,
    latent_dim: int | None = None,
    image_shape: Sequence[int] | None = None,
    **options: Any,
) -> Exploration:
    """Open the window on a model of your own: your process computes, and the window asks it.

    From a script this returns when the window is closed; in a notebook or an interactive interpreter at once, and the
    functions are then called in a thread of their own. Only arrays and plain values go between the two processes.

    Parameters
    ----------
    encode
        A function of images, float32 [N, C, H, W] in ``value_range``, that returns the mean of their latents [N, …]; or
        mean and standard deviation; or a ``torch.distributions`` distribution, or an object with such fields. ``None``
        without an encoder. Methods of a ``torch.nn.Module`` are given tensors on its device, without gradients, after
        the module has been put into evaluation mode; other functions are given arrays of NumPy. Or an object with
        ``encode`` and ``decode``, such as a module or a model of :func:`load_model`, in place of both.
    decode
        A function of latents, float32 [N, …], that returns images [N, C, H, W].
    images
        [N, H, W] or [N, C, H, W] with 1 or 3 channels, uint8 or in ``value_range``, shown on the map in 8 bits.
    latent_dim
        Size of a latent; found with ``encode`` if there are images.
    image_shape
        (C, H, W); found from the images, or with ``decode``.
    **options
        ``latent_shape``, of a latent of several axes: the window shows it as a vector. ``labels`` [N], whole numbers or
        names; ``classes``, names of the numbers; ``names`` [N] of the images. ``value_range``, the values of black and
        white, by default (0, 1). ``spread``, what the second of two outputs of ``encode`` is: ``std``,
        ``log-variance``, ``log-std`` or ``none``. ``prior``: ``standard-normal`` or ``unknown``. ``conditional``:
        whether the functions take labels, int64 [N], as their last argument. ``log_likelihood``, a function of images
        and latents that returns log p(x|z) [N] in nats, summed over the pixels. ``jvp``, a function of latents and
        directions [N, …] that returns the derivatives of ``decode`` [N, C, H, W]. ``batch_size``, images at a time
        (128). ``name``, for display. ``block``, whether to wait until the window is closed.

    Returns
    -------
    Exploration
        ``board``, ``selections``, ``directions``, ``paths``, ``latents``, ``latent`` and ``selection`` are what was
        made in the window, as arrays, also after it was closed; ``wait()``, ``close()`` and ``is_open``.

    Raises
    ------
    latentlab.errors.InputError
        Before a window opens: for what is no function, arrays of wrong shapes or with values that are not finite, a
        function that fails, or without a display.
    latentlab.errors.RunError
        When the window failed.

    Examples
    --------
    >>> found = latentlab.explore(vae.encode, vae.decode, images=digits)  # doctest: +SKIP
    >>> found.selections["lasso"]  # doctest: +SKIP
    array([  3,  17, 204])
    """
    from latentlab.foreign.explore import explore as open_window
    from latentlab.utils.display_check import require_display

    require_display()
    return open_window(encode, decode, images, latent_dim, image_shape, **options)


def evaluate(
    model: InferenceModel, dataset: Dataset, importance_samples: int = IMPORTANCE_SAMPLES, seed: int = 0
) -> Evaluation:
    """Measure a model on images, in nats per image.

    Parameters
    ----------
    model, dataset
        From :func:`load_model` and :func:`load_dataset`; the images should be ones that the model has not seen.
    importance_samples
        Latents K drawn for each image, for the log-likelihood.
    seed
        Of all noise.

    Returns
    -------
    Evaluation
        The same for the same seed. Classes are matched by name, and images are read with the value range of the
        model's training images unless they were loaded with ``levels``; ``remarks`` says so, which classes the model
        does not know, what was left out of the dataset, and what else the numbers depend on.

    Raises
    ------
    latentlab.errors.InputError
        For no images, or images whose shape is not the model's.

    Examples
    --------
    >>> import latentlab
    >>> dataset = latentlab.load_dataset("demo:shapes", limit=16)
    >>> model = latentlab.load_model("bundled:shapes-6d", device="cpu")
    >>> found = latentlab.evaluate(model, dataset, importance_samples=2)
    >>> found.images, round(found.elbo + found.rate + found.distortion, 3) == 0
    (16, True)
    """
    from dataclasses import replace

    from latentlab import evaluation

    dataset = model.images_of(dataset)
    matched = model.labels_of(dataset)
    binarise = model.header.training.get("binarise", "none")
    found = evaluation.evaluate(
        model.module,
        dataset.images,
        matched.labels,
        importance_samples=importance_samples,
        binarise=binarise,
        seed=seed,
    )
    remarks = evaluation.remarks(model.module, dataset.images, matched.labels, binarise)
    said = (matched.sentence, dataset.left_out_summary, dataset.value_range.remark, *remarks)
    return replace(found, remarks=tuple(each for each in said if each))


def disentanglement(
    model: InferenceModel, dataset: Dataset, factors: Sequence[str] = (), seed: int = 0
) -> Disentanglement:
    """Score how well single latents stand for single generative factors: MIG, FactorVAE score and β-VAE score.

    Parameters
    ----------
    model, dataset
        From :func:`load_model` and :func:`load_dataset`.
    factors
        Columns of the dataset that are factors, with at most 256 distinct values each, ``label`` for the class; by
        default those that the data name (dSprites, ``demo:shapes``).
    seed
        Of all sampling.

    Raises
    ------
    latentlab.errors.InputError
        When a column does not exist, fewer than two factors vary, or latents are not plain numbers.

    Examples
    --------
    >>> import latentlab
    >>> dataset = latentlab.load_dataset("demo:shapes", limit=64)
    >>> model = latentlab.load_model("bundled:shapes-6d", device="cpu")
    >>> scores = latentlab.disentanglement(model, dataset, factors=["shape", "x", "y"])
    >>> 0 <= scores.mig <= 1
    True
    """
    from latentlab import evaluation

    chosen = model.images_of(dataset.with_factors(factors) if factors else dataset)
    found = evaluation.score_factors(model, chosen.images, model.labels_of(chosen).labels, chosen.factors or {}, seed)
    return found.scores


def impute(
    model: InferenceModel,
    image: ArrayLike,
    mask: ArrayLike,
    samples: int = 100,
    label: int | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Replace hidden pixels by their expected value given the observed ones.

    Parameters
    ----------
    model
        From :func:`load_model`; models trained with ``corruption.kind=mask`` impute best.
    image
        [C, H, W], [N, C, H, W], or [H, W] for a model of grey images: uint8, or floats in [0, 1]. Hidden pixels may
        hold anything.
    mask
        [H, W] for all images, or [N, H, W]: true where a pixel is hidden. Numbers above half of their range
        (127 for uint8, 0.5 for floats) count as true.
    samples
        Latents drawn for each image, for self-normalised importance sampling (Mattei & Frellsen 2019).
    label
        Class of the images, for a conditional model.
    seed
        Of these draws.

    Returns
    -------
    ndarray
        float32 in [0, 1], in the shape of ``image``; observed pixels are unchanged.

    Raises
    ------
    latentlab.errors.InputError
        In one sentence: a wrong shape, a mask that hides nothing, no samples, or a class that is missing or unknown.

    Examples
    --------
    >>> import latentlab, numpy as np
    >>> model = latentlab.load_model("bundled:mnist-2d", device="cpu")
    >>> image = model.decode([[0.0, 0.0]])[0, 0]  # [28, 28]
    >>> mask = np.zeros((28, 28), bool)
    >>> mask[14:] = True
    >>> filled = latentlab.impute(model, image, mask, samples=10)
    >>> filled.shape, bool(np.array_equal(filled[:14], image[:14]))
    ((28, 28), True)
    """
    from latentlab import evaluation

    return evaluation.impute_images(model, image, mask, samples, label, seed)


def imputations(
    model: InferenceModel,
    image: ArrayLike,
    mask: ArrayLike,
    count: int = 8,
    samples: int = 256,
    label: int | None = None,
    seed: int = 0,
) -> Filling:
    """Draw several images that agree with the observed pixels of one.

    Latents are drawn from p(z | observed pixels): by self-normalised importance sampling from a Gaussian that is fitted
    to the observed pixels and from the prior, and, where the weights are too uneven, by Metropolis-adjusted Langevin
    chains from there. Hidden pixels carry no likelihood.

    Parameters
    ----------
    model
        From :func:`load_model`; any whose latents are plain numbers.
    image
        [C, H, W], or [H, W] for a model of grey images: uint8, or floats in [0, 1]. Hidden pixels may hold anything.
    mask
        [H, W], true where a pixel is hidden, as for :func:`impute`.
    count
        Number of fillings.
    samples
        Latents that are weighted.
    label
        Class of the image, for a conditional model.
    seed
        Of all noise.

    Returns
    -------
    Filling
        ``draws`` float32 [count, C, H, W], ``expected`` float32 [C, H, W], ``z`` [count, d], and ``effective_samples``.

    Raises
    ------
    latentlab.errors.InputError
        In one sentence: a wrong shape, a mask that hides nothing, or a model whose latents are codes or categories.

    Examples
    --------
    >>> import latentlab, numpy as np
    >>> model = latentlab.load_model("bundled:mnist-2d", device="cpu")
    >>> image = model.decode([[0.0, 0.0]])[0, 0]
    >>> mask = np.zeros((28, 28), bool)
    >>> mask[14:] = True
    >>> filled = latentlab.imputations(model, image, mask, count=3)
    >>> filled.draws.shape, bool((filled.draws[:, 0, :14] == image[:14]).all())
    ((3, 1, 28, 28), True)
    """
    from latentlab import evaluation

    return evaluation.fill_in(model, image, mask, count, samples, label, seed)


def inspect(
    model: InferenceModel,
    image: ArrayLike,
    samples: int = 64,
    shown: int = 8,
    label: int | None = None,
    seed: int = 0,
) -> Inspection:
    """Say what a model makes of one image: ELBO, predictive mean and standard deviation, samples.

    Parameters
    ----------
    model
        From :func:`load_model`.
    image
        [C, H, W], or [H, W] for a model of grey images: uint8, or floats in [0, 1].
    samples
        Latents of q(z|x).
    shown
        How many of them are returned with their images.
    label
        Class of the image, for a conditional model.
    seed
        Of all noise.

    Returns
    -------
    Inspection
        ``elbo``, ``rate``, ``distortion`` in nats; ``reconstruction``, ``mean`` and ``std`` of each pixel, float32
        [C, H, W]; ``samples`` (means of p(x|z) for z of q(z|x)) and ``draws`` (images drawn from p(x|z)), float32
        [shown, C, H, W].

    Raises
    ------
    latentlab.errors.InputError
        For an image of another shape, or a class that is missing or unknown.

    Examples
    --------
    >>> import latentlab
    >>> model = latentlab.load_model("bundled:mnist-2d", device="cpu")
    >>> found = latentlab.inspect(model, model.decode([[0.0, 0.0]])[0])
    >>> found.std.shape, found.draws.shape
    ((1, 28, 28), (8, 1, 28, 28))
    """
    from latentlab import evaluation

    return evaluation.inspect_image(model, image, samples, shown, label, seed)


def refine(
    model: InferenceModel, image: ArrayLike, steps: int = 150, label: int | None = None, seed: int = 0
) -> Refined:
    """Refine the posterior of one image by gradient steps, which closes its amortisation gap.

    Parameters
    ----------
    model
        From :func:`load_model`; one with one layer of latents that are plain numbers.
    image
        [C, H, W], or [H, W] for a model of grey images: uint8, or floats in [0, 1].
    steps
        Of Adam.
    label
        Class of the image, for a conditional model.
    seed
        Of all noise.

    Returns
    -------
    Refined
        ``mean`` and ``std`` of the best posterior, ``encoded_elbo``, ``elbo``, which is never below it, and ``gap`` in
        nats (Cremer, Li & Duvenaud 2018, arXiv:1801.03558).

    Raises
    ------
    latentlab.errors.InputError
        For an image of another shape, or a model whose posterior cannot be refined.

    Examples
    --------
    >>> import latentlab
    >>> model = latentlab.load_model("bundled:mnist-2d", device="cpu")
    >>> found = latentlab.refine(model, model.decode([[0.0, 0.0]])[0], steps=20)
    >>> found.gap >= 0
    True
    """
    from latentlab import evaluation

    return evaluation.refine_image(model, image, steps, label, seed)
