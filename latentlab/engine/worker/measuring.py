"""Measures figures of the current model on the open dataset."""

from __future__ import annotations

from collections.abc import Generator

from latentlab.engine.protocol.messages import MeasureModel, ModelMeasured
from latentlab.engine.worker.workspace import Workspace
from latentlab.evaluation.measures import measure


def measuring(workspace: Workspace, request: MeasureModel) -> Generator[None, None, None]:
    """Measure, a figure a step.

    Raises
    ------
    InputError
        When there is no model or dataset, they do not fit each other, or the model does not have a figure.
    """
    model, dataset, version = workspace.need_model(), workspace.need_dataset(), workspace.version
    values: dict[str, float] = {}
    for name, value in measure(model, dataset, request.names):
        values[name] = value
        yield
    workspace.send(ModelMeasured(request.generation, version, values))
