"""The state of the fake ground service: nodes, jobs and telecommands as views, at any mission time."""

import asyncio
import math
from typing import Any

from tests.browser.fake_mission import FLOOR_FRAC, START_S, TRAINING, Mission


class Ground:
    """The state behind the interface: the mission, its clock, and the telecommands that a test sends."""

    def __init__(self, mission: Mission, rate: float, start_s: float) -> None:
        self.mission = mission
        self.rate = rate
        self.start_s = start_s
        self.begun_s: float | None = None
        self.tcs: dict[str, dict[str, Any]] = {}
        self.cancelled: dict[str, float] = {}

    def now_s(self) -> float:
        """Return mission time; it begins with the first question."""
        wall_s = asyncio.get_running_loop().time()
        if self.begun_s is None:
            self.begun_s = wall_s
        return self.start_s + (wall_s - self.begun_s) * self.rate

    def node(self, name: str, now_s: float) -> dict[str, Any]:
        """Return a NodeView. node-d has lost its temperature sensor; a silent node keeps its last values."""
        satellite = self.mission.fleet[name]
        latitude, longitude = satellite.place(now_s)
        in_pass = [p for p in satellite.passes if p["start_s"] <= now_s < p["end_s"]]
        earlier = [p for p in satellite.passes if p["end_s"] <= now_s]
        ago_s = 4.0 if in_pass or name != "node-d" else now_s - earlier[-1]["end_s"]
        row = satellite.row(now_s - ago_s)
        running = [one for one in satellite.attempts if one["start_s"] <= now_s - ago_s < one["end_s"]]
        queued = [job for job in self.jobs(now_s) if job["node"] == name and job["state"] == "QUEUED"]
        return {
            "node": name,
            "satellite": satellite.name,
            "heard": ago_s < 180.0,
            "heard_s_ago": ago_s,
            "mode": row["mode"],
            "mode_reason": row["mode_reason"],
            "sunlit_frac": row["sunlit_frac"],
            "soc_frac": row["soc_frac"],
            "battery_wh": row["soc_frac"] * 50_000.0,
            "solar_w": row["solar_w"],
            "load_w": row["load_w"],
            "compute_w": row["compute_w"],
            "compute_cap_w": {"BOOST": 10_000.0, "NOMINAL": 7_000.0, "ECLIPSE": 3_500.0}.get(row["mode"], 800.0),
            "module_temp_c": None if name == "node-d" else row["temp_c"],
            "jobs_queued": len(queued),
            "jobs_running": [one["job_id"] for one in running],
            "job_progress_frac": self.progress(name, running[0]["job_id"], now_s) if running else None,
            "hold_reason": queued[0]["hold_reason"] if queued else "",
            "hold_advice": queued[0]["hold_advice"] if queued else "",
            "lasers": self.mission.lasers(name, now_s),
            "handoffs": sum(1 for one in self.mission.links(name) if one["end_s"] < now_s),
            "outbox_rows": 0 if in_pass else int(now_s / 90) % 23,
            "boot_count": 2 if name == "node-d" else 1,
            "sandbox": "landlock",
            "clock_error_s": 0.0021 * math.sin(now_s / 900.0 + satellite.raan_deg),
            "latitude_deg": latitude,
            "longitude_deg": longitude,
            "next_eclipse_s": next((e["start_s"] for e in satellite.eclipses if e["start_s"] > now_s), None),
            "next_contact_s": next((p["start_s"] for p in satellite.passes if p["start_s"] > now_s), None),
            "in_contact": bool(in_pass),
            "soc_floor_frac": FLOOR_FRAC,
        }

    def progress(self, node: str, job_id: str, now_s: float) -> float:
        """Return how far a job is: image jobs by their time, training by its work."""
        if not job_id.startswith("tiles"):
            return float(self.mission.fleet[node].row(now_s)["work"])
        one = next(one for one in self.mission.fleet[node].attempts if one["job_id"] == job_id)
        return float(min(1.0, (now_s - one["start_s"]) / 330.0))

    def jobs(self, now_s: float) -> list[dict[str, Any]]:
        """Return the JobViews: training, image jobs lately and soon, and one that failed."""
        found = []
        for name, satellite in self.mission.fleet.items():
            found.append(self.training(name, now_s))
            lately = [
                one for one in satellite.attempts if one["job_id"].startswith("tiles") and one["start_s"] < now_s + 1600
            ]
            for k, one in enumerate(lately[-6:]):
                state = "SUCCEEDED" if one["end_s"] <= now_s else "RUNNING" if one["start_s"] <= now_s else "QUEUED"
                found.append(job_view(one["job_id"], name, state, one, now_s, k))
        failed = job_view(
            "render-atlas-11", "node-c", "FAILED", {"start_s": START_S - 4000, "end_s": START_S - 3300}, now_s, 9
        )
        staged = job_view(
            "fold-proteins-04", "node-d", "STAGING", {"start_s": START_S + 9e9, "end_s": START_S + 9e9}, now_s, 3
        )
        found.append(
            {
                **failed,
                "reason": "MEMORY_LIMIT",
                "detail": "Used more than 512 MB. Raise memory_mb, or mend the job.",
                "progress_frac": 0.31,
            }
        )
        found.append(
            {**staged, "hold_reason": "BUNDLE_MISSING", "hold_advice": HOLDS["BUNDLE_MISSING"], "progress_frac": None}
        )
        for job in found:
            if self.cancelled.get(job["job_id"], math.inf) < now_s:
                job.update(state="CANCELLED", reason="CANCELLED", hold_reason="", hold_advice="")
        return found

    def training(self, name: str, now_s: float) -> dict[str, Any]:
        """Return the long job of a node, which eclipse sheds."""
        satellite = self.mission.fleet[name]
        mine = [one for one in satellite.attempts if one["job_id"] == TRAINING[name] and one["start_s"] <= now_s]
        live = mine[-1] if mine and mine[-1]["end_s"] > now_s else None
        held = "" if live else "MODE_SHEDS_CLASS"
        return {
            "job_id": TRAINING[name],
            "tenant": "atelier",
            "job_class": "BULK",
            "priority": 40,
            "node": name,
            "state": live["state"] if live else "QUEUED",
            "reason": None if live else "PREEMPTED_MODE",
            "detail": "",
            "attempt": 1 + sum(one["state"] == "CHECKPOINTING" for one in mine),
            "progress_frac": satellite.row(now_s)["work"],
            "hold_reason": held,
            "hold_advice": HOLDS.get(held, ""),
            "queue_position": None if live else 1,
            "submitted_s": START_S - 20_000.0,
            "updated_s": mine[-1]["start_s"] if mine else 0.0,
            "energy_wh": len(mine) * 2900.0,
            "result_state": "NONE",
            "result_bytes": None,
            "result_sha256": None,
        }

    def tc_view(self, tc: dict[str, Any], now_s: float) -> dict[str, Any]:
        """Return a telecommand with the stages that it has reached by now."""
        stages = [stage for stage in tc["plan"] if stage["at_s"] <= now_s]
        last = stages[-1] if stages else {"stage": "ISSUED", "reason": None, "detail": ""}
        kept = {key: value for key, value in tc.items() if key != "plan"}
        return {**kept, "stage": last["stage"], "reason": last["reason"], "detail": last["detail"], "stages": stages}

    def send(self, node: str, command: dict[str, Any], now_s: float) -> dict[str, Any]:
        """Take a telecommand; leave_safe fails, all others complete in a minute and a half."""
        names = ["RECEIVED", "ACCEPTED", "STARTED", "FAILED" if command["name"] == "leave_safe" else "COMPLETED"]
        plan = [
            {"stage": name, "step": 0, "at_s": now_s + 18.0 + 24.0 * k, "reason": None, "detail": ""}
            for k, name in enumerate(names)
        ]
        if names[-1] == "FAILED":
            plan[-1].update(reason="MODE_NOT_ALLOWED", detail="The node is not in SAFE mode.")
        request_id = f"tc-{len(self.tcs) + 1:04d}"
        self.tcs[request_id] = {
            "request_id": request_id,
            "node": node,
            "command": command,
            "user": "operator",
            "issued_s": now_s,
            "plan": plan,
        }
        return self.tcs[request_id]

    def update(self, now_s: float, since_s: float) -> dict[str, Any]:
        """Return what a live client is told."""
        return {
            "now_s": now_s,
            "rate": self.rate,
            "nodes": [self.node(name, now_s) for name in self.mission.fleet],
            "events": self.mission.events(now_s, since_s),
            "jobs": self.jobs(now_s),
            "tcs": [self.tc_view(tc, now_s) for tc in self.tcs.values()],
        }


HOLDS = {
    "MODE_SHEDS_CLASS": "The power mode sheds this class. Wait for sunlight, or submit in a hotter class.",
    "SLOTS_BUSY": "All compute slots are taken. It starts in turn.",
    "BUNDLE_MISSING": "The bundle is still on its way up. It starts when the bundle is whole.",
}


def job_view(job_id: str, node: str, state: str, one: dict[str, Any], now_s: float, place: int) -> dict[str, Any]:
    """Return the JobView of an image job."""
    ended = state in ("SUCCEEDED", "FAILED")
    frac = 1.0 if ended else max(0.0, min(1.0, (now_s - one["start_s"]) / 330.0)) if state == "RUNNING" else None
    held = "SLOTS_BUSY" if state == "QUEUED" else ""
    return {
        "job_id": job_id,
        "tenant": "tidewatch",
        "job_class": "STANDARD" if place % 3 else "HOT",
        "priority": 60,
        "node": node,
        "state": state,
        "reason": "DONE" if ended else None,
        "detail": "",
        "attempt": 0 if held else 1,
        "progress_frac": frac,
        "hold_reason": held,
        "hold_advice": HOLDS.get(held, ""),
        "queue_position": place - 2 if held else None,
        "submitted_s": min(now_s, one["start_s"]) - 900.0,
        "updated_s": one["end_s"] if ended else min(now_s, one["start_s"]),
        "energy_wh": 0.0 if held else 137.5 * (frac or 0.0),
        "result_state": "READY" if state == "SUCCEEDED" else "NONE",
        "result_bytes": 184_320 if state == "SUCCEEDED" else None,
        "result_sha256": "5f3c" * 16 if state == "SUCCEEDED" else None,
    }
