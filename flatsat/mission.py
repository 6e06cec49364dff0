"""The mission file (TOML): read, checked, and turned into what each program needs to know.

Every mistake is one line that names the file, the key, what was found and what is allowed.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError

from astro.screening import HORIZON_DAYS
from flatsat import bundles, energy
from flatsat.element_sets import ElementsError, MissionSets
from flatsat.keys import KeysError, check_nodes
from hwsim.faults import refusal
from hwsim.models import optics
from icd.envelope import AS_LIST, AS_TEXT, DURATION_S_MAX, Wire
from icd.faults import FAULTS_MAX, FaultOrder
from icd.ids import JobId, NameStr, TenantId
from icd.jobs import JobClass, JobSpec
from icd.params import ElementSet, Fleet, Station
from icd.timebase import MissionTime, after, from_iso
from icd.vehicle import ComputeProfile, VehicleProfile

JOB_DIGITS = 4  # at least, of a job's number in its stream
FORECAST_DAYS = 2.0  # how far beyond the end of a run its programs look ahead
M = TypeVar("M", bound=BaseModel)


class MissionError(ValueError):
    """A mission that cannot be flown as it is written."""


class VehicleTable(Wire):
    """`[vehicle]`: the class of satellite, and what this mission changes of it."""

    profile: str
    laser_terminals: int = Field(ge=0, le=16)


class NodeTable(Wire):
    """`[[nodes]]`: one node, and the satellite that it flies on."""

    id: NameStr
    satellite: str
    soc_start_frac: float = Field(gt=0.0, le=1.0)


class JobsTable(Wire):
    """`[jobs]`: how nodes run jobs."""

    sandbox: Literal["require", "prefer"]
    hk_interval_s: float = Field(ge=1.0, le=3600.0)


class WorkloadTable(Wire):
    """`[[workload]]`: a stream of jobs made from one bundle."""

    name: NameStr
    bundle: str
    tenant: NameStr
    first_s: float = Field(ge=0.0, le=DURATION_S_MAX)  # mission time from the start
    every_s: float = Field(gt=0.0, le=DURATION_S_MAX)
    count: int = Field(ge=1, le=10_000)
    job_class: Annotated[JobClass, AS_TEXT] | None = None  # None: as the bundle says
    power_w: float | None = Field(default=None, gt=0.0)  # as job_class
    slots: int | None = Field(default=None, ge=1)  # as job_class
    arguments: Annotated[tuple[str, ...], AS_LIST] = ()  # appended to the bundle's command; {index} counts the jobs
    deadline_after_s: float | None = Field(default=None, gt=0.0, le=DURATION_S_MAX)


class MissionFile(Wire):
    """The whole file."""

    name: NameStr
    title: str
    start: str
    seed: int = Field(ge=0)
    rate: float = Field(
        gt=0.0, le=1000.0
    )  # mission seconds a wall second in `dawnline up`; `fly` goes as fast as it can
    elements: str
    stations: str
    vehicle: VehicleTable
    jobs: JobsTable
    nodes: Annotated[tuple[NodeTable, ...], AS_LIST] = Field(min_length=1, max_length=64)
    workload: Annotated[tuple[WorkloadTable, ...], AS_LIST] = ()
    faults: Annotated[tuple[FaultOrder, ...], AS_LIST] = Field(default=(), max_length=FAULTS_MAX)


class StationsFile(Wire):
    """A file of stations."""

    station: Annotated[tuple[Station, ...], AS_LIST]


@dataclass(frozen=True, slots=True)
class Workload:
    """A stream of jobs with its bundle read."""

    table: WorkloadTable
    bundle: bundles.Bundle

    def at(self, epoch: MissionTime, index: int) -> MissionTime:
        """Return when a job of the stream is due; the first has index 1."""
        return after(epoch, self.table.first_s + (index - 1) * self.table.every_s)

    def spec(self, epoch: MissionTime, index: int) -> JobSpec:
        """Return the specification of a job of the stream; the first has index 1.

        Raises:
            flatsat.bundles.BundleError: the table makes of the bundle's job one that is not allowed.
        """
        table = self.table
        changed: dict[str, object] = {}
        if table.arguments:
            command = self.bundle.defaults["command"]
            assert isinstance(command, (list, tuple))
            changed["command"] = (*command, *(text.replace("{index}", str(index)) for text in table.arguments))
        for key in ("job_class", "power_w", "slots"):
            if getattr(table, key) is not None:
                changed[key] = getattr(table, key)
        job_id = table.name if table.count == 1 else f"{table.name}-{index:0{JOB_DIGITS}d}"
        due = table.deadline_after_s
        deadline = None if due is None else after(self.at(epoch, index), due)
        return self.bundle.spec(JobId(job_id), TenantId(table.tenant), deadline, **changed)


@dataclass(frozen=True, slots=True)
class Mission:
    """A mission that can be flown."""

    path: Path
    file: MissionFile
    fleet: Fleet
    workload: tuple[Workload, ...]

    @property
    def epoch(self) -> MissionTime:
        """The start, as mission time."""
        return MissionTime(self.fleet.epoch)

    @property
    def node_ids(self) -> tuple[str, ...]:
        """The nodes in the order of the file."""
        return tuple(node.id for node in self.file.nodes)

    @property
    def soc_start_frac(self) -> dict[str, float]:
        """How full each node's battery is at the start."""
        return {node.id: node.soc_start_frac for node in self.file.nodes}

    @property
    def faults(self) -> tuple[FaultOrder, ...]:
        """The faults of the file, as the simulator takes them."""
        return self.file.faults


def load_mission(path: Path, hours: float | None = None) -> Mission:
    """Return the checked mission in a TOML file; paths in it are relative to the file.

    No orbit may decay in the run: in `hours` and FORECAST_DAYS more, or in HORIZON_DAYS where the run's length is open.

    Raises:
        MissionError: the first mistake found.
    """
    file = _read(path, MissionFile)
    here = path.parent
    profile = _read(here / file.vehicle.profile, VehicleProfile, f"{path}: vehicle.profile")
    if file.vehicle.laser_terminals > profile.lasers.terminals:
        raise MissionError(
            f"{path}: vehicle.laser_terminals: {file.vehicle.laser_terminals} is more than the"
            f" {profile.lasers.terminals} of profile {profile.name}"
        )
    epoch = _epoch(path, file.start)
    _check_names(path, file)
    stations = _read(here / file.stations, StationsFile, f"{path}: stations").station
    horizon_days = HORIZON_DAYS if hours is None else hours / 24.0 + FORECAST_DAYS
    sets = _elements(path, file, here / file.elements, epoch, horizon_days)
    try:
        fleet = Fleet(mission=file.name, epoch=epoch, profile=profile, elements=sets, stations=stations)
    except ValidationError as error:
        # Its own names are checked; what is left is one of the station file's.
        raise MissionError(f"{here / file.stations}: {_first(error, Fleet)}") from error
    _check_energy(path, fleet)
    _check_reach(path, profile)
    workload = tuple(_workload(path, here, index, row) for index, row in enumerate(file.workload))
    _check_jobs(path, epoch, workload, profile.compute)
    return Mission(path, file, fleet, workload)


def _epoch(path: Path, start: str) -> MissionTime:
    try:
        return from_iso(start)
    except ValueError as error:
        raise MissionError(f"{path}: start: {error}; write it as 2026-08-22T04:10:00Z") from error


def _elements(
    path: Path, file: MissionFile, source: Path, epoch: MissionTime, horizon_days: float
) -> tuple[ElementSet, ...]:
    try:
        found = MissionSets(source, epoch, horizon_days)
    except ElementsError as error:
        raise MissionError(f"{path}: elements: {error}") from error
    sets: list[ElementSet] = []
    flown: dict[int, str] = {}
    for index, node in enumerate(file.nodes):
        where = f"{path}: nodes.{index}.satellite"
        try:
            one = found.find(node.satellite)
        except ElementsError as error:
            raise MissionError(f"{where}: {error}") from error
        if one.number in flown:
            raise MissionError(f"{where}: {node.satellite!r} is {flown[one.number]}'s already; each node has its own")
        flown[one.number] = node.id
        sets.append(ElementSet(node=node.id, name=one.name, line1=one.line1, line2=one.line2))
    return tuple(sets)


def _check_energy(path: Path, fleet: Fleet) -> None:
    for element in fleet.elements:
        try:
            energy.check(fleet.profile, energy.orbit_of(element.line2), MissionTime(fleet.epoch))
        except energy.EnergyError as error:
            raise MissionError(f"{path}: vehicle.profile: on the orbit of {element.name}, {error}") from error


def _check_reach(path: Path, profile: VehicleProfile) -> None:
    """Refuse a class whose longest link is too long for its lowest rate: planners would count on links that fail."""
    lasers, reach_km = profile.lasers, optics.budget(profile.lasers).reaches_km()[0]
    if lasers.range_km >= reach_km:
        raise MissionError(
            f"{path}: vehicle.profile: lasers.range_km of {profile.name}: {lasers.range_km:g} km; its link budget"
            f" closes {lasers.rates_bps[0]:g} bit/s up to {reach_km:.0f} km"
        )


def _check_names(path: Path, file: MissionFile) -> None:
    nodes = [node.id for node in file.nodes]
    try:
        check_nodes(tuple(nodes))
    except KeysError as error:
        raise MissionError(f"{path}: nodes: {error}") from error
    _check_faults(path, file, nodes)
    for what, names in (
        ("workload", [row.name for row in file.workload]),
        ("faults", [fault.fault_id for fault in file.faults]),
    ):
        for name in names:
            if names.count(name) > 1:
                raise MissionError(f"{path}: {what}: {name!r} stands twice")


def _check_faults(path: Path, file: MissionFile, nodes: list[str]) -> None:
    """Say of each fault what the simulator would say of it."""
    terminals = dict.fromkeys(nodes, file.vehicle.laser_terminals)
    for index, order in enumerate(file.faults):
        found = refusal(order, terminals)
        if found is not None:
            raise MissionError(f"{path}: faults.{index}.{found.key}: {found.text}")


def _workload(path: Path, here: Path, index: int, row: WorkloadTable) -> Workload:
    folder = here / row.bundle
    try:
        return Workload(row, bundles.load(folder))
    except bundles.BundleError as error:
        raise MissionError(f"{path}: workload.{index}.bundle: {error}") from error


def _check_jobs(path: Path, epoch: MissionTime, workload: tuple[Workload, ...], module: ComputeProfile) -> None:
    """See that every stream makes jobs that are allowed: the first and the last bound what lies between."""
    room_w = module.max_w - module.idle_w
    for index, stream in enumerate(workload):
        where = f"{path}: workload.{index}"
        try:
            first, _ = (stream.spec(epoch, job) for job in (1, stream.table.count))
        except bundles.BundleError as error:
            raise MissionError(f"{where}: {error}") from error
        if first.power_w > room_w:
            raise MissionError(f"{where}.power_w: {first.power_w:g} W a job; the module has {room_w:g} W above idle")
        if first.slots > module.slots:
            raise MissionError(f"{where}.slots: {first.slots} a job; the module has {module.slots}")
        single = [one.table.name for one in workload if one.table.count == 1]
        for name in single:
            number = name.removeprefix(f"{stream.table.name}-")
            if stream.table.count > 1 and number != name and number.isdecimal() and len(number) >= JOB_DIGITS:
                raise MissionError(f"{path}: workload: {name!r} is also a job of {stream.table.name!r}; rename one")


def _read(path: Path, model: type[M], asked_by: str = "") -> M:
    prefix = f"{asked_by}: " if asked_by else ""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MissionError(f"{prefix}cannot read {path}: {_why(error)}") from error
    try:
        content: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # its own error, a number of too many digits, tables without end
        raise MissionError(f"{path}: not TOML: {error}") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise MissionError(f"{path}: {_first(error, model)}") from error


def _first(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"]) or "file"
    if first["type"] == "extra_forbidden":
        return f"{key}: no such key; allowed are {', '.join(_keys_at(model, first['loc'][:-1]))}"
    if first["type"] == "missing":
        return f"{key}: this key is missing"
    if first["type"] == "value_error":  # of a rule over several keys; it names them itself
        return f"{key}: {first['msg'].removeprefix('Value error, ')}"
    return f"{key}: {first['msg']} (found {str(first['input'])[:60]!r})"


def _keys_at(model: type[BaseModel], where: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the table at a place of the file may have."""
    found = model
    for part in where:
        if isinstance(part, str):
            kind = found.model_fields[part].annotation
            inner = [one for one in (kind, *get_args(kind)) if isinstance(one, type) and issubclass(one, BaseModel)]
            found = inner[0]
    return list(found.model_fields)


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "not UTF-8 text"
