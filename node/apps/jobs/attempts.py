"""The attempts that run now: starting, noting, stopping and ending them."""

from collections.abc import Sequence
from dataclasses import dataclass

from icd.jobs import TERMINAL_STATES, EndReason, JobState
from icd.timebase import MissionTime, seconds_between
from icd.verification import Stage
from node.apps.jobs.exits import LIMITS, Verdict, judge_collected, judge_exit
from node.apps.jobs.ledger import Ledger
from node.apps.jobs.lifecycle import JobTrigger
from node.kernel.app import Kernel
from node.kernel.errors import StorageError
from node.messages import RunnerCollected, RunnerExited, TcAnswered
from node.ports.devices import ComputeModule
from node.ports.runner import JobStart, Runner
from node.ports.store import JobMove, JobRow

NOTE_STEP = 0.05  # progress worth a durable note, and a report
NOTE_S = 60.0  # mission time after which any progress is noted
RECONCILE_S = 60.0  # mission time for the module to show what it was told


@dataclass(slots=True)
class _Attempt:
    """What is known of an attempt besides its row."""

    number: int
    since: MissionTime
    energy_before_wh: float
    noted_at: MissionTime
    reported_frac: float
    told_at: MissionTime  # when the module was last told of it
    stop: EndReason | None = None
    ended_at: MissionTime | None = None
    cancel_request: str = ""


class Attempts:
    """Every attempt from its start to the commit of its end, VERIFYING included."""

    def __init__(self, kernel: Kernel, ledger: Ledger, runner: Runner, compute: ComputeModule) -> None:
        self._kernel = kernel
        self._ledger = ledger
        self._runner = runner
        self._compute = compute
        self._live: dict[str, _Attempt] = {}

    # --- what there is ---

    @property
    def count(self) -> int:
        """How many attempts are alive, those being verified included."""
        return len(self._live)

    def runs(self, job_id: str) -> bool:
        """Return whether a process of the job may be alive."""
        attempt = self._live.get(job_id)
        return attempt is not None and attempt.ended_at is None

    def processes(self) -> list[tuple[JobRow, bool]]:
        """Return the jobs that have a process, in order of start, and whether each was told to stop."""
        rows = self._ledger.rows
        return [(rows[job_id], live.stop is not None) for job_id, live in self._live.items() if live.ended_at is None]

    def unstopped(self) -> list[str]:
        """Return the jobs that run and were not told to stop."""
        return [row.spec.job_id for row, stopping in self.processes() if not stopping]

    def forget(self) -> dict[str, int]:
        """Forget all attempts; return those that may still have a process, as job and attempt."""
        left = {job_id: live.number for job_id, live in self._live.items() if live.ended_at is None}
        self._live.clear()
        return left

    def drop(self, job_id: str) -> None:
        """Forget the attempt of a job that was ended while its result was being packed."""
        self._live.pop(job_id, None)

    # --- orders ---

    def start(self, job_id: str) -> bool:
        """Commit a start, give the job its power, then run it; False when the storage refused."""
        row, now = self._ledger.rows[job_id], self._kernel.now
        number = row.attempt + 1
        progress = (row.progress_frac or 0.0) if row.checkpoint else 0.0
        try:
            change = JobMove(attempt=number, progress_frac=progress)
            row = self._ledger.move(job_id, JobTrigger.START, change, now)
        except StorageError as error:
            self._kernel.report("STORAGE_FAILED", detail=f"job {job_id} is not started: {error}")
            return False
        self._live[job_id] = _Attempt(number, now, row.energy_wh, now, progress, now)
        self._compute.allocate(job_id, row.spec.power_w)
        self._runner.start(JobStart(row.spec, number, row.checkpoint))
        self._kernel.report("JOB_STARTED", job_id=job_id, attempt=number)
        return True

    def preempt(self, job_id: str, reason: EndReason) -> None:
        """Tell a job to save and stop. What it must yield to does not wait for the disk."""
        row, live = self._ledger.rows[job_id], self._live[job_id]
        live.stop = reason
        self._runner.preempt(job_id)
        self._kernel.report("JOB_PREEMPTED", job_id=job_id, reason=reason)
        if row.state in (JobState.STARTING, JobState.RUNNING):
            try:
                self._ledger.move(job_id, JobTrigger.PREEMPT, JobMove(reason=reason), self._kernel.now)
            except StorageError as error:  # its exit takes it back to the queue all the same
                self._kernel.report("STORAGE_FAILED", detail=f"preemption of job {job_id}: {error}")

    def cancel(self, job_id: str, request_id: str) -> bool:
        """Kill a job for good; False when it is already being ended for good."""
        live = self._live[job_id]
        if live.stop in (EndReason.CANCELLED, EndReason.DEADLINE):
            return False
        live.stop, live.cancel_request = EndReason.CANCELLED, request_id
        self._runner.kill(job_id)
        return True

    def lose_all(self) -> None:
        """Kill what runs: the module failed under it. What is not saved is not to be believed."""
        for row, _ in self.processes():
            job_id, live = row.spec.job_id, self._live[row.spec.job_id]
            if live.stop in (EndReason.CANCELLED, EndReason.DEADLINE, EndReason.MODULE_FAULT):
                continue
            live.stop = EndReason.MODULE_FAULT
            self._runner.kill(job_id)
            since = row.checkpoint or "the start"
            self._kernel.report("JOB_INTERRUPTED", job_id=job_id, attempt=live.number, checkpoint=since)

    def enforce_deadlines(self) -> None:
        """Kill what can no longer be of use."""
        for row, _ in self.processes():
            live, deadline = self._live[row.spec.job_id], row.spec.deadline
            final = live.stop in (EndReason.CANCELLED, EndReason.DEADLINE)
            if deadline is not None and deadline <= self._kernel.now and not final:
                live.stop = EndReason.DEADLINE
                self._runner.kill(row.spec.job_id)

    def reconcile(self, allocated: Sequence[str]) -> None:
        """Tell the module again what it should have shown by now; take off what has no process."""
        now = self._kernel.now
        for row, _ in self.processes():
            live = self._live[row.spec.job_id]
            if row.spec.job_id not in allocated and seconds_between(live.told_at, now) >= RECONCILE_S:
                live.told_at = now
                self._compute.allocate(row.spec.job_id, row.spec.power_w)
        for job_id in allocated:
            ended = self._live.get(job_id)
            if ended is None or (ended.ended_at is not None and seconds_between(ended.ended_at, now) >= RECONCILE_S):
                self._compute.release(job_id)

    # --- the runner's word; each may raise StorageError, and is then repeated as a whole ---

    def started(self, row: JobRow) -> None:
        """Note that the process runs."""
        if row.state is JobState.STARTING:
            self._ledger.move(row.spec.job_id, JobTrigger.STARTED, JobMove(), self._kernel.now)

    def progressed(self, row: JobRow, progress_frac: float) -> None:
        """Note progress: in memory at once, in the store by steps, to the ground by larger ones."""
        job_id, now = row.spec.job_id, self._kernel.now
        live = self._live.get(job_id)
        if live is None or live.ended_at is not None:
            return
        self._ledger.see_progress(job_id, progress_frac)
        stepped = abs(progress_frac - live.reported_frac) >= NOTE_STEP
        if not stepped and seconds_between(live.noted_at, now) < NOTE_S:
            return
        change = JobMove(progress_frac=progress_frac, energy_wh=self._energy_wh(row, live, now))
        live.noted_at = now
        if self._ledger.note(job_id, change, now, reported=stepped) and stepped:
            live.reported_frac = progress_frac

    def checkpointed(self, row: JobRow, checkpoint: str) -> None:
        """Note a promoted checkpoint; one that the storage refuses rides with the next commit."""
        job_id = row.spec.job_id
        self._ledger.note(job_id, JobMove(checkpoint=checkpoint), self._kernel.now, reported=True)
        self._kernel.report("JOB_CHECKPOINTED", job_id=job_id, checkpoint=checkpoint)

    def exited(self, row: JobRow, message: RunnerExited) -> JobRow | None:
        """Judge the end of an attempt and commit it; return the row when the job has ended with it."""
        job_id, now = row.spec.job_id, self._kernel.now
        live = self._live.get(job_id)
        if live is None or row.state is JobState.VERIFYING:
            return None
        if live.ended_at is None:
            live.ended_at = now
            self._compute.release(job_id)
        verdict = judge_exit(row, message, live.stop, now)
        if verdict.trigger is JobTrigger.EXITED and row.state is JobState.STARTING:
            row = self._ledger.move(job_id, JobTrigger.STARTED, JobMove(), now)
        energy_wh = self._energy_wh(row, live, live.ended_at)
        moved = self._commit(row, verdict, JobMove(energy_wh=energy_wh), message.exit_code)
        if moved.state is JobState.VERIFYING:
            self._runner.collect(job_id, message.attempt)
            return None
        return self._close(moved, verdict, live)

    def collected(self, row: JobRow, message: RunnerCollected) -> JobRow | None:
        """Commit the result of a job, or the lack of it; return the row when the job has ended with it."""
        live = self._live.get(row.spec.job_id)
        if live is None or row.state is not JobState.VERIFYING:
            return None
        verdict = judge_collected(row, message, self._kernel.now)
        change = JobMove()
        if message.error is None:
            change = JobMove(progress_frac=1.0, result_sha256=message.result_sha256, result_bytes=message.result_bytes)
        return self._close(self._commit(row, verdict, change, None), verdict, live)

    def _commit(self, row: JobRow, verdict: Verdict, change: JobMove, exit_code: int | None) -> JobRow:
        whole = JobMove(
            failures=verdict.failures,
            restarts=verdict.restarts,
            not_before=verdict.not_before,
            reason=verdict.reason,
            energy_wh=change.energy_wh,
            progress_frac=change.progress_frac,
            result_sha256=change.result_sha256,
            result_bytes=change.result_bytes,
        )
        now, job_id = self._kernel.now, row.spec.job_id
        return self._ledger.move(job_id, verdict.trigger, whole, now, detail=verdict.detail, exit_code=exit_code)

    def _close(self, moved: JobRow, verdict: Verdict, live: _Attempt) -> JobRow | None:
        job_id = moved.spec.job_id
        del self._live[job_id]
        if verdict.reason in LIMITS:
            self._kernel.report("JOB_LIMIT_HIT", job_id=job_id, reason=verdict.reason)
        if live.cancel_request:
            self._kernel.publish(TcAnswered(live.cancel_request, Stage.COMPLETED))
        if moved.state in TERMINAL_STATES:
            return moved
        if verdict.failures is not None:
            self._kernel.report("JOB_RETRIED", job_id=job_id, attempt=moved.attempt, reason=verdict.reason)
        return None

    @staticmethod
    def _energy_wh(row: JobRow, live: _Attempt, now: MissionTime) -> float:
        return live.energy_before_wh + row.spec.power_w * seconds_between(live.since, now) / 3600.0
