"""Batches of an Arrow stream file, one at a time: what they unpack to is known from their headers before any is read.

A header is a FlatBuffer: see ``Message.fbs`` of the Arrow format. A compressed buffer begins with its unpacked size.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from latentlab.data.sources.extras import import_extra
from latentlab.errors import InputError
from latentlab.utils.memory import format_bytes

_LARGEST_RATIO = 200  # images hardly shrink that much
_ALWAYS_ALLOWED = 4 << 30
_BUFFERS = {"null": 0, "binary": 3, "large_binary": 3, "string": 3, "large_string": 3}
_OWN_BUFFERS = {"struct": 1, "fixed_size_list": 1, "list": 2, "large_list": 2}  # beside those of what is within
_UNCOUNTED = ("union", "run_end_encoded", "_view", "map<", "extension<")  # with buffers that are not counted here
_DICTIONARY_BATCH = 2


@dataclass
class ArrowStream:
    """The batches of a file.

    Attributes
    ----------
    schema
        Of pyarrow.
    rows
        Number of rows of each batch.
    sizes
        Unpacked bytes of each batch by the name of a column.
    """

    schema: Any
    rows: list[int]
    sizes: list[dict[str, int]]
    _mapped: Any
    _ipc: Any
    _readers: dict[tuple[str, ...], tuple[int, Any]] = field(default_factory=dict)

    def batch(self, part: int, columns: list[str]) -> Any:
        """Some columns of a batch; batches are best asked for in ascending order."""
        key = tuple(columns)
        at, reader = self._readers.pop(key, (0, None))
        if reader is None or part < at:
            names = self.schema.names
            options = self._ipc.IpcReadOptions(included_fields=[names.index(name) for name in columns])
            self._mapped.seek(0)
            at, reader = 0, self._ipc.open_stream(self._mapped.read_buffer(), options=options)
        found = reader.read_next_batch()
        while at < part:
            at, found = at + 1, reader.read_next_batch()
        self._readers[key] = at + 1, reader
        return found


def open_arrow(path: Path, mapped: Any) -> ArrowStream:
    """Read the headers of all batches of a file that pyarrow has mapped.

    Raises
    ------
    InputError
        When they unpack to more than images do.
    ValueError
        When a header is damaged.
    """
    ipc = import_extra("pyarrow.ipc", "pyarrow", "hf", f"{path.name} is read")
    whole = mapped.read_buffer()
    schema = ipc.open_stream(whole).schema
    spans = _spans(schema)
    rows: list[int] = []
    sizes: list[dict[str, int]] = []
    total = 0
    limit = whole.size * _LARGEST_RATIO + _ALWAYS_ALLOWED
    for message in ipc.MessageReader.open_stream(whole):
        header = _record_batch(memoryview(message.metadata))
        if message.type == "dictionary":
            total += sum(_unpacked(header, message.body))
        elif message.type == "record batch":
            unpacked = _unpacked(header, message.body)
            total += sum(unpacked)
            rows.append(header.rows)
            sizes.append(_by_column(unpacked, spans, schema.names))
        if total > limit:
            raise InputError(
                f"{path.name} unpacks from {format_bytes(whole.size)} to more than {format_bytes(limit)}, which no "
                "images do"
            )
    return ArrowStream(schema, rows, sizes, mapped, ipc)


class _Header(NamedTuple):
    rows: int
    buffers: list[tuple[int, int]]  # position in the body and length
    is_compressed: bool


def _record_batch(data: memoryview) -> _Header:
    """The header of a batch of rows, or of a dictionary."""
    message = _number(data, 0, "<I")
    header = _follow(data, _field(data, message, 2))
    if _number(data, _field(data, message, 1), "<B") == _DICTIONARY_BATCH:
        header = _follow(data, _field(data, header, 1))
    rows_at, buffers_at = _field(data, header, 0), _field(data, header, 2)
    buffers: list[tuple[int, int]] = []
    if buffers_at:
        start = _follow(data, buffers_at)
        stop = start + 4 + 16 * _number(data, start, "<I")
        if stop > len(data):
            raise ValueError("a header that is cut off")
        buffers = list(struct.iter_unpack("<qq", data[start + 4 : stop]))
    return _Header(_number(data, rows_at, "<q") if rows_at else 0, buffers, bool(_field(data, header, 3)))


def _field(data: memoryview, table: int, number: int) -> int:
    """Position of a field of a table; 0 if the table does not have it."""
    entries = table - _number(data, table, "<i")
    at = 4 + 2 * number
    if at >= _number(data, entries, "<H"):
        return 0
    offset = _number(data, entries + at, "<H")
    return table + offset if offset else 0


def _follow(data: memoryview, at: int) -> int:
    return at + _number(data, at, "<I")


def _number(data: memoryview, at: int, kind: str) -> int:
    if not 0 <= at <= len(data) - struct.calcsize(kind):
        raise ValueError("a header that points outside itself")
    found: int = struct.unpack_from(kind, data, at)[0]
    return found


def _unpacked(header: _Header, body: Any) -> list[int]:
    """Unpacked bytes of each buffer."""
    data = memoryview(body)
    sizes = []
    for at, length in header.buffers:
        if min(at, length, header.rows) < 0 or at + length > len(data):
            raise ValueError("a buffer outside its batch")
        size = length
        if header.is_compressed and length:
            announced = _number(data, at, "<q")
            size = length - 8 if announced == -1 else announced
        if size < 0:
            raise ValueError("a buffer of a negative size")
        sizes.append(size)
    return sizes


def _spans(schema: Any) -> dict[str, tuple[int, int]] | None:
    """First and last buffer of each column; ``None`` if there is a column whose buffers are not known."""
    spans = {}
    at = 0
    for column in schema:
        count = _buffers_of(column.type)
        if count is None:
            return None
        spans[column.name] = at, at + count
        at += count
    return spans


def _buffers_of(kind: Any) -> int | None:
    text = str(kind)
    if any(each in text for each in _UNCOUNTED):
        return None
    own = _OWN_BUFFERS.get(text.partition("<")[0])
    if own is None:
        return _BUFFERS.get(text, 2)
    within = [_buffers_of(kind.field(number).type) for number in range(kind.num_fields)]
    return None if None in within else own + sum(each for each in within if each is not None)


def _by_column(sizes: list[int], spans: Mapping[str, tuple[int, int]] | None, names: Sequence[str]) -> dict[str, int]:
    """Unpacked bytes of each column; all of the batch's if that is not known."""
    if spans is None or max((last for _, last in spans.values()), default=0) != len(sizes):
        return dict.fromkeys(names, sum(sizes))
    return {name: sum(sizes[first:last]) for name, (first, last) in spans.items()}
