"""What can be said on the command line; what it does is imported when it is said."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

from latentlab import __version__
from latentlab.errors import InputError

Run = Callable[[argparse.Namespace], int]

COMMANDS = ("train", "evaluate", "encode", "decode", "impute", "info", "recipes", "doctor", "export-tensorboard")

_USAGE = """latentlab [PATH] [--engine process|thread] [--device NAME]
       latentlab COMMAND …"""
_DESCRIPTION = """Without a command the window opens, on PATH if one is given: a model, a run folder,
a session, a folder of images or a dataset file.

DATA is a folder of images, an .npz, .npy or IDX file, or demo:shapes.
MODEL is a .safetensors file, a run folder, or bundled:NAME."""


_GRID = "N × N, even in the standard normal's quantiles of the first two latents; further ones stay 0"
_LIMIT = "use at most so many images: a seeded random subset"


_BEST = """The model kept is that of the epoch with the highest ELBO on the images held out, and patience
(--set patience=N) counts the epochs since; both take the ELBO at β = 1, whatever β or divergence is trained with."""


class Parser(argparse.ArgumentParser):
    """Tells what is wrong as every other error is told: in one line."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise InputError(f"{message} (see {self.prog} --help)")


def build_parser() -> Parser:
    """The parser of everything but the window's own options."""
    parser = Parser(
        prog="latentlab",
        usage=_USAGE,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"latentlab {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, prog="latentlab")
    _add_train(commands)
    _add_evaluate(commands)
    _add_encode(commands)
    _add_decode(commands)
    _add_impute(commands)
    _add_info(commands)
    _add_tensorboard(commands)
    _add_command(commands, "recipes", "about:recipes", "list the recipes")
    _add_command(commands, "doctor", "about:doctor", "tell versions, devices and places, for a report")
    return parser


def _add_train(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _add_command(commands, "train", "train:train", "train a model on images")
    command.epilog = _BEST
    command.add_argument("data", metavar="DATA", help="what to train on")
    command.add_argument("--out", required=True, metavar="RUN", help="the run's folder, new or empty")
    command.add_argument("--recipe", metavar="NAME", help="see latentlab recipes (default: vae)")
    for option, metavar, help_text in (
        ("--latent-dim", "N", "size of the latent space (2)"),
        ("--epochs", "N", "passes over the images (20)"),
        ("--batch-size", "N", "images a step (128)"),
        ("--learning-rate", "X", "Adam's (0.001)"),
        ("--image-size", "N", "side every image is made to fit, 8 to 256 (the images' own)"),
        ("--channels", "N", "auto, 1 or 3 (auto)"),
        ("--validation", "X", "share of the images held out (0.1)"),
        ("--device", "NAME", "auto, cpu, cuda, cuda:N or mps (auto)"),
        ("--seed", "N", "of weights, order, noise and split (0)"),
        ("--limit", "N", _LIMIT),
    ):
        command.add_argument(option, metavar=metavar, help=help_text)
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any setting by its dotted name"
    )
    command.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")


def _add_evaluate(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _add_command(commands, "evaluate", "evaluate:evaluate", "measure a model on images, in nats")
    _add_model_and_data(command)
    command.add_argument(
        "--importance-samples", type=_count(10_000), default=50, metavar="K", help="latents an image (50)"
    )
    command.add_argument("--gaps", action="store_true", help="the amortisation and the approximation gap too (slow)")
    command.add_argument("--seed", type=_count(2**62, least=0), default=0, metavar="N", help="of the noise")


def _add_encode(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _add_command(commands, "encode", "encode_decode:encode", "write the latents of images", json=False)
    _add_model_and_data(command)
    command.add_argument("--out", required=True, metavar="FILE", help="latents.npz or latents.csv")


def _add_decode(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _add_command(commands, "decode", "encode_decode:decode", "write the images of latents", json=False)
    command.add_argument("model", metavar="MODEL")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--z", action="append", metavar="Z1,Z2,…", help="a latent; may be given again")
    what.add_argument("--z-file", metavar="FILE", help="latents [N, d] in an .npy file")
    what.add_argument("--grid", type=_count(200), metavar="N", help=_GRID)
    what.add_argument("--samples", type=_count(100_000), metavar="N", help="N latents drawn from the prior")
    command.add_argument(
        "--label", metavar="CLASS", help="name or number, for a conditional model (samples: each in turn)"
    )
    command.add_argument("--seed", type=_count(2**62, least=0), default=0, metavar="N", help="of the samples")
    command.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    command.add_argument("--out", required=True, metavar="FILE", help="image.png or images.npz")


def _add_impute(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _add_command(commands, "impute", "impute:impute", "fill in the hidden part of an image", json=False)
    command.epilog = (
        "Hidden pixels become their expected value given the observed ones, by importance sampling "
        "(Mattei & Frellsen 2019). Models trained with --set corruption.kind=mask do it best."
    )
    command.add_argument("model", metavar="MODEL")
    command.add_argument("image", metavar="IMAGE", help="an image file; it is resized as the model's data were")
    command.add_argument(
        "--mask", required=True, metavar="MASK", help="an image of the same size: white where pixels are hidden"
    )
    command.add_argument("--samples", type=_count(100_000), default=100, metavar="K", help="latents drawn (100)")
    command.add_argument("--label", metavar="CLASS", help="name or number, for a conditional model")
    command.add_argument("--seed", type=_count(2**62, least=0), default=0, metavar="N", help="of the latents (0)")
    command.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    command.add_argument("--out", required=True, metavar="FILE", help="image.png or image.npz")


def _add_info(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _add_command(commands, "info", "about:info", "tell what a model, a run or a dataset holds")
    command.add_argument("source", metavar="MODEL|DATA|RUN")


def _add_tensorboard(commands: argparse._SubParsersAction[Parser]) -> None:
    name = "export-tensorboard"
    command = _add_command(commands, name, "tensorboard:export_tensorboard", "write a run's curves for TensorBoard")
    command.add_argument("run_folder", metavar="RUN")
    command.add_argument("--out", required=True, metavar="DIR", help="where TensorBoard is to look")


def _add_model_and_data(command: Parser) -> None:
    command.add_argument("model", metavar="MODEL")
    command.add_argument("data", metavar="DATA")
    command.add_argument("--limit", type=_count(2**62), metavar="N", help=_LIMIT)
    command.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")


def _add_command(
    commands: argparse._SubParsersAction[Parser], name: str, function: str, summary: str, json: bool = True
) -> Parser:
    command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:], allow_abbrev=False)
    command.set_defaults(run=_late(function))
    if json:
        command.add_argument("--json", action="store_true", help="write JSON")
    return command


def _late(function: str) -> Run:
    """A function of this package, imported when it is called."""
    module, _, name = function.partition(":")

    def run(arguments: argparse.Namespace) -> int:
        found: Run = getattr(import_module(f"latentlab.cli.{module}"), name)
        return found(arguments)

    return run


def _count(most: int, least: int = 1) -> Callable[[str], int]:
    def count(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most:,}, not {value}")
        return value

    return count
