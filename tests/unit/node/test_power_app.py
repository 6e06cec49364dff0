"""The power app on the bench: messages in, modes, orders and budgets out."""

import pytest

from astro.contacts import Interval
from icd.hw import LoadProfile
from icd.tc import EnterSafe, LeaveSafe, PowerMode, SetComputeCap
from icd.timebase import after
from icd.verification import Refusal, Stage
from node.apps.power.app import COMPUTE_CAP, SAFE_LATCH, PowerApp
from node.apps.power.forecast import SunForecast
from node.messages import (
    AvionicsChanged,
    ModeReason,
    PowerBudgetChanged,
    PowerModeChanged,
    PowerTc,
    QueueChanged,
    SafeModeRequested,
    TcAnswered,
    ThermalCapChanged,
)
from tests.unit.node.hardware import V3NODE, Disk, Orders, compute, eps, eps_lost
from tests.unit.node.harness import EPOCH, Bench

ECLIPSE = Interval(after(EPOCH, 2_400.0), after(EPOCH, 4_500.0))


class Rig:
    """A power app, its hardware and its storage."""

    def __init__(self, disk: Disk | None = None, rate: float = 1.0) -> None:
        self.bench = Bench(rate)
        self.disk = disk or Disk()
        self.orders = Orders()
        self.app = self.bench.add(
            "power",
            lambda kernel: PowerApp(
                kernel, self.disk.store, self.orders, self.orders, V3NODE, SunForecast(lambda start, end: [ECLIPSE])
            ),
        )
        self.bench.boot()

    @property
    def modes(self) -> list[tuple[PowerMode, ModeReason]]:
        """The changes so far, without the announcement at boot."""
        changes = self.bench.said(PowerModeChanged)
        return [(change.target, change.reason) for change in changes if change.source is not change.target]

    @property
    def budget(self) -> PowerBudgetChanged:
        return self.bench.said(PowerBudgetChanged)[-1]

    @property
    def answers(self) -> list[tuple[Stage, Refusal | None]]:
        return [(answer.stage, answer.reason) for answer in self.bench.said(TcAnswered)]

    def settle(self, soc: float = 0.8, sunlit: float = 1.0) -> None:
        """Let the first good reading place the node, then forget how it came there."""
        self.bench.say(eps(soc, sunlit))
        self.bench.advance(120.0)
        self.bench.forget()
        self.orders.take()


def idle() -> QueueChanged:
    return QueueChanged(0, (), None, "")


def busy() -> QueueChanged:
    return QueueChanged(0, ("job-1",), 0.5, "")


@pytest.mark.req("PWR-007")
def test_boot_waits_in_survival_until_the_first_good_reading() -> None:
    rig = Rig()

    assert rig.budget.mode is PowerMode.SURVIVAL
    assert rig.budget.soc_frac is None
    assert ("profile", LoadProfile.REDUCED) in rig.orders.take()
    rig.bench.say(eps(0.8))
    assert rig.modes == [(PowerMode.NOMINAL, ModeReason.SUN)]
    assert ("profile", LoadProfile.FULL) in rig.orders.take()


@pytest.mark.req("PWR-007")
def test_boot_in_eclipse_goes_to_eclipse_and_boot_with_a_low_battery_stays() -> None:
    dark, low = Rig(), Rig()

    dark.bench.say(eps(0.8, 0.0))
    low.bench.say(eps(0.5))

    assert dark.modes == [(PowerMode.ECLIPSE, ModeReason.ECLIPSE)]
    assert low.modes == []
    assert low.budget.mode_reason is ModeReason.LOW_BATTERY


@pytest.mark.req("PWR-007")
def test_a_failure_of_the_app_alone_leaves_the_mode_as_it_stands() -> None:
    rig = Rig()
    rig.settle()

    rig.app.recover()
    rig.app.start()
    rig.bench.run()
    rig.bench.say(eps(0.8))

    assert rig.modes == []
    assert rig.budget.mode is PowerMode.NOMINAL


@pytest.mark.req("PWR-002")
def test_a_reset_in_survival_does_not_shorten_the_way_out_of_it() -> None:
    rig = Rig()
    rig.settle(soc=0.8)
    rig.bench.say(eps(0.54))

    again = Rig(rig.disk)
    again.bench.say(eps(0.54))
    again.bench.advance(61.0)
    again.bench.say(eps(0.60))

    assert again.modes == []
    again.bench.say(eps(0.68))
    assert again.modes[-1] == (PowerMode.NOMINAL, ModeReason.BATTERY_RESTORED)


@pytest.mark.req("PWR-001")
def test_low_soc_in_eclipse_enters_survival_once() -> None:
    rig = Rig()
    rig.settle(0.6, 0.0)

    for _ in range(3):
        rig.bench.say(eps(0.54, 0.0))

    assert rig.modes == [(PowerMode.SURVIVAL, ModeReason.LOW_BATTERY)]
    assert rig.bench.event_ids() == ["POWER_MODE_CHANGED"]


@pytest.mark.req("PWR-006")
def test_each_mode_orders_its_cap() -> None:
    rig = Rig()
    rig.settle(0.96)

    rig.bench.say(eps(0.96))
    assert ("cap", 10_000.0) in rig.orders.take()
    rig.bench.advance(60.0)
    rig.bench.say(eps(0.96, 0.0))

    assert rig.modes == [(PowerMode.BOOST, ModeReason.SURPLUS), (PowerMode.ECLIPSE, ModeReason.ECLIPSE)]
    assert ("cap", 2_800.0) in rig.orders.take()
    assert rig.budget.compute_w_max == pytest.approx(2_000.0)


@pytest.mark.req("PWR-006")
def test_heat_and_command_lower_the_cap_and_the_budget() -> None:
    rig = Rig()
    rig.settle()

    rig.bench.say(ThermalCapChanged(5_000.0, 66.0))
    rig.bench.say(PowerTc("tc-1", SetComputeCap(cap_w=3_000.0)))

    assert rig.orders.take() == [("cap", 5_000.0), ("cap", 3_000.0)]
    assert rig.budget.compute_w_max == pytest.approx(2_200.0)
    assert rig.answers == [(Stage.STARTED, None), (Stage.COMPLETED, None)]


@pytest.mark.req("PWR-006")
def test_a_commanded_cap_survives_a_reset_and_is_lifted_by_none() -> None:
    rig = Rig()
    rig.bench.say(PowerTc("tc-1", SetComputeCap(cap_w=3_000.0)))

    again = Rig(rig.disk)
    again.settle()
    again.bench.say(PowerTc("tc-2", SetComputeCap(cap_w=None)))

    assert again.orders.take() == [("cap", 7_000.0)]
    assert rig.disk.store.setting(COMPUTE_CAP) == ""


@pytest.mark.req("PWR-008")
def test_commanded_safe_sheds_everything_and_survives_a_reset() -> None:
    rig = Rig()
    rig.settle()

    rig.bench.say(PowerTc("tc-1", EnterSafe()))

    assert rig.modes == [(PowerMode.SAFE, ModeReason.COMMANDED)]
    assert rig.orders.take() == [("profile", LoadProfile.MINIMAL), ("power", False), ("cap", 0.0)]
    assert rig.budget.classes == ()
    assert rig.bench.event_ids() == ["POWER_MODE_CHANGED", "SAFE_MODE_ENTERED"]
    again = Rig(rig.disk)
    again.bench.say(eps(0.9))
    again.bench.advance(600.0)
    again.bench.say(eps(0.9))
    assert again.budget.mode is PowerMode.SAFE


@pytest.mark.req("PWR-008")
def test_leave_safe_goes_through_survival_to_where_the_next_reading_says() -> None:
    rig = Rig()
    rig.settle()
    rig.bench.say(PowerTc("tc-1", EnterSafe()))

    rig.bench.say(PowerTc("tc-2", LeaveSafe()), eps(0.8))

    assert rig.modes[1:] == [(PowerMode.SURVIVAL, ModeReason.COMMANDED), (PowerMode.NOMINAL, ModeReason.SUN)]
    assert rig.disk.store.setting(SAFE_LATCH) == ""
    assert rig.answers[2:] == [(Stage.STARTED, None), (Stage.COMPLETED, None)]


@pytest.mark.req("PWR-008")
def test_leave_safe_is_refused_while_readings_are_lost() -> None:
    rig = Rig()
    rig.settle()
    rig.bench.say(AvionicsChanged(alive=False))

    rig.bench.say(PowerTc("tc-1", LeaveSafe()))

    assert rig.answers == [(Stage.FAILED, Refusal.MODE_NOT_ALLOWED)]
    assert rig.budget.mode is PowerMode.SAFE


@pytest.mark.req("PWR-008")
def test_leave_safe_outside_safe_changes_nothing_and_completes() -> None:
    rig = Rig()
    rig.settle()

    rig.bench.say(PowerTc("tc-1", LeaveSafe()))

    assert rig.modes == []
    assert rig.answers == [(Stage.STARTED, None), (Stage.COMPLETED, None)]


@pytest.mark.req("PWR-008")
def test_jobs_get_their_grace_before_the_module_is_switched_off() -> None:
    rig = Rig()
    rig.settle()
    rig.bench.say(busy())

    rig.bench.say(PowerTc("tc-1", EnterSafe()))
    assert ("power", False) not in rig.orders.take()
    rig.bench.say(idle())

    assert rig.orders.take() == [("power", False)]


@pytest.mark.req("PWR-008")
def test_a_job_that_will_not_go_does_not_keep_the_module_on() -> None:
    rig = Rig()
    rig.settle()
    rig.bench.say(busy(), PowerTc("tc-1", EnterSafe()))
    rig.orders.take()

    rig.bench.advance_wall(66.0)

    assert ("power", False) in rig.orders.take()


@pytest.mark.req("PWR-010")
def test_lost_readings_lead_to_safe_after_a_minute_and_back_after_another() -> None:
    rig = Rig()
    rig.settle()

    rig.bench.say(eps_lost())
    assert rig.budget.soc_frac is None
    rig.bench.advance(59.0)
    assert rig.modes == []
    rig.bench.advance(2.0)
    assert rig.modes == [(PowerMode.SAFE, ModeReason.READINGS_LOST)]
    rig.bench.say(eps(0.8))
    rig.bench.advance(61.0)
    rig.bench.say(eps(0.8), eps(0.8))

    assert rig.modes[1:] == [(PowerMode.SURVIVAL, ModeReason.RECOVERED), (PowerMode.NOMINAL, ModeReason.SUN)]


@pytest.mark.req("PWR-010")
def test_a_single_lost_reading_is_no_reason_for_safe() -> None:
    rig = Rig()
    rig.settle()

    rig.bench.say(eps_lost(), eps(0.8))
    rig.bench.advance(300.0)

    assert rig.modes == []


@pytest.mark.req("PWR-010")
def test_no_reading_at_all_after_a_boot_leads_to_safe() -> None:
    rig = Rig(rate=60.0)

    rig.bench.advance_wall(21.0)

    assert rig.modes == [(PowerMode.SAFE, ModeReason.READINGS_LOST)]


@pytest.mark.req("PWR-010")
def test_at_real_time_the_first_reading_may_take_two_heartbeats() -> None:
    rig = Rig()

    rig.bench.advance(59.0)
    modes_before = list(rig.modes)
    rig.bench.advance(2.0)

    assert modes_before == []
    assert rig.modes == [(PowerMode.SAFE, ModeReason.READINGS_LOST)]


@pytest.mark.req("PWR-010")
def test_safe_for_a_failed_app_does_not_end_by_itself_and_survives_a_reset() -> None:
    rig = Rig()
    rig.settle()
    rig.bench.say(AvionicsChanged(alive=False), SafeModeRequested(ModeReason.APP_FAILED, "jobs"))

    rig.bench.say(AvionicsChanged(alive=True), eps(0.8))
    rig.bench.advance(120.0)
    rig.bench.say(eps(0.8))

    assert rig.modes == [(PowerMode.SAFE, ModeReason.READINGS_LOST)]
    assert rig.disk.store.setting(SAFE_LATCH) == "APP_FAILED"


@pytest.mark.req("PWR-011")
def test_a_full_disk_does_not_keep_the_node_out_of_safe_and_the_answer_says_so() -> None:
    rig = Rig()
    rig.settle()
    rig.disk.full = True

    rig.bench.say(PowerTc("tc-1", EnterSafe()))

    assert rig.budget.mode is PowerMode.SAFE
    assert rig.answers == [(Stage.STARTED, None), (Stage.FAILED, Refusal.STORAGE_FULL)]


@pytest.mark.req("PWR-011")
def test_a_full_disk_refuses_a_cap() -> None:
    rig = Rig()
    rig.settle()
    rig.disk.full = True

    rig.bench.say(PowerTc("tc-1", SetComputeCap(cap_w=1_000.0)))

    assert rig.answers[-1] == (Stage.FAILED, Refusal.STORAGE_FULL)
    assert rig.orders.take() == []


@pytest.mark.req("PWR-012")
def test_orders_that_the_hardware_does_not_show_are_given_again_but_not_at_every_reading() -> None:
    rig = Rig()
    rig.settle()

    for _ in range(5):
        rig.bench.say(compute(powered=False, cap_w=10_000.0), eps(0.8, profile=LoadProfile.MINIMAL))

    assert sorted(str(order[0]) for order in rig.orders.take()) == ["cap", "power", "profile"]


@pytest.mark.req("PWR-012")
def test_a_module_that_tripped_is_left_off_until_it_has_cooled() -> None:
    rig = Rig()
    rig.settle()
    rig.bench.say(ThermalCapChanged(V3NODE.compute.idle_w, 86.0))
    rig.orders.take()

    rig.bench.say(compute(powered=False, cap_w=V3NODE.compute.idle_w))
    assert rig.orders.take() == []
    rig.bench.say(ThermalCapChanged(None, 58.0))
    rig.orders.take()
    rig.bench.say(compute(powered=False, cap_w=7_000.0))

    assert rig.orders.take() == [("power", True)]


@pytest.mark.req("PWR-009")
def test_budgets_carry_the_forecast_and_come_only_when_something_matters() -> None:
    rig = Rig()
    rig.settle(0.80)

    for soc in (0.801, 0.802, 0.803):
        rig.bench.say(eps(soc))
    assert rig.bench.said(PowerBudgetChanged) == []
    rig.bench.say(eps(0.815))

    (said,) = rig.bench.said(PowerBudgetChanged)
    assert said.sun_changes_at == ECLIPSE.start
    assert said.sun_changes_back_at == ECLIPSE.end
    assert said.soc_floor_frac == pytest.approx(0.65)
