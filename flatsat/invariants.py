"""What must hold in every run: named checkers, pure functions of a recorded history.

Each says how many cases it looked at; a checker that looked at none has not held.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flatsat.history import Entry, History
from icd.hw import READING_STALE_S, LoadProfile
from icd.jobs import TERMINAL_STATES, JobState
from icd.timebase import MissionTime, seconds_between
from icd.verification import FINAL_STAGES, Stage
from node.apps.commanding.lifecycle import TC_TABLE
from node.apps.jobs.lifecycle import JOB_TABLE
from node.apps.power.modes import POWER_TABLE

ENERGY_RELATIVE_ERROR_MAX = 1e-9


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker found: how many cases, and a line for each that broke the rule (at most 20 are kept)."""

    name: str
    checked: int
    violated: int
    examples: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the rule was looked at and never broken."""
        return self.checked > 0 and self.violated == 0


class _Count:
    def __init__(self) -> None:
        self.checked = 0
        self.broken: list[str] = []

    def expect(self, holds: bool, example: str) -> None:
        self.checked += 1
        if not holds:
            self.broken.append(example)


class Told:
    """A history read once, for all the checkers that look at it."""

    def __init__(self, history: History) -> None:
        self._all = list(history.entries())
        self._of_kind: dict[str, list[Entry]] = defaultdict(list)
        for entry in self._all:
            self._of_kind[entry.kind].append(entry)

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Return the entries, or those of one kind."""
        return self._all if kind is None else self._of_kind[kind]


Facts = list[tuple[str, str, dict[str, Any]]]  # (node, kind, body) in order
Checker = Callable[[Told, Facts, _Count], None]


def judge(history: History) -> list[Verdict]:
    """Return the verdict of every checker."""
    told = Told(history)
    facts: Facts = [(entry.source, entry.what[0], body) for entry in told.entries("fact") for body in entry.what[1]]
    verdicts = []
    for name, checker in CHECKERS.items():
        count = _Count()
        checker(told, facts, count)
        verdicts.append(Verdict(name, count.checked, len(count.broken), tuple(count.broken[:20])))
    return verdicts


def _telecommand_stages(told: Told, facts: Facts, count: _Count) -> None:
    moves = set(TC_TABLE.moves())
    stages: dict[tuple[str, str], dict[tuple[Stage, int, int], None]] = defaultdict(dict)  # in order of commit
    for node, kind, body in facts:
        if kind == "verification":
            # A repeated telecommand is answered with the very same reports: they count once.
            stages[node, body["request_id"]][Stage(body["stage"]), body["step"], body["at"]] = None
    for (node, request_id), reports in stages.items():
        reached = [(stage, step) for stage, step, _ in reports]
        names = [stage for stage, _ in reached]
        if set(names) == {Stage.FAILED}:
            # Refused at the door, however often it was sent: it was never taken, so it has no other stage.
            count.expect(True, "")
            continue
        steps = [step for stage, step in reached if stage is Stage.PROGRESS]
        in_order = names[0] is Stage.RECEIVED and all(pair in moves for pair in pairwise(names))
        once = all(names.count(stage) <= 1 for stage in Stage if stage is not Stage.PROGRESS)
        count.expect(
            in_order and once and steps == list(range(1, len(steps) + 1)),
            f"{node}: {request_id}: {' '.join(names)}",
        )


def _job_moves(told: Told, facts: Facts, count: _Count) -> None:
    moves = set(JOB_TABLE.moves())
    last: dict[tuple[str, str], JobState] = {}
    for node, kind, body in facts:
        if kind != "job":
            continue
        key, state = (node, body["job_id"]), JobState(body["state"])
        source = last.get(key)
        legal = state is JOB_TABLE.initial if source is None else source is state or (source, state) in moves
        count.expect(legal, f"{node}: {body['job_id']}: {source} to {state}")
        last[key] = state


def _job_ends_once(told: Told, facts: Facts, count: _Count) -> None:
    ends: Counter[str] = Counter(
        body["job_id"] for _, kind, body in facts if kind == "job" and JobState(body["state"]) in TERMINAL_STATES
    )
    for job_id, times in sorted(ends.items()):
        count.expect(times == 1, f"{job_id} ended {times} times")


def _no_job_lost(told: Told, facts: Facts, count: _Count) -> None:
    held: dict[str, dict[str, str]] = {}
    ground: dict[str, dict[str, Any]] = {}
    for entry in told.entries("end"):
        if entry.what[0] == "live_jobs":
            held[entry.source] = entry.what[1]
        elif entry.what[0] == "ground_jobs":
            ground = entry.what[1]
    ended = {body["job_id"] for _, kind, body in facts if kind == "job" and JobState(body["state"]) in TERMINAL_STATES}
    admitted = {body["job_id"] for _, kind, body in facts if kind == "job"}
    alive = {job_id for jobs in held.values() for job_id in jobs}
    for job_id in sorted(admitted):
        count.expect((job_id in ended) != (job_id in alive), f"{job_id} was admitted and is neither held nor ended")
    for job_id, job in sorted(ground.items()):
        on_ground = job["state"] in ("SUBMITTED", "PLACED", "UPLINKING", "CANCELLED")
        given_up = job["state"] == "FAILED" and job["reason"] in ("DEADLINE", "REFUSED")  # before any node took it
        known = on_ground or given_up or job_id in admitted
        count.expect(known, f"{job_id} is {job['state']} on the ground, and no node has heard of it")


def _reports_once(told: Told, facts: Facts, count: _Count) -> None:
    sent = reports_sent(facts)
    got: Counter[str] = Counter()
    waiting = 0
    for entry in told.entries("end"):
        if entry.what[0] == "reports":
            got.update(identity(node, kind, body) for node, kind, body in entry.what[1])
        elif entry.what[0] == "outbox_rows":
            waiting += entry.what[1]
    for key, times in got.items():
        count.expect(times <= sent[key], f"the ground holds {times} of {sent[key]} sent: {key}")
    missing = sum((sent - got).values())
    if not sent:
        return
    count.expect(missing <= waiting, f"{missing} reports are not on the ground and only {waiting} wait on board")


def _mode_edges(told: Told, facts: Facts, count: _Count) -> None:
    """Each move that is told is legal; where the disk took no write, the word of one in between may be missing."""
    moves = set(POWER_TABLE.moves())
    broken = _broken_disks(told)
    last: dict[str, tuple[str, MissionTime]] = {}
    for node, kind, body in facts:
        if kind != "event" or body["event_id"] not in ("POWER_MODE_CHANGED", "NODE_BOOTED"):
            continue
        if body["event_id"] == "NODE_BOOTED":
            last.pop(node, None)
            continue
        source, target, at = body["fields"].get("source"), body["fields"].get("target"), MissionTime(body["at"])
        before, since = last.get(node, (source, at))
        unwritten = any(start <= at and since <= end for where, start, end in broken if where == node)
        count.expect(
            (before == source or unwritten) and (source, target) in moves and bool(body["fields"].get("reason")),
            f"{node}: {source} to {target}",
        )
        last[node] = target, at


def _broken_disks(told: Told) -> list[tuple[str, MissionTime, MissionTime]]:
    """Return when each node's disk took no write; a span without an end lasts to the last entry."""
    spans: list[tuple[str, MissionTime, MissionTime]] = []
    since: dict[str, MissionTime] = {}
    for entry in told.entries("disk"):
        if entry.what[0] == "broken":
            since[entry.source] = entry.at
        elif entry.source in since:
            spans.append((entry.source, since.pop(entry.source), entry.at))
    end = max((entry.at for entry in told.entries()), default=MissionTime(0)) if since else MissionTime(0)
    return spans + [(node, start, end) for node, start in since.items()]


def _soc_floor(told: Told, facts: Facts, count: _Count) -> None:
    """Below the floor a node draws on its battery to live, no more: lost cells take it there by no choice of ours.

    It has READING_STALE_S to notice: a reading may be lost, and without any for so long it sheds everything.
    """
    since: dict[str, MissionTime] = {}
    for entry in told.entries("sample"):
        sample = entry.what[0]
        soc, floor = sample["soc_frac"], sample["soc_hard_floor_frac"]
        spares = sample["load_profile"] != LoadProfile.FULL and sample["jobs_run"] == 0
        charges = sample["solar_w"] >= sample["load_w"]
        below_s = 0.0
        if soc >= floor or spares or charges:
            since.pop(entry.source, None)
        else:
            below_s = seconds_between(since.setdefault(entry.source, entry.at), entry.at)
        shown = f"{entry.source}: {soc:.4f} is under the hard floor {floor:.4f} for {below_s:.0f} s"
        count.expect(below_s <= READING_STALE_S, shown)


def _energy_book(told: Told, facts: Facts, count: _Count) -> None:
    _book(told, count, "energy_book", ("start_wh", "solar_wh", "unserved_wh"))


def _heat_book(told: Told, facts: Facts, count: _Count) -> None:
    _book(told, count, "heat_book", ("start_j", "compute_j", "background_j", "sunlight_j", "albedo_j", "infrared_j"))


def _book(told: Told, count: _Count, kind: str, gains: tuple[str, ...]) -> None:
    """Hold what a book says came in against all else that is in it."""
    for entry in told.entries("end"):
        if entry.what[0] == kind:
            book = entry.what[1]
            gained = sum(book[name] for name in gains)
            spent = sum(value for name, value in book.items() if name not in gains)
            error_frac = abs(gained - spent) / max(1.0, gained)
            count.expect(error_frac <= ENERGY_RELATIVE_ERROR_MAX, f"{entry.source}: off by {error_frac:.3g}")


def _silent_in_los(told: Told, facts: Facts, count: _Count) -> None:
    up: dict[str, bool] = {}
    for entry in told.entries():
        if entry.kind == "in" and entry.what[:2] == ("space", "state"):
            up[entry.source] = entry.what[2] == b"up"
        elif entry.kind == "reset":
            up[entry.source] = False
        elif entry.kind == "out" and entry.what[0] == "space":
            count.expect(up.get(entry.source, False), f"{entry.source}: sent on {entry.what[1]} with the link down")


def _refusals_have_reasons(told: Told, facts: Facts, count: _Count) -> None:
    for node, kind, body in facts:
        if kind == "verification" and Stage(body["stage"]) is Stage.FAILED:
            count.expect(body["reason"] is not None, f"{node}: {body['request_id']} failed without a reason")
        elif kind == "job":
            ended = JobState(body["state"]) in TERMINAL_STATES
            count.expect(not ended or body["reason"] is not None, f"{node}: {body['job_id']} ended without a reason")


def _results_match(told: Told, facts: Facts, count: _Count) -> None:
    promised = {
        body["job_id"]: body["result_sha256"]
        for _, kind, body in facts
        if kind == "job" and JobState(body["state"]) is JobState.SUCCEEDED
    }
    for entry in told.entries("end"):
        if entry.what[0] == "results":
            for job_id, sha256 in sorted(entry.what[1].items()):
                count.expect(
                    promised.get(job_id) == sha256, f"{job_id}: the ground holds other bytes than the node made"
                )


def _telecommands_close(told: Told, facts: Facts, count: _Count) -> None:
    final = {body["request_id"] for _, kind, body in facts if kind == "verification" and body["stage"] in FINAL_STAGES}
    still_open = {
        request_id for entry in told.entries("end") if entry.what[0] == "open_tcs" for request_id in entry.what[1]
    }
    accepted = {body["request_id"] for _, kind, body in facts if kind == "verification" and body["stage"] == "ACCEPTED"}
    for request_id in sorted(accepted):
        count.expect((request_id in final) != (request_id in still_open), f"{request_id} was accepted and has vanished")


def reports_sent(facts: Facts) -> Counter[str]:
    """Return how often the ground should hold each report."""
    sent: Counter[str] = Counter(identity(node, kind, body) for node, kind, body in facts)
    for node, kind, body in facts:
        if kind == "verification":  # the same answer again is kept once
            sent[identity(node, kind, body)] = 1
    return sent


def identity(node: str, kind: str, body: dict[str, Any]) -> str:
    """Return what a report is the same by, on board and on the ground."""
    match kind:
        case "verification":
            return f"{node}|tc|{body['request_id']}|{body['stage']}|{body['step']}"
        case "job":
            return f"{node}|job|{body['job_id']}|{body['state']}|{body['attempt']}|{body['at']}|{body['checkpoint']}"
        case _:
            return f"{node}|event|{body['event_id']}|{body['at']}"


CHECKERS: dict[str, Checker] = {
    "telecommand_stages_in_order_and_once": _telecommand_stages,
    "accepted_telecommands_close_or_stay_open": _telecommands_close,
    "jobs_move_along_edges": _job_moves,
    "jobs_end_once": _job_ends_once,
    "no_accepted_job_lost": _no_job_lost,
    "reports_arrive_once": _reports_once,
    "power_modes_along_edges_with_reason": _mode_edges,
    "battery_above_hard_floor": _soc_floor,
    "energy_book_closes": _energy_book,
    "heat_book_closes": _heat_book,
    "no_sending_without_link": _silent_in_los,
    "every_refusal_has_a_reason": _refusals_have_reasons,
    "results_are_the_bytes_promised": _results_match,
}
