"""What every runner promises: one suite over processes and over virtual time."""

from pathlib import Path

import pytest

from icd.jobs import EXIT_PREEMPTED, EndReason
from node.messages import RunnerCheckpoint, RunnerCollected, RunnerExited, RunnerProgress, RunnerStarted
from node.ports.files import bundle_file, log_file, result_file
from node.ports.runner import JobStart
from tests.contract.runner_benches import Bench, RealWorld, VirtualWorld, World

pytestmark = pytest.mark.slow


@pytest.fixture(params=["processes", "virtual"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return RealWorld(tmp_path) if request.param == "processes" else VirtualWorld()


def test_a_job_that_is_done_says_so_last(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        exited = await bench.finish(bench.job("count"))

        assert exited == RunnerExited("job-1", 1, 0, None, "")
        assert isinstance(bench.inbox.messages[0], RunnerStarted)
        assert bench.inbox.messages[-1] == exited
        fractions = [message.progress_frac for message in bench.inbox.of(RunnerProgress)]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0
        assert len(bench.inbox.of(RunnerCheckpoint)) >= 3
        assert bench.files.has(log_file("job-1"))

    world.run(scenario)


def test_the_same_job_gives_the_same_result_each_time(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        job = bench.job("count")
        for attempt in (1, 2):
            await bench.finish(job, attempt)
            bench.runner.collect("job-1", attempt)
            await bench.inbox.until(RunnerCollected, attempt)

        first, second = bench.inbox.of(RunnerCollected)
        assert first.error is None
        assert first.result_sha256 == second.result_sha256
        assert bench.files.stat(result_file("job-1")) == (first.result_bytes, first.result_sha256)

    world.run(scenario)


def test_a_failure_comes_with_its_exit_code(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        exited = await bench.finish(bench.job("fail"))

        assert (exited.exit_code, exited.limit) == (3, None)

    world.run(scenario)


def test_a_preempted_job_saves_and_goes_on_where_it_was(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        job = bench.job("count")
        bench.runner.start(JobStart(job, 1, None))
        await bench.inbox.until(RunnerProgress)
        bench.runner.preempt("job-1")
        bench.runner.preempt("job-1")
        exited = await bench.inbox.until(RunnerExited)
        kept = bench.inbox.of(RunnerCheckpoint)[-1].checkpoint
        before = len(bench.inbox.messages)
        again = await bench.finish(job, 2, kept)

        assert (exited.exit_code, exited.limit) == (EXIT_PREEMPTED, None)
        assert again.exit_code == 0
        assert isinstance(bench.inbox.messages[before], RunnerStarted)
        first = next(message for message in bench.inbox.messages[before:] if isinstance(message, RunnerProgress))
        assert first.progress_frac > 0.1, "began again from nothing"

    world.run(scenario)


def test_a_job_that_ignores_sigterm_is_killed_after_its_grace(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        bench.runner.start(JobStart(bench.job("stubborn", grace_s=0.2), 1, None))
        await bench.inbox.until(RunnerProgress)
        bench.runner.preempt("job-1")

        exited = await bench.inbox.until(RunnerExited)

        assert (exited.exit_code, exited.limit) == (None, EndReason.GRACE_EXCEEDED)

    world.run(scenario)


def test_a_job_without_grace_is_killed_at_once(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        bench.runner.start(JobStart(bench.job("stubborn", grace_s=0.0), 1, None))
        await bench.inbox.until(RunnerProgress)
        bench.runner.preempt("job-1")

        assert (await bench.inbox.until(RunnerExited)).limit is EndReason.GRACE_EXCEEDED

    world.run(scenario)


def test_a_job_that_runs_too_long_meets_its_time_limit(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        exited = await bench.finish(bench.job("sleep", time_limit_s=0.5))

        assert (exited.exit_code, exited.limit) == (None, EndReason.TIME_LIMIT)

    world.run(scenario)


def test_a_killed_job_ends_without_a_code_or_a_limit(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        bench.runner.start(JobStart(bench.job("stubborn"), 1, None))
        await bench.inbox.until(RunnerStarted)
        bench.runner.kill("job-1")
        bench.runner.kill("job-1")
        exited = await bench.inbox.until(RunnerExited)
        after = await bench.finish(bench.job("fail", "job-2"))

        assert (exited.exit_code, exited.limit) == (None, None)
        assert after.exit_code == 3
        assert len(bench.inbox.of(RunnerExited)) == 2

    world.run(scenario)


@pytest.mark.parametrize("order", ["preempt", "kill"])
def test_an_order_at_the_instant_of_the_start_ends_it_once(world: World, order: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.runner.start(JobStart(bench.job("count"), 1, None))
        bench.runner.preempt("job-1") if order == "preempt" else bench.runner.kill("job-1")
        exited = await bench.inbox.until(RunnerExited)
        await bench.finish(bench.job("fail", "job-2"))

        assert exited.exit_code == (EXIT_PREEMPTED if order == "preempt" else None)
        assert [message.job_id for message in bench.inbox.of(RunnerExited)] == ["job-1", "job-2"]

    world.run(scenario)


def test_a_missing_bundle_is_a_bad_one(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        job = bench.job("count")
        bench.files.remove(bundle_file("job-1"))

        assert (await bench.finish(job)).limit is EndReason.BUNDLE_BAD
        assert bench.inbox.of(RunnerStarted) == []

    world.run(scenario)


def test_a_second_start_of_a_running_job_is_refused_and_the_first_goes_on(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        job = bench.job("count")
        bench.runner.start(JobStart(job, 1, None))
        bench.runner.start(JobStart(job, 2, None))
        refused, done = await bench.inbox.until(RunnerExited), await bench.inbox.until(RunnerExited, 2)

        assert (refused.attempt, refused.limit) == (2, EndReason.START_FAILED)
        assert (done.attempt, done.exit_code) == (1, 0)

    world.run(scenario)


def test_orders_for_what_does_not_run_are_ignored(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        bench.runner.preempt("nobody")
        bench.runner.kill("nobody")
        bench.runner.discard("nobody")
        bench.runner.collect("nobody", 1)
        collected = await bench.inbox.until(RunnerCollected)

        assert collected.error is not None
        assert collected.detail
        assert bench.inbox.messages == [collected]
        assert bench.runner.end_orphans() == 0
        assert bench.runner.sandbox_level()

    world.run(scenario)


def test_a_discarded_job_leaves_only_its_result_and_its_log(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.finish(bench.job("count"))
        bench.runner.collect("job-1", 1)
        await bench.inbox.until(RunnerCollected)
        bench.runner.discard("job-1")
        await bench.finish(bench.job("fail", "job-2"))

        kept = [bench.files.has(name("job-1")) for name in (bundle_file, result_file, log_file)]
        assert kept == [False, True, True]

    world.run(scenario)


def test_a_full_file_space_fails_the_collection_by_name(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.finish(bench.job("count"))
        bench.fill_files()
        bench.runner.collect("job-1", 1)
        collected = await bench.inbox.until(RunnerCollected)

        assert collected.error is EndReason.STORAGE_FULL
        assert not bench.files.has(result_file("job-1"))

    world.run(scenario)


def test_two_jobs_run_side_by_side(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        for number in (1, 2):
            bench.runner.start(JobStart(bench.job("count", f"job-{number}"), 1, None))
        await bench.inbox.until(RunnerExited, 2)

        assert {message.exit_code for message in bench.inbox.of(RunnerExited)} == {0}

    world.run(scenario)


def test_a_halted_runner_says_nothing_more(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        bench.runner.start(JobStart(bench.job("count"), 1, None))
        await bench.inbox.until(RunnerStarted)
        busy = bench.runner.busy
        before = list(bench.inbox.messages)
        bench.runner.halt()
        await bench.rest(0.5)

        assert busy
        assert not bench.runner.busy
        assert bench.inbox.messages == before

    world.run(scenario)


def test_after_a_restart_of_its_app_a_job_starts_anew_once_the_old_attempt_is_gone(world: World) -> None:
    async def scenario(bench: Bench) -> None:
        job = bench.job("count")
        bench.runner.start(JobStart(job, 1, None))
        await bench.inbox.until(RunnerProgress)
        ended = bench.runner.end_orphans()
        bench.runner.start(JobStart(job, 2, None))
        first, second = await bench.inbox.until(RunnerExited), await bench.inbox.until(RunnerExited, 2)

        assert ended == 1
        assert (first.attempt, first.exit_code, first.limit) == (1, None, None)
        assert (second.attempt, second.exit_code) == (2, 0)
        kinds = [type(message) for message in bench.inbox.messages]
        assert kinds.index(RunnerExited) < len(kinds) - 1 - kinds[::-1].index(RunnerStarted)

    world.run(scenario)
