"""``latentlab adopt``: an ONNX package of a PyTorch model of one's own."""

from __future__ import annotations

import argparse

from latentlab.cli.console import write_json, write_line
from latentlab.cli.export import numbers, of_package
from latentlab.errors import InputError


def adopt(arguments: argparse.Namespace) -> int:
    """Write a package of a PyTorch model of one's own."""
    shape, limits = numbers("--image-shape", arguments.image_shape), numbers("--value-range", arguments.value_range)
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
        write_line(of_package(arguments.out, differences))
    return 0
