"""Loses and copies MQTT messages in a relayed stream, whole packets at a time, so that the stream stays a legal one.

Framing of MQTT 3.1.1, sections 2.2 (fixed header) and 3.3 (PUBLISH): the first byte holds kind and flags, then come one
to four bytes of length, seven bits each, then the body. Only QoS 0 messages are lost: a stream that lost others would
be no MQTT, and its ends would break it off.
"""

import random

PUBLISH = 3
DUP_FLAG = 0x08
LENGTH_BYTES_MAX = 4
COPY_BYTES_MAX = 256 * 1024  # a larger message is not copied: it would have to be held whole


class Spoiler:
    """One direction of one connection. The fractions may change at any time; packets under way are finished."""

    def __init__(self, rng: random.Random) -> None:
        self.loss_frac = 0.0
        self.copy_frac = 0.0
        self._rng = rng
        self._head = bytearray()  # of a packet whose length is not known yet
        self._told = 0  # bytes of it that went out at once, because nothing was to be spoilt
        self._left = 0  # bytes of the packet in hand that are still to come
        self._losing = False
        self._copy: bytearray | None = None

    def pass_on(self, data: bytes) -> bytes:
        """Return what is left of a piece of the stream."""
        out = bytearray()
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                self._take(out, piece)
            else:
                self._head.append(data[at])
                if self._told or not (self.loss_frac or self.copy_frac):
                    out.append(data[at])
                    self._told += 1
                at += 1
                self._look(out)
            if not self._left and self._copy is not None and not self._head:
                out += self._copy
                self._copy = None
        return bytes(out)

    def _look(self, out: bytearray) -> None:
        """Decide about a packet as soon as its header is whole."""
        head = self._head
        if len(head) < 2 or (head[-1] & 0x80 and len(head) <= LENGTH_BYTES_MAX):
            return
        self._left = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(head[1:]))
        kind, qos = head[0] >> 4, (head[0] >> 1) & 3
        message = kind == PUBLISH and not self._told
        self._losing = message and qos == 0 and self._drawn(self.loss_frac)
        if message and qos == 1 and self._left <= COPY_BYTES_MAX and self._drawn(self.copy_frac):
            self._copy = bytearray()
        whole = bytes(head)
        if not self._losing:
            out += whole[self._told :]
        self._told = 0
        head.clear()
        if self._copy is not None:
            self._copy += bytes((whole[0] | DUP_FLAG,)) + whole[1:]

    def _take(self, out: bytearray, piece: bytes) -> None:
        if not self._losing:
            out += piece
        if self._copy is not None:
            self._copy += piece

    def _drawn(self, frac: float) -> bool:
        return frac > 0.0 and self._rng.random() < frac
