"""Makes an ONNX package from somebody's own PyTorch model, in their own process."""

from __future__ import annotations

import copy
import difflib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentlab.errors import InputError
from latentlab.exchange.onnx_export import to_onnx
from latentlab.foreign.answers import Spread, image_part, posterior_parts, require_spread
from latentlab.foreign.self_test import self_test
from latentlab.storage.onnx_package import (
    DecoderPorts,
    EncoderPorts,
    PackageDescription,
    require_new_folder,
    write_package,
)

_TESTS = 8


def adopt(
    model: nn.Module,
    folder: str | Path,
    image_shape: Sequence[int],
    *,
    spread: Spread | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    classes: Sequence[str] = (),
    prior: Literal["standard-normal", "unknown"] = "standard-normal",
    name: str = "",
) -> dict[str, float]:
    """Write a model as an ONNX package and test it.

    Parameters
    ----------
    model
        Has ``encode(x)`` and ``decode(z)``; with ``classes`` each takes a label, int64 [N], as its second argument.
        ``encode`` returns a mean; a mean and its spread; a ``torch.distributions`` distribution; or an object or
        mapping with such fields, as those of Pythae and diffusers. A model without ``encode`` gives a package of a
        decoder, and needs ``latent_shape`` as an attribute.
    folder
        A new or empty folder.
    image_shape
        (C, H, W) of the images it takes.
    spread
        What the second of two outputs of ``encode`` is; ``none`` leaves it out. Not needed where a name says it.
    value_range
        The model's values of black and white.
    classes
        Names of the labels of a conditional model.
    prior
        ``unknown`` if latents are not to be drawn from the standard normal distribution.
    name
        For display.

    Returns
    -------
    dict
        The largest difference between onnxruntime's outputs and the model's own, by name.

    Raises
    ------
    InputError
        When ``encode`` or ``decode`` return something else, or cannot be written as a graph.

    Examples
    --------
    >>> adopt(my_vae, "package/", (1, 28, 28), spread="log-variance")  # doctest: +SKIP
    {'decoded': 2.4e-07, 'mean': 4.8e-07, 'std': 6.0e-08}
    """
    require_spread(spread)
    if len(image_shape) != 3 or any(size < 1 for size in image_shape):
        raise InputError("image_shape must be channels, height and width, such as 1,28,28")
    require_new_folder(Path(folder))
    own = copy.deepcopy(model).cpu().eval()
    if not callable(getattr(own, "decode", None)):
        raise InputError("the model has no method decode")
    label = np.arange(_TESTS) % len(classes) if classes else None
    encoder = _Encoder(own, spread, image_shape) if callable(getattr(own, "encode", None)) else None
    low, high = value_range
    image = np.random.default_rng(0).uniform(low, high, (_TESTS, *image_shape)).astype(np.float32)
    test: dict[str, NDArray[Any]] = {} if label is None else {"label": label}
    if encoder is not None:
        outputs = _called(encoder, image, label)
        latent_shape = tuple(outputs[0].shape[1:])
        test |= {"image": image, "mean": outputs[0]} | ({"std": outputs[1]} if len(outputs) > 1 else {})
    else:
        latent_shape = tuple(int(size) for size in getattr(own, "latent_shape", ()))
        if not latent_shape:
            raise InputError("the model has no method encode; then it needs an attribute latent_shape, such as (2,)")
    decoder = _Decoder(own, image_shape)
    test["z"] = np.random.default_rng(1).standard_normal((_TESTS, *latent_shape)).astype(np.float32)
    (test["decoded"],) = _called(decoder, test["z"], label)
    has_std = "std" in test
    label_name = None if label is None else "label"
    description = PackageDescription(
        name=name or type(model).__name__,
        image_shape=list(image_shape),
        latent_shape=list(latent_shape) or [1],
        value_range=[float(low), float(high)],
        prior=prior,
        classes=list(classes),
        encoder=None if encoder is None else EncoderPorts(std="std" if has_std else None, label=label_name),
        decoder=DecoderPorts(label=label_name),
        source={"program": "PyTorch", "class": f"{type(model).__module__}.{type(model).__qualname__}"},
    )
    names = ("mean", "std") if has_std else ("mean",)
    encoded = None if encoder is None else to_onnx(encoder, "image", image, label, names)
    write_package(Path(folder), description, to_onnx(decoder, "z", test["z"], label, ("image",)), encoded, test)
    return self_test(Path(folder))


def load_own_model(source: str, weights: str | None = None) -> nn.Module:
    """Import ``model`` of ``module.py:model``: a module, or a class or function that makes one without arguments.

    Parameters
    ----------
    source
        A file and a name in it.
    weights
        A ``.safetensors`` file, or one of ``torch.save`` that holds tensors only, for ``load_state_dict``.

    Raises
    ------
    InputError
        When there is no such file or name, the code fails, or the weights do not fit.
    """
    file, _, name = source.rpartition(":")
    path = Path(file)
    if not file or not name or not os.path.isfile(path):
        raise InputError(f"{source!r} is not a file of Python and a name in it, such as my_vae.py:model")
    spec = importlib.util.spec_from_file_location(f"adopted_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a file of Python")
    module = importlib.util.module_from_spec(spec)
    # Under a name of its own: a file may be named like a module of Python.
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
        if not hasattr(module, name):
            raise InputError(f"there is no {name} in {path}{_meant(name, module)}")
        found = getattr(module, name)
        model = found() if callable(found) and not isinstance(found, nn.Module) else found
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    if not isinstance(model, nn.Module):
        raise InputError(f"{name} in {path} is not a torch.nn.Module, nor does it make one without arguments")
    if weights is not None:
        _load_weights(model, Path(weights))
    return model


def _meant(name: str, module: ModuleType) -> str:
    """A name of a module that is spelled like another one, as a question."""
    own = [each for each in vars(module) if not each.startswith("_")]
    close = difflib.get_close_matches(name, own, 1)
    return f": did you mean {close[0]}?" if close else ""


class _Encoder(nn.Module):
    """Mean and standard deviation of a model's own ``encode``, whatever its answer looks like."""

    def __init__(self, model: Any, spread: Spread | None, image_shape: Sequence[int]) -> None:
        super().__init__()
        self.model, self.spread, self.image_shape = model, spread, tuple(image_shape)

    def forward(self, image: Tensor, label: Tensor | None = None) -> tuple[Tensor, ...]:
        with _without_validation():
            answer = self.model.encode(image) if label is None else self.model.encode(image, label)
        mean, second, kind = posterior_parts(answer, self.spread)
        if second is None or kind == "none":
            return (mean,)
        if kind == "log-variance":
            return mean, torch.exp(0.5 * second)
        return mean, torch.exp(second) if kind == "log-std" else second


class _Decoder(nn.Module):
    """The image of a model's own ``decode``."""

    def __init__(self, model: Any, image_shape: Sequence[int]) -> None:
        super().__init__()
        self.model, self.image_shape = model, tuple(image_shape)

    def forward(self, z: Tensor, label: Tensor | None = None) -> tuple[Tensor]:
        answer = self.model.decode(z) if label is None else self.model.decode(z, label)
        image = image_part(answer)
        return (image.view(z.shape[0], *self.image_shape),)


@contextmanager
def _without_validation() -> Iterator[None]:
    """Distributions do not look at their parameters' values, which a graph cannot say."""
    distribution: Any = torch.distributions.Distribution
    validates = distribution._validate_args
    distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        distribution.set_default_validate_args(validates)


def _called(network: nn.Module, given: NDArray[Any], label: NDArray[np.int64] | None) -> list[NDArray[Any]]:
    """The outputs of a network as arrays; an error of the model's own code becomes one sentence."""
    arguments = [torch.from_numpy(array) for array in (given, label) if array is not None]
    try:
        with torch.no_grad():
            outputs = network(*arguments)
    except InputError:
        raise
    except Exception as error:
        part = "encode" if isinstance(network, _Encoder) else "decode"
        raise InputError(f"{part} fails on {list(given.shape)}: {type(error).__name__}: {error}") from error
    return [output.detach().to(torch.float32).numpy() for output in outputs]


def _load_weights(model: nn.Module, path: Path) -> None:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state.get("model_state_dict", state))
    except Exception as error:
        first = " ".join(str(error).split())[:300]
        raise InputError(f"the weights in {path} cannot be loaded: {first}") from None
