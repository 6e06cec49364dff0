"""A table for testing the ground: two real satellites, a clock turned by hand, a link that keeps a record."""

import base64
import hashlib
import heapq
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ground.adapters.file_shelf import FileShelf
from ground.adapters.sqlite_archive import SqliteArchive, memory_archive
from ground.config import GroundConfig
from ground.desk import Stores
from ground.secrets import Secrets, Signer
from ground.service import GroundService
from ground.tables import JobRequest, UserRole, parse
from ground.users import User, Users
from icd.codec import encode
from icd.envelope import Message
from icd.events import EventReport, OutboxBatch, OutboxItem
from icd.hk import HkSample, pack
from icd.jobs import JobReport, JobState
from icd.params import BrokerAccess, ElementSet, Fleet, Station
from icd.tc import Role
from icd.timebase import MissionTime, after, from_iso
from icd.topics import downlink
from icd.vehicle import VehicleProfile
from icd.verification import VerificationReport
from runtime.clock import ManualClock
from runtime.link import LinkCounters
from runtime.timers import TimerHandle

EPOCH = from_iso("2026-08-22T12:00:00Z")
OUTBOX = "0123456789abcdef"
TOKENS = {"ops": "ops-token", "acme": "acme-token", "eyes": "eyes-token"}
ROLES = {"ops": UserRole.OPERATOR, "acme": UserRole.TENANT, "eyes": UserRole.VIEWER}
# Two Starlink satellites, from CelesTrak.
LINES = {
    "node-a": (
        "1 44714U 19074B   26234.17284867  .00077595  00000+0  89842-3 0  9997",
        "2 44714  53.1481 110.2629 0005172  75.9267 284.2321 15.61165912374481",
    ),
    "node-b": (
        "1 44718U 19074F   26234.61583504  .00083287  00000+0  94674-3 0  9994",
        "2 44718  53.1504 108.3906 0001607 127.2284 232.8877 15.61625202374541",
    ),
}
Report = VerificationReport | EventReport | JobReport
V3NODE = Path(__file__).parents[3] / "missions/profiles/v3node.toml"
BUNDLE = b"bundle " * 1000


def profile() -> VehicleProfile:
    """Return the shipped profile with a small battery, two slots and two terminals."""
    shipped = VehicleProfile.model_validate(tomllib.loads(V3NODE.read_text()))
    tables = {
        "battery": {"capacity_wh": 10_000.0, "dod_routine_frac": 0.3, "dod_hard_frac": 0.6},
        "compute": {"idle_w": 200.0, "typical_w": 8_000.0, "slots": 2},
        "lasers": {"terminals": 2, "range_km": 4_000.0},
    }
    changed = {name: getattr(shipped, name).model_copy(update=change) for name, change in tables.items()}
    return shipped.model_copy(update=changed)


def fleet() -> Fleet:
    return Fleet(
        mission="bench",
        epoch=EPOCH,
        profile=profile(),
        elements=tuple(
            ElementSet(node=node, name=node.upper(), line1=lines[0], line2=lines[1]) for node, lines in LINES.items()
        ),
        stations=(
            Station(
                name="svalbard", place="Svalbard", latitude_deg=78.2, longitude_deg=15.4, altitude_km=0.4, mask_deg=5.0
            ),
            Station(name="bern", place="Bern", latitude_deg=46.9, longitude_deg=7.4, altitude_km=0.5, mask_deg=5.0),
        ),
    )


def config(directory: Path) -> GroundConfig:
    return GroundConfig(
        fleet=fleet(),
        broker=BrokerAccess(host="127.0.0.1", port=1883, username="ground", password_file="ground.password"),
        http_host="127.0.0.1",
        http_port=8080,
        archive_file=":memory:",
        console_dir=None,
        scheduler_key_file="scheduler.key",
        operator_key_file="operator.key",
        users_file="users.json",
        data_dir=str(directory),
        clock="utc",
        seed=7,
    )


def secrets() -> Secrets:
    def key(name: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())

    return Secrets(
        scheduler=Signer("scheduler", Role.SCHEDULER, key("scheduler")),
        operator=Signer("operator", Role.OPERATOR, key("operator")),
        users=Users(
            tuple((hashlib.sha256(token.encode()).hexdigest(), user(name)) for name, token in TOKENS.items()),
        ),
    )


def user(name: str) -> User:
    return User(name, (ROLES[name],))


class RecordingLink:
    """A link whose far end is the test."""

    def __init__(self) -> None:
        self.connected = True
        self.sent: list[tuple[str, bytes]] = []

    @property
    def counters(self) -> LinkCounters:
        return LinkCounters(len(self.sent), 0, 0, 1)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        if self.connected:
            self.sent.append((topic, payload))
        return self.connected

    async def run(self, on_message: object, on_state: object) -> None:
        raise AssertionError("the test is the far end")

    def take(self, topic: str) -> list[bytes]:
        """Return and forget what was sent on a topic."""
        found = [payload for at, payload in self.sent if at == topic]
        self.sent = [(at, payload) for at, payload in self.sent if at != topic]
        return found


@dataclass(order=True)
class _Alarm:
    when: int
    order: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class HandTimers:
    """Timers that fire when the test turns the clock."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._alarms: list[_Alarm] = []
        self._count = 0

    def at(self, when: MissionTime, callback: Callable[[], None]) -> TimerHandle:
        self._count += 1
        alarm = _Alarm(max(when, self._clock.now()), self._count, callback)
        heapq.heappush(self._alarms, alarm)
        return alarm

    def after_s(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        return self.at(after(self._clock.now(), delay_s), callback)

    def after_wall_s(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        return self.after_s(delay_s * self._clock.rate, callback)

    def advance(self, delay_s: float) -> None:
        until = after(self._clock.now(), delay_s)
        while self._alarms and self._alarms[0].when <= until:
            alarm = heapq.heappop(self._alarms)
            self._clock.set(MissionTime(alarm.when))
            if not alarm.cancelled:
                alarm.callback()
        self._clock.set(until)


class Bench:
    """A ground service on the table."""

    def __init__(self, directory: Path, archive: SqliteArchive | None = None, clock: ManualClock | None = None) -> None:
        self.directory = directory
        self.clock = clock or ManualClock(after(EPOCH, 100.0))
        self.timers = HandTimers(self.clock)
        self.link = RecordingLink()
        self.archive = archive or memory_archive()
        stores = Stores(self.archive, FileShelf(directory, durable=False))
        self.ground = GroundService(config(directory), self.clock, self.timers, self.link, stores, secrets())
        self.ground.start()
        self._seq = 0
        self._counter = 0

    def advance(self, delay_s: float) -> None:
        self.timers.advance(delay_s)

    def hear(self, node: str, **changes: object) -> None:
        """Let a node's housekeeping arrive."""
        self._counter += 1
        packet = pack(node, self._counter, self.clock.now(), sample(**changes))
        self.ground.on_message(downlink(node, "hk"), encode(packet))

    def keep_hearing(self, node: str, for_s: float, step_s: float = 5.0) -> None:
        """Let time pass with a node heard all along."""
        for _ in range(int(for_s / step_s)):
            self.hear(node)
            self.advance(step_s)

    def report(self, node: str, *reports: Report) -> list[int]:
        """Let an outbox batch arrive; return its numbers."""
        items = []
        for report in reports:
            self._seq += 1
            items.append(item(self._seq, report))
        self.send(node, "report", OutboxBatch(node=node, outbox_id=OUTBOX, items=tuple(items)))
        return [one.seq for one in items]

    def send(self, node: str, channel: str, message: Message) -> None:
        self.ground.on_message(downlink(node, channel), encode(message))

    def job_report(self, job_id: str, state: JobState, **changes: object) -> JobReport:
        return job_report(job_id, state, self.clock.now(), **changes)

    def submit(self, job_id: str = "job-1", **changes: object) -> str:
        view, _ = self.ground.submit_job(job_request(job_id, **changes), user("ops"))
        return view["job_id"]


def item(seq: int, report: Report) -> OutboxItem:
    kinds = {VerificationReport: "verification", EventReport: "event", JobReport: "job"}
    return OutboxItem.model_validate(
        {"seq": seq, "kind": kinds[type(report)], "body": report.model_dump(mode="python")}
    )


def sample(**changes: object) -> HkSample:
    values: dict[str, object] = {
        "mode": "NOMINAL",
        "mode_reason": "sunlight",
        "boot_count": 1,
        "sunlit_frac": 1.0,
        "soc_frac": 0.9,
        "battery_wh": 9000.0,
        "solar_w": 18_000.0,
        "load_w": 3000.0,
        "compute_w": 1000.0,
        "compute_cap_w": 8000.0,
        "module_temp_c": 40.0,
        "clock_error_s": 0.001,
        "jobs_queued": 0,
        "jobs_running": "",
        "job_progress_frac": None,
        "hold_reason": "",
        "lasers": "0:TRACK:node-b:400000000000 1:IDLE::0",
        "handoffs": 2,
        "outbox_rows": 0,
        "tc_accepted": 0,
        "tc_rejected": 0,
        "bus_depth_peak": 3,
        "bus_dropped": 0,
        "sandbox": "landlock",
    }
    return HkSample(**{**values, **changes})  # type: ignore[arg-type]  # a test may send nonsense


def job_body(job_id: str, **changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "job_id": job_id,
        "tenant": "acme",
        "job_class": "STANDARD",
        "priority": 50,
        "command": ["python3", "main.py"],
        "power_w": 500.0,
        "slots": 1,
        "memory_mb": 128,
        "disk_mb": 64,
        "time_limit_s": 600.0,
        "grace_s": 5.0,
        "work_s": 300.0,
        "checkpoint_every_s": 60.0,
        "retries_max": 2,
        "deadline_s": None,
        "node": None,
        "bundle_base64": base64.b64encode(BUNDLE).decode(),
    }
    return {**values, **changes}


def job_request(name: str, **changes: object) -> JobRequest:
    return parse(JobRequest, json.dumps({**job_body(name), **changes}).encode())


def job_report(job_id: str, state: JobState, at: MissionTime, **changes: object) -> JobReport:
    values: dict[str, object] = {
        "job_id": job_id,
        "state": state,
        "attempt": 1,
        "at": at,
        "reason": None,
        "detail": "",
        "progress_frac": None,
        "checkpoint": None,
        "exit_code": None,
        "result_sha256": None,
        "result_bytes": None,
        "energy_wh": 0.0,
    }
    return JobReport.model_validate({**values, **changes})
