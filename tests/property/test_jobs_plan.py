"""Whatever waits and runs, the plan stays within slots, power and energy, and every job is spoken for once."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icd.jobs import JobClass, JobState
from icd.tc import PowerMode
from icd.timebase import after
from node.apps.jobs.plan import Running, Situation, plan
from node.messages import PowerBudgetChanged
from node.ports.store import JobRow
from tests.unit.node.hardware import V3NODE, budget, spec
from tests.unit.node.harness import EPOCH

pytestmark = pytest.mark.slow


@st.composite
def rows(draw: st.DrawFn, prefix: str, state: JobState, most: int) -> list[JobRow]:
    made = []
    for number in range(draw(st.integers(0, most))):
        job = spec(
            f"{prefix}-{number}",
            draw(st.sampled_from(JobClass)),
            priority=draw(st.integers(0, 100)),
            power_w=draw(st.floats(50.0, 4_000.0)),
            slots=draw(st.integers(1, 8)),
            work_s=draw(st.floats(10.0, 50_000.0)),
            checkpoint_every_s=draw(st.floats(10.0, 5_000.0)),
        )
        submitted = after(EPOCH, draw(st.floats(-5_000.0, 0.0)))
        back_off = draw(st.none() | st.floats(-100.0, 100.0).map(lambda s: after(EPOCH, s)))
        made.append(JobRow(job, "tc", state, submitted, 0, 0, 0, back_off, None, None, None, None, None, 0.0))
    return made


budgets = st.builds(
    budget,
    st.sampled_from(PowerMode),
    soc_frac=st.none() | st.floats(0.3, 1.0),
    compute_w=st.floats(0.0, 9_200.0),
    sun_changes_in_s=st.none() | st.floats(0.0, 4_000.0),
)
heats = st.none() | st.floats(800.0, 10_000.0)


@pytest.mark.req("JOB-011")
@given(rows("wait", JobState.QUEUED, 12), rows("run", JobState.RUNNING, 4), st.data(), budgets, heats)
def test_a_plan_never_exceeds_its_budget(
    waiting: list[JobRow], live: list[JobRow], data: st.DataObject, granted: PowerBudgetChanged, heat: float | None
) -> None:
    running = [Running(row, data.draw(st.booleans())) for row in live]

    made = plan(waiting, running, Situation(EPOCH, granted, heat, V3NODE))

    by_id = {row.spec.job_id: row for row in [*waiting, *live]}
    starts = [by_id[start.job_id] for start in made.starts]
    gone = {preempt.job_id for preempt in made.preempts} | {job.row.spec.job_id for job in running if job.stopping}
    stay = [row for row in live if row.spec.job_id not in gone]
    assert sum(row.spec.power_w for row in stay) <= granted.compute_w_max + 1.0 or not stay
    if starts:
        # What is told to stop still holds its slots and power.
        assert sum(row.spec.slots for row in [*live, *starts]) <= V3NODE.compute.slots
        assert sum(row.spec.power_w for row in [*live, *starts]) <= granted.compute_w_max + 1.0
        assert granted.soc_frac is not None
    assert all(row.spec.job_class in granted.classes for row in [*starts, *stay])
    spoken = [hold.job_id for hold in made.holds] + [start.job_id for start in made.starts]
    assert sorted(spoken) == sorted(row.spec.job_id for row in waiting)
    assert len(set(gone)) == len(made.preempts) + sum(job.stopping for job in running)


@pytest.mark.req("JOB-010")
@given(rows("wait", JobState.QUEUED, 12), budgets, st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_in_which_jobs_are_listed(
    waiting: list[JobRow], granted: PowerBudgetChanged, rng: random.Random
) -> None:
    shuffled = list(waiting)
    rng.shuffle(shuffled)
    situation = Situation(EPOCH, granted, None, V3NODE)

    assert plan(shuffled, [], situation) == plan(waiting, [], situation)


@pytest.mark.req("JOB-013")
@given(rows("run", JobState.RUNNING, 6), budgets)
def test_what_was_just_started_is_not_preempted_by_the_same_budget(
    waiting: list[JobRow], granted: PowerBudgetChanged
) -> None:
    situation = Situation(EPOCH, granted, None, V3NODE)
    started = {start.job_id for start in plan(waiting, [], situation).starts}
    live = [Running(row, False) for row in waiting if row.spec.job_id in started]

    assert plan([], live, situation).preempts == []
