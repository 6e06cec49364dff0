"""What runs, what waits and what gives way: a pure function of queue, running jobs, budget, heat and vehicle."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from icd.jobs import EndReason, HoldReason, JobClass, JobState
from icd.tc import PowerMode
from icd.timebase import MissionTime, seconds_between
from icd.vehicle import VehicleProfile
from node.apps.jobs.energy import Draw, Light, lowest_soc
from node.messages import PowerBudgetChanged
from node.ports.store import JobRow

CLASS_RANK = {JobClass.HOT: 0, JobClass.STANDARD: 1, JobClass.BULK: 2}
ECLIPSE_SHEDS = frozenset((JobClass.BULK,))  # by the definition of the classes in icd.jobs
START_MARGIN_SOC = 0.02  # a start needs this much above the floor, so that noise does not preempt it at once
LIGHT_ENOUGH_S = 1_500.0  # sunlight that is worth a start however rarely the job saves: it saves when told to stop
PATIENCE_S = 1_800.0  # a job that has waited this long keeps later ones from the slots and power it waits for
POWER_SLACK_W = 1.0


@dataclass(frozen=True, slots=True)
class Start:
    """Start this job now."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Let this job wait, and say why."""

    job_id: str
    reason: HoldReason


@dataclass(frozen=True, slots=True)
class Preempt:
    """Let this running job give way, and say why."""

    job_id: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Running:
    """A job that has a process; `stopping` when it was already told to end."""

    row: JobRow
    stopping: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the plan depends on besides the jobs."""

    now: MissionTime
    budget: PowerBudgetChanged | None  # None: the power app has not spoken yet
    thermal_cap_w: float | None  # of the whole module
    profile: VehicleProfile


@dataclass(slots=True)
class Plan:
    """The planner's word: starts and holds in order of the queue, preemptions lowest first."""

    starts: list[Start] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    preempts: list[Preempt] = field(default_factory=list)


def order_key(row: JobRow) -> tuple[int, int, int, str]:
    """Return the place of a job in the queue: class, priority, submission; the id settles what is equal."""
    return (CLASS_RANK[row.spec.job_class], -row.spec.priority, row.submitted_at, row.spec.job_id)


def remaining_s(row: JobRow) -> float:
    """Return the declared work that is left, s; never nothing, for a job may take longer than it declared."""
    return max(1.0, row.spec.work_s * (1.0 - (row.progress_frac or 0.0)))


def plan(waiting: Sequence[JobRow], running: Sequence[Running], situation: Situation) -> Plan:
    """Return what to start, hold and preempt. Jobs in `waiting` are STAGING or QUEUED."""
    ordered = sorted(waiting, key=order_key)
    budget = situation.budget
    if budget is None:
        return Plan(holds=[Hold(row.spec.job_id, HoldReason.READINGS_LOST) for row in ordered])
    planner = _Planner(situation, budget, running)
    planner.shed()
    for row in ordered:
        planner.place(row)
    return planner.plan


class _Planner:
    """One run of the planner: what is free shrinks as jobs are placed."""

    def __init__(self, situation: Situation, budget: PowerBudgetChanged, running: Sequence[Running]) -> None:
        self.plan = Plan()
        self._now = situation.now
        self._budget = budget
        self._profile = situation.profile
        self._light = _light(situation.now, budget)
        heat_w = situation.thermal_cap_w
        # Whether heat, and not mode or command, is what limits the power now.
        self._heat_binds = heat_w is not None and (
            max(0.0, heat_w - self._profile.compute.idle_w) <= budget.compute_w_max + POWER_SLACK_W
        )
        self._keep = sorted((job.row for job in running if not job.stopping), key=order_key)
        leaving = [job.row for job in running if job.stopping]
        self._free_slots = self._profile.compute.slots - sum(job.row.spec.slots for job in running)
        self._free_w = budget.compute_w_max - sum(job.row.spec.power_w for job in running)
        self._coming_slots = sum(row.spec.slots for row in leaving)
        self._coming_w = sum(row.spec.power_w for row in leaving)
        self._energy_short_w = {True: float("inf"), False: float("inf")}  # by whether the job runs on in eclipse

    # --- running jobs ---

    def shed(self) -> None:
        """Preempt what class, power and energy no longer allow."""
        for row in reversed(list(self._keep)):
            if row.spec.job_class not in self._budget.classes:
                self._preempt(row, EndReason.PREEMPTED_MODE)
        while self._keep and sum(row.spec.power_w for row in self._keep) > self._budget.compute_w_max + POWER_SLACK_W:
            self._preempt(self._keep[-1], EndReason.PREEMPTED_HEAT if self._heat_binds else EndReason.PREEMPTED_MODE)
        while self._keep and self._budget.soc_frac is not None and self._lowest() < self._budget.soc_floor_frac:
            self._preempt(self._keep[-1], EndReason.PREEMPTED_ENERGY)

    def _preempt(self, row: JobRow, reason: EndReason) -> None:
        self._keep.remove(row)
        self._coming_slots += row.spec.slots
        self._coming_w += row.spec.power_w
        self.plan.preempts.append(Preempt(row.spec.job_id, reason))

    # --- waiting jobs ---

    def place(self, row: JobRow) -> None:
        """Start a job, or say why it waits."""
        reason = self._obstacle(row)
        if reason is None:
            self._keep.append(row)
            self._free_slots -= row.spec.slots
            self._free_w -= row.spec.power_w
            self.plan.starts.append(Start(row.spec.job_id))
            return
        self.plan.holds.append(Hold(row.spec.job_id, reason))
        if reason in (HoldReason.SLOTS_BUSY, HoldReason.POWER_CAP, HoldReason.TOO_HOT):
            self._reserve(row)

    def _obstacle(self, row: JobRow) -> HoldReason | None:
        spec, budget = row.spec, self._budget
        if row.state is JobState.STAGING:
            return HoldReason.BUNDLE_MISSING
        if budget.soc_frac is None:
            return HoldReason.READINGS_LOST
        if spec.job_class not in budget.classes:
            return HoldReason.MODE_SHEDS_CLASS
        if row.not_before is not None and row.not_before > self._now:
            return HoldReason.BACKING_OFF
        if spec.slots > self._free_slots:
            return HoldReason.SLOTS_BUSY
        if spec.power_w > self._free_w + POWER_SLACK_W:
            return HoldReason.TOO_HOT if self._heat_binds else HoldReason.POWER_CAP
        if self._dark_too_soon(row):
            return HoldReason.ECLIPSE_AHEAD
        return HoldReason.ENERGY_SHORT if self._energy_short(row) else None

    def _dark_too_soon(self, row: JobRow) -> bool:
        light_s = self._light.changes_in_s
        if row.spec.job_class not in ECLIPSE_SHEDS or not self._light.sunlit or light_s is None:
            return False
        return light_s < min(row.spec.checkpoint_every_s, remaining_s(row), LIGHT_ENOUGH_S)

    def _energy_short(self, row: JobRow) -> bool:
        in_eclipse = row.spec.job_class not in ECLIPSE_SHEDS
        if row.spec.power_w >= self._energy_short_w[in_eclipse]:
            return True  # a smaller one has already failed
        short = self._lowest(row) < self._budget.soc_floor_frac + START_MARGIN_SOC
        if short:
            self._energy_short_w[in_eclipse] = row.spec.power_w
        return short

    def _reserve(self, row: JobRow) -> None:
        """Keep later jobs from what this one waits for; a HOT job takes it from BULK jobs at once."""
        spec = row.spec
        if spec.slots > self._profile.compute.slots or spec.power_w > self._budget.compute_w_max + POWER_SLACK_W:
            return
        waited = seconds_between(row.submitted_at, self._now) > PATIENCE_S
        if spec.job_class is JobClass.HOT:
            self._displace(row)
        elif not waited:
            return
        self._free_slots -= spec.slots
        self._free_w -= spec.power_w

    def _displace(self, row: JobRow) -> None:
        slots = row.spec.slots - self._free_slots - self._coming_slots
        power_w = row.spec.power_w - self._free_w - self._coming_w - POWER_SLACK_W
        running = {job.spec.job_id for job in self._keep} - {start.job_id for start in self.plan.starts}
        victims = []
        for victim in reversed(self._keep):
            if slots <= 0 and power_w <= 0.0:
                break
            if victim.spec.job_class is JobClass.BULK and victim.spec.job_id in running:
                victims.append(victim)
                slots -= victim.spec.slots
                power_w -= victim.spec.power_w
        if slots <= 0 and power_w <= 0.0:
            for victim in victims:
                self._preempt(victim, EndReason.PREEMPTED_PRIORITY)

    # --- energy ---

    def _lowest(self, candidate: JobRow | None = None) -> float:
        rows = self._keep if candidate is None else [*self._keep, candidate]
        draws = [Draw(r.spec.power_w, remaining_s(r), r.spec.job_class not in ECLIPSE_SHEDS) for r in rows]
        low = self._budget.mode in (PowerMode.SURVIVAL, PowerMode.SAFE)
        profile, lasers = self._profile, self._profile.lasers
        bus_w = profile.bus.reduced_w if low else profile.bus.full_w
        bus_w += lasers.terminals * (lasers.idle_w if low else lasers.track_w)  # they rest while power is short
        assert self._budget.soc_frac is not None
        return lowest_soc(self._budget.soc_frac, self._light, draws, bus_w, profile)


def _light(now: MissionTime, budget: PowerBudgetChanged) -> Light:
    def ahead(at: MissionTime | None) -> float | None:
        return None if at is None else max(0.0, seconds_between(now, at))

    return Light(budget.sunlit, ahead(budget.sun_changes_at), ahead(budget.sun_changes_back_at))
