"""Starting a module of this program as a process of its own, from Python and from a frozen program alike."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

MODULE_FLAG: Final = "--run-module"
"""First argument by which a frozen program, which has no ``-m``, runs one of `MODULES`."""

MODULES: Final = (
    "latentlab.app.explored",
    "latentlab.data.loading.decode_main",
    "latentlab.data.sources.torchvision_sets",
    "latentlab.engine.worker",
    "latentlab.engine.worker.embedding_main",
    "latentlab.foreign.self_test_main",
)
"""The modules that are started so; nothing else can be."""

_ROOT = str(Path(__file__).resolve().parents[2])


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in a process of its own.

    Parameters
    ----------
    module
        One of `MODULES`.
    arguments
        What the module finds in ``sys.argv`` after its name.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, MODULE_FLAG, module, *arguments]
    # -P: nothing is imported from the current folder.
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment() -> dict[str, str]:
    """The environment with this package's folder first on the path, as it may not be installed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])}


def run_module(module: str, arguments: list[str]) -> int:
    """Run a module as ``python -m`` does, in this process, which a frozen program started for it.

    Returns
    -------
    int
        Exit code: 2 when it is none of `MODULES`.
    """
    import runpy

    if module not in MODULES:
        sys.stderr.write(f"latentlab: error: {module!r} is no module that runs as a process\n")
        return 2
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0
