"""Where the sources of a session are: relative to its file, as they were, or where a folder was moved (no Qt)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from latentlab.errors import LatentlabError
from latentlab.storage.session_file import SessionFile
from latentlab.storage.session_parts import KeptPlaces
from latentlab.utils.file_formats import array_in_file
from latentlab.utils.source_names import NAMED, SEPARATOR, expand, parts_of

_FIELDS = ("model", "dataset", "run_folder", "compared")
_LONGEST = 1 << 14  # characters of a relative source


@dataclass(frozen=True)
class MissingSource:
    """A source of a session that is not where the session says.

    Attributes
    ----------
    field
        ``model`` or ``dataset``.
    path
        The file or folder that is not there.
    """

    field: str
    path: str


@dataclass(frozen=True)
class Move:
    """A folder that is now elsewhere."""

    old: str
    new: str

    @classmethod
    def of(cls, old: str, new: str) -> Move:
        """The move of the folder that two paths of the same thing have not in common at their ends.

        Examples
        --------
        >>> Move.of("/a/photos/train", "/b/c/photos/train")
        Move(old='/a', new='/b/c')
        """
        old_parts, new_parts = list(_pure(old).parts), list(PurePath(new).parts)
        while len(old_parts) > 1 and len(new_parts) > 1 and old_parts[-1] == new_parts[-1]:
            old_parts.pop()
            new_parts.pop()
        return cls(str(type(_pure(old))(*old_parts)), str(PurePath(*new_parts)))

    def applied(self, path: str) -> str:
        """Where a path is after the move; empty if it was not in the folder.

        Examples
        --------
        >>> Move("/a", "/b/c").applied("/a/models/m.safetensors"), Move("/a", "/b").applied("/other")
        ('/b/c/models/m.safetensors', '')
        """
        pure = _pure(path)
        try:
            rest = pure.relative_to(self.old)
        except ValueError:
            return ""
        return str(PurePath(self.new, *rest.parts))


def _pure(path: str) -> PurePath:
    """A path of this system, or of the other one: a session may come from there."""
    return PureWindowsPath(path) if "\\" in path[:3] or path[1:2] == ":" else PurePosixPath(path)


def sources_of(session: SessionFile) -> dict[str, str]:
    """The source in each field that has one."""
    compared = "" if session.compared is None else session.compared.source
    values = {
        "model": session.model,
        "dataset": session.dataset,
        "run_folder": session.run_folder,
        "compared": compared,
    }
    return {name: value for name, value in values.items() if value}


def with_places(session: SessionFile, folder: Path) -> SessionFile:
    """The session as it is written into a folder: with the paths seen from there, where there are any."""
    base = os.path.abspath(folder)
    places = {name: _relative(source, base) for name, source in sources_of(session).items()}
    return session.model_copy(update={"relative": KeptPlaces().model_copy(update=places)})


def _relative(source: str, base: str) -> str:
    parts = []
    for part in parts_of(source):
        if part.startswith(NAMED):
            parts.append(part)
            continue
        try:
            parts.append(PurePath(os.path.relpath(part, base)).as_posix())
        except ValueError:  # on another drive
            return ""
    joined = SEPARATOR.join(parts)
    return joined if len(joined) <= _LONGEST else ""


def located(
    session: SessionFile, folder: Path, moves: Iterable[Move] = ()
) -> tuple[SessionFile, tuple[MissingSource, ...]]:
    """The session with absolute sources that exist.

    Each path is looked for where it is seen from the session's folder, then where it was, then where a folder above it
    was moved to.

    Parameters
    ----------
    session, folder
        A session and the folder of its file.
    moves
        Folders that are known to be elsewhere.

    Returns
    -------
    session, missing
        The session, and what was not found of its model and images: these keep their old path.
    """
    base, moves = os.path.abspath(folder), tuple(moves)
    found: dict[str, str] = {}
    missing: list[MissingSource] = []
    for name, source in sources_of(session).items():
        parts, absent = _located(source, getattr(session.relative, name), base, moves)
        found[name] = SEPARATOR.join(parts) if len(parts) > 1 else parts[0]
        if absent and name in ("model", "dataset"):
            missing.append(MissingSource(name, absent))
    return _with_sources(session, found), tuple(missing)


def without(session: SessionFile, field: str) -> SessionFile:
    """The session without its model or its images."""
    return session.model_copy(update={field: ""})


def _located(source: str, relative: str, base: str, moves: tuple[Move, ...]) -> tuple[list[str], str]:
    """The parts of a source where they exist, and the first one that does not."""
    parts = source.split(SEPARATOR) if SEPARATOR in source and not os.path.exists(source) else [source]
    near = relative.split(SEPARATOR) if len(parts) > 1 else [relative]
    if len(near) != len(parts):
        near = [""] * len(parts)
    found, absent = [], ""
    for part, beside in zip(parts, near, strict=True):
        if part.startswith(NAMED):
            found.append(part)
            continue
        candidates = [os.path.normpath(os.path.join(base, each)) for each in (beside, part) if each]
        candidates += filter(None, (move.applied(part) for move in moves))
        at = next((each for each in candidates if exists(each)), "")
        absent = absent or ("" if at else part)
        found.append(at or part)
    return found, absent


def exists(part: str) -> bool:
    """Whether the files of one part of a source are there; a name such as ``demo:shapes`` always is."""
    if part.startswith(NAMED):
        return True
    try:
        return all(os.path.exists(array_in_file(path)[0]) for path in expand(part))
    except (ValueError, OSError, LatentlabError):  # a zero byte, or braces that stand for too many files
        return False


def _with_sources(session: SessionFile, found: dict[str, str]) -> SessionFile:
    """The session with other sources; what its Board has of them is of the new ones."""
    changes: dict[str, object] = {name: found[name] for name in found if name != "compared"}
    if session.compared is not None and "compared" in found:
        changes["compared"] = session.compared.model_copy(update={"source": found["compared"]})
    old, new = session.model, found.get("model", session.model)
    if new != old:
        changes["board"] = tuple(
            item.model_copy(update={"model": new}) if item.model == old else item for item in session.board
        )
    return session.model_copy(update=changes)
