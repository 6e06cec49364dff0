"""What a flight has seen: marks that some seed of a soak must hit, or its storms do not reach there.

After FoundationDB's `sometimes` assertions: a test that never meets the case that it is for has tested nothing.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from flatsat.history import Entry, History

EVENT_MARKS = {
    "JOB_PREEMPTED": "a job was preempted",
    "JOB_RETRIED": "an attempt failed and was tried again",
    "JOB_RECOVERED": "a job was recovered after a reset",
    "JOB_CHECKPOINTED": "a checkpoint was kept",
    "JOB_LIMIT_HIT": "a job was ended at its limit",
    "ISL_HANDOFF": "a neighbour was handed over",
    "ISL_ACQUIRE_FAILED": "an acquisition failed",
    "SAFE_MODE_ENTERED": "a node went to SAFE",
    "READINGS_LOST": "readings were lost",
    "READINGS_BACK": "readings came back",
    "FRAMES_MISSED": "device frames were missed",
    "FRAME_REJECTED": "a device frame was rejected",
    "TC_GARBAGE": "garbage came on the telecommand channel",
    "TC_REJECTED": "a telecommand was rejected",
    "UPLINK_REJECTED": "a message of the uplink was rejected",
    "MESSAGE_REJECTED": "the ground rejected a message",
    "TRANSFER_REFUSED": "a transfer was refused",
    "THERMAL_CAP_CHANGED": "heat capped the compute module",
    "NODE_BOOTED": "a node booted",
}
# By the reason that a telecommand was refused for.
REFUSAL_MARKS = (
    "EXPIRED",
    "REPLAYED",
    "UNKNOWN_UNIT",
    "UNKNOWN_JOB",
    "ALREADY_ENDED",
    "WRONG_NODE",
    "MODE_NOT_ALLOWED",
)
# By the reason that a job, or an attempt, ended for.
END_MARKS = (
    "EXIT_CODE",
    "TIME_LIMIT",
    "MEMORY_LIMIT",
    "GRACE_EXCEEDED",
    "DEADLINE",
    "CANCELLED",
    "PREEMPTED_MODE",
    "RESET",
)


def marks_of(history: History) -> Counter[str]:
    """Return how often each mark was seen in a flight."""
    seen: Counter[str] = Counter()
    for entry in history.entries():
        if entry.kind == "reset":
            seen["the ground crashed" if entry.source == "ground" else "a node was reset"] += 1
        elif entry.kind == "fact":
            kind, bodies = entry.what
            for body in bodies:
                seen.update(_marks_of_fact(kind, body))
        elif entry.kind == "end" and entry.what[0] == "ground_events":
            seen.update(EVENT_MARKS[name] for name in entry.what[1] if name in EVENT_MARKS)
    seen["a telecommand was answered again"] = _answered_again(history.entries("fact"))
    return +seen


def wanted_marks() -> set[str]:
    """Return every mark that a soak must see."""
    words = set(EVENT_MARKS.values()) | {_refused(reason) for reason in REFUSAL_MARKS}
    words |= {_ended(reason) for reason in END_MARKS}
    return words | {"the ground crashed", "a node was reset", "a telecommand was answered again"}


def _marks_of_fact(kind: str, body: dict[str, Any]) -> Iterator[str]:
    match kind:
        case "event":
            if body["event_id"] in EVENT_MARKS:
                yield EVENT_MARKS[body["event_id"]]
            if body["event_id"] == "TC_REJECTED" and body["fields"]["reason"] in REFUSAL_MARKS:
                yield _refused(body["fields"]["reason"])
        case "verification":
            if body["reason"] in REFUSAL_MARKS:
                yield _refused(body["reason"])
        case "job":
            if body["reason"] in END_MARKS:
                yield _ended(body["reason"])


def _answered_again(facts: Iterator[Entry]) -> int:
    told: Counter[tuple[str, str, str, int]] = Counter()
    for entry in facts:
        if entry.what[0] == "verification":
            told.update((entry.source, row["request_id"], row["stage"], row["at"]) for row in entry.what[1])
    return sum(times > 1 for times in told.values())


def _refused(reason: str) -> str:
    return f"a telecommand was refused: {reason}"


def _ended(reason: str) -> str:
    return f"an attempt ended: {reason}"
