"""What the sky gives one satellite: light in steps, the array's power in steps, heat on the radiator.

All of it follows from the orbit alone, never from loads, so a whole span of constant light is laid out at its start.
"""

import math
from dataclasses import dataclass
from typing import assert_never

from astro import shadow, sun
from astro.orbit import Ephemeris
from hwsim import plain
from hwsim.models import array
from hwsim.models.array import Light, Step
from hwsim.models.body import ZERO_C_K
from hwsim.models.environment import EARTH_INFRARED_W_M2, SOLAR_W_M2, albedo_w_m2
from hwsim.spans import LightBook
from icd.timebase import NS_PER_S, MissionTime, seconds_between
from icd.vehicle import Tracking, VehicleProfile

START_TEMP_C = 20.0
BODY_INCIDENCE_FRAC = 0.25  # mean over all sides of a body: its cross section over its surface (Cauchy)
STEP_SLACK_FRAC = 4e-5  # of the battery's capacity: how far the energy of the array may be off within a step
PARTS = 4  # steps of the array in one half of a penumbra: a full battery clips within a part what it should not
GEOMETRY_NS = 300 * NS_PER_S  # the geometry of a span is that of the middle of the five minutes its own middle lies in
_J_PER_WH = 3600.0
_YEAR_S = 365.25 * 86_400.0


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the Sun stands: its distance, and the cosine of its elevation over the orbit plane."""

    sun_au: float
    cos_beta: float
    radius_km: float


class Sky:
    """Light, array and radiator heat of one satellite from one step to the next.

    `next_at` is when something steps; `move` must be called then.
    """

    __slots__ = (
        "_book",
        "_born",
        "_cell_w",
        "_ephemeris",
        "_light",
        "_place",
        "_profile",
        "_seen",
        "_start_k",
        "_steps",
        "albedo_w",
        "array_w",
        "infrared_w",
        "next_at",
        "sunlight_w",
        "sunlit_frac",
    )

    array_w: float  # of a whole array
    next_at: MissionTime
    sunlight_w: float  # taken in by the radiator, and so on
    albedo_w: float
    sunlit_frac: float

    def __init__(self, profile: VehicleProfile, ephemeris: Ephemeris, pointing_frac: float, start: MissionTime) -> None:
        self._profile = profile
        self._ephemeris = ephemeris
        self._book = LightBook(ephemeris)
        self._born = start
        self._cell_w = profile.array.nameplate_w * profile.array.derate_frac * pointing_frac
        thermal = profile.thermal
        view_m2 = thermal.earth_view_frac * thermal.radiator_m2
        self.infrared_w = thermal.emissivity_frac * view_m2 * EARTH_INFRARED_W_M2
        self._seen: tuple[int, Geometry] | None = None
        self._lay_out(start, START_TEMP_C + ZERO_C_K)

    def move(self, now: MissionTime) -> bool:
        """Step on to the present; return whether the light stepped, and so the heat on the radiator."""
        relit = False
        while self.next_at <= now:
            self._place += 1
            if self._place < len(self._steps):
                self._take()
            else:
                self._lay_out(self._light.end, self._temp_k(self._light.end))
                relit = True
        return relit

    def array_c(self, at: MissionTime) -> float:
        """Return the array's temperature at an instant before `next_at`, degrees Celsius."""
        return self._temp_k(at) - ZERO_C_K

    def dump(self) -> dict[str, object]:
        """Return the state as plain values: all else follows from it."""
        return {"born": self._born, "since": self._light.start, "array_k": self._start_k, "step": self._place}

    def restore(self, state: object) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        values = plain.table(state)
        self._born = MissionTime(plain.whole(values["born"]))
        self._lay_out(MissionTime(plain.whole(values["since"])), plain.number(values["array_k"]))
        self._place = plain.whole(values["step"])
        if not 0 <= self._place < len(self._steps):
            raise ValueError(f"step {self._place} of {len(self._steps)}")
        self._take()

    def _lay_out(self, start: MissionTime, array_k: float) -> None:
        """Lay out the span of constant light that begins at an instant, with the geometry of about its middle."""
        end = self._book.next_change(start)
        seen = self._geometry((start + end) // 2 // GEOMETRY_NS)
        profile = self._profile
        frac = self._book.frac(start)
        sun_w_m2 = SOLAR_W_M2 / (seen.sun_au * seen.sun_au)
        incidence = _incidence(profile.array.tracking, seen.cos_beta)
        years = seconds_between(self._born, start) / _YEAR_S
        kept = (1.0 - profile.array.fade_per_year_frac) ** years
        self._light = Light(
            start,
            end,
            sun_w_m2 * incidence * frac,
            self._cell_w * kept * incidence * frac / (seen.sun_au * seen.sun_au),
            STEP_SLACK_FRAC * profile.battery.capacity_wh * _J_PER_WH,
        )
        thermal = profile.thermal
        absorbing_m2 = thermal.absorptance_frac * thermal.radiator_m2
        self.sunlit_frac = frac
        self.sunlight_w = absorbing_m2 * thermal.sun_view_frac * sun_w_m2 * frac
        reflected = albedo_w_m2(sun_w_m2, seen.cos_beta, seen.radius_km) if frac > 0.0 else 0.0
        self.albedo_w = absorbing_m2 * thermal.earth_view_frac * reflected * frac
        self._start_k, self._place = array_k, 0
        self._steps: list[Step] = array.steps(profile.array, self._light, array_k)
        # While the Sun sets the battery may be full; when it rises, after a night, it is not, and clips nothing.
        if frac in PART_SHARES and len(self._steps) == 1 and self._book.frac(end) < frac:
            self._steps = _parted(self._steps[0], self._light, PART_SHARES[frac][::-1])
        self._take()

    def _take(self) -> None:
        """Put the step in hand into force."""
        steps, after = self._steps, self._place + 1
        self.array_w = steps[self._place].power_w
        self.next_at = steps[after].at if after < len(steps) else self._light.end

    def _temp_k(self, at: MissionTime) -> float:
        sheet = array.body(self._profile.array, self._light.sun_w_m2)
        return sheet.after_k(self._start_k, (at - self._light.start) / NS_PER_S)

    def _geometry(self, cell: int) -> Geometry:
        if self._seen is not None and self._seen[0] == cell:
            return self._seen[1]
        at = MissionTime(cell * GEOMETRY_NS + GEOMETRY_NS // 2)
        x, y, z = self._ephemeris.position(at)
        vx, vy, vz = self._ephemeris.velocity(at)
        sx, sy, sz = sun.position(at)
        nx, ny, nz = y * vz - z * vy, z * vx - x * vz, x * vy - y * vx
        distance_km = math.sqrt(sx * sx + sy * sy + sz * sz)
        normal = math.sqrt(nx * nx + ny * ny + nz * nz)
        sin_beta = (nx * sx + ny * sy + nz * sz) / (distance_km * normal)
        found = Geometry(
            distance_km / sun.AU_KM,
            math.sqrt(max(0.0, 1.0 - sin_beta * sin_beta)),
            math.sqrt(x * x + y * y + z * z),
        )
        self._seen = (cell, found)
        return found


def _parted(step: Step, light: Light, shares: tuple[float, ...]) -> list[Step]:
    """Return the array's step in one half of a penumbra as several with the same energy."""
    length = (light.end - light.start) // PARTS
    return [Step(MissionTime(light.start + place * length), step.power_w * share) for place, share in enumerate(shares)]


def _mean_light(low: float, high: float) -> float:
    """Return the mean visible fraction while a straight edge uncovers a disc from one share of its width to another.

    Integral of the area of a circular segment, as for the halves in `astro.shadow`.
    """

    def integral(share: float) -> float:
        u = 1.0 - 2.0 * share
        root = math.sqrt(max(0.0, 1.0 - u * u))
        return -0.5 * (u * math.acos(u) - root + root**3 / 3.0) / math.pi

    return (integral(high) - integral(low)) / (high - low)


def _part_shares(start: float) -> tuple[float, ...]:
    """Return what each part of the half that begins there has of the half's mean, darkest first."""
    width = 0.5 / PARTS
    means = [_mean_light(start + place * width, start + (place + 1) * width) for place in range(PARTS)]
    return tuple(mean * PARTS / sum(means) for mean in means)


# By the half's light: the darker half is the first to be uncovered.
PART_SHARES = {
    shadow.PENUMBRA_DARK_HALF_FRAC: _part_shares(0.0),
    shadow.PENUMBRA_LIGHT_HALF_FRAC: _part_shares(0.5),
}


def _incidence(tracking: Tracking, cos_beta: float) -> float:
    match tracking:
        case Tracking.SUN:
            return 1.0
        case Tracking.PITCH:
            return cos_beta
        case Tracking.BODY:
            return BODY_INCIDENCE_FRAC
        case _:
            assert_never(tracking)
