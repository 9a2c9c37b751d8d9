"""Numbers in texts."""

from __future__ import annotations

MINUS = "−"
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def pluralize(count: int, singular: str, plural: str = "") -> str:
    """A number with its noun.

    Parameters
    ----------
    count
        How many.
    singular, plural
        The noun; its plural is ``singular`` with an s by default.

    Examples
    --------
    >>> pluralize(1, "image"), pluralize(1200, "image"), pluralize(0, "class", "classes")
    ('1 image', '1,200 images', '0 classes')
    """
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def skipped_summary(skipped: int, others: int) -> str:
    """How many files are not in a dataset.

    Parameters
    ----------
    skipped
        Number of these files.
    others
        How many of them do not have the name of an image.

    Examples
    --------
    >>> skipped_summary(5, 0), skipped_summary(5, 3), skipped_summary(1, 1)
    ('5 files skipped', '2 files skipped and 3 other files', '1 other file')
    """
    broken = [f"{pluralize(skipped - others, 'file')} skipped"] if skipped > others else []
    return " and ".join([*broken, *([pluralize(others, "other file")] if others else [])])


def subscript(number: int) -> str:
    """A number in subscript digits.

    Examples
    --------
    >>> subscript(12)
    '₁₂'
    """
    return str(number).translate(_SUBSCRIPTS)


def format_number(value: float, form: str) -> str:
    """A number in a format specification, with a true minus sign, and without one before a rounded 0.

    Examples
    --------
    >>> format_number(-175.84, ".1f"), format_number(-0.001, ".2f"), format_number(-2e-7, ".3g")
    ('−175.8', '0.00', '−2e−07')
    """
    text = f"{value:{form}}"
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.replace("-", MINUS)
