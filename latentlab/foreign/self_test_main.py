"""The process that tests a package: it may fail, hang or be killed without harm to what is open."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from latentlab.errors import LatentlabError


def main() -> int:
    """Write the differences as JSON to stdout, or ``{"problem": …}``."""
    path, limit = Path(sys.argv[1]), int(sys.argv[2])
    _limit_memory(limit)
    from latentlab.foreign.onnx_functions import OnnxFunctions
    from latentlab.foreign.self_test import differences
    from latentlab.storage.onnx_package import read_package

    try:
        package = read_package(path)
        answer: dict[str, object] = dict(differences(package, OnnxFunctions(package)))
    except LatentlabError as error:
        answer = {"problem": str(error)}
    except MemoryError:
        answer = {"problem": "its networks need more memory than is available"}
    sys.stdout.write(json.dumps(answer))
    return 0


def _limit_memory(limit: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    raise SystemExit(main())
