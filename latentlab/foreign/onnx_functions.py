"""The networks of an ONNX package, run by onnxruntime."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.errors import InputError
from latentlab.storage.onnx_graph import OnnxGraph
from latentlab.storage.onnx_package import DECODER, ENCODER, OnnxPackage
from latentlab.utils.array_types import FloatArray, IntArray
from latentlab.utils.memory import available_bytes, format_bytes

_LEAST_ARENA = 256 << 20


_arena_lock = threading.Lock()
_arena_bytes = 0
"""What all networks of this process may take together for their tensors; 0 before the first one is made."""


class OnnxFunctions:
    """The networks of a package, on the processor.

    Parameters
    ----------
    package
        As it was read.

    Raises
    ------
    InputError
        When onnxruntime is not installed, or refuses a network.
    """

    def __init__(self, package: OnnxPackage) -> None:
        self._description = package.description
        self._decoder = _session(package.decoder, DECODER)
        self._encoder = None if package.encoder is None else _session(package.encoder, ENCODER)
        self.capabilities = package.capabilities
        self.latent_dim, self.value_range = package.description.latent_dim, (0.0, 1.0)
        self.image_shape = package.header.image_shape

    def __deepcopy__(self, _memo: dict[int, Any]) -> OnnxFunctions:
        """Itself: the networks never change, may run on several threads, and cannot be copied."""
        return self

    def encode(self, images: FloatArray, label: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Posterior mean and standard deviation [B, d] of images [B, C, H, W] in [0, 1]."""
        ports, (low, high) = self._description.encoder, self._description.value_range
        if self._encoder is None or ports is None:
            raise InputError("this model has no encoder, so it cannot encode images")
        feeds: dict[str, NDArray[Any]] = {ports.image: (images * (high - low) + low).astype(np.float32)}
        if ports.label is not None and label is not None:
            feeds[ports.label] = label
        names = [ports.mean, *([] if ports.std is None else [ports.std])]
        outputs = [flattened(values) for values in _run(self._encoder, names, feeds, ENCODER)]
        return outputs[0], outputs[1] if len(outputs) > 1 else np.zeros_like(outputs[0])

    def decode(self, z: FloatArray, label: IntArray | None = None) -> FloatArray:
        """Images [B, C, H, W] in [0, 1], before clipping, of latents [B, d]."""
        ports, (low, high) = self._description.decoder, self._description.value_range
        feeds: dict[str, NDArray[Any]] = {ports.z: z.reshape(len(z), *self._description.latent_shape)}
        if ports.label is not None and label is not None:
            feeds[ports.label] = label
        (images,) = _run(self._decoder, [ports.image], feeds, DECODER)
        scaled: FloatArray = (np.asarray(images, np.float32) - low) / (high - low)
        return scaled

    def log_likelihood(self, images: FloatArray, z: FloatArray, label: IntArray | None = None) -> FloatArray:
        """Refused: a package has none."""
        raise InputError("this model's likelihood is not known")

    def jvp(self, z: FloatArray, directions: FloatArray, label: IntArray | None = None) -> FloatArray:
        """Refused: a package has none."""
        raise InputError("this model does not give derivatives")


def _session(graph: OnnxGraph, name: str) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise InputError('onnxruntime is not installed; install it with pip install "latentlab[onnx]"') from None
    options = onnxruntime.SessionOptions()
    # The window's own threads need the other cores; a spinning pool would keep them busy.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Tensors come from one bounded arena: a graph that asks for more fails without ending the process.
    _bound_memory(onnxruntime)
    options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        return onnxruntime.InferenceSession(graph.data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InputError(f"{name} cannot be run: {_first_line(error)}") from None


def _bound_memory(onnxruntime: Any) -> None:
    """Let all networks of this process take half of the memory that is available now, once."""
    global _arena_bytes
    with _arena_lock:
        if not _arena_bytes:
            most = max(_LEAST_ARENA, available_bytes() // 2)
            kind, use = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
            onnxruntime.create_and_register_allocator(
                onnxruntime.OrtMemoryInfo("Cpu", kind, 0, use), onnxruntime.OrtArenaCfg({"max_mem": most})
            )
            _arena_bytes = most


def _run(session: Any, names: list[str], feeds: dict[str, NDArray[Any]], file: str) -> list[NDArray[Any]]:
    try:
        outputs: list[NDArray[Any]] = session.run(names, feeds)
    except Exception as error:
        if "Available memory of" in str(error):
            raise InputError(f"{file} needs more than {format_bytes(_arena_bytes)} of memory for this") from None
        raise InputError(f"{file} failed: {_first_line(error)}") from None
    return outputs


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:199] + "…"


def flattened(values: NDArray[Any]) -> FloatArray:
    """Each row as a vector, float32 [N, d]."""
    array: FloatArray = np.ascontiguousarray(values, np.float32).reshape(len(values), -1)
    return array
