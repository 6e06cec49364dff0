"""The runner of real jobs: each attempt is a process tree under a warden, in a directory and a sandbox of its own.

This is an edge: it lives on a real event loop, reads pipes, and moves files in threads. What the apps see are the
Runner messages, in order, one RunnerExited for each start.
"""

import asyncio
import hashlib
import json
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from icd.jobs import EXIT_PREEMPTED, EndReason
from node.adapters import orphans, sandbox
from node.adapters.disk import is_full
from node.adapters.files import WritableFiles
from node.adapters.job_directory import JobDirectory, JobFilesError
from node.adapters.job_output import CheckpointDone, Lines, Log, Progress, word_of
from node.adapters.warden_launch import launch
from node.kernel.bus import BusMessage
from node.kernel.errors import StorageError, StorageFault
from node.messages import RunnerCheckpoint, RunnerCollected, RunnerExited, RunnerProgress, RunnerStarted
from node.ports.files import bundle_file, log_file, result_file
from node.ports.runner import JobStart
from runtime.timers import TimerHandle, Timers

CHUNK_BYTES = 64 * 1024  # read from a job's output at once
CHUNK_PAUSE_WALL_S = 0.05  # after a full chunk: at most 1.3 MB a second are read of a job
PROGRESS_WALL_S = 0.5  # between two progress messages of one job; the newest wins
DETAIL_MAX = 300  # characters of a reason

_MIB = 1024 * 1024


@dataclass(slots=True)
class _Attempt:
    order: JobStart
    directory: JobDirectory
    log: Log = field(default_factory=Log)
    process: asyncio.subprocess.Process | None = None
    started: bool = False
    wanted: Literal["run", "preempt", "kill"] = "run"
    progress: float | None = None  # not told yet
    progress_timer: TimerHandle | None = None
    outcome: dict[str, Any] | None = None
    note: str = ""
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def job_id(self) -> str:
        return self.order.spec.job_id


class ProcessRunner:
    """Implements node.ports.runner.Runner over operating-system processes."""

    def __init__(
        self,
        data_dir: Path,
        files: WritableFiles,
        timers: Timers,
        post: Callable[[BusMessage], object],
        policy: Literal["require", "prefer"],
    ) -> None:
        self._jobs_dir = data_dir.resolve() / "jobs"
        self._files = files
        self._timers = timers
        self._post = post
        self._policy = policy
        self._abi = sandbox.landlock_abi()
        self._attempts: dict[str, _Attempt] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._halted = False

    # --- node/ports/runner.py ---

    def start(self, order: JobStart) -> None:
        """Unpack the bundle into a directory of the attempt's own and run its command under the spec's limits."""
        job_id = order.spec.job_id
        earlier = self._attempts.get(job_id)
        if earlier is not None and earlier.wanted != "kill":
            refusal = RunnerExited(job_id, order.attempt, None, EndReason.START_FAILED, "an attempt still runs")
            self._spawn(self._refuse(refusal))
            return
        attempt = _Attempt(order, self._directory(job_id))
        self._attempts[job_id] = attempt
        self._spawn(self._run(attempt, earlier))

    def preempt(self, job_id: str) -> None:
        """Send SIGTERM; after the spec's grace (wall time), SIGKILL."""
        attempt = self._attempts.get(job_id)
        if attempt is not None and attempt.wanted == "run":
            attempt.wanted = "preempt"
            self._signal(attempt)

    def kill(self, job_id: str) -> None:
        """End the attempt now."""
        attempt = self._attempts.get(job_id)
        if attempt is not None and attempt.wanted != "kill":
            attempt.wanted = "kill"
            self._signal(attempt)

    def collect(self, job_id: str, attempt: int) -> None:
        """Pack and hash the output of an attempt that exited 0; RunnerCollected follows."""
        self._spawn(self._collect(job_id, attempt))

    def discard(self, job_id: str) -> None:
        """Remove everything the runner keeps of an ended job, and its bundle, save its result and log files."""
        if job_id not in self._attempts:
            self._files.remove(bundle_file(job_id))
            self._spawn(asyncio.to_thread(self._directory(job_id).discard))

    def end_orphans(self) -> int:
        """End whatever processes a dead predecessor left; return how many. Waits, at most some seconds.

        After a restart of the app alone the predecessor is ourselves: what we started is killed too.
        """
        for job_id in list(self._attempts):
            self.kill(job_id)
        return orphans.end_all(self._jobs_dir)

    def sandbox_level(self) -> str:
        """Return how jobs are confined here, such as `landlock-7` or `rlimits`."""
        return sandbox.level(self._abi)

    # --- for the composition ---

    @property
    def busy(self) -> bool:
        """Whether an attempt still runs."""
        return bool(self._attempts)

    def halt(self) -> None:
        """Say nothing more, and have every job ended: the node is about to be gone."""
        self._halted = True
        for job_id in list(self._attempts):
            self.kill(job_id)

    async def close(self) -> None:
        """End every attempt and wait until all is quiet."""
        for job_id in list(self._attempts):
            self.kill(job_id)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            # Since CPython 3.12 a gather of tasks that are done does not yield, and it is then that they are forgotten.
            await asyncio.sleep(0)

    # --- one attempt ---

    def _say(self, message: BusMessage) -> None:
        if not self._halted:
            self._post(message)

    async def _refuse(self, refusal: RunnerExited) -> None:
        self._say(refusal)

    async def _run(self, attempt: _Attempt, earlier: _Attempt | None) -> None:
        job_id, number = attempt.job_id, attempt.order.attempt
        exited = RunnerExited(job_id, number, None, EndReason.START_FAILED, "the runner failed: see the node's log")
        try:
            if earlier is not None:  # killed, and still on its way out
                await earlier.gone.wait()
            exited = await self._carry_out(attempt)
        except JobFilesError as error:
            exited = RunnerExited(job_id, number, None, error.reason, error.detail[:DETAIL_MAX])
        except (OSError, StorageError) as error:
            reason = _reason_of(error)
            exited = RunnerExited(job_id, number, None, reason, str(error)[:DETAIL_MAX])
        finally:
            if attempt.progress_timer is not None:
                attempt.progress_timer.cancel()
            if self._attempts.get(job_id) is attempt:
                del self._attempts[job_id]
            attempt.gone.set()
            self._keep_log(attempt)
            self._say(exited)

    async def _carry_out(self, attempt: _Attempt) -> RunnerExited:
        spec, number = attempt.order.spec, attempt.order.attempt
        if self._policy == "require" and self._abi == 0:
            detail = "this mission requires a sandbox and the kernel has no Landlock"
            return RunnerExited(spec.job_id, number, None, EndReason.START_FAILED, detail)
        about = self._files.stat(bundle_file(spec.job_id))
        if about is None or about[1] != spec.bundle_sha256:
            detail = "the bundle is not there" if about is None else "the bundle is not the one that was promised"
            return RunnerExited(spec.job_id, number, None, EndReason.BUNDLE_BAD, detail)
        bundle = self._files.read(bundle_file(spec.job_id), 0, about[0])
        path = await asyncio.to_thread(attempt.directory.prepare, number, bundle, attempt.order.checkpoint)
        if attempt.wanted != "run":
            code = EXIT_PREEMPTED if attempt.wanted == "preempt" else None
            return RunnerExited(spec.job_id, number, code, None, "ended before it began")
        await self._guard(attempt, path)
        return self._conclude(attempt)

    async def _guard(self, attempt: _Attempt, path: Path) -> None:
        """Run the warden and listen to it and to the job until both are gone."""
        process, report = await launch(attempt.order, path, self._abi)
        attempt.process = process
        await self._hear_report(attempt, report)
        assert process.stdout is not None
        assert process.stderr is not None
        await asyncio.gather(
            self._read_output(attempt, process.stdout),
            self._read_errors(attempt, process.stderr),
            self._outlive_warden(attempt, report, path),
        )
        await process.wait()

    async def _outlive_warden(self, attempt: _Attempt, report: asyncio.StreamReader, path: Path) -> None:
        """Take the warden's last word. Where it died without one, end what it leaves: else the pipes never close."""
        if attempt.outcome is None:
            await self._hear_report(attempt, report)
        if attempt.outcome is None:
            await asyncio.to_thread(orphans.end_marked, orphans.mark_of(path))

    async def _hear_report(self, attempt: _Attempt, report: asyncio.StreamReader) -> None:
        """Take the warden's next word."""
        try:
            words = json.loads(await report.readline())
        except ValueError:
            return
        if words.get("started"):
            attempt.started = True
            self._say(RunnerStarted(attempt.job_id, attempt.order.attempt))
            self._signal(attempt)
        else:
            attempt.outcome = words

    async def _read_output(self, attempt: _Attempt, stream: asyncio.StreamReader) -> None:
        lines = Lines()
        while chunk := await stream.read(CHUNK_BYTES):
            for line in lines.feed(chunk):
                await self._on_line(attempt, line)
            if len(chunk) >= CHUNK_BYTES // 2:
                await asyncio.sleep(CHUNK_PAUSE_WALL_S)
        for line in lines.rest():
            await self._on_line(attempt, line)

    async def _read_errors(self, attempt: _Attempt, stream: asyncio.StreamReader) -> None:
        lines = Lines()
        while chunk := await stream.read(CHUNK_BYTES):
            for line in lines.feed(chunk):
                attempt.log.add(line)
            if len(chunk) >= CHUNK_BYTES // 2:
                await asyncio.sleep(CHUNK_PAUSE_WALL_S)
        for line in lines.rest():
            attempt.log.add(line)

    async def _on_line(self, attempt: _Attempt, line: bytes) -> None:
        match word_of(line):
            case Progress(frac):
                self._on_progress(attempt, frac)
            case CheckpointDone(name):
                await self._promote(attempt, name)
            case None:
                attempt.log.add(line)

    async def _promote(self, attempt: _Attempt, name: str) -> None:
        limit_bytes = attempt.order.spec.disk_mb * _MIB
        try:
            kept = await asyncio.to_thread(attempt.directory.promote, attempt.order.attempt, name, limit_bytes)
        except JobFilesError as error:
            attempt.note = f"checkpoint not kept: {error.reason}: {error.detail}"
            attempt.log.add(attempt.note.encode())
            return
        self._say(RunnerCheckpoint(attempt.job_id, attempt.order.attempt, kept))

    def _on_progress(self, attempt: _Attempt, frac: float) -> None:
        attempt.progress = frac
        if attempt.progress_timer is None:
            self._tell_progress(attempt)

    def _tell_progress(self, attempt: _Attempt) -> None:
        attempt.progress_timer = None
        if attempt.progress is not None:
            self._say(RunnerProgress(attempt.job_id, attempt.order.attempt, attempt.progress))
            attempt.progress = None
            attempt.progress_timer = self._timers.after_wall_s(PROGRESS_WALL_S, lambda: self._tell_progress(attempt))

    def _conclude(self, attempt: _Attempt) -> RunnerExited:
        if attempt.progress is not None:
            self._say(RunnerProgress(attempt.job_id, attempt.order.attempt, attempt.progress))
        number, outcome = attempt.order.attempt, attempt.outcome
        if outcome is None:
            limit = None if attempt.started else EndReason.START_FAILED
            return RunnerExited(attempt.job_id, number, None, limit, "the warden ended without a word")
        limit = None if outcome["limit"] is None else EndReason(outcome["limit"])
        detail = "; ".join(filter(None, (outcome["detail"], attempt.note)))
        return RunnerExited(attempt.job_id, number, outcome["exit_code"], limit, detail[:DETAIL_MAX])

    def _keep_log(self, attempt: _Attempt) -> None:
        try:
            self._files.write(log_file(attempt.job_id), attempt.log.content())
        except StorageError:
            self._files.remove(log_file(attempt.job_id))  # no log rather than another attempt's

    def _signal(self, attempt: _Attempt) -> None:
        """Say to the warden what is wanted; before it has started the job it would not understand."""
        if attempt.started and attempt.process is not None and attempt.process.returncode is None:
            if attempt.wanted == "preempt":
                attempt.process.send_signal(signal.SIGTERM)
            elif attempt.wanted == "kill":
                attempt.process.send_signal(signal.SIGUSR1)

    # --- results ---

    async def _collect(self, job_id: str, attempt: int) -> None:
        try:
            content = await asyncio.to_thread(self._directory(job_id).pack_output, attempt)
            self._files.write(result_file(job_id), content)
        except JobFilesError as error:
            self._say(RunnerCollected(job_id, attempt, "", 0, error.reason, error.detail[:DETAIL_MAX]))
        except StorageError as error:
            self._say(RunnerCollected(job_id, attempt, "", 0, EndReason.STORAGE_FULL, str(error)[:DETAIL_MAX]))
        else:
            sha256 = hashlib.sha256(content).hexdigest()
            self._say(RunnerCollected(job_id, attempt, sha256, len(content), None, ""))

    def _directory(self, job_id: str) -> JobDirectory:
        return JobDirectory(self._jobs_dir / job_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))


def _reason_of(error: OSError | StorageError) -> EndReason:
    full = error.kind is StorageFault.FULL if isinstance(error, StorageError) else is_full(error)
    return EndReason.STORAGE_FULL if full else EndReason.START_FAILED
