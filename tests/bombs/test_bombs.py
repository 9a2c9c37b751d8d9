"""Small files that unpack to, or promise, far more than they are, are refused in little memory and time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.bombs import files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak of the memory is read from /proc")

MOST_MEMORY = 256 << 20  # bytes
MOST_SECONDS = 20  # of processor time, which a busy machine hardly changes; most take less than three

# The function that makes a file, what opens it, and what is said; an image is left out with its reason.
BOMBS = [
    ("npz_of_zeros", "data", "more than the limit of"),
    ("idx_gz", "data", "more than the limit of"),
    ("csv_of_one_row", "data", "a row has more than 1,048,576 characters"),
    ("csv_of_long_lines", "data", "more than 256"),
    ("json_lines", "data", "more than 256"),
    ("png_header", "data", "holds at most"),
    ("png_profile", "data", "more than 64 MB"),
    ("png_text_itxt", "data", "more than 64 MB"),
    ("png_many_texts", "data", "its texts may unpack to more than"),
    ("png_deep_alpha", "data", "one image may take"),
    ("gif_canvas", "data", "one image may take"),
    ("ppm_header", "data", "holds at most"),
    ("tiff_header", "data", "one image may take"),
    ("tiff_deflate", "data", "decompression bomb"),
    ("zip_image", "data", "more than the limit of"),
    ("zip_images", "data", "more than the limit of"),
    ("zip_tables", "data", "more than the limit of"),
    ("tar_member", "data", "more than the limit of"),
    ("tar_header", "data", "a header of"),
    ("arrow_batches", "data", "which no images do"),
    ("arrow_batch", "data", "too large for the memory"),
    ("parquet_rows", "data", "too many for the available memory"),
    ("hdf5_lies", "data", "announces"),
    ("hdf5_large_chunk", "data", "more than the limit of"),
    ("path_list", "data", "more than the limit of"),
    ("model_zip", "model", "never opened"),
    ("model_header", "model", "more than 20,000 tensors"),
    ("model_description", "model", "not readable"),
    ("model_sparse", "model", "are available"),
    ("diffusers_terabytes", "model", "config.json and weights disagree"),
    ("diffusers_sparse", "model", "are available"),
    ("diffusers_index", "model", "are too many for an index"),
    ("session_large", "session", "at most 36.0 MB"),
    ("session_deep", "session", "not readable"),
    ("session_wide", "session", "latent.0"),
    ("settings_large", "settings", "set aside: True"),
    ("run_record", "run", "at most 32.0 MB"),
    ("run_metrics", "run", "are available"),
    ("metrics_line", "run", "{'event': 'epoch', 'epoch': 3}"),
]


@pytest.fixture(scope="module")
def child(tmp_path_factory) -> Iterator[subprocess.Popen[str]]:
    """A process with 3 GB of address space beyond its own."""
    home = str(tmp_path_factory.mktemp("home"))
    environment = os.environ | {f"XDG_{kind}_HOME": home for kind in ("CACHE", "DATA", "CONFIG", "STATE")}
    command = [sys.executable, "-m", "tests.bombs.child"]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process
        _pipe(process.stdin).close()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@pytest.mark.parametrize(("name", "kind", "reason"), BOMBS, ids=[name for name, _, _ in BOMBS])
def test_rows_2_3_29_33_38_and_42_a_bomb_is_refused_in_bounded_memory(child, tmp_path: Path, name, kind, reason):
    path = getattr(files, name)(tmp_path)
    _pipe(child.stdin).write(json.dumps([kind, str(path)]) + "\n")
    _pipe(child.stdin).flush()
    answer, refused, seconds, memory = json.loads(_pipe(child.stdout).readline())
    assert refused is not None, answer
    assert reason in answer
    assert "\n" not in answer
    assert memory < MOST_MEMORY
    assert seconds < MOST_SECONDS
