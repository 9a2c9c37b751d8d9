"""The commands and their options; the code of a command is imported when it is run."""

from __future__ import annotations

import argparse

from latentlab import __version__
from latentlab.cli.explore_options import EXPLORE_COMMANDS, add_explore_commands
from latentlab.cli.export_options import add_export
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
from latentlab.utils.file_formats import FORMAT_NAMES

COMMANDS = (
    "train",
    "evaluate",
    "encode",
    "decode",
    "impute",
    *EXPLORE_COMMANDS,
    "info",
    "recipes",
    "lessons",
    "doctor",
    "export",
    "adopt",
    "import",
    "export-tensorboard",
)

_USAGE = """latentlab [PATH …] [--engine process|thread] [--device NAME]
       latentlab COMMAND …
       latentlab --install-desktop | --uninstall-desktop"""
_DESCRIPTION = f"""Without a command the window opens, with PATH if given: a model, a run folder, a session,
a folder of images or a dataset file.

DATA is a folder of images, a dataset file ({FORMAT_NAMES}), a zarr store,
a text file of paths, demo:shapes, demo:colour, or torchvision:NAME, for instance torchvision:MNIST.
Several folders or files are one dataset; shards-{{000..003}}.tar stands for four files.
MODEL is a .safetensors file, a run folder, bundled:NAME, an ONNX package (latentlab adopt makes one of your own),
or a folder of diffusers with an AutoencoderKL or AutoencoderTiny."""


_GRID = "N × N latents at even quantiles of the standard normal in the first two dimensions; the others are 0"
_RECIPE = "a recipe: see latentlab recipes; without one, settings are suggested for the images, as in the window"


_BEST = """The saved model is that of the epoch with the highest ELBO on the validation images, and patience
(--set patience=N) counts the epochs since then. Both use the ELBO at β = 1, even if the training does not."""


def build_parser() -> Parser:
    """The parser of all commands; the window's options have their own (:mod:`latentlab.app.launch`)."""
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
    add_explore_commands(commands)
    _add_info(commands)
    add_export(commands)
    _add_adopt(commands)
    _add_import(commands)
    _add_tensorboard(commands)
    add_command(commands, "recipes", "info:recipes", "list the recipes", answers=True)
    _add_lessons(commands)
    add_command(commands, "doctor", "info:doctor", "show versions, devices and folders, for a report", answers=True)
    return parser


def _add_train(commands: argparse._SubParsersAction[Parser]) -> None:
    command = add_command(commands, "train", "train:train", "train a model on images")
    command.epilog = _BEST
    add_data(command, "data", "DATA", "the images to train on; several folders or files are one dataset")
    command.add_argument("--out", required=True, metavar="RUN", help="the run folder, new or empty")
    command.add_argument(
        "--recipe",
        metavar="NAME",
        help="a recipe: see latentlab recipes; without one, all settings are suggested for the images as in the window",
    )
    for option, metavar, help_text in (
        ("--latent-dim", "N", "dimensions of the latent space (the recipe's, else suggested for the images)"),
        ("--epochs", "N", "passes over the images (suggested for them)"),
        ("--batch-size", "N", "images in one step (128)"),
        ("--learning-rate", "X", "step size of Adam (0.001)"),
        ("--image-size", "N", "side in pixels that every image is fitted to, 8 to 256 (the images' own)"),
        ("--channels", "N", "1 (grey), 3 (colour) or auto (auto)"),
        ("--levels", "L", "values that are black and white: auto, type, window, or two numbers A,B (auto)"),
        ("--validation", "X", "fraction of the images held out for validation (the data's own split, else 0.1)"),
        ("--device", "NAME", "auto, cpu, cuda, cuda:N or mps (auto)"),
        ("--seed", "N", "seed of weights, order, noise and split (0)"),
        ("--limit", "N", LIMIT_HELP),
    ):
        command.add_argument(option, metavar=metavar, help=help_text)
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any other setting, by its dotted name"
    )
    command.add_argument(
        "--effort",
        choices=("good", "quick"),
        default="good",
        help="of suggested settings: good, as long as it takes, or quick, a look after some two minutes (good)",
    )
    command.add_argument("--resume", action="store_true", help="resume from the run's last checkpoint")


def _add_lessons(commands: argparse._SubParsersAction[Parser]) -> None:
    command = add_command(commands, "lessons", "lessons:show_or_run", "list the lessons, or run one")
    command.epilog = (
        "latentlab lessons run NAME opens the window and runs the steps of the lesson there. With --headless it runs "
        "without a screen, writes what is to be seen and what is measured, and exits with 1 if that is not as the "
        "lesson says."
    )
    command.add_argument("what", nargs="?", choices=("run",), metavar="run", help="run the lesson NAME")
    command.add_argument("name", nargs="?", metavar="NAME", help="a lesson: see latentlab lessons")
    command.add_argument("--headless", action="store_true", help="without a screen")


def _add_evaluate(commands: argparse._SubParsersAction[Parser]) -> None:
    command = add_command(commands, "evaluate", "evaluate:evaluate", "measure a model on images, in nats", answers=True)
    add_model_and_data(command)
    command.add_argument(
        "--importance-samples",
        type=count(10_000),
        default=IMPORTANCE_SAMPLES,
        metavar="K",
        help=f"latents drawn for each image ({IMPORTANCE_SAMPLES})",
    )
    command.add_argument(
        "--split",
        metavar="NAME",
        help="train, validation, test, unlabeled or all, where the data are split (test, else validation, else all)",
    )
    command.add_argument(
        "--factors",
        metavar="A,B,…",
        help="columns that are generative factors, for disentanglement scores (those that the data name)",
    )
    command.add_argument("--gaps", action="store_true", help="also the amortisation and approximation gaps (slow)")
    command.add_argument("--seed", type=count(2**62, least=0), default=0, metavar="N", help="seed of the noise (0)")


def _add_encode(commands: argparse._SubParsersAction[Parser]) -> None:
    command = add_command(commands, "encode", "encode_decode:encode", "write the latents of images", json=False)
    add_model_and_data(command)
    command.add_argument("--out", required=True, metavar="FILE", help="latents.npz, latents.csv or latents.parquet")


def _add_decode(commands: argparse._SubParsersAction[Parser]) -> None:
    command = add_command(commands, "decode", "encode_decode:decode", "write the images of latents", json=False)
    command.add_argument("model", metavar="MODEL")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--z", action="append", metavar="Z1,Z2,…", help="a latent; may be given several times")
    what.add_argument(
        "--z-file", metavar="FILE", help="latents [N, d] in an .npy, .npz or .csv file, as encode and decode write"
    )
    what.add_argument("--grid", type=count(200), metavar="N", help=_GRID)
    what.add_argument("--samples", type=count(100_000), metavar="N", help="N samples")
    command.add_argument(
        "--from",
        dest="source",
        choices=("prior", "aggregate", "flow"),
        help="where samples are drawn from, as for latentlab generate",
    )
    command.add_argument(
        "--pixels",
        choices=("mean", "sampled", "std"),
        default="mean",
        help="of p(x|z): its mean, an image drawn from it, or its standard deviation (mean)",
    )
    command.add_argument(
        "--label",
        metavar="CLASS",
        help="class by name or number, for a conditional model (samples: all in turn)",
    )
    command.add_argument("--seed", type=count(2**62, least=0), default=0, metavar="N", help="seed of the samples (0)")
    command.add_argument(
        "--scale", type=count(64), default=1, metavar="N", help="side of a pixel of the image in the .png file (1)"
    )
    command.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    command.add_argument("--out", required=True, metavar="FILE", help="image.png or images.npz")


def _add_impute(commands: argparse._SubParsersAction[Parser]) -> None:
    command = add_command(commands, "impute", "impute:impute", "fill in the hidden part of an image", json=False)
    command.epilog = (
        "Hidden pixels become their expected value given the observed ones, by importance sampling "
        "(Mattei & Frellsen 2019). Models trained with --set corruption.kind=mask do this best. With --draws several "
        "images are drawn instead, by importance sampling from a fitted Gaussian and from the prior, and by Langevin "
        "chains where the weights are too uneven: of any model whose latents are plain numbers."
    )
    command.add_argument("model", metavar="MODEL")
    command.add_argument("image", metavar="IMAGE", help="an image file; it is resized like the model's training images")
    command.add_argument(
        "--mask", required=True, metavar="MASK", help="an image of the same size: white for hidden pixels"
    )
    command.add_argument("--levels", metavar="L", help=LEVELS_HELP)
    command.add_argument(
        "--draws",
        type=count(1000),
        metavar="N",
        help="write N images that agree with the observed pixels, instead of the expected one",
    )
    command.add_argument(
        "--expected", action="store_true", help="with --draws: write the expected one, too, as the first image"
    )
    command.add_argument(
        "--samples", type=count(100_000), metavar="K", help="latents drawn (100; with --draws 256 that are weighted)"
    )
    command.add_argument("--prepared", action="store_true", help=PREPARED_HELP)
    command.add_argument("--label", metavar="CLASS", help="class by name or number, for a conditional model")
    command.add_argument("--seed", type=count(2**62, least=0), default=0, metavar="N", help="seed of the latents (0)")
    command.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    command.add_argument("--out", required=True, metavar="FILE", help="image.png or image.npz")


def _add_info(commands: argparse._SubParsersAction[Parser]) -> None:
    command = add_command(commands, "info", "info:info", "describe a model, a run or a dataset", answers=True)
    add_data(command, "source", "MODEL|DATA|RUN")


def _add_adopt(commands: argparse._SubParsersAction[Parser]) -> None:
    command = add_command(commands, "adopt", "adopt:adopt", "make an ONNX package of your own PyTorch model")
    command.epilog = (
        "Runs your code. The model needs encode(x) and decode(z); encode returns a mean, a mean and its spread, or a "
        "torch distribution. The package is tested with onnxruntime, and opens wherever MODEL stands."
    )
    command.add_argument(
        "source", metavar="module.py:model", help="a file, and the name in it of a module or of what makes one"
    )
    command.add_argument("--out", required=True, metavar="FOLDER", help="a new folder for the package")
    command.add_argument("--image-shape", required=True, metavar="C,H,W", help="of the images it takes, as 1,28,28")
    command.add_argument("--weights", metavar="FILE", help=".safetensors, or a state_dict of torch.save")
    command.add_argument(
        "--spread",
        choices=("log-variance", "std", "log-std", "none"),
        help="what the second of two outputs of encode is",
    )
    command.add_argument("--value-range", default="0,1", metavar="A,B", help="the model's black and white (0,1)")
    command.add_argument("--classes", metavar="A,B,…", help="names of the labels of a conditional model")
    command.add_argument(
        "--prior",
        choices=("standard-normal", "unknown"),
        default="standard-normal",
        help="what latents are drawn from (standard-normal)",
    )


def _add_import(commands: argparse._SubParsersAction[Parser]) -> None:
    command = add_command(
        commands, "import", "import_model:import_model", "write a model of another program as a model file"
    )
    command.epilog = (
        "FOLDER is that of an AutoencoderKL or AutoencoderTiny of diffusers (config.json and safetensors), or of a "
        "pipeline with one in its folder vae. Such a folder also opens as it is, wherever MODEL stands. Or it is that "
        "of a model of Pythae with its default networks (model_config.json and model.pt), which becomes a model like "
        "those trained here; model.pt is a pickle, of which only weights are read: import what you trust."
    )
    command.add_argument("source", metavar="FOLDER")
    command.add_argument("--out", required=True, metavar="FILE", help="model.safetensors")
    command.add_argument(
        "--image-size",
        type=count(4096),
        metavar="N",
        help="side in pixels of the images that it is opened for (its settings' own, up to 256)",
    )


def _add_tensorboard(commands: argparse._SubParsersAction[Parser]) -> None:
    name = "export-tensorboard"
    command = add_command(commands, name, "tensorboard:export_tensorboard", "write a run's curves for TensorBoard")
    command.add_argument("run_folder", metavar="RUN")
    command.add_argument("--out", required=True, metavar="DIR", help="log directory for TensorBoard")
