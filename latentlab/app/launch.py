"""Opening the window: command-line options, start of the worker, event loop.

The worker is started first and imports torch in its own process while this one builds the window. The window is
painted before most of the program is imported: first its frame and the stored picture
(:mod:`latentlab.app.first_paint`), then everything else in small steps. Nothing here imports Qt at module level.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING

from latentlab.app.early_preferences import apply_early_preferences
from latentlab.engine.client.worker_host import launch
from latentlab.errors import InputError
from latentlab.paths import DEFAULT_MODEL
from latentlab.utils.display_check import require_display
from latentlab.utils.source_names import join_sources

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
    parser.add_argument(
        "path",
        nargs="*",
        help="a model, run folder, session, image folder or dataset file; or a model and one dataset of all others",
    )
    parser.add_argument(
        "--engine",
        choices=("process", "thread"),
        default="process",
        help="where the worker runs (process)",
    )
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:N or mps (as the preferences say)")


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
        When there is no display, or the path does not exist.
    """
    options, first, host = _start_worker(argv)
    try:
        from latentlab.app.application import Application
        from latentlab.app.first_paint import FirstPaint

        front = FirstPaint(first)
        front.make_map()
        application = Application(front, host, options.device, options.path)
        for _ in application.build():
            pass
        return application
    except BaseException:
        host.kill()
        raise


def open_window(argv: Sequence[str] = ()) -> Application:
    """Show the window as early as possible, and build the rest while it reacts to events.

    Parameters
    ----------
    argv
        Options, without the program's name.

    Raises
    ------
    InputError
        When there is no display, or the path does not exist.
    """
    # A garbage collection would search all imported objects for tens of milliseconds, and there is no garbage yet.
    gc.disable()
    try:
        options, first, host = _start_worker(argv)
        try:
            application = _show(options, first, host)
        except BaseException:
            host.kill()
            raise
    except BaseException:
        gc.enable()
        raise
    gc.freeze()
    return application  # which collects from now on


def _show(options: argparse.Namespace, first: str, host: WorkerHost) -> Application:
    from latentlab.app.first_paint import FirstPaint, process_events

    front = FirstPaint(first)
    front.show()
    front.import_behind("latentlab.app.application")
    from latentlab.app.application import Application

    for _ in front.build_map():
        process_events()
    application = Application(front, host, options.device, options.path)
    for _ in application.build():
        process_events()
    return application


def _start_worker(argv: Sequence[str]) -> tuple[argparse.Namespace, str, WorkerHost]:
    """The options, the model to open first, and the worker that opens it."""
    options = parse(argv)
    first: str = DEFAULT_MODEL
    if options.path:
        first, options.path = _model_and_other(options.path)
    else:
        options.path = None
    require_display()
    preferred = apply_early_preferences()
    options.device = options.device or preferred
    return options, first, launch(options.engine, options.device, first)


def _model_and_other(paths: list[str]) -> tuple[str, str | None]:
    """The model to open first, and what is opened in addition: one source, or several that are one dataset."""
    from latentlab.storage.source_kind import kind_of, require_source
    from latentlab.utils.source_names import absolute_source

    join_sources(paths)  # refuses an empty name
    for path in paths:
        require_source(path)
    models = [path for path in paths if kind_of(path) == "model"]
    if len(models) > 1:
        raise InputError(f"the window opens one model, not {len(models)}: {', '.join(models)}")
    others = [path for path in paths if path not in models]
    # Absolute: they are remembered as recent files.
    first = absolute_source(models[0]) if models else DEFAULT_MODEL
    return first, absolute_source(join_sources(others)) if others else None


def main(argv: Sequence[str] = ()) -> int:
    """Open the window and run until it is closed; returns the exit code.

    Raises
    ------
    InputError
        When there is no display, or the path does not exist.
    """
    return open_window(argv).run(shows_tour=not parse(argv).path)
