"""The ground service as a process: `python -m ground --config FILE`. Exit 0 after SIGTERM, 2 for what cannot start."""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from ground.adapters.mqtt_link import make_link, make_time_link
from ground.api.http import make_app
from ground.build import build_ground
from ground.config import GroundConfig, load_config
from ground.errors import ArchiveError, ConfigError
from ground.secrets import Secrets, load_secrets
from icd.codec import DecodeError, decode
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, MissionTime, TimeAuthority
from runtime.clock import ScaledClock, clock_of
from runtime.timers import LoopTimers

EXIT_CANNOT_START = 2
DRAIN_WALL_S = 1  # for open requests to end after SIGTERM
LINGER_WALL_S = 2.0  # for everything to end after SIGTERM
_log = logging.getLogger("ground")


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own, which says when it listens."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the program."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so on stdout: a supervisor waits for this line."""
        await super().startup(sockets)
        if not self.should_exit:
            print("ground ready", flush=True)


def main() -> int:
    """Run the service until a signal, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ground", description="Dawnline's ground control service.")
    parser.add_argument("--config", type=Path, required=True, help="configuration file (JSON)")
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        config = load_config(arguments.config)
        secrets = load_secrets(config)
        with _listen(config) as listener:
            asyncio.run(_run(config, secrets, listener))
    except (ConfigError, ArchiveError) as error:
        print(f"ground: {error}", file=sys.stderr)
        return EXIT_CANNOT_START
    return 0


def _listen(config: GroundConfig) -> socket.socket:
    """Return a socket bound to the API's address.

    Raises:
        ConfigError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in config.http_host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((config.http_host, config.http_port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"http_host, http_port: cannot listen on {config.http_host}:{config.http_port}: {error.strerror}; "
            "end what uses it, or choose another port"
        ) from error
    return listener


async def _run(config: GroundConfig, secrets: Secrets, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigError, ArchiveError: it cannot start.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = await _clock(config, stop)
    if clock is None:
        return
    link = make_link(config.broker)
    ground = build_ground(config, clock, LoopTimers(clock, loop), link, secrets, durable=True)
    service = ground.service
    try:
        service.start()
        settings = uvicorn.Config(
            make_app(service),
            ws="websockets-sansio",
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=DRAIN_WALL_S,
            ws_max_size=64 * 1024,
        )
        server = _Server(settings)
        linking = asyncio.create_task(link.run(service.on_message, service.on_state), name="link")
        serving = asyncio.create_task(server.serve([listener]), name="api")
        for task in (linking, serving):
            task.add_done_callback(lambda _: stop.set())
        await stop.wait()
        server.should_exit = True
        linking.cancel()
        async with asyncio.timeout(LINGER_WALL_S):
            results = await asyncio.gather(linking, serving, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
    except TimeoutError:
        _log.warning("some connections did not end in %s s", LINGER_WALL_S)
    finally:
        ground.close()


async def _clock(config: GroundConfig, stop: asyncio.Event) -> ScaledClock | None:
    """Return the mission clock; None when the program is to stop before the time authority has spoken."""
    if config.clock == "utc":
        return ScaledClock(MissionTime(TAI_MINUS_UTC_S * NS_PER_S), 0, 1.0)
    heard: list[TimeAuthority] = []

    def on_message(_: str, payload: bytes) -> None:
        try:
            heard.append(decode(payload, TimeAuthority))
        except DecodeError as error:
            _log.warning("time authority: %s", error)
            return
        come.set()

    come = asyncio.Event()
    link = make_time_link(config.broker)
    linking = asyncio.create_task(link.run(on_message, lambda _: None), name="time link")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    stopping.add_done_callback(lambda _: come.set())
    print("ground loaded", flush=True)
    try:
        await come.wait()
    finally:
        for task in (linking, stopping):
            task.cancel()
        await asyncio.gather(linking, stopping, return_exceptions=True)
    return clock_of(heard[-1]) if heard else None


if __name__ == "__main__":
    sys.exit(main())
