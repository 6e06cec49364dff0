"""Faults drawn at random: of every kind, each legal, none so strong that a healthy design must break."""

import random
from collections.abc import Sequence

from icd.fault_catalogue import CATALOGUE, Need, fields_of
from icd.faults import FaultEvent, FaultKind, FaultOrder

LASTS_S = (20.0, 600.0)  # mission time, least and most
EVENT_FRAC, CHANCE_FRAC = 0.15, 0.15  # of the orders that wait for an event, and of those that strike by chance
TIMES_MAX = 3

# What a fault may do where its kind allows more than a design can be asked to bear.
_MAGNITUDES: dict[FaultKind, tuple[float, float]] = {
    FaultKind.SENSOR_DROP: (0.05, 0.9),
    FaultKind.SENSOR_DELAY: (1.0, 60.0),
    FaultKind.VALUE_SCALE: (0.5, 1.5),
    FaultKind.COMPUTE_LATCHUP: (50.0, 1_500.0),
    FaultKind.ARRAY_STRING_DEAD: (0.05, 0.4),
    FaultKind.BATTERY_CELL_LOST: (0.05, 0.4),
    FaultKind.TERMINAL_WEAK: (1.0, 40.0),
    FaultKind.LINK_DELAY: (0.1, 20.0),
    FaultKind.LINK_RATE: (2e4, 1e7),
    FaultKind.LINK_LOSS: (0.05, 0.7),
    FaultKind.LINK_COPY: (0.05, 1.0),
    FaultKind.GNSS_STEP: (-120.0, 120.0),
}
# How far a number is bent by a bias, or in one standard deviation of noise.
_BENDS = {"soc_frac": 0.1, "sunlit_frac": 0.3, "battery_wh": 5_000.0, "module_temp_c": 10.0, "remaining_s": 30.0}
_BEND_OTHERWISE = 2_000.0


def draw_order(rng: random.Random, fault_id: str, nodes: Sequence[str], terminals: int) -> FaultOrder:
    """Return a legal order of any kind, at once, at an event or by chance, that lasts some minutes."""
    kind = rng.choice(tuple(FaultKind))
    rule = CATALOGUE[kind]
    unit = (
        rng.choice([one for one in rule.units if rule.field is not Need.MUST or fields_of(one)]) if rule.units else ""
    )
    takes_terminal = rule.terminal is not Need.NO and unit in ("", "terminal")
    field = ""
    if rule.field is Need.MUST or (rule.field is Need.MAY and fields_of(unit) and rng.random() < 0.5):
        field = rng.choice(list(fields_of(unit)))
    node = rng.choice(nodes)
    luck = rng.random()
    waits = rule.node and luck < EVENT_FRAC
    by_chance = not waits and luck < EVENT_FRAC + CHANCE_FRAC
    return FaultOrder(
        fault_id=fault_id,
        kind=kind,
        node=node if rule.node else "",
        unit=unit,
        terminal=rng.randrange(terminals) if takes_terminal else None,
        field=field,
        magnitude=None if rule.magnitude is None else _magnitude(rng, kind, field),
        on_event=rng.choice(tuple(FaultEvent)) if waits else None,
        rate_per_day=round(rng.uniform(20.0, 200.0), 1) if by_chance else None,
        times=rng.randint(1, TIMES_MAX) if waits or by_chance else 1,
        duration_s=None if rule.instant else round(rng.uniform(*LASTS_S), 3),
    )


def _magnitude(rng: random.Random, kind: FaultKind, field: str) -> float:
    bend = _BENDS.get(field, _BEND_OTHERWISE)
    low, high = _MAGNITUDES.get(kind, (-bend, bend))
    if kind is FaultKind.VALUE_NOISE:
        low, high = 0.01 * bend, bend
    return round(rng.uniform(low, high), 4)
