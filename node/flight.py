"""A node in real time: its secrets, its clock, real links and real jobs around the `Node` of build.py."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from pathlib import Path

from icd.codec import DecodeError, decode
from icd.params import BrokerAccess
from icd.timebase import TimeAuthority
from icd.topics import SIM_TIME
from node.adapters.boot_record import ResetCause
from node.adapters.files import DirectoryFiles
from node.adapters.process_runner import ProcessRunner
from node.adapters.record_file import RecordFile
from node.build import Links, Node, Surroundings, avionics_subscriptions, space_subscriptions
from node.config import ConfigError, NodeConfig
from node.kernel.errors import StorageError
from runtime.clock import ScaledClock, clock_of
from runtime.laser_tcp import TcpLaserPort
from runtime.mqtt_link import BrokerSettings, MqttLink
from runtime.timers import LoopTimers

FILES_BYTES_MAX = 2 * 1024 * 1024 * 1024  # bundles, results and logs of one node
SAVE_WALL_S = 2.0  # at an orderly stop, for running jobs to save themselves
SAVE_POLL_WALL_S = 0.02

_log = logging.getLogger(__name__)


async def fly(config: NodeConfig, stop: asyncio.Event, on_ready: Callable[[], None]) -> bool:
    """Run a node until `stop` is set; return whether the node asks for a reset.

    Raises:
        ConfigError: a secret cannot be read, or the data directory cannot be used.
    """
    reset = asyncio.Event()
    clock = await _await_clock(config, stop)
    if clock is None:
        return False
    runner: list[ProcessRunner] = []
    node = _build(config, clock, runner, request_reset=lambda: _ask_reset(reset, stop))
    tasks = [asyncio.create_task(one) for one in node.connections()]
    try:
        node.start()
        on_ready()
        await _until(stop, tasks)
        node.stop()
        await _until_saved(runner[0])
        node.halt(ResetCause.COMMANDED if reset.is_set() else ResetCause.ORDERLY)
    finally:
        for task in reversed(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runner[0].close()
    return reset.is_set()


def _ask_reset(reset: asyncio.Event, stop: asyncio.Event) -> None:
    reset.set()
    stop.set()


def _build(
    config: NodeConfig, clock: ScaledClock, runner: list[ProcessRunner], request_reset: Callable[[], None]
) -> Node:
    timers = LoopTimers(clock, asyncio.get_running_loop())
    data_dir = Path(config.data_dir)
    token = _secret(config.isl.token_file)
    ports = tuple(
        TcpLaserPort(config.isl.host, config.isl.port, config.node, terminal, token)
        for terminal in range(config.terminals)
    )
    links = Links(
        space=MqttLink(_settings(config.space_link), config.node, space_subscriptions(config.node)),
        avionics=MqttLink(_settings(config.avionics), f"{config.node}-av", avionics_subscriptions(config.node)),
        lasers=ports,
    )
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        files = DirectoryFiles(data_dir / "files", FILES_BYTES_MAX, durable=True)

        def make_runner(post: Callable[..., bool]) -> ProcessRunner:
            runner.append(ProcessRunner(data_dir, files, timers, post, config.sandbox))
            return runner[0]

        around = Surroundings(
            clock=clock,
            timers=timers,
            links=links,
            data_dir=data_dir,
            files=files,
            make_runner=make_runner,
            fleet_key=bytes.fromhex(_secret(config.isl.fleet_key_file)),
            record=RecordFile(data_dir / "record").append,
            durable=True,
            new_id=lambda: secrets.token_hex(8),
        )
        return Node(config, around, request_reset)
    except (StorageError, OSError) as error:
        raise ConfigError(f"data_dir {data_dir} cannot be used: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{config.isl.fleet_key_file}: not a key in hex digits") from error


async def _await_clock(config: NodeConfig, stop: asyncio.Event) -> ScaledClock | None:
    """Return the run's clock once its authority has spoken; None when the stop came first."""
    link = MqttLink(_settings(config.avionics), f"{config.node}-clock", (SIM_TIME,))
    heard: asyncio.Future[TimeAuthority] = asyncio.get_running_loop().create_future()

    def on_message(topic: str, payload: bytes) -> None:
        try:
            authority = decode(payload, TimeAuthority)
        except DecodeError as error:
            _log.warning("the time authority's word is not legal: %s", error)
            return
        if not heard.done():
            heard.set_result(authority)

    listening = asyncio.create_task(link.run(on_message, lambda up: None))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not heard.done() and not stopping.done():
            await asyncio.sleep(SAVE_POLL_WALL_S)
    finally:
        for task in (stopping, listening):
            task.cancel()
        await asyncio.gather(stopping, listening, return_exceptions=True)
    return clock_of(heard.result()) if heard.done() else None


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the stop; a connection that ends by itself is our own mistake and ends the node."""
    stopping = asyncio.create_task(stop.wait())
    for task in tasks:
        task.add_done_callback(lambda ended: stop.set())
    await stopping
    for task in tasks:
        if task.done() and not task.cancelled():
            task.result()


async def _until_saved(runner: ProcessRunner) -> None:
    deadline = asyncio.get_running_loop().time() + SAVE_WALL_S
    while runner.busy and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(SAVE_POLL_WALL_S)


def _settings(access: BrokerAccess) -> BrokerSettings:
    return BrokerSettings(access.host, access.port, access.username, _secret(access.password_file))


def _secret(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {getattr(error, 'strerror', None) or error}") from error
