"""Text from outside: names of files, classes and runs, and messages that quote them.

Such text may contain anything: control characters that a terminal obeys, marks that reverse the order of letters, bytes
that are no characters, a megabyte. Here it becomes text that can be shown as it is, and cells that a spreadsheet does
not take for a formula.
"""

from __future__ import annotations

import re

NAME = 120
"""Default length of a name inside a sentence."""
LINE = 500
"""Default length of a line."""
TEXT = 4000
"""Default length of several lines."""
CUT = "…"

# Control characters, invisible format characters, line separators and lone surrogates. The joiners U+200C and U+200D
# are letters' and emojis' own and stay.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# OWASP's list of what a spreadsheet takes for the start of a formula, with the wide forms.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")


def as_line(text: str, limit: int = LINE) -> str:
    r"""Text as one visible line: hidden characters as escapes, the middle cut out if it is longer than ``limit``.

    Parameters
    ----------
    text
        Any text, of any length; of a long one only ``limit`` characters are looked at.
    limit
        Greatest length of the result, at least 3.

    Examples
    --------
    >>> as_line("two\nlines"), as_line("\x1b[31mred"), as_line("a\u202eb"), as_line("abcdefgh", 5)
    ('two\\nlines', '\\x1b[31mred', 'a\\u202eb', 'ab…gh')
    """
    if len(text) <= limit and text.isprintable():
        return text
    return _cut(_HIDDEN.sub(_escape, _cut(text, limit)), limit)


def as_text(text: str, limit: int = TEXT, line: int = LINE) -> str:
    r"""Text as visible lines: as `as_line`, but with its line breaks.

    Parameters
    ----------
    text
        Any text, of any length.
    limit
        Greatest length of the result.
    line
        Greatest length of each of its lines.

    Examples
    --------
    >>> as_text("two\r\nlines\x07")
    'two\nlines\\x07'
    """
    if len(text) <= min(limit, line) and text.isprintable():
        return text
    lines = _cut(text, limit).replace("\r\n", "\n").expandtabs(4).split("\n")
    return _cut("\n".join(as_line(each, line) for each in lines), limit)


def quote_cell(text: str) -> str:
    """A text as a spreadsheet's cell: with an apostrophe before it if it would be taken for a formula.

    `unquote_cell` gives the text back.

    Examples
    --------
    >>> quote_cell("=1+1"), quote_cell("cat"), quote_cell("'=")
    ("'=1+1", 'cat', "''=")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unquote_cell(text: str) -> str:
    """The text of a cell that `quote_cell` wrote.

    Examples
    --------
    >>> unquote_cell("'=1+1"), unquote_cell("'quoted'")
    ('=1+1', "'quoted'")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    end = (limit - 1) // 2
    return f"{text[: limit - 1 - end]}{CUT}{text[len(text) - end :]}"


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
