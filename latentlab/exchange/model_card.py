"""Writes a model card: what a model is, what it was trained on, and how good it is, in Markdown."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from latentlab.config.layout import latent_layout
from latentlab.config.recipes import RECIPES
from latentlab.storage import ModelHeader, atomic_write
from latentlab.utils.plain_text import as_line

_LONGEST = 300


def write_model_card(header: ModelHeader, path: str | Path, source: str, model_name: str = "") -> None:
    """Write the card of a model, after Mitchell et al. 2019 (arXiv 1810.03993).

    Parameters
    ----------
    header
        Of the model's file.
    path
        The ``.md`` file.
    source
        How the model is opened.
    model_name
        The title of a model of another program, as it names itself.

    Raises
    ------
    InputError, RunError
        When it cannot be written.
    """
    atomic_write(path, model_card(header, source, model_name).encode())


def model_card(header: ModelHeader, source: str, model_name: str = "") -> str:
    """The text of the card; names from outside are escaped."""
    recipe = RECIPES.get(header.model.recipe)
    name = str(header.data.get("name", "")) or "images"
    if header.model.family == "foreign":
        title = model_name or "A model of another program"
    else:
        title = f"{header.model.recipe} of {name}"
    channels, height, width = header.image_shape
    lines = [
        f"# {_plain(title)}",
        "",
        _plain(recipe.summary) if recipe is not None else "A model of another program.",
        "",
        "## Model",
        "",
        *_table(
            {
                "Recipe": header.model.recipe,
                "Objective": recipe.formula if recipe is not None else "",
                "Latents": latent_layout(header.model, header.image_shape).latent_dim,
                "Images": f"{channels} × {height} × {width} (channels, height, width), values from 0 to 1",
                "Parameters": f"{header.parameters:,}",
                "Classes": ", ".join(header.classes[:20]) + (" …" if len(header.classes) > 20 else ""),
                "Paper": recipe.paper if recipe is not None else "",
                "SHA-256 of its tensors": header.sha256,
            }
        ),
        "",
        "## Training data",
        "",
        *_table({_words(key): value for key, value in header.data.items() if _is_simple(value)}),
        "",
        "## Training",
        "",
        *_table({_words(key): value for key, value in header.training.items() if _is_simple(value)}),
        "",
        "## Figures",
        "",
        "In nats per image at β = 1, unless their name says otherwise.",
        "",
        *_table({_words(key): f"{value:.6g}" for key, value in header.metrics.items()}),
        "",
        "## Use",
        "",
        "```sh",
        f"latentlab {_plain_code(source)}",
        "```",
        "",
        "What it makes are samples of its training images' distribution, not photographs of anything; it knows nothing "
        "of images unlike these.",
        "",
        f"Written by latentlab {version('latentlab')} on {datetime.now(UTC):%Y-%m-%d}.",
        "",
    ]
    return "\n".join(lines)


def _table(values: dict[str, Any]) -> list[str]:
    rows = [f"| {_plain(name)} | {_plain(str(value))} |" for name, value in values.items() if str(value)]
    return ["| | |", "|---|---|", *rows] if rows else ["Not recorded."]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _is_simple(value: Any) -> bool:
    return isinstance(value, str | int | float) and value != ""


def _plain(text: str) -> str:
    """One line of a Markdown table that is shown as it is."""
    line = as_line(text, _LONGEST)
    for character in "\\`*_[]<>|#":
        line = line.replace(character, f"\\{character}")
    return line


def _plain_code(text: str) -> str:
    return as_line(text, _LONGEST).replace("`", "'")
