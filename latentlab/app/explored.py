"""The window of a model that another process has: ``python -m latentlab.app.explored DESCRIPTION [IMAGES]``.

Started by :mod:`latentlab.foreign.explore`; not meant to be started by a user.
"""

from __future__ import annotations

import sys

from latentlab.app.launch import main
from latentlab.errors import LatentlabError

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LatentlabError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
