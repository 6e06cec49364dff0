"""Bars of a node's history, made from reports that tell only of changes."""

from collections.abc import Iterable, Sequence

from ground.ports.archive import TimelineRow
from ground.rendering import TimeScale
from ground.views import JobSpanView, ModeSpanView, PeerSpanView
from icd.events import EventReport
from icd.jobs import JobState
from icd.timebase import MissionTime

_DRAWN = (JobState.RUNNING, JobState.CHECKPOINTING)
LINK_EVENTS = ("ISL_UP", "ISL_DOWN", "NODE_BOOTED")
MODE_EVENTS = ("POWER_MODE_CHANGED",)


def job_bars(
    reports: Sequence[TimelineRow], start: MissionTime, end: MissionTime, scale: TimeScale
) -> list[JobSpanView]:
    """Return when jobs ran or saved their state within a span. Reports are in order of time."""
    open_bars: dict[str, tuple[JobState, int]] = {}
    found: list[JobSpanView] = []

    def close(job_id: str, until: int) -> None:
        state, since = open_bars.pop(job_id)
        if until > start and since < end:
            low, high = max(since, start), min(until, end)
            found.append({"job_id": job_id, "state": state.value, "start_s": scale.s(low), "end_s": scale.s(high)})

    for step in reports:
        job_id, state = step.report.job_id, step.report.state
        if job_id in open_bars:
            if open_bars[job_id][0] is state:
                continue
            close(job_id, step.report.at)
        if state in _DRAWN:
            open_bars[job_id] = (state, step.report.at)
    for job_id in list(open_bars):
        close(job_id, end)
    return sorted(found, key=lambda bar: (bar["start_s"], bar["job_id"]))


def link_bars(
    events: Iterable[EventReport], start: MissionTime, end: MissionTime, scale: TimeScale
) -> list[PeerSpanView]:
    """Return when each laser link was up within a span. A boot ends them all: its terminals start anew."""
    open_bars: dict[str, tuple[str, int]] = {}
    found: list[PeerSpanView] = []

    def close(terminal: str, until: int) -> None:
        peer, since = open_bars.pop(terminal)
        if until > start and since < end:
            found.append({"peer": peer, "start_s": scale.s(max(since, start)), "end_s": scale.s(min(until, end))})

    for event in events:
        ends = list(open_bars) if event.event_id == "NODE_BOOTED" else [str(event.fields.get("terminal"))]
        for terminal in ends:
            if terminal in open_bars:
                close(terminal, event.at)
        if event.event_id == "ISL_UP":
            open_bars[str(event.fields.get("terminal"))] = (str(event.fields.get("peer")), event.at)
    for terminal in list(open_bars):
        close(terminal, end)
    return sorted(found, key=lambda bar: (bar["start_s"], bar["peer"]))


def mode_bars(
    samples: Iterable[tuple[MissionTime, str, str]],
    events: Iterable[EventReport],
    span: tuple[MissionTime, MissionTime],
    scale: TimeScale,
) -> list[ModeSpanView]:
    """Return the power modes within a span: from housekeeping, and to the instant from events where they came."""
    start, end = span
    changes = [(int(at), mode, reason) for at, mode, reason in samples]
    changes += [(e.at, str(e.fields.get("target")), str(e.fields.get("reason"))) for e in events]
    found: list[ModeSpanView] = []
    for at, mode, reason in sorted(changes):
        if found and found[-1]["mode"] == mode:
            continue
        if found:
            found[-1]["end_s"] = scale.s(at)
        found.append({"mode": mode, "reason": reason, "start_s": scale.s(at), "end_s": scale.s(end)})
    kept = [bar for bar in found if bar["end_s"] > scale.s(start)]
    for bar in kept:
        bar["start_s"] = max(bar["start_s"], scale.s(start))
    return kept
