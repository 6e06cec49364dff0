"""A laser data port over TCP: the simulator's channel relay stands for the light between two terminals.

The stream carries frames: a length of four bytes, big-endian, then that many bytes. Ours begins with a hello (a
msgpack map of node, terminal and token); the relay closes at once when that terminal is not locked, otherwise holds
the connection until the peer's port has come too, says so to both with one empty frame, and passes whole frames on
until the lock is lost.
"""

import asyncio
import logging
import struct
from collections.abc import Callable

import msgpack

from runtime.laser import FRAME_BYTES_MAX
from runtime.seeds import stream

BACKOFF_WALL_S = (0.2, 1.0)  # between two attempts: from the first, doubling, to the second
CONNECT_WALL_S = 5.0  # for the TCP connection alone; a lock may be long in coming
SEND_BUFFER_BYTES_MAX = 32 * FRAME_BYTES_MAX  # kept for a slow light; a frame beyond it is not taken

_LENGTH = struct.Struct(">I")
_log = logging.getLogger(__name__)


class TcpLaserPort:
    """One terminal's port, held by a node."""

    def __init__(self, host: str, port: int, node: str, terminal: int, token: str) -> None:
        self._address = (host, port)
        hello: bytes = msgpack.packb({"node": node, "terminal": terminal, "token": token})
        self._hello = _LENGTH.pack(len(hello)) + hello
        self._rng = stream(terminal, f"laser port of {node}")
        self._writer: asyncio.StreamWriter | None = None  # set while a peer is there
        self._rejected = 0

    @property
    def connected(self) -> bool:
        """Whether a peer's port is at the other end."""
        return self._writer is not None

    @property
    def rejected(self) -> int:
        """How often the stream was broken off because it held no valid frame."""
        return self._rejected

    def send(self, frame: bytes) -> bool:
        """Send one frame; False when not connected, too much is waiting, or the frame is empty or too large."""
        writer = self._writer
        if writer is None or writer.is_closing() or not 0 < len(frame) <= FRAME_BYTES_MAX:
            return False
        if writer.transport.get_write_buffer_size() + len(frame) > SEND_BUFFER_BYTES_MAX:
            return False
        writer.write(_LENGTH.pack(len(frame)) + frame)
        return True

    async def run(self, on_frame: Callable[[bytes], None], on_state: Callable[[bool], None]) -> None:
        """Hold the port open, again and again, until cancelled."""
        backoff_s, backoff_max_s = BACKOFF_WALL_S
        delay_s = backoff_s
        while True:
            try:
                was_joined = await self._connect_once(on_frame, on_state)
            except (OSError, TimeoutError) as error:
                _log.debug("laser port %s: %s", self._address, error)
                was_joined = False
            delay_s = backoff_s if was_joined else min(backoff_max_s, 2 * delay_s)
            await asyncio.sleep(self._rng.uniform(backoff_s, delay_s))

    async def _connect_once(self, on_frame: Callable[[bytes], None], on_state: Callable[[bool], None]) -> bool:
        """Connect, say hello, pass frames until the end; return whether a peer was there."""
        async with asyncio.timeout(CONNECT_WALL_S):
            reader, writer = await asyncio.open_connection(*self._address)
        told = False
        try:
            writer.write(self._hello)
            while (frame := await self._read_frame(reader)) is not None:
                if frame and told:
                    on_frame(frame)
                elif not frame and not told:
                    self._writer, told = writer, True
                    on_state(True)
                else:
                    self._rejected += 1
                    break
        finally:
            self._writer = None
            writer.transport.abort()  # what still waits to leave is in flight, and in-flight frames are lost
        if told:
            on_state(False)
        return told

    async def _read_frame(self, reader: asyncio.StreamReader) -> bytes | None:
        """Return the next frame, or None when the stream has ended or makes no sense."""
        try:
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            if length > FRAME_BYTES_MAX:
                self._rejected += 1
                return None
            return await reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError):
            return None
