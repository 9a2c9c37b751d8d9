"""``latentlab export`` and ``latentlab adopt``: models as ONNX packages."""

from __future__ import annotations

import argparse

from latentlab.cli.console import write_json, write_line
from latentlab.errors import InputError
from latentlab.storage.outputs import check_output


def export(arguments: argparse.Namespace) -> int:
    """Write a model as an ONNX package, and say how far its outputs are from the model's own."""
    check_output(arguments.onnx, arguments.model)
    from latentlab.exchange.onnx_export import export_onnx
    from latentlab.models.inference import load_model

    differences = export_onnx(load_model(arguments.model, "cpu"), arguments.onnx)
    _report(arguments, arguments.onnx, differences)
    return 0


def adopt(arguments: argparse.Namespace) -> int:
    """Write a package of a PyTorch model of one's own."""
    shape, limits = _numbers("--image-shape", arguments.image_shape), _numbers("--value-range", arguments.value_range)
    if len(shape) != 3 or any(size != int(size) or size < 1 for size in shape):
        raise InputError("--image-shape must be channels, height and width, such as 1,28,28")
    if len(limits) != 2 or not limits[0] < limits[1]:
        raise InputError("--value-range must be two rising numbers, such as -1,1")
    classes = [name.strip() for name in arguments.classes.split(",")] if arguments.classes else []
    if len(classes) == 1:
        raise InputError("--classes must name at least two, such as cat,dog")
    from latentlab.exchange.adopt import adopt as adopt_model
    from latentlab.exchange.adopt import load_own_model

    model = load_own_model(arguments.source, arguments.weights)
    differences = adopt_model(
        model,
        arguments.out,
        [int(size) for size in shape],
        spread=arguments.spread,
        value_range=(limits[0], limits[1]),
        classes=classes,
        prior=arguments.prior,
    )
    _report(arguments, arguments.out, differences)
    return 0


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} must be numbers with commas between them, not {text!r}") from None


def _report(arguments: argparse.Namespace, folder: str, differences: dict[str, float]) -> None:
    if arguments.json:
        write_json({"out": folder, "differences": differences})
        return
    told = ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items())
    write_line(f"{folder}: tested with onnxruntime; largest differences: {told}")
