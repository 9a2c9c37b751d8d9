"""Ways to lay points of many dimensions out in two, and the packages that they need."""

from __future__ import annotations

from typing import Literal, NamedTuple

Method = Literal["flat", "tsne", "umap"]
FEWEST_POINTS = 8
"""Points that a layout needs."""


class Layouter(NamedTuple):
    """What computes a layout: its title, the module to import, and its package."""

    title: str
    module: str
    package: str


LAYOUTERS: dict[Method, Layouter] = {
    "flat": Layouter("PCA terrain", "numpy", "numpy"),
    "tsne": Layouter("t-SNE", "openTSNE", "openTSNE"),
    "umap": Layouter("UMAP", "umap", "umap-learn"),
}
"""By method: ``flat`` are the first two principal components. All other packages are in the extra ``embed``."""


def install_advice(package: str) -> str:
    """How to install the package, as the end of a sentence."""
    return f'{package}: pip install "latentlab[embed]"'
