"""A recorder of steps on the CPU in place of CUDA graphs.

As in a CUDA graph, a replay repeats the same operations on the same memory. What Python decided, counted or computed in
plain numbers stays as it was recorded; only random numbers are new.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_WAITING = {"is_nonzero", "equal", "nonzero", "masked_select", "bincount", "histc", "unique_dim"}
_NOT_RECORDED = ("aten::_local_scalar_dense", "profiler::")


def is_refused(func, args):
    """Whether the operation reads a value from the device, which a CUDA graph cannot record.

    Integers may be read: ``one_hot`` checks the classes on the CPU only.
    """
    name = func._schema.name.removeprefix("aten::")
    if name in ("index", "index_put", "index_put_"):
        return any(mask is not None and mask.dtype == torch.bool for mask in args[1])
    return name in _WAITING or (name == "_local_scalar_dense" and args[0].dtype != torch.int64)


def tensors_of(values):
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]


def address(tensor):
    return tensor.untyped_storage().data_ptr()


class Tape(TorchDispatchMode):
    """Records every operation with its operands, and keeps the earlier contents of what it changes."""

    def __init__(self):
        super().__init__()
        self.operations = []
        self._own = set()  # memory allocated while recording
        self._before = []  # (tensor, earlier contents) of other memory, oldest first

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if is_refused(func, args):
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        if func._schema.is_mutable:
            written = [t for t in tensors_of((args, kwargs)) if address(t) not in self._own]
            self._before += [(tensor, tensor.clone()) for tensor in written]
        outcome = func(*args, **kwargs)
        if not func._schema.name.startswith(_NOT_RECORDED):
            self.operations.append((func, args, kwargs, outcome))
            operands = {address(tensor) for tensor in tensors_of((args, kwargs))}
            self._own |= {address(tensor) for tensor in tensors_of(outcome)} - operands
        return outcome

    @torch.no_grad()
    def undo(self):
        """Restore the memory that was not allocated while recording."""
        for tensor, value in reversed(self._before):
            tensor.copy_(value)
        self._before.clear()

    @torch.no_grad()
    def replay(self):
        """Repeat all operations on the same memory."""
        for func, args, kwargs, outcome in self.operations:
            again = tensors_of(func(*args, **kwargs))
            for tensor, value in zip(tensors_of(outcome), again, strict=True):
                if address(tensor) != address(value):  # neither a view nor in place
                    tensor.copy_(value)


class TapeRecorder:
    """Records steps on tapes; ``spoil`` makes the replays wrong.

    Attributes
    ----------
    warmed, recorded, replayed
        Number of steps.
    """

    def __init__(self, spoil=None):
        self.spoil = spoil
        self.warmed = self.recorded = self.replayed = 0

    def warm_up(self, step):
        self.warmed += 1
        return step()

    def record(self, step):
        self.recorded += 1
        if self.spoil == "refused":
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore of it")
        noise, tape = torch.get_rng_state(), Tape()
        with tape:
            terms = step()
        tape.undo()
        torch.set_rng_state(noise)
        return Recording(self, tape, terms)


class Recording:
    def __init__(self, recorder, tape, terms):
        self.recorder, self.tape, self.terms = recorder, tape, terms
        self.noise = torch.get_rng_state()

    def replay(self):
        self.recorder.replayed += 1
        if self.recorder.spoil == "frozen noise":
            torch.set_rng_state(self.noise)
        self.tape.replay()
        if self.recorder.spoil == "other losses":
            for term in self.terms.values():
                term.add_(1)
        return self.terms
