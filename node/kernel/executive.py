"""The executive: starts apps in order, dispatches one message at a time, restarts what fails, stops in reverse.

`except Exception` stands here and nowhere else in the node: an app that raises is reported and restarted, at most
RESTARTS_MAX times a boot. One that fails more often stays down: a critical one takes the node to run level MINIMAL,
of any other the composition is told, which asks for safe mode.
"""

import logging
from collections.abc import Callable
from enum import StrEnum, unique
from functools import partial
from typing import Protocol

from icd.events import FieldValue
from icd.timebase import MissionTime
from node.kernel.app import App, Kernel, TimerFired
from node.kernel.bus import Bus, BusCounters, BusMessage
from node.kernel.errors import StorageError
from node.kernel.events import Events
from node.kernel.fsm import Machine, TransitionTable
from node.kernel.health import Health
from node.kernel.recorder import Entry, Recorder
from runtime.clock import MissionClock
from runtime.timers import TimerHandle, Timers

RESTARTS_MAX = 3  # per app and boot
MESSAGES_PER_TURN = 256  # dispatched before the event loop may breathe
HEALTH_PERIOD_S = 30.0  # mission time between two rounds of pings
HEALTH_PERIOD_WALL_S = 0.5  # and never less than this wall time
STORAGE_RETRY_S = 10.0  # mission time before an app that met a storage error recovers again
BEACON_PERIOD_S = 30.0  # mission time between two beacons in MINIMAL

_log = logging.getLogger(__name__)


@unique
class RunLevel(StrEnum):
    """How far the node is up."""

    BOOTING = "BOOTING"
    RUNNING = "RUNNING"
    MINIMAL = "MINIMAL"
    STOPPED = "STOPPED"


@unique
class RunTrigger(StrEnum):
    """What moves the run level."""

    BOOTED = "BOOTED"
    APP_GIVEN_UP = "APP_GIVEN_UP"
    STOP = "STOP"


_L, _T = RunLevel, RunTrigger
RUN_TABLE: TransitionTable[RunLevel, RunTrigger] = TransitionTable(
    "node boot",
    _L.BOOTING,
    (
        (_L.BOOTING, _T.BOOTED, _L.RUNNING),
        (_L.BOOTING, _T.APP_GIVEN_UP, _L.MINIMAL),
        (_L.BOOTING, _T.STOP, _L.STOPPED),
        (_L.RUNNING, _T.APP_GIVEN_UP, _L.MINIMAL),
        (_L.RUNNING, _T.STOP, _L.STOPPED),
        (_L.MINIMAL, _T.STOP, _L.STOPPED),
    ),
)


class Minimal(Protocol):
    """What is left to do without any app. The kernel decides when; what it means is the mission's."""

    def enter(self, why: str) -> None:
        """Shed loads and say so."""
        ...

    def beacon(self) -> None:
        """Say that the node lives."""
        ...

    def on_message(self, message: BusMessage) -> None:
        """Take what an edge brings; commands may ask for a reset."""
        ...


class _AppKernel:
    """What one app sees of the executive."""

    def __init__(self, executive: "Executive", app: str) -> None:
        self._executive = executive
        self._app = app

    @property
    def now(self) -> MissionTime:
        return self._executive.now

    def publish(self, message: BusMessage) -> bool:
        return self._executive.bus.publish(message)

    def set_timer(self, name: str, delay_s: float) -> None:
        self._executive.set_timer(self._app, name, delay_s, wall=False)

    def set_wall_timer(self, name: str, delay_s: float) -> None:
        self._executive.set_timer(self._app, name, delay_s, wall=True)

    def cancel_timer(self, name: str) -> None:
        self._executive.cancel_timer(self._app, name)

    def report(self, event_id: str, **fields: FieldValue) -> None:
        self._executive.report(self._app, event_id, fields)


class Executive:
    """Runs the apps of one node over one bus."""

    def __init__(
        self, clock: MissionClock, timers: Timers, recorder: Recorder, events: Events, minimal: Minimal
    ) -> None:
        self.bus = Bus()
        self.now = clock.now()
        self.events_unstored = 0
        self._clock = clock
        self._timers = timers
        self._recorder = recorder
        self._events = events
        self._minimal = minimal
        self._apps: dict[str, App] = {}
        self._restarts: dict[str, int] = {}
        self._down: dict[str, None] = {}
        self._named: dict[tuple[str, str], TimerHandle] = {}
        self._handlers: dict[tuple[str, str], Callable[[], None]] = {}
        self._level = Machine(RUN_TABLE, on_change=self._on_level)
        self._health = Health({})
        self._pump: TimerHandle | None = None
        self._periodic: TimerHandle | None = None
        self.on_app_given_up: Callable[[str, str], None] = lambda app, error: None

    # --- composition ---

    def kernel_for(self, app: str) -> Kernel:
        """Return the kernel as the app of this name sees it."""
        return _AppKernel(self, app)

    def add(self, app: App) -> None:
        """Take an app in: apps start in the order in which they are added."""
        if app.name in self._apps:
            raise ValueError(f"app {app.name} is added twice")
        self._apps[app.name] = app
        self._restarts[app.name] = 0
        for kind, handler in app.handlers():
            self.bus.subscribe(app.name, kind, handler)
        for name, handler_ in app.timers().items():
            self._handlers[app.name, name] = handler_

    # --- life ---

    @property
    def level(self) -> RunLevel:
        """How far the node is up."""
        return self._level.state

    @property
    def counters(self) -> BusCounters:
        """What the bus has done since boot."""
        return self.bus.counters

    def start(self) -> None:
        """Recover every app, then start every app, then run."""
        self.now = self._clock.now()
        self._health = Health({name: app.critical for name, app in self._apps.items()})
        for app in self._apps.values():
            self._guard(app.name, app.recover)
        for app in self._apps.values():
            if app.name not in self._down:
                self._guard(app.name, app.start)
        if self.level is RunLevel.BOOTING:
            self._level.fire(RunTrigger.BOOTED)
            self._ping()
        self._schedule()

    def stop(self) -> None:
        """Stop apps in reverse order of start, then dispatch what they left on the bus."""
        if self.level is RunLevel.RUNNING:
            self.now = self._clock.now()
            for app in reversed(self._apps.values()):
                if app.name not in self._down:
                    self._guard(app.name, app.stop)
            self.drain()

    def halt(self) -> None:
        """Dispatch nothing any more and forget every timer."""
        if self.level is not RunLevel.STOPPED:
            self._level.fire(RunTrigger.STOP)
        for handle in [*self._named.values(), *filter(None, (self._pump, self._periodic))]:
            handle.cancel()
        self._named.clear()

    def post(self, message: BusMessage) -> bool:
        """Take a message from an edge. False when a pipe refused it."""
        if self.level is RunLevel.STOPPED:
            return False
        if self.level is RunLevel.MINIMAL:
            self.now = self._clock.now()
            self._minimal.on_message(message)
            return True
        taken = self.bus.publish(message)
        self._schedule()
        return taken

    def drain(self) -> None:
        """Dispatch until the bus is at rest, at most MESSAGES_PER_TURN times the apps."""
        for _ in range(MESSAGES_PER_TURN * max(1, len(self._apps))):
            if self.level in (RunLevel.MINIMAL, RunLevel.STOPPED) or not self._dispatch_one():
                return

    # --- what apps ask for ---

    def set_timer(self, app: str, name: str, delay_s: float, *, wall: bool) -> None:
        """Start an app's named timer anew."""
        if (app, name) not in self._handlers:
            raise ValueError(f"app {app} has no handler for timer {name!r}")
        self.cancel_timer(app, name)
        start = self._timers.after_wall_s if wall else self._timers.after_s
        self._named[app, name] = start(delay_s, lambda: self._on_timer(app, name))

    def cancel_timer(self, app: str, name: str) -> None:
        """Stop an app's named timer, if it runs."""
        handle = self._named.pop((app, name), None)
        if handle is not None:
            handle.cancel()

    def report(self, app: str, event_id: str, fields: dict[str, FieldValue]) -> None:
        """Report an operator event. A storage that refuses it is counted: there is nowhere else to write it."""
        try:
            self._events.report(self.now, app, event_id, fields)
        except StorageError as error:
            self.events_unstored += 1
            # Its text alone: a handler that keeps the error keeps its frames, and so statements of the store open.
            _log.warning("event %s of %s could not be stored: %s", event_id, app, str(error))

    # --- dispatch ---

    def _schedule(self) -> None:
        if self._pump is None and self.level is RunLevel.RUNNING:
            self._pump = self._timers.after_wall_s(0.0, self._turn)

    def _turn(self) -> None:
        self._pump = None
        for _ in range(MESSAGES_PER_TURN):
            if self.level is not RunLevel.RUNNING or not self._dispatch_one():
                return
        self._schedule()

    def _dispatch_one(self) -> bool:
        delivery = self.bus.take()
        if delivery is None:
            return False
        app, handler, message = delivery
        if app in self._down:
            return True
        self.now = self._clock.now()
        self._recorder.write(self.now, Entry.RUN, app, type(message).__name__)
        self._guard(app, handler, message)
        self._health.worked(app)
        return True

    def _on_timer(self, app: str, name: str) -> None:
        self._named.pop((app, name), None)
        if self.level is RunLevel.RUNNING:
            handler = self._handlers[app, name]
            self.bus.post(app, lambda _: handler(), TimerFired(app, name))
            self._schedule()

    # --- failure ---

    def _guard(self, app: str, call: Callable[..., None], *what: BusMessage) -> None:
        try:
            call(*what)
        except StorageError as error:
            self.report("kernel", "STORAGE_FAILED", {"detail": f"{app}: {error}"[:200]})
            self._forget_timers(app)
            self._named[app, "storage-retry"] = self._timers.after_s(STORAGE_RETRY_S, lambda: self._revive(app))
        except Exception as error:
            _log.exception("app %s failed", app)
            self._on_failure(app, f"{type(error).__name__}: {error}"[:200])

    def _on_failure(self, app: str, error: str) -> None:
        self._restarts[app] += 1
        restarts = self._restarts[app]
        self._forget_timers(app)
        if restarts <= RESTARTS_MAX:
            fields: dict[str, FieldValue] = {"failed_app": app, "error": error, "restarts": restarts}
            self.report("kernel", "APP_FAILED", fields | {"restarts_max": RESTARTS_MAX})
            self._revive(app)
            return
        self._down[app] = None
        self.report("kernel", "APP_GIVEN_UP", {"failed_app": app})
        if self._apps[app].critical and self.level in (RunLevel.BOOTING, RunLevel.RUNNING):
            self.report("kernel", "RUN_LEVEL_MINIMAL", {"why": f"app {app} failed"})
            self._level.fire(RunTrigger.APP_GIVEN_UP)
        self.on_app_given_up(app, error)

    def _revive(self, app: str) -> None:
        if self.level in (RunLevel.BOOTING, RunLevel.RUNNING) and app not in self._down:
            self._guard(app, self._apps[app].recover)
            if self.level is RunLevel.RUNNING and app not in self._down:
                self._guard(app, self._apps[app].start)
            self._schedule()

    def _forget_timers(self, app: str) -> None:
        for owner, name in [key for key in self._named if key[0] == app]:
            self.cancel_timer(owner, name)

    # --- health, run level ---

    def _ping(self) -> None:
        if self.level is not RunLevel.RUNNING:
            return
        ping, report = self._health.next_round()
        if report is not None:
            self.bus.publish(report)
        for name in self._apps:
            self.bus.post(name, partial(self._health.answer, name), ping)
        self._schedule()
        period_s = max(HEALTH_PERIOD_S, HEALTH_PERIOD_WALL_S * self._clock.rate)
        self._periodic = self._timers.after_s(period_s, self._ping)

    def _on_level(self, source: RunLevel, trigger: RunTrigger, target: RunLevel) -> None:
        _log.info("run level %s to %s by %s", source, target, trigger)
        if target is RunLevel.MINIMAL:
            for app in self._apps:
                self._forget_timers(app)
            self._minimal.enter("a critical app failed")
            self._beacon()

    def _beacon(self) -> None:
        if self.level is RunLevel.MINIMAL:
            self.now = self._clock.now()
            self._minimal.beacon()
            self._periodic = self._timers.after_s(BEACON_PERIOD_S, self._beacon)
