import math
import random

import pytest

from hwsim.errors import HeatBookError
from hwsim.models.body import STEFAN_BOLTZMANN_W_M2_K4, ZERO_C_K
from hwsim.models.crossing import Four, first_rise_s
from hwsim.models.environment import EARTH_INFRARED_W_M2, SOLAR_W_M2
from hwsim.models.thermal import PIECE_K, Chain, Node
from icd.vehicle import ThermalProfile
from tests.unit.hwsim.bench import profile

DAY_S = 86_400.0
SKY_W = (74.0, 45.0, 938.0)  # sunlight, albedo, infrared
ACCURACY_K = 0.01

Temps = list[float]


def _slopes(p: ThermalProfile, temps: Temps, compute_w: float, sky_w: float) -> Temps:
    die, plate, loop, radiator = temps
    to_plate, to_loop = p.die_plate_w_k * (die - plate), p.plate_loop_w_k * (plate - loop)
    to_radiator = p.loop_radiator_w_k * (loop - radiator)
    away = p.emissivity_frac * STEFAN_BOLTZMANN_W_M2_K4 * p.radiator_m2 * radiator**4
    return [
        (compute_w - to_plate) / p.die_j_k,
        (to_plate - to_loop) / p.plate_j_k,
        (to_loop - to_radiator + p.background_w) / p.loop_j_k,
        (to_radiator + sky_w - away) / p.radiator_j_k,
    ]


def _integrate(p: ThermalProfile, temps: Temps, compute_w: float, sky_w: float, span_s: float) -> Temps:
    """Fourth-order Runge-Kutta of the nonlinear chain, a quarter of a second a step."""
    steps = max(1, round(span_s * 4.0))
    h = span_s / steps

    def moved(slope: Temps, part: float) -> Temps:
        return [temp + part * h * one for temp, one in zip(temps, slope, strict=True)]

    for _ in range(steps):
        a = _slopes(p, temps, compute_w, sky_w)
        b = _slopes(p, moved(a, 0.5), compute_w, sky_w)
        c = _slopes(p, moved(b, 0.5), compute_w, sky_w)
        d = _slopes(p, moved(c, 1.0), compute_w, sky_w)
        temps = [t + h / 6 * (w + 2 * x + 2 * y + z) for t, w, x, y, z in zip(temps, a, b, c, d, strict=True)]
    return temps


def _pass(chain: Chain, compute_w: float, sky: tuple[float, float, float], span_s: float) -> None:
    chain.feed(compute_w, *sky)
    while span_s > 0.0:
        step_s = min(span_s, chain.piece_left_s())
        chain.advance(step_s)
        chain.feed(compute_w, *sky)
        span_s -= step_s


def _sky_w(p: ThermalProfile) -> tuple[float, float, float]:
    """Return what sunlight, albedo (200 W/m2) and Earth infrared give the radiator."""
    return (
        p.absorptance_frac * p.sun_view_frac * p.radiator_m2 * SOLAR_W_M2,
        p.absorptance_frac * p.earth_view_frac * p.radiator_m2 * 200.0,
        p.emissivity_frac * p.earth_view_frac * p.radiator_m2 * EARTH_INFRARED_W_M2,
    )


def _temps(chain: Chain) -> Temps:
    return [chain.die_c, chain.plate_c, chain.loop_c, chain.radiator_c]


@pytest.mark.req("HWS-013")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["cubesat", "dawndusk", "starcloud1", "v2mini", "v3node"])
def test_a_day_of_a_thousand_load_changes_stays_within_a_hundredth_of_a_kelvin(name: str) -> None:
    whole = profile(name)
    p, module, rng = whole.thermal, whole.compute, random.Random(1)
    sky_w = _sky_w(p)
    chain, truth = Chain(p, 293.15), [293.15] * 4
    changes = [(rng.uniform(0.0, DAY_S), rng.uniform(module.idle_w, module.max_w), None) for _ in range(1_000)]
    lights = [(5_500.0 * n + 3_400.0 * dark, None, dark) for n in range(16) for dark in (0, 1)]
    compute_w, lit, now, worst = module.idle_w, 1, 0.0, 0.0

    for at, power_w, dark in sorted([*changes, *lights], key=lambda change: change[0]):
        sky = sky_w if lit else (0.0, 0.0, sky_w[2])
        _pass(chain, compute_w, sky, at - now)
        truth = _integrate(p, truth, compute_w, sum(sky), at - now)
        worst = max(worst, *(abs(a - b + ZERO_C_K) for a, b in zip(_temps(chain), truth, strict=True)))
        now, compute_w = at, power_w if power_w is not None else compute_w
        lit = lit if dark is None else 1 - dark

    print(f"{name}: cooling chain within {worst:.4f} K of Runge-Kutta, allowed {ACCURACY_K} K")
    assert worst <= ACCURACY_K


@pytest.mark.req("HWS-013")
def test_a_chain_left_alone_settles_where_heat_in_is_heat_out() -> None:
    p, chain = profile().thermal, Chain(profile().thermal, 250.0)

    _pass(chain, 7_000.0, SKY_W, 200_000.0)

    away = p.emissivity_frac * STEFAN_BOLTZMANN_W_M2_K4 * p.radiator_m2 * (chain.radiator_c + ZERO_C_K) ** 4
    assert away == pytest.approx(7_000.0 + p.background_w + sum(SKY_W), rel=1e-6)
    assert chain.die_c - chain.plate_c == pytest.approx(7_000.0 / p.die_plate_w_k, abs=1e-4)


@pytest.mark.req("HWS-013")
@pytest.mark.parametrize(("node", "goal_c"), [(Node.DIE, 27.0), (Node.DIE, 33.0), (Node.PLATE, 22.0)])
def test_a_threshold_is_met_when_it_was_predicted(node: Node, goal_c: float) -> None:
    chain = Chain(profile().thermal, 293.15)
    chain.feed(10_000.0, *SKY_W)

    span_s = chain.crossing_s(node, goal_c, chain.piece_left_s(), rising=True)

    assert span_s is not None
    assert chain.ceilings_c(span_s)[0 if node is Node.DIE else 1] >= goal_c
    chain.advance(span_s)
    assert (chain.die_c if node is Node.DIE else chain.plate_c) == pytest.approx(goal_c, abs=1e-7)


def test_a_threshold_already_passed_is_met_at_once_and_a_far_one_never() -> None:
    chain = Chain(profile().thermal, 293.15)
    chain.feed(10_000.0, *SKY_W)

    assert chain.crossing_s(Node.DIE, 19.0, 100.0, rising=True) == 0.0
    assert chain.crossing_s(Node.DIE, 19.0, 100.0, rising=False) is None
    assert chain.ceilings_c(100.0)[0] < 60.0


def test_a_piece_ends_before_the_radiator_has_moved_too_far() -> None:
    chain = Chain(profile().thermal, 293.15)
    for compute_w in (0.0, 10_000.0, 200_000.0):
        chain.feed(compute_w, *SKY_W)
        before_c = chain.radiator_c
        chain.advance(chain.piece_left_s())
        assert abs(chain.radiator_c - before_c) <= PIECE_K


@pytest.mark.req("HWS-003")
def test_heat_from_nowhere_is_a_named_error() -> None:
    chain = Chain(profile().thermal, 293.15)
    chain.feed(5_000.0, *SKY_W)
    chain.advance(60.0)
    chain.m0 += 1e-2

    with pytest.raises(HeatBookError, match="heat book"):
        chain.advance(1.0)


@pytest.mark.parametrize("seed", range(60))
def test_the_first_rise_of_a_sum_of_decays_is_the_first(seed: int) -> None:
    """Against a fine scan, with sums that rise and fall again before their end."""
    rng = random.Random(seed)
    rates: Four = (3e-4, 0.03, 0.05, 0.3)
    terms: Four = (rng.gauss(0, 3), rng.gauss(0, 5), rng.gauss(0, 5), rng.gauss(0, 5))
    offset = -abs(rng.gauss(0, 1.5))

    def value(at_s: float) -> float:
        return offset + sum(t * math.exp(-r * at_s) for t, r in zip(terms, rates, strict=True))

    scan = next((n * 0.01 for n in range(60_001) if value(n * 0.01) >= 0.0), None)

    found = first_rise_s(offset, terms, rates, 600.0)

    if scan is None:
        assert found is None or abs(value(found)) < 1e-4, f"seed {seed}"
    else:
        assert found is not None, f"seed {seed}"
        assert scan - 0.01 <= found + 1e-9 <= scan + 1e-6, f"seed {seed}"
