"""Eclipse and battery beside AVS Basilisk, on the positions that Basilisk itself came to.

Basilisk's eclipse is the cone of two spheres as ours is; so on equal positions, with an equal Sun, the two can differ
by rounding and by the radius of the Sun (695,000 km there, 695,700 here). Half light does not feel that radius.
"""

import itertools
from collections.abc import Callable
from functools import cache

import numpy as np

from astro import contacts, shadow
from astro.frames import FloatArray, Teme, TemeTrack, TimeArray
from benchmarks import basilisk_case as case
from benchmarks import peers
from benchmarks.peers import BasiliskTrace
from experiments.figures import Row
from hwsim.models.battery import Battery
from icd.timebase import NS_PER_S, MissionTime, from_iso
from icd.vehicle import BatteryProfile

EDGE_S_MAX = 1e-3
ENERGY_PERCENT_MAX = 0.02
HOURS = 24.0
START = from_iso("2026-08-22T12:00:00Z")  # of a trace whose Sun stands still: any will do
SUN_W_M2 = 1361.0  # Basilisk: at one astronomical unit

_SUN = Teme(*(case.AU_M / 1e3 * part for part in case.SUN_DIRECTION))


def eclipse_edges() -> Row:
    """Return the worst difference of the moments of half light, both drawn straight between the same seconds."""
    trace = _trace()
    theirs = trace.light_frac
    partial = np.flatnonzero((theirs > 0.0) & (theirs < 1.0))
    near = np.unique(np.clip(np.concatenate([partial - 1, partial, partial + 1]), 0, len(theirs) - 1))
    ours = theirs.copy()
    for index in near.tolist():
        ours[index] = shadow.sunlit_frac(Teme(*trace.position_km[index].tolist()), _SUN)
    apart_s = np.abs(_half_light_s(trace.t_s, ours) - _half_light_s(trace.t_s, theirs))
    return Row("eclipse edges beside Basilisk, equal positions", float(apart_s.max()), "s", at_most=EDGE_S_MAX)


def battery_energy() -> Row:
    """Return the difference of the stored energy after a day, as a share of capacity.

    Basilisk adds up power second by second; ours goes from edge to edge, as the simulator does: the two cones cross the
    path of Basilisk's positions, and each half of a penumbra has its mean light.
    """
    trace = _trace()
    battery = Battery(_lossless(), case.START_FRAC)
    panel_w = float(trace.panel_w.max())
    for (start_s, light), (end_s, _) in itertools.pairwise([*_light_steps(trace), (float(trace.t_s[-1]), 0.0)]):
        left_s = end_s - start_s
        battery.feed(panel_w * light, case.LOAD_W)
        while left_s > 0.0:
            span_s = min(left_s, max(battery.next_s(), 1e-6))
            battery.advance(span_s)
            battery.feed(panel_w * light, case.LOAD_W)
            left_s -= span_s
    apart = abs(battery.energy_wh - float(trace.stored_wh[-1])) / case.CAPACITY_WH * 100.0
    return Row(
        "stored energy after a day beside Basilisk",
        apart,
        "% of capacity",
        at_most=ENERGY_PERCENT_MAX,
        leaves_out=_STEPS,
    )


_STEPS = (
    "Basilisk steps by a second, which alone errs by about 0.01 %; its battery has no losses, and ours is given none"
)


@cache
def _trace() -> BasiliskTrace:
    return peers.basilisk_trace(HOURS)


def _half_light_s(t_s: FloatArray, light: FloatArray) -> FloatArray:
    """Return when light passes one half, straight between samples."""
    before = np.flatnonzero((light[:-1] > 0.5) != (light[1:] > 0.5))
    share = (0.5 - light[before]) / (light[before + 1] - light[before])
    result: FloatArray = t_s[before] + share * (t_s[before + 1] - t_s[before])
    return result


def _light_steps(trace: BasiliskTrace) -> list[tuple[float, float]]:
    """Return when light changes, s, and to what: full, two steps for each penumbra, dark."""
    end = MissionTime(START + round(float(trace.t_s[-1])) * NS_PER_S)
    spans = []
    for umbra in (False, True):

        def depths(times: TimeArray, umbra: bool = umbra) -> FloatArray:
            suns = TemeTrack(np.broadcast_to(np.array(_SUN), (len(times), 3)))
            result: FloatArray = -shadow.margins_km(_positions(trace, times), suns, umbra)
            return result

        def depth(at: MissionTime, depths: Callable[[TimeArray], FloatArray] = depths) -> float:
            return float(depths(np.array([at], dtype=np.int64))[0])

        spans.append(contacts.positive_spans(depth, depths, START, end))
    steps = [(0.0, 1.0)]
    for outer, inner in zip(*spans, strict=True):
        edges = [(at - START) / NS_PER_S for at in (outer.start, inner.start, inner.end, outer.end)]
        late, dark = shadow.PENUMBRA_LIGHT_HALF_FRAC, shadow.PENUMBRA_DARK_HALF_FRAC
        a, b, c, d = edges
        steps += [(a, late), ((a + b) / 2, dark), (b, 0.0), (c, dark), ((c + d) / 2, late), (d, 1.0)]
    return [(max(at, 0.0), light) for at, light in steps]


def _positions(trace: BasiliskTrace, times: TimeArray) -> TemeTrack:
    """Return Basilisk's path between its seconds, by cubic Hermite, and a little beyond its ends."""
    into_s = (times - START) / NS_PER_S
    left = np.clip(np.floor(into_s).astype(np.int64), 0, len(trace.t_s) - 2)
    s = (into_s - left)[:, None]
    r = 1.0 - s
    h00 = (1.0 + 2.0 * s) * r * r
    slope = s * r * (r * trace.velocity_km_s[left] - s * trace.velocity_km_s[left + 1])
    return TemeTrack(h00 * trace.position_km[left] + (1.0 - h00) * trace.position_km[left + 1] + slope)


def _lossless() -> BatteryProfile:
    """Return a battery as Basilisk's: a store of energy and nothing else."""
    return BatteryProfile(
        capacity_wh=case.CAPACITY_WH,
        charge_efficiency_frac=1.0,
        discharge_efficiency_frac=1.0,
        voltage_v=350.0,
        resistance_ohm=0.0,
        resistance_k=0.0,
        reference_c=20.0,
        heat_capacity_j_k=1e6,
        bay_w_k=100.0,
        bay_c=20.0,
        heater_lost_c=20.0,
        charge_min_c=0.0,
        cycle_life=1e9,
        cycle_life_dod_frac=1.0,
        cycle_life_exponent=1.0,
        end_of_life_frac=0.99,
        dod_routine_frac=0.5,
        dod_hard_frac=0.5,
    )
