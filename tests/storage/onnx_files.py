"""Small ONNX packages, made without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPE = (1, 2, 3)
LATENT = 2


def graph(nodes: Sequence[Any], given: Any, made: Any, weights: Sequence[Any] = (), domains: Sequence[str] = ()) -> Any:
    """An ONNX model of nodes between the ports ``given`` and ``made``."""
    imports = [helper.make_opsetid("", 18), *(helper.make_opsetid(domain, 1) for domain in domains)]
    body = helper.make_graph(list(nodes), "graph", given, made, list(weights))
    return helper.make_model(body, opset_imports=imports, ir_version=9)


def port(name: str, *shape: int | str | None, kind: int = TensorProto.FLOAT) -> Any:
    """An input or output."""
    return helper.make_tensor_value_info(name, kind, list(shape))


def weight(name: str, values: Any) -> Any:
    """An initialiser."""
    return numpy_helper.from_array(np.asarray(values, np.float32), name)


def decoder_matrix() -> np.ndarray:
    """The weights of the decoder, [d, pixels]."""
    return np.random.default_rng(0).uniform(-0.2, 0.2, (LATENT, 6)).astype(np.float32)


def decoder() -> Any:
    """Image = 0.5 + z W, in the shape of an image."""
    return graph(
        [
            helper.make_node("MatMul", ["z", "w"], ["flat"]),
            helper.make_node("Add", ["flat", "grey"], ["pixels"]),
            helper.make_node("Reshape", ["pixels", "shape"], ["image"]),
        ],
        [port("z", "n", LATENT)],
        [port("image", "n", *SHAPE)],
        [
            weight("w", decoder_matrix()),
            weight("grey", 0.5),
            numpy_helper.from_array(np.array([-1, *SHAPE], np.int64), "shape"),
        ],
    )


def encoder() -> Any:
    """Mean = W (x − 0.5), and a standard deviation of 0.5."""
    return graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("Sub", ["flat", "grey"], ["centred"]),
            helper.make_node("MatMul", ["centred", "v"], ["mean"]),
            helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "grey"], ["std"]),
        ],
        [port("image", "n", *SHAPE)],
        [port("mean", "n", LATENT), port("std", "n", LATENT)],
        [weight("v", decoder_matrix().T), weight("grey", 0.5), weight("zero", 0.0)],
    )


def described(**changes: Any) -> dict[str, Any]:
    """The content of a model.json."""
    values: dict[str, Any] = {
        "format": "latentlab-onnx",
        "version": 1,
        "name": "linear",
        "image_shape": list(SHAPE),
        "latent_shape": [LATENT],
        "encoder": {"std": "std"},
    }
    return values | changes


def test_arrays() -> dict[str, np.ndarray]:
    """What the networks give for some latents and images."""
    generator = np.random.default_rng(1)
    z = generator.standard_normal((3, LATENT)).astype(np.float32)
    image = generator.uniform(0, 1, (3, *SHAPE)).astype(np.float32)
    return {
        "z": z,
        "decoded": (0.5 + z @ decoder_matrix()).reshape(-1, *SHAPE),
        "image": image,
        "mean": (image.reshape(3, -1) - 0.5) @ decoder_matrix().T,
        "std": np.full((3, LATENT), 0.5, np.float32),
    }


def write(
    folder: Path,
    description: dict[str, Any] | None = None,
    *,
    decoding: Any = None,
    encoding: Any = None,
    arrays: dict[str, np.ndarray] | None = None,
) -> Path:
    """A package; whole and right but for what is given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps(described() if description is None else description))
    onnx.save_model(decoder() if decoding is None else decoding, folder / "decoder.onnx")
    onnx.save_model(encoder() if encoding is None else encoding, folder / "encoder.onnx")
    np.savez(folder / "test.npz", **(test_arrays() if arrays is None else arrays))
    return folder
