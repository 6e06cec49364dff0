"""Real brokers for tests, and a thread of TCP that a test can cut."""

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from runtime.embedded_broker import BrokerUser, write_mosquitto_config, write_nats_config
from runtime.mqtt_link import BrokerSettings

START_WALL_S = 10.0
STOP_WALL_S = 5.0
WRITERS: dict[str, Callable[[Path, int, Sequence[BrokerUser]], list[str]]] = {
    "nats": write_nats_config,
    "mosquitto": write_mosquitto_config,
}


def free_port() -> int:
    """Return a port of loopback that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningBroker:
    """A broker's process, which a test may stop and start again on the same port."""

    def __init__(self, kind: str, directory: Path, users: Sequence[BrokerUser]) -> None:
        self.kind = kind
        self.port = free_port()
        self._passwords = {user.username: user.password for user in users}
        self._argv = WRITERS[kind](directory, self.port, users)
        self._log = directory / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    def settings(self, username: str, port: int | None = None) -> BrokerSettings:
        """Return how a user reaches the broker; `port` is that of a relay in between."""
        return BrokerSettings("127.0.0.1", port or self.port, username, self._passwords[username])

    def start(self) -> None:
        """Start the process and return when it accepts connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._argv, stdout=log, stderr=log)
        deadline = time.monotonic() + START_WALL_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
                return
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"{self.kind} did not start:\n{self._log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_WALL_S)
            self._process = None


@contextlib.contextmanager
def running_broker(kind: str, directory: Path, users: Sequence[BrokerUser]) -> Iterator[RunningBroker]:
    """Run a broker, `nats` or `mosquitto`, for the length of a block."""
    broker = RunningBroker(kind, directory, users)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Thread:
    """A TCP relay to one port. Cut, it breaks what it carries and hangs up on whoever calls."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._whole = True
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._calls: list[asyncio.Task[None]] = []

    async def open(self) -> int:
        """Listen on a port of loopback and return it."""
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Break every connection, and let none live."""
        self._whole = False
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def mend(self) -> None:
        """Let connections live again."""
        self._whole = True

    async def close(self) -> None:
        """Cut, and listen no more."""
        self.cut()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.close()
            return
        self._writers += [writer, far_writer]
        self._calls += [asyncio.create_task(_copy(reader, far_writer)), asyncio.create_task(_copy(far_reader, writer))]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()
