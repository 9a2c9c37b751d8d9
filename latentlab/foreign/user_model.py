"""Somebody's own functions behind the protocol of all models, checked with every call (does not import torch)."""

from __future__ import annotations

import math
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.config.capabilities import Capabilities
from latentlab.errors import InputError
from latentlab.foreign.answers import Spread, image_part, posterior_parts
from latentlab.utils.array_types import FloatArray, IntArray

Function = Callable[..., Any]


class FunctionError(InputError):
    """A user's function failed.

    Attributes
    ----------
    details
        Its traceback.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class UserModel:
    """A model made of functions; images are given to latentlab, and taken from it, in [0, 1].

    Parameters
    ----------
    encode, decode, log_likelihood, jvp
        The functions; ``None`` for those that there are not.
    image_shape, latent_shape
        (C, H, W), and the shape of one latent as the functions take it.
    value_range
        The functions' values of black and white.
    spread
        What the second of two outputs of ``encode`` is; ``std`` is assumed.
    has_prior, conditional
        Whether the prior is the standard normal distribution, and whether the functions take labels.
    batch_size
        Images at a time.
    """

    def __init__(
        self,
        encode: Function | None,
        decode: Function,
        *,
        image_shape: tuple[int, int, int],
        latent_shape: tuple[int, ...],
        value_range: tuple[float, float] = (0.0, 1.0),
        spread: Spread | None = None,
        has_prior: bool = True,
        conditional: bool = False,
        log_likelihood: Function | None = None,
        jvp: Function | None = None,
        batch_size: int = 128,
    ) -> None:
        self._encode, self._decode, self._log_likelihood, self._jvp = encode, decode, log_likelihood, jvp
        self.image_shape, self.latent_shape = image_shape, latent_shape
        self.latent_dim = math.prod(latent_shape)
        self.value_range = 0.0, 1.0
        self.capabilities = Capabilities(
            encode is not None, log_likelihood is not None, has_prior, jvp is not None, has_weights=False
        )
        self.conditional, self.batch_size = conditional, batch_size
        self._low, self._high = value_range
        self._spread = spread
        self._one_at_a_time = threading.Lock()  # nobody said that the functions may run in two threads

    def encode(self, images: FloatArray, label: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Posterior mean and standard deviation [B, d] of images [B, C, H, W] in [0, 1]."""
        means, stds = [], []
        for rows in self._batches(len(images)):
            answer = self._call("encode", self._encode, self._in_range(images[rows]), label=_of(label, rows))
            mean, std = self._posterior(answer, rows.stop - rows.start)
            means.append(mean)
            stds.append(std)
        return np.concatenate(means), np.concatenate(stds)

    def decode(self, z: FloatArray, label: IntArray | None = None) -> FloatArray:
        """Images [B, C, H, W] in [0, 1], before clipping, of latents [B, d]."""
        parts = []
        for rows in self._batches(len(z)):
            answer = self._call("decode", self._decode, self._shaped(z[rows]), label=_of(label, rows))
            image = self._array("decode", image_part(answer), (rows.stop - rows.start, *self.image_shape))
            parts.append((image - self._low) / (self._high - self._low))
        return np.concatenate(parts).astype(np.float32)

    def log_likelihood(self, images: FloatArray, z: FloatArray, label: IntArray | None = None) -> FloatArray:
        """Log p(x|z) in nats [B] of images [B, C, H, W] in [0, 1] and latents [B, d]."""
        parts = []
        for rows in self._batches(len(z)):
            given = self._in_range(images[rows]), self._shaped(z[rows])
            answer = self._call("log_likelihood", self._log_likelihood, *given, label=_of(label, rows))
            parts.append(self._array("log_likelihood", answer, (rows.stop - rows.start,), is_finite=True))
        return np.concatenate(parts)

    def jvp(self, z: FloatArray, directions: FloatArray, label: IntArray | None = None) -> FloatArray:
        """Derivatives [B, C, H, W] of ``decode`` along directions [B, d]."""
        parts = []
        for rows in self._batches(len(z)):
            given = self._shaped(z[rows]), self._shaped(directions[rows])
            answer = self._call("jvp", self._jvp, *given, label=_of(label, rows))
            derivative = self._array("jvp", answer, (rows.stop - rows.start, *self.image_shape))
            parts.append(derivative / (self._high - self._low))
        return np.concatenate(parts).astype(np.float32)

    def raw_encode(self, images: FloatArray, label: IntArray | None = None) -> Any:
        """What the function ``encode`` returns for images in [0, 1]."""
        return self._call("encode", self._encode, self._in_range(images), label=label)

    def raw_decode(self, z: FloatArray, label: IntArray | None = None) -> Any:
        """The images of what the function ``decode`` returns."""
        return image_part(self._call("decode", self._decode, self._shaped(z), label=label))

    def range_of(self, value: float) -> float:
        """A value in [0, 1] as the functions have it."""
        return value * (self._high - self._low) + self._low

    def set_latent_shape(self, shape: tuple[int, ...]) -> None:
        """Set the shape of one latent."""
        self.latent_shape, self.latent_dim = shape, math.prod(shape)

    def _batches(self, count: int) -> Iterator[slice]:
        for start in range(0, count, self.batch_size):
            yield slice(start, min(start + self.batch_size, count))

    def _in_range(self, images: FloatArray) -> FloatArray:
        scaled: FloatArray = (images * (self._high - self._low) + self._low).astype(np.float32)
        return scaled

    def _shaped(self, z: FloatArray) -> FloatArray:
        return z.reshape(len(z), *self.latent_shape)

    def _posterior(self, answer: Any, count: int) -> tuple[FloatArray, FloatArray]:
        mean, second, kind = posterior_parts(answer, self._spread)
        shape = (count, *self.latent_shape)
        mean = self._array("encode", mean, shape, is_finite=True).reshape(count, -1)
        if second is None or kind == "none":
            return mean, np.zeros_like(mean)
        std = self._array("the second output of encode", second, shape, is_finite=True).reshape(count, -1)
        if kind != "std":
            with np.errstate(over="ignore"):
                std = np.exp(0.5 * std if kind == "log-variance" else std)
        if not (std >= 0).all() or not np.isfinite(std).all():
            raise FunctionError(
                f"encode gives standard deviations from {std.min():.3g} to {std.max():.3g}: say with spread what the "
                "second of its outputs is"
            )
        return mean, std.astype(np.float32)

    def _call(self, name: str, function: Function | None, *arrays: FloatArray, label: IntArray | None) -> Any:
        """What a function returns; an exception of it becomes one sentence, with its traceback as details."""
        if function is None:
            raise FunctionError(f"this model has no function {name}")
        given: list[Any] = [*arrays, *([] if label is None or not self.conditional else [label])]
        with self._one_at_a_time:
            try:
                with _for_tensors(function, given) as arguments:
                    return function(*arguments)
            except Exception as error:
                first = " ".join(str(error).split())[:300]
                what = f"{type(error).__name__}: {first}" if first else type(error).__name__
                raise FunctionError(f"your function {name} raised {what}", _traceback_of(error)) from None

    def _array(self, name: str, value: Any, shape: tuple[int, ...], is_finite: bool = False) -> FloatArray:
        """An output as float32 of the shape that it must have, or can be brought to row by row."""
        array = as_array(value)
        if array is None or array.dtype.kind not in "fiub":
            raise FunctionError(f"{name} returns {type(value).__name__}, and must return an array of numbers")
        if array.shape[:1] != shape[:1] or array.size != math.prod(shape):
            raise FunctionError(f"{name} returns an array {list(array.shape)}, and must return {list(shape)}")
        values: FloatArray = array.reshape(shape).astype(np.float32)
        if is_finite and not np.isfinite(values).all():
            raise FunctionError(f"{name} returns values that are not finite")
        return values


def as_array(value: Any) -> NDArray[Any] | None:
    """A value as an array of numpy, also a tensor on any device; ``None`` if it is none."""
    if hasattr(value, "detach"):  # of torch, whose bfloat16 numpy does not know
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return None
    return array if array.dtype.kind != "O" else None


def module_of(function: Any) -> Any | None:
    """The ``torch.nn.Module`` that a function is, or is a method of; ``None`` for any other."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    for each in (function, getattr(function, "__self__", None)):
        if isinstance(each, torch.nn.Module):
            return each
    return None


@contextmanager
def _for_tensors(function: Function, given: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The arguments as the function takes them: tensors on its device for a module of torch, without gradients."""
    module = module_of(function)
    torch = sys.modules.get("torch")
    if module is None or torch is None:
        with nullcontext() if torch is None else torch.no_grad():
            yield given
        return
    parameter = next(iter(module.parameters()), None)
    tensors = [torch.from_numpy(np.ascontiguousarray(each)) for each in given]
    if parameter is not None:
        tensors = [each.to(parameter.device, parameter.dtype if each.is_floating_point() else None) for each in tensors]
    with torch.no_grad():
        yield tensors


def _of(label: IntArray | None, rows: slice) -> IntArray | None:
    return None if label is None else label[rows]


def _traceback_of(error: BaseException) -> str:
    """The traceback from the user's function on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))[-20_000:]
