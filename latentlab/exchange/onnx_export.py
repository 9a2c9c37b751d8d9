"""Writes a model as an ONNX package, and checks it with onnxruntime."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentlab.errors import InputError
from latentlab.foreign.self_test import self_test
from latentlab.models.base import Batch
from latentlab.models.inference import InferenceModel
from latentlab.storage.onnx_package import (
    DecoderPorts,
    EncoderPorts,
    PackageDescription,
    require_new_folder,
    write_package,
)

_TESTS = 8
_TOLERANCE = 1e-3


def export_onnx(model: InferenceModel, folder: str | Path) -> dict[str, float]:
    """Write an ONNX package of a model and test it.

    Parameters
    ----------
    model
        A model of this program; one without an encoder gives a package without.
    folder
        A new or empty folder.

    Returns
    -------
    dict
        The largest difference between onnxruntime's outputs and the model's own, by name: ``decoded`` in units of
        black to white, ``mean`` and ``std`` as they are.

    Raises
    ------
    InputError
        When the folder is not empty, ONNX is not installed, or the model's encoder or decoder cannot be written as a
        graph.
    """
    if model.module.config.family == "foreign":
        raise InputError("this model is a package of another program already: copy its folder")
    require_new_folder(Path(folder))
    module = copy.deepcopy(model.module).cpu().eval()
    has_encoder = getattr(module, "has_encoder", True) and module.config.posterior.refine == 0
    test = _test_arrays(model, has_encoder)
    label = test.get("label")
    decoder = to_onnx(_Decoder(module), "z", test["z"], label, ("image",))
    encoder = to_onnx(_Encoder(module), "image", test["image"], label, ("mean", "std")) if has_encoder else None
    name = "label" if module.classes else None
    config = module.config  # the upper levels of a hierarchy decide on the prior of those below
    is_normal = config.prior.kind == "standard" and config.family in ("vae", "factor", "vae-gan")
    description = PackageDescription(
        name=str(model.header.data.get("name", "")) or module.config.recipe,
        image_shape=list(model.image_shape),
        latent_shape=[model.latent_dim],
        value_range=[0.0, 1.0],
        prior="standard-normal" if is_normal else "unknown",
        classes=list(model.header.classes),
        encoder=EncoderPorts(std="std", label=name) if has_encoder else None,
        decoder=DecoderPorts(label=name),
        tolerance=_TOLERANCE,
        source={"program": "latentlab", "recipe": module.config.recipe, "sha256": model.header.sha256},
    )
    write_package(Path(folder), description, decoder, encoder, test)
    return self_test(Path(folder))


def to_onnx(
    network: nn.Module,
    input_name: str,
    example: NDArray[Any],
    label: NDArray[np.int64] | None,
    outputs: tuple[str, ...],
) -> bytes:
    """A network as the bytes of an ONNX file whose first sizes are free.

    Parameters
    ----------
    network
        On the processor, in evaluation mode; takes a tensor and, if ``label`` is given, int64 [N].
    input_name, outputs
        Names in the graph; the label's is ``label``.
    example
        float32 [n, …], n > 1.

    Raises
    ------
    InputError
        When ONNX is not installed, or the network depends on its input's values in a way that a graph cannot say.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ImportError:
        raise InputError('ONNX is not installed; install it with pip install "latentlab[onnx]"') from None
    given = (torch.from_numpy(example), *([] if label is None else [torch.from_numpy(label)]))
    free = {0: torch.export.Dim("n", min=1)}
    try:
        with torch.no_grad(), _quiet():
            program: Any = torch.export.export(network, given, dynamic_shapes=tuple(free for _ in given))
            names = [input_name, *(["label"] if label is not None else [])]
            written: Any = torch.onnx.export(
                program, input_names=names, output_names=list(outputs), dynamo=True, verbose=False
            )
    except Exception as error:
        first = " ".join(str(error).split())[:200]
        part = "decoder" if input_name == "z" else "encoder"
        raise InputError(f"its {part} cannot be written as a graph: {first}") from None
    buffer = io.BytesIO()
    onnx.save_model(written.model_proto, buffer)
    return buffer.getvalue()


class _Decoder(nn.Module):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        decoded: Tensor = self.module.decode(z, label)
        return decoded


class _Encoder(nn.Module):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mean, std = self.module.encode(Batch(image, label))
        return mean, std


def _test_arrays(model: InferenceModel, has_encoder: bool) -> dict[str, NDArray[Any]]:
    """Latents of the prior, what they decode to, and what those images are encoded as."""
    labels: NDArray[np.int64] | None = model.classes_of_samples(_TESTS)
    z = model.sample_prior(_TESTS)
    decoded = model.decode(z, labels)
    arrays: dict[str, NDArray[Any]] = {"z": z, "decoded": decoded}
    if has_encoder:
        mean, std = model.encode(decoded, labels)
        arrays |= {"image": decoded, "mean": mean, "std": std}
    return arrays | ({} if labels is None else {"label": labels})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's progress on stdout and its warnings."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
