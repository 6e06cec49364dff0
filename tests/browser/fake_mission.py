"""Four satellites as formulas: orbits, Sun, battery, modes, jobs, links and passes, all functions of mission time."""

import bisect
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

EPOCH = datetime(2026, 8, 22, 3, 40, tzinfo=UTC)
START_S = 93_000.0  # mission time at which the fake begins, so that there is a day to look back on
STEP_S = 20.0
END_S = START_S + 40_000.0
PERIOD_S = 5736.0
RADIUS_KM = 6928.0
EARTH_KM = 6378.0
BATTERY_WH = 50_000.0
FLOOR_FRAC = 0.65
STATIONS: list[dict[str, Any]] = [
    {"name": name, "place": name, "latitude_deg": lat, "longitude_deg": lon}
    for name, lat, lon in (
        ("Svalbard", 78.2, 15.4),
        ("Kiruna", 67.9, 21.1),
        ("Fucino", 42.0, 13.6),
        ("Maspalomas", 27.8, -15.6),
        ("Hartebeesthoek", -25.9, 27.7),
        ("Bangalore", 13.0, 77.5),
        ("Awarua", -46.5, 168.4),
        ("Dongara", -29.0, 115.3),
        ("Hawaii", 19.0, -155.7),
        ("Fairbanks", 64.9, -147.9),
        ("Santiago", -33.1, -70.7),
        ("Wallops", 37.9, -75.5),
    )
]
ORBITS = (
    ("node-a", "STARLINK-5127", 53.2, 40.0, 10.0),
    ("node-b", "STARLINK-30382", 53.2, 62.0, 346.0),
    ("node-c", "STARLINK-11074", 70.0, 205.0, 150.0),
    ("node-d", "STARLINK-6316", 43.0, 120.0, 290.0),
)
TRAINING = {
    "node-a": "train-digits-01",
    "node-b": "embed-scenes-07",
    "node-c": "train-clouds-02",
    "node-d": "tune-ranker-03",
}


def iso(at_s: float) -> str:
    """Return the UTC text of mission seconds."""
    return (EPOCH + timedelta(seconds=at_s)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def span(start_s: float, end_s: float, **rest: Any) -> dict[str, Any]:
    """Return a span as the interface writes it."""
    return {**rest, "start_s": start_s, "end_s": end_s}


def runs(flags: list[bool], start_s: float = 0.0) -> list[tuple[float, float]]:
    """Return the spans in which a flag holds."""
    spans, begun = [], None
    for i, flag in enumerate([*flags, False]):
        if flag and begun is None:
            begun = i
        elif not flag and begun is not None:
            spans.append((start_s + begun * STEP_S, start_s + i * STEP_S))
            begun = None
    return spans


def sun_direction(at_s: float) -> tuple[float, float, float]:
    """Return the direction of the Sun, to half a degree (Astronomical Almanac, low precision)."""
    days = (EPOCH.timestamp() + at_s) / 86400 - 10957.5
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = math.radians(280.46 + 0.9856474 * days + 1.915 * math.sin(anomaly))
    tilt = math.radians(23.439)
    return math.cos(longitude), math.cos(tilt) * math.sin(longitude), math.sin(tilt) * math.sin(longitude)


@dataclass
class Satellite:
    """One node and everything that its orbit does to it."""

    node: str
    name: str
    inclination_deg: float
    raan_deg: float
    phase_deg: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    boots: int = 1

    def position(self, at_s: float) -> tuple[float, float, float]:
        """Return the inertial position, km, on a circular orbit."""
        u = math.radians(self.phase_deg + 360.0 * at_s / PERIOD_S)
        i, o = math.radians(self.inclination_deg), math.radians(self.raan_deg)
        x, y = math.cos(u), math.sin(u)
        return (
            RADIUS_KM * (x * math.cos(o) - y * math.cos(i) * math.sin(o)),
            RADIUS_KM * (x * math.sin(o) + y * math.cos(i) * math.cos(o)),
            RADIUS_KM * y * math.sin(i),
        )

    def place(self, at_s: float) -> tuple[float, float]:
        """Return latitude and longitude, degrees."""
        x, y, z = self.position(at_s)
        days = (EPOCH.timestamp() + at_s) / 86400 - 10957.5
        turn = 280.46061837 + 360.98564736629 * days
        longitude = (math.degrees(math.atan2(y, x)) - turn + 180.0) % 360.0 - 180.0
        return math.degrees(math.asin(z / RADIUS_KM)), longitude

    def sunlit(self, at_s: float) -> float:
        """Return 1 in light, 0 in the Earth's shadow (a cylinder)."""
        p, s = self.position(at_s), sun_direction(at_s)
        along = sum(a * b for a, b in zip(p, s, strict=True))
        aside = math.sqrt(max(0.0, RADIUS_KM**2 - along**2))
        return 0.0 if along < 0 and aside < EARTH_KM else 1.0

    def in_view(self, at_s: float) -> str | None:
        """Return a station that sees the satellite 12 degrees or more above its horizon."""
        lat, lon = self.place(at_s)
        for station in STATIONS:
            a, b = math.radians(lat), math.radians(station["latitude_deg"])
            away = math.acos(
                min(
                    1.0,
                    math.sin(a) * math.sin(b)
                    + math.cos(a) * math.cos(b) * math.cos(math.radians(lon - station["longitude_deg"])),
                )
            )
            if math.atan2(math.cos(away) - EARTH_KM / RADIUS_KM, math.sin(away)) > math.radians(12.0):
                return str(station["name"])
        return None

    def fly(self) -> None:
        """Fill the rows: one each STEP_S from mission start to END_S."""
        soc, temp, work, mode, reason = 0.93, 28.0, 0.0, "NOMINAL", "BOOT"
        n = int(END_S / STEP_S)
        lit = [self.sunlit(i * STEP_S) for i in range(n)]
        for i in range(n):
            mode, reason = next_mode(mode, reason, lit[i], soc)
            small = (i * STEP_S + self.phase_deg * 13) % 780.0 < 330.0 and mode != "SAFE"
            large = mode in ("NOMINAL", "BOOST")
            compute = 800.0 + (4700.0 if large else 0.0) + (1500.0 if small else 0.0)
            wobble = math.sin(i * 0.9 + self.phase_deg) * 60.0
            solar = (
                48_600.0 * lit[i] * (0.86 + 0.1 * math.sin(math.radians(360 * i * STEP_S / PERIOD_S + self.raan_deg)))
            )
            load = (18_000.0 if mode != "SURVIVAL" else 12_000.0) + compute + wobble
            net = solar - load
            soc = min(
                1.0, soc + max(-99_000.0, min(net, 14_000.0)) * (0.96 if net > 0 else 1.05) * STEP_S / 3600 / BATTERY_WH
            )
            temp += (compute / 1000 * 4.6 + 8 + 6 * lit[i] - temp) * STEP_S / 700
            work = (work + (STEP_S / 9400.0 if large else 0.0)) % 1.0
            self.rows.append(
                {
                    "t_s": i * STEP_S,
                    "sunlit_frac": lit[i],
                    "soc_frac": soc,
                    "solar_w": solar + wobble * lit[i],
                    "load_w": load,
                    "compute_w": compute,
                    "temp_c": temp,
                    "mode": mode,
                    "mode_reason": reason,
                    "small": small,
                    "large": large,
                    "work": work,
                }
            )

    def row(self, at_s: float) -> dict[str, Any]:
        """Return the row of an instant."""
        return self.rows[max(0, min(len(self.rows) - 1, int(at_s / STEP_S)))]

    @cached_property
    def eclipses(self) -> list[dict[str, Any]]:
        """Return all eclipses of the fake."""
        return [span(a, b) for a, b in runs([row["sunlit_frac"] < 0.5 for row in self.rows])]

    @cached_property
    def passes(self) -> list[dict[str, Any]]:
        """Return all passes of the fake."""
        return merge([(i * STEP_S, self.in_view(i * STEP_S)) for i in range(len(self.rows))], "station")

    @cached_property
    def modes(self) -> list[dict[str, Any]]:
        """Return all spans of power modes."""
        spans = merge([(row["t_s"], f"{row['mode']} {row['mode_reason']}") for row in self.rows], "mode")
        return [{**one, "mode": one["mode"].split()[0], "reason": one["mode"].split()[1]} for one in spans]

    @cached_property
    def attempts(self) -> list[dict[str, Any]]:
        """Return every span in which a job ran, with the checkpointing at the end of each preempted one."""
        spans = []
        for a, b in runs([row["large"] for row in self.rows]):
            spans += [span(a, b, job_id=TRAINING[self.node], state="RUNNING")]
            spans += [span(b, b + 90.0, job_id=TRAINING[self.node], state="CHECKPOINTING")]
        for k, (a, b) in enumerate(runs([row["small"] for row in self.rows])):
            spans.append(span(a, b, job_id=f"tiles-{self.node[-1]}{k:03d}", state="RUNNING"))
        return sorted(spans, key=lambda one: float(one["start_s"]))


def next_mode(mode: str, reason: str, lit: float, soc: float) -> tuple[str, str]:
    """Return the power mode of the next step and why."""
    if soc < 0.665:
        return "SURVIVAL", "LOW_BATTERY"
    if lit < 0.5:
        return ("ECLIPSE", "ECLIPSE") if mode != "SURVIVAL" else (mode, reason)
    if mode in ("ECLIPSE", "SURVIVAL"):
        return "NOMINAL", "SUN"
    if mode == "BOOST" and soc < 0.95:
        return "NOMINAL", "SURPLUS_SPENT"
    return ("BOOST", "SURPLUS") if soc > 0.97 else (mode, reason)


def merge(samples: list[tuple[float, str | None]], key: str) -> list[dict[str, Any]]:
    """Return runs of one name as spans."""
    spans: list[dict[str, Any]] = []
    for at_s, name in samples:
        if spans and spans[-1][key] == name and spans[-1]["end_s"] >= at_s - STEP_S:
            spans[-1]["end_s"] = at_s + STEP_S
        elif name is not None:
            spans.append(span(at_s, at_s + STEP_S, **{key: name}))
    return spans


class Mission:
    """The four satellites and the links between them."""

    def __init__(self) -> None:
        self.fleet = {orbit[0]: Satellite(*orbit) for orbit in ORBITS}
        for satellite in self.fleet.values():
            satellite.fly()
        self.sights = {name: self._sights(name) for name in self.fleet}

    def _sights(self, name: str) -> list[dict[str, Any]]:
        found = []
        for peer in self.fleet:
            if peer != name:
                flags = [self._sees(name, peer, i * STEP_S * 3) for i in range(int(END_S / STEP_S / 3))]
                found += [span(a * 3, b * 3, peer=peer) for a, b in runs(flags) if b - a > 60.0]
        return sorted(found, key=lambda one: float(one["start_s"]))

    def _sees(self, a: str, b: str, at_s: float) -> bool:
        p, q = self.fleet[a].position(at_s), self.fleet[b].position(at_s)
        return math.dist(p, q) < 5400.0

    def lasers(self, name: str, now_s: float) -> list[dict[str, Any]]:
        """Return the terminals of a node: the links now, then the next one being prepared."""
        now = [one for one in self.sights[name] if one["start_s"] <= now_s < one["end_s"]]
        soon = [one for one in self.sights[name] if 0 < one["start_s"] - now_s < 240]
        found = []
        for one in now[:2]:
            state = "TRACK" if now_s - one["start_s"] > 60 else "ACQUIRE"
            found.append({"state": state, "peer": one["peer"], "rate_bps": 100e9 if state == "TRACK" else None})
        for one in soon[: 2 - len(found)]:
            found.append({"state": "SLEW", "peer": one["peer"], "rate_bps": None})
        while len(found) < 2:
            found.append({"state": "IDLE", "peer": "", "rate_bps": None})
        return [{"terminal": i, **one} for i, one in enumerate(found)]

    def links(self, name: str) -> list[dict[str, Any]]:
        """Return the links that a node has held."""
        return [
            {**one, "start_s": one["start_s"] + 60.0}
            for one in self.sights[name]
            if one["end_s"] - one["start_s"] > 120
        ]

    def events(self, now_s: float, since_s: float) -> list[dict[str, Any]]:
        """Return the events of a span of mission time, in order."""
        first, last = (bisect.bisect_right(self._event_times, t) for t in (since_s, now_s))
        return self._events[first:last]

    @cached_property
    def _event_times(self) -> list[float]:
        return [event["at_s"] for event in self._events]

    @cached_property
    def _events(self) -> list[dict[str, Any]]:
        found = []
        for name, satellite in self.fleet.items():
            found += self._mode_events(name, satellite) + self._job_events(name, satellite)
            for link in self.links(name):
                found.append(
                    (
                        link["start_s"],
                        name,
                        "INFO",
                        "ISL_UP",
                        "isl",
                        f"Terminal 0 tracks {link['peer']}, lease until {iso(link['end_s'])[11:19]}.",
                    )
                )
                found.append(
                    (link["end_s"], name, "INFO", "ISL_DOWN", "isl", f"Terminal 0 lost {link['peer']}: out of range.")
                )
        found.append(
            (
                START_S - 300.0,
                "node-c",
                "MEDIUM",
                "READINGS_LOST",
                "fdir",
                "Readings of gnss are lost. Check the unit; reset_unit power-cycles it.",
            )
        )
        found.append((START_S - 210.0, "node-c", "INFO", "READINGS_BACK", "fdir", "Readings of gnss are back."))
        found.append(
            (
                START_S - 120.0,
                "node-d",
                "HIGH",
                "WATCHDOG_BITTEN",
                "fdir",
                "The watchdog has bitten 1 times. See the events before the reset.",
            )
        )
        found.sort()
        return [
            {
                "id": k + 1,
                "at_s": at,
                "at_iso": iso(at),
                "node": node,
                "severity": severity,
                "event_id": event_id,
                "app": app,
                "text": text,
            }
            for k, (at, node, severity, event_id, app, text) in enumerate(found)
        ]

    def _mode_events(self, name: str, satellite: Satellite) -> list[tuple[float, str, str, str, str, str]]:
        pairs = zip(satellite.modes, satellite.modes[1:], strict=False)
        return [
            (
                b["start_s"],
                name,
                "LOW",
                "POWER_MODE_CHANGED",
                "power",
                f"Power mode {a['mode']} to {b['mode']}: {b['reason']}.",
            )
            for a, b in pairs
        ]

    def _job_events(self, name: str, satellite: Satellite) -> list[tuple[float, str, str, str, str, str]]:
        found = []
        for one in satellite.attempts:
            if one["state"] == "CHECKPOINTING":
                found.append(
                    (
                        one["start_s"],
                        name,
                        "LOW",
                        "JOB_PREEMPTED",
                        "jobs",
                        f"Job {one['job_id']} preempted: PREEMPTED_MODE.",
                    )
                )
            else:
                found.append(
                    (one["start_s"], name, "INFO", "JOB_STARTED", "jobs", f"Job {one['job_id']} started, attempt 1.")
                )
                if one["job_id"].startswith("tiles"):
                    found.append(
                        (one["end_s"], name, "INFO", "JOB_ENDED", "jobs", f"Job {one['job_id']} is SUCCEEDED: DONE.")
                    )
        return found
