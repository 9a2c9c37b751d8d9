"""What an ONNX file may be: self-contained data for standard operators, checked before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentlab.errors import InputError
from latentlab.storage.validation import FileContentError, opened_regular, require_memory, shortened

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

_LARGEST_FILE = 2**31 - 1  # of a protocol buffer
_MAX_NODES = 200_000
_MAX_DEPTH = 8  # of graphs inside of nodes
_STANDARD_DOMAINS = {"", "ai.onnx"}
# In memory at the same time: the file, its message, and the runtime's tensors.
_COPIES = 4


@dataclass(frozen=True)
class Port:
    """An input or output of a graph: its name, its element type, and its sizes with ``None`` where any is taken."""

    name: str
    type: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class OnnxGraph:
    """A checked graph: the file's bytes, and what goes in and comes out."""

    data: bytes
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: int

    def input(self, name: str) -> Port | None:
        """The input of a name."""
        return next((port for port in self.inputs if port.name == name), None)

    def output(self, name: str) -> Port | None:
        """The output of a name."""
        return next((port for port in self.outputs if port.name == name), None)


def read_graph(path: Path) -> OnnxGraph:
    """Read an ONNX file, and refuse what could read other files, run other code or claim what it does not hold.

    Raises
    ------
    InputError
        One sentence that names the file.
    """
    with opened_regular(path) as (file, size):
        if size > _LARGEST_FILE:
            raise InputError(f"{path} is larger than an ONNX file can be")
        require_memory(path, _COPIES * size)
        data = file.read(_LARGEST_FILE + 1)
    try:
        return checked_graph(data)
    except FileContentError as fault:
        raise InputError(f"{path}: {fault}") from None


def checked_graph(data: bytes) -> OnnxGraph:
    """Check the bytes of an ONNX file.

    Raises
    ------
    FileContentError
        When it is none, keeps its weights in other files, has an operator that is not standard, or a tensor that is
        not as large as it claims.
    InputError
        When ONNX is not installed.
    """
    onnx = import_onnx()
    from google.protobuf.message import DecodeError

    try:
        model: ModelProto = onnx.load_model_from_string(data)
    except (DecodeError, RecursionError, ValueError):
        raise FileContentError("it is not an ONNX file") from None
    if not model.HasField("graph") or not model.graph.output:
        raise FileContentError("it is not an ONNX file")
    own = {(function.domain, function.name) for function in model.functions}
    parameters = 0
    bodies: list[Any] = [model.graph, *model.functions]
    for number, node in enumerate(node for body in bodies for node in _nodes(body, _MAX_DEPTH)):
        if number == _MAX_NODES:
            raise FileContentError(f"its graph has more than {_MAX_NODES:,} nodes")
        if node.domain not in _STANDARD_DOMAINS and (node.domain, node.op_type) not in own:
            raise FileContentError(
                f"it needs the operator {shortened(node.op_type)} of {shortened(node.domain)}, which is not one of "
                f"ONNX's own"
            )
    for tensor in _tensors(bodies):
        parameters += _check_tensor(tensor)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = tuple(_port(value) for value in model.graph.input if value.name not in weights)
    return OnnxGraph(data, inputs, tuple(_port(value) for value in model.graph.output), parameters)


def import_onnx() -> Any:
    """The ``onnx`` library.

    Raises
    ------
    InputError
        When it is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise InputError('ONNX is not installed; install it with pip install "latentlab[onnx]"') from None
    return onnx


def _nodes(body: Any, depth: int) -> Iterator[NodeProto]:
    """All nodes of a graph or function, those of graphs in attributes included."""
    if depth == 0:
        raise FileContentError("its graphs are nested too deeply")
    for node in body.node:
        yield node
        for attribute in node.attribute:
            for graph in _graphs(attribute):
                yield from _nodes(graph, depth - 1)


def _graphs(attribute: AttributeProto) -> list[GraphProto]:
    return [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _tensors(bodies: list[Any]) -> Iterator[TensorProto]:
    for body in bodies:
        yield from _tensors_of(body)


def _tensors_of(body: Any) -> Iterator[TensorProto]:
    yield from getattr(body, "initializer", ())
    for sparse in getattr(body, "sparse_initializer", ()):
        yield from (sparse.values, sparse.indices)
    for node in body.node:
        for attribute in node.attribute:
            yield from attribute.tensors
            if attribute.HasField("t"):
                yield attribute.t
            for sparse in (*attribute.sparse_tensors, *([attribute.sparse_tensor] if _is_sparse(attribute) else [])):
                yield from (sparse.values, sparse.indices)
            for graph in _graphs(attribute):
                yield from _tensors_of(graph)


def _is_sparse(attribute: AttributeProto) -> bool:
    return bool(attribute.HasField("sparse_tensor"))


def _check_tensor(tensor: TensorProto) -> int:
    """Number of elements of a tensor that is as large as it says, and in this file."""
    onnx = import_onnx()
    name = shortened(tensor.name) or "without a name"
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise FileContentError(f"its tensor {name} is kept in another file, which is not read")
    if any(size < 0 for size in tensor.dims):
        raise FileContentError(f"its tensor {name} has a negative size")
    count = math.prod(int(size) for size in tensor.dims)
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, ValueError, TypeError):
        raise FileContentError(f"its tensor {name} has an unknown type") from None
    # Types of less than a byte are packed.
    bits = {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}.get(str(dtype), 8 * dtype.itemsize)
    held = len(tensor.raw_data) if tensor.HasField("raw_data") else None
    if held is None:
        fields = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
        values = sum(len(getattr(tensor, field)) for field in fields)
        if values < count * bits / 64:  # at least: several small values may share a number
            raise FileContentError(f"its tensor {name} says it has {count:,} numbers, and does not hold them")
    elif held != math.ceil(count * bits / 8):
        raise FileContentError(f"its tensor {name} says it has {count:,} numbers, and does not hold them")
    return count


def _port(value: ValueInfoProto) -> Port:
    onnx = import_onnx()
    kind = value.type.tensor_type
    known = value.type.HasField("tensor_type")
    try:
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)) if known else "unknown"
    except (KeyError, ValueError, TypeError):
        dtype = "unknown"
    sizes = kind.shape.dim if known and kind.HasField("shape") else ()
    shape = tuple(int(size.dim_value) if size.HasField("dim_value") else None for size in sizes)
    return Port(value.name, dtype, shape)
