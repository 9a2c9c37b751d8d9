from __future__ import annotations

from latentlab.utils.text import counted


def test_one_has_no_plural():
    assert counted(1, "image") == "1 image"
    assert counted(0, "image") == "0 images"
    assert counted(1200, "class", "classes") == "1,200 classes"
