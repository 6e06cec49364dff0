"""`python -m hwsim --config FILE`: the simulator as a process of its own, over a real broker and real TCP."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path
from typing import Any

from hwsim import snapshot
from hwsim.build import SUBSCRIPTIONS, Host, HwSim, authority_of
from hwsim.channel_tcp import Listen, TcpChannels
from hwsim.config import HwsimConfig, load, load_password, load_tokens
from hwsim.errors import ConfigError, SnapshotError
from hwsim.snapshot import Snapshot
from runtime.clock import clock_of, host_unix_ns
from runtime.mqtt_link import BrokerSettings, MqttLink
from runtime.timers import LoopTimers

SNAPSHOT_WALL_S = 1.0  # between two snapshots
EXIT_CONFIG = 2
EXIT_BROKEN = 70  # the simulator found itself wrong and stopped

_LOG = logging.getLogger("hwsim")


def main() -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    parser = argparse.ArgumentParser(prog="hwsim", description="Dawnline's hardware simulator.")
    parser.add_argument("--config", type=Path, required=True, help="configuration file (JSON)")
    path: Path = parser.parse_args().config
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        return asyncio.run(_run(load(path)))
    except ConfigError as error:
        print(f"hwsim: {error}", file=sys.stderr)
        return EXIT_CONFIG


async def _run(config: HwsimConfig) -> int:
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, stop, None)
    loop.set_exception_handler(lambda _, context: _on_trouble(stop, context))
    file = None if config.snapshot_file is None else Path(config.snapshot_file)
    found = None if file is None else _resume(file)
    authority = authority_of(config, found, host_unix_ns())
    clock = clock_of(authority)
    tokens = load_tokens(Path(config.laser_tokens_file), [element.node for element in config.fleet.elements])
    listen = Listen(config.bind_host, dict(config.space_ports), config.laser_port)
    channels = TcpChannels(listen, (config.broker.host, config.broker.port), tokens, clock.rate)
    await channels.start()
    access = BrokerSettings(
        config.broker.host, config.broker.port, config.broker.username, load_password(config.broker)
    )
    link = MqttLink(access, f"hwsim-{config.session}", SUBSCRIPTIONS)
    host = Host(clock, LoopTimers(clock, loop), link, channels)
    try:
        sim = HwSim(config, host, authority, found, lambda node: None)
    except SnapshotError as error:
        _LOG.warning("starting afresh: snapshot %s: %s", file, error)
        sim = HwSim(config, host, authority, None, lambda node: None)
    sim.start()
    tasks = [loop.create_task(_speak(sim, link), name="link")]
    if file is not None:
        tasks.append(loop.create_task(_snap(sim, file), name="snapshots"))
    for task in tasks:
        task.add_done_callback(lambda task: None if task.cancelled() else _end(stop, task.exception()))
    try:
        await stop
    except Exception:
        _LOG.critical("the simulator is wrong and stops", exc_info=True)
        return EXIT_BROKEN
    finally:
        sim.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await channels.stop()
    if file is not None:
        _write(sim, file)
    return 0


def _resume(file: Path) -> Snapshot | None:
    try:
        return snapshot.read(file)
    except SnapshotError as error:
        _LOG.warning("starting afresh: snapshot %s: %s", file, error)
        return None


async def _speak(sim: HwSim, link: MqttLink) -> None:
    said: list[bool] = []

    def on_state(up: bool) -> None:
        sim.on_state(up)
        if up and not said:
            said.append(True)
            print("hwsim ready", flush=True)

    await link.run(sim.on_message, on_state)


async def _snap(sim: HwSim, file: Path) -> None:
    while True:
        _write(sim, file)
        await asyncio.sleep(SNAPSHOT_WALL_S)


def _write(sim: HwSim, file: Path) -> None:
    try:
        snapshot.write(file, sim.snapshot())
    except OSError as error:
        _LOG.warning("no snapshot: %s: %s", file, error.strerror)


def _end(stop: "asyncio.Future[None]", error: BaseException | None) -> None:
    if not stop.done():
        if error is None:
            stop.set_result(None)
        else:
            stop.set_exception(error)


def _on_trouble(stop: "asyncio.Future[None]", context: dict[str, Any]) -> None:
    """Sort what a callback left behind: a socket's trouble is the network's, anything else is ours and ends the run."""
    error = context.get("exception")
    if error is None or isinstance(error, OSError):
        _LOG.warning("%s: %s", context.get("message"), error)
    else:
        _end(stop, error)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
