"""``latentlab export`` and ``latentlab adopt``: models as ONNX packages."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from latentlab.cli.console import write_json, write_line
from latentlab.cli.encode_decode import label_index, output_path
from latentlab.cli.open_data import model_and_data
from latentlab.errors import InputError
from latentlab.storage.outputs import check_output
from latentlab.utils.memory import format_bytes

if TYPE_CHECKING:
    from latentlab.data import Dataset
    from latentlab.models.inference import InferenceModel


def export(arguments: argparse.Namespace) -> int:
    """Write a model as an ONNX package, a page, or a card."""
    outputs = [out for out in (arguments.onnx, arguments.html, arguments.card) if out is not None]
    if not outputs:
        raise InputError("say what to write: --onnx FOLDER, --html FILE or --card FILE")
    for out in outputs:
        check_output(out, arguments.model, data=arguments.data or "")
    model, dataset = _opened(arguments)
    answer: dict[str, object] = {}
    if arguments.card is not None:
        from latentlab.exchange.model_card import write_model_card

        write_model_card(model.header, output_path(arguments.card, (".md",)), arguments.model)
        answer["card"] = {"out": arguments.card}
        _tell(arguments, f"{arguments.card}: written")
    if arguments.html is not None:
        answer["html"] = _write_page(arguments, model, dataset)
    if arguments.onnx is not None:
        from latentlab.exchange.onnx_export import export_onnx

        differences = export_onnx(model, arguments.onnx)
        answer["onnx"] = {"out": arguments.onnx, "differences": differences}
        _tell(arguments, _of_package(arguments.onnx, differences))
    if arguments.json:
        write_json(answer)
    return 0


def _opened(arguments: argparse.Namespace) -> tuple[InferenceModel, Dataset | None]:
    if arguments.data is not None:
        model, dataset, _ = model_and_data(arguments)
        return model, dataset
    from latentlab.models.inference import load_model

    return load_model(arguments.model, arguments.device), None


def _write_page(arguments: argparse.Namespace, model: InferenceModel, dataset: Dataset | None) -> dict[str, object]:
    from latentlab.exchange.html_page import export_html

    out = output_path(arguments.html, (".html", ".htm"))
    written = export_html(model, out, dataset, label_index(arguments.label, model), _title(arguments.model))
    shown = f"{written['points']:,} of {written['of']:,} points"
    decoder = (
        "its decoder runs in the page" if written["decoder"] == "network" else "its images were decoded beforehand"
    )
    _tell(arguments, f"{out}: {format_bytes(int(written['bytes']))}, {shown}; {decoder}")
    return {"out": str(out), **written}


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
    if arguments.json:
        write_json({"out": arguments.out, "differences": differences})
    else:
        write_line(_of_package(arguments.out, differences))
    return 0


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} must be numbers with commas between them, not {text!r}") from None


def _title(source: str) -> str:
    path = Path(source.removeprefix("bundled:"))
    return path.parent.name if path.name == "model.safetensors" else path.stem


def _tell(arguments: argparse.Namespace, text: str) -> None:
    if not arguments.json:
        write_line(text)


def _of_package(folder: str, differences: dict[str, float]) -> str:
    listed = ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items())
    return f"{folder}: tested with onnxruntime; largest differences: {listed}"
