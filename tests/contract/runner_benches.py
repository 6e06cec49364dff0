"""Both runners behind one bench: the same jobs, as small programs for the one, as scripts for the other."""

import asyncio
import hashlib
import io
import tarfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from icd.jobs import EndReason, JobSpec
from icd.timebase import MissionTime
from node.adapters.files import DirectoryFiles, MemoryFiles, WritableFiles
from node.adapters.process_runner import ProcessRunner
from node.adapters.virtual_runner import Mishap, VirtualRunner
from node.kernel.bus import BusMessage
from node.kernel.errors import StorageError
from node.messages import RunnerExited
from node.ports.files import bundle_file
from node.ports.runner import JobStart
from runtime.clock import ManualClock
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualClock, run_virtual, virtual_loop
from tests.contract.node_rows import NOW, spec

M = TypeVar("M", bound=BusMessage)
ROOM = 64 * 1024 * 1024
WAIT_WALL_S = 20.0

HEAD = """
import json, os, signal, sys, time
out, kept = os.environ["DAWNLINE_OUTPUT_DIR"], os.environ["DAWNLINE_CHECKPOINT_DIR"]
def say(**words): print(json.dumps(words), flush=True)
"""
# Counts to a hundred in small steps, saves every ten and when it is told to stop, and goes on where it left off.
COUNT = (
    HEAD
    + """
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
held = os.listdir(kept)
assert len(held) <= 1, held
n = int(open(os.path.join(kept, held[0])).read()) if held else 0
say(resumed=n)
def save():
    with open(os.path.join(kept, f"at-{n}"), "w") as file:
        file.write(str(n))
    say(checkpoint=f"at-{n}")
while n < 100:
    if stop:
        save()
        sys.exit(75)
    time.sleep(0.005)
    n += 1
    if n % 10 == 0:
        say(progress=n / 100)
    if n % 25 == 0:
        save()
open(os.path.join(out, "answer"), "w").write(str(n))
"""
)
STUBBORN = (
    HEAD
    + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
say(progress=0.1)
time.sleep(60)
"""
)
FAIL = HEAD + "sys.exit(3)"
SLEEP = HEAD + "say(progress=0.1)\ntime.sleep(60)"

# What each program is in virtual time.
MISHAPS: dict[str, Mishap | None] = {
    "count": None,
    "stubborn": Mishap(None, ignores_sigterm=True),
    "fail": Mishap(5.0, exit_code=3),
    "sleep": Mishap(20.0, limit=EndReason.TIME_LIMIT),
}
PROGRAMS = {"count": COUNT, "stubborn": STUBBORN, "fail": FAIL, "sleep": SLEEP}


def tar_of(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            content = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Inbox:
    """What a runner posted, in order."""

    messages: list[BusMessage] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def post(self, message: BusMessage) -> None:
        self.messages.append(message)
        self._changed.set()

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.messages if isinstance(message, kind)]

    async def until(self, kind: type[M], count: int = 1) -> M:
        """Wait for the count-th message of a kind."""
        while len(self.of(kind)) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.of(kind)[count - 1]


@dataclass
class Bench:
    """A runner with its files and its inbox."""

    runner: ProcessRunner | VirtualRunner
    files: WritableFiles
    inbox: Inbox
    programs: dict[str, str] = field(default_factory=lambda: dict(PROGRAMS))

    def job(self, program: str, job_id: str = "job-1", **changes: Any) -> JobSpec:
        """Put a job's bundle on board and return its spec."""
        return self.pack(tar_of({"job.py": self.programs[program]}), job_id, **changes)

    def pack(self, bundle: bytes, job_id: str = "job-1", **changes: Any) -> JobSpec:
        self.files.write(bundle_file(job_id), bundle)
        defaults: dict[str, Any] = {"command": ("python3", "-I", "-S", "job.py"), "work_s": 100.0}
        defaults |= {"bundle_sha256": hashlib.sha256(bundle).hexdigest(), "checkpoint_every_s": 25.0}
        return spec(job_id, **{**defaults, **changes})

    def fill_files(self) -> None:
        """Leave no room for another file."""
        for size in (8_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10):
            number = 0
            with suppress(StorageError):
                while True:
                    self.files.write(f"ballast-{size}-{number}", bytes(size))
                    number += 1

    async def rest(self, delay_s: float) -> None:
        """Let the runner come to rest."""
        if isinstance(self.runner, ProcessRunner):
            await self.runner.close()
        else:
            await asyncio.sleep(delay_s)

    async def finish(self, job: JobSpec, attempt: int = 1, checkpoint: str | None = None) -> RunnerExited:
        """Run an attempt to its end."""
        ended = len(self.inbox.of(RunnerExited))
        self.runner.start(JobStart(job, attempt, checkpoint))
        return await self.inbox.until(RunnerExited, ended + 1)


Scenario = Callable[[Bench], Awaitable[None]]


class World(Protocol):
    """Where a scenario runs."""

    def run(self, scenario: Scenario) -> None: ...


class RealWorld:
    """Processes on a real loop."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, scenario: Scenario) -> None:
        async def main() -> None:
            inbox = Inbox()
            files = DirectoryFiles(self.directory / "files", ROOM, durable=False)
            timers = LoopTimers(ManualClock(NOW), asyncio.get_running_loop())
            runner = ProcessRunner(self.directory, files, timers, inbox.post, "prefer")
            try:
                async with asyncio.timeout(WAIT_WALL_S):
                    await scenario(Bench(runner, files, inbox))
            finally:
                await runner.close()

        asyncio.run(main())


class VirtualWorld:
    """Declared work in virtual time."""

    def run(self, scenario: Scenario) -> None:
        async def main() -> None:
            inbox, files, loop = Inbox(), MemoryFiles(ROOM), virtual_loop()
            clock = VirtualClock(loop, MissionTime(NOW))
            programs: dict[str, str] = {name: name for name in PROGRAMS}

            def script(order: JobStart) -> Mishap | None:
                about = files.read(bundle_file(order.spec.job_id), 0, 10_000)
                with tarfile.open(fileobj=io.BytesIO(about)) as archive:
                    member = archive.extractfile("job.py")
                    assert member is not None
                    return MISHAPS[member.read().decode()]

            runner = VirtualRunner(clock, LoopTimers(clock, loop), files, inbox.post, script)
            await scenario(Bench(runner, files, inbox, programs))

        run_virtual(main())
