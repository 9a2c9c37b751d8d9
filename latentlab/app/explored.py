"""The window of a model that another process has: ``python -m latentlab.app.explored DESCRIPTION [IMAGES]``.

Started by :mod:`latentlab.foreign.explore`; not meant to be started by a user.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from latentlab.app.launch import main
from latentlab.errors import LatentlabError
from latentlab.storage.explored_model import is_of_other_process


def run(arguments: list[str]) -> int:
    """Open the window until it is closed; then remove what the other process would have removed, if it was killed."""
    parent = os.getppid()
    try:
        return main(arguments)
    except LatentlabError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    finally:
        if os.getppid() != parent:  # it was killed: one that ends by itself, or sees the window end, tidies up
            for path in arguments:
                if is_of_other_process(path):
                    shutil.rmtree(Path(path).parent, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
