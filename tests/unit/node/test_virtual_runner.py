"""The arithmetic of declared work: when progress and checkpoints come, and that no work is lost or won."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import pytest

from icd.jobs import EndReason
from icd.timebase import MissionTime, seconds_between
from node.adapters.files import MemoryFiles
from node.adapters.virtual_runner import START_WALL_S, Mishap, VirtualRunner, result_of
from node.messages import RunnerCheckpoint, RunnerCollected, RunnerExited, RunnerProgress, RunnerStarted
from node.ports.files import bundle_file
from node.ports.runner import JobStart
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualClock, run_virtual, virtual_loop
from tests.contract.node_rows import NOW, spec
from tests.contract.runner_benches import Inbox

BUNDLE = b"bundle"
JOB = spec(
    "job-1",
    bundle_sha256=hashlib.sha256(BUNDLE).hexdigest(),
    work_s=1000.0,
    checkpoint_every_s=300.0,
    grace_s=10.0,
)


class Flight:
    """One virtual runner."""

    def __init__(self, mishap: Mishap | None = None) -> None:
        loop = virtual_loop()
        self.clock = VirtualClock(loop, MissionTime(NOW))
        self.inbox = Inbox()
        self.files = MemoryFiles(10_000)
        self.files.write(bundle_file("job-1"), BUNDLE)
        timers = LoopTimers(self.clock, loop)
        self.runner = VirtualRunner(self.clock, timers, self.files, self.inbox.post, lambda order: mishap)

    @property
    def elapsed_s(self) -> float:
        return seconds_between(MissionTime(NOW), self.clock.now())


def _fly(story: Callable[[Flight], Awaitable[None]], mishap: Mishap | None = None) -> None:
    async def main() -> None:
        await story(Flight(mishap))

    run_virtual(main())


def test_declared_work_takes_its_declared_time() -> None:
    async def story(flight: Flight) -> None:
        flight.runner.start(JobStart(JOB, 1, None))
        await flight.inbox.until(RunnerExited)

        assert flight.elapsed_s == pytest.approx(1000.0 + START_WALL_S)
        assert [m.progress_frac for m in flight.inbox.of(RunnerProgress)] == pytest.approx(
            [n / 10 for n in range(1, 11)]
        )
        names = [message.checkpoint for message in flight.inbox.of(RunnerCheckpoint)]
        assert names == ["kept-work-ms-300000", "kept-work-ms-600000", "kept-work-ms-900000"]

    _fly(story)


def test_work_done_before_preemptions_is_not_done_again() -> None:
    async def story(flight: Flight) -> None:
        checkpoint, ran_s = None, 0.0
        for attempt in range(1, 8):
            flight.runner.start(JobStart(JOB, attempt, checkpoint))
            await flight.inbox.until(RunnerStarted, attempt)
            began_s = flight.elapsed_s
            await asyncio.sleep(123.4567)
            flight.runner.preempt("job-1")
            ran_s += flight.elapsed_s - began_s
            assert (await flight.inbox.until(RunnerExited, attempt)).exit_code == 75
            checkpoint = flight.inbox.of(RunnerCheckpoint)[-1].checkpoint
        flight.runner.start(JobStart(JOB, 8, checkpoint))
        await flight.inbox.until(RunnerStarted, 8)
        began_s = flight.elapsed_s
        assert (await flight.inbox.until(RunnerExited, 8)).exit_code == 0

        assert ran_s + flight.elapsed_s - began_s == pytest.approx(1000.0, abs=0.01)

    _fly(story)


def test_a_reset_loses_only_what_came_after_the_last_checkpoint() -> None:
    async def story(flight: Flight) -> None:
        flight.runner.start(JobStart(JOB, 1, None))
        await asyncio.sleep(650.0)
        kept = flight.inbox.of(RunnerCheckpoint)[-1].checkpoint
        flight.runner.halt()
        await asyncio.sleep(1000.0)
        silent = flight.inbox.of(RunnerExited)

        reborn, began_s = Flight(), flight.elapsed_s
        reborn.runner.start(JobStart(JOB, 2, kept))
        await reborn.inbox.until(RunnerExited)

        assert silent == []
        assert reborn.elapsed_s - began_s == pytest.approx(400.0 + START_WALL_S, abs=0.01)

    _fly(story)


def test_the_result_can_be_foretold_from_the_spec() -> None:
    async def story(flight: Flight) -> None:
        flight.runner.start(JobStart(JOB, 1, None))
        await flight.inbox.until(RunnerExited)
        flight.runner.collect("job-1", 1)
        collected = await flight.inbox.until(RunnerCollected)

        assert collected.result_sha256 == hashlib.sha256(result_of(JOB)).hexdigest()

    _fly(story)


@pytest.mark.parametrize("checkpoint", ["kept-3-step", "kept-work-ms-", "kept-work-ms--5", "kept-work-ms-9e9", ""])
def test_a_checkpoint_of_another_runner_begins_at_nothing(checkpoint: str) -> None:
    async def story(flight: Flight) -> None:
        flight.runner.start(JobStart(JOB, 1, checkpoint))
        await flight.inbox.until(RunnerExited)

        assert flight.elapsed_s == pytest.approx(1000.0 + START_WALL_S)

    _fly(story)


def test_a_mishap_ends_the_attempt_when_it_is_due() -> None:
    async def story(flight: Flight) -> None:
        flight.runner.start(JobStart(JOB, 1, "kept-work-ms-500000"))
        exited = await flight.inbox.until(RunnerExited)

        assert flight.elapsed_s == pytest.approx(250.0 + START_WALL_S)
        assert (exited.exit_code, exited.limit) == (None, EndReason.MEMORY_LIMIT)
        assert len(flight.inbox.of(RunnerProgress)) == 2

    _fly(story, Mishap(250.0, limit=EndReason.MEMORY_LIMIT))


def test_a_job_that_hangs_at_its_end_ends_only_by_order() -> None:
    async def story(flight: Flight) -> None:
        flight.runner.start(JobStart(JOB, 1, None))
        await asyncio.sleep(5000.0)
        hanging = list(flight.inbox.of(RunnerExited))
        flight.runner.kill("job-1")
        await flight.inbox.until(RunnerExited)

        assert hanging == []
        assert not flight.runner.busy

    _fly(story, Mishap(None))
