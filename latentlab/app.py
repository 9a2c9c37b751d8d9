"""Opening the window: the command line's options, the worker's head start, and the event loop.

Nothing here imports Qt at module level, and nothing here ever imports torch: the worker is started first and
imports torch in its own process while this one builds the window.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from latentlab.display import require_display
from latentlab.engine.home import launch
from latentlab.paths import DEFAULT_MODEL

if TYPE_CHECKING:
    from latentlab.composition import Application


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the window's options: ``[PATH] [--engine process|thread] [--device …]``."""
    parser = argparse.ArgumentParser(prog="latentlab", description="Open the window.")
    add_window_options(parser)
    return parser.parse_args(list(argv))


def add_window_options(parser: argparse.ArgumentParser) -> None:
    """Add the window's options to a parser."""
    parser.add_argument("path", nargs="?", help="a model, run folder, session, image folder or dataset file")
    parser.add_argument("--engine", choices=("process", "thread"), default="process", help="where the worker lives")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")


def build(argv: Sequence[str] = ()) -> Application:
    """Make everything without entering the event loop.

    Parameters
    ----------
    argv
        Options, without the program's name.

    Returns
    -------
    Application
        With ``window`` (not shown yet), ``session`` and ``close()``.

    Raises
    ------
    InputError
        When there is no display.
    """
    options = parse(argv)
    require_display()
    from latentlab.opening import kind_of

    first = options.path if options.path and kind_of(options.path) == "model" else DEFAULT_MODEL
    home = launch(options.engine, options.device, first)
    try:
        from latentlab.composition import Application

        return Application(home, options.device, None if first == options.path else options.path)
    except BaseException:
        home.end()
        raise


def main(argv: Sequence[str] = ()) -> int:
    """Open the window and run until it is closed; returns the exit code.

    Raises
    ------
    InputError
        When there is no display.
    """
    application = build(argv)
    application.window.show()
    return application.run()
