"""A step on a GPU never makes the program wait for the device.

No device is needed: torch's fake tensors have a device, a type and a shape, but no data. Gradients are not computed
here, since autograd asks the driver even for fake tensors; ``test_cuda_graph.py`` records them on the CPU.
"""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from latentlab.config.recipes import RECIPES
from latentlab.models import build
from latentlab.models.base import Batch, StepState
from latentlab.training import batches
from latentlab.training.batches import BatchLoader
from latentlab.training.running_means import RunningMeans
from latentlab.training.step.optimizer_step import OptimizerStep
from tests.training.helpers import run_config

CUDA = torch.device("cuda", 0)
WAITS = {
    "semi-supervised-vae": "it gathers labelled images until it has enough of each class",
    "sphere-vae": "it draws by rejection until every draw is accepted",
    "vade": "it asks whether its components are placed",
}
ALWAYS_WAITS = {"sphere-vae", "vade"}
AT = StepState(5, 1, 3, 60)


class Watch(TorchDispatchMode):
    """Records every operation that makes the program wait for the device, or reads the program's memory."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name
        if name in ("aten::_fused_adam_", "aten::_fused_adamw_"):
            return None  # has no fake implementation; works in place and does not wait
        tensors = [value for value in args if isinstance(value, torch.Tensor)]
        found = func(*args, **(kwargs or {}))
        if name in ("aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal", "aten::bincount"):
            self.found.append(name)
        elif name in ("aten::_to_copy", "aten::copy_") and any(tensor.device != CUDA for tensor in (*tensors, found)):
            self.found.append(f"{name} to {found.device}")
        elif name in ("aten::index", "aten::index_put_") and any(
            mask is not None and mask.dtype == torch.bool for mask in args[1]
        ):
            self.found.append(f"{name} by a mask")
        return found


def small(name):
    values = RECIPES[name].config().model_dump()
    values["architecture"] |= {"hidden": 16, "width": 4}
    return run_config(values, gradient_clip=1.0)


@pytest.fixture
def no_gradients(monkeypatch):
    """Zero gradients in place of autograd, which needs the device."""
    leaves = []

    def backward(objective, *arguments, **options):
        for parameter in leaves:
            parameter.grad = torch.zeros_like(parameter)

    def grad(outputs, inputs, *arguments, **options):
        return tuple(torch.zeros_like(value) for value in ([inputs] if isinstance(inputs, torch.Tensor) else inputs))

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    monkeypatch.setattr(torch.autograd, "grad", grad)
    return leaves


@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")
@pytest.mark.parametrize("name", RECIPES)
def test_no_step_waits_for_the_device(name, no_gradients):
    """Nor does writing its schedules; the recipes of ``WAITS`` do, for their reasons."""
    config = small(name)
    waited = False
    with FakeTensorMode(allow_non_fake_inputs=True):
        with CUDA:
            model = build(config.model, (1, 16, 16), 4).train()
        no_gradients.extend(model.parameters())
        step = OptimizerStep(model, config.training, 8)
        means = RunningMeans(CUDA)
        x = torch.rand(8, 1, 16, 16, device=CUDA)
        batch = Batch(x, torch.zeros(8, dtype=torch.int64, device=CUDA), torch.arange(8, device=CUDA))
        watch = Watch()
        try:
            with watch:
                model.on_step_start(AT)
                means.add(step.run(batch, AT, 2e-3), 8)
        except (DataDependentOutputException, DynamicOutputShapeException):
            waited = True
        assert (waited or bool(watch.found)) == (name in WAITS), watch.found
        assert model.is_capturable == (name not in WAITS)
        if name in ALWAYS_WAITS:
            return
        model.has_all_labels = True
        assert model.is_capturable
        watch = Watch()
        with watch:
            step.run_recordable(batch, AT)
        assert not watch.found


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.sum() > 0),
        lambda x: x[x > 0],
        lambda x: x.cpu(),
        lambda x: x + torch.zeros(8).to(CUDA),
        lambda x: torch.bincount(x.long()),
        lambda x: x + torch.tensor([1.0], device=CUDA),
    ],
)
def test_the_watch_finds_operations_that_wait(ask):
    with FakeTensorMode():
        x = torch.rand(8, device=CUDA)
        watch = Watch()
        try:
            with watch:
                ask(x)
        except (DataDependentOutputException, DynamicOutputShapeException):
            return
    assert watch.found


def loader_on_cuda(**options):
    labels = np.arange(20)
    return BatchLoader(np.zeros((20, 1, 8, 8), np.uint8), labels, labels, 4, CUDA, 0, **options)


@pytest.mark.parametrize("binarise", ["none", "dynamic"])
def test_a_batch_of_resident_images_is_made_on_the_device(monkeypatch, binarise):
    monkeypatch.setattr(batches, "_free_memory", lambda device: 1e9)
    with FakeTensorMode(allow_non_fake_inputs=True):
        loader = loader_on_cuda(binarise=binarise)
        assert loader.resident
        indices, positions = next(loader.epoch(0))
        watch = Watch()
        with watch:
            batch = loader.load(indices, positions)
    assert not watch.found
    assert batch.x.device == batch.label.device == batch.index.device == CUDA


@pytest.mark.parametrize("binarise", ["none", "static"])
def test_images_that_do_not_fit_are_copied_through_pinned_memory(monkeypatch, binarise):
    """Pixels and labels; the program waits for neither copy."""
    monkeypatch.setattr(batches, "_free_memory", lambda device: 10.0)
    pinned, real = [], torch.empty

    def empty(*shape, **options):
        if options.get("pin_memory"):
            pinned.append(shape[0])
        return real(*shape, **options)

    with FakeTensorMode(allow_non_fake_inputs=True):
        loader = loader_on_cuda(binarise=binarise)
        assert not loader.resident
        indices, positions = next(loader.epoch(0))
        monkeypatch.setattr(torch, "empty", empty)
        watch = Watch()
        with watch:
            batch = loader.load(indices, positions)
    assert pinned == [(4, 1, 8, 8), (4,)]
    assert watch.found == ["aten::_to_copy to cuda:0"] * 2
    assert batch.x.device == batch.label.device == batch.index.device == CUDA
