"""The commands that ask a latent space: neighbours, direction, path, generate, fit-prior, inspect, compare."""

from __future__ import annotations

import argparse

from latentlab.cli.options import (
    LEVELS_HELP,
    LIMIT_HELP,
    PREPARED_HELP,
    Parser,
    add_command,
    add_data,
    add_model_and_data,
    count,
)
from latentlab.utils.defaults import IMPORTANCE_SAMPLES

EXPLORE_COMMANDS = ("neighbours", "direction", "path", "generate", "fit-prior", "inspect", "compare")

_LABEL = "class by name or number, for a conditional model"
_DEVICE = "auto, cpu, cuda, cuda:N or mps"
_KINDS = (
    "linear; spherical; geodesic: where the decoded images change least; graph: through the nearest neighbours among "
    "the data (linear)"
)


def add_explore_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add these commands."""
    _add_neighbours(commands)
    _add_direction(commands)
    _add_path(commands)
    _add_generate(commands)
    _add_inspect(commands)
    _add_fit_prior(commands)
    _add_compare(commands)


def _add_neighbours(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "find the images whose latents are nearest to one"
    command = add_command(commands, "neighbours", "neighbours:neighbours", summary, answers=True)
    add_model_and_data(command)
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("--z", metavar="Z1,Z2,…", help="the latent")
    where.add_argument("--image", metavar="FILE", help="an image, which is encoded")
    command.add_argument("-k", type=count(100_000), default=5, metavar="K", help="number of images (5)")
    command.add_argument("--label", metavar="CLASS", help=_LABEL)


def _add_direction(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "find a direction between two groups of images or along a column, and how well it separates them"
    command = add_command(commands, "direction", "direction:direction", summary)
    command.epilog = (
        "Of two groups the direction is the difference of their means; of a column of numbers, that of ridge "
        "regression. The scores are those of images held out: Cohen's d of their positions along the direction, the "
        "same for random groups, and the accuracy of telling the groups apart. p_value is the share of 41 groupings, "
        "the given one and 40 random ones, that are at least as far apart: never below 1/41 = 0.024."
    )
    add_model_and_data(command)
    command.add_argument("--from", dest="from_class", metavar="CLASS", help="a class, by name or number")
    command.add_argument("--to", dest="to_class", metavar="CLASS", help="another class")
    command.add_argument(
        "--column",
        metavar="NAME",
        help="a column of numbers; or one of text or of two values, whose values --from and --to then are",
    )
    command.add_argument(
        "--from-list", metavar="A.txt", help="images: a text file of paths, one a line, or a table with a column path"
    )
    command.add_argument("--to-list", metavar="B.txt", help="another")
    command.add_argument("--seed", type=count(2**62, least=0), default=0, metavar="N", help="of the scores (0)")
    command.add_argument("--out", required=True, metavar="FILE", help="direction.npz: vector [d] and origin [d]")


def _add_path(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "write the images along a path through latents or images"
    command = add_command(commands, "path", "path:path", summary)
    command.add_argument("model", metavar="MODEL")
    command.add_argument(
        "--through",
        nargs="+",
        action="extend",
        required=True,
        metavar="Z_OR_IMAGE",
        help="the waypoints: latents Z1,Z2,… or image files, which are encoded",
    )
    command.add_argument("--kind", default="linear", metavar="KIND", help=_KINDS)
    add_data(command, "--data", "DATA", "images for graph (those encoded in the model's file)")
    command.add_argument("--loop", action="store_true", help="return to the first waypoint, without a seam")
    command.add_argument("--even", action="store_true", help="let the image, not the latent, change at an even speed")
    command.add_argument("--frames", type=count(100_000), default=30, metavar="N", help="number of images (30)")
    command.add_argument("--fps", type=count(100), default=20, metavar="N", help="frames a second of a film (20)")
    command.add_argument(
        "--scale",
        type=count(64),
        default=1,
        metavar="N",
        help="side of a pixel of the image in the film or picture (1)",
    )
    command.add_argument("--label", metavar="CLASS", help=_LABEL)
    command.add_argument("--limit", type=count(2**62), metavar="N", help=LIMIT_HELP)
    command.add_argument("--levels", metavar="L", help=LEVELS_HELP)
    command.add_argument("--device", default="auto", metavar="NAME", help=_DEVICE)
    command.add_argument("--out", required=True, metavar="FILE", help="path.npz, .png, .gif, .webp or .mp4")


def _add_generate(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "write images of latents drawn from a distribution"
    command = add_command(commands, "generate", "generate:generate", summary)
    command.add_argument("model", metavar="MODEL")
    command.add_argument("--count", type=count(100_000), required=True, metavar="N", help="number of images")
    command.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help="prior; aggregate: a mixture of Gaussians fitted to the encoded images; flow: a normalizing flow fitted "
        "to them; or a file of a selection, an .npz, .npy or .csv of latents (an exported table) or an .npz with "
        "index, the numbers of images (prior; aggregate for models that encode to points, as ae and wae)",
    )
    add_data(command, "--data", "DATA", "images to encode (those encoded in the model's file)")
    command.add_argument(
        "--temperature", type=float, default=1.0, metavar="T", help="factor of the standard deviations (1)"
    )
    command.add_argument("--label", metavar="CLASS", help=f"{_LABEL} (all in turn)")
    command.add_argument("--seed", type=count(2**62, least=0), default=0, metavar="S", help="of the latents (0)")
    command.add_argument("--limit", type=count(2**62), metavar="N", help=LIMIT_HELP)
    command.add_argument("--levels", metavar="L", help=LEVELS_HELP)
    command.add_argument("--device", default="auto", metavar="NAME", help=_DEVICE)
    command.add_argument("--out", required=True, metavar="FILE", help="images.png or images.npz")


def _add_fit_prior(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "fit a normalizing flow to the encoded images, a learned prior, and save it with the model"
    command = add_command(commands, "fit-prior", "generate:fit_prior", summary)
    command.epilog = (
        "Afterwards latentlab generate and decode --samples draw from it with --from flow. For models of every recipe "
        "whose latents are plain numbers. train --set training.latent_flow=true fits one at the end of a run."
    )
    command.add_argument("model", metavar="MODEL")
    add_data(command, "--data", "DATA", "images to encode (those encoded in the model's file)")
    command.add_argument("--seed", type=count(2**62, least=0), default=0, metavar="S", help="of the fit (0)")
    command.add_argument("--limit", type=count(2**62), metavar="N", help=LIMIT_HELP)
    command.add_argument("--levels", metavar="L", help=LEVELS_HELP)
    command.add_argument("--device", default="auto", metavar="NAME", help=_DEVICE)
    command.add_argument("--out", required=True, metavar="FILE", help="model.safetensors")


def _add_inspect(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "measure one image: its ELBO, whether it is typical, its amortisation gap, its pictures"
    command = add_command(commands, "inspect", "inspect_image:inspect", summary)
    command.epilog = (
        "The picture has the image, its reconstruction, the error and the standard deviation of each pixel in its "
        "first row, decoded samples of q(z|x) in the second, and images drawn from p(x|z) in the third."
    )
    command.add_argument("model", metavar="MODEL")
    command.add_argument("image", metavar="IMAGE", help="an image file; it is resized like the model's training images")
    add_data(command, "--data", "DATA", "say whether the image is typical of these images, by the rank of its ELBO")
    command.add_argument(
        "--refine", type=count(100_000), metavar="STEPS", help="refine q(z|x) by so many gradient steps"
    )
    command.add_argument("--samples", type=count(10_000), default=64, metavar="K", help="latents of q(z|x) (64)")
    command.add_argument("--prepared", action="store_true", help=PREPARED_HELP)
    command.add_argument("--label", metavar="CLASS", help=_LABEL)
    command.add_argument("--seed", type=count(2**62, least=0), default=0, metavar="S", help="of all noise (0)")
    command.add_argument("--limit", type=count(2**62), metavar="N", help=LIMIT_HELP)
    command.add_argument("--levels", metavar="L", help=LEVELS_HELP)
    command.add_argument("--device", default="auto", metavar="NAME", help=_DEVICE)
    command.add_argument("--out", metavar="FILE", help="image.png or image.npz")


def _add_compare(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "compare two models on the same images, and their latents"
    command = add_command(commands, "compare", "compare:compare", summary, answers=True)
    command.add_argument("model", metavar="MODEL")
    command.add_argument("other", metavar="MODEL")
    add_data(command, "data", "DATA")
    command.add_argument(
        "--importance-samples",
        type=count(10_000),
        default=IMPORTANCE_SAMPLES,
        metavar="K",
        help=f"latents drawn for each image ({IMPORTANCE_SAMPLES})",
    )
    command.add_argument("--split", metavar="NAME", help="as for latentlab evaluate")
    command.add_argument("--seed", type=count(2**62, least=0), default=0, metavar="N", help="of the noise (0)")
    command.add_argument("--limit", type=count(2**62), metavar="N", help=LIMIT_HELP)
    command.add_argument("--levels", metavar="L", help=LEVELS_HELP)
    command.add_argument("--device", default="auto", metavar="NAME", help=_DEVICE)
