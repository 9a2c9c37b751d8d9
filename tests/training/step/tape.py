"""A stand-in on the CPU for what records a step on a GPU: the operations are recorded, and nothing of the program.

As of a CUDA graph, a replay does the same operations with the same memory once more. What the program decided, counted
or computed in plain numbers while it was recorded stays as it was then; only random numbers are new.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_WAIT = {"is_nonzero", "equal", "nonzero", "masked_select", "bincount", "histc", "unique_dim"}
_OF_THE_PROGRAM = ("aten::_local_scalar_dense", "profiler::")


def is_refused(func, args):
    """Whether a GPU would be asked for an answer, which cannot be recorded.

    Whole numbers are asked for on the CPU alone: ``one_hot`` looks whether the classes are such there.
    """
    name = func._schema.name.removeprefix("aten::")
    if name in ("index", "index_put", "index_put_"):
        return any(mask is not None and mask.dtype == torch.bool for mask in args[1])
    return name in _WAIT or (name == "_local_scalar_dense" and args[0].dtype != torch.int64)


def tensors_of(values):
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]


def place_of(tensor):
    return tensor.untyped_storage().data_ptr()


class Tape(TorchDispatchMode):
    """Records every operation with what it read and wrote, and keeps what was there before."""

    def __init__(self):
        super().__init__()
        self.operations = []
        self._own = set()  # memory that came to be while recording
        self._before = []  # everybody else's that was written to, oldest first

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if is_refused(func, args):
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        if func._schema.is_mutable:
            written = [t for t in tensors_of((args, kwargs)) if place_of(t) not in self._own]
            self._before += [(tensor, tensor.clone()) for tensor in written]
        outcome = func(*args, **kwargs)
        if not func._schema.name.startswith(_OF_THE_PROGRAM):
            self.operations.append((func, args, kwargs, outcome))
            known = {place_of(tensor) for tensor in tensors_of((args, kwargs))}
            self._own |= {place_of(tensor) for tensor in tensors_of(outcome)} - known
        return outcome

    @torch.no_grad()
    def undo(self):
        """Leave everybody else's memory as it was before."""
        for tensor, value in reversed(self._before):
            tensor.copy_(value)
        self._before.clear()

    @torch.no_grad()
    def replay(self):
        """Do all of it again in the same memory."""
        for func, args, kwargs, outcome in self.operations:
            again = tensors_of(func(*args, **kwargs))
            for tensor, value in zip(tensors_of(outcome), again, strict=True):
                if place_of(tensor) != place_of(value):  # neither a view nor changed in place
                    tensor.copy_(value)


class Recorder:
    """Records tapes; ``spoil`` makes the replays wrong.

    Attributes
    ----------
    warmed, recorded, replayed
        How often.
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
