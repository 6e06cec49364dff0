"""Processes and their descendants, read from /proc. Standard library only: the warden imports it too.

A process is known by its pid and its start time, so that a pid that was given out again is never taken for it.
"""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STAT_PARENT, _STAT_START = 1, 19  # fields after the command's name (proc(5): 4 and 22)
KILL_ROUND_S = 0.005  # wall time between two rounds of killing


@dataclass(frozen=True, slots=True)
class Process:
    """One process, beyond doubt."""

    pid: int
    started: int  # clock ticks after boot


def find(pid: int) -> Process | None:
    """Return the process that has this pid now; None when there is none, or it is a zombie."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in ("Z", "X") else Process(pid, int(fields[_STAT_START]))


def is_alive(process: Process) -> bool:
    """Return whether this very process still lives."""
    return find(process.pid) == process


def descendants(pid: int) -> list[Process]:
    """Return every descendant, zombies too. With a subreaper at the root none can slip out of it."""
    found: list[Process] = []
    waiting = _children(pid)
    while waiting:
        child = waiting.pop()
        waiting += _children(child)
        fields = _stat(child)
        if fields is not None:
            found.append(Process(child, int(fields[_STAT_START])))
    return found


def memory_bytes(processes: list[Process], limit_bytes: int) -> int:
    """Return what the processes hold in memory; above the limit, shared pages are counted once."""
    resident = sum(_resident(process.pid) for process in processes)
    if resident <= limit_bytes or len(processes) == 1:
        return resident
    return sum(_proportional(process.pid) for process in processes)


def kill(process: Process, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process, if it is still that one."""
    if is_alive(process):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)


def kill_tree(pid: int) -> list[Process]:
    """Send SIGKILL to every descendant; return those that were there. Called again until none is."""
    found = descendants(pid)
    for process in found:
        kill(process, signal.SIGSTOP)  # first stop all: who is stopped starts no other
    for process in found:
        kill(process)
    return found


def marked(mark: bytes) -> list[Process]:
    """Return the processes of this machine, save our own, whose environment at start held this text."""
    found = []
    for pid in _pids():
        if pid == os.getpid():
            continue
        with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            process = find(pid) if mark in file.read() else None
            if process is not None:
                found.append(process)
    return found


def pause(delay_s: float) -> None:
    """Wait for a moment of wall time."""
    select.select([], [], [], delay_s)


def _pids() -> Iterator[int]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    yield from (int(name) for name in names if name.isdecimal())


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    except FileNotFoundError:
        if not os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children"):
            return [child for child in _pids() if _parent(child) == pid]
    except (OSError, ValueError):
        pass
    return found


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None else int(fields[_STAT_PARENT])


def _stat(pid: int) -> list[str] | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except OSError:
        return _resident(pid)
