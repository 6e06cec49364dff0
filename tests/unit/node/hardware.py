"""What the app tests stand on: the first mission's vehicle, and ports that keep what they were told."""

import tomllib
from pathlib import Path

from icd.hw import ComputeReading, EpsReading, LoadProfile, Quality, ThermalReading
from icd.jobs import JobClass, JobSpec
from icd.tc import PowerMode
from icd.timebase import MissionTime, after
from icd.vehicle import VehicleProfile
from node.adapters.memory_store import MemoryStore
from node.adapters.store_rules import StoreOptions
from node.apps.commanding.lifecycle import TC_TABLE
from node.apps.jobs.lifecycle import JOB_TABLE
from node.kernel.errors import StorageError, StorageFault
from node.messages import ComputeUpdated, EpsUpdated, ModeReason, PowerBudgetChanged, ThermalUpdated
from node.ports.runner import JobStart
from tests.unit.node.harness import EPOCH

ROOT = Path(__file__).resolve().parents[3]
V3NODE = VehicleProfile(**tomllib.loads((ROOT / "missions/profiles/v3node.toml").read_text()))


class Disk:
    """A storage that can be full: give `store` to the apps and set `full`."""

    def __init__(self) -> None:
        self.full = False
        options = StoreOptions(lambda: "0" * 16, before_write=self._before)
        self.store = MemoryStore(JOB_TABLE.moves(), TC_TABLE.moves(), options)

    def _before(self, number: int) -> None:
        if self.full:
            raise StorageError(StorageFault.FULL, f"write {number}")


class Orders:
    """Eps, ComputeModule and LaserTerminals at once: keeps every order as a tuple."""

    def __init__(self) -> None:
        self.given: list[tuple[object, ...]] = []

    def take(self) -> list[tuple[object, ...]]:
        """Return the orders since last taken."""
        given, self.given = self.given, []
        return given

    def set_profile(self, profile: LoadProfile) -> None:
        self.given.append(("profile", profile))

    def allocate(self, job_id: str, power_w: float) -> None:
        self.given.append(("allocate", job_id, power_w))

    def release(self, job_id: str) -> None:
        self.given.append(("release", job_id))

    def release_all(self) -> None:
        self.given.append(("release_all",))

    def set_cap(self, cap_w: float) -> None:
        self.given.append(("cap", cap_w))

    def set_power(self, on: bool) -> None:
        self.given.append(("power", on))

    def point(self, terminal: int, peer: str, peer_terminal: int, request_id: str) -> None:
        self.given.append(("point", terminal, peer, peer_terminal))

    def stop(self, terminal: int) -> None:
        self.given.append(("stop", terminal))


class BenchRunner:
    """A runner that keeps its orders; the test says what comes of them."""

    def __init__(self) -> None:
        self.orders: list[tuple[object, ...]] = []
        self.starts: list[JobStart] = []
        self.orphans = 0
        self.level = "landlock-7"

    def take(self) -> list[tuple[object, ...]]:
        """Return the orders since last taken."""
        orders, self.orders = self.orders, []
        return orders

    def start(self, order: JobStart) -> None:
        self.starts.append(order)
        self.orders.append(("start", order.spec.job_id, order.attempt, order.checkpoint))

    def preempt(self, job_id: str) -> None:
        self.orders.append(("preempt", job_id))

    def kill(self, job_id: str) -> None:
        self.orders.append(("kill", job_id))

    def collect(self, job_id: str, attempt: int) -> None:
        self.orders.append(("collect", job_id, attempt))

    def discard(self, job_id: str) -> None:
        self.orders.append(("discard", job_id))

    def end_orphans(self) -> int:
        orphans, self.orphans = self.orphans, 0
        return orphans

    def sandbox_level(self) -> str:
        return self.level


class BenchFiles:
    """Just the names of whole files."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def has(self, name: str) -> bool:
        return name in self.names

    def append_part(self, name: str, offset: int, content: bytes) -> int:
        raise AssertionError("the jobs app writes no files")

    def part_size(self, name: str) -> int:
        raise AssertionError("the jobs app writes no files")

    def finish_part(self, name: str, sha256: str) -> bool:
        raise AssertionError("the jobs app writes no files")

    def read(self, name: str, offset: int, length: int) -> bytes:
        raise AssertionError("the jobs app reads no files")

    def stat(self, name: str) -> tuple[int, str] | None:
        raise AssertionError("the jobs app reads no files")

    def remove(self, name: str) -> None:
        raise AssertionError("the jobs app removes no files")


def eps(soc_frac: float, sunlit_frac: float = 1.0, profile: LoadProfile | None = None) -> EpsUpdated:
    """Return a good battery reading."""
    reading = EpsReading(
        quality=Quality.GOOD,
        soc_frac=soc_frac,
        battery_wh=None,
        solar_w=None,
        load_w=None,
        sunlit_frac=sunlit_frac,
        profile=profile,
        pack_temp_c=None,
        health_frac=None,
    )
    return EpsUpdated(EPOCH, reading)


def eps_lost() -> EpsUpdated:
    """Return a battery reading of quality LOST."""
    reading = EpsReading(
        quality=Quality.LOST,
        soc_frac=None,
        battery_wh=None,
        solar_w=None,
        load_w=None,
        sunlit_frac=None,
        profile=None,
        pack_temp_c=None,
        health_frac=None,
    )
    return EpsUpdated(EPOCH, reading)


def compute(
    *, powered: bool = True, cap_w: float | None = None, allocated: tuple[str, ...] = (), throttle: int = 0
) -> ComputeUpdated:
    """Return a good reading of the compute module."""
    reading = ComputeReading(
        quality=Quality.GOOD,
        powered=powered,
        power_w=0.0,
        cap_w=cap_w,
        allocated=allocated,
        throttle_reasons=throttle,
        clock_mhz=None,
        die_temp_c=None,
    )
    return ComputeUpdated(EPOCH, reading)


def temperature(temp_c: float | None) -> ThermalUpdated:
    """Return a temperature; None is a lost reading."""
    quality = Quality.LOST if temp_c is None else Quality.GOOD
    return ThermalUpdated(
        EPOCH, ThermalReading(quality=quality, module_temp_c=temp_c, loop_temp_c=None, radiator_temp_c=None)
    )


def budget(
    mode: PowerMode = PowerMode.NOMINAL,
    *,
    soc_frac: float | None = 0.9,
    compute_w: float = 6_200.0,
    sun_changes_in_s: float | None = 3_000.0,
    now: MissionTime = EPOCH,
) -> PowerBudgetChanged:
    """Return a power budget as the power app words it."""
    classes = {
        PowerMode.SAFE: (),
        PowerMode.SURVIVAL: (JobClass.HOT,),
        PowerMode.ECLIPSE: (JobClass.HOT, JobClass.STANDARD),
    }.get(mode, tuple(JobClass))
    changes_at = None if sun_changes_in_s is None else after(now, sun_changes_in_s)
    return PowerBudgetChanged(
        mode=mode,
        mode_reason=ModeReason.SUN,
        soc_frac=soc_frac,
        compute_w_max=compute_w,
        classes=classes,
        soc_floor_frac=0.65,
        sunlit=mode not in (PowerMode.ECLIPSE, PowerMode.SURVIVAL),
        sun_changes_at=changes_at,
        sun_changes_back_at=None if changes_at is None else after(changes_at, 2_100.0),
    )


def spec(
    job_id: str = "job-1",
    job_class: JobClass = JobClass.STANDARD,
    *,
    priority: int = 50,
    power_w: float = 700.0,
    slots: int = 1,
    work_s: float = 600.0,
    checkpoint_every_s: float = 120.0,
    retries_max: int = 1,
    deadline: int | None = None,
) -> JobSpec:
    """Return a job's specification."""
    return JobSpec(
        job_id=job_id,
        tenant="atelier",
        job_class=job_class,
        priority=priority,
        command=("python", "run.py"),
        bundle_sha256="0" * 64,
        bundle_bytes=1_000,
        power_w=power_w,
        slots=slots,
        memory_mb=256,
        disk_mb=64,
        time_limit_s=60.0,
        grace_s=5.0,
        work_s=work_s,
        checkpoint_every_s=checkpoint_every_s,
        retries_max=retries_max,
        deadline=deadline,
    )
