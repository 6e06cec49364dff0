"""The report of a virtual flight: report.json, the recorded history, and a picture of each node."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flatsat.history import HISTORY_FILE, History
from flatsat.invariants import Verdict
from icd.jobs import TERMINAL_STATES, JobState
from icd.tc import PowerMode
from icd.timebase import MissionTime, seconds_between

REPORT_FILE = "report.json"
_BUSY = (JobState.RUNNING, JobState.CHECKPOINTING)
# Modes are told apart by height and label; the colour only helps.
_MODE_COLOURS = {
    PowerMode.SAFE: "#c0392b",
    PowerMode.SURVIVAL: "#d98032",
    PowerMode.ECLIPSE: "#4a6fa5",
    PowerMode.NOMINAL: "#4c9a6a",
    PowerMode.BOOST: "#8fbf3f",
}


@dataclass(slots=True)
class NodeStory:
    """What the history says of one node, as series over time."""

    t_h: list[float] = field(default_factory=list)
    soc_frac: list[float] = field(default_factory=list)
    solar_w: list[float] = field(default_factory=list)
    load_w: list[float] = field(default_factory=list)
    link_up: list[bool] = field(default_factory=list)
    modes: list[tuple[float, str]] = field(default_factory=list)  # (hour, mode from then on)
    jobs: dict[str, list[tuple[float, JobState]]] = field(default_factory=dict)
    handoffs: int = 0
    soc_floor_frac: float = 0.0


def tell(history: History, epoch: MissionTime, nodes: tuple[str, ...]) -> dict[str, NodeStory]:
    """Return each node's story."""
    stories = {node: NodeStory() for node in nodes}
    for entry in history.entries():
        story = stories.get(entry.source)
        if story is None:
            continue
        hour = seconds_between(epoch, entry.at) / 3600.0
        if entry.kind == "sample":
            _add_sample(story, hour, entry.what[0])
        elif entry.kind == "fact":
            for body in entry.what[1]:
                _add_fact(story, hour, entry.what[0], body)
    return stories


def node_summary(story: NodeStory) -> dict[str, Any]:
    """Return what report.json says of one node."""
    last = Counter(moves[-1][1].value for moves in story.jobs.values())
    preempted = sum(state is JobState.CHECKPOINTING for moves in story.jobs.values() for _, state in moves)
    return {
        "jobs": dict(sorted(last.items())),
        "jobs_ended": sum(moves[-1][1] in TERMINAL_STATES for moves in story.jobs.values()),
        "preemptions": preempted,
        "soc_frac_min": round(min(story.soc_frac), 6) if story.soc_frac else None,
        "mode_changes": max(0, len(story.modes) - 1),
        "handoffs": story.handoffs,
        "link_uptime_frac": round(sum(story.link_up) / len(story.link_up), 6) if story.link_up else None,
    }


def save(out: Path, report: dict[str, Any], history: History, stories: dict[str, NodeStory]) -> None:
    """Write the report's folder.

    Raises:
        OSError: the folder cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / REPORT_FILE).write_text(json.dumps(report, indent=1) + "\n")
    history.save(out / HISTORY_FILE)
    for node, story in stories.items():
        draw(story, node, out / f"{node}.png")


def verdict_rows(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    """Return the verdicts as report.json has them."""
    return [
        {"name": row.name, "checked": row.checked, "violated": row.violated, "examples": list(row.examples)}
        for row in verdicts
    ]


def draw(story: NodeStory, node: str, path: Path) -> None:
    """Draw one node's power, battery, mode and jobs over time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to load, and only pictures need it
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 8), layout="constrained")
    FigureCanvasAgg(figure)
    power, battery, mode, jobs = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 1.2, 2))
    power.fill_between(story.t_h, [w / 1000 for w in story.solar_w], color="#e8c468", alpha=0.6, label="solar")
    power.plot(story.t_h, [w / 1000 for w in story.load_w], color="#333333", linewidth=1.0, label="load")
    power.set_ylabel("power, kW")
    power.legend(loc="upper right", ncols=2)
    power.set_title(f"{node}: power, battery, mode and jobs", loc="left")
    battery.plot(story.t_h, [100 * soc for soc in story.soc_frac], color="#4a6fa5")
    battery.axhline(100 * story.soc_floor_frac, color="#c0392b", linestyle="--", linewidth=1.0, label="hard floor")
    battery.set_ylabel("battery, %")
    battery.set_ylim(0, 105)
    battery.legend(loc="lower right")
    _draw_modes(mode, story)
    _draw_jobs(jobs, story)
    jobs.set_xlabel("mission time from the start, h")
    if story.t_h:
        jobs.set_xlim(0, story.t_h[-1])
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _draw_modes(axes: Any, story: NodeStory) -> None:
    order = [mode.value for mode in PowerMode]
    end = story.t_h[-1] if story.t_h else 0.0
    ends = [*(hour for hour, _ in story.modes[1:]), end]  # one too many where no mode is known
    for (start, name), until in zip(story.modes, ends, strict=False):
        colour = _MODE_COLOURS[PowerMode(name)]
        axes.barh(order.index(name), until - start, left=start, height=0.9, color=colour)
    axes.set_yticks(range(len(order)), order, fontsize=7)
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_ylabel("mode")


def _draw_jobs(axes: Any, story: NodeStory) -> None:
    lanes: dict[str, int] = {}
    for job_id, moves in story.jobs.items():
        lane = lanes.setdefault(job_id.rpartition("-")[0] or job_id, len(lanes))
        for index, (start, state) in enumerate(moves):
            if state in _BUSY:
                until = moves[index + 1][0] if index + 1 < len(moves) else (story.t_h[-1] if story.t_h else start)
                hatch = "////" if state is JobState.CHECKPOINTING else None
                axes.barh(lane, until - start, left=start, height=0.7, color="#7a6aa8", hatch=hatch)
    axes.set_yticks(list(lanes.values()), list(lanes), fontsize=8)
    axes.set_ylim(-0.6, max(1, len(lanes)) - 0.4)
    axes.set_ylabel("jobs running")


def _add_sample(story: NodeStory, hour: float, sample: dict[str, Any]) -> None:
    story.t_h.append(hour)
    story.soc_frac.append(sample["soc_frac"])
    story.solar_w.append(sample["solar_w"])
    story.load_w.append(sample["load_w"])
    story.link_up.append(sample["path"])
    story.soc_floor_frac = sample["soc_hard_floor_frac"]


def _add_fact(story: NodeStory, hour: float, kind: str, body: dict[str, Any]) -> None:
    if kind == "job":
        moves = story.jobs.setdefault(body["job_id"], [])
        state = JobState(body["state"])
        if not moves or moves[-1][1] is not state:
            moves.append((hour, state))
    elif kind == "event" and body["event_id"] == "POWER_MODE_CHANGED":
        if not story.modes:
            story.modes.append((0.0, body["fields"]["source"]))
        story.modes.append((hour, body["fields"]["target"]))
    elif kind == "event" and body["event_id"] == "ISL_HANDOFF":
        story.handoffs += 1
