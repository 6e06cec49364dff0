"""Channels over real TCP: a relay to the broker for each node, and one laser port for all."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from hwsim.errors import ConfigError
from hwsim.laser_relay import LaserRelay
from hwsim.network import LaserPath, SpacePath
from hwsim.space_relay import SpaceRelay
from hwsim.units.laser_terminal import TerminalKey

_BITS = 8.0


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen: address, each node's space port, the laser port; port 0 is any free one."""

    host: str
    space_ports: dict[str, int]
    laser_port: int


class TcpChannels:
    """The relays of one simulator. Mission delays and rates become wall ones by the clock's rate."""

    def __init__(self, listen: Listen, broker: tuple[str, int], tokens: dict[str, str], rate: float) -> None:
        self._listen = listen
        self._rate = rate
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._spaces = {node: SpaceRelay(loop, node, broker) for node in listen.space_ports}
        self._lasers = LaserRelay(loop, tokens)
        self._servers: dict[str, asyncio.Server] = {}
        self._laser_server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on every port.

        Raises:
            ConfigError: a port cannot be had; the text says which.
        """
        for node, relay in self._spaces.items():
            port = self._listen.space_ports[node]
            self._servers[node] = await self._serve(relay.accept, port, f"space_ports.{node}")
        self._laser_server = await self._serve(self._lasers.accept, self._listen.laser_port, "laser_port")

    async def stop(self) -> None:
        """Cut everything and close every port."""
        for server in [*self._servers.values(), self._laser_server]:
            if server is not None:
                server.close()
        for relay in self._spaces.values():
            relay.cut()
        self._lasers.close()
        await asyncio.sleep(0)

    @property
    def laser_port(self) -> int:
        """The laser port that is listened on."""
        assert self._laser_server is not None
        return _port_of(self._laser_server)

    def space_port(self, node: str) -> int:
        """Return the port that a node's relay listens on."""
        return _port_of(self._servers[node])

    def set_space(self, node: str, path: SpacePath | None) -> None:
        """Give a node a path to the ground, or take it away."""
        relay = self._spaces[node]
        if path is None:
            relay.cut()
        else:
            relay.set_line(path.delay_s / self._rate, path.rate_bps / _BITS * self._rate)
            if (path.loss_frac, path.copy_frac) != (relay.loss_frac, relay.copy_frac):
                relay.spoil(path.loss_frac, path.copy_frac)

    def set_laser(self, a: TerminalKey, b: TerminalKey, path: LaserPath | None) -> None:
        """Join two terminals' data ports with a delay and a rate, or change these, or part the ports."""
        if path is None:
            self._lasers.part(a)
        else:
            self._lasers.join(a, b, path.delay_s / self._rate, path.rate_bps / _BITS * self._rate)

    async def _serve(self, accept: Callable[[], asyncio.Protocol], port: int, key: str) -> asyncio.Server:
        try:
            return await self._loop.create_server(accept, self._listen.host, port)
        except OSError as error:
            raise ConfigError(f"{key}: {self._listen.host}:{port} cannot be had: {error.strerror}") from error


def _port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port
