"""What the documentation says is so: its code runs, its commands parse, its links and files exist."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from latentlab.cli.parser import COMMANDS, build_parser
from latentlab.config import RunConfig, settings_of
from latentlab.config.lessons import lessons
from latentlab.config.recipes import RECIPES
from latentlab.foreign import explore
from tests.foreign.explored import ClosedWindow

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SITE = sorted(DOCS.rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "examples" / "README.md", *SITE]

_BLOCK = re.compile(r"^```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FILE = re.compile(
    r"\b(?:latentlab|tests|tools|examples|docs|resources)/(?:[\w./-]*\w\.(?:py|md|sh|toml|ipynb|png)\b|(?:\w+/)*(?![\w.]))"
)


@pytest.fixture(scope="module")
def hooks():
    """The module with which mkdocs fills the generated parts."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        yield importlib.import_module("docs_hooks")
    finally:
        sys.path.remove(str(ROOT / "tools"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(text: str, *languages: str) -> Iterator[str]:
    return (found["text"] for found in _BLOCK.finditer(text) if found["language"] in languages)


def words_of_commands(text: str) -> Iterator[list[str]]:
    """Every command that starts latentlab in a page's shell blocks, without what comes before its arguments."""
    for block in blocks(text, "sh", "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            for command in re.split(r"&&|\|", line):
                words = shlex.split(command, comments=True)
                if words and Path(words[0]).name == "latentlab":
                    yield words[1:]
                elif words[:1] == ["torchrun"]:
                    yield words[words.index("latentlab") + 1 :]


# --- code and commands ----------------------------------------------------------------------------------


@pytest.fixture
def own_model(tmp_path, monkeypatch):
    """The VAE of a reader in the current folder, as ``docs/guide/own-model.md`` has it, and no window for it."""
    code = next(blocks((DOCS / "guide" / "own-model.md").read_text(encoding="utf-8"), "python"))
    (tmp_path / "my_vae.py").write_text(code)
    names: dict[str, Any] = {}
    exec(compile(code, "my_vae.py", "exec"), names)
    torch.save(names["model"].state_dict(), tmp_path / "my_vae.pt")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(explore, "_started", lambda _arguments, _log: ClosedWindow())
    yield
    sys.modules.pop("my_vae", None)


@pytest.mark.usefixtures("own_model")
@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in page.read_text()], ids=named)
def test_python_blocks_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for number in range(24):
        Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(photos / f"{number}.png")
    names: dict[str, object] = {}
    for block in blocks(page.read_text(encoding="utf-8"), "python"):
        exec(compile(block, named(page), "exec"), names)
    assert capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_parse(page, hooks):
    from latentlab.app import parse
    from latentlab.cli import _with_joined_latents

    for words in words_of_commands(hooks.filled(page.read_text(encoding="utf-8"))):
        if words and words[0] in COMMANDS:
            build_parser().parse_args(_with_joined_latents(words))
        else:
            parse(words)


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=named)
def test_commands_and_settings_in_the_text_exist(page, hooks):
    known = settings_of(RunConfig)
    options = {
        name: {option for action in parser._actions for option in action.option_strings}
        for name, parser in hooks.commands().items()
    }
    for code in _INLINE.findall(page.read_text(encoding="utf-8")):
        words = code.split()
        if words[0] == "latentlab" and len(words) > 1 and words[1] in options:
            used = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert used <= options[words[1]] | {"--debug"}, code
        for setting in re.findall(r"--set '?([\w.]+)=", code):
            names = {setting, *(f"{section}.{setting}" for section in ("model", "training", "data"))}
            assert setting == "KEY" or names & set(known), code


# --- links and files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page, hooks):
    text = page.read_text(encoding="utf-8")
    for found in _LINK.finditer(_BLOCK.sub("", text)):
        target, _, anchor = found["target"].partition("#")
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file = page if not target else page.parent / target
        assert file.exists(), found[0]
        if anchor:
            headings = re.findall(r"^#+ (.+)$", hooks.filled(file.read_text(encoding="utf-8")), re.MULTILINE)
            assert anchor in {_slug(heading) for heading in headings}, found[0]


def _slug(heading: str) -> str:
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=named)
def test_files_named_in_the_text_exist(page):
    missing = [name for name in _FILE.findall(page.read_text(encoding="utf-8")) if not (ROOT / name).exists()]
    assert not missing


def test_the_first_pages_link_the_guides():
    guides = {path.name for path in (DOCS / "guide").glob("*.md")}
    start = (DOCS / "index.md").read_text("utf-8")
    assert not [name for name in guides if f"(guide/{name})" not in start]
    line = (ROOT / "README.md").read_text("utf-8").partition("**Documentation**")[2].partition("\n## ")[0]
    window = ("dimensions", "select", "board", "layers", "terrain", "paths", "your-image", "play", "neighbours")
    assert not [name for name in window if f"(docs/guide/{name}.md)" not in line]


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = re.findall(r"([\w./-]+\.md)$", navigation, re.MULTILINE)
    assert sorted(listed) == [page.relative_to(DOCS).as_posix() for page in SITE]


# --- the window -----------------------------------------------------------------------------------------


def test_every_shortcut_layer_and_panel_of_the_window_is_described(qtbot):
    from PySide6.QtGui import QAction, QKeySequence

    from latentlab.gui.latent_map import LatentMap
    from latentlab.gui.main_window import MainWindow

    text = (DOCS / "reference" / "window.md").read_text(encoding="utf-8")
    window = MainWindow(LatentMap())
    qtbot.addWidget(window)
    keys = text.partition("## Keys")[2].partition("##")[0]
    described = set(re.split(r"\s*(?:\||(?<!\+),)\s*", keys.replace("\n", " ")))
    portable = QKeySequence.SequenceFormat.PortableText
    shortcuts = {action.shortcut().toString(portable) for action in window.findChildren(QAction)} - {""}
    assert "Ctrl+Z" in shortcuts
    assert shortcuts <= described
    titles = {layer.title for layer in window.latent_map.layers()} | {d.windowTitle() for d in window.docks.values()}
    assert {title for title in titles if f"| {title} |" not in text} == set()


# --- generated parts ------------------------------------------------------------------------------------


def test_every_recipe_has_a_page_with_its_own_facts(hooks):
    pages = {page.stem: page for page in (DOCS / "recipes").glob("*.md")}
    assert set(pages) == {"index", *RECIPES}
    for name, recipe in RECIPES.items():
        text = hooks.filled(pages[name].read_text(encoding="utf-8"))
        assert text.startswith(f"# {name}\n")
        for part in (recipe.summary, recipe.formula, recipe.paper, f"--recipe {name}", "What it sets"):
            assert part in text
        for heading in ("What it computes", "What to look at"):
            assert f"## {heading}\n" in text


def test_every_lesson_has_a_page_with_its_own_text(hooks):
    pages = {page.stem: page for page in (DOCS / "lessons").glob("*.md")}
    assert set(pages) == {"index", *(each.name for each in lessons())}
    for each in lessons():
        text = hooks.filled(pages[each.name].read_text(encoding="utf-8"))
        assert text.startswith(f"# {each.title}\n")
        for part in (each.idea, each.question, *(step.see for step in each.steps)):
            assert part.strip() in text


@pytest.mark.parametrize("page", SITE, ids=named)
def test_generated_parts_are_filled(page, hooks):
    text = hooks.filled(page.read_text(encoding="utf-8"))
    assert "<!-- generated" not in text


def test_the_glossary_has_every_term_and_its_links_lead_to_one(hooks):
    from latentlab.config.glossary import glossary

    text = hooks.filled((DOCS / "reference" / "glossary.md").read_text(encoding="utf-8"))
    anchors = [hooks.slug(heading) for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)]
    assert len(anchors) == len(glossary())
    assert len({*anchors, ""}) == len(anchors) + 1, "every heading has an address of its own"
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= set(anchors)


def test_a_part_that_does_not_exist_is_an_error(hooks):
    with pytest.raises(KeyError):
        hooks.filled("<!-- generated: recipe no-such -->")


@pytest.mark.parametrize("section", ["model", "training", "data"])
def test_every_setting_is_explained(hooks, section):
    rows = [row.split(" | ") for row in hooks.settings(section).splitlines()[2:]]
    assert len(rows) == len([name for name in settings_of(RunConfig) if name.startswith(f"{section}.")])
    unexplained = [row[0] for row in rows if len(row[3].strip("| ")) < 3]
    assert not unexplained


def test_names_whose_docstrings_are_shown_exist():
    shown = re.findall(r"^::: ([\w.]+)$", (DOCS / "reference" / "python.md").read_text(), re.MULTILINE)
    assert "latentlab.load_dataset" in shown
    for name in shown:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            module, _, attribute = name.rpartition(".")
            assert getattr(importlib.import_module(module), attribute).__doc__, name


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "architecture" / "index.md"], ids=named)
def test_the_tour_names_every_package(page):
    listed = set(re.findall(r"^\| `([\w/]+)/` \|", page.read_text(encoding="utf-8"), re.MULTILINE))
    package = ROOT / "latentlab"
    folders = {path.parent.relative_to(package).as_posix() for path in package.glob("*/__init__.py")}
    engine = {path.parent.relative_to(package).as_posix() for path in package.glob("engine/*/__init__.py")}
    assert listed == (folders - {"engine"}) | engine


def test_no_import_runs_upward(hooks):
    rows = hooks.imports("").splitlines()[2:-1]
    start = rows[0].index("·")
    for number, row in enumerate(rows):
        assert not row[start - 2 : start + 3 * number].strip(), row
