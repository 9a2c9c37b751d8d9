"""Opens the window on functions of this process (does not import torch or Qt)."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.config.capabilities import Capabilities
from latentlab.errors import InputError
from latentlab.foreign.answers import Spread, posterior_parts, require_spread
from latentlab.foreign.exploration import LOG, Exploration
from latentlab.foreign.model_server import ModelServer
from latentlab.foreign.user_model import Function, UserModel, as_array, module_of
from latentlab.storage.explored_model import FOLDER, LARGEST_LATENT, SUFFIX, ExploredDescription, address_in
from latentlab.utils.child_process import child_environment, module_command
from latentlab.utils.plain_text import as_line

_WINDOW = "latentlab.app.explored"
_TRIED = 2  # images, when the functions are tried
_BEYOND = 0.25  # of the value range that decoded values may be outside of it before it is remarked on
_LONGEST_NAME = 60


def explore(
    encode: Function | Any | None,
    decode: Function | None = None,
    images: Any = None,
    latent_dim: int | None = None,
    image_shape: Sequence[int] | None = None,
    *,
    latent_shape: Sequence[int] | None = None,
    labels: ArrayLike | None = None,
    classes: Sequence[str] = (),
    names: Sequence[str] | None = None,
    value_range: tuple[float, float] | None = None,
    spread: Spread | None = None,
    prior: str = "standard-normal",
    conditional: bool = False,
    log_likelihood: Function | None = None,
    jvp: Function | None = None,
    batch_size: int = 128,
    name: str = "",
    block: bool | None = None,
    options: Sequence[str] = (),
) -> Exploration:
    """Open the window on functions of this process; :func:`latentlab.explore` describes the parameters."""
    if decode is None and encode is not None and callable(getattr(encode, "decode", None)):
        whole: Any = encode
        encode, decode, name = getattr(whole, "encode", None), whole.decode, name or type(whole).__name__
        if isinstance(getattr(whole, "capabilities", None), Capabilities):  # it has the one protocol
            latent_dim, image_shape, spread = latent_dim or whole.latent_dim, image_shape or whole.image_shape, "std"
    data_name = "given images"
    if hasattr(images, "images"):  # a dataset of latentlab
        data_name = str(getattr(images, "name", "")) or data_name
        labels = images.labels if labels is None and len(images.classes) else labels
        classes, images = classes or images.classes, images.images
    _require_callable(encode=encode, decode=decode, log_likelihood=log_likelihood, jvp=jvp, optional=True)
    if decode is None:
        raise InputError("decode is missing: a function that makes images of latents")
    low, high = _checked_range(value_range)
    require_spread(spread)
    if prior not in ("standard-normal", "unknown"):
        raise InputError(f"prior must be standard-normal or unknown, not {prior!r}")
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, not {batch_size}")
    if conditional and len(classes) < 2:
        raise InputError("functions that take labels need the names of at least two classes")
    pixels, shape = _checked_images(images, image_shape, low, high)
    columns = _checked_columns(labels, classes, names, pixels)
    for function in (encode, decode):
        module = module_of(function)
        if module is not None:
            module.eval()
    latent = _latent_shape(latent_dim, latent_shape)
    model = UserModel(
        encode,
        decode,
        image_shape=shape or (1, 1, 1),
        latent_shape=latent or (1,),
        value_range=(low, high),
        spread=spread,
        has_prior=prior == "standard-normal",
        conditional=conditional,
        log_likelihood=log_likelihood,
        jvp=jvp,
        batch_size=batch_size,
    )
    note = _try(model, pixels, is_latent_known=latent is not None, is_shape_known=shape is not None)
    if note:
        warnings.warn(note, stacklevel=3)
    return _open(model, pixels, columns, tuple(classes), (name, data_name), note, block, options)


def is_interactive() -> bool:
    """Whether this process is a notebook's kernel or an interactive interpreter, which the window must not block."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None or hasattr(sys, "ps1")


# --- what was given ----------------------------------------------------------------------------------------------


def _require_callable(*, optional: bool, **functions: Any) -> None:
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise InputError(f"{name} must be a function, not {type(function).__name__}")


def _checked_range(value_range: tuple[float, float] | None) -> tuple[float, float]:
    if value_range is None:
        return 0.0, 1.0
    try:
        low, high = (float(value) for value in value_range)
    except (TypeError, ValueError):
        raise InputError(f"value_range must be two numbers, black and white, not {value_range!r}") from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"value_range must be two rising numbers, not {low:g} and {high:g}")
    return low, high


def _checked_images(
    images: Any, image_shape: Sequence[int] | None, low: float, high: float
) -> tuple[NDArray[np.uint8] | None, tuple[int, int, int] | None]:
    """The images as uint8 [N, C, H, W], and their shape as far as it is known."""
    shape = None
    if image_shape is not None:
        sizes = tuple(int(size) for size in image_shape)
        sizes = (1, *sizes) if len(sizes) == 2 else sizes
        if len(sizes) != 3 or min(sizes) < 1 or sizes[0] not in (1, 3) or max(sizes) > 4096:
            raise InputError(f"image_shape must be (1 or 3 channels, height, width), not {tuple(image_shape)}")
        shape = sizes[0], sizes[1], sizes[2]
    if images is None:
        return None, shape
    array = as_array(images)
    if array is None or array.dtype.kind not in "fiub":
        raise InputError(f"images must be an array of numbers, not {type(images).__name__}")
    array = array[:, None] if array.ndim == 3 else array
    if array.ndim != 4 or array.shape[1] not in (1, 3) or 0 in array.shape:
        raise InputError(f"images must be [N, H, W] or [N, C, H, W] with 1 or 3 channels, not {list(array.shape)}")
    if shape is not None and array.shape[1:] != shape:
        raise InputError(f"images have the shape {list(array.shape[1:])}, and image_shape says {list(shape)}")
    return _as_bytes(array, low, high), (int(array.shape[1]), int(array.shape[2]), int(array.shape[3]))


def _as_bytes(array: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if not np.isfinite(array).all():
        raise InputError("images have values that are not finite")
    least, most = float(array.min()), float(array.max())
    if least < low or most > high:
        raise InputError(
            f"images have values from {least:g} to {most:g}, outside of {low:g} to {high:g}: say value_range, the "
            "values of black and white"
        )
    levels: NDArray[np.uint8] = np.rint((array - low) / (high - low) * 255).astype(np.uint8)
    return levels


def _checked_columns(
    labels: ArrayLike | None, classes: Sequence[str], names: Sequence[str] | None, pixels: NDArray[np.uint8] | None
) -> dict[str, NDArray[Any]]:
    """What is stored beside the images."""
    columns: dict[str, NDArray[Any]] = {}
    for what, given in (("labels", labels), ("names", names)):
        if given is None:
            continue
        array = as_array(given)
        if pixels is None or array is None or array.shape != (len(pixels),):
            count = "images" if pixels is None else f"{len(pixels):,} images"
            raise InputError(f"{what} must be one for each of the {count}, in one dimension")
        columns[what] = array.astype(np.str_) if what == "names" or array.dtype.kind in "US" else array
    if "names" in columns:
        columns["name"] = columns.pop("names")
    known = columns.get("labels")
    if known is not None and known.dtype.kind != "U":
        if known.dtype.kind not in "iub":
            raise InputError(f"labels must be whole numbers or names, not {known.dtype}")
        columns["labels"] = known.astype(np.int64)
        if classes and (known.max() >= len(classes) or known.min() < -1):
            raise InputError(f"labels go from {known.min()} to {known.max()}, and there are {len(classes)} classes")
        if classes:
            columns["class_names"] = np.array([str(each) for each in classes])
    return columns


def _latent_shape(latent_dim: int | None, latent_shape: Sequence[int] | None) -> tuple[int, ...] | None:
    given = latent_shape if latent_shape is not None else None if latent_dim is None else (latent_dim,)
    if given is None:
        return None
    sizes = tuple(int(size) for size in given)
    if not 1 <= len(sizes) <= 3 or min(sizes) < 1 or int(np.prod(sizes)) > LARGEST_LATENT:
        raise InputError(f"a latent must have 1 to {LARGEST_LATENT:,} numbers in 1 to 3 axes, not {sizes}")
    if latent_dim is not None and int(np.prod(sizes)) != latent_dim:
        raise InputError(f"latent_dim is {latent_dim}, and latent_shape {sizes} has {int(np.prod(sizes))} numbers")
    return sizes


# --- a trial -----------------------------------------------------------------------------------------------------


def _try(model: UserModel, pixels: NDArray[np.uint8] | None, is_latent_known: bool, is_shape_known: bool) -> str:
    """Call each function once, so that errors are raised here and not shown in the window; learn shapes not given.

    Returns what is remarkable about the decoded values, or an empty text.
    """
    label = np.zeros(_TRIED, np.int64) if model.conditional else None
    if not is_latent_known:
        if pixels is None or not model.capabilities.has_encoder:
            raise InputError("latent_dim is missing: the size of a latent")
        model.set_latent_shape(_found_latent_shape(model, _repeated(pixels), label))
    z = np.zeros((_TRIED, model.latent_dim), np.float32)
    if pixels is not None and model.capabilities.has_encoder:
        z, _ = model.encode(_repeated(pixels), label)
    if not is_shape_known:
        model.image_shape = _found_image_shape(model, z, label)
    decoded = model.decode(z, label)
    if not np.isfinite(decoded).all():
        raise InputError("decode returns values that are not finite")
    if model.capabilities.has_likelihood:
        model.log_likelihood(decoded.clip(0, 1), z, label)
    if model.capabilities.has_jvp:
        model.jvp(z, np.ones_like(z), label)
    return _beyond_range(model, float(decoded.min()), float(decoded.max()))


def _beyond_range(model: UserModel, least: float, most: float) -> str:
    """A warning about decoded values, as parts of the range, that leave it by much; empty if they do not."""
    if least >= -_BEYOND and most <= 1 + _BEYOND:
        return ""
    from_, to, black, white = (f"{model.range_of(value):.3g}" for value in (least, most, 0.0, 1.0))
    return f"decode returned values from {from_} to {to}; value_range is {black} to {white}: images are clipped to it"


def _repeated(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    first: NDArray[np.float32] = (np.resize(pixels, (_TRIED, *pixels.shape[1:])) / np.float32(255)).astype(np.float32)
    return first


def _found_latent_shape(
    model: UserModel, images: NDArray[np.float32], label: NDArray[np.int64] | None
) -> tuple[int, ...]:
    mean, _, _ = posterior_parts(model.raw_encode(images, label), "std")
    array = as_array(mean)
    if array is None or array.ndim < 2 or len(array) != len(images):
        shape = None if array is None else list(array.shape)
        raise InputError(f"encode returns a mean {shape} for {len(images)} images, and must return [{len(images)}, d]")
    shape_found = _latent_shape(None, array.shape[1:])
    assert shape_found is not None
    return shape_found


def _found_image_shape(
    model: UserModel, z: NDArray[np.float32], label: NDArray[np.int64] | None
) -> tuple[int, int, int]:
    array = as_array(model.raw_decode(z, label))
    sizes = () if array is None else array.shape[1:]
    sizes = (1, *sizes) if len(sizes) == 2 else sizes
    if len(sizes) != 3 or sizes[0] not in (1, 3):
        raise InputError(f"decode returns images {list(sizes)}: say image_shape, (channels, height, width)")
    return int(sizes[0]), int(sizes[1]), int(sizes[2])


# --- the window --------------------------------------------------------------------------------------------------


def _open(
    model: UserModel,
    pixels: NDArray[np.uint8] | None,
    columns: dict[str, NDArray[Any]],
    classes: tuple[str, ...],
    names: tuple[str, str],
    note: str,
    block: bool | None,
    options: Sequence[str],
) -> Exploration:
    folder = Path(tempfile.mkdtemp(prefix=FOLDER))  # which only this user may enter
    key = secrets.token_hex(32)
    name = names[0]  # of the model; the other is that of the images
    model_file, data_file = (_file_name(each) for each in names)
    path = folder / f"{model_file or 'model'}{SUFFIX}"
    can = model.capabilities
    description = ExploredDescription(
        name=as_line(name),
        image_shape=list(model.image_shape),
        latent_shape=list(model.latent_shape),
        has_encoder=can.has_encoder,
        has_likelihood=can.has_likelihood,
        has_prior=can.has_prior,
        has_jvp=can.has_jvp,
        conditional=model.conditional,
        classes=list(classes),
        batch_size=model.batch_size,
        key=key,
        process=os.getpid(),
        note=note,
    )
    exploration = Exploration(folder, model.latent_shape)
    with contextlib.ExitStack() as undo:
        undo.callback(exploration.close)
        exploration.serve(ModelServer(model, address_in(folder, key), bytes.fromhex(key), exploration.take_report))
        path.write_text(json.dumps(description.model_dump(mode="json")), encoding="utf-8")
        sources = [str(path)]
        if pixels is not None:
            data = folder / f"{data_file or 'images'}.npz"
            layout = pixels[:, 0] if pixels.shape[1] == 1 else pixels.transpose(0, 2, 3, 1)
            np.savez(data, allow_pickle=False, images=layout, **columns)
            sources.append(str(data))
        exploration.attach(_started([*options, *sources], folder / LOG))
        undo.pop_all()
    if block if block is not None else not is_interactive():
        exploration.wait()
    return exploration


def _file_name(name: str) -> str:
    """A name as that of a file, which the window shows without its ending."""
    letters = (letter if letter.isalnum() or letter in " -_." else "_" for letter in as_line(name, _LONGEST_NAME))
    return "".join(letters).strip()


def _started(arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start the window: in a session of its own, so that an interrupt of the kernel does not close it."""
    with open(log, "wb") as output:
        return subprocess.Popen(
            module_command(_WINDOW, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=child_environment(),
            start_new_session=sys.platform != "win32",
        )
