"""FDIR: the watchdog is served only while all is well, and what goes wrong is told once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icd.dictionary import EVENTS
from icd.hw import (
    UNITS,
    ComputeReading,
    EpsReading,
    GnssReading,
    ModuleHealth,
    PatState,
    Quality,
    TerminalReading,
    ThermalReading,
    WatchdogReading,
)
from icd.tc import ResetUnit
from icd.timebase import after
from icd.verification import Refusal, Stage
from node.adapters.memory_store import MemoryStore
from node.apps.fdir.app import FdirApp
from node.apps.fdir.limits import (
    LIMITS,
    LOST_S_MAX,
    MODULE_BACK_S,
    MODULE_CYCLES_MAX,
    Limit,
    LimitChecker,
    Parameter,
)
from node.kernel.health import HealthReported
from node.messages import (
    AvionicsChanged,
    ComputeUpdated,
    EpsUpdated,
    FdirTc,
    GnssUpdated,
    ModeReason,
    ModuleFailed,
    SafeModeRequested,
    TcAnswered,
    TerminalUpdated,
    ThermalUpdated,
    WatchdogUpdated,
)
from tests.unit.node.harness import EPOCH, Bench
from tests.unit.node.stores import Disk, memory_store

THROTTLE_C = 80.0


class Units:
    """What the watchdog and the units were told."""

    def __init__(self) -> None:
        self.served = 0
        self.resets: list[str] = []

    def serve(self) -> None:
        self.served += 1

    def reset(self, unit: str) -> None:
        self.resets.append(unit)


class Desk:
    """An fdir app on a bench."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.disk = Disk()
        self.store = store or memory_store(self.disk)
        self.units = Units()
        self.bench = Bench()
        self.bench.add("fdir", lambda kernel: FdirApp(kernel, self.units, self.units, self.store, THROTTLE_C))
        self.bench.boot()

    def eps(self, *qualities: Quality) -> None:
        for quality in qualities:
            reading = EpsReading(
                quality=quality,
                soc_frac=None,
                battery_wh=None,
                solar_w=None,
                load_w=None,
                sunlit_frac=None,
                profile=None,
                pack_temp_c=None,
                health_frac=None,
            )
            self.bench.say(EpsUpdated(self.bench.now, reading))

    def thermal(self, temp_c: float) -> None:
        self.bench.say(
            ThermalUpdated(
                EPOCH,
                ThermalReading(quality=Quality.GOOD, module_temp_c=temp_c, loop_temp_c=None, radiator_temp_c=None),
            )
        )

    def compute(
        self,
        *,
        powered: bool = True,
        throttle_reasons: int = 0,
        health: ModuleHealth | None = ModuleHealth.GOOD,
        uncorrectable: int | None = 0,
    ) -> None:
        reading = ComputeReading(
            quality=Quality.GOOD,
            powered=powered,
            power_w=100.0,
            cap_w=100.0,
            allocated=(),
            throttle_reasons=throttle_reasons,
            clock_mhz=None,
            die_temp_c=None,
            health=health,
            corrected=0,
            uncorrectable=uncorrectable,
        )
        self.bench.say(ComputeUpdated(EPOCH, reading))

    def clock(self, error_s: float) -> None:
        at = after(self.bench.now, -error_s)
        reading = GnssReading(quality=Quality.GOOD, at=at, position_km=None, ground_in_view=None)
        self.bench.say(GnssUpdated(self.bench.now, reading))

    def watchdog(self, bites: int, quality: Quality = Quality.GOOD) -> None:
        self.bench.say(WatchdogUpdated(EPOCH, WatchdogReading(quality=quality, remaining_s=60.0, bites=bites)))

    def health(self, *silent: str, critical: tuple[str, ...] = ()) -> None:
        self.bench.say(HealthReported(1, silent, critical))


GOOD, LOST = Quality.GOOD, Quality.LOST


# --- apps ---


@pytest.mark.req("FDR-001")
def test_the_watchdog_is_served_while_every_critical_app_answers() -> None:
    desk = Desk()

    desk.health()
    desk.health("transfer")

    assert desk.units.served == 2


@pytest.mark.req("FDR-001")
def test_a_silent_critical_app_starves_the_watchdog_and_is_named_once() -> None:
    desk = Desk()

    for _ in range(3):
        desk.health("power", "transfer", critical=("power",))
    assert desk.units.served == 0
    assert [event.fields["apps"] for event in desk.bench.events_of("APPS_SILENT")] == ["power, transfer"]
    desk.health()

    assert desk.units.served == 1


# --- readings ---


@pytest.mark.req("FDR-002")
def test_lost_device_frames_ask_for_safe_mode_at_once() -> None:
    desk = Desk()

    desk.bench.say(AvionicsChanged(alive=True), AvionicsChanged(alive=False), AvionicsChanged(alive=True))

    assert desk.bench.event_ids() == ["READINGS_LOST", "READINGS_BACK"]
    assert [request.reason for request in desk.bench.said(SafeModeRequested)] == [ModeReason.READINGS_LOST]


@pytest.mark.req("FDR-003")
def test_one_lost_reading_is_nothing_and_two_are_told_once() -> None:
    desk = Desk()

    desk.eps(LOST, GOOD, LOST, GOOD)
    assert desk.bench.events == []
    desk.eps(LOST, LOST, LOST)
    assert [event.fields for event in desk.bench.events] == [{"unit": "eps"}]
    desk.eps(GOOD, GOOD, GOOD)

    assert desk.bench.event_ids() == ["READINGS_LOST", "READINGS_BACK"]


@pytest.mark.req("FDR-003")
def test_units_are_judged_apart_and_each_terminal_is_one() -> None:
    desk = Desk()
    for terminal in (0, 1, 0):
        reading = TerminalReading(
            quality=LOST, terminal=terminal, state=PatState.OFF, peer="", rate_bps=0.0, link=None, request_id=""
        )
        desk.bench.say(TerminalUpdated(EPOCH, reading))

    assert [event.fields["unit"] for event in desk.bench.events] == ["terminal 0"]


@pytest.mark.req("FDR-004")
def test_battery_readings_lost_for_two_minutes_ask_for_safe_mode_once() -> None:
    desk = Desk()

    desk.eps(LOST)
    desk.bench.advance(LOST_S_MAX - 1.0)
    assert desk.bench.said(SafeModeRequested) == []
    desk.bench.advance(2.0)
    desk.eps(LOST)
    desk.bench.advance(LOST_S_MAX * 3)

    [request] = desk.bench.said(SafeModeRequested)
    assert request == SafeModeRequested(ModeReason.READINGS_LOST, "no battery readings for 120 s")


@pytest.mark.req("FDR-004")
def test_battery_readings_that_come_back_in_time_ask_for_nothing() -> None:
    desk = Desk()

    desk.eps(LOST)
    desk.bench.advance(LOST_S_MAX - 1.0)
    desk.eps(GOOD)
    desk.bench.advance(LOST_S_MAX)

    assert desk.bench.said(SafeModeRequested) == []


# --- watchdog, module, clock ---


@pytest.mark.req("FDR-005")
def test_a_bite_is_told_once_even_though_it_resets_the_processor() -> None:
    desk = Desk()
    desk.watchdog(0)
    assert desk.bench.events == []

    after_bite = Desk(desk.store)
    after_bite.watchdog(1)
    after_bite.watchdog(1)
    after_reset = Desk(desk.store)
    after_reset.watchdog(1)

    assert [event.fields["bites"] for event in after_bite.bench.events] == [1]
    assert after_reset.bench.events == []


@pytest.mark.req("FDR-005")
def test_a_watchdog_that_counts_from_zero_again_is_believed() -> None:
    desk = Desk()
    desk.watchdog(5)
    desk.bench.forget()

    desk.watchdog(0)
    desk.watchdog(9, LOST)
    desk.watchdog(1)

    assert desk.bench.event_ids() == ["WATCHDOG_BITTEN"]


@pytest.mark.req("FDR-006")
def test_thermal_slowdown_is_told_once_and_a_power_cap_is_none() -> None:
    desk = Desk()
    desk.thermal(81.0)

    desk.compute(throttle_reasons=0x4)
    assert desk.bench.events == []
    desk.compute(throttle_reasons=0x24)
    desk.compute(throttle_reasons=0x20)

    assert [event.fields for event in desk.bench.events_of("COMPUTE_THROTTLED")] == [
        {"temp_c": 81.0, "reasons": "0x24"}
    ]


@pytest.mark.req("FDR-006")
def test_a_module_that_is_off_and_hot_has_tripped_until_it_has_power_again() -> None:
    desk = Desk()
    desk.thermal(95.0)

    desk.compute(powered=False)
    desk.thermal(40.0)
    desk.compute(powered=False)
    assert desk.bench.event_ids() == ["COMPUTE_TRIPPED"]
    desk.compute(powered=True)
    desk.thermal(95.0)
    desk.compute(powered=False)

    assert desk.bench.event_ids() == ["COMPUTE_TRIPPED", "COMPUTE_TRIPPED"]


@pytest.mark.req("FDR-006")
def test_a_module_that_was_switched_off_cool_has_not_tripped() -> None:
    desk = Desk()
    desk.thermal(30.0)

    desk.compute(powered=False)

    assert desk.bench.events == []


@pytest.mark.req("FDR-007")
def test_a_clock_that_is_off_three_times_in_a_row_is_told() -> None:
    desk = Desk()

    for error_s in (31.0, 31.0, 0.1, -40.0, -40.0):
        desk.clock(error_s)
    assert desk.bench.events == []
    desk.clock(-40.0)

    assert desk.bench.events_of("CLOCK_OFF")[0].fields["error_s"] == pytest.approx(-40.0)


# --- telecommands ---


@pytest.mark.req("FDR-008")
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_power_cycled_on_command(unit: str) -> None:
    desk = Desk()

    desk.bench.say(FdirTc("r1", ResetUnit(unit=unit)))

    assert desk.units.resets == [unit]
    assert desk.bench.said(TcAnswered) == [TcAnswered("r1", Stage.COMPLETED)]


@pytest.mark.req("FDR-008")
def test_an_unknown_unit_is_refused_and_nothing_is_touched() -> None:
    desk = Desk()

    desk.bench.say(FdirTc("r1", ResetUnit(unit="toaster")))

    [answer] = desk.bench.said(TcAnswered)
    assert (answer.stage, answer.reason) == (Stage.FAILED, Refusal.UNKNOWN_UNIT)
    assert desk.units.resets == []


@pytest.mark.req("FDR-005")
def test_a_full_disk_does_not_stop_the_watching() -> None:
    desk = Desk()
    desk.disk.full = True

    desk.watchdog(1)

    assert desk.bench.event_ids() == ["WATCHDOG_BITTEN", "STORAGE_FAILED"]


# --- a compute module that radiation has struck ---


@pytest.mark.req("FDR-009")
@pytest.mark.parametrize(
    ("health", "event_id"),
    [(ModuleHealth.HUNG, "COMPUTE_HUNG"), (ModuleHealth.OVER_CURRENT, "COMPUTE_LATCHED")],
)
def test_a_module_that_hangs_or_latches_up_is_power_cycled_once_and_told(health: ModuleHealth, event_id: str) -> None:
    desk = Desk()
    desk.compute()

    for _ in range(3):
        desk.compute(health=health)
    desk.compute()

    assert desk.units.resets == ["compute"]
    assert desk.bench.said(ModuleFailed) == [ModuleFailed()]
    assert desk.bench.event_ids() == [event_id, "COMPUTE_BACK"]
    assert desk.bench.timer_due_s("fdir", "module") is None


@pytest.mark.req("FDR-009")
def test_a_power_cycle_that_does_not_help_is_tried_again_and_given_up_in_the_end() -> None:
    desk = Desk()

    desk.compute(health=ModuleHealth.HUNG)
    desk.bench.advance(10.0 * MODULE_BACK_S)

    assert desk.units.resets == ["compute"] * MODULE_CYCLES_MAX
    (given_up,) = desk.bench.events_of("COMPUTE_STAYS_BAD")
    assert given_up.fields == {"health": "HUNG", "cycles": MODULE_CYCLES_MAX}
    desk.compute()
    desk.compute(health=ModuleHealth.HUNG)
    assert len(desk.units.resets) == MODULE_CYCLES_MAX + 1


@pytest.mark.req("FDR-010")
def test_a_memory_error_that_is_new_ends_what_runs_and_one_from_before_the_boot_does_not() -> None:
    desk = Desk()

    desk.compute(uncorrectable=4)
    desk.compute(uncorrectable=None)
    assert desk.bench.said(ModuleFailed) == []
    desk.compute(uncorrectable=5)
    desk.compute(uncorrectable=5)

    assert desk.bench.said(ModuleFailed) == [ModuleFailed()]
    assert [event.fields for event in desk.bench.events_of("MEMORY_ERROR")] == [{"count": 5}]
    assert desk.units.resets == []


# --- the table ---


@pytest.mark.req("FDR-003")
def test_the_table_has_a_row_for_every_parameter_and_events_of_the_dictionary() -> None:
    assert [limit.parameter for limit in LIMITS] == list(Parameter)
    assert all(limit.event_id in EVENTS for limit in LIMITS)
    assert all(limit.back_event_id in EVENTS for limit in LIMITS if limit.back_event_id)


@pytest.mark.req("FDR-003")
@given(st.lists(st.one_of(st.none(), st.floats(-10.0, 10.0)), max_size=60), st.integers(1, 4))
def test_leaving_and_coming_back_are_told_in_turn_and_only_after_enough_samples(
    values: list[float | None], persistence: int
) -> None:
    row = Limit(Parameter.CLOCK_ERROR_S, -2.0, 2.0, persistence, "OUT", "IN")
    checker = LimitChecker((row,))
    seen = [value for value in values if value is not None]

    told = [checker.sample(row.parameter, value) for value in seen]

    assert checker.sample(row.parameter, None) is None
    said = [event for event in told if event is not None]
    assert said == ["OUT" if number % 2 == 0 else "IN" for number in range(len(said))]
    for position, event in enumerate(told):
        if event is not None:
            last = seen[position - persistence + 1 : position + 1]
            assert len(last) == persistence
            assert all((abs(value) > 2.0) == (event == "OUT") for value in last)
