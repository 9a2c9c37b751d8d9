"""A process that lays points out: t-SNE and UMAP compute for minutes, keep the interpreter and bring compilers.

It reads N and d as ``SHAPE`` and float32 [N, d] from stdin. To stdout it writes frames: the fraction that is done and
the number of bytes, as ``HEADER``, then that many bytes of float32 [N, 2], or none without newer positions. It ends
with its parent, whose end closes the pipes.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import BinaryIO

import numpy as np

from latentlab.config.embedding import LAYOUTERS
from latentlab.errors import InputError
from latentlab.latent.embedding import embed
from latentlab.utils.array_types import FloatArray

SHAPE = struct.Struct("<QQ")
HEADER = struct.Struct("<dQ")
REFUSED = 3
"""Exit code after an `InputError`, whose sentence is all of stderr."""


def main(method: str) -> int:
    """Lay out what arrives at stdin; returns the exit code."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print
    if hasattr(os, "nice"):
        os.nice(10)  # the window and the worker come first
    rows, columns = SHAPE.unpack(sys.stdin.buffer.read(SHAPE.size))
    points = np.frombuffer(sys.stdin.buffer.read(4 * rows * columns), np.float32).reshape(rows, columns)
    try:
        (chosen,) = [each for each in LAYOUTERS if each == method]
        positions = embed(points, chosen, lambda positions, fraction: _write(out, positions, min(fraction, 0.999)))
    except InputError as error:
        sys.stderr.write(f"\n{error}")
        return REFUSED
    except BrokenPipeError:
        return 0
    _write(out, positions, 1.0)
    return 0


def _write(out: BinaryIO, positions: FloatArray | None, fraction: float) -> bool:
    data = b"" if positions is None else np.ascontiguousarray(positions, np.float32).tobytes()
    out.write(HEADER.pack(fraction, len(data)))
    out.write(data)
    out.flush()
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
