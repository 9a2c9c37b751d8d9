"""Quantities at every place of the map follow model, plane and view while their layers are visible."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from latentlab.config.capabilities import Capabilities
from latentlab.config.events import Progress
from latentlab.config.layout import LatentLayout, Level
from latentlab.controllers.latent_map import MapController
from latentlab.engine.protocol.messages import FieldsMeasured, MeasureFields, TrainingEvent
from latentlab.gui.latent_map import LatentMap
from latentlab.state import field_reasons
from latentlab.state.map_axes import AxesChoice
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def latent_map(qtbot, session, engine):
    latent_map = LatentMap()
    qtbot.addWidget(latent_map)
    MapController(session, engine, latent_map, latent_map)
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(some_points(3))
    return latent_map


def shown(latent_map, engine, qtbot, *names: str) -> MeasureFields:
    """Show these layers, and return the request that follows."""
    for name in names:
        latent_map.set_layer_visible(name, True)
    qtbot.waitUntil(lambda: engine.count(MeasureFields) > 0 and engine.last(MeasureFields).kinds == names)
    return engine.last(MeasureFields)


def answer(engine, qtbot, layer, value: float = 5.0, done: bool = True) -> None:
    request = engine.last(MeasureFields)
    cells = np.stack(np.meshgrid(np.arange(request.columns), np.arange(request.rows)), -1).reshape(-1, 2)
    values = {kind: np.full(len(cells), value, np.float32) for kind in request.kinds}
    with qtbot.waitSignal(layer.valuesChanged):
        engine.fieldsMeasured.emit(FieldsMeasured(request.generation, 1, cells, 1, values, done=done))


def test_only_visible_layers_are_computed_for_the_view_and_on_the_plane(latent_map, session, engine, qtbot):
    view = latent_map.view()
    latent_map.viewChanged.emit(view)
    request = shown(latent_map, engine, qtbot, "magnification", "round_trip")
    assert request.x_range[0] <= view.x_min < view.x_max <= request.x_range[1]
    session.set_latent([0.0, 0.0, 2.0])
    qtbot.waitUntil(lambda: engine.last(MeasureFields).axes.origin.tolist() == [0, 0, 2])
    latent_map.view_box.show_range((-1.0, 1.0), (-1.0, 1.0))
    qtbot.waitUntil(lambda: engine.last(MeasureFields).x_range[1] < request.x_range[1])


def test_values_are_shown_and_those_of_another_plane_or_model_removed(latent_map, session, engine, qtbot):
    layer = latent_map.layer_stack.fields["magnification"]
    shown(latent_map, engine, qtbot, "magnification")
    answer(engine, qtbot, layer)
    assert layer.value_at((0, 0)) == 5.0
    session.set_axes(AxesChoice("z3", "z1"))
    assert layer.value_at((0, 0)) is None
    qtbot.waitUntil(lambda: engine.last(MeasureFields).axes.x.tolist() == [0, 0, 1])
    answer(engine, qtbot, layer, 6.0)
    session.set_model(model_info(3, name="other"), 2, is_new_model=True)
    assert layer.value_at((0, 0)) is None


def test_older_answers_are_ignored(latent_map, session, engine, qtbot):
    layer = latent_map.layer_stack.fields["magnification"]
    request = shown(latent_map, engine, qtbot, "magnification")
    session.set_axes(AxesChoice("z3", "z1"))
    values = {"magnification": np.ones(1, np.float32)}
    engine.fieldsMeasured.emit(FieldsMeasured(request.generation, 1, np.zeros((1, 2), np.int64), 1, values))
    assert layer.value_at((0, 0)) is None


def with_config(**parts):
    info = model_info(3)
    return dataclasses.replace(info, config={**info.config, **parts})


@pytest.mark.parametrize(
    ("model", "refused"),
    [
        (with_config(likelihood={"kind": "bernoulli"}), {}),
        (with_config(likelihood={"kind": "gaussian", "sigma": "pixel"}), {}),
        (
            with_config(likelihood={"kind": "gaussian", "sigma": "optimal"}),
            {"uncertainty": field_reasons.ONE_SIGMA},
        ),
        (with_config(family="foreign"), {"uncertainty": field_reasons.NO_LIKELIHOOD}),
        (model_info(3, capabilities=Capabilities(has_encoder=False)), {"round_trip": field_reasons.NO_ENCODER}),
        (with_config(posterior={"start": "prior", "refine": 30}), {"round_trip": field_reasons.FITTED}),
        (with_config(posterior={"start": "encoder", "refine": 20}), {"round_trip": field_reasons.SEARCHES}),
        (
            dataclasses.replace(model_info(3), layout=LatentLayout("codes", (Level("", 0, 3),), codes=8)),
            {"round_trip": field_reasons.CODES, "magnification": field_reasons.CODES},
        ),
        (
            dataclasses.replace(model_info(3), layout=LatentLayout("categories", (Level("", 0, 3),), categories=3)),
            {"round_trip": field_reasons.CATEGORIES, "magnification": field_reasons.CATEGORIES},
        ),
    ],
)
def test_what_a_model_does_not_have_is_greyed_with_the_reason(latent_map, session, model, refused):
    session.set_model(model, 2, is_new_model=True)
    states = {layer.name: layer.unavailable for layer in latent_map.layers()}
    assert {name: states[name] for name in ("round_trip", "magnification", "uncertainty")} == {
        "round_trip": "",
        "magnification": "",
        "uncertainty": "",
    } | refused
    assert states["classes"] == (field_reasons.NO_POINTS if model.has_encoder else field_reasons.NO_ENCODER)


def test_classes_need_images_with_classes(latent_map, session):
    layer = latent_map.layer_stack.classes
    assert not layer.state().unavailable
    points = some_points(3)
    session.set_points(dataclasses.replace(points, label=np.full_like(points.label, -1)))
    assert layer.state().unavailable == field_reasons.NO_CLASSES


def test_nothing_lies_between_the_points_of_a_layout(latent_map, session):
    session.set_axes(AxesChoice("tsne1", "tsne2"))
    assert "t-SNE" in latent_map.layer_stack.fields["magnification"].state().unavailable


def test_beside_a_run_they_are_computed_now_and_then_and_say_of_which_epoch_they_are(
    latent_map, session, engine, qtbot, monkeypatch
):
    clock = [100.0]
    monkeypatch.setattr("latentlab.utils.duty_cycle.time.monotonic", lambda: clock[0])
    texts = []
    monkeypatch.setattr(latent_map, "set_staleness_text", lambda text, part="points": texts.append((text, part)))
    fine = shown(latent_map, engine, qtbot, "magnification")
    answer(engine, qtbot, latent_map.layer_stack.fields["magnification"])
    session.set_run_state("running")
    event = TrainingEvent(Progress(9, 40, 1, 4, {}, 1.0, 1.0, None))
    engine.trainingEvent.emit(event)
    request = engine.last(MeasureFields)
    assert request.columns < fine.columns, "on fewer cells"
    cells = np.zeros((1, 2), np.int64)
    values = {"magnification": np.ones(1, np.float32)}
    engine.fieldsMeasured.emit(FieldsMeasured(request.generation, 1, cells, 4, values, epoch=1.5))
    engine.fieldsMeasured.emit(FieldsMeasured(request.generation, 1, cells, 1, values, None, True, 0.1, 1.75))
    assert texts[-1] == ("values at epoch 1.5", "fields"), "the epoch of the oldest"
    clock[0] += 40.0
    engine.trainingEvent.emit(event)
    assert engine.last(MeasureFields) is request, "a tenth of a second is .2 % of fifty"
    clock[0] += 10.0
    engine.trainingEvent.emit(event)
    assert engine.last(MeasureFields) is not request
    session.set_run_state("idle")
    assert ("", "fields") in texts
