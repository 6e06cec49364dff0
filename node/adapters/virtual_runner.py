"""The runner of virtual time: declared work passes in mission time, without processes. Verified fake of the real one.

Progress comes at every tenth, checkpoints at the declared interval and at a preemption; a checkpoint's name says how
much work it holds, so nothing need be remembered across a crash. The result depends on the job's spec alone.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from icd.jobs import EXIT_DONE, EXIT_PREEMPTED, EndReason, JobSpec
from icd.timebase import MissionTime, seconds_between
from node.adapters.files import WritableFiles
from node.kernel.bus import BusMessage
from node.kernel.errors import StorageError
from node.messages import RunnerCheckpoint, RunnerCollected, RunnerExited, RunnerProgress, RunnerStarted
from node.ports.files import bundle_file, log_file, result_file
from node.ports.runner import JobStart
from runtime.clock import MissionClock
from runtime.timers import TimerHandle, Timers

START_WALL_S = 0.2  # what starting a process takes
SAVE_WALL_S = 2.0  # what saving at a preemption takes, or half the grace time where that is less
PROGRESS_STEPS = 10
_CHECKPOINT = "kept-work-ms-"


@dataclass(frozen=True, slots=True)
class Mishap:
    """What goes wrong with an attempt: after so much mission time it ends like this; None: it just never ends."""

    after_s: float | None
    exit_code: int | None = None
    limit: EndReason | None = None
    ignores_sigterm: bool = False


Script = Callable[[JobStart], Mishap | None]


@dataclass(slots=True)
class _Attempt:
    order: JobStart
    mishap: Mishap | None
    done_s: float  # of the declared work, at `since`
    since: MissionTime | None = None  # None: starting, or told to stop
    ran_s: float = 0.0  # of this attempt, at `since`
    stopping: bool = False
    ending: bool = False  # its end is a matter of this instant
    timer: TimerHandle | None = None

    @property
    def spec(self) -> JobSpec:
        return self.order.spec


class VirtualRunner:
    """Implements node.ports.runner.Runner over timers."""

    def __init__(
        self,
        clock: MissionClock,
        timers: Timers,
        files: WritableFiles,
        post: Callable[[BusMessage], object],
        script: Script,
    ) -> None:
        self._clock = clock
        self._timers = timers
        self._files = files
        self._post = post
        self._script = script
        self._attempts: dict[str, _Attempt] = {}
        self._finished: dict[str, JobStart] = {}  # ended with 0, not yet discarded
        self._halted = False

    def start(self, order: JobStart) -> None:
        """Begin an attempt where its checkpoint left off."""
        job_id = order.spec.job_id
        earlier = self._attempts.get(job_id)
        if earlier is not None and not earlier.ending:
            refusal = RunnerExited(job_id, order.attempt, None, EndReason.START_FAILED, "an attempt still runs")
            self._timers.after_s(0.0, partial(self._say, refusal))
            return
        attempt = _Attempt(order, None, _work_of(order.checkpoint))
        self._attempts[job_id] = attempt
        about = self._files.stat(bundle_file(job_id))
        if about is None or about[1] != order.spec.bundle_sha256:
            self._end_soon(attempt, None, EndReason.BUNDLE_BAD, "the bundle is not there, or not the promised one")
            return
        attempt.mishap = self._script(order)
        attempt.timer = self._timers.after_wall_s(START_WALL_S, partial(self._on_started, attempt))

    def preempt(self, job_id: str) -> None:
        """Let the attempt save what it has, then end it."""
        attempt = self._attempts.get(job_id)
        if attempt is None or attempt.stopping:
            return
        attempt.stopping = True
        if attempt.mishap is not None and attempt.mishap.ignores_sigterm:
            self._cancel(attempt)
            killed = partial(self._end, attempt, None, EndReason.GRACE_EXCEEDED, "ignored SIGTERM")
            attempt.timer = self._timers.after_wall_s(attempt.spec.grace_s, killed)
            return
        self._bring_up_to_date(attempt)
        has_work = attempt.since is not None
        attempt.since = None
        self._cancel(attempt)
        delay_s = min(SAVE_WALL_S, attempt.spec.grace_s / 2.0)
        attempt.timer = self._timers.after_wall_s(delay_s, partial(self._on_saved, attempt, has_work))

    def kill(self, job_id: str) -> None:
        """End the attempt now."""
        attempt = self._attempts.get(job_id)
        if attempt is not None and not attempt.ending:
            self._end_soon(attempt, None, None, "killed by order")

    def collect(self, job_id: str, attempt: int) -> None:
        """Write the result, which is a function of the spec; RunnerCollected follows."""
        self._timers.after_s(0.0, partial(self._collect, job_id, attempt))

    def discard(self, job_id: str) -> None:
        """Forget an ended job and its bundle."""
        self._finished.pop(job_id, None)
        self._files.remove(bundle_file(job_id))

    def end_orphans(self) -> int:
        """End what still runs, after a restart of the app alone; return how many. Nothing outlives a reset."""
        running = [attempt for attempt in self._attempts.values() if not attempt.ending]
        for attempt in running:
            self._end_soon(attempt, None, None, "ended with its app")
        return len(running)

    def sandbox_level(self) -> str:
        """Return how jobs are confined here."""
        return "virtual"

    @property
    def busy(self) -> bool:
        """Whether an attempt still runs."""
        return bool(self._attempts)

    def halt(self) -> None:
        """Be gone, as in a reset of the processor: nothing is posted any more."""
        self._halted = True
        for attempt in self._attempts.values():
            self._cancel(attempt)
        self._attempts.clear()

    # --- the work ---

    def _on_started(self, attempt: _Attempt) -> None:
        attempt.since = self._clock.now()
        self._say(RunnerStarted(attempt.spec.job_id, attempt.order.attempt))
        self._schedule(attempt)

    def _schedule(self, attempt: _Attempt) -> None:
        due_s = min(_next_progress_s(attempt), _next_checkpoint_s(attempt))
        delay_s = max(0.0, due_s - attempt.done_s)
        mishap = attempt.mishap
        if mishap is not None:
            if mishap.after_s is None and due_s >= attempt.spec.work_s:
                return
            if mishap.after_s is not None and mishap.after_s - attempt.ran_s <= delay_s:
                ends = partial(self._end, attempt, mishap.exit_code, mishap.limit, "mishap")
                attempt.timer = self._timers.after_s(max(0.0, mishap.after_s - attempt.ran_s), ends)
                return
        attempt.timer = self._timers.after_s(delay_s, partial(self._on_step, attempt, due_s))

    def _on_step(self, attempt: _Attempt, due_s: float) -> None:
        spec = attempt.spec
        is_checkpoint = due_s >= _next_checkpoint_s(attempt)
        is_progress = due_s >= _next_progress_s(attempt)
        attempt.ran_s += due_s - attempt.done_s
        attempt.done_s, attempt.since = due_s, self._clock.now()
        if is_progress:
            self._say(RunnerProgress(spec.job_id, attempt.order.attempt, min(1.0, due_s / spec.work_s)))
        if due_s >= spec.work_s:
            self._end(attempt, EXIT_DONE, None, "")
            return
        if is_checkpoint:
            self._checkpoint(attempt)
        self._schedule(attempt)

    def _on_saved(self, attempt: _Attempt, has_work: bool) -> None:
        if attempt.spec.grace_s <= 0.0:
            self._end(attempt, None, EndReason.GRACE_EXCEEDED, "had no grace time")
            return
        if has_work and attempt.done_s > 0.0:
            self._checkpoint(attempt)
        self._end(attempt, EXIT_PREEMPTED, None, "")

    def _checkpoint(self, attempt: _Attempt) -> None:
        name = f"{_CHECKPOINT}{int(attempt.done_s * 1000.0)}"
        self._say(RunnerCheckpoint(attempt.spec.job_id, attempt.order.attempt, name))

    def _bring_up_to_date(self, attempt: _Attempt) -> None:
        if attempt.since is not None:
            passed_s = seconds_between(attempt.since, self._clock.now())
            attempt.done_s = min(attempt.spec.work_s, attempt.done_s + passed_s)
            attempt.ran_s += passed_s

    # --- the end ---

    def _end_soon(self, attempt: _Attempt, exit_code: int | None, limit: EndReason | None, detail: str) -> None:
        self._cancel(attempt)
        attempt.stopping = attempt.ending = True
        attempt.timer = self._timers.after_s(0.0, partial(self._end, attempt, exit_code, limit, detail))

    def _end(self, attempt: _Attempt, exit_code: int | None, limit: EndReason | None, detail: str) -> None:
        job_id = attempt.spec.job_id
        if self._attempts.get(job_id) is attempt:
            del self._attempts[job_id]
        try:
            self._files.write(log_file(job_id), f"virtual attempt {attempt.order.attempt}: {exit_code}\n".encode())
        except StorageError as error:
            detail = detail or f"log not kept: {error}"
        if exit_code == EXIT_DONE:
            self._finished[job_id] = attempt.order
        self._say(RunnerExited(job_id, attempt.order.attempt, exit_code, limit, detail))

    def _collect(self, job_id: str, attempt: int) -> None:
        order = self._finished.get(job_id)
        if order is None or order.attempt != attempt:
            self._say(RunnerCollected(job_id, attempt, "", 0, EndReason.RESET, "no output of this attempt"))
            return
        content = result_of(order.spec)
        try:
            self._files.write(result_file(job_id), content)
        except StorageError as error:
            self._say(RunnerCollected(job_id, attempt, "", 0, EndReason.STORAGE_FULL, str(error)))
            return
        self._say(RunnerCollected(job_id, attempt, hashlib.sha256(content).hexdigest(), len(content), None, ""))

    def _cancel(self, attempt: _Attempt) -> None:
        if attempt.timer is not None:
            attempt.timer.cancel()
            attempt.timer = None

    def _say(self, message: BusMessage) -> None:
        if not self._halted:
            self._post(message)


def result_of(spec: JobSpec) -> bytes:
    """Return the result of a job in virtual time: the same for every attempt, so that its SHA-256 can be checked."""
    words = {"job_id": spec.job_id, "bundle_sha256": spec.bundle_sha256, "command": list(spec.command)}
    return json.dumps({**words, "work_s": spec.work_s}, sort_keys=True).encode()


def _work_of(checkpoint: str | None) -> float:
    """Return the work that a checkpoint holds, in seconds; a name of another runner holds none."""
    text = (checkpoint or "").removeprefix(_CHECKPOINT)
    return int(text) / 1000.0 if text.isdecimal() and len(text) <= 12 else 0.0


def _next_progress_s(attempt: _Attempt) -> float:
    step_s = attempt.spec.work_s / PROGRESS_STEPS
    return min(attempt.spec.work_s, _next_multiple(attempt.done_s, step_s))


def _next_checkpoint_s(attempt: _Attempt) -> float:
    return min(attempt.spec.work_s, _next_multiple(attempt.done_s, attempt.spec.checkpoint_every_s))


def _next_multiple(value: float, step: float) -> float:
    """Return the least multiple of a step that lies above a value by more than rounding."""
    return (int(value / step + 1e-6) + 1) * step
