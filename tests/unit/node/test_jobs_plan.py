"""The planner, the energy forecast and the judging of exits, as pure functions."""

from dataclasses import replace

import pytest

from icd.jobs import EndReason, HoldReason, JobClass, JobSpec, JobState
from icd.tc import PowerMode
from icd.timebase import MissionTime, after
from node.apps.jobs.energy import Draw, Light, lowest_soc
from node.apps.jobs.exits import RESTARTS_MAX, judge_collected, judge_exit, judge_reset
from node.apps.jobs.lifecycle import JobTrigger
from node.apps.jobs.plan import Hold, Plan, Preempt, Running, Situation, Start, plan
from node.messages import PowerBudgetChanged, RunnerCollected, RunnerExited
from node.ports.store import JobRow
from tests.unit.node.hardware import V3NODE, budget, spec
from tests.unit.node.harness import EPOCH


def row(job: JobSpec, state: JobState = JobState.QUEUED, submitted_s: float = 0.0) -> JobRow:
    return JobRow(
        spec=job,
        request_id="tc-1",
        state=state,
        submitted_at=after(EPOCH, submitted_s),
        attempt=0,
        failures=0,
        restarts=0,
        not_before=None,
        checkpoint=None,
        progress_frac=None,
        reason=None,
        result_sha256=None,
        result_bytes=None,
        energy_wh=0.0,
    )


def running(job: JobSpec, *, stopping: bool = False) -> Running:
    return Running(row(job, JobState.RUNNING), stopping)


def planned(
    waiting: list[JobRow],
    live: list[Running] | None = None,
    granted: PowerBudgetChanged | None = None,
    heat_w: float | None = None,
) -> Plan:
    return plan(waiting, live or [], Situation(EPOCH, granted or budget(), heat_w, V3NODE))


def started(made: Plan) -> list[str]:
    return [start.job_id for start in made.starts]


HOT, STANDARD, BULK = JobClass.HOT, JobClass.STANDARD, JobClass.BULK


@pytest.mark.req("JOB-010")
def test_the_queue_is_ordered_by_class_then_priority_then_submission() -> None:
    made = planned(
        [
            row(spec("bulk", BULK, priority=100)),
            row(spec("late"), submitted_s=2.0),
            row(spec("early"), submitted_s=1.0),
            row(spec("urgent", priority=90), submitted_s=3.0),
            row(spec("hot", HOT, priority=0), submitted_s=4.0),
        ]
    )

    assert started(made) == ["hot", "urgent", "early", "late", "bulk"]


@pytest.mark.req("JOB-011")
@pytest.mark.parametrize(
    ("waiting", "granted", "reason"),
    [
        (row(spec(), JobState.STAGING), budget(), HoldReason.BUNDLE_MISSING),
        (row(spec(job_class=BULK)), budget(PowerMode.ECLIPSE), HoldReason.MODE_SHEDS_CLASS),
        (row(spec()), budget(soc_frac=None), HoldReason.READINGS_LOST),
        (row(spec(slots=9)), budget(), HoldReason.SLOTS_BUSY),
        (row(spec(power_w=2_500.0)), budget(PowerMode.ECLIPSE, compute_w=2_000.0), HoldReason.POWER_CAP),
        (row(spec(job_class=BULK)), budget(sun_changes_in_s=100.0), HoldReason.ECLIPSE_AHEAD),
        (row(spec(work_s=9_000.0)), budget(soc_frac=0.66, sun_changes_in_s=60.0), HoldReason.ENERGY_SHORT),
        (replace(row(spec()), not_before=after(EPOCH, 1.0)), budget(), HoldReason.BACKING_OFF),
    ],
)
def test_every_job_that_waits_says_why(waiting: JobRow, granted: PowerBudgetChanged, reason: HoldReason) -> None:
    made = planned([waiting], granted=granted)

    assert made.holds == [Hold("job-1", reason)]
    assert made.starts == []


@pytest.mark.req("JOB-011")
def test_without_a_budget_everything_waits_and_nothing_is_preempted() -> None:
    made = plan([row(spec())], [running(spec("other"))], Situation(EPOCH, None, None, V3NODE))

    assert made == Plan(holds=[Hold("job-1", HoldReason.READINGS_LOST)])


@pytest.mark.req("JOB-011")
def test_heat_that_binds_is_named_as_the_reason() -> None:
    made = planned([row(spec(power_w=700.0))], granted=budget(compute_w=500.0), heat_w=1_300.0)

    assert made.holds == [Hold("job-1", HoldReason.TOO_HOT)]


@pytest.mark.req("JOB-012")
def test_a_bulk_job_starts_before_eclipse_when_it_will_be_done_by_then() -> None:
    short = row(spec(job_class=BULK, work_s=80.0))

    assert started(planned([short], granted=budget(sun_changes_in_s=100.0))) == ["job-1"]


@pytest.mark.req("JOB-012")
def test_a_bulk_job_that_rarely_saves_is_not_held_for_ever() -> None:
    rare = row(spec(job_class=BULK, work_s=90_000.0, checkpoint_every_s=50_000.0))

    assert started(planned([rare], granted=budget(sun_changes_in_s=1_600.0))) == ["job-1"]


@pytest.mark.req("JOB-013")
def test_a_class_that_the_mode_sheds_is_preempted() -> None:
    made = planned(
        [], [running(spec("bulk", BULK)), running(spec("std"))], budget(PowerMode.ECLIPSE, sun_changes_in_s=600.0)
    )

    assert made.preempts == [Preempt("bulk", EndReason.PREEMPTED_MODE)]


@pytest.mark.req("JOB-013")
def test_a_lower_cap_preempts_the_last_in_order_until_the_rest_fits() -> None:
    live = [running(spec(f"job-{n}", priority=n, power_w=900.0)) for n in range(4)]

    made = planned([], live, budget(PowerMode.ECLIPSE, compute_w=2_000.0, sun_changes_in_s=600.0))

    assert made.preempts == [Preempt("job-0", EndReason.PREEMPTED_MODE), Preempt("job-1", EndReason.PREEMPTED_MODE)]


@pytest.mark.req("JOB-013")
def test_a_cap_for_heat_preempts_for_heat() -> None:
    made = planned([], [running(spec())], budget(compute_w=200.0), heat_w=1_000.0)

    assert made.preempts == [Preempt("job-1", EndReason.PREEMPTED_HEAT)]


@pytest.mark.req("JOB-013")
def test_a_battery_that_would_fall_under_its_floor_preempts_for_energy() -> None:
    granted = budget(PowerMode.ECLIPSE, soc_frac=0.75, compute_w=2_000.0, sun_changes_in_s=700.0)
    fits = planned([], [running(spec(power_w=1_500.0, work_s=9_000.0))], granted)
    short = planned([], [running(spec(power_w=1_500.0, work_s=9_000.0))], replace(granted, soc_frac=0.72))

    assert fits.preempts == []
    assert short.preempts == [Preempt("job-1", EndReason.PREEMPTED_ENERGY)]


@pytest.mark.req("JOB-013")
def test_a_start_needs_more_charge_than_going_on_does() -> None:
    granted = budget(PowerMode.ECLIPSE, soc_frac=0.745, compute_w=2_000.0, sun_changes_in_s=700.0)
    job = spec(power_w=1_500.0, work_s=9_000.0)

    assert planned([], [running(job)], granted).preempts == []
    assert planned([row(job)], granted=granted).holds == [Hold("job-1", HoldReason.ENERGY_SHORT)]


@pytest.mark.req("JOB-014")
def test_a_hot_job_displaces_bulk_and_then_gets_what_it_freed() -> None:
    bulk = [spec(f"bulk-{n}", BULK, slots=4, priority=n) for n in range(2)]
    hot = row(spec("hot", HOT, slots=4))

    first = planned([hot], [running(job) for job in bulk])
    second = planned([hot, row(spec("std"))], [running(bulk[1]), running(bulk[0], stopping=True)])
    third = planned([hot], [running(bulk[1])])

    assert first.preempts == [Preempt("bulk-0", EndReason.PREEMPTED_PRIORITY)]
    assert first.holds == [Hold("hot", HoldReason.SLOTS_BUSY)]
    assert second.preempts == []
    assert second.starts == []
    assert started(third) == ["hot"]


@pytest.mark.req("JOB-014")
def test_a_hot_job_does_not_displace_what_would_not_help_it() -> None:
    live = [running(spec("std", slots=6)), running(spec("bulk", BULK, slots=2))]

    assert planned([row(spec("hot", HOT, slots=4))], live).preempts == []


@pytest.mark.req("JOB-014")
def test_small_jobs_fill_gaps_until_a_large_one_has_waited_too_long() -> None:
    live = [running(spec("old", slots=6))]
    large, small = spec("large", slots=8), row(spec("small"), submitted_s=1.0)

    fresh = planned([row(large), small], live)
    patient = planned([row(large, submitted_s=-2_000.0), small], live)

    assert started(fresh) == ["small"]
    assert patient.starts == []


@pytest.mark.req("JOB-015")
def test_the_forecast_agrees_with_arithmetic_done_by_hand() -> None:
    # Dark for 1,000 s: 18,000 W bus, 800 W idle, 1,000 W job for the first 400 s, over 0.95 efficiency.
    joules = (19_800.0 * 400.0 + 18_800.0 * 600.0) / 0.95
    expected = 0.8 - joules / 3_600.0 / 50_000.0

    lowest = lowest_soc(0.8, Light(False, 1_000.0, None), [Draw(1_000.0, 400.0, True)], 18_000.0, V3NODE)

    assert lowest == pytest.approx(expected, abs=1e-12)


@pytest.mark.req("JOB-015")
def test_the_forecast_leaves_out_in_eclipse_what_eclipse_sheds() -> None:
    light = Light(True, 600.0, 2_700.0)
    shed = lowest_soc(0.9, light, [Draw(6_000.0, 9_000.0, False)], 18_000.0, V3NODE)
    kept = lowest_soc(0.9, light, [Draw(2_000.0, 9_000.0, True)], 18_000.0, V3NODE)

    assert kept < shed < 0.9


@pytest.mark.req("JOB-015")
def test_a_low_battery_that_fills_is_judged_by_where_it_will_be() -> None:
    assert lowest_soc(0.5, Light(True, 3_000.0, None), [], 18_000.0, V3NODE) > 0.7


# --- exits ---


def exited(exit_code: int | None = None, limit: EndReason | None = None) -> RunnerExited:
    return RunnerExited("job-1", 1, exit_code, limit, "")


@pytest.mark.req("JOB-020")
@pytest.mark.parametrize(
    ("state", "said", "stop", "trigger", "reason"),
    [
        (JobState.RUNNING, exited(0), None, JobTrigger.EXITED, EndReason.DONE),
        (JobState.CHECKPOINTING, exited(0), EndReason.PREEMPTED_MODE, JobTrigger.EXITED, EndReason.DONE),
        (JobState.CHECKPOINTING, exited(75), EndReason.PREEMPTED_MODE, JobTrigger.SAVED, EndReason.PREEMPTED_MODE),
        (JobState.CHECKPOINTING, exited(None), EndReason.SHUTDOWN, JobTrigger.SAVED, EndReason.SHUTDOWN),
        (JobState.RUNNING, exited(75), EndReason.PREEMPTED_HEAT, JobTrigger.RETRY, EndReason.PREEMPTED_HEAT),
        (JobState.RUNNING, exited(0), EndReason.CANCELLED, JobTrigger.CANCEL, EndReason.CANCELLED),
        (JobState.RUNNING, exited(None), EndReason.DEADLINE, JobTrigger.FAIL, EndReason.DEADLINE),
        (JobState.RUNNING, exited(1), None, JobTrigger.RETRY, EndReason.EXIT_CODE),
        (JobState.RUNNING, exited(75), None, JobTrigger.RETRY, EndReason.EXIT_CODE),
        (JobState.STARTING, exited(None), None, JobTrigger.RETRY, EndReason.START_FAILED),
        (JobState.RUNNING, exited(None, EndReason.TIME_LIMIT), None, JobTrigger.RETRY, EndReason.TIME_LIMIT),
        (JobState.STARTING, exited(None, EndReason.BUNDLE_BAD), None, JobTrigger.FAIL, EndReason.BUNDLE_BAD),
        (
            JobState.CHECKPOINTING,
            exited(None, EndReason.GRACE_EXCEEDED),
            EndReason.PREEMPTED_MODE,
            JobTrigger.RETRY,
            EndReason.GRACE_EXCEEDED,
        ),
    ],
)
def test_an_exit_is_judged_by_code_limit_and_whether_it_was_asked_for(
    state: JobState, said: RunnerExited, stop: EndReason | None, trigger: JobTrigger, reason: EndReason
) -> None:
    verdict = judge_exit(row(spec(), state), said, stop, EPOCH)

    assert (verdict.trigger, verdict.reason) == (trigger, reason)


@pytest.mark.req("JOB-021")
def test_failures_spend_retries_and_back_off_longer_each_time() -> None:
    job = row(spec(retries_max=3), JobState.RUNNING)
    delays: list[MissionTime | None] = []
    for failures in range(4):
        verdict = judge_exit(replace(job, failures=failures), exited(1), None, MissionTime(0))
        delays.append(verdict.not_before)

    assert delays == [30_000_000_000, 60_000_000_000, 120_000_000_000, None]


@pytest.mark.req("JOB-021")
def test_preemptions_spend_no_retry() -> None:
    job = row(spec(retries_max=0), JobState.CHECKPOINTING)

    assert judge_exit(job, exited(75), EndReason.PREEMPTED_MODE, EPOCH).failures is None


@pytest.mark.req("JOB-022")
def test_resets_are_bounded() -> None:
    job = row(spec(), JobState.RUNNING)

    assert judge_reset(replace(job, restarts=RESTARTS_MAX - 1)).trigger is JobTrigger.RECOVER
    assert judge_reset(replace(job, restarts=RESTARTS_MAX)).reason is EndReason.RESTARTS_SPENT


@pytest.mark.req("JOB-020")
def test_a_result_that_is_too_large_fails_the_job_at_once() -> None:
    said = RunnerCollected("job-1", 1, "", 0, EndReason.RESULT_TOO_LARGE, "9 MiB")

    verdict = judge_collected(row(spec(retries_max=5), JobState.VERIFYING), said, EPOCH)

    assert (verdict.trigger, verdict.reason) == (JobTrigger.FAIL, EndReason.RESULT_TOO_LARGE)


def test_start_is_a_word_of_its_own() -> None:
    assert planned([row(spec())]).starts == [Start("job-1")]
