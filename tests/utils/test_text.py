from __future__ import annotations

from latentlab.utils.text import pluralize


def test_one_has_no_plural():
    assert pluralize(1, "image") == "1 image"
    assert pluralize(0, "image") == "0 images"
    assert pluralize(1200, "class", "classes") == "1,200 classes"
