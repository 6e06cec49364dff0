"""Compares what ground and nodes hold in their stores when a live run is over: nothing lost, nothing doubled."""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgpack

from flatsat.history import History
from flatsat.invariants import judge
from icd.timebase import MissionTime
from icd.verification import FINAL_STAGES, Stage

JUDGED = (
    "telecommand_stages_in_order_and_once",
    "accepted_telecommands_close_or_stay_open",
    "jobs_move_along_edges",
    "jobs_end_once",
    "no_accepted_job_lost",
    "every_refusal_has_a_reason",
    "results_are_the_bytes_promised",
)
_LATER = list(Stage)
_ON_GROUND = "SELECT job_id, state, node, reason FROM job"
Report = tuple[int, str, dict[str, Any]]  # number in the outbox, kind, body


def audit(run: Path, nodes: tuple[str, ...]) -> list[str]:
    """Return a line for everything that does not add up; the run must have ended."""
    found: list[str] = []
    history = History()
    with _opened(run / "store" / "ground" / "archive.db") as ground:
        for node in nodes:
            with _opened(run / "store" / node / "node.db") as store:
                found += _numbers(node, store, ground)
                _write_node(history, node, store, ground)
        _write_ground(history, ground, run)
    for verdict in judge(history):
        if verdict.name in JUDGED:
            found += [f"{verdict.name}: {example}" for example in verdict.examples]
    return found


def _numbers(node: str, store: sqlite3.Connection, ground: sqlite3.Connection) -> list[str]:
    """Every number that the node's outbox gave out is on the ground or still on board, and none is there twice."""
    outbox_id = store.execute("SELECT value FROM meta WHERE name = 'outbox_id'").fetchone()[0]
    given = store.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    gave_way = store.execute("SELECT value FROM counter WHERE name = 'events_given_way'").fetchone()[0]
    aboard = {row[0] for row in store.execute("SELECT seq FROM outbox")}
    known = [row[0] for row in ground.execute("SELECT seq FROM report WHERE node = ?", (node,))]
    other = ground.execute("SELECT count(*) FROM report WHERE node = ? AND outbox_id != ?", (node, outbox_id))
    lost = set(range(1, (given[0] if given else 0) + 1)) - aboard - set(known)
    wrong = [] if len(lost) <= gave_way else [f"{node}: reports {sorted(lost)} are neither on board nor on the ground"]
    if other.fetchone()[0]:
        wrong.append(f"{node}: its store was lost: the ground knows reports of another outbox")
    times = Counter(row[0] for row in ground.execute("SELECT seq FROM job_report WHERE node = ?", (node,)))
    wrong += [f"{node}: the ground keeps report {seq} {count} times" for seq, count in times.items() if count > 1]
    held = dict(store.execute("SELECT job_id, state FROM job"))
    for job_id, state, place, _ in ground.execute(_ON_GROUND):
        if place == node and state in ("SUCCEEDED", "FAILED") and held.get(job_id) != state:
            wrong.append(f"{node}: {job_id} is {state} on the ground and {held.get(job_id)} on board")
    return wrong


def _write_node(history: History, node: str, store: sqlite3.Connection, ground: sqlite3.Connection) -> None:
    """Write what the node has reported: what the ground has, then what still waits on board."""
    aboard = [
        (seq, kind, msgpack.unpackb(body)) for seq, kind, body in store.execute("SELECT seq, kind, body FROM outbox")
    ]
    known = {row[0] for row in ground.execute("SELECT seq FROM report WHERE node = ?", (node,))}
    rows: list[Report] = [(seq, kind, body) for seq, kind, body in aboard if seq not in known]
    jobs = ground.execute("SELECT seq, body FROM job_report WHERE node = ?", (node,))
    rows += [(seq, "job", json.loads(body)) for seq, body in jobs]
    for _, kind, body in sorted(rows, key=lambda row: row[0]):
        if kind == "job":
            history.write(MissionTime(body["at"]), node, "fact", "job", [body])
    for body in _stages(node, rows, ground):
        history.write(MissionTime(body["at"]), node, "fact", "verification", [body])
    end = MissionTime(0)
    jobs_live = store.execute("SELECT job_id, state FROM job WHERE state NOT IN ('SUCCEEDED', 'FAILED', 'CANCELLED')")
    history.write(end, node, "end", "live_jobs", dict(jobs_live.fetchall()))
    open_tcs = store.execute("SELECT request_id, stage FROM tc").fetchall()
    unfinished = [request_id for request_id, stage in open_tcs if Stage(stage) not in FINAL_STAGES]
    history.write(end, node, "end", "open_tcs", unfinished)


def _stages(node: str, rows: list[Report], ground: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return the stages of telecommands that the node reported, in their order."""
    columns = ("request_id", "stage", "step", "at", "reason", "detail")
    query = f"SELECT {', '.join('s.' + name for name in columns)} FROM tc_stage s JOIN tc USING (request_id)"
    known = [dict(zip(columns, row, strict=True)) for row in ground.execute(f"{query} WHERE node = ?", (node,))]
    reported = [*known, *(body for _, kind, body in rows if kind == "verification")]
    return sorted(reported, key=lambda body: (body["request_id"], _LATER.index(Stage(body["stage"])), body["step"]))


def _write_ground(history: History, ground: sqlite3.Connection, run: Path) -> None:
    end = MissionTime(0)
    columns = ("state", "node", "reason")
    jobs = {job_id: dict(zip(columns, row, strict=True)) for job_id, *row in ground.execute(_ON_GROUND)}
    history.write(end, "ground", "end", "ground_jobs", jobs)
    hashes = {}
    files = {hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(run)}
    # A result may be down before the word of the success: then the ground knows no SHA-256 to compare yet.
    told = "SELECT job_id, result_sha256 FROM job WHERE result_state = 'READY' AND state = 'SUCCEEDED'"
    for job_id, sha256 in ground.execute(told):
        hashes[job_id] = sha256 if sha256 in files else "no file of the ground has these bytes"
    history.write(end, "ground", "end", "results", hashes)


def _files(run: Path) -> Iterator[Path]:
    return (path for path in (run / "store" / "ground" / "files").rglob("*") if path.is_file())


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        yield connection
