"""The software bus: typed messages, one bounded pipe per app, one order of dispatch for all."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, ClassVar

from node.kernel.errors import InvariantError

PIPE_DEPTH_MAX = 256  # messages waiting for one app; readings and commands stop here
PIPE_DEPTH_HARD_MAX = 4096  # where even messages that are never dropped show that our own code runs away


@unique
class Overflow(StrEnum):
    """What a full pipe does with one more message of a type."""

    KEEP_LATEST = "KEEP_LATEST"  # the newest of each key replaces the waiting one, full or not: readings
    REFUSE = "REFUSE"  # the publisher is told: commands
    NEVER_DROP = "NEVER_DROP"  # facts and mode changes: only the hard limit stops them, as an InvariantError


class BusMessage:
    """The base of what travels on the bus: frozen, slotted dataclasses."""

    __slots__ = ()
    OVERFLOW: ClassVar[Overflow] = Overflow.NEVER_DROP

    def key(self) -> object:
        """Return what distinguishes streams of one type under KEEP_LATEST (a terminal number, say)."""
        return None


Handler = Callable[[Any], None]


@dataclass(slots=True)
class _Delivery:
    app: str
    handler: Handler
    message: BusMessage


@dataclass(frozen=True, slots=True)
class BusCounters:
    """What the bus has done since boot."""

    dispatched: int
    dropped: int
    depth_peak: int
    last_culprit: str  # "app:MessageType" of the last drop or refusal; empty when none


class Bus:
    """Routes messages by type. `publish` only enqueues: no handler runs inside another."""

    def __init__(self) -> None:
        self._routes: dict[type[BusMessage], list[tuple[str, Handler]]] = {}
        self._order: deque[_Delivery] = deque()
        self._depth: dict[str, int] = {}
        self._latest: dict[tuple[str, type[BusMessage], object], _Delivery] = {}
        self._dispatched = 0
        self._dropped = 0
        self._peak = 0
        self._culprit = ""

    def subscribe(self, app: str, kind: type[BusMessage], handler: Handler) -> None:
        """Deliver messages of exactly this type to the app."""
        self._routes.setdefault(kind, []).append((app, handler))
        self._depth.setdefault(app, 0)

    def publish(self, message: BusMessage) -> bool:
        """Enqueue a message for each subscriber; False when a pipe refused it."""
        taken = True
        for app, handler in self._routes.get(type(message), ()):
            taken &= self.post(app, handler, message)
        return taken

    def post(self, app: str, handler: Handler, message: BusMessage) -> bool:
        """Enqueue a message for one handler of one app: timers and pings come this way."""
        kind = type(message)
        if kind.OVERFLOW is Overflow.KEEP_LATEST:
            waiting = self._latest.get((app, kind, message.key()))
            if waiting is not None:
                waiting.message = message
                return True
        depth = self._depth.get(app, 0)
        if depth >= PIPE_DEPTH_MAX and not self._may_overfill(app, kind, depth):
            return False
        delivery = _Delivery(app, handler, message)
        self._order.append(delivery)
        self._depth[app] = depth + 1
        self._peak = max(self._peak, depth + 1)
        if kind.OVERFLOW is Overflow.KEEP_LATEST:
            self._latest[app, kind, message.key()] = delivery
        return True

    def take(self) -> tuple[str, Handler, BusMessage] | None:
        """Return the next delivery in the one order of dispatch, or None when the bus is at rest."""
        if not self._order:
            return None
        delivery = self._order.popleft()
        self._depth[delivery.app] -= 1
        self._dispatched += 1
        if type(delivery.message).OVERFLOW is Overflow.KEEP_LATEST:
            del self._latest[delivery.app, type(delivery.message), delivery.message.key()]
        return delivery.app, delivery.handler, delivery.message

    @property
    def counters(self) -> BusCounters:
        """What the bus has done since boot."""
        return BusCounters(self._dispatched, self._dropped, self._peak, self._culprit)

    def _may_overfill(self, app: str, kind: type[BusMessage], depth: int) -> bool:
        if kind.OVERFLOW is Overflow.NEVER_DROP:
            if depth >= PIPE_DEPTH_HARD_MAX:
                raise InvariantError(f"pipe of {app} holds {depth} messages that may not be dropped")
            return True
        self._dropped += 1
        self._culprit = f"{app}:{kind.__name__}"
        return False
