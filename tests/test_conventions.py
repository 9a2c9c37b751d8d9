"""Rules that no tool checks for us."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent
FILES = sorted(path for path in TESTS.rglob("*.py") if "benchmarks" not in path.parts)
# Names of other packages that are public in all but name, or that have no public one.
ALLOWED = {"_exit", "_sigsegv", "_current_frames", "_replace", "_asdict", "_schema", "_actions", "_forward_pre_hooks"}


def private_names(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and name of every private attribute that is read of something else than ``self`` or ``cls``."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
            continue
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if owner not in ("self", "cls") and node.attr not in ALLOWED:
            found.append((node.lineno, f"{owner}.{node.attr}"))
    return found


def test_tests_use_public_names_only():
    found = {
        f"{path.relative_to(TESTS)}:{line}: {name}"
        for path in FILES
        for line, name in private_names(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert not found


def test_a_private_name_is_found():
    assert private_names(ast.parse("value = thing._hidden + self._own")) == [(1, "thing._hidden")]


PACKAGE = TESTS.parent / "latentlab"
# What a folder or an archive lists has a name that is possible.
LISTED = {"entry", "info"}


def raising_checks(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and name of every call that raises for an impossible name, where ``os.path.isdir`` and its like say no."""
    return [
        (node.lineno, node.func.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("is_dir", "is_file", "exists")
        and not node.args
        and not (isinstance(node.func.value, ast.Name) and node.func.value.id in LISTED)
    ]


def test_row_50_no_check_of_a_path_raises_for_a_name_that_cannot_exist():
    found = {
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path in PACKAGE.rglob("*.py")
        for line, name in raising_checks(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert not found
    assert raising_checks(ast.parse("Path(name).is_dir() or entry.is_dir()")) == [(1, "is_dir")]
