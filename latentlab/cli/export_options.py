"""The options of ``latentlab export``."""

from __future__ import annotations

import argparse

from latentlab.cli.options import LEVELS_HELP, LIMIT_HELP, Parser, add_command, add_data, count


def add_export(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    command = add_command(commands, "export", "export:export", "write what a model or a run has for other programs")
    command.epilog = (
        "Several can be written at once. The ONNX package is a folder with encoder.onnx, decoder.onnx, model.json and "
        "test.npz. It is run with onnxruntime once it is written, and the largest difference to the model's own "
        "outputs is reported. Files name the model's SHA-256, and seed and latents where there are any: PNG files as "
        "text, films as a comment, .npz and .parquet files under the name latentlab, .csv files in a "
        ".csv-metadata.json beside them."
    )
    command.add_argument("model", metavar="MODEL", help="a model; a run folder for --history and --curves")
    _add_outputs(command)
    add_data(command, "--data", "DATA", "images to encode (those encoded in the model's file)")
    command.add_argument("--limit", type=count(2**62), metavar="N", help=LIMIT_HELP)
    command.add_argument("--levels", metavar="L", help=LEVELS_HELP)
    command.add_argument("--label", metavar="CLASS", help="class to decode for, of a conditional model")
    command.add_argument("--z", metavar="Z1,Z2,…", help="the latent of map and traversals (0)")
    _add_map(command)
    _add_traversals(command)
    _add_films(command)
    command.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")


def _add_outputs(command: Parser) -> None:
    group = command.add_argument_group("what to write")
    group.add_argument("--map", metavar="FILE", help="the latent map as .png or .svg, drawn by the window's own code")
    group.add_argument("--onnx", metavar="FOLDER", help="a new folder for an ONNX package")
    group.add_argument(
        "--html", metavar="FILE", help="one page with the map and the decoder, for any browser, without a server"
    )
    group.add_argument("--card", metavar="FILE", help="a model card in Markdown")
    group.add_argument("--latents", metavar="FILE", help="the encoded images as .npz, .csv or .parquet")
    group.add_argument("--projector", metavar="FOLDER", help="a new folder for TensorBoard's embedding projector")
    group.add_argument(
        "--traversals", metavar="FILE", help="each dimension swept with the others held, as .png or .npz"
    )
    group.add_argument("--history", metavar="FILE", help="what a run has learned, epoch by epoch: .gif, .webp or .mp4")
    group.add_argument("--curves", metavar="FILE", help="the curves of a run as .csv")


def _add_map(command: Parser) -> None:
    group = command.add_argument_group("the map")
    group.add_argument("--size", default="1200x900", metavar="WxH", help="in pixels (1200x900)")
    group.add_argument(
        "--detail", type=count(8), default=1, metavar="N", help="pixels that a line is wide; letters grow with it (1)"
    )
    group.add_argument("--view", metavar="X1,X2,Y1,Y2", help="ranges of the axes (as the window shows them first)")
    group.add_argument("--axes", metavar="X,Y", help="z1, z2 … or pc1, pc2 … (as in the window)")
    group.add_argument(
        "--layers",
        metavar="NAME:OPACITY,…",
        help="of manifold, density, trust, points, neighbours, cursor; opacities (manifold:1,trust:0.8,points:0.85)",
    )
    group.add_argument("--theme", choices=("light", "dark"), default="light", help="colours (light)")


def _add_traversals(command: Parser) -> None:
    group = command.add_argument_group("traversals")
    group.add_argument("--dimensions", metavar="I,J,…", help="the dimensions, from 1, a row for each (all)")
    group.add_argument("--from-to", metavar="A,B", default="-3,3", help="first and last value (-3,3)")
    group.add_argument("--steps", type=count(1000), default=11, metavar="N", help="number of values (11)")


def _add_films(command: Parser) -> None:
    group = command.add_argument_group("the film of a run")
    group.add_argument(
        "--of",
        choices=("manifold", "reconstructions", "samples"),
        default="manifold",
        help="what it shows of each epoch (manifold)",
    )
    group.add_argument(
        "--frames",
        type=count(10_000),
        default=0,
        metavar="N",
        help="number of frames, each for as many epochs (as many as there are epochs that were kept)",
    )
    group.add_argument("--fps", type=count(100), default=10, metavar="N", help="frames a second (10)")
    group.add_argument("--scale", type=count(64), default=1, metavar="N", help="side of a pixel of the images (1)")
