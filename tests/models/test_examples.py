"""The examples in the docstrings of the models run and print what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import latentlab.models

MODULES = [
    "latentlab.models",
    *(info.name for info in pkgutil.walk_packages(latentlab.models.__path__, "latentlab.models.")),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize(
    "name", ["likelihoods", "posteriors", "priors", "divergences", "networks", "families.vae", "inference", "objective"]
)
def test_public_parts_have_examples(name):
    package = importlib.import_module(f"latentlab.models.{name}")
    names = [package.__name__]
    if hasattr(package, "__path__"):
        names += [info.name for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert sum(len(test.examples) for each in names for test in finder.find(importlib.import_module(each))) > 0
