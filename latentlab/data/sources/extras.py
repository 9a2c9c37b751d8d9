"""Packages that only some formats need: imported when such a file is opened."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from latentlab.errors import InputError


def import_extra(module: str, package: str, extra: str, purpose: str) -> Any:
    """Import a module of a package that is not among latentlab's own dependencies.

    Parameters
    ----------
    module, package
        The module's name and its package's.
    extra
        The extra of latentlab that installs the package.
    purpose
        The beginning of the sentence that reports its absence, for instance ``"a.parquet is read"``.

    Raises
    ------
    InputError
        When it is not installed: names the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError:
        raise InputError(f'{purpose} by {package}; install it with pip install "latentlab[{extra}]"') from None
