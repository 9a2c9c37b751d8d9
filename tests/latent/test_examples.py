"""The examples in the docstrings are so, and what is public has a docstring."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import latentlab.latent


@pytest.mark.parametrize("name", [each.name for each in pkgutil.iter_modules(latentlab.latent.__path__)])
def test_examples_in_docstrings_hold(name):
    assert doctest.testmod(importlib.import_module(f"latentlab.latent.{name}")).failed == 0


def test_everything_public_says_what_it_takes():
    for name in latentlab.latent.__all__:
        value = getattr(latentlab.latent, name)
        if callable(value):
            assert value.__doc__, name
