r"""Whether the text of a settings file may be given to Qt, which rebuilds objects of any class from some values.

A value, or an element of a list, that begins with ``@Name(`` is such an object: a picture, for instance, that unpacks
to gigabytes. Qt looks for that after it has read quotes and escapes (``\x40`` is ``@``), so both are read here, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Without one of these there is no object: an @ that is not one of those of settings, or an escape of one.
_MAY_HOLD_OBJECT = re.compile(rb"@(?!ByteArray\(|Invalid\(|@)|\\x[0-9A-Fa-f]*40|\\[0-7]*100")
_OBJECT = re.compile(r"@(?!ByteArray\(|Invalid\(|@)\w+\(")
_TOKEN = re.compile(r'\\x([0-9A-Fa-f]+)|\\([0-7]+)|\\(.)|(")|([^\\",\s]+|.)', re.DOTALL)
_LARGEST_CHARACTER = 0xFFFF


def is_without_objects(content: bytes) -> bool:
    """Whether no value is an object other than bytes; also ``False`` for lines that Qt never writes.

    Examples
    --------
    >>> is_without_objects(b"recent=/a, @Point(1 2)"), is_without_objects(b'recent="/a, @Point(1 2)"')
    (False, True)
    """
    if b"\0" in content:
        return False
    if _MAY_HOLD_OBJECT.search(content) is None:
        return True
    lines = re.split(r"[\r\n]+", content.decode("latin-1"))
    try:
        return not any(_OBJECT.match(element) for line in lines for element in _elements(line.partition("=")[2]))
    except ValueError:
        return False


def _elements(value: str) -> Iterator[str]:
    """The elements of a value as Qt reads them; raises ``ValueError`` for a quote or an escape that the line ends."""
    element, is_quoted = "", False
    for token in _TOKEN.finditer(value):
        hexadecimal, octal, escaped, quote, text = token.groups()
        if quote:
            is_quoted = not is_quoted
        elif text == "," and not is_quoted:
            yield element
            element = ""
        elif text == "\\":
            raise ValueError("the line goes on in the next one")
        elif hexadecimal or octal:
            element += chr((int(hexadecimal, 16) if hexadecimal else int(octal, 8)) & _LARGEST_CHARACTER)
        elif escaped or is_quoted or element or not text.isspace():
            element += escaped or text
    if is_quoted:
        raise ValueError("the quote goes on in the next line")
    yield element
