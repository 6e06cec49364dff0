"""The executive: order, isolation, bounded restarts, run level MINIMAL."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pytest

from icd.events import EventReport
from icd.timebase import MissionTime
from node.kernel.app import App, Kernel, handles, on_timer
from node.kernel.bus import PIPE_DEPTH_MAX, Bus, BusMessage, Overflow
from node.kernel.errors import IllegalTransitionError, StorageError, StorageFault
from node.kernel.events import BURST_EVENTS, Events
from node.kernel.executive import RESTARTS_MAX, RUN_TABLE, Executive, RunLevel, RunTrigger
from node.kernel.fsm import Machine
from node.kernel.health import HealthReported
from node.kernel.recorder import Entry, Recorder
from runtime.clock import ManualClock
from runtime.timers import TimerHandle


@dataclass(frozen=True, slots=True)
class Number(BusMessage):
    value: int


@dataclass(frozen=True, slots=True)
class Level(BusMessage):
    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    value: int


@dataclass(frozen=True, slots=True)
class Order(BusMessage):
    OVERFLOW: ClassVar[Overflow] = Overflow.REFUSE
    value: int


class HandTimers:
    """Timers that fire when the test says so, in order of their time and then of their making."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._due: list[tuple[MissionTime, int, Callable[[], None]]] = []
        self._made = 0

    def at(self, when: MissionTime, callback: Callable[[], None]) -> TimerHandle:
        entry = (when, self._made, callback)
        self._made += 1
        self._due.append(entry)
        return _Entry(self._due, entry)

    def after_s(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        return self.at(MissionTime(self._clock.now() + round(delay_s * 1e9)), callback)

    def after_wall_s(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        return self.after_s(delay_s, callback)

    def run_until(self, when: MissionTime) -> None:
        while due := [entry for entry in self._due if entry[0] <= when]:
            entry = min(due, key=lambda item: item[:2])
            self._due.remove(entry)
            self._clock.set(max(self._clock.now(), entry[0]))
            entry[2]()
        self._clock.set(when)


class _Entry:
    def __init__(
        self, due: list[tuple[MissionTime, int, Callable[[], None]]], entry: tuple[MissionTime, int, Callable[[], None]]
    ) -> None:
        self._due = due
        self._entry = entry

    def cancel(self) -> None:
        if self._entry in self._due:
            self._due.remove(self._entry)


class Listener(App):
    name = "listener"

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.heard: list[object] = []

    def recover(self) -> None:
        self.heard.append("recover")

    def start(self) -> None:
        self.heard.append("start")
        self.kernel.set_timer("tick", 10.0)

    def stop(self) -> None:
        self.heard.append("stop")

    @handles(Number)
    def on_number(self, number: Number) -> None:
        if number.value < 0:
            raise ValueError("negative")
        if number.value == 507:
            raise StorageError(StorageFault.FULL, "no space")
        self.heard.append(number.value)

    @handles(HealthReported)
    def on_health(self, report: HealthReported) -> None:
        self.heard.append(report.silent)

    @on_timer("tick")
    def on_tick(self) -> None:
        self.heard.append("tick")


class LastResort:
    def __init__(self) -> None:
        self.done: list[str] = []

    def enter(self, why: str) -> None:
        self.done.append("enter")

    def beacon(self) -> None:
        self.done.append("beacon")

    def on_message(self, message: BusMessage) -> None:
        self.done.append(type(message).__name__)


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock(MissionTime(0))
        self.timers = HandTimers(self.clock)
        self.events: list[EventReport] = []
        self.minimal = LastResort()
        self.executive = Executive(
            self.clock, self.timers, Recorder("node-a", None), Events(self.events.append), self.minimal
        )
        self.app = Listener(self.executive.kernel_for("listener"))
        self.executive.add(self.app)

    def run_s(self, seconds: float) -> None:
        self.timers.run_until(MissionTime(self.clock.now() + round(seconds * 1e9)))


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.executive.start()
    bench.run_s(0.0)
    return bench


def test_apps_recover_before_they_start_and_stop_at_the_end(bench: Bench) -> None:
    bench.executive.post(Number(7))
    bench.run_s(11.0)
    bench.executive.stop()

    assert bench.app.heard == ["recover", "start", 7, "tick", "stop"]


def test_an_app_that_raises_is_reported_and_recovers(bench: Bench) -> None:
    bench.executive.post(Number(-1))
    bench.executive.post(Number(3))
    bench.run_s(0.0)

    assert bench.app.heard == ["recover", "start", "recover", "start", 3]
    assert [event.event_id for event in bench.events] == ["APP_FAILED"]


def test_a_critical_app_that_fails_too_often_leads_to_minimal_which_beacons_and_listens(bench: Bench) -> None:
    for _ in range(RESTARTS_MAX + 1):
        bench.executive.post(Number(-1))
    bench.run_s(31.0)
    bench.executive.post(Number(1))

    assert bench.executive.level is RunLevel.MINIMAL
    assert bench.minimal.done == ["enter", "beacon", "beacon", "Number"]
    assert bench.events[-1].event_id == "RUN_LEVEL_MINIMAL"


def test_a_full_disk_spends_no_restart_and_the_app_recovers_later(bench: Bench) -> None:
    for _ in range(RESTARTS_MAX + 2):
        bench.executive.post(Number(507))
        bench.run_s(12.0)

    assert bench.executive.level is RunLevel.RUNNING
    assert bench.app.heard.count("recover") == 1 + RESTARTS_MAX + 2
    assert {event.event_id for event in bench.events} == {"STORAGE_FAILED"}


def test_a_round_of_pings_names_nobody_when_all_answer(bench: Bench) -> None:
    bench.run_s(31.0)

    assert () in bench.app.heard


def test_readings_keep_the_newest_and_commands_are_refused_when_the_pipe_is_full() -> None:
    bus = Bus()
    taken: list[BusMessage] = []
    bus.subscribe("a", Level, taken.append)
    bus.subscribe("a", Order, taken.append)

    assert all(bus.publish(Level(value)) for value in range(3))
    answers = [bus.publish(Order(value)) for value in range(PIPE_DEPTH_MAX)]
    first = bus.take()

    assert first is not None
    assert first[2] == Level(2)
    assert answers.count(False) == 1
    assert bus.counters.dropped == 1
    assert bus.counters.last_culprit == "a:Order"


def test_mode_changes_are_never_dropped() -> None:
    bus = Bus()
    bus.subscribe("a", Number, lambda message: None)

    assert all(bus.publish(Number(value)) for value in range(PIPE_DEPTH_MAX * 2))


def test_an_illegal_trigger_is_refused_by_the_machine() -> None:
    machine = Machine(RUN_TABLE, on_change=lambda *_: None)
    machine.fire(RunTrigger.STOP)

    with pytest.raises(IllegalTransitionError, match="BOOTED is not legal in STOPPED"):
        machine.fire(RunTrigger.BOOTED)


def test_event_floods_are_squelched_and_high_events_never() -> None:
    kept: list[EventReport] = []
    events = Events(kept.append)

    for _ in range(BURST_EVENTS + 10):
        events.report(MissionTime(0), "a", "LINK_UP", {})
    events.report(MissionTime(0), "a", "SAFE_MODE_ENTERED", {"reason": "x"})

    assert len(kept) == BURST_EVENTS + 1
    assert events.squelched == 10


def test_the_recorder_hashes_what_it_does_not_keep() -> None:
    kept: list[bytes] = []
    one, other = Recorder("n", kept.append), Recorder("n", None)

    one.write(MissionTime(1), Entry.RUN, "a", "M")
    other.write(MissionTime(1), Entry.RUN, "a", "N")

    assert kept == []
    assert one.hexdigest() != other.hexdigest()


def test_an_app_that_stays_down_is_told_to_the_composition_once(bench: Bench) -> None:
    told: list[str] = []
    bench.executive.on_app_given_up = lambda app, error: told.append(app)

    for _ in range(RESTARTS_MAX + 1):
        bench.executive.post(Number(-1))
    bench.run_s(1.0)

    assert told == ["listener"]
