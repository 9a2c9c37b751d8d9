"""The command that trains the model on screen (no widgets)."""

from __future__ import annotations

from pathlib import Path

from latentlab.config import ModelConfig, validated
from latentlab.config.info import DatasetInfo, ModelInfo
from latentlab.config.reproduce_command import trained_config, training_command
from latentlab.controllers.run_messages import new_run_folder
from latentlab.errors import InputError
from latentlab.state.session import Session
from latentlab.storage.source_kind import require_source
from latentlab.utils.source_names import absolute_source


def command_of_model(session: Session) -> str:
    """The command that trains the model on screen: on its own images, with its own settings, into a new folder.

    Parameters
    ----------
    session
        Has the model on screen and the last run. The run's settings, with the changes made during the run, are used if
        the model is of that run; of any other model, the settings recorded in its file.

    Raises
    ------
    InputError
        When there is no model, its file does not record its training, or its images are not on this machine.
    """
    model = session.model
    if model is None:
        raise InputError("Open a model first: the copied command trains that model.")
    source = str(model.data.get("source", ""))
    run = session.run
    if run.config is not None and _run_folder_of(model) == Path(run.folder).absolute():
        source, config = run.source or source, run.config
        if not run.is_active:  # the best epoch's model: β may have been changed after that epoch
            config = config.model_copy(update={"model": validated(ModelConfig, model.config)})
    else:
        config = trained_config(model.config, model.data.get("config", {}), model.training)
    images = _images_of(model, source, session.dataset)
    return training_command(images, str(new_run_folder(config.model.recipe, Path(images).stem)), config)


def _run_folder_of(model: ModelInfo) -> Path:
    """The run folder of a model: its source, or the folder of its ``model.safetensors``."""
    path = Path(model.source).absolute()
    return path.parent if path.name == "model.safetensors" else path


def _images_of(model: ModelInfo, source: str, dataset: DatasetInfo | None) -> str:
    """Source of the model's images, or, if that is gone, of the open dataset if it has the same images."""
    if not source:
        raise InputError(f"{model.name} does not record which images it was trained on.")
    try:
        require_source(source)
    except InputError:
        fingerprint = model.data.get("fingerprint")
        if dataset is not None and fingerprint and dataset.fingerprint == fingerprint:
            return dataset.source
        raise InputError(
            f"{model.name} was trained on {source}, which is not on this machine: no command can train it here."
        ) from None
    return absolute_source(source)
