"""Which element sets serve a span of time: not stale, not decayed, and not decaying within it.

Perigee is that of SGP4's mean elements. An orbit counts as decayed under 120 km: the entry interface from which no
satellite comes round again (NASA takes 400,000 feet, 122 km). SGP4's own error (code 6) comes only where the
radius falls below the Earth's, days too late for anyone who would fly there.
"""

from sgp4.api import SGP4_ERRORS, Satrec

from astro.elements import LeftOut, Reason, Satellite
from icd.timebase import NS_PER_S, MissionTime, seconds_between, to_iso

AGE_DAYS_MAX = 14.0  # further than this from its epoch an element set says little
HORIZON_DAYS = 30.0  # how long an orbit must hold where nobody says how long the run is
PERIGEE_KM_MIN = 120.0

_MINUTE_NS = 60 * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S
_LOOKS_DAYS = tuple(2**power for power in range(12))


def screen(
    satellites: tuple[Satellite, ...], at: MissionTime, *, age_days_max: float, horizon_days: float
) -> tuple[tuple[Satellite, ...], tuple[LeftOut, ...]]:
    """Return the satellites whose sets serve from an instant on for a horizon, and the others with the reason."""
    kept, left_out = [], []
    for satellite in satellites:
        found = fault(satellite, at, age_days_max=age_days_max, horizon_days=horizon_days)
        if found is None:
            kept.append(satellite)
        else:
            left_out.append(found)
    return tuple(kept), tuple(left_out)


def fault(satellite: Satellite, at: MissionTime, *, age_days_max: float, horizon_days: float) -> LeftOut | None:
    """Return why a set does not serve from an instant on for a horizon; None when it does."""
    age_days = abs(seconds_between(satellite.epoch, at)) / 86_400.0
    if age_days > age_days_max:
        text = (
            f"its epoch {to_iso(satellite.epoch)} is {age_days:.1f} days from {to_iso(at)};"
            f" at most {age_days_max:g} are allowed"
        )
        return LeftOut(satellite.row, satellite.name, Reason.STALE, text, satellite.number)
    end = MissionTime(at + round(horizon_days * _DAY_NS))
    fallen = decay(satellite, at, end)
    if fallen is None:
        return None
    need = f"allowed is a perigee of {PERIGEE_KM_MIN:g} km or more for {horizon_days:g} days"
    if fallen == at:
        text = f"SGP4 gives {_state(satellite, at)} at {to_iso(at)}; {need}"
    else:
        after_days = seconds_between(at, fallen) / 86_400.0
        text = (
            f"SGP4 has its perigee under {PERIGEE_KM_MIN:g} km from {to_iso(fallen)},"
            f" {after_days:.1f} days after {to_iso(at)}; {need}"
        )
    return LeftOut(satellite.row, satellite.name, Reason.DECAYED, text, satellite.number)


def decay(satellite: Satellite, start: MissionTime, end: MissionTime) -> MissionTime | None:
    """Return when the orbit's perigee has sunk under PERIGEE_KM_MIN, to a minute, or None when it has not by the end.

    SGP4's mean axis is the square of a polynomial that falls through zero and rises again behind it, so looks at the
    end alone would miss a decay. It is looked at after 1, 2, 4, 8 ... days: the terms of the polynomial grow at most
    sixteenfold from one look to the next, and none can leap from a standing orbit over the whole fall.
    """
    record = Satrec.twoline2rv(satellite.line1, satellite.line2)

    def stands(at: int) -> bool:
        return _perigee_km(record, (at - satellite.epoch) / _MINUTE_NS) >= PERIGEE_KM_MIN

    if not stands(start):
        return start
    good: int = start
    for look in (*(start + days * _DAY_NS for days in _LOOKS_DAYS if start + days * _DAY_NS < end), end):
        if stands(look):
            good = look
            continue
        bad = int(look)
        while bad - good > _MINUTE_NS:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if stands(middle) else (good, middle)
        return MissionTime(bad)
    return None


def _perigee_km(record: Satrec, minutes: float) -> float:
    error, _, _ = record.sgp4_tsince(minutes)
    if error:
        return float("-inf")
    height: float = (record.am * (1.0 - record.em) - 1.0) * record.radiusearthkm
    return height


def _state(satellite: Satellite, at: MissionTime) -> str:
    record = Satrec.twoline2rv(satellite.line1, satellite.line2)
    perigee_km = _perigee_km(record, (at - satellite.epoch) / _MINUTE_NS)
    if record.error:
        return f"no orbit (error {record.error}: {SGP4_ERRORS.get(record.error, 'unknown')})"
    return f"a perigee of {perigee_km:.1f} km"
