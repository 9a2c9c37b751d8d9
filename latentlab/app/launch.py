"""Opening the window: the command line's options, the worker's head start, and the event loop.

Nothing here imports Qt at module level, and nothing here ever imports torch: the worker is started first and
imports torch in its own process while this one builds the window. The window is painted before most of the program
is imported: frame and map first (:mod:`latentlab.app.first_paint`), then what is behind them, a piece at a time.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING

from latentlab.app.display_check import require_display
from latentlab.engine.client.worker_host import launch
from latentlab.paths import DEFAULT_MODEL

if TYPE_CHECKING:
    from latentlab.app.application import Application
    from latentlab.engine.client.worker_host import WorkerHost


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
        When there is no display, or the path leads nowhere.
    """
    options, first, host = _start_worker(argv)
    try:
        from latentlab.app.application import Application
        from latentlab.app.first_paint import FirstPaint

        application = Application(FirstPaint(first), host, options.device, _opened_in_addition(options, first))
        for _ in application.build():
            pass
        return application
    except BaseException:
        host.kill()
        raise


def open_window(argv: Sequence[str] = ()) -> Application:
    """Show the window as soon as its map can be painted, and make the rest while it answers.

    Parameters
    ----------
    argv
        Options, without the program's name.

    Raises
    ------
    InputError
        When there is no display, or the path leads nowhere.
    """
    # Each look for garbage goes through all that has been imported: some tens of milliseconds, and there is none yet.
    gc.disable()
    try:
        options, first, host = _start_worker(argv)
        try:
            return _shown(options, first, host)
        except BaseException:
            host.kill()
            raise
    finally:
        gc.freeze()
        gc.enable()


def _shown(options: argparse.Namespace, first: str, host: WorkerHost) -> Application:
    from latentlab.app.first_paint import FirstPaint, process_events

    front = FirstPaint(first)
    front.show()
    front.import_behind("latentlab.app.application")
    from latentlab.app.application import Application

    application = Application(front, host, options.device, _opened_in_addition(options, first))
    for _ in application.build():
        process_events()
    return application


def _start_worker(argv: Sequence[str]) -> tuple[argparse.Namespace, str, WorkerHost]:
    """The options, the model to open first, and the worker that opens it."""
    options = parse(argv)
    first: str = DEFAULT_MODEL
    if options.path:
        from latentlab.storage.source_kind import absolute, kind_of, require_source

        require_source(options.path)
        options.path = absolute(options.path)  # what is opened is remembered
        first = options.path if kind_of(options.path) == "model" else DEFAULT_MODEL
    require_display()
    return options, first, launch(options.engine, options.device, first)


def _opened_in_addition(options: argparse.Namespace, first: str) -> str | None:
    path: str | None = options.path
    return None if path == first else path


def main(argv: Sequence[str] = ()) -> int:
    """Open the window and run until it is closed; returns the exit code.

    Raises
    ------
    InputError
        When there is no display, or the path leads nowhere.
    """
    return open_window(argv).run()
