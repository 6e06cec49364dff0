"""The jobs app on the bench: from telecommand to result, through preemption, failure and reset."""

import pytest

from icd.jobs import EndReason, JobClass, JobReport, JobSpec, JobState
from icd.tc import CancelJob, PowerMode, SubmitJob
from icd.timebase import after
from icd.verification import Refusal, Stage
from node.apps.jobs.app import QUEUE_JOBS_MAX, JobsApp
from node.messages import (
    BundleReady,
    BundleWanted,
    JobEnded,
    JobsTc,
    ModuleFailed,
    QueueChanged,
    RunnerCheckpoint,
    RunnerCollected,
    RunnerExited,
    RunnerProgress,
    RunnerStarted,
    TcAnswered,
)
from node.ports.files import bundle_file
from node.ports.store import JobRow
from tests.unit.node.hardware import V3NODE, BenchFiles, BenchRunner, Disk, Orders, budget, compute, spec
from tests.unit.node.harness import EPOCH, Bench

SHA = "a" * 64


class Rig:
    """A jobs app, its runner, its module and its storage."""

    def __init__(self, disk: Disk | None = None, runner: BenchRunner | None = None) -> None:
        self.bench = Bench()
        self.disk = disk or Disk()
        self.runner = runner or BenchRunner()
        self.module = Orders()
        self.files = BenchFiles()
        self.app = self.bench.add(
            "jobs",
            lambda kernel: JobsApp(kernel, self.disk.store, self.runner, self.module, self.files, V3NODE),
        )
        self.bench.boot()
        self.bench.say(budget())

    def submit(self, job: JobSpec, request: str = "tc-1") -> None:
        self.bench.say(JobsTc(request, SubmitJob(spec=job)))

    def run(self, job: JobSpec) -> None:
        """Bring a job to RUNNING."""
        self.submit(job, f"tc-{job.job_id}")
        self.bench.say(BundleReady(job.job_id), RunnerStarted(job.job_id, 1))
        assert self.state(job.job_id) is JobState.RUNNING
        self.runner.take()
        self.module.take()
        self.bench.forget()

    def row(self, job_id: str = "job-1") -> JobRow:
        found = self.disk.store.find_job(job_id)
        assert found is not None
        return found

    def state(self, job_id: str = "job-1") -> JobState:
        return self.row(job_id).state

    def exit(self, code: int | None, attempt: int = 1, limit: EndReason | None = None) -> None:
        self.bench.say(RunnerExited("job-1", attempt, code, limit, ""))

    @property
    def answers(self) -> list[tuple[str, Stage, Refusal | None]]:
        return [(said.request_id, said.stage, said.reason) for said in self.bench.said(TcAnswered)]

    @property
    def queue(self) -> QueueChanged:
        return self.bench.said(QueueChanged)[-1]

    def reports(self, job_id: str = "job-1") -> list[JobReport]:
        reports = [item.report() for item in self.disk.store.take_outbox(1_000, 0) if item.kind == "job"]
        return [one for one in reports if isinstance(one, JobReport) and one.job_id == job_id]

    def reported_states(self, job_id: str = "job-1") -> list[JobState]:
        return [one.state for one in self.reports(job_id)]


@pytest.mark.req("JOB-001")
def test_a_job_goes_from_telecommand_to_result_with_one_report_a_step() -> None:
    rig = Rig()

    rig.submit(spec())
    assert rig.answers == [("tc-1", Stage.STARTED, None), ("tc-1", Stage.COMPLETED, None)]
    assert rig.bench.said(BundleWanted) == [BundleWanted("job-1", "0" * 64, 1_000)]
    rig.bench.say(BundleReady("job-1"))
    assert rig.runner.take() == [("start", "job-1", 1, None)]
    assert rig.module.take()[-1] == ("allocate", "job-1", 700.0)
    rig.bench.say(RunnerStarted("job-1", 1))
    rig.bench.advance(3_600.0)
    rig.exit(0)
    assert rig.runner.take() == [("collect", "job-1", 1)]
    assert rig.module.take() == [("release", "job-1")]
    rig.bench.say(RunnerCollected("job-1", 1, SHA, 123, None, ""))

    assert rig.bench.said(JobEnded) == [JobEnded("job-1", JobState.SUCCEEDED, SHA, 123)]
    assert rig.runner.take() == [("discard", "job-1")]
    assert rig.row().energy_wh == pytest.approx(700.0)
    states = ["STAGING", "QUEUED", "STARTING", "RUNNING", "VERIFYING", "SUCCEEDED"]
    assert rig.reported_states() == [JobState(state) for state in states]
    assert rig.bench.event_ids() == ["JOB_ADMITTED", "JOB_STARTED", "JOB_ENDED"]


@pytest.mark.req("JOB-002")
def test_the_same_job_twice_is_the_job_once_and_another_spec_is_refused() -> None:
    rig = Rig()
    rig.submit(spec(), "tc-1")
    rig.bench.forget()

    rig.submit(spec(), "tc-2")
    rig.submit(spec(priority=1), "tc-3")

    assert rig.answers == [
        ("tc-2", Stage.STARTED, None),
        ("tc-2", Stage.COMPLETED, None),
        ("tc-3", Stage.FAILED, Refusal.BAD_ARGUMENT),
    ]
    assert len(rig.disk.store.live_jobs()) == 1
    assert len(rig.bench.said(BundleWanted)) == 1


@pytest.mark.req("JOB-003")
@pytest.mark.parametrize("job", [spec(slots=9), spec(power_w=9_500.0), spec(deadline=EPOCH - 1)])
def test_a_job_that_can_never_run_here_is_refused(job: JobSpec) -> None:
    rig = Rig()

    rig.submit(job)

    assert rig.answers == [("tc-1", Stage.FAILED, Refusal.BAD_ARGUMENT)]
    assert rig.disk.store.live_jobs() == []


@pytest.mark.req("JOB-003")
def test_a_full_queue_refuses_with_a_reason() -> None:
    rig = Rig()
    for number in range(QUEUE_JOBS_MAX):
        rig.submit(spec(f"job-{number}"), f"tc-{number}")
    rig.bench.forget()

    rig.submit(spec("one-more"), "tc-more")

    assert rig.answers == [("tc-more", Stage.FAILED, Refusal.QUEUE_FULL)]


@pytest.mark.req("JOB-004")
def test_a_full_disk_refuses_a_job_and_keeps_nothing_of_it() -> None:
    rig = Rig()
    rig.disk.full = True

    rig.submit(spec())

    assert rig.answers == [("tc-1", Stage.FAILED, Refusal.STORAGE_FULL)]
    rig.disk.full = False
    rig.submit(spec(), "tc-2")
    assert rig.answers[-1] == ("tc-2", Stage.COMPLETED, None)


@pytest.mark.req("JOB-004")
def test_an_exit_that_the_disk_refuses_is_committed_once_there_is_room() -> None:
    rig = Rig()
    rig.run(spec())
    rig.disk.full = True

    rig.exit(0)
    rig.bench.advance(25.0)
    assert rig.state() is JobState.RUNNING
    rig.disk.full = False
    rig.bench.advance(11.0)

    assert rig.state() is JobState.VERIFYING
    assert rig.runner.take() == [("collect", "job-1", 1)]


@pytest.mark.req("JOB-004")
def test_a_checkpoint_that_the_disk_refuses_rides_with_the_next_commit() -> None:
    rig = Rig()
    rig.run(spec())
    rig.disk.full = True
    rig.bench.say(RunnerCheckpoint("job-1", 1, "ckpt-7"))
    rig.disk.full = False

    rig.exit(1)

    assert rig.row().checkpoint == "ckpt-7"


@pytest.mark.req("JOB-005")
def test_eclipse_preempts_a_bulk_job_and_sunlight_resumes_it_from_its_checkpoint() -> None:
    rig = Rig()
    rig.run(spec(job_class=JobClass.BULK))
    rig.bench.say(RunnerCheckpoint("job-1", 1, "ckpt-1"))

    rig.bench.say(budget(PowerMode.ECLIPSE, compute_w=2_000.0))
    assert rig.runner.take() == [("preempt", "job-1")]
    assert rig.state() is JobState.CHECKPOINTING
    rig.bench.say(RunnerCheckpoint("job-1", 1, "ckpt-2"))
    rig.exit(75)
    assert rig.state() is JobState.QUEUED
    assert rig.queue.hold_reason == "MODE_SHEDS_CLASS"
    rig.bench.say(budget())

    assert rig.runner.take() == [("start", "job-1", 2, "ckpt-2")]
    assert rig.row().failures == 0
    assert rig.bench.events_of("JOB_PREEMPTED")[0].fields["reason"] == "PREEMPTED_MODE"
    assert [one.reason for one in rig.reports()[-3:]] == [EndReason.PREEMPTED_MODE] * 2 + [None]


@pytest.mark.req("JOB-005")
def test_a_job_is_told_to_stop_once_however_often_the_plan_is_made() -> None:
    rig = Rig()
    rig.run(spec(job_class=JobClass.BULK))

    for _ in range(3):
        rig.bench.say(budget(PowerMode.ECLIPSE, compute_w=2_000.0))

    assert rig.runner.take() == [("preempt", "job-1")]


@pytest.mark.req("JOB-005")
def test_a_full_disk_does_not_delay_a_preemption() -> None:
    rig = Rig()
    rig.run(spec(job_class=JobClass.BULK))
    rig.disk.full = True

    rig.bench.say(budget(PowerMode.ECLIPSE, compute_w=2_000.0))
    assert rig.runner.take() == [("preempt", "job-1")]
    rig.disk.full = False
    rig.exit(75)

    assert (rig.state(), rig.row().failures) == (JobState.QUEUED, 0)


@pytest.mark.req("JOB-006")
def test_a_failure_is_retried_after_its_back_off_and_then_fails_the_job() -> None:
    rig = Rig()
    rig.run(spec(retries_max=1))

    rig.exit(1)
    assert rig.queue.hold_reason == "BACKING_OFF"
    assert rig.runner.take() == []
    rig.bench.advance(60.0)
    assert rig.runner.take() == [("start", "job-1", 2, None)]
    rig.bench.say(RunnerStarted("job-1", 2))
    rig.exit(3, attempt=2)

    assert rig.state() is JobState.FAILED
    assert rig.row().reason is EndReason.EXIT_CODE
    assert rig.bench.said(JobEnded) == [JobEnded("job-1", JobState.FAILED, None, None)]


@pytest.mark.req("JOB-006")
def test_a_limit_is_an_event_of_its_own() -> None:
    rig = Rig()
    rig.run(spec(retries_max=0))

    rig.exit(None, limit=EndReason.MEMORY_LIMIT)

    assert rig.bench.event_ids() == ["JOB_LIMIT_HIT", "JOB_ENDED"]
    assert rig.row().reason is EndReason.MEMORY_LIMIT


@pytest.mark.req("JOB-007")
@pytest.mark.parametrize("queued", [False, True])
def test_cancel_ends_a_job_that_has_no_process_at_once(queued: bool) -> None:
    rig = Rig()
    rig.bench.say(budget(soc_frac=None))
    rig.submit(spec())
    if queued:
        rig.bench.say(BundleReady("job-1"))

    rig.bench.say(JobsTc("tc-2", CancelJob(job_id="job-1")))

    assert rig.state() is JobState.CANCELLED
    assert rig.answers[-2:] == [("tc-2", Stage.STARTED, None), ("tc-2", Stage.COMPLETED, None)]


@pytest.mark.req("JOB-007")
def test_cancel_of_a_running_job_completes_when_its_processes_are_gone() -> None:
    rig = Rig()
    rig.run(spec())

    rig.bench.say(JobsTc("tc-2", CancelJob(job_id="job-1")))
    assert rig.runner.take() == [("kill", "job-1")]
    assert rig.answers == [("tc-2", Stage.STARTED, None)]
    rig.exit(None)

    assert rig.state() is JobState.CANCELLED
    assert rig.answers[-1] == ("tc-2", Stage.COMPLETED, None)


@pytest.mark.req("JOB-007")
def test_cancel_while_the_result_is_packed_keeps_no_result() -> None:
    rig = Rig()
    rig.run(spec())
    rig.exit(0)

    rig.bench.say(JobsTc("tc-2", CancelJob(job_id="job-1")), RunnerCollected("job-1", 1, SHA, 5, None, ""))

    assert (rig.state(), rig.row().result_sha256) == (JobState.CANCELLED, None)
    assert rig.queue.queued == 0


@pytest.mark.req("JOB-007")
def test_a_cancel_that_comes_again_after_a_reset_completes_again() -> None:
    rig = Rig()
    rig.submit(spec())
    rig.bench.say(JobsTc("tc-2", CancelJob(job_id="job-1")))

    again = Rig(rig.disk)
    again.bench.say(JobsTc("tc-2", CancelJob(job_id="job-1")))

    assert again.answers == [("tc-2", Stage.STARTED, None), ("tc-2", Stage.COMPLETED, None)]


@pytest.mark.req("JOB-007")
def test_cancel_of_an_unknown_or_ended_job_is_refused() -> None:
    rig = Rig()
    rig.run(spec(retries_max=0))
    rig.exit(1)

    rig.bench.say(JobsTc("tc-2", CancelJob(job_id="job-1")), JobsTc("tc-3", CancelJob(job_id="nobody")))

    assert [reason for _, _, reason in rig.answers] == [Refusal.ALREADY_ENDED, Refusal.UNKNOWN_JOB]


@pytest.mark.req("JOB-008")
def test_a_deadline_ends_a_job_in_the_queue_and_in_mid_run() -> None:
    rig = Rig()
    deadline = after(EPOCH, 100.0)
    rig.run(spec("job-1", deadline=deadline))
    rig.submit(spec("job-2", deadline=deadline), "tc-2")

    rig.bench.advance(121.0)
    assert rig.runner.take() == [("kill", "job-1"), ("discard", "job-2")]
    rig.exit(None)

    assert [rig.row(job).reason for job in ("job-1", "job-2")] == [EndReason.DEADLINE] * 2


@pytest.mark.req("JOB-009")
def test_a_reset_takes_a_running_job_back_to_the_queue_from_its_checkpoint() -> None:
    rig = Rig()
    rig.run(spec())
    rig.bench.say(RunnerCheckpoint("job-1", 1, "ckpt-4"))
    runner = BenchRunner()
    runner.orphans = 2

    again = Rig(rig.disk, runner)

    assert runner.take() == [("start", "job-1", 2, "ckpt-4")]
    assert again.module.take()[0] == ("release_all",)
    assert (again.row().restarts, again.row().failures) == (1, 0)
    assert again.bench.event_ids() == ["ORPHANS_ENDED", "JOB_RECOVERED", "JOB_STARTED"]


@pytest.mark.req("JOB-009")
def test_a_reset_asks_for_missing_bundles_again_and_takes_those_that_are_there() -> None:
    rig = Rig()
    rig.submit(spec("job-1"), "tc-1")
    rig.submit(spec("job-2"), "tc-2")
    again = Bench()
    files, runner = BenchFiles(), BenchRunner()
    files.names.add(bundle_file("job-2"))
    again.add("jobs", lambda kernel: JobsApp(kernel, rig.disk.store, runner, Orders(), files, V3NODE))

    again.boot()

    assert [wanted.job_id for wanted in again.said(BundleWanted)] == ["job-1"]
    assert rig.state("job-2") is JobState.QUEUED


@pytest.mark.req("JOB-009")
def test_after_a_failure_of_the_app_alone_no_second_attempt_starts_before_the_first_is_gone() -> None:
    rig = Rig()
    rig.run(spec())

    rig.app.recover()
    rig.app.start()
    rig.bench.run()
    assert rig.runner.take() == [("kill", "job-1")]
    rig.exit(None)

    assert rig.runner.take() == [("start", "job-1", 2, None)]
    assert rig.row().attempt == 2


@pytest.mark.req("JOB-009")
def test_a_message_of_an_old_attempt_changes_nothing() -> None:
    rig = Rig()
    rig.run(spec())

    rig.exit(0, attempt=7)
    rig.bench.say(RunnerProgress("job-1", 0, 0.9), RunnerCheckpoint("job-1", 0, "ckpt-9"))

    assert rig.state() is JobState.RUNNING
    assert rig.row().checkpoint is None


@pytest.mark.req("JOB-016")
def test_an_orderly_stop_lets_running_jobs_save() -> None:
    rig = Rig()
    rig.run(spec())

    rig.app.stop()
    rig.bench.run()
    rig.exit(75)

    assert rig.runner.take() == [("preempt", "job-1")]
    assert (rig.state(), rig.row().reason) == (JobState.QUEUED, EndReason.SHUTDOWN)


@pytest.mark.req("JOB-017")
def test_progress_is_noted_by_steps_and_shown_at_once() -> None:
    rig = Rig()
    rig.run(spec())
    before = len(rig.reported_states())

    for hundredths in range(1, 11):
        rig.bench.say(RunnerProgress("job-1", 1, hundredths / 100))

    assert rig.queue.progress_frac == pytest.approx(0.10)
    assert len(rig.reported_states()) - before == 2
    assert rig.row().progress_frac == pytest.approx(0.10)


@pytest.mark.req("JOB-018")
def test_what_the_module_forgot_in_a_reset_is_told_again() -> None:
    rig = Rig()
    rig.run(spec())

    rig.bench.say(compute(allocated=()))
    assert rig.module.take() == []
    rig.bench.advance(61.0)
    rig.bench.say(compute(allocated=("stray",)), compute(allocated=()))

    assert rig.module.take() == [("allocate", "job-1", 700.0), ("release", "stray")]


@pytest.mark.req("JOB-019")
@pytest.mark.parametrize("code", [None, 0])
def test_a_module_that_failed_takes_running_jobs_back_to_their_checkpoints_and_believes_no_exit(
    code: int | None,
) -> None:
    rig = Rig()
    rig.run(spec())
    rig.bench.say(RunnerCheckpoint("job-1", 1, "ckpt-7"))

    rig.bench.say(ModuleFailed())
    rig.bench.say(ModuleFailed())
    assert rig.runner.take() == [("kill", "job-1")]
    rig.exit(code)

    assert (rig.row().failures, rig.row().restarts, rig.row().checkpoint) == (0, 1, "ckpt-7")
    assert rig.runner.take() == [("start", "job-1", 2, "ckpt-7")]
    assert [event.fields for event in rig.bench.events_of("JOB_INTERRUPTED")] == [
        {"job_id": "job-1", "attempt": 1, "checkpoint": "ckpt-7"}
    ]
    assert [one.reason for one in rig.reports() if one.state is JobState.QUEUED][-1] == EndReason.MODULE_FAULT


def test_weak_confinement_is_reported_at_start() -> None:
    runner = BenchRunner()
    runner.level = "rlimits"

    rig = Rig(runner=runner)

    assert rig.bench.event_ids() == ["SANDBOX_DEGRADED"]
