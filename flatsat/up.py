"""`dawnline up`: a mission as real processes over a real broker, from one command, on a bare machine."""

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flatsat import run_dir
from flatsat.bench_link import BenchLink
from flatsat.configs import LOOPBACK, Setting, broker_users, ground_config, hwsim_config, node_config
from flatsat.hands import BenchHands
from flatsat.live_table import LiveTable
from flatsat.mission import Mission
from flatsat.run_dir import RunDir
from flatsat.submitter import Submitter
from flatsat.supervisor import Program, StartError, Supervisor
from ground.client import GroundClient, GroundClientError
from ground.views import NodeView
from runtime.embedded_broker import BrokerMissingError, write_mosquitto_config, write_nats_config

BROKER_WALL_S = 10.0  # for the broker to answer
REFRESH_WALL_S = 0.5
BROKER_STAGE, HWSIM_STAGE, SERVICE_STAGE = 0, 1, 2
Say = Callable[[str], None]


class UpError(RuntimeError):
    """A run that cannot start or go on; one line that says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to fly."""

    http_port: int
    broker: str  # embedded or mosquitto
    resume: bool
    for_s: float | None  # wall time
    rate: float | None  # instead of the mission's
    runs: Path


@dataclass(slots=True)
class Outcome:
    """What a run came to, for the summary."""

    run: str
    wall_s: float = 0.0
    mission_s: float = 0.0
    restarts: dict[str, int] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    killed_at_stop: list[str] = field(default_factory=list)
    nodes: list[NodeView] = field(default_factory=list)
    jobs: dict[str, int] = field(default_factory=dict)
    preemptions: int = 0


async def up(mission: Mission, options: Options, say: Say, table: LiveTable) -> Outcome:
    """Fly a mission until its time is over or a signal comes; everything is stopped in order before this returns.

    Raises:
        UpError: it cannot start, or a program cannot be kept alive.
    """
    setting = _setting(mission, options)
    outcome = Outcome(str(setting.run.path))
    supervisor = Supervisor(lambda name, how, count: _on_death(outcome, table, name, how, count))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    started = loop.time()
    try:
        interrupted = await _or_stop(_start(supervisor, setting, options), stop)
        if not interrupted:
            say(_welcome(setting, loop.time() - started))
            await _fly(setting, options, supervisor, stop, table, outcome)
    except (StartError, BrokerMissingError) as error:
        raise UpError(str(error)) from error
    finally:
        outcome.wall_s = loop.time() - started
        outcome.restarts = supervisor.restarts
        outcome.killed_at_stop = await supervisor.stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return outcome


def _setting(mission: Mission, options: Options) -> Setting:
    try:
        ports = run_dir.pick_ports(mission, options.http_port)
        run = run_dir.resume_run(mission, options.runs) if options.resume else run_dir.new_run(mission, options.runs)
    except run_dir.RunDirError as error:
        raise UpError(str(error)) from error
    session = f"s{sum(1 for _ in run.path.glob('session-*')) + 1:04d}"
    (run.path / f"session-{session}").touch()
    setting = Setting(mission, run, ports, session, options.rate or mission.file.rate)
    run.write_config("hwsim", hwsim_config(setting))
    run.write_config("ground", ground_config(setting))
    for node in mission.node_ids:
        run.write_config(node, node_config(setting, node))
    run_dir.write_access(run, ports)
    return setting


async def _start(supervisor: Supervisor, setting: Setting, options: Options) -> None:
    run, ports = setting.run, setting.ports
    write = write_mosquitto_config if options.broker == "mosquitto" else write_nats_config
    # What a broker has kept is of the session before: its time authority would set every clock wrong.
    shutil.rmtree(run.store("broker"), ignore_errors=True)
    argv = write(run.store("broker"), ports.broker, broker_users(setting))
    await supervisor.start([Program("broker", tuple(argv), run.log("broker"), None, None, BROKER_STAGE)])
    await _until_accepting(ports.broker)
    # Mission time begins with the simulator, so it comes last: when the others have loaded and wait for its word.
    services = [_python(run, "ground", "ground", SERVICE_STAGE)]
    services += [_python(run, node, "node", SERVICE_STAGE) for node in setting.mission.node_ids]
    await supervisor.start(services)
    await supervisor.start([_python(run, "hwsim", "hwsim", HWSIM_STAGE)])
    await supervisor.ready()


def _python(run: RunDir, name: str, module: str, stage: int) -> Program:
    argv = (sys.executable, "-m", module, "--config", str(run.config(name)))
    loaded = None if module == "hwsim" else f"{module} loaded"
    return Program(name, argv, run.log(name), f"{module} ready", loaded, stage)


async def _until_accepting(port: int) -> None:
    deadline = asyncio.get_running_loop().time() + BROKER_WALL_S
    while True:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            if asyncio.get_running_loop().time() > deadline:
                raise StartError(f"the broker does not answer on port {port} after {BROKER_WALL_S:.0f} s") from None
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


async def _fly(
    setting: Setting, options: Options, supervisor: Supervisor, stop: asyncio.Event, table: LiveTable, outcome: Outcome
) -> None:
    loop = asyncio.get_running_loop()
    end = None if options.for_s is None else loop.time() + options.for_s
    token = setting.run.keys.api_token("operator")
    hands = BenchHands(supervisor, setting.rate, table.complain)
    bench = BenchLink(setting, lambda node: _bite(supervisor, node), hands.on_faults)
    async with GroundClient(f"http://{LOOPBACK}:{setting.ports.http}", token) as client:
        helpers = [
            asyncio.create_task(Submitter(setting.mission, client).run(), name="submitter"),
            asyncio.create_task(bench.run(), name="bench-link"),
            asyncio.create_task(hands.run(), name="bench-hands"),
        ]
        try:
            while not stop.is_set() and (end is None or loop.time() < end):
                if supervisor.failed.done():
                    raise UpError(supervisor.failed.result())
                for helper in helpers:
                    if helper.done() and not helper.cancelled() and helper.exception() is not None:
                        raise UpError(f"{helper.get_name()} failed: {helper.exception()}")
                await _refresh(client, table, outcome)
                left = REFRESH_WALL_S if end is None else min(REFRESH_WALL_S, max(0.0, end - loop.time()))
                await _or_stop(asyncio.sleep(left), stop)
            await _refresh(client, table, outcome)
            await _count_jobs(client, outcome)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)


async def _refresh(client: GroundClient, table: LiveTable, outcome: Outcome) -> None:
    try:
        fleet = await client.fleet()
    except GroundClientError as error:
        table.complain(f"ground does not answer: {error}")
        return
    outcome.mission_s = float(fleet["now_s"])
    outcome.nodes = list(fleet["nodes"])
    table.show(fleet)


async def _count_jobs(client: GroundClient, outcome: Outcome) -> None:
    try:
        jobs = await client.jobs(limit=1000)
    except GroundClientError:
        return
    for job in jobs:
        outcome.jobs[job["state"]] = outcome.jobs.get(job["state"], 0) + 1
    events = await client.events(limit=1000)
    outcome.preemptions = sum(event["event_id"] == "JOB_PREEMPTED" for event in events)


def _on_death(outcome: Outcome, table: LiveTable, name: str, how: str, count: int) -> None:
    outcome.deaths.append(f"{name}: {how}")
    table.complain(f"{name} ended with {how}; restarted ({count})")


def _bite(supervisor: Supervisor, node: str) -> None:
    supervisor.kill(node)


def _welcome(setting: Setting, ready_s: float) -> str:
    address = f"http://{LOOPBACK}:{setting.ports.http}/"
    # A terminal is a person's; what is piped into a file is a log, and secrets do not go there.
    if sys.stdout.isatty():
        address += f"#token={setting.run.keys.api_token('operator')}"
    else:
        address += f" (token in {setting.run.path / 'keys' / 'tokens' / 'operator'})"
    return f"Ready in {ready_s:.1f} s. Console: {address}"


async def _or_stop(work: Any, stop: asyncio.Event) -> bool:
    """Wait for work or for the stop; True when the stop came first and the work was cancelled."""
    task = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
            return False
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return True
    finally:
        stopping.cancel()


def summary_json(outcome: Outcome) -> str:
    """Return the outcome as one JSON object."""
    return json.dumps(
        {
            "run": outcome.run,
            "wall_s": round(outcome.wall_s, 1),
            "mission_s": outcome.mission_s,
            "restarts": outcome.restarts,
            "deaths": outcome.deaths,
            "killed_at_stop": outcome.killed_at_stop,
            "jobs": outcome.jobs,
            "preemptions": outcome.preemptions,
            "nodes": outcome.nodes,
        },
        indent=1,
    )
