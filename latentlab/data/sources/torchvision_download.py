"""Download one torchvision set: ``python -m latentlab.data.sources.torchvision_download NAME SPLIT FOLDER``.

A process of its own, so that Cancel can end it wherever it is: in a name look-up, a transfer or an archive.
The last line on stderr says what failed.
"""

from __future__ import annotations

import sys

from latentlab.data.sources.torchvision_sets import construct, torchvision_datasets


def main(name: str, split: str, folder: str) -> int:
    """Download; 0, or 1 after saying why not."""
    try:
        construct(torchvision_datasets(), name, split, folder, download=True)
    except Exception as error:  # whatever it is, one line goes to the process that asked
        reason = " ".join(str(error).split()) or type(error).__name__
        sys.stderr.write(f"\n{reason[:500]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
