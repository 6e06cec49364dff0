"""The warden of one attempt: a small process between the node and a job, which outlives neither.

It starts the command in its sandbox, watches everything that descends from it, ends all of it at a limit, at the
node's word, or when the node is gone, and then says on its report pipe how it went: one JSON object per line,
`started` first, `exit_code`, `limit` and `detail` last. Standard library only; it runs in a bare interpreter.

The node's words are signals: SIGTERM to preempt, SIGUSR1 to kill. The end of standard input, or SIGHUP, means that
the node is gone. Time is kept by the kernel's interval timer.
"""

import json
import os
import resource
import select
import signal
import stat
import sys
from contextlib import suppress
from typing import Any

from node.adapters import proc_tree
from node.adapters.sandbox import PROCESSES_MAX, Grant, Limits, become_subreaper, confine

POLL_S = 0.25  # wall time between two looks at memory, disk and processes
POLL_BUSY_S = 0.02  # the same once there are many processes: a fork bomb doubles fast
BUSY_PROCESSES = 6
ENTRIES_MAX = 20_000  # files and directories of one attempt
PID_FILE = "warden.pid"

_HEARD = (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD)
_KIB = 1024
_MIB = 1024 * 1024
_BLOCK_BYTES = 512  # unit of st_blocks, whatever the file system


class Warden:
    """Watches one attempt."""

    def __init__(self, config: dict[str, Any], report_fd: int) -> None:
        self._config = config
        self._report_fd = report_fd
        os.set_inheritable(report_fd, False)  # the job must not speak for us
        self._limits = Limits(config["memory_mb"] * _MIB, config["disk_mb"] * _MIB, config["time_limit_s"])
        self._job = 0
        self._status: int | None = None  # of the command, as waitpid gave it
        self._stopping = False
        self._killed = False
        self._limit: str | None = None
        self._wakeup, wakeup_end = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(wakeup_end, False)
        signal.set_wakeup_fd(wakeup_end)
        for number in _HEARD:
            signal.signal(number, _nothing)

    def run(self) -> None:
        """Start the command, stay until nothing of it is left, report."""
        become_subreaper(signal.SIGHUP)
        self._write_pid()
        if os.getppid() != self._config["node_pid"]:
            return  # the node was gone before we could be told
        failure = self._start()
        if failure:
            self._say(exit_code=None, limit="START_FAILED", detail=failure)
            return
        self._say(started=True)
        signal.setitimer(signal.ITIMER_REAL, self._limits.time_s)
        count = 1
        while self._status is None and not self._killed:
            self._listen(POLL_BUSY_S if count > BUSY_PROCESSES else POLL_S)
            self._reap()
            if self._status is None and not self._killed:
                count = self._check()
        self._end_all()
        self._conclude()

    # --- start ---

    def _write_pid(self) -> None:
        me = proc_tree.find(os.getpid())
        text = json.dumps([os.getpid(), 0 if me is None else me.started])
        temporary = os.path.join(self._config["attempt_dir"], PID_FILE + ".tmp")
        with open(temporary, "w", encoding="ascii") as file:
            file.write(text)
        os.replace(temporary, os.path.join(self._config["attempt_dir"], PID_FILE))

    def _start(self) -> str:
        """Fork and execute; return what went wrong, empty when the command runs."""
        failure_end, child_end = os.pipe()
        self._job = os.fork()
        if self._job == 0:
            _become_job(self._config, self._limits, child_end)
        os.close(child_end)
        with os.fdopen(failure_end, "rb") as pipe:
            failure = pipe.read().decode(errors="replace")
        if failure:
            os.waitpid(self._job, 0)
        return failure

    # --- watch ---

    def _listen(self, delay_s: float) -> None:
        readable = select.select([self._wakeup, sys.stdin], [], [], delay_s)[0]
        if sys.stdin in readable and not os.read(sys.stdin.fileno(), 4096):
            self._kill(None)
        if self._wakeup in readable:
            for number in os.read(self._wakeup, 4096):
                self._hear(number)

    def _hear(self, number: int) -> None:
        if number == signal.SIGTERM and not self._stopping:
            self._stopping = True
            signal.setitimer(signal.ITIMER_REAL, max(self._config["grace_s"], 0.001))
            with suppress(ProcessLookupError):
                os.killpg(self._job, signal.SIGTERM)
        elif number == signal.SIGALRM:
            self._kill("GRACE_EXCEEDED" if self._stopping else "TIME_LIMIT")
        elif number in (signal.SIGUSR1, signal.SIGHUP):
            self._kill(None)

    def _check(self) -> int:
        """Compare with the limits; return how many processes there are."""
        processes = proc_tree.descendants(os.getpid())
        if len(processes) > PROCESSES_MAX:
            self._kill("PROCESS_LIMIT")
        elif proc_tree.memory_bytes(processes, self._limits.memory_bytes) > self._limits.memory_bytes:
            self._kill("MEMORY_LIMIT")
        elif self._over_disk():
            self._kill("DISK_LIMIT")
        return len(processes)

    def _over_disk(self) -> bool:
        return is_over(self._config["write_dirs"], self._limits.disk_bytes)

    def _kill(self, limit: str | None) -> None:
        if not self._killed:
            self._killed, self._limit = True, limit

    # --- end ---

    def _reap(self) -> bool:
        """Take in who has died; return whether a child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._job:
                self._status = status

    def _end_all(self) -> None:
        """Kill until no descendant is left. The group first: that is one stroke, however fast it forks."""
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        while True:
            if self._status is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._job, signal.SIGKILL)
            left = proc_tree.kill_tree(os.getpid())
            if not self._reap() and not left:
                return
            proc_tree.pause(proc_tree.KILL_ROUND_S)

    def _conclude(self) -> None:
        detail = ""
        status = self._status
        exit_code = None if status is None or self._killed else os.waitstatus_to_exitcode(status)
        if exit_code is not None and exit_code < 0:
            detail = f"ended by signal {-exit_code}"
            exit_code = 128 - exit_code
        peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _KIB
        if self._limit is None and exit_code not in (None, 0, 75) and peak_bytes > self._limits.memory_bytes:
            self._limit = "MEMORY_LIMIT"
        if self._limit is None and exit_code is not None and self._over_disk():
            self._limit = "DISK_LIMIT"
        if self._limit is not None:
            exit_code = None
        self._say(exit_code=exit_code, limit=self._limit, detail=detail)

    def _say(self, **words: object) -> None:
        with suppress(OSError):  # the node is gone: nobody listens, and the end is the same
            os.write(self._report_fd, json.dumps(words).encode() + b"\n")


def is_over(directories: list[str], limit_bytes: int) -> bool:
    """Return whether directories together are over a limit, in bytes or in entries."""
    total = entries = 0
    waiting = list(directories)
    while waiting:
        try:
            found = list(os.scandir(waiting.pop()))
        except OSError:  # gone since, or closed to us by the job
            continue
        entries += len(found)
        for entry in found:
            with suppress(OSError):
                about = entry.stat(follow_symlinks=False)
                total += max(about.st_size, about.st_blocks * _BLOCK_BYTES) if not stat.S_ISDIR(about.st_mode) else 0
                if stat.S_ISDIR(about.st_mode):
                    waiting.append(entry.path)
        if total > limit_bytes or entries > ENTRIES_MAX:
            return True
    return False


def _become_job(config: dict[str, Any], limits: Limits, failure_fd: int) -> None:
    """Turn this forked process into the job's command, or write why not and end."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (*_HEARD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(config["input_dir"])
        grant = Grant((config["input_dir"], *config["run_paths"]), tuple(config["write_dirs"]))
        confine(grant, limits, config["landlock_abi"], signal.SIGKILL)
        command = config["command"]
        os.execvpe(command[0], command, config["environment"])
    except (OSError, ValueError) as error:
        os.write(failure_fd, f"{config['command'][0]}: {error}".encode()[:1000])
    finally:
        os._exit(127)


def _nothing(*_: object) -> None:
    """Take a signal: what counts is that the wake-up pipe has it."""


def main(arguments: list[str]) -> None:
    """Run: the configuration's path, then the number of the report pipe."""
    with open(arguments[0], encoding="utf-8") as file:
        config = json.load(file)
    Warden(config, int(arguments[1])).run()
