"""Tests an ONNX package before it is opened, in a process of its own with bounded memory."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np

from latentlab.errors import InputError
from latentlab.foreign.onnx_functions import OnnxFunctions, flattened
from latentlab.storage.onnx_package import OnnxPackage
from latentlab.utils.array_types import FloatArray
from latentlab.utils.child_process import child_environment, module_command
from latentlab.utils.memory import available_bytes, format_bytes

_SECONDS = 120.0
_LEAST_MEMORY = 2 << 30  # address space that onnxruntime takes by itself


def self_test(path: Path) -> dict[str, float]:
    """Run the test of a package in a process of its own, with bounded memory.

    Returns
    -------
    dict
        The largest difference to the package's own arrays by name, in units of the value range for images; without a
        test, empty.

    Raises
    ------
    InputError
        When it fails.
    """
    limit = available_bytes() // 2 + _LEAST_MEMORY
    command = module_command("latentlab.foreign.self_test_main", os.fspath(path), str(limit))
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=child_environment(),
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{path}: its networks take more than {_SECONDS:.0f} seconds for a test") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise InputError(
            f"{path}: its networks ended the process that tested them; they may need more than "
            f"{format_bytes(limit - _LEAST_MEMORY)} of memory"
        )
    if "problem" in answer:
        raise InputError(f"{path}: {answer['problem']}")
    return {str(name): float(value) for name, value in answer.items()}


def differences(package: OnnxPackage, functions: OnnxFunctions) -> dict[str, float]:
    """The largest difference of each output to the package's own arrays; without a test, a latent is decoded.

    Raises
    ------
    InputError
        When one is beyond the package's tolerance, or an output has another shape or is not finite.
    """
    description, test = package.description, package.test
    low, high = description.value_range
    label = test.get("label")
    given: list[tuple[str, FloatArray, FloatArray | None]] = []
    if "z" in test:
        images = functions.decode(flattened(test["z"]), label)
        given.append(("decoded", images, ((test["decoded"] - low) / (high - low)).astype(np.float32)))
    else:
        first = np.zeros(2, np.int64) if description.is_conditional else None
        given.append(("decoded", functions.decode(np.zeros((2, description.latent_dim), np.float32), first), None))
    if "image" in test and functions.capabilities.has_encoder:
        mean, std = functions.encode(((test["image"] - low) / (high - low)).astype(np.float32), label)
        given.append(("mean", mean, flattened(test["mean"])))
        if "std" in test:
            given.append(("std", std, flattened(test["std"])))
    found: dict[str, float] = {}
    for name, values, wanted in given:
        shape = (len(values), *(description.image_shape if name == "decoded" else [description.latent_dim]))
        if values.shape != shape:
            raise InputError(f"{name} has the shape {list(values.shape)} instead of {list(shape)}")
        if not np.isfinite(values).all():
            raise InputError(f"{name} has values that are not finite")
        if wanted is None:
            continue
        found[name] = float(np.abs(values - wanted).max())
        if found[name] > description.tolerance:
            raise InputError(
                f"its test does not hold: {name} differs by {found[name]:.3g} from test.npz, more than "
                f"{description.tolerance:g}"
            )
    return found
