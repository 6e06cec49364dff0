"""The thermal derate, pure and on the bench."""

import pytest

from node.apps.thermal import policy
from node.apps.thermal.app import ThermalApp
from node.messages import ThermalCapChanged
from tests.unit.node.hardware import V3NODE, temperature
from tests.unit.node.harness import Bench


def rig() -> Bench:
    bench = Bench()
    bench.add("thermal", lambda kernel: ThermalApp(kernel, V3NODE))
    bench.boot()
    bench.say(temperature(40.0))
    bench.forget()
    return bench


def caps(bench: Bench) -> list[float | None]:
    return [said.cap_w for said in bench.said(ThermalCapChanged)]


@pytest.mark.req("THM-001")
def test_the_derate_is_linear_from_eight_degrees_below_the_throttle_point() -> None:
    assert policy.derated_w(61.0, V3NODE) == V3NODE.compute.max_w
    assert policy.derated_w(66.0, V3NODE) == pytest.approx(800.0 + 0.5 * 9_200.0)
    assert policy.derated_w(70.0, V3NODE) == V3NODE.compute.idle_w
    assert policy.derated_w(90.0, V3NODE) == V3NODE.compute.idle_w


@pytest.mark.req("THM-001")
def test_a_cool_module_has_no_cap() -> None:
    bench = rig()

    bench.say(temperature(55.0), temperature(61.9))

    assert caps(bench) == []


@pytest.mark.req("THM-002")
def test_small_changes_are_not_made_and_large_ones_are_reported() -> None:
    bench = rig()

    bench.say(temperature(66.0), temperature(66.1), temperature(66.3), temperature(68.0))

    assert len(caps(bench)) == 2
    assert bench.event_ids() == ["THERMAL_CAP_CHANGED"] * 2


@pytest.mark.req("THM-002")
def test_the_throttle_point_itself_always_means_idle_power() -> None:
    bench = rig()

    bench.say(temperature(69.8), temperature(70.5))

    assert caps(bench)[-1] == V3NODE.compute.idle_w


@pytest.mark.req("THM-003")
def test_a_cap_rises_late_and_is_lifted_only_well_below_the_span() -> None:
    bench = rig()
    bench.say(temperature(67.0))
    (low,) = caps(bench)
    bench.forget()

    bench.say(temperature(66.2))
    assert caps(bench) == []
    bench.say(temperature(64.0))
    (higher,) = caps(bench)
    assert low is not None
    assert higher is not None
    assert low < higher < policy.derated_w(64.0, V3NODE)
    bench.say(temperature(59.0))
    assert caps(bench)[-1] is None


@pytest.mark.req("THM-004")
def test_an_unknown_temperature_caps_the_module_blindly_until_it_is_back() -> None:
    bench = rig()

    bench.say(temperature(None))
    bench.advance(59.0)
    assert caps(bench) == []
    bench.advance(2.0)
    bench.say(temperature(45.0))

    assert caps(bench) == [3_500.0, None]


@pytest.mark.req("THM-004")
def test_a_reading_that_never_comes_caps_the_module_blindly() -> None:
    bench = Bench(rate=60.0)
    bench.add("thermal", lambda kernel: ThermalApp(kernel, V3NODE))
    bench.boot()

    bench.advance_wall(21.0)

    assert caps(bench) == [None, 3_500.0]
