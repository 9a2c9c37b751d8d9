"""The configuration of a training on a prepared dataset, from what was given by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from latentlab.config import RunConfig, with_settings
from latentlab.config.events import Event, Suggested, Warned
from latentlab.config.reproduce_command import training_command
from latentlab.config.run import full_name
from latentlab.config.suggestion import Effort, Suggestion
from latentlab.config.unread import check_settings_act
from latentlab.data import Dataset
from latentlab.data.suggest import suggest, suggest_sizes_for
from latentlab.errors import InputError
from latentlab.storage import RunFolder
from latentlab.storage.starting_config import is_resumed, starting_config


def configure(
    dataset: Dataset,
    recipe: str | None,
    out: Path | None,
    resume: bool,
    values: Mapping[str, Any],
    effort: Effort = "good",
) -> tuple[RunConfig, list[Event]]:
    """The configuration for :func:`latentlab.train`, whose parameters these are, and the events that explain it.

    Raises
    ------
    InputError
        For an unknown recipe or setting, a refused value, or a setting that could not act.
    """
    settings = [f"{name}={json.dumps(value)}" for name, value in values.items()]
    for name, value in values.items():
        section, _, short = full_name(name).partition(".")
        if section == "data":
            raise InputError(
                f"{name} is a setting of the data, which are prepared already: "
                f"give it to load_dataset({dataset.source!r}, {short}={value!r})"
            )
    folder = None if out is None else RunFolder(out)
    start = starting_config(folder, resume, recipe)
    is_recipe = recipe is not None and not is_resumed(folder, resume)
    return configured(dataset, start, settings, "RUN" if out is None else str(out), effort, is_recipe)


def configured(
    dataset: Dataset,
    start: RunConfig | None,
    settings: Iterable[str],
    out: str,
    effort: Effort = "good",
    is_recipe: bool = False,
) -> tuple[RunConfig, list[Event]]:
    """Apply ``KEY=VALUE`` settings to the configuration to start from, or to the suggested one.

    If ``is_recipe``, ``start`` is a recipe's configuration, and its sizes are suggested: the number of latents, unless
    the recipe has its own, and the epochs.

    Returns
    -------
    (RunConfig, list of Event)
        ``Suggested`` if anything was suggested, and a ``Warned`` for a setting of the networks that does nothing.

    Raises
    ------
    InputError
        For a setting that is refused, or that the model does not read, and for an effort without a suggestion.
    """
    settings, notes = list(settings), list[Event]()
    if start is None:
        suggestion: Suggestion | None = suggest(dataset, settings, effort)
    else:
        suggestion = suggest_sizes_for(dataset, start, settings, effort) if is_recipe else None
    if suggestion is not None:
        config = suggestion.config
        notes.append(Suggested(suggestion.reason, training_command(dataset.source, out, config)))
    elif effort != "good":
        raise InputError(
            "the effort is that of suggested settings, and here the recipe or the run gives them: leave it out"
        )
    else:
        assert start is not None  # else there is a suggestion
        config = with_settings(start, settings)
    return config, [*notes, *map(Warned, check_settings_act(config, settings))]
