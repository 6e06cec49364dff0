"""`dawnline fly`: a mission in one process in virtual time, judged by the invariants."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table as RichTable

from flatsat import invariants, report
from flatsat.closing import write_end, write_sample
from flatsat.history import History
from flatsat.invariants import Verdict
from flatsat.mission import Mission
from flatsat.report import NodeStory
from flatsat.virtual import Meddling, Table
from flatsat.workload import Submission, job_request, submissions
from ground.tables import JobRequest, UserRole
from ground.users import User
from icd.timebase import MissionTime, after
from runtime.virtual_loop import run_virtual

SAMPLE_S = 60.0  # mission time between two samples of the simulator's truth
SUBMIT_RETRY_S = 15.0  # mission time until a job is handed in again, where the ground service was down
BENCH_USER = User("bench", (UserRole.OPERATOR,))
OnProgress = Callable[[float], None]


def _undisturbed(table: Table) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a flight is put through: its workload, what is done to it from outside, and to programs from inside."""

    workload: Callable[[Mission, MissionTime], list[Submission]] = submissions
    arm: Callable[[Table], None] = _undisturbed  # called once, when all runs: sets timers
    meddling: Meddling = field(default_factory=Meddling)


NOMINAL = Scenario()


class FlyError(RuntimeError):
    """A flight that cannot be made or written down."""


@dataclass(frozen=True, slots=True)
class Flight:
    """A flight that is over."""

    mission: Mission
    seed: int
    sim_s: float
    wall_s: float
    history: History
    history_sha256: str
    verdicts: list[Verdict]
    stories: dict[str, NodeStory]

    def report(self) -> dict[str, Any]:
        """Return what report.json holds."""
        return {
            "mission": self.mission.file.name,
            "seed": self.seed,
            "history_sha256": self.history_sha256,
            "history_entries": len(self.history),
            "sim_s": self.sim_s,
            "wall_s": round(self.wall_s, 3),
            "nodes": {node: report.node_summary(story) for node, story in self.stories.items()},
            "invariants": report.verdict_rows(self.verdicts),
        }


@dataclass(frozen=True, slots=True)
class _Order:
    mission: Mission
    sim_s: float
    seed: int
    directory: Path
    on_progress: OnProgress
    scenario: Scenario


def fly(
    mission: Mission,
    hours: float,
    seed: int,
    on_progress: OnProgress = lambda sim_s: None,
    scenario: Scenario = NOMINAL,
) -> Flight:
    """Fly a mission for some hours and judge its history. The seed draws all chance and the order of coincidences."""
    sim_s = hours * 3600.0
    # The wall clock is read for the report's speed alone: no part of the flight sees it.
    started = time.perf_counter()
    directory = Path(tempfile.mkdtemp(prefix="dawnline-fly-"))
    try:
        order = _Order(mission, sim_s, seed, directory, on_progress, scenario)
        history, recorders = run_virtual(_fly(order), seed)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return Flight(
        mission=mission,
        seed=seed,
        sim_s=sim_s,
        wall_s=time.perf_counter() - started,
        history=history,
        history_sha256=history.sha256(recorders),
        verdicts=invariants.judge(history),
        stories=report.tell(history, mission.epoch, mission.node_ids),
    )


def fly_to(mission: Mission, hours: float, seed: int, out: Path, show_progress: bool) -> dict[str, Any]:
    """Fly, write the report's folder, and return what report.json holds.

    Raises:
        FlyError: the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with _progress(show_progress) as progress:
            task = progress.add_task(mission.file.name, total=hours * 3600.0)
            flight = fly(mission, hours, seed, lambda sim_s: progress.update(task, completed=sim_s))
        found = flight.report()
        report.save(out, found, flight.history, flight.stories)
    except OSError as error:
        why = error.strerror or str(error)
        raise FlyError(f"cannot write the report to {out}: {why}; choose another folder with --out") from error
    return found


def print_report(console: Console, found: dict[str, Any], out: Path) -> None:
    """Print a flight's report as tables."""
    title = f"{found['mission']}, seed {found['seed']}: {found['sim_s'] / 3600:g} h in {found['wall_s']:.1f} s"
    table = RichTable(title=title)
    for heading in ("node", "jobs", "preemptions", "battery min", "mode changes", "handoffs", "link uptime"):
        table.add_column(heading, justify="left" if heading in ("node", "jobs") else "right")
    for node, row in found["nodes"].items():
        jobs = ", ".join(f"{count} {state}" for state, count in row["jobs"].items()) or "—"
        shares = (f"{row['soc_frac_min']:.1%}", str(row["mode_changes"]), str(row["handoffs"]))
        table.add_row(node, jobs, str(row["preemptions"]), *shares, f"{row['link_uptime_frac']:.1%}")
    console.print(table)
    for row in found["invariants"]:
        verdict = "VIOLATED" if row["violated"] else "holds" if row["checked"] else "NOT CHECKED"
        counted = f"{row['checked']} checked, {row['violated']} violated"
        console.print(f"{verdict:>11}  {row['name']}: {counted}", highlight=False)
        for example in row["examples"][:3]:
            console.print(f"             {example}", highlight=False)
    console.print(f"History {found['history_sha256'][:16]}…; report, history and pictures in {out}", highlight=False)


async def _fly(order: _Order) -> tuple[History, dict[str, str]]:
    mission, scenario = order.mission, order.scenario
    table = Table(mission, order.seed, order.directory, scenario.meddling)
    table.start()
    for one in scenario.workload(mission, after(mission.epoch, order.sim_s)):
        table.timers.at(one.at, partial(_submit, table, one))
    scenario.arm(table)
    table.timers.after_s(0.0, partial(_sample, table, 0.0, order))
    await asyncio.sleep(order.sim_s)
    write_end(table)
    await table.close()
    return table.history, table.recorders


def _submit(table: Table, one: Submission) -> None:
    if not table.ground_up:
        table.timers.after_s(SUBMIT_RETRY_S, partial(_submit, table, one))
        return
    request = JobRequest.model_validate(job_request(one, table.mission.epoch))
    table.ground.service.submit_job(request, BENCH_USER)


def _sample(table: Table, at_s: float, order: _Order) -> None:
    write_sample(table)
    order.on_progress(at_s)
    if at_s + SAMPLE_S < order.sim_s:
        table.timers.after_s(SAMPLE_S, partial(_sample, table, at_s + SAMPLE_S, order))


def _progress(show: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    return Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True), disable=not show
    )
