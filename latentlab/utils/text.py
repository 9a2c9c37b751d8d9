"""Numbers in sentences."""

from __future__ import annotations


def pluralize(count: int, noun: str, nouns: str = "") -> str:
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


def skipped_summary(skipped: int, others: int) -> str:
    """Say how many files are not in a dataset.

    Parameters
    ----------
    skipped
        How many in all.
    others
        How many of them are no images by their names.

    Examples
    --------
    >>> left_out(5, 0), left_out(5, 3), left_out(1, 1)
    ('5 files skipped', '2 files skipped and 3 other files', '1 other file')
    """
    broken = [f"{pluralize(skipped - others, 'file')} skipped"] if skipped > others else []
    return " and ".join([*broken, *([pluralize(others, "other file")] if others else [])])
