"""Owns the job queue: telecommands and bundles fill it, the planner empties it, the runner's word moves it."""

from typing import assert_never

from icd.hw import Quality
from icd.jobs import LIVE_STATES, TERMINAL_STATES, EndReason, JobSpec, JobState
from icd.tc import CancelJob, SubmitJob
from icd.vehicle import VehicleProfile
from icd.verification import Refusal, Stage
from node.apps.jobs.attempts import Attempts
from node.apps.jobs.exits import judge_reset
from node.apps.jobs.ledger import Ledger, ended_reason
from node.apps.jobs.lifecycle import JobTrigger
from node.apps.jobs.plan import Plan, Running, Situation, order_key, plan
from node.kernel.app import App, Kernel, handles, on_timer
from node.kernel.errors import InvariantError, StorageError
from node.messages import (
    BundleReady,
    BundleWanted,
    ComputeUpdated,
    JobEnded,
    JobsTc,
    ModuleFailed,
    PowerBudgetChanged,
    QueueChanged,
    RunnerCheckpoint,
    RunnerCollected,
    RunnerExited,
    RunnerProgress,
    RunnerStarted,
    TcAnswered,
    ThermalCapChanged,
)
from node.ports.devices import ComputeModule
from node.ports.files import Files, bundle_file
from node.ports.runner import Runner
from node.ports.store import JobMove, JobRow, JobStore

QUEUE_JOBS_MAX = 256  # jobs that have not ended
REPLAN_S = 30.0  # mission time between two looks at back-offs, deadlines and forecasts
STORAGE_RETRY_S = 10.0  # mission time before a refused commit is tried again
OWED_MAX = 1024  # messages that wait for the storage
GHOSTS_WALL_S = 10.0  # wall time in which attempts of a failed app's memory are killed and reported gone
PROGRESS_DIGITS = 2  # of the progress on the bus: a hundredth is worth a word

# What moves a job from outside: kept in order while the storage refuses.
Moving = BundleReady | RunnerStarted | RunnerProgress | RunnerCheckpoint | RunnerExited | RunnerCollected


class JobsApp(App):
    """Owns every job on board, from its row to its result."""

    name = "jobs"

    def __init__(
        self,
        kernel: Kernel,
        store: JobStore,
        runner: Runner,
        compute: ComputeModule,
        files: Files,
        profile: VehicleProfile,
    ) -> None:
        super().__init__(kernel)
        self._runner = runner
        self._compute = compute
        self._files = files
        self._profile = profile
        self._ledger = Ledger(store)
        self._attempts = Attempts(kernel, self._ledger, runner, compute)
        self._budget: PowerBudgetChanged | None = None
        self._thermal_cap_w: float | None = None
        self._owed: list[Moving] = []
        self._ghosts: dict[str, int] = {}
        self._stopping = False
        self._said: QueueChanged | None = None

    # --- life ---

    def recover(self) -> None:
        """End what a dead predecessor left, and put every job that had a process back into the queue."""
        orphans = self._runner.end_orphans()
        if orphans:
            self.kernel.report("ORPHANS_ENDED", count=orphans)
        # After a failure of this app alone its attempts still run: they are killed, and their jobs wait for the end.
        self._ghosts |= self._attempts.forget()
        for job_id in self._ghosts:
            self._runner.kill(job_id)
        self._compute.release_all()
        self._owed.clear()
        self._stopping, self._said = False, None
        self._ledger.load()
        for row in list(self._ledger.rows.values()):
            if row.state in LIVE_STATES:
                self._recover_row(row)

    def start(self) -> None:
        """Ask for the bundles that are missing, and plan."""
        level = self._runner.sandbox_level()
        if level.startswith("rlimits"):
            self.kernel.report("SANDBOX_DEGRADED", level=level, why="the kernel offers no confinement to jobs")
        if self._ghosts:
            self.kernel.set_wall_timer("ghosts", GHOSTS_WALL_S)
        for row in list(self._ledger.rows.values()):
            if row.state is JobState.STAGING:
                self._want_bundle(row.spec)
        self.kernel.set_timer("replan", REPLAN_S)
        self._replan()

    def stop(self) -> None:
        """Tell every running job to save itself. The executive waits for the runner, not for us."""
        self._stopping = True
        for job_id in self._attempts.unstopped():
            self._attempts.preempt(job_id, EndReason.SHUTDOWN)

    # --- telecommands and bundles ---

    @handles(JobsTc)
    def on_tc(self, message: JobsTc) -> None:
        """Carry out a telecommand."""
        try:
            match message.command:
                case SubmitJob():
                    self._submit(message.request_id, message.command.spec)
                case CancelJob():
                    self._cancel(message.request_id, message.command.job_id)
                case _:
                    assert_never(message.command)
        except StorageError as error:
            self._refuse(message.request_id, Refusal.STORAGE_FULL, str(error))
            return
        self._replan()

    @handles(BundleReady)
    def on_bundle(self, message: BundleReady) -> None:
        """Queue a job whose bundle is whole."""
        self._take(message)

    def _submit(self, request_id: str, spec: JobSpec) -> None:
        found = self._ledger.find(spec.job_id)
        problem = self._problem(spec)
        if found is not None and found.spec != spec:
            self._refuse(request_id, Refusal.BAD_ARGUMENT, f"job {spec.job_id} exists with another spec")
        elif found is not None:
            self._complete(request_id, f"job {spec.job_id} is already here, {found.state}")
            if found.state is JobState.STAGING:
                self._want_bundle(spec)
        elif problem:
            self._refuse(request_id, Refusal.BAD_ARGUMENT, problem)
        elif len(self._ledger.rows) >= QUEUE_JOBS_MAX:
            self._refuse(request_id, Refusal.QUEUE_FULL, f"{QUEUE_JOBS_MAX} jobs are on board")
        else:
            self._admit(request_id, spec)

    def _admit(self, request_id: str, spec: JobSpec) -> None:
        self._ledger.add(spec, request_id, self.kernel.now)
        self._complete(request_id, "")
        self.kernel.report("JOB_ADMITTED", job_id=spec.job_id, tenant=spec.tenant)
        self._want_bundle(spec)

    def _problem(self, spec: JobSpec) -> str:
        """Return why a spec can never run here; empty when it can."""
        room_w = self._profile.compute.max_w - self._profile.compute.idle_w
        if spec.slots > self._profile.compute.slots:
            return f"slots {spec.slots} is more than the module's {self._profile.compute.slots}"
        if spec.power_w > room_w:
            return f"power_w {spec.power_w:g} is more than the module's {room_w:g}"
        if spec.deadline is not None and spec.deadline <= self.kernel.now:
            return "deadline has passed"
        return ""

    def _want_bundle(self, spec: JobSpec) -> None:
        if self._files.has(bundle_file(spec.job_id)):
            self.kernel.publish(BundleReady(spec.job_id))
        else:
            self.kernel.publish(BundleWanted(spec.job_id, spec.bundle_sha256, spec.bundle_bytes))

    def _cancel(self, request_id: str, job_id: str) -> None:
        row = self._ledger.find(job_id)
        if row is None:
            self._refuse(request_id, Refusal.UNKNOWN_JOB, f"no job {job_id} on board")
        elif row.state is JobState.CANCELLED:
            self._complete(request_id, f"job {job_id} is already cancelled")
        elif row.state in TERMINAL_STATES:
            self._refuse(request_id, Refusal.ALREADY_ENDED, f"job {job_id} is {row.state}")
        elif self._attempts.runs(job_id):
            self.kernel.publish(TcAnswered(request_id, Stage.STARTED))
            if not self._attempts.cancel(job_id, request_id):
                self.kernel.publish(TcAnswered(request_id, Stage.COMPLETED, None, "its end is already under way"))
        else:
            self._end(job_id, JobTrigger.CANCEL, EndReason.CANCELLED)
            self._complete(request_id, "")

    # --- the runner ---

    @handles(RunnerStarted)
    def on_started(self, message: RunnerStarted) -> None:
        """Note that an attempt runs."""
        self._take(message)

    @handles(RunnerProgress)
    def on_progress(self, message: RunnerProgress) -> None:
        """Note how far a job is."""
        if not self._owed:  # the next one tells more
            self._take(message)

    @handles(RunnerCheckpoint)
    def on_checkpoint(self, message: RunnerCheckpoint) -> None:
        """Note where a job resumes from now on."""
        self._take(message)

    @handles(RunnerExited)
    def on_exited(self, message: RunnerExited) -> None:
        """Judge the end of an attempt."""
        if self._ghosts.get(message.job_id) == message.attempt:
            del self._ghosts[message.job_id]
            self._replan()
            return
        self._take(message)

    @handles(RunnerCollected)
    def on_collected(self, message: RunnerCollected) -> None:
        """End a job whose result is packed."""
        self._take(message)

    @on_timer("retry")
    def on_retry(self) -> None:
        """Try again what the storage refused, in the order in which it came."""
        owed, self._owed = self._owed, []
        for message in owed:
            self._take(message)

    @on_timer("ghosts")
    def on_ghosts(self) -> None:
        """Wait no longer for attempts that were killed before this app recovered."""
        self._ghosts.clear()
        self._replan()

    def _take(self, message: Moving) -> None:
        """Act on a message; one that the storage refuses keeps all later ones behind it."""
        if len(self._owed) >= OWED_MAX:
            raise InvariantError(f"{OWED_MAX} messages wait for the storage")
        if self._owed:
            self._owed.append(message)
            return
        try:
            ended = self._act(message)
        except StorageError as error:
            self.kernel.report("STORAGE_FAILED", detail=f"job {message.job_id}: {error}")
            self._owed.append(message)
            self.kernel.set_timer("retry", STORAGE_RETRY_S)
            return
        if ended is not None:
            self._announce_end(ended)
        if isinstance(message, RunnerExited | RunnerCollected | BundleReady):
            self._replan()
        else:
            self._say_queue(None)

    def _act(self, message: Moving) -> JobRow | None:
        """Move the job; return its row when that ended it."""
        row = self._ledger.rows.get(message.job_id)
        if isinstance(message, BundleReady):
            if row is not None and row.state is JobState.STAGING:
                self._ledger.move(message.job_id, JobTrigger.BUNDLE, JobMove(), self.kernel.now)
            return None
        if row is None or row.attempt != message.attempt:
            return None
        match message:
            case RunnerStarted():
                self._attempts.started(row)
            case RunnerProgress():
                self._attempts.progressed(row, message.progress_frac)
            case RunnerCheckpoint():
                self._attempts.checkpointed(row, message.checkpoint)
            case RunnerExited():
                return self._attempts.exited(row, message)
            case RunnerCollected():
                return self._attempts.collected(row, message)
            case _:
                assert_never(message)
        return None

    # --- budget ---

    @handles(PowerBudgetChanged)
    def on_budget(self, message: PowerBudgetChanged) -> None:
        """Plan anew with what the power app grants."""
        self._budget = message
        self._replan()

    @handles(ThermalCapChanged)
    def on_thermal(self, message: ThermalCapChanged) -> None:
        """Plan anew with what heat allows; the power app's budget follows."""
        self._thermal_cap_w = message.cap_w
        self._replan()

    @handles(ComputeUpdated)
    def on_compute(self, message: ComputeUpdated) -> None:
        """Say again what the module has forgotten after a reset, and take off what does not run."""
        if message.reading.quality is Quality.GOOD and message.reading.powered:
            self._attempts.reconcile(message.reading.allocated)

    @handles(ModuleFailed)
    def on_module_failed(self, message: ModuleFailed) -> None:
        """End what runs, and begin it again from what was saved before."""
        self._attempts.lose_all()

    @on_timer("replan")
    def on_replan(self) -> None:
        """Look again at what time alone changes."""
        self.kernel.set_timer("replan", REPLAN_S)
        self._replan()

    # --- planning ---

    def _replan(self) -> None:
        if self._stopping:
            return
        self._attempts.enforce_deadlines()
        self._end_overdue()
        waiting = [row for row in self._ledger.waiting() if row.spec.job_id not in self._ghosts]
        running = [Running(row, stopping) for row, stopping in self._attempts.processes()]
        made = plan(waiting, running, Situation(self.kernel.now, self._budget, self._thermal_cap_w, self._profile))
        for preempt in made.preempts:
            self._attempts.preempt(preempt.job_id, preempt.reason)
        for start in made.starts:
            if not self._attempts.start(start.job_id):
                break  # the storage refused; the timer plans again
        self._say_queue(made)

    def _end_overdue(self) -> None:
        now = self.kernel.now
        overdue = [row for row in self._ledger.waiting() if row.spec.deadline is not None and row.spec.deadline <= now]
        for row in overdue:
            try:
                self._end(row.spec.job_id, JobTrigger.FAIL, EndReason.DEADLINE, "the deadline passed in the queue")
            except StorageError as error:  # the timer comes back to it
                self.kernel.report("STORAGE_FAILED", detail=f"deadline of job {row.spec.job_id}: {error}")
                return

    def _say_queue(self, made: Plan | None) -> None:
        running = sorted((row for row, _ in self._attempts.processes()), key=order_key)
        if made is not None:
            hold_reason = made.holds[0].reason.value if made.holds else ""
        else:
            hold_reason = self._said.hold_reason if self._said else ""
        progress = running[0].progress_frac if running else None
        if progress is not None:
            progress = round(progress, PROGRESS_DIGITS)
        message = QueueChanged(
            queued=len(self._ledger.rows) - self._attempts.count,
            running=tuple(row.spec.job_id for row in running),
            progress_frac=progress,
            hold_reason=hold_reason,
        )
        if message != self._said:
            self._said = message
            self.kernel.publish(message)

    # --- ends and recovery ---

    def _end(self, job_id: str, trigger: JobTrigger, reason: EndReason, detail: str = "") -> None:
        row = self._ledger.move(job_id, trigger, JobMove(reason=reason), self.kernel.now, detail=detail)
        self._attempts.drop(job_id)
        self._announce_end(row)

    def _announce_end(self, row: JobRow) -> None:
        job_id = row.spec.job_id
        self._runner.discard(job_id)
        self.kernel.report("JOB_ENDED", job_id=job_id, state=row.state, reason=ended_reason(row))
        self.kernel.publish(JobEnded(job_id, row.state, row.result_sha256, row.result_bytes))

    def _recover_row(self, row: JobRow) -> None:
        verdict = judge_reset(row)
        change = JobMove(restarts=verdict.restarts, reason=verdict.reason)
        job_id = row.spec.job_id
        moved = self._ledger.move(job_id, verdict.trigger, change, self.kernel.now, detail=verdict.detail)
        if moved.state in TERMINAL_STATES:
            self._announce_end(moved)
            return
        since = row.checkpoint or "the start"
        self.kernel.report("JOB_RECOVERED", job_id=job_id, state=row.state, checkpoint=since)

    # --- answers ---

    def _complete(self, request_id: str, detail: str) -> None:
        self.kernel.publish(TcAnswered(request_id, Stage.STARTED))
        self.kernel.publish(TcAnswered(request_id, Stage.COMPLETED, None, detail))

    def _refuse(self, request_id: str, reason: Refusal, detail: str) -> None:
        self.kernel.publish(TcAnswered(request_id, Stage.FAILED, reason, detail[:400]))
