"""The configuration that a training starts from, before its settings are applied."""

from __future__ import annotations

import os

from latentlab.config import RunConfig
from latentlab.config.recipes import recipe
from latentlab.errors import InputError
from latentlab.storage.run_folder import RunFolder


def starting_config(folder: RunFolder | None, resume: bool, recipe_name: str | None) -> RunConfig | None:
    """The run's own configuration if it is resumed, else the recipe's; ``None`` to suggest one for the images.

    Parameters
    ----------
    folder
        The run folder, if there is one.
    resume
        Whether to continue the run in it.
    recipe_name
        The recipe that was asked for, if any.

    Raises
    ------
    InputError
        For an unknown recipe, or one that is not the run's.
    """
    if folder is not None and is_resumed(folder, resume):
        config = folder.read_record().config
        if recipe_name not in (None, config.model.recipe):
            raise InputError(f"the run in {folder.path} has recipe {config.model.recipe}, not {recipe_name}")
        return config
    return None if recipe_name is None else RunConfig(model=recipe(recipe_name).config())


def is_resumed(folder: RunFolder | None, resume: bool) -> bool:
    """Whether a run goes on from one that the folder holds."""
    return folder is not None and resume and os.path.exists(folder.record)
