"""Files of models that are not opened, and for each a recipe that makes of it what is."""

from __future__ import annotations

import os
from pathlib import Path

from latentlab.errors import InputError, OtherFormatError
from latentlab.storage.validation import opened_regular

_TORCH = """\
# my_vae.py, beside the code of your model: a class with encode(x) and decode(z)
import torch
from my_code import MyVAE
model = MyVAE()
model.load_state_dict(torch.load({name!r}, map_location="cpu", weights_only=True))
# then: latentlab adopt my_vae.py:model --out package --image-shape 1,28,28 --spread log-variance"""

_SAFETENSORS = """\
# my_vae.py, beside the code of your model: a class with encode(x) and decode(z)
from safetensors.torch import load_file
from my_code import MyVAE
model = MyVAE()
model.load_state_dict(load_file({name!r}))
# then: latentlab adopt my_vae.py:model --out package --image-shape 1,28,28 --spread log-variance"""

_PROGRAM = """\
# my_vae.py, beside the code that {name!r} was exported from: a class with encode(x) and decode(z)
import torch
from my_code import MyVAE
model = MyVAE()
model.load_state_dict(torch.load("weights.pt", map_location="cpu", weights_only=True))
# then: latentlab adopt my_vae.py:model --out package --image-shape 1,28,28 --spread log-variance"""

_KERAS = """\
import keras  # with the code of your model, in a program of your own
vae = keras.saving.load_model({name!r})
vae.decoder.export("package/decoder.onnx", format="onnx")  # z [N, d] to image [N, C, H, W]
vae.encoder.export("package/encoder.onnx", format="onnx")  # image [N, C, H, W] to mean [N, d]
# then write package/model.json: docs/reference/file-formats.md, ONNX packages"""

_PICKLED_DIFFUSERS = """\
from diffusers import {kind}  # in a program of your own
folder = {folder!r}
model = {kind}.from_pretrained(folder, use_safetensors=False)
model.save_pretrained(folder + "-safetensors", safe_serialization=True)
# then: latentlab {folder}-safetensors"""

_KINDS: dict[str, tuple[str, str]] = {
    ".pt": ("a file of PyTorch, which could run code", _TORCH),
    ".pth": ("a file of PyTorch, which could run code", _TORCH),
    ".ckpt": ("a checkpoint of PyTorch, which could run code", _TORCH),
    ".bin": ("a file of PyTorch, which could run code", _TORCH),
    ".pkl": ("a pickle, which could run code", _TORCH),
    ".pickle": ("a pickle, which could run code", _TORCH),
    ".joblib": ("a pickle, which could run code", _TORCH),
    ".pt2": ("an exported program of PyTorch, which could run code", _PROGRAM),
    ".torchscript": ("a program of TorchScript", _PROGRAM),
    ".keras": ("a model of Keras, which could run code", _KERAS),
    ".h5": ("a model of Keras, which could run code", _KERAS),
    ".hdf5": ("a model of Keras, which could run code", _KERAS),
}
"""What a file is by its name, and the recipe."""

REFUSED = frozenset({".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".joblib", ".pt2", ".torchscript", ".keras"})
"""Names of models that are never opened; an HDF5 file may hold images."""


def refuse_other_formats(path: Path) -> None:
    """Refuse a file by its name, with a recipe; any other file passes.

    Raises
    ------
    OtherFormatError
        Names the file and what it is.
    """
    kind = _KINDS.get(path.suffix.lower())
    if kind is None or not os.path.isfile(path):
        return
    what, recipe = kind
    raise OtherFormatError(
        f"{path} is not a latentlab model: {_what_it_is(path, what)}, and is never opened; make an ONNX package of it",
        recipe.format(name=path.name),
    )


def recipe_of(path: Path) -> str:
    """The recipe for a file that could not be read as a model of latentlab; empty if nothing is known of it."""
    start = _start(path)
    if start.startswith(b"PK\x03\x04") or (start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")):
        return _TORCH.format(name=path.name)
    is_state = start[8:9] == b"{"  # the header of a safetensors file
    return _SAFETENSORS.format(name=path.name) if is_state else ""


def refuse_pickled_weights(folder: Path, name: str, kind: str) -> None:
    """Refuse a folder of diffusers whose weights are pickled.

    Raises
    ------
    OtherFormatError
        Always.
    """
    raise OtherFormatError(
        f"{folder} has its weights in {name} alone, a file of PyTorch, which could run code and is never opened; save "
        "it anew as safetensors",
        _PICKLED_DIFFUSERS.format(kind=kind, folder=os.fspath(folder)),
    )


def _what_it_is(path: Path, what: str) -> str:
    is_zip = _start(path).startswith(b"PK\x03\x04")
    return f"it is a zip archive, {what}" if is_zip else f"it is {what}"


def _start(path: Path) -> bytes:
    try:
        with opened_regular(path) as (file, _size):
            return file.read(9)
    except InputError:
        return b""
