"""The command that trains the model on screen (no widgets)."""

from __future__ import annotations

from pathlib import Path

from latentlab.config import ModelConfig, validated
from latentlab.config.info import DatasetInfo, ModelInfo
from latentlab.config.reproduce_command import trained_config, training_command
from latentlab.controllers.run_messages import new_run_folder
from latentlab.errors import InputError
from latentlab.state.session import Session
from latentlab.storage.source_kind import absolute, require_source


def command_of_model(session: Session) -> str:
    """The command that trains the model on screen: on its own images, with its own settings, into a new folder.

    Parameters
    ----------
    session
        Says which model is on screen, and which run is the last one. The run's settings, with what was changed while
        it went on, count if the model is of that run; any other model says itself how it was trained.

    Raises
    ------
    InputError
        When there is no model, when it does not say how it was trained, or when its images are not on this machine.
    """
    model = session.model
    if model is None:
        raise InputError("Open a model first: the command to copy is the one that trains it.")
    source = str(model.data.get("source", ""))
    run = session.run
    if run.config is not None and _run_folder_of(model) == Path(run.folder).absolute():
        source, config = run.source or source, run.config
        if not run.is_active:  # the best epoch's model: β may have been changed since that epoch
            config = config.model_copy(update={"model": validated(ModelConfig, model.config)})
    else:
        config = trained_config(model.config, model.data.get("config", {}), model.training)
    found = _images_of(model, source, session.dataset)
    return training_command(found, str(new_run_folder(config.model.recipe, Path(found).stem)), config)


def _run_folder_of(model: ModelInfo) -> Path:
    """The folder that a model's source is, or that its ``model.safetensors`` is in."""
    path = Path(model.source).absolute()
    return path.parent if path.name == "model.safetensors" else path


def _images_of(model: ModelInfo, source: str, dataset: DatasetInfo | None) -> str:
    """Where a model's images are: at their source, or, if it is gone, where the open dataset has the same images."""
    if not source:
        raise InputError(f"{model.name} does not say which images it was trained on.")
    try:
        require_source(source)
    except InputError:
        fingerprint = model.data.get("fingerprint")
        if dataset is not None and fingerprint and dataset.fingerprint == fingerprint:
            return dataset.source
        raise InputError(
            f"{model.name} was trained on {source}, which is not on this machine: no command can train it here."
        ) from None
    return absolute(source)
