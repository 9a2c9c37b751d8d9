"""How much memory a process may still take: limits on what a file may ask for follow it (no Qt, no torch)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import resource

_UNKNOWN = 4 << 30  # assumed where the system does not say
_UNITS = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


def available_bytes(root: Path = Path("/")) -> int:
    """Memory that this process may still take, in bytes.

    The least of what the system has free or can free, what the process's control groups leave (containers, batch
    systems), and what its own limit of address space leaves (``ulimit -v``).

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are mounted.
    """
    amounts = [
        amount for amount in (_of_system(root), *_of_control_groups(root), _of_limit(root)) if amount is not None
    ]
    return max(0, min(amounts, default=_UNKNOWN))


def format_bytes(count: float) -> str:
    """A number of bytes for the user, in powers of 1024.

    Examples
    --------
    >>> format_bytes(300), format_bytes(3 << 20), format_bytes(1.5 * 2**30)
    ('300 bytes', '3.0 MB', '1.5 GB')
    """
    for size, unit in _UNITS:
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:.0f} bytes"


def _of_system(root: Path) -> int | None:
    """What the system can hand out without swapping; half of its memory where only the total is known."""
    if sys.platform == "win32":
        return _of_windows()
    for line in _lines(root / "proc" / "meminfo"):
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (ValueError, OSError):
        return None


def _of_control_groups(root: Path) -> list[int]:
    """What each control group around the process leaves; a group inside a group is limited by both."""
    left = []
    for line in _lines(root / "proc" / "self" / "cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if not controllers:  # version 2
            files = ("memory.max", "memory.current", "inactive_file")
            mount = root / "sys" / "fs" / "cgroup"
        elif "memory" in controllers.split(","):
            files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            mount = root / "sys" / "fs" / "cgroup" / "memory"
        else:
            continue
        group = mount / name.strip().lstrip("/")
        # A container sees its own group as the root, whatever its name is outside.
        for folder in (group, *group.parents):
            if not folder.is_relative_to(mount):
                break
            left += _left_in(folder, *files)
    return left


def _left_in(folder: Path, limit_file: str, used_file: str, cache_name: str) -> list[int]:
    try:
        limit = int((folder / limit_file).read_text())
        used = int((folder / used_file).read_text())
    except (OSError, ValueError):  # no such group, or "max": no limit
        return []
    # Cached files count as used, and are dropped when the memory is needed.
    cached = (line.split()[1] for line in _lines(folder / "memory.stat") if line.split()[:1] == [cache_name])
    return [limit - used + int(next(cached, "0"))]


def _of_limit(root: Path) -> int | None:
    """What the limit of the process's address space leaves; ``None`` without a limit."""
    if sys.platform == "win32":
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    pages = next(iter(_lines(root / "proc" / "self" / "statm")), "0").split()[0]
    return limit - int(pages) * os.sysconf("SC_PAGE_SIZE")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _of_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        # https://learn.microsoft.com/windows/win32/api/sysinfoapi/ns-sysinfoapi-memorystatusex
        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *((name, ctypes.c_uint64) for name in ("total", "free", "total_page", "free_page", "space", "free_space")),
            ("extended", ctypes.c_uint64),
        )

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.WinDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined]
        return None
    return int(status.free)
