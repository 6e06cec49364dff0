"""A broker in memory: MQTT's behaviour without sockets, for virtual time.

Wildcards, retained messages, last wills, takeover by client id, clean sessions. A message for a client with several
matching subscriptions comes once. Each connection runs through two pipes, so a path can be cut, long or slow, and
faults strike by a seeded stream. Delivery is always a timer's doing: no callback runs inside `publish`.
"""

import asyncio
import random
from collections.abc import Sequence
from functools import partial

from runtime.link import PAYLOAD_BYTES_MAX, LinkCounters, OnMessage, OnState
from runtime.outgoing import Outgoing, make_room
from runtime.pipe import DIRECT, NO_FAULTS, LinkFaults, Path, Pipe
from runtime.timers import Timers
from runtime.topic_filter import check_filter, check_topic, matches

QUEUE_TO_CLIENT_MAX = 10_000  # messages under way to one client; what comes on top is dropped and counted
HELD_MAX = 10_000  # messages that a broker which stands still holds; what comes on top is dropped and counted
RETAINED_MAX = 10_000  # topics with a retained message; a further one is not kept
BACKOFF_WALL_S = (0.1, 2.0)  # a lost connection is tried again after a draw between these
_ROUTES_MAX = 4096  # topics whose receivers are remembered
_HANDSHAKE_TRIPS = 4  # CONNECT, CONNACK, SUBSCRIBE, SUBACK
_HEADER_BYTES = 6  # MQTT fixed header, topic length, message id


class MemoryBroker:
    """Connects links in one process. Same timers and same stream, same history."""

    def __init__(self, timers: Timers, rng: random.Random) -> None:
        self.timers = timers
        self.rng = rng
        self.dropped = 0  # messages lost to faults and full queues
        self._links: dict[str, list[MemoryLink]] = {}  # every link whose run() lives, by client id
        self._sessions: dict[str, MemoryLink] = {}
        self._paths: dict[str, Path | None] = {}
        self._faults: dict[str, LinkFaults] = {}
        self._retained: dict[str, Outgoing] = {}
        self._routes: dict[str, tuple[MemoryLink, ...]] = {}
        self._stopped = self._paused = False
        self._held: list[Outgoing] = []  # what came while it stood still

    def link(self, client_id: str, subscriptions: Sequence[str], will: Outgoing | None = None) -> "MemoryLink":
        """Return a new link for a client, not yet connected: its `run` does that."""
        return MemoryLink(self, client_id, subscriptions, will)

    def set_path(self, client_id: str, path: Path | None) -> None:
        """Lay the path between a client and the broker; None cuts the connection, and what is in flight is lost.

        Clients have a direct path until told otherwise. With the path back, the client comes back by itself.
        """
        self._paths[client_id] = DIRECT if path == DIRECT else path
        for link in list(self._links.get(client_id, ())):
            link.path_changed()

    def set_faults(self, client_id: str, faults: LinkFaults) -> None:
        """Make a client's connection faulty, both ways."""
        self._faults[client_id] = NO_FAULTS if faults == NO_FAULTS else faults
        for link in self._links.get(client_id, ()):
            link.path_changed()

    def restart(self) -> None:
        """Break every connection as a restarted broker does; retained messages stay, clients come back."""
        for link in list(self._sessions.values()):
            link.lose()

    def set_stopped(self, stopped: bool) -> None:
        """Be down: every connection breaks and none can be made; or be up again. Retained messages stay."""
        if stopped is self._stopped:
            return
        self._stopped = stopped
        self._held.clear()
        for links in list(self._links.values()):
            for link in list(links):
                link.path_changed()

    def set_paused(self, paused: bool) -> None:
        """Stand still: take what comes, deliver nothing, let nobody in; or go on with what was held."""
        self._paused = paused
        if not paused:
            held, self._held = self._held, []
            for message in held:
                self.route(message)

    @property
    def paused(self) -> bool:
        """Whether the broker stands still."""
        return self._paused

    def path_of(self, client_id: str) -> Path | None:
        """Return the path of a client; None while the broker is down."""
        return None if self._stopped else self._paths.get(client_id, DIRECT)

    def faults_of(self, client_id: str) -> LinkFaults:
        """Return the faults of a client's connection."""
        return self._faults.get(client_id, NO_FAULTS)

    def attach(self, link: "MemoryLink") -> None:
        """Know a link from now on: its path may open."""
        self._links.setdefault(link.client_id, []).append(link)

    def detach(self, link: "MemoryLink") -> None:
        """Forget a link."""
        self._links[link.client_id].remove(link)
        self.disconnect(link)

    def connect(self, link: "MemoryLink") -> list[Outgoing]:
        """Take a link in, in place of an older one of the same client; return the retained messages for it."""
        older = self._sessions.pop(link.client_id, None)
        if older is not None:
            older.lose()
        self._sessions[link.client_id] = link
        self._routes.clear()
        return [message for topic, message in self._retained.items() if link.wants(topic)]

    def disconnect(self, link: "MemoryLink") -> None:
        """Let a link go."""
        if self._sessions.get(link.client_id) is link:
            del self._sessions[link.client_id]
        self._routes.clear()

    def route(self, message: Outgoing) -> None:
        """Pass a message to every client that wants it."""
        if self._paused:
            if len(self._held) < HELD_MAX:
                self._held.append(message)
            else:
                self.dropped += 1
            return
        topic = message.topic
        if message.retain:
            self._retain(message)
        targets = self._routes.get(topic)
        if targets is None:
            if len(self._routes) >= _ROUTES_MAX:
                self._routes.clear()
            targets = self._routes[topic] = tuple(link for link in self._sessions.values() if link.wants(topic))
        for link in targets:
            link.hand_over(message)

    def _retain(self, message: Outgoing) -> None:
        if not message.payload:
            self._retained.pop(message.topic, None)
        elif message.topic in self._retained or len(self._retained) < RETAINED_MAX:
            self._retained[message.topic] = message
        else:
            self.dropped += 1


class MemoryLink:
    """A client of the memory broker."""

    def __init__(
        self, broker: MemoryBroker, client_id: str, subscriptions: Sequence[str], will: Outgoing | None
    ) -> None:
        self.client_id = client_id
        self._broker = broker
        self._filters = tuple(check_filter(text) for text in subscriptions)
        self._will = will
        self._up = Pipe(broker.timers, broker.rng, broker.route, _size_bytes)
        self._down = Pipe(broker.timers, broker.rng, self._deliver, _size_bytes)
        self._connected = False
        self._running = False
        self._cut = False  # waiting for a path, not for a timer
        self._runs = 0
        self._life = 0  # goes up whenever pending steps of this link become void
        self._on_message: OnMessage = _nobody
        self._on_state: OnState = _nobody
        self._sent = self._received = self._refused = self._connects = 0

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        return self._connected

    @property
    def counters(self) -> LinkCounters:
        """What the link has done since it was made."""
        return LinkCounters(self._sent, self._received, self._refused, self._connects)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        """Send a message and return at once; False when the link is down, its queue full or the payload too large."""
        check_topic(topic)
        message = Outgoing(topic, payload, qos, retain)
        if not self._connected or len(payload) > PAYLOAD_BYTES_MAX or not make_room(self._up.waiting, qos, busy=1):
            self._refused += 1
            return False
        self._sent += 1
        if self._up.idle:
            self._broker.route(message)
        else:
            self._carry(self._up, message)
        return True

    async def run(self, on_message: OnMessage, on_state: OnState) -> None:
        """Connect, deliver, connect again; ends by cancellation, and then disconnects (and the will is not said)."""
        if self._running:
            raise RuntimeError(f"link {self.client_id} runs already")
        self._running, self._on_message, self._on_state = True, on_message, on_state
        self._runs += 1
        self._broker.attach(self)
        self._cut = self._broker.path_of(self.client_id) is None
        if not self._cut:
            self._try_after_wall_s(0.0)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._running = self._connected = False
            self._reset()
            self._broker.detach(self)

    def wants(self, topic: str) -> bool:
        """Return whether a subscription matches."""
        return any(matches(topic_filter, topic) for topic_filter in self._filters)

    def hand_over(self, message: Outgoing) -> None:
        """Take a message from the broker for this client."""
        if self._down.depth >= QUEUE_TO_CLIENT_MAX:
            self._broker.dropped += 1
        elif self._down.faults is NO_FAULTS:
            self._down.put(message)
        else:
            self._carry(self._down, message)

    def path_changed(self) -> None:
        """Follow the broker's idea of this client's path and faults."""
        path = self._broker.path_of(self.client_id)
        if path is not None:
            self._lay(path)
            if self._cut:
                self._cut = False
                self._try_after_wall_s(self._broker.rng.uniform(*BACKOFF_WALL_S))
        elif self._connected:
            self.lose()
        else:
            self._cut = True
            self._life += 1

    def lose(self) -> None:
        """Lose the connection as a broken one is lost; the broker says the will."""
        broker = self._broker
        self._connected = False
        self._reset()
        broker.disconnect(self)
        broker.timers.after_s(0.0, partial(self._tell_down, self._runs))
        self._cut = broker.path_of(self.client_id) is None
        if not self._cut:
            self._try_after_wall_s(broker.rng.uniform(*BACKOFF_WALL_S))
        if self._will is not None:
            broker.route(self._will)

    def _try_after_wall_s(self, delay_s: float) -> None:
        self._broker.timers.after_wall_s(delay_s, partial(self._shake_hands, self._life))

    def _shake_hands(self, life: int) -> None:
        path = self._broker.path_of(self.client_id)
        if life == self._life and path is not None:
            self._broker.timers.after_s(_HANDSHAKE_TRIPS * path.delay_s, partial(self._establish, life))

    def _establish(self, life: int) -> None:
        path = self._broker.path_of(self.client_id)
        if life != self._life or path is None:
            return
        if self._broker.paused:  # the handshake waits for its answer
            self._try_after_wall_s(self._broker.rng.uniform(*BACKOFF_WALL_S))
            return
        self._lay(path)
        self._connected = True
        self._connects += 1
        for message in self._broker.connect(self):
            self.hand_over(message)
        self._on_state(True)

    def _tell_down(self, run: int) -> None:
        if self._running and run == self._runs:
            self._on_state(False)

    def _deliver(self, message: Outgoing) -> None:
        self._received += 1
        self._on_message(message.topic, message.payload)

    def _carry(self, pipe: Pipe[Outgoing], message: Outgoing) -> None:
        faults, rng = pipe.faults, self._broker.rng
        if message.qos == 0 and faults.drop_qos0_frac > 0.0 and rng.random() < faults.drop_qos0_frac:
            self._broker.dropped += 1
            return
        pipe.put(message)
        if message.qos > 0 and faults.duplicate_qos1_frac > 0.0 and rng.random() < faults.duplicate_qos1_frac:
            pipe.put(message)

    def _lay(self, path: Path) -> None:
        faults = self._broker.faults_of(self.client_id)
        for pipe in (self._up, self._down):
            pipe.path = path
            pipe.faults = faults

    def _reset(self) -> None:
        self._life += 1
        self._up.clear()
        self._down.clear()


def _size_bytes(message: Outgoing) -> int:
    return len(message.payload) + len(message.topic) + _HEADER_BYTES


def _nobody(*_: object) -> None:
    """Hear nothing: no run has begun."""
