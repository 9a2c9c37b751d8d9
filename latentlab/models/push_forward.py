"""Derivatives of a decoder along directions of the latent space: forward mode, many directions at once.

A value and its derivatives along k directions go through the network together. A layer with weights is applied to the
value and, without its bias, to the derivatives. The slope of an elementwise function is computed once for all
derivatives. Any other function is differentiated by itself, by reverse mode twice.

``torch.autograd.forward_ad`` is not used, for two reasons that were measured (``tests/benchmarks/RESULTS.md``). Its
first use imports some 900 modules, which takes seconds and stops a worker that decodes. And it multiplies the input of
every layer by the derivative of the weights too, which is 0 here, and takes a pass through the network for each
direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

_T = TypeVar("_T")
Function = Callable[[Tensor], Tensor]


def _named(names: str, methods: str = "") -> frozenset[Any]:
    """Functions and methods of tensors of the same names, and methods alone."""
    both = {getattr(of, name) for of in (torch, Tensor) for name in names.split()}
    return frozenset(both | {getattr(Tensor, name) for name in methods.split()})


# Layers that are linear in their first argument but for a bias, their third.
_LAYERS: frozenset[Any] = frozenset({functional.linear, functional.conv2d, functional.conv_transpose2d})
# Functions that only move or copy values: their other arguments are sizes, dimensions and the like.
_MOVES = frozenset({torch.cat, torch.stack}) | _named(
    "reshape flatten unflatten squeeze unsqueeze permute transpose chunk split narrow clone",
    "view expand contiguous __getitem__",
)
_SUMS = _named("add sub", "__add__ __radd__ __sub__ __rsub__")
# Elementwise in the one argument that has derivatives, if the others do not widen it.
_ELEMENTWISE = frozenset(
    {functional.relu, functional.elu, functional.silu, functional.gelu, functional.softplus, functional.leaky_relu}
) | _named(
    "tanh sigmoid exp log sqrt relu clamp clamp_min mul div pow neg", "__mul__ __rmul__ __truediv__ __pow__ __neg__"
)
# Slopes that follow from the function's value, without a pass of their own.
_SLOPES: dict[Any, Function] = {
    functional.relu: lambda value: (value > 0).to(value.dtype),
    torch.sigmoid: lambda value: value * (1 - value),
    torch.tanh: lambda value: 1 - value * value,
    torch.exp: lambda value: value,
}


def push_forward(function: Function, z: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """The value of a function of latents, and its derivatives along directions: Jacobian times vectors.

    Parameters
    ----------
    function
        From [N, d] to [N, ...], the same for each of the N; for instance the ``decode`` of a model.
    z
        Latents, float [N, d].
    directions
        [k, d], the same for all latents, or [k, N, d].

    Returns
    -------
    value, derivatives
        [N, ...] and [k, N, ...], without gradients. The derivatives are 0 where the function does not depend on the
        latents continuously, as with codes.

    Examples
    --------
    >>> z = torch.tensor([[1.0, 2.0]])
    >>> value, derivatives = push_forward(lambda z: torch.sin(z).sum(-1), z, torch.eye(2))
    >>> torch.allclose(derivatives[:, 0], torch.cos(z[0]))
    True
    """
    if directions.ndim == 2:
        directions = directions[:, None].expand(-1, len(z), -1)
    with torch.no_grad():
        result = function(_dual(z.detach(), directions.detach()))
    if isinstance(result, _Dual):
        return _value(result), result.derivatives
    return result, result.new_zeros((len(directions), *result.shape))


class _Dual(Tensor):
    """A value [...] with its derivatives [k, ...]: torch's functions of it compute both."""

    derivatives: Tensor

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Iterable[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunctionSubclass():
            return _apply(func, tuple(args), kwargs)


def _dual(value: Tensor, derivatives: Tensor) -> _Dual:
    dual = value.as_subclass(_Dual)
    dual.derivatives = derivatives
    return dual


def _value(each: Tensor) -> Tensor:
    return each.as_subclass(Tensor) if isinstance(each, _Dual) else each


def _apply(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The function's result with its derivatives, by the rule for its kind."""
    given = [each for each in _tensors((args, kwargs)) if isinstance(each, _Dual)]
    duals = list({id(each): each for each in given}.values())
    value = func(*_map(_value, args), **_map(_value, kwargs))
    if not any(each.is_floating_point() for each in _tensors(value)):
        return value  # a size, a device, a comparison
    alone = duals[0] if len(given) == 1 else None
    is_first = alone is not None and bool(args) and args[0] is alone
    if func in _LAYERS and is_first and alone is not None and len(args) > 1:
        return _dual(value, _through_layer(func, alone, args, kwargs))
    if func in _ELEMENTWISE and alone is not None and value.shape == alone.shape:
        slope = _SLOPES[func](value) if func in _SLOPES else _slope(func, alone, args, kwargs)
        return _dual(value, alone.derivatives * slope)
    if func in _MOVES or func in _SUMS:
        return _each(value, _linearly(func, args, kwargs, len(duals[0].derivatives)))
    return _by_reverse_mode(func, args, kwargs, duals, value)


def _through_layer(func: Any, dual: _Dual, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """A layer without its bias, for all derivatives as one batch."""
    given, others = dual.derivatives, list(args[2:])
    if others:
        others[0] = None
    without_bias = {name: None if name == "bias" else each for name, each in kwargs.items()}
    rows = given.flatten(0, 1)
    if rows.ndim == 4 and _value(dual).is_contiguous(memory_format=torch.channels_last):
        rows = rows.contiguous(memory_format=torch.channels_last)
    result: Tensor = func(rows, args[1], *others, **without_bias)
    return result.reshape(*given.shape[:2], *result.shape[1:])


def _slope(func: Any, dual: _Dual, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """The derivative of an elementwise function by its argument."""
    with torch.enable_grad():
        x = _value(dual).detach().requires_grad_()
        value: Tensor = func(*_map(lambda each: x if each is dual else each, args), **kwargs)
        (slope,) = torch.autograd.grad(value.sum(), x)
    return slope


def _linearly(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], count: int) -> Iterator[Any]:
    """A linear function of each of the derivatives; that of what has none is 0."""

    def derivative(each: Any, index: int) -> Any:
        if isinstance(each, _Dual):
            return each.derivatives[index]
        if isinstance(each, Tensor) and each.is_floating_point():
            return torch.zeros_like(each)
        return 0 if func in _SUMS and isinstance(each, int | float) else each

    for index in range(count):
        yield func(*_map(partial(derivative, index=index), args), **kwargs)


def _by_reverse_mode(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], duals: list[_Dual], value: Any) -> Any:
    """Any function: Jᵀv is linear in v, and its derivative by v along a direction is J times the direction."""
    with torch.enable_grad():
        inputs = {id(dual): _value(dual).detach().requires_grad_() for dual in duals}

        def leaf(each: Any) -> Any:
            return inputs.get(id(each), each)

        result = func(*_map(leaf, args), **_map(leaf, kwargs))
        outputs = [each for each in _tensors(result) if each.requires_grad]
        if not outputs:
            return value
        cotangents = [torch.zeros_like(each, requires_grad=True) for each in outputs]
        pulled = torch.autograd.grad(
            outputs, list(inputs.values()), cotangents, create_graph=True, materialize_grads=True
        )
        depends = [number for number, each in enumerate(pulled) if each.requires_grad]
    pushed = [
        torch.autograd.grad(
            [pulled[number] for number in depends],
            cotangents,
            [duals[number].derivatives[index] for number in depends],
            retain_graph=True,
            materialize_grads=True,
        )
        for index in range(len(duals[0].derivatives))
    ]
    derivatives = {id(each): torch.stack([of[number] for of in pushed]) for number, each in enumerate(outputs)}

    def with_derivatives(each: Tensor) -> Tensor:
        return _dual(each.detach(), derivatives[id(each)]) if id(each) in derivatives else each

    return _map(with_derivatives, result)


def _each(value: Any, results: Iterator[Any]) -> Any:
    """A result with its derivatives; or several, as of ``chunk``."""
    if isinstance(value, Tensor):
        return _dual(value, torch.stack(list(results)))
    return type(value)(_dual(each, torch.stack(parts)) for each, *parts in zip(value, *results, strict=True))


def _map(change: Callable[[Any], Any], nested: _T) -> _T:
    """Change the tensors and numbers within tuples, lists and dicts."""
    if isinstance(nested, dict):
        return type(nested)((name, _map(change, each)) for name, each in nested.items())
    if isinstance(nested, tuple | list) and not isinstance(nested, torch.Size):
        return type(nested)(_map(change, each) for each in nested)
    changed: _T = change(nested)
    return changed


def _tensors(nested: Any) -> Iterator[Tensor]:
    """The tensors within tuples, lists and dicts."""
    if isinstance(nested, Tensor):
        yield nested
    elif isinstance(nested, dict):
        yield from _tensors(tuple(nested.values()))
    elif isinstance(nested, tuple | list):
        for each in nested:
            yield from _tensors(each)
