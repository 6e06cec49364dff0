"""`dawnline fly`: a mission in one process in virtual time, judged by the invariants."""

import asyncio
import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table as RichTable

from flatsat import invariants, report
from flatsat.history import History
from flatsat.invariants import Verdict
from flatsat.mission import Mission
from flatsat.report import NodeStory
from flatsat.virtual import Table
from flatsat.workload import Submission, job_request, submissions
from ground.ports.archive import ResultState
from ground.tables import JobRequest, UserRole
from ground.users import User
from icd.timebase import after
from icd.transfer import TransferKind
from runtime.virtual_loop import run_virtual

SAMPLE_S = 60.0  # mission time between two samples of the simulator's truth
ROWS_MAX = 1_000_000  # asked of the ground's archive at the end
BENCH_USER = User("bench", (UserRole.OPERATOR,))
OnProgress = Callable[[float], None]


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


def fly(mission: Mission, hours: float, seed: int, on_progress: OnProgress = lambda sim_s: None) -> Flight:
    """Fly a mission for some hours and judge its history."""
    sim_s = hours * 3600.0
    # The wall clock is read for the report's speed alone: no part of the flight sees it.
    started = time.perf_counter()
    directory = Path(tempfile.mkdtemp(prefix="dawnline-fly-"))
    try:
        history, recorders = run_virtual(_fly(mission, sim_s, seed, directory, on_progress), None)
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


async def _fly(
    mission: Mission, sim_s: float, seed: int, directory: Path, on_progress: OnProgress
) -> tuple[History, dict[str, str]]:
    table = Table(mission, seed, directory)
    table.start()
    end = after(mission.epoch, sim_s)
    for one in submissions(mission, end):
        table.timers.at(one.at, partial(_submit, table, one))
    table.timers.after_s(0.0, lambda: _sample(table, 0.0, sim_s, on_progress))
    await asyncio.sleep(sim_s)
    _write_end(table)
    await table.close()
    return table.history, table.recorders


def _submit(table: Table, one: Submission) -> None:
    request = JobRequest.model_validate(job_request(one, table.mission.epoch))
    table.ground.service.submit_job(request, BENCH_USER)


def _sample(table: Table, at_s: float, sim_s: float, on_progress: OnProgress) -> None:
    now = table.clock.now()
    floor = 1.0 - table.mission.fleet.profile.dod_hard_frac
    paths = table.hwsim.world.spaces
    for node, craft in table.hwsim.world.crafts.items():
        craft.vehicle.settle()
        truth = {
            "soc_frac": craft.vehicle.battery.soc_frac,
            "solar_w": craft.vehicle.solar_w,
            "load_w": craft.vehicle.load_w,
            "sunlit_frac": craft.vehicle.sunlit_frac,
            "path": paths[node] is not None,
            "soc_hard_floor_frac": floor,
        }
        table.history.write(now, node, "sample", truth)
    on_progress(at_s)
    if at_s + SAMPLE_S < sim_s:
        table.timers.after_s(SAMPLE_S, lambda: _sample(table, at_s + SAMPLE_S, sim_s, on_progress))


def _write_end(table: Table) -> None:
    """Write down what each program holds, for the checkers that compare them."""
    now = table.clock.now()
    for name, node in table.nodes.items():
        table.history.write(
            now, name, "end", "live_jobs", {row.spec.job_id: row.state.value for row in node.store.live_jobs()}
        )
        table.history.write(now, name, "end", "outbox_rows", node.store.outbox_rows())
        table.history.write(now, name, "end", "open_tcs", [row.request_id for row in node.store.open_tcs()])
    for name, craft in table.hwsim.world.crafts.items():
        battery = craft.vehicle.battery
        book = asdict(battery.book) | {"start_wh": battery.start_wh, "energy_wh": battery.energy_wh}
        table.history.write(now, name, "end", "energy_book", book)
    _write_ground_end(table)


def _write_ground_end(table: Table) -> None:
    now, archive = table.clock.now(), table.ground.archive
    jobs = archive.jobs.newest(ROWS_MAX, None, None)
    states = {row.job_id: {"state": row.state.value, "node": row.node} for row in jobs}
    table.history.write(now, "ground", "end", "ground_jobs", states)
    reports: list[tuple[str, str, dict[str, Any]]] = []
    for tc in archive.tcs.newest(ROWS_MAX, None):
        reports += [
            (tc.node, "verification", stage.model_dump(mode="json")) for stage in archive.tcs.stages(tc.request_id)
        ]
    for node in table.nodes:
        rows = archive.telemetry.events(0, ROWS_MAX, node, None)
        reports += [(node, "event", {"event_id": row.event_id, "at": row.at}) for row in rows if row.node == node]
        timeline = archive.jobs.reports_between(node, table.mission.epoch, after(now, 1.0))
        reports += [(node, "job", row.report.model_dump(mode="json")) for row in timeline]
    table.history.write(now, "ground", "end", "reports", reports)
    table.history.write(now, "ground", "end", "results", _result_hashes(table))


def _result_hashes(table: Table) -> dict[str, str]:
    hashes = {}
    for row in table.ground.archive.jobs.newest(ROWS_MAX, None, None):
        if row.result_state is ResultState.READY:
            content = table.ground.service.reader.job_file(row.job_id, TransferKind.RESULT)
            hashes[row.job_id] = hashlib.sha256(content).hexdigest()
    return hashes


def _progress(show: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    return Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True), disable=not show
    )
