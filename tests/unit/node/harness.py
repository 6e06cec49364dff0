"""The bench on which an app is tested: a real bus, manual time, timers, and a record of all that was said.

    bench = Bench()
    app = bench.add("power", lambda kernel: PowerApp(kernel, ...))
    bench.boot()
    bench.say(EpsUpdated(...))
    assert bench.said(PowerModeChanged) == [...]

Timers keep one line of mission time; a wall duration is `rate` times as long on it. Nothing here waits.
"""

import heapq
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from icd.dictionary import EVENTS
from icd.timebase import NS_PER_S, MissionTime, after, from_iso
from node.kernel.app import App, TimerFired
from node.kernel.bus import Bus, BusMessage, Overflow

EPOCH = from_iso("2026-08-22T04:00:00Z")
STEPS_MAX = 100_000  # deliveries in one run to rest: more means that apps talk in a circle

A = TypeVar("A", bound=App)
M = TypeVar("M", bound=BusMessage)
Fields = dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Event:
    """An operator event as an app reported it."""

    app: str
    event_id: str
    fields: Fields


@dataclass(order=True, slots=True)
class _Timer:
    at: MissionTime
    order: int
    app: str = field(compare=False)
    name: str = field(compare=False)


class BenchKernel:
    """A verified fake of node.kernel.app.Kernel for one app."""

    def __init__(self, bench: "Bench", app: str) -> None:
        self._bench = bench
        self._app = app

    @property
    def now(self) -> MissionTime:
        return self._bench.now

    def publish(self, message: BusMessage) -> bool:
        return self._bench.publish(message)

    def set_timer(self, name: str, delay_s: float) -> None:
        self._bench.set_timer(self._app, name, delay_s)

    def set_wall_timer(self, name: str, delay_s: float) -> None:
        self._bench.set_timer(self._app, name, delay_s * self._bench.rate)

    def cancel_timer(self, name: str) -> None:
        self._bench.cancel_timer(self._app, name)

    def report(self, event_id: str, **fields: str | int | float | bool | None) -> None:
        self._bench.report(Event(self._app, event_id, fields))


class Bench:
    """A bus with apps on it, and time that moves when told."""

    def __init__(self, rate: float = 1.0) -> None:
        self.now = EPOCH
        self.rate = rate
        self.bus = Bus()
        self.published: list[BusMessage] = []
        self.events: list[Event] = []
        self.refused: set[type[BusMessage]] = set()  # message types whose pipe is full
        self._apps: dict[str, App] = {}
        self._running: dict[tuple[str, str], _Timer] = {}
        self._timers: list[_Timer] = []
        self._orders = 0

    # --- setting up ---

    def add(self, name: str, make: Callable[[BenchKernel], A]) -> A:
        """Make an app on this bench and subscribe what it handles."""
        app = make(BenchKernel(self, name))
        assert app.name == name, f"the class says {app.name!r}"
        for kind, handler in app.handlers():
            self.bus.subscribe(name, kind, handler)
        self._apps[name] = app
        return app

    def boot(self) -> None:
        """Recover every app, start every app, run to rest."""
        for app in self._apps.values():
            app.recover()
        for app in self._apps.values():
            app.start()
        self.run()

    # --- moving ---

    def say(self, *messages: BusMessage) -> None:
        """Publish each message as an edge or another app would, and run to rest after each."""
        for message in messages:
            assert self.bus.publish(message), f"{message} refused"
            self.run()

    def run(self) -> None:
        """Dispatch until the bus is at rest."""
        for _ in range(STEPS_MAX):
            delivery = self.bus.take()
            if delivery is None:
                return
            _, handler, message = delivery
            handler(message)
        raise AssertionError(f"{STEPS_MAX} deliveries and no rest")

    def advance(self, delay_s: float) -> None:
        """Let mission time pass, firing what comes due, in order."""
        until = after(self.now, delay_s)
        while self._timers and self._timers[0].at <= until:
            timer = heapq.heappop(self._timers)
            if self._running.get((timer.app, timer.name)) is not timer:
                continue
            del self._running[timer.app, timer.name]
            self.now = max(self.now, timer.at)
            self._fire(timer)
            self.run()
        self.now = until

    def advance_wall(self, delay_s: float) -> None:
        """Let wall time pass: `rate` times as much mission time."""
        self.advance(delay_s * self.rate)

    # --- looking ---

    def said(self, kind: type[M]) -> list[M]:
        """Return what apps published of one type, in order, and not what the test said."""
        return [message for message in self.published if isinstance(message, kind)]

    def event_ids(self) -> list[str]:
        """Return the ids of all events, in order."""
        return [event.event_id for event in self.events]

    def events_of(self, event_id: str) -> list[Event]:
        """Return the events of one id, in order."""
        return [event for event in self.events if event.event_id == event_id]

    def forget(self) -> None:
        """Forget what was published and reported so far."""
        self.published.clear()
        self.events.clear()

    def timer_due_s(self, app: str, name: str) -> float | None:
        """Return how much mission time an app's timer has left, or None when it does not run."""
        timer = self._running.get((app, name))
        return None if timer is None else (timer.at - self.now) / NS_PER_S

    # --- what BenchKernel asks ---

    def publish(self, message: BusMessage) -> bool:
        """Enqueue, unless the test made this type's pipe full."""
        if type(message) in self.refused:
            assert type(message).OVERFLOW is Overflow.REFUSE, f"{type(message).__name__} is never refused"
            return False
        self.published.append(message)
        return self.bus.publish(message)

    def set_timer(self, app: str, name: str, delay_s: float) -> None:
        """Start a timer; one of that name that still runs is replaced."""
        assert name in self._apps[app].timers(), f"{app} has no handler for its timer {name}"
        self._orders += 1
        timer = _Timer(after(self.now, max(0.0, delay_s)), self._orders, app, name)
        self._running[app, name] = timer
        heapq.heappush(self._timers, timer)

    def cancel_timer(self, app: str, name: str) -> None:
        """Stop a timer, if it runs."""
        self._running.pop((app, name), None)

    def report(self, event: Event) -> None:
        """Keep an event; its id and the fields of its text must be those of the dictionary."""
        definition = EVENTS.get(event.event_id)
        assert definition is not None, f"{event.event_id} is not in the dictionary"
        wanted = set(re.findall(r"{(\w+)}", definition.text))
        assert wanted <= set(event.fields), f"{event.event_id} lacks {sorted(wanted - set(event.fields))}"
        self.events.append(event)

    def _fire(self, timer: _Timer) -> None:
        handler = self._apps[timer.app].timers()[timer.name]
        self.bus.post(timer.app, lambda _: handler(), TimerFired(timer.app, timer.name))


class BenchLink:
    """A verified fake of node.ports.link.SpaceLink: keeps what was sent, refuses while down or full."""

    def __init__(self, up: bool = True) -> None:
        self.up = up
        self.room = 1_000_000  # messages until its queue is full
        self.sent: list[tuple[str, bytes]] = []

    def send(self, channel: str, payload: bytes) -> bool:
        assert channel in ("hk", "report", "xfer")
        if not self.up or self.room <= 0:
            return False
        self.room -= 1
        self.sent.append((channel, payload))
        return True

    def take(self, channel: str) -> list[bytes]:
        """Return what was sent on a channel since it was last taken."""
        taken = [payload for sent_on, payload in self.sent if sent_on == channel]
        self.sent = [entry for entry in self.sent if entry[0] != channel]
        return taken
