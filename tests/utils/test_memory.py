"""The memory that a process may still take, as the system and its control groups say it."""

import resource

import pytest

from latentlab.utils.memory import available_bytes, format_bytes

V2 = ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file", "0::/outer/inner")
V1 = (
    "sys/fs/cgroup/memory",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file",
    "4:memory:/outer/inner",
)


@pytest.fixture
def machine(tmp_path):
    """A machine with 900 kB of available memory, without control groups."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 4000 kB\nMemFree: 9 kB\nMemAvailable: 900 kB\n")
    return tmp_path


def test_the_system_says_what_is_available(machine):
    assert available_bytes(machine) == 900 << 10
    assert available_bytes() > 1 << 20


@pytest.mark.parametrize(("mount", "limit", "used", "cache", "group"), [V2, V1])
@pytest.mark.parametrize("limited", ["", "outer", "outer/inner"])
def test_a_control_group_or_one_around_it_leaves_less(machine, mount, limit, used, cache, group, limited):
    (machine / "proc" / "self" / "cgroup").write_text(f"9:cpu:/elsewhere\n{group}\n")
    inner = machine / mount / "outer" / "inner"
    inner.mkdir(parents=True)
    (inner / limit).write_text("max\n")
    (machine / mount / limited / limit).write_text("500000\n")
    (machine / mount / limited / used).write_text("450000\n")
    assert available_bytes(machine) == 50_000
    (machine / mount / limited / "memory.stat").write_text(f"anon 7\n{cache} 20000\n")
    assert available_bytes(machine) == 70_000
    (machine / mount / limited / used).write_text("600000\n")
    assert available_bytes(machine) == 0


def test_the_limit_of_the_address_space_counts(machine, monkeypatch):
    (machine / "proc" / "self" / "statm").write_text("100 9 9\n")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (100 * resource.getpagesize() + 1234, -1))
    assert available_bytes(machine) == 1234


def test_bytes_are_written_for_the_user():
    assert format_bytes(1023) == "1023 bytes"
    assert format_bytes(5 << 40) == "5.0 TB"
