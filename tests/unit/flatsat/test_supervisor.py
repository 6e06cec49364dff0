"""The supervisor with real child processes: small ones, awaited by what they say and do."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flatsat import supervisor
from flatsat.supervisor import Program, StartError, Supervisor

pytestmark = pytest.mark.slow  # each starts processes
WAIT_WALL_S = 5.0
SH = "/bin/sh"
IDLE = "echo up; exec sleep 60"
STUBBORN = "trap '' TERM; echo up; while :; do sleep 60; done"


@dataclass
class Bench:
    """A supervisor, and what it has told of its children's deaths."""

    folder: Path
    deaths: list[tuple[str, str, int]] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self._on_death)

    def _on_death(self, name: str, how: str, count: int) -> None:
        self.deaths.append((name, how, count))
        self.heard.set()

    def program(
        self, name: str, script: str, ready: str | None = "up", loaded: str | None = None, stage: int = 0
    ) -> Program:
        return Program(name, (SH, "-c", script), self.folder / f"{name}.log", ready, loaded, stage)

    async def up(self, *programs: Program) -> None:
        await self.supervisor.start(list(programs))
        await self.supervisor.ready()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what a process does where no event tells of it."""
        async with asyncio.timeout(WAIT_WALL_S):
            while not condition():
                await asyncio.sleep(0.005)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.supervisor.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "RESTART_DELAY_WALL_S", 0.0)


def lives(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def pid_of(bench: Bench, name: str) -> int:
    pid = bench.supervisor.pid(name)
    assert pid is not None
    return pid


async def test_programs_start_side_by_side_and_are_loaded_before_they_are_ready(bench: Bench) -> None:
    """Each waits for the other to have been started; one then waits for a word that comes when all have loaded."""
    go, a, b = (bench.folder / name for name in ("go", "a", "b"))
    meet = "touch {mine}; until test -e {other}; do sleep 0.01; done; echo loaded; {rest}"
    until_go = f"until test -e {go}; do sleep 0.01; done; {IDLE}"
    first = bench.program("first", meet.format(mine=a, other=b, rest=until_go), loaded="loaded")
    second = bench.program("second", meet.format(mine=b, other=a, rest=IDLE), loaded="loaded")

    await bench.supervisor.start([first, second])
    go.touch()
    await bench.supervisor.ready()

    assert lives(pid_of(bench, "first"))
    assert lives(pid_of(bench, "second"))


async def test_what_waits_for_another_program_loads_beside_it_and_is_ready_after_it(bench: Bench) -> None:
    mark = bench.folder / "clock-runs"
    waits = f"echo loaded; until test -e {mark}; do sleep 0.01; done; {IDLE}"

    await bench.supervisor.start([bench.program("service", waits, loaded="loaded")])
    ran_before = mark.exists()
    await bench.supervisor.start([bench.program("clock", f"touch {mark}; {IDLE}")])
    await bench.supervisor.ready()

    assert not ran_before
    assert lives(pid_of(bench, "service"))


async def test_a_child_that_ends_between_loading_and_being_ready_is_a_start_error(bench: Bench) -> None:
    go = bench.folder / "go"
    wait = f"echo loaded; until test -e {go}; do sleep 0.01; done; echo 'no broker'; exit 1"
    await bench.supervisor.start([bench.program("node-1", wait, loaded="loaded")])

    go.touch()
    with pytest.raises(StartError, match=r"^node-1 ended at start: no broker$"):
        await bench.supervisor.ready()


async def test_a_program_without_a_ready_word_is_not_waited_for(bench: Bench) -> None:
    await bench.up(bench.program("mute", "exec sleep 60", ready=None))

    assert lives(pid_of(bench, "mute"))


async def test_what_a_child_says_goes_to_its_log_errors_too(bench: Bench) -> None:
    program = bench.program("talker", f"echo one; echo two >&2; {IDLE}")

    await bench.up(program)
    await bench.supervisor.stop()

    assert sorted(program.log.read_text().split()) == ["one", "two", "up"]


async def test_a_child_that_ends_at_start_is_named_with_its_last_line(bench: Bench) -> None:
    program = bench.program("broken", "echo first; echo 'no such file: x.toml'; exit 3")

    with pytest.raises(StartError, match=r"^broken ended at start: no such file: x\.toml$"):
        await bench.up(program)


async def test_a_program_that_is_not_there_is_a_start_error(bench: Bench) -> None:
    program = Program("ghost", (str(bench.folder / "no-such-program"),), bench.folder / "ghost.log", "up", None, 0)

    with pytest.raises(StartError, match=r"^ghost ended at start: .*No such file"):
        await bench.up(program)


async def test_a_child_that_never_says_it_is_ready_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "READY_WALL_S", 0.05)

    with pytest.raises(StartError, match=r"^mute did not come up"):
        await bench.up(bench.program("mute", "exec sleep 60"))


async def test_a_child_that_dies_is_named_restarted_and_counted(bench: Bench) -> None:
    await bench.up(bench.program("node-1", IDLE), bench.program("node-2", IDLE))
    before, other = pid_of(bench, "node-1"), pid_of(bench, "node-2")

    bench.supervisor.kill("node-1")
    await asyncio.wait_for(bench.heard.wait(), WAIT_WALL_S)
    await bench.until(lambda: bench.supervisor.pid("node-1") not in (None, before))

    assert bench.deaths == [("node-1", "signal SIGKILL", 1)]
    assert bench.supervisor.restarts == {"node-1": 1}
    assert bench.supervisor.pid("node-2") == other


@pytest.mark.parametrize(("end", "how"), [("exit 4", "exit code 4"), ("kill -40 $$", "signal 40")])
async def test_the_way_a_child_ended_is_told(bench: Bench, end: str, how: str) -> None:
    await bench.up(bench.program("child", f"trap '{end}' USR1; echo up; while :; do sleep 0.01; done"))

    os.kill(pid_of(bench, "child"), signal.SIGUSR1)
    await asyncio.wait_for(bench.heard.wait(), WAIT_WALL_S)

    assert bench.deaths == [("child", how, 1)]


async def test_a_death_is_noticed_though_a_grandchild_holds_the_pipe(bench: Bench) -> None:
    grandchild = bench.folder / "grandchild"
    await bench.up(bench.program("node-1", f"sleep 60 & echo $! > {grandchild}; {IDLE}"))

    bench.supervisor.kill("node-1")
    try:
        await asyncio.wait_for(bench.heard.wait(), WAIT_WALL_S)
    finally:
        os.kill(int(grandchild.read_text()), signal.SIGKILL)

    assert bench.deaths == [("node-1", "signal SIGKILL", 1)]


async def test_a_child_that_dies_too_often_ends_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "RESTARTS_MAX", 2)
    once = bench.folder / "once"
    script = f"if test -e {once}; then echo 'disk is full'; exit 1; fi; touch {once}; {IDLE}"
    await bench.up(bench.program("ground", script))

    bench.supervisor.kill("ground")
    why = await asyncio.wait_for(bench.supervisor.failed, WAIT_WALL_S)

    assert why.startswith("ground died 3 times in ")
    assert why.endswith("exit code 1: disk is full")
    assert [count for _, _, count in bench.deaths] == [1, 2, 3]


async def test_a_child_that_cannot_be_started_again_ends_the_run(bench: Bench) -> None:
    folder = bench.folder / "logs"
    folder.mkdir()
    program = Program("node-1", (SH, "-c", IDLE), folder / "node-1.log", "up", None, 0)
    await bench.up(program)
    program.log.unlink()
    folder.rmdir()

    bench.supervisor.kill("node-1")
    why = await asyncio.wait_for(bench.supervisor.failed, WAIT_WALL_S)

    assert why.startswith("node-1 ended with signal SIGKILL and cannot be started again")


async def test_children_stop_in_reverse_order(bench: Bench) -> None:
    order = bench.folder / "order"

    def script(name: str) -> str:
        return f"trap 'echo {name} >> {order}; kill $!; exit 0' TERM; sleep 60 & echo up; wait"

    await bench.up(*(bench.program(name, script(name), stage=at) for at, name in enumerate("abc")))
    killed = await bench.supervisor.stop()

    assert order.read_text().split() == ["c", "b", "a"]
    assert killed == []
    assert [bench.supervisor.pid(name) for name in "abc"] == [None, None, None]
    assert bench.deaths == []


async def test_children_that_ignore_sigterm_are_killed_within_the_bound_of_all_stages(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_WALL_S", 0.3)
    monkeypatch.setattr(supervisor, "STAGE_WALL_S", 0.05)
    await bench.up(*(bench.program(name, STUBBORN, stage=at) for at, name in enumerate("abc")))
    pids = [pid_of(bench, name) for name in "abc"]

    async with asyncio.timeout(WAIT_WALL_S):
        killed = await bench.supervisor.stop()

    assert killed == ["c", "b", "a"]
    assert not any(lives(pid) for pid in pids)


def test_the_stopping_of_all_stages_keeps_the_five_seconds_of_ctrl_c() -> None:
    assert supervisor.STOP_WALL_S + supervisor.LAST_WORDS_WALL_S < 5.0
    assert supervisor.STOP_WALL_S > 3 * supervisor.STAGE_WALL_S


async def test_a_child_between_death_and_restart_stays_down_when_all_stop(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "RESTART_DELAY_WALL_S", 60.0)
    await bench.up(bench.program("node-1", IDLE))
    bench.supervisor.kill("node-1")
    await asyncio.wait_for(bench.heard.wait(), WAIT_WALL_S)

    killed = await asyncio.wait_for(bench.supervisor.stop(), WAIT_WALL_S)

    assert killed == []
    assert bench.supervisor.pid("node-1") is None


async def test_a_line_beyond_the_limit_neither_stops_the_child_nor_the_log(bench: Bench) -> None:
    long = "x" * (2 * supervisor.LINE_BYTES_MAX)
    source = bench.folder / "long"
    source.write_text(f"{long}\nafter\n")

    program = bench.program("talker", f"cat {source}; {IDLE}")
    await bench.up(program)

    assert program.log.read_text().split()[-2:] == ["after", "up"]


async def test_a_full_disk_costs_the_log_its_lines_and_not_the_child_its_pipe(bench: Bench) -> None:
    program = Program("talker", (SH, "-c", f"seq 20000 2>/dev/null; {IDLE}"), Path("/dev/full"), "up", None, 0)

    await bench.up(program)

    assert lives(pid_of(bench, "talker"))


async def test_a_child_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    """The leash: nothing is left running, however the bench went."""
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from flatsat.supervisor import Program, Supervisor\n"
        "async def main():\n"
        "    watch = Supervisor(lambda *_: None)\n"
        f"    argv, log = ('/bin/sh', '-c', {IDLE!r}), Path({str(tmp_path / 'log')!r})\n"
        "    await watch.start([Program('child', argv, log, 'up', None, 0)])\n"
        "    await watch.ready()\n"
        "    print(watch.pid('child'), flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    bench = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert bench.stdout is not None
    child = int(await asyncio.wait_for(bench.stdout.readline(), WAIT_WALL_S))
    lived = lives(child)

    bench.kill()
    await bench.wait()

    assert lived
    async with asyncio.timeout(WAIT_WALL_S):
        while lives(child):
            await asyncio.sleep(0.005)


def test_the_last_line_of_a_log_is_short_and_never_fails(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"first\n" + b"\xff" + b"x" * 10_000 + b"\n\n")

    assert len(supervisor.last_line(log)) == 400
    assert supervisor.last_line(tmp_path / "none") == "it said nothing"
