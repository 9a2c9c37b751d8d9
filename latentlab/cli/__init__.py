"""The command line: ``latentlab COMMAND …``, or ``latentlab [PATH]`` for the window."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from latentlab.cli import console
from latentlab.cli.parser import COMMANDS, build_parser
from latentlab.errors import LatentlabError, OtherFormatError
from latentlab.utils.child_process import MODULE_FLAG, run_module

INTERRUPTED = 130
_NEGATIVE_LATENT = re.compile(r"-[\d.][^,]*,")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, or open the window.

    Parameters
    ----------
    argv
        Arguments without the program's name; the process's own by default.

    Returns
    -------
    int
        Exit code: 0; 2 for bad input or usage; 1 for failure; 130 when interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if len(arguments) > 1 and arguments[0] == MODULE_FLAG:
        return run_module(arguments[1], arguments[2:])
    console.prepare()
    debug = "--debug" in arguments
    try:
        return _run([argument for argument in arguments if argument != "--debug"])
    except LatentlabError as error:
        code = _fail(str(error), error.exit_code, debug)
        if isinstance(error, OtherFormatError) and "--json" not in arguments:
            # Not to stderr, where an error is one line.
            for line in error.recipe.splitlines():
                console.write_line(line)
        return code
    except KeyboardInterrupt as error:
        return _fail(str(error) or "interrupted", INTERRUPTED, debug)
    except Exception as error:
        message = f"{type(error).__name__}: {error} (add --debug for the traceback)"
        return _fail(message, 1, debug)


def window() -> int:
    """Open the window: the entry point of the desktop's launchers."""
    return main(sys.argv[1:])


def _run(arguments: list[str]) -> int:
    first = next((argument for argument in arguments if not argument.startswith("-")), None)
    if first in COMMANDS or {"-h", "--help", "--version"} & set(arguments):
        try:
            parsed = build_parser().parse_args(_with_joined_latents(arguments))
        except SystemExit:  # the help or the version was written
            raise SystemExit(console.finish(0, output_was_all=True)) from None
        _let_threads_sleep()
        with _ended_by_signals():
            return console.finish(parsed.run(parsed), output_was_all=parsed.output_is_all)
    if {"--install-desktop", "--uninstall-desktop"} & set(arguments):
        from latentlab.cli import desktop_entry

        return desktop_entry.run(arguments)
    from latentlab import app

    return app.main(arguments)


def _let_threads_sleep() -> None:
    """Let OpenMP's threads sleep while they wait for each other, as the window's worker does, before torch is imported.

    They spin otherwise: beside other work two threads are then many times slower than one.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP; if a plain ``KeyboardInterrupt`` is raised in an import, the interpreter ends by SIGINT."""


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End a command on SIGTERM and SIGHUP as on SIGINT: what it was writing is removed, not left half."""
    numbers = [signal.SIGTERM]
    # A closed terminal; nohup ignores this signal.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():  # only it may set handlers
        numbers = []
    before = [signal.signal(number, _terminate) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _TerminatedError


def _with_joined_latents(arguments: list[str]) -> list[str]:
    """Let latents begin with a minus, which argparse reads as an option: ``--z=-1,2``, and `` -1,2`` among others."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] == "--z":
            joined[-1] = f"--z={argument}"
        elif _NEGATIVE_LATENT.match(argument):
            joined.append(f" {argument}")  # what has a space is no option
        else:
            joined.append(argument)
    return joined


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    console.write_note(f"latentlab: error: {' '.join(message.split())}")
    return code
