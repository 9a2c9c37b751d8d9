"""Fill the documentation's generated parts from the program itself, when mkdocs builds the site.

A page asks for a part with a comment on a line of its own: ``<!-- generated: recipe beta-vae -->``. What a page says
about defaults, options and settings is thereby what the program does.
"""

from __future__ import annotations

import argparse
import ast
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from latentlab.cli.parser import build_parser
from latentlab.config import DataConfig, ModelConfig, TrainingConfig
from latentlab.config.glossary import Term, glossary
from latentlab.config.lessons import Lesson, lesson, lessons
from latentlab.config.recipes import RECIPES, Recipe
from latentlab.paths import resource

MARKER = re.compile(r"^<!-- generated: (?P<part>[a-z-]+)(?: (?P<argument>[a-z0-9-]+))? -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Mkdocs calls this for every page, before the Markdown becomes HTML."""
    return filled(markdown)


def on_files(files: Any, config: Any) -> Any:
    """Mkdocs calls this once: the lessons' pictures, which lie beside the lessons, become files of the site."""
    from mkdocs.structure.files import File

    for path in sorted(resource("lessons").glob("*.png")):
        files.append(File.generated(config, f"lessons/{path.name}", abs_src_path=str(path)))
    return files


def filled(markdown: str) -> str:
    """A page with its generated parts in place of their markers.

    Raises
    ------
    KeyError
        For a part or recipe that does not exist.
    """
    return MARKER.sub(lambda found: PARTS[found["part"]](found["argument"] or ""), markdown)


# --- recipes ------------------------------------------------------------------------------------------


def recipe_facts(name: str) -> str:
    """What the program says about a recipe: summary, objective, paper and command."""
    recipe = RECIPES[name]
    title = "Objective, maximised" if _is_maximised(recipe) else "Objective"
    parts = [
        recipe.summary,
        f'```text title="{title}"\n{recipe.formula}\n```',
        f"Paper: {recipe.paper}",
        f"```sh\nlatentlab train DATA --out run --recipe {name}\n```",
    ]
    return "\n\n".join(parts)


def recipe_settings(name: str) -> str:
    """What a recipe sets, and which settings are worth changing first."""
    recipe = RECIPES[name]
    return f"## What it sets\n\n{_differences(recipe)}\n\n## Settings to try first\n\n{_first_settings(recipe)}"


def _is_maximised(recipe: Recipe) -> bool:
    return recipe.formula.startswith(("E_q", "E[", "log p", "ELBO"))


def _differences(recipe: Recipe) -> str:
    rows = [(f"`{key}`", f"`{value}`") for key, value in _flat(recipe.values)]
    return (
        _table(("setting", "value"), rows) if rows else "None: this is the composition with every part at its default."
    )


def _first_settings(recipe: Recipe) -> str:
    config, rows = recipe.config(), []
    for key in recipe.key_settings:
        field, value = _field(ModelConfig, key), config
        for part in key.split("."):
            value = getattr(value, part)
        rows.append((f"`{key}`", f"`{value}`", _range(field)))
    return _table(("setting", "here", "takes"), rows)


def recipe_table(_: str) -> str:
    """All recipes, a line each, with links."""
    rows = [
        (f"[`{name}`]({name}.md)", recipe.summary.split(". ")[0].rstrip(".") + ".") for name, recipe in RECIPES.items()
    ]
    return _table(("recipe", "what it is"), rows)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


# --- glossary -------------------------------------------------------------------------------------------


def terms(_: str) -> str:
    """Every term of the glossary: its formula, two sentences, a reference, and links to related ones."""
    return "\n\n".join(_term(term) for term in glossary().values())


def slug(heading: str) -> str:
    """The anchor that the site gives a heading."""
    ascii_only = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only).strip().lower())


def _term(term: Term) -> str:
    parts = [f"## {term.title}", f"```text\n{term.formula}\n```", term.card]
    if term.more:
        parts[-1] += f" {term.more}"
    if term.see:
        titles = [glossary()[key].title for key in term.see]
        parts[-1] += " See " + ", ".join(f"[{title}](#{slug(title)})" for title in titles) + "."
    return "\n\n".join(parts)


# --- lessons ------------------------------------------------------------------------------------------


def lesson_page(name: str) -> str:
    """A lesson as the window shows it: idea, steps, pictures, what was measured, and what that shows."""
    each = lesson(name)
    parts = [each.idea.strip()]
    for number, step in enumerate(each.steps, 1):
        parts += [
            f"## {number}. {step.button}",
            step.text.strip(),
            f"**What you should see at its end.** {step.see.strip()}",
        ]
        if step.picture:
            parts.append(f"![After step {number}]({step.picture})")
    if each.claims:
        parts += ["## What the figures show", "\n".join(f"- {claim.text}" for claim in each.claims)]
    parts += ["## To try", each.question.strip(), "## Run it", f"```sh\nlatentlab lessons run {name}\n```"]
    if each.recipes:
        links = ", ".join(f"[`{recipe}`](../recipes/{recipe}.md)" for recipe in each.recipes)
        parts.append(f"Recipes: {links}.")
    if each.terms:
        titles = [glossary()[key].title for key in each.terms]
        links = " · ".join(f"[{title}](../reference/glossary.md#{slug(title)})" for title in titles)
        parts.append(f"Terms: {links}.")
    return "\n\n".join(parts)


def lesson_table(_: str) -> str:
    """All lessons in the order of the course, with links."""
    rows = [(str(number), f"[{each.title}]({each.name}.md)", _time(each)) for number, each in enumerate(lessons(), 1)]
    return _table(("", "lesson", "takes about"), rows)


def _time(each: Lesson) -> str:
    return "a minute" if each.minutes <= 1.25 else f"{each.minutes:g} minutes"


# --- settings -----------------------------------------------------------------------------------------


def settings(section: str) -> str:
    """Every setting of ``model``, ``training`` or ``data``: name, default, what it takes, what it means."""
    kinds: dict[str, type[BaseModel]] = {"model": ModelConfig, "training": TrainingConfig, "data": DataConfig}
    rows = []
    for key, field in _fields(kinds[section]):
        default = "" if field.is_required() else f"`{_plain(field.default)}`"
        rows.append((f"`{key}`", default, _range(field), (field.description or "").replace("``", "`")))
    return _table(("setting", "default", "takes", "meaning"), rows)


def _fields(kind: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Dotted name and field of every setting below a configuration."""
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _fields(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def _field(kind: type[BaseModel], key: str) -> FieldInfo:
    return next(field for dotted, field in _fields(kind) if dotted == key)


def _range(field: FieldInfo) -> str:
    """What a setting takes: its choices, or its type and bounds."""
    kind = field.annotation
    choices = [
        str(choice) for part in (kind, *get_args(kind)) if get_origin(part) is Literal for choice in get_args(part)
    ]
    if choices:
        return " · ".join(f"`{choice}`" for choice in choices)
    names = {int: "whole number", float: "number", bool: "`true` · `false`", str: "text"}
    parts = [names[part] for part in (kind, *get_args(kind)) if part in names]
    bounds = [
        f"{sign} {_plain(getattr(rule, name))}"
        for rule in field.metadata
        for name, sign in _SIGNS
        if hasattr(rule, name)
    ]
    return " ".join([parts[0] if parts else "list", ", ".join(bounds)]).strip()


_SIGNS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return "[]" if not value else str(list(value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value >= 2**62:
        return "2^63" if value == 2**63 else str(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- measurements -------------------------------------------------------------------------------------


def results(_: str) -> str:
    """The rows of ``tests/benchmarks/RESULTS.md``, with its links as seen from the page."""
    text = (Path(__file__).parents[1] / "tests/benchmarks/RESULTS.md").read_text(encoding="utf-8")
    return text.partition("\n")[2].replace("](../../docs/", "](../")


# --- imports ------------------------------------------------------------------------------------------

PACKAGES = (
    "cli", "app", "controllers", "gui", "state", "engine.client", "engine.worker", "engine.protocol", "training",
    "evaluation", "models", "latent", "storage", "data", "config", "utils", "paths", "errors",
)  # fmt: skip
"""From the highest layer to the lowest."""


@cache
def imports(_: str) -> str:
    """Which package imports which, as a matrix: what lies right of the diagonal runs downward."""
    found = {package: _imported_by(package) for package in PACKAGES}
    width = max(map(len, PACKAGES))
    lines = [" " * (width + 4) + "".join(f"{number:>3}" for number in range(1, len(PACKAGES) + 1))]
    for number, package in enumerate(PACKAGES, 1):
        marks = ["·" if other == package else {True: "●", False: "○", None: " "}[found[package].get(other)]
                 for other in PACKAGES]  # fmt: skip
        lines.append(f"{number:>2}  {package:<{width}}" + "".join(f"{mark:>3}" for mark in marks).rstrip())
    return "```text\n" + "\n".join(lines) + "\n```"


def _imported_by(package: str) -> dict[str, bool]:
    """The packages that a package imports; true where it is at import time, false where only inside functions."""
    root = Path(__file__).parents[1] / "latentlab"
    folder = root.joinpath(*package.split("."))
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    found: dict[str, bool] = {}
    for file in files:
        for module, at_import in _imports_of(ast.parse(file.read_text(encoding="utf-8"))):
            other = next((name for name in PACKAGES if f"{module}.".startswith(f"latentlab.{name}.")), None)
            if other is not None and other != package:
                found[other] = found.get(other, False) or at_import
    return found


def _imports_of(tree: ast.AST, at_import: bool = True) -> Iterator[tuple[str, bool]]:
    """Modules imported below a node, without those for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from ((name.name, at_import) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{name.name}", at_import) for name in node.names)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _imports_of(node, at_import and not inside)


# --- the command line ---------------------------------------------------------------------------------


def command_line(_: str) -> str:
    """Every command of the parser: usage, arguments and options, from the parser itself."""
    sections = []
    for name, parser in commands().items():
        rows = [
            (_name(action), (action.help or "").replace("|", "\\|").replace("<", "&lt;").replace("%%", "%"))
            for action in parser._actions
            if action.help is not argparse.SUPPRESS and "--help" not in action.option_strings
        ]
        usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
        text = [f"## {name}", f"{parser.description}.", f"```text\n{usage}\n```", _table(("argument", "meaning"), rows)]
        if parser.epilog:
            text.append(" ".join(parser.epilog.split()))
        sections.append("\n\n".join(text))
    return "\n\n".join(sections)


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of every command by name."""
    action = next(each for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction))
    return dict(action.choices)


def _name(action: argparse.Action) -> str:
    metavar = action.metavar if isinstance(action.metavar, str) else (action.dest.upper() if action.nargs != 0 else "")
    name = ", ".join(action.option_strings) + (f" {metavar}" if metavar and action.nargs != 0 else "")
    return f"`{(name if action.option_strings else metavar or action.dest).strip()}`".replace("|", "\\|")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


PARTS = {
    "recipe": recipe_facts,
    "recipe-settings": recipe_settings,
    "recipe-table": recipe_table,
    "lesson": lesson_page,
    "lesson-table": lesson_table,
    "settings": settings,
    "command-line": command_line,
    "results": results,
    "imports": imports,
    "glossary": terms,
}
__all__ = ["MARKER", "PARTS", "commands", "filled", "on_files", "on_page_markdown"]
