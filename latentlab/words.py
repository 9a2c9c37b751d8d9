"""Numbers in sentences."""

from __future__ import annotations


def counted(count: int, noun: str, nouns: str = "") -> str:
    """A number with its noun.

    Parameters
    ----------
    count
        How many.
    noun, nouns
        Of one, and of another number: ``noun`` with an s unless said.

    Examples
    --------
    >>> counted(1, "image"), counted(1200, "image"), counted(0, "class", "classes")
    ('1 image', '1,200 images', '0 classes')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
