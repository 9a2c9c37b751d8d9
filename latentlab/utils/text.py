"""Numbers in texts."""

from __future__ import annotations

from collections.abc import Mapping

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


def left_out_summary(counts: Mapping[str, int], example: str = "") -> str:
    """How much of a source is not in the dataset.

    Parameters
    ----------
    counts
        Number of parts left out of each kind: ``"file"``, ``"frame"`` and so on; ``"other file"`` counts files without
        the name of an image.
    example
        One of them with its reason.

    Examples
    --------
    >>> left_out_summary({"file": 2, "frame": 19}), left_out_summary({"file": 1, "other file": 3})
    ('2 files and 19 frames left out', '1 file left out and 3 other files')
    >>> left_out_summary({"file": 2}, "a.png: empty file"), left_out_summary({"other file": 1})
    ('2 files left out (a.png: empty file; …)', '1 other file')
    """
    lost = [pluralize(count, kind) for kind, count in counts.items() if count and kind != "other file"]
    lists = [part for part in (", ".join(lost[:-1]), *lost[-1:]) if part]
    parts = [f"{' and '.join(lists)} left out"] if lost else []
    if counts.get("other file"):
        parts.append(pluralize(counts["other file"], "other file"))
    more = "; …" if sum(counts.values()) > 1 else ""
    return " and ".join(parts) + (f" ({example}{more})" if example and parts else "")


def format_epoch(epoch: float, total: int = 0) -> str:
    """How far a run has come, as it is written everywhere in the window.

    Parameters
    ----------
    epoch
        Completed epochs; a fraction within an epoch.
    total
        Epochs of the whole run; 0 leaves them out.

    Examples
    --------
    >>> format_epoch(3), format_epoch(2.45, 20), format_epoch(12.0, 20)
    ('epoch 3', 'epoch 2.5 of 20', 'epoch 12 of 20')
    """
    text = f"epoch {epoch:,.1f}".removesuffix(".0")
    return f"{text} of {total:,}" if total else text


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
