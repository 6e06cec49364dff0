"""Ends the processes of attempts whose node is gone, and of attempts whose warden is."""

import json
import logging
import signal
from pathlib import Path

from node.adapters import proc_tree
from node.adapters.proc_tree import Process
from node.adapters.warden import PID_FILE

WARDEN_ROUNDS = 60  # of ROUND_S: what a warden gets to end its job by itself
KILL_ROUNDS = 100  # and what is then left gets SIGKILL
ROUND_S = 0.05  # wall time

_log = logging.getLogger(__name__)


def end_all(jobs_dir: Path) -> int:
    """End every process of every attempt under a jobs directory; return how many there were, wardens not counted.

    Wardens end their jobs by themselves when the node dies; so most often there is nothing to do but to wait.
    """
    wardens = [warden for path in sorted(jobs_dir.glob(f"*/attempts/*/{PID_FILE}")) if (warden := _warden(path))]
    mark = mark_of(jobs_dir)
    trees = [process for warden in wardens for process in proc_tree.descendants(warden.pid)]
    left = dict.fromkeys([*trees, *proc_tree.marked(mark)])
    for warden in wardens:
        proc_tree.kill(warden, signal.SIGUSR1)
    for _ in range(WARDEN_ROUNDS):
        wardens = [warden for warden in wardens if proc_tree.is_alive(warden)]
        if not wardens:
            break
        proc_tree.pause(ROUND_S)
    for warden in wardens:
        left |= dict.fromkeys(proc_tree.kill_tree(warden.pid))
        proc_tree.kill(warden)
    left |= dict.fromkeys(end_marked(mark))
    for path in jobs_dir.glob(f"*/attempts/*/{PID_FILE}"):
        path.unlink(missing_ok=True)
    return len(left)


def end_marked(mark: bytes) -> list[Process]:
    """Kill whatever started with this mark in its environment, until nothing is left; return what was there."""
    ended: dict[Process, None] = {}
    for _ in range(KILL_ROUNDS):
        found = proc_tree.marked(mark)
        if not found:
            return list(ended)
        ended |= dict.fromkeys(found)
        for process in found:
            proc_tree.kill(process)
        proc_tree.pause(ROUND_S)
    _log.error("processes of jobs do not end: %s", [process.pid for process in ended])
    return list(ended)


def mark_of(path: Path) -> bytes:
    """Return what the environment of every process of an attempt (or of all) under this directory holds."""
    return b"DAWNLINE_OUTPUT_DIR=" + str(path).encode() + b"/"


def _warden(path: Path) -> Process | None:
    """Return the warden that wrote this file, if it still lives."""
    try:
        match json.loads(path.read_text(encoding="ascii")):
            case [int(pid), int(started)]:
                warden = Process(pid, started)
                return warden if proc_tree.is_alive(warden) else None
    except (OSError, ValueError):
        pass
    return None
