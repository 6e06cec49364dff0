"""Child processes: started in order, watched, named when they die, restarted and counted, stopped in reverse."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

READY_WALL_S = 30.0  # a child that has not said it is ready by then has failed to start
STOP_WALL_S = 4.0  # from the first SIGTERM to the last SIGKILL, over all stages
STAGE_WALL_S = 0.5  # of it, kept for each stage that is still to come
LAST_WORDS_WALL_S = 0.5  # for the pipe of a child that ended to run dry: its own children may hold it open
RESTARTS_MAX = 20  # of one child within RESTART_WINDOW_WALL_S; after that the run ends
RESTART_WINDOW_WALL_S = 60.0
RESTART_DELAY_WALL_S = 0.2  # times the recent deaths, and at most RESTART_DELAY_WALL_S_MAX
RESTART_DELAY_WALL_S_MAX = 1.0
START_POLL_WALL_S = 0.01
LINE_BYTES_MAX = 64 * 1024

_LEASH = Path(__file__).with_name("leash.py")
_THAW = Path(__file__).with_name("thaw.py")


class StartError(RuntimeError):
    """A child that did not come up; the text says which, and the last thing it said."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and the lines on standard output by which it says how far it is.

    `loaded`: it has loaded and waits for another program; `ready`: it is up. None: no such word.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    ready: str | None
    loaded: str | None
    stage: int  # children of one stage stop together; later stages, which need the earlier ones, stop first


@dataclass(slots=True)
class _Child:
    program: Program
    process: asyncio.subprocess.Process | None = None
    said: list[str] = field(default_factory=list)  # of `loaded` and `ready`, since it was started
    restarts: int = 0
    deaths: list[float] = field(default_factory=list)  # loop times of the recent ones
    held_until: float = 0.0  # loop time before which it is not started again
    watch: asyncio.Task[None] | None = None
    thaw: asyncio.Task[None] | None = None  # lets it go on when it is frozen
    log: asyncio.Task[None] | None = None


OnDeath = Callable[[str, str, int], None]


class Supervisor:
    """Owns the children of one run."""

    def __init__(self, on_death: OnDeath) -> None:
        self._on_death = on_death
        self._children: dict[str, _Child] = {}
        self._stopping = False
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def start(self, programs: list[Program]) -> None:
        """Start programs side by side, and return when each of them has loaded.

        Raises:
            StartError: one did not load in READY_WALL_S, or ended first.
        """
        started = [_Child(program) for program in programs]
        for child in started:
            self._children[child.program.name] = child
            await self._spawn(child)
        for child in started:
            await self._until_said(child, child.program.loaded)

    async def ready(self) -> None:
        """Return when every program is ready, and from then on start again what dies.

        Raises:
            StartError: one did not come up in READY_WALL_S, or ended first.
        """
        started = [child for child in self._children.values() if child.watch is None]
        for child in started:
            await self._until_said(child, child.program.ready)
        for child in started:
            child.watch = asyncio.create_task(self._watch(child), name=f"watch-{child.program.name}")

    async def stop(self) -> list[str]:
        """Stop every child, last stage first; return the names of those that had to be killed."""
        self._stopping = True
        children = list(self._children.values())
        # First of all the watches: one of them may be about to start its child again.
        await _cancel([child.watch for child in children if child.watch is not None])
        # A frozen child would not hear its SIGTERM.
        await _cancel([child.thaw for child in children if child.thaw is not None])
        killed: list[str] = []
        stages = sorted({child.program.stage for child in children}, reverse=True)
        end = asyncio.get_running_loop().time() + STOP_WALL_S
        for later, stage in zip(reversed(range(len(stages))), stages, strict=True):
            members = [child for child in children if child.program.stage == stage]
            for child in members:
                self._signal(child, signal.SIGTERM)
            deadline = end - later * STAGE_WALL_S
            for child in members:
                if not await self._gone(child, deadline):
                    killed.append(child.program.name)
                    self._kill_group(child)
            for child in members:
                await self._gone(child, deadline + STAGE_WALL_S)
        await asyncio.gather(*(_last_words(child) for child in children))
        await _cancel([child.log for child in children if child.log is not None])
        return killed

    def kill(self, name: str) -> None:
        """End a child at once, as a reset line would; it is then restarted like any that dies."""
        self._signal(self._children[name], signal.SIGKILL)

    def stop_for(self, name: str, wall_s: float) -> None:
        """Stop a child and start it again so much later."""
        child = self._children[name]
        child.held_until = asyncio.get_running_loop().time() + wall_s
        self._signal(child, signal.SIGTERM)

    def freeze_for(self, name: str, wall_s: float) -> None:
        """Have a child stand still for so long; one that is frozen already stays so to its earlier end."""
        child = self._children[name]
        if not self._stopping and (child.thaw is None or child.thaw.done()):
            child.thaw = asyncio.create_task(self._freeze(child, wall_s), name=f"thaw-{name}")

    def pid(self, name: str) -> int | None:
        """Return a child's process id, or None while it does not run."""
        process = self._children[name].process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def restarts(self) -> dict[str, int]:
        """How often each child was restarted, for those that were."""
        return {name: child.restarts for name, child in self._children.items() if child.restarts}

    async def _spawn(self, child: _Child) -> None:
        program = child.program
        child.said.clear()
        # A pipe of our own: asyncio's wait() ends only when its own pipe does, and a grandchild may hold that open.
        read_end, write_end = os.pipe()
        said = os.fdopen(read_end, "rb", buffering=0)
        try:
            log = program.log.open("ab", buffering=0)
            try:
                child.process = await _see_through(_exec(program, write_end, log), child)
            except BaseException:
                log.close()
                raise
        except BaseException:
            said.close()
            raise
        finally:
            os.close(write_end)
        child.log = asyncio.create_task(_copy(said, log, child), name=f"log-{program.name}")

    async def _until_said(self, child: _Child, word: str | None) -> None:
        assert child.process is not None
        try:
            async with asyncio.timeout(READY_WALL_S):
                while word is not None and word not in child.said and child.process.returncode is None:
                    await asyncio.sleep(START_POLL_WALL_S)
        except TimeoutError:
            raise StartError(
                f"{child.program.name} did not come up in {READY_WALL_S:.0f} s; see {child.program.log}"
            ) from None
        if child.process.returncode is not None and word not in child.said:
            await _last_words(child)
            raise StartError(f"{child.program.name} ended at start: {last_line(child.program.log)}")

    async def _watch(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        while True:
            assert child.process is not None
            code = await child.process.wait()
            how = _how(code)
            child.restarts += 1
            child.deaths = [at for at in child.deaths if at > loop.time() - RESTART_WINDOW_WALL_S] + [loop.time()]
            self._on_death(child.program.name, how, child.restarts)
            if len(child.deaths) > RESTARTS_MAX:
                await _last_words(child)
                self._give_up(
                    f"{child.program.name} died {len(child.deaths)} times in {RESTART_WINDOW_WALL_S:.0f} s,"
                    f" the last time with {how}: {last_line(child.program.log)}"
                )
                return
            delay_s = min(RESTART_DELAY_WALL_S_MAX, RESTART_DELAY_WALL_S * len(child.deaths))
            await asyncio.sleep(max(delay_s, child.held_until - loop.time()))
            try:
                await self._spawn(child)
            except OSError as error:
                self._give_up(f"{child.program.name} ended with {how} and cannot be started again: {error.strerror}")
                return

    async def _freeze(self, child: _Child, wall_s: float) -> None:
        pid = self.pid(child.program.name)
        if pid is None:
            return
        waker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_THAW), str(pid), str(wall_s)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # it must outlive us
        )
        try:
            self._signal(child, signal.SIGSTOP)
            await waker.wait()
        finally:
            self._signal(child, signal.SIGCONT)
            if waker.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    waker.kill()
                await waker.wait()

    def _give_up(self, why: str) -> None:
        if not self.failed.done():
            self.failed.set_result(why)

    async def _gone(self, child: _Child, deadline: float) -> bool:
        if child.process is None:
            return True
        try:
            async with asyncio.timeout_at(deadline):
                await child.process.wait()
        except TimeoutError:
            return False
        return True

    def _kill_group(self, child: _Child) -> None:
        """Kill a child that would not stop, with what it started in its own process group."""
        if child.process is not None and child.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)

    def _signal(self, child: _Child, number: signal.Signals) -> None:
        if child.process is not None and child.process.returncode is None:
            try:
                child.process.send_signal(number)
            except ProcessLookupError:
                return


def last_line(log: Path) -> str:
    """Return the last line that a child left in its log."""
    try:
        lines = log.read_bytes()[-8192:].decode(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1][:400] if lines else "it said nothing"


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    names = {int(number): number.name for number in signal.Signals}
    return f"signal {names.get(-code, -code)}"


async def _exec(program: Program, said: int, log: BinaryIO) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), *program.argv),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=said,
        stderr=log,
        start_new_session=True,
    )


async def _see_through(
    starting: Coroutine[Any, Any, asyncio.subprocess.Process], child: _Child
) -> asyncio.subprocess.Process:
    """Finish a start that is cancelled half-way before the cancellation goes on, so that `stop` finds the child."""
    spawning = asyncio.ensure_future(starting)
    try:
        return await asyncio.shield(spawning)
    except asyncio.CancelledError:
        child.process = await spawning
        raise


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _last_words(child: _Child) -> None:
    """Let the log take what an ended child left in its pipe."""
    if child.log is not None and not child.log.done():
        try:
            async with asyncio.timeout(LAST_WORDS_WALL_S):
                await asyncio.shield(child.log)
        except TimeoutError:
            return


async def _copy(said: BinaryIO, log: BinaryIO, child: _Child) -> None:
    """Carry what a child says from its pipe to its log, until the pipe ends."""
    lines = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), said)
    try:
        with log:
            while True:
                try:
                    line = await lines.readline()
                except ValueError:  # a line beyond LINE_BYTES_MAX; what follows it is read on
                    continue
                if not line:
                    return
                with contextlib.suppress(OSError):  # a full disk loses the line; an unread pipe would stop the child
                    log.write(line)
                word = line.decode(errors="replace").strip()
                if word in (child.program.loaded, child.program.ready):
                    child.said.append(word)
    finally:
        transport.close()
