"""Answers to questions: every view of the API, read from the archive, the newest housekeeping and the forecasts."""

from collections.abc import Sequence

from ground.bars import LINK_EVENTS, MODE_EVENTS, job_bars, link_bars, mode_bars
from ground.desk import Desk
from ground.errors import Refused, RefusedError
from ground.passes import Passes, Window
from ground.ports.archive import HISTORY_COLUMNS, GroundJobState, HkRow, JobRow
from ground.rendering import (
    QueueNote,
    TimeScale,
    advice,
    event_view,
    job_detail,
    job_view,
    known_hold,
    lasers,
    running,
    tc_view,
)
from ground.views import (
    ColumnsView,
    EventView,
    FleetView,
    HistoryView,
    JobDetailView,
    JobView,
    NodeDetailView,
    NodeView,
    SpanView,
    TcView,
)
from icd.events import Severity
from icd.timebase import MissionTime, after, to_iso
from icd.transfer import TransferKind

ROWS_MAX = 1000  # of one answer
POINTS_MAX = 5000
SHOWN_BACK_S = 3600.0
SHOWN_AHEAD_S = 3 * 3600.0
SPAN_S_MAX = 400 * 86_400.0

_CLASS_RANK = {"HOT": 0, "STANDARD": 1, "BULK": 2}
_QUEUED = (GroundJobState.STAGING, GroundJobState.QUEUED)


class Reader:
    """Reads; changes nothing."""

    def __init__(self, desk: Desk, passes: Passes) -> None:
        self._desk = desk
        self._passes = passes
        self.scale = TimeScale(MissionTime(desk.watch.fleet.epoch))
        self._satellites = {element.node: element.name for element in desk.watch.fleet.elements}

    def now_s(self) -> float:
        """Return the present mission time."""
        return self.scale.s(self._desk.clock.now())

    def rate(self) -> float:
        """Return mission seconds per wall second."""
        return self._desk.clock.rate

    def job_counts(self) -> dict[str, int]:
        """Return how many jobs are in each state that has any."""
        return self._desk.archive.jobs.counts()

    def event_counts(self) -> dict[str, int]:
        """Return how many events of each severity are kept."""
        return self._desk.archive.telemetry.event_counts()

    def fleet(self) -> FleetView:
        """Return the fleet now."""
        fleet, now = self._desk.watch.fleet, self._desk.clock.now()
        return {
            "mission": fleet.mission,
            "epoch_iso": to_iso(MissionTime(fleet.epoch)),
            "now_s": self.scale.s(now),
            "now_iso": to_iso(now),
            "rate": self._desk.clock.rate,
            "stations": [
                {"name": s.name, "place": s.place, "latitude_deg": s.latitude_deg, "longitude_deg": s.longitude_deg}
                for s in fleet.stations
            ],
            "nodes": self.nodes(),
        }

    def nodes(self) -> list[NodeView]:
        """Return every node now, in order of the fleet."""
        return [self.node(node) for node in self._desk.watch.nodes]

    def node(self, node: str) -> NodeView:
        """Return one node now.

        Raises:
            RefusedError: no such node.
        """
        self._require(node)
        watch, now = self._desk.watch, self._desk.clock.now()
        hk, ago_s = watch.latest(node), watch.heard_s_ago(node)
        sample = None if hk is None else hk.sample
        under = self._passes.under(node, now)
        hold = None if sample is None else known_hold(sample.hold_reason)
        return {
            "node": node,
            "satellite": self._satellites[node],
            "heard": watch.heard(node),
            "heard_s_ago": None if ago_s is None else round(ago_s, 3),
            "hk_s": None if hk is None else self.scale.s(hk.at),
            "mode": None if sample is None else sample.mode,
            "mode_reason": None if sample is None else sample.mode_reason,
            "sunlit_frac": None if sample is None else sample.sunlit_frac,
            "soc_frac": None if sample is None else sample.soc_frac,
            "battery_wh": None if sample is None else sample.battery_wh,
            "battery_wh_max": watch.fleet.profile.battery.capacity_wh,
            "soc_floor_frac": 1.0 - watch.fleet.profile.battery.dod_routine_frac,
            "solar_w": None if sample is None else sample.solar_w,
            "load_w": None if sample is None else sample.load_w,
            "compute_w": None if sample is None else sample.compute_w,
            "compute_cap_w": None if sample is None else sample.compute_cap_w,
            "module_temp_c": None if sample is None else sample.module_temp_c,
            "jobs_queued": 0 if sample is None else sample.jobs_queued,
            "jobs_running": running(hk),
            "job_progress_frac": None if sample is None else sample.job_progress_frac,
            "hold_reason": hold,
            "hold_advice": advice(hold),
            "lasers": [] if sample is None else lasers(sample.lasers),
            "handoffs": 0 if sample is None else sample.handoffs,
            "outbox_rows": 0 if sample is None else sample.outbox_rows,
            "boot_count": 0 if sample is None else sample.boot_count,
            "sandbox": None if sample is None else sample.sandbox,
            "clock_error_s": None if sample is None else sample.clock_error_s,
            "latitude_deg": None if under is None else round(under[0], 4),
            "longitude_deg": None if under is None else round(under[1], 4),
            "next_eclipse_s": self.scale.maybe_s(self._passes.next_eclipse(node, now)),
            "next_contact_s": self.scale.maybe_s(self._passes.next_contact(node, now)),
            "in_contact": self._passes.in_contact(node, now),
        }

    def node_detail(self, node: str) -> NodeDetailView:
        """Return one node with what is foreseen for it.

        Raises:
            RefusedError: no such node.
        """
        view, now = self.node(node), self._desk.clock.now()
        outlook = self._passes.outlook(node, now)
        start, end = after(now, -SHOWN_BACK_S), after(now, SHOWN_AHEAD_S)
        eclipses, passes, sights = (
            [window for window in windows if window.end > start and window.start < end]
            for windows in (outlook.eclipses, outlook.passes, self._passes.sights(node, now))
        )
        return {
            **view,
            "eclipses": [self._span(w) for w in eclipses],
            "passes": [{"station": w.who, **self._span(w)} for w in passes],
            "sights": [{"peer": w.who, **self._span(w)} for w in sights],
        }

    def history(self, node: str, start_s: float, end_s: float, points: int) -> HistoryView:
        """Return a node's past between two instants, in at most `points` points.

        Raises:
            RefusedError: no such node, or a span or number that makes no sense.
        """
        self._require(node)
        if not 0.0 < end_s - start_s <= SPAN_S_MAX or not abs(start_s) <= SPAN_S_MAX * 10:
            raise RefusedError(Refused.INVALID, f"end_s: not within {SPAN_S_MAX:.0f} s after start_s", "end_s")
        if not 2 <= points <= POINTS_MAX:
            raise RefusedError(Refused.INVALID, f"points: not from 2 to {POINTS_MAX}", "points")
        start, end = after(self.scale.epoch, start_s), after(self.scale.epoch, end_s)
        telemetry, scale = self._desk.archive.telemetry, self.scale
        until = MissionTime(min(end, self._desk.clock.now()))
        mode_events = telemetry.events_of(node, MODE_EVENTS, start, end)
        link_events = telemetry.events_of(node, LINK_EVENTS, start, end)
        return {
            "node": node,
            "start_s": start_s,
            "end_s": end_s,
            "columns": _columns(telemetry.hk_columns(node, start, end, points), start_s),
            "modes": mode_bars(telemetry.modes(node, start, end), mode_events, (start, until), scale),
            "jobs": job_bars(self._desk.archive.jobs.reports_between(node, start, end), start, until, scale),
            "links": link_bars(link_events, start, until, scale),
        }

    def jobs(self, state: str | None = None, node: str | None = None, limit: int = 200) -> list[JobView]:
        """Return jobs, newest first.

        Raises:
            RefusedError: a state or node that does not exist.
        """
        if state is not None and state not in GroundJobState.__members__:
            allowed = ", ".join(GroundJobState.__members__)
            raise RefusedError(Refused.INVALID, f"state: not one of {allowed}", "state")
        if node is not None:
            self._require(node)
        return self._job_views(self._desk.archive.jobs.newest(_rows(limit), state, node))

    def jobs_by_id(self, job_ids: Sequence[str]) -> list[JobView]:
        """Return the jobs of these ids that exist."""
        rows = (self._desk.archive.jobs.find(job_id) for job_id in job_ids)
        return self._job_views([row for row in rows if row is not None])

    def job(self, job_id: str) -> JobDetailView:
        """Return a job with its reports.

        Raises:
            RefusedError: no such job.
        """
        row = self.job_row(job_id)
        return job_detail(self._job_views([row])[0], row, self._desk.archive.jobs.timeline(job_id), self.scale)

    def job_row(self, job_id: str) -> JobRow:
        """Return a job as the archive has it.

        Raises:
            RefusedError: no such job.
        """
        row = self._desk.archive.jobs.find(job_id)
        if row is None:
            raise RefusedError(Refused.UNKNOWN, f"no job {job_id[:80]!r}")
        return row

    def job_file(self, job_id: str, kind: TransferKind) -> bytes:
        """Return a job's result or log.

        Raises:
            RefusedError: no such job, or the file has not come down.
            ArchiveError: the file cannot be read.
        """
        self.job_row(job_id)
        kept = self._desk.archive.jobs.newest_file(job_id, kind.value)
        content = None if kept is None else self._desk.files.read(kept.sha256)
        if content is None:
            raise RefusedError(Refused.UNKNOWN, f"the {kind.value.lower()} of job {job_id} has not come down")
        return content

    def tcs(self, node: str | None = None, limit: int = 100) -> list[TcView]:
        """Return telecommands, newest first.

        Raises:
            RefusedError: no such node.
        """
        if node is not None:
            self._require(node)
        tcs = self._desk.archive.tcs
        return [tc_view(row, tcs.stages(row.request_id), self.scale) for row in tcs.newest(_rows(limit), node)]

    def tcs_by_id(self, request_ids: Sequence[str]) -> list[TcView]:
        """Return the telecommands of these ids that exist."""
        tcs = self._desk.archive.tcs
        rows = [tcs.find(request_id) for request_id in request_ids]
        return [tc_view(row, tcs.stages(row.request_id), self.scale) for row in rows if row is not None]

    def tc(self, request_id: str) -> TcView:
        """Return a telecommand with its stages.

        Raises:
            RefusedError: no such telecommand.
        """
        found = self.tcs_by_id([request_id])
        if not found:
            raise RefusedError(Refused.UNKNOWN, f"no telecommand {request_id[:80]!r}")
        return found[0]

    def events(
        self, after_id: int = 0, node: str | None = None, severity: str | None = None, limit: int = 100
    ) -> list[EventView]:
        """Return the newest events above a number, oldest first; `node` may be `ground`.

        Raises:
            RefusedError: a severity that does not exist.
        """
        if severity is not None and severity not in Severity.__members__:
            allowed = ", ".join(Severity.__members__)
            raise RefusedError(Refused.INVALID, f"severity: not one of {allowed}", "severity")
        rows = self._desk.archive.telemetry.events(max(0, min(after_id, 2**62)), _rows(limit), node, severity)
        return [event_view(row, self.scale) for row in rows]

    def _job_views(self, rows: Sequence[JobRow]) -> list[JobView]:
        queues: dict[str, dict[str, int]] = {}
        views = []
        for row in rows:
            hk = None if row.node is None else self._desk.watch.latest(row.node)
            position = None
            if row.node is not None and row.state in _QUEUED:
                if row.node not in queues:
                    queues[row.node] = self._queue(row.node)
                position = queues[row.node].get(row.job_id)
            views.append(job_view(row, _note(row, hk, position), self.scale))
        return views

    def _queue(self, node: str) -> dict[str, int]:
        """Return each waiting job's place in a node's queue, from 1, as far as the ground can tell."""
        waiting = self._desk.archive.jobs.in_states(_QUEUED, node)
        waiting.sort(key=lambda row: (_CLASS_RANK[row.spec.job_class.value], -row.spec.priority, row.submitted_at))
        return {row.job_id: place for place, row in enumerate(waiting, start=1)}

    def _span(self, window: Window) -> SpanView:
        return {"start_s": self.scale.s(window.start), "end_s": self.scale.s(window.end)}

    def _require(self, node: str) -> None:
        if not self._desk.watch.knows(node):
            raise RefusedError(Refused.UNKNOWN, f"no node {node[:80]!r} in this fleet", "node")


def _note(row: JobRow, hk: HkRow | None, position: int | None) -> QueueNote:
    if hk is None:
        return QueueNote(None, position, None)
    hold = known_hold(hk.sample.hold_reason)
    if row.state is GroundJobState.RUNNING and hk.at >= row.report_at and running(hk)[:1] == [row.job_id]:
        return QueueNote(hold, position, hk.sample.job_progress_frac)
    return QueueNote(hold, position, None)


def _columns(columns: list[list[float | None]], start_s: float) -> ColumnsView:
    times, *values = columns
    by_name = dict(zip(HISTORY_COLUMNS, values, strict=True))
    return {
        "t_s": [None if at is None else round(at + start_s, 3) for at in times],
        "soc_frac": by_name["soc_frac"],
        "solar_w": by_name["solar_w"],
        "load_w": by_name["load_w"],
        "compute_w": by_name["compute_w"],
        "temp_c": by_name["module_temp_c"],
        "sunlit_frac": by_name["sunlit_frac"],
    }


def _rows(limit: int) -> int:
    return max(1, min(limit, ROWS_MAX))
