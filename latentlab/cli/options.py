"""What the options of several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn, Protocol

from latentlab.cli import console
from latentlab.errors import InputError
from latentlab.utils.source_names import join_sources

Run = Callable[[argparse.Namespace], int]

LIMIT_HELP = "use at most N images: a seeded random subset"
LEVELS_HELP = (
    "values that are black and white: auto, type, window, or two numbers A,B (those of the model's training images)"
)

PREPARED_HELP = "the image's values are as the model reads them, as latentlab decode writes them"


class _Writable(Protocol):
    def write(self, s: str, /) -> object: ...


class Parser(argparse.ArgumentParser):
    """Reports errors like all other errors: in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise ``InputError`` for wrong arguments."""
        raise InputError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: _Writable | None = None) -> None:
        """Write the help or the version, also where the output cannot take all of it."""
        console.write_text(message)


def add_model_and_data(command: Parser) -> None:
    """MODEL, DATA and how they are opened."""
    command.add_argument("model", metavar="MODEL")
    add_data(command, "data", "DATA")
    command.add_argument("--limit", type=count(2**62), metavar="N", help=LIMIT_HELP)
    command.add_argument("--levels", metavar="L", help=LEVELS_HELP)
    command.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")


class JoinSources(argparse.Action):
    """Joins several sources to one name."""

    def __call__(self, _parser: object, namespace: argparse.Namespace, values: Any, _option: object = None) -> None:
        """Store the joined name."""
        setattr(namespace, self.dest, join_sources(values))


def add_data(command: Parser, name: str, metavar: str, help_text: str | None = None) -> None:
    """One source of images or several; an option if its name begins with dashes."""
    command.add_argument(name, nargs="+", action=JoinSources, metavar=metavar, help=help_text)


def add_command(
    commands: argparse._SubParsersAction[Parser],
    name: str,
    function: str,
    summary: str,
    json: bool = True,
    answers: bool = False,
) -> Parser:
    """Add a command; one that ``answers`` has nothing to do but to write its output."""
    command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:], allow_abbrev=False)
    command.set_defaults(run=_imported_later(function), output_is_all=answers)
    if json:
        command.add_argument("--json", action="store_true", help="write JSON to stdout")
    return command


def _imported_later(function: str) -> Run:
    """A function of this package that is imported when it is called."""
    module, _, name = function.partition(":")

    def run(arguments: argparse.Namespace) -> int:
        found: Run = getattr(import_module(f"latentlab.cli.{module}"), name)
        return found(arguments)

    return run


def count(most: int, least: int = 1) -> Callable[[str], int]:
    """The type of an option that is a whole number from ``least`` to ``most``."""

    def parsed(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most:,}, not {value}")
        return value

    parsed.__name__ = "count"  # argparse names it in its errors
    return parsed
