"""Finding a name by a few of its letters."""

from __future__ import annotations

_START, _NEXT, _WORD = 12, 8, 6  # for a letter that begins the name, follows the one before, or begins a word


def fuzzy_match(query: str, text: str) -> tuple[float, tuple[int, ...]] | None:
    """How well letters match a text in which they occur in this order, and where.

    Parameters
    ----------
    query
        What was typed. Capitals and spaces do not count; the letters of each word must occur in order, the words in
        any order.
    text
        What it may stand for.

    Returns
    -------
    tuple of float and tuple of int, or None
        A score, higher for letters that begin words or follow each other and for shorter texts, and the positions of
        the letters in ``text``, rising. ``None`` if they do not occur.

    Examples
    --------
    >>> fuzzy_match("tl", "Train · Log") is not None, fuzzy_match("lx", "Log")
    (True, None)
    >>> fuzzy_match("run", "Open run…")[1]
    (5, 6, 7)
    """
    score, positions, lower = 0.0, set[int](), text.lower()
    if len(lower) != len(text):  # a letter whose small form has two: positions would be wrong
        lower = text
    for word in query.lower().split():
        found = _best(word, lower)
        if found is None:
            return None
        score += found[0]
        positions.update(found[1])
    return score - 0.1 * len(text), tuple(sorted(positions))


def _best(word: str, text: str) -> tuple[float, list[int]] | None:
    """The best of the matches that begin at each occurrence of the first letter."""
    best: tuple[float, list[int]] | None = None
    start = text.find(word[0])
    while start >= 0:
        for prefers_words in (True, False):
            found = _match_from(word, text, start, prefers_words)
            if found is not None and (best is None or found[0] > best[0]):
                best = found
        start = text.find(word[0], start + 1)
    return best


def _match_from(word: str, text: str, start: int, prefers_words: bool) -> tuple[float, list[int]] | None:
    score, positions, at = 0.0, list[int](), start
    for letter in word:
        after = positions[-1] + 1 if positions else at
        found = text.find(letter, after)
        if found < 0:
            return None
        if prefers_words and positions and found != after:
            word_start = _word_start(letter, text, after)
            found = found if word_start < 0 else word_start
        positions.append(found)
        if found == 0:
            score += _START
        elif len(positions) > 1 and found == positions[-2] + 1:
            score += _NEXT
        elif not text[found - 1].isalnum():
            score += _WORD
        score -= 0.2 * (found - after)
    return score, positions


def _word_start(letter: str, text: str, after: int) -> int:
    """Where a word begins with a letter, at ``after`` or later; −1 if none does."""
    at = text.find(letter, after)
    while at > 0 and text[at - 1].isalnum():
        at = text.find(letter, at + 1)
    return at
