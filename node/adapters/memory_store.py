"""The store in memory: the verified fake of SqliteStore, for tests of the apps. What is written is durable at once."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from icd.events import EventReport, OutboxItem
from icd.jobs import TERMINAL_STATES, JobReport, JobState
from icd.verification import FINAL_STAGES, Stage, VerificationReport
from node.adapters.store_rules import (
    GIVE_WAY,
    INFO_PRIORITY,
    Moves,
    OutboxEntry,
    Report,
    StoreOptions,
    announce,
    entry_of,
)
from node.kernel.errors import InvariantError, StorageError, StorageFault
from node.ports.store import JobMove, JobRow, OutgoingRow, ReplayWindow, TcRow


class MemoryStore:
    """All Protocols of node/ports/store.py over dicts, with the same refusals and bounds as on disk."""

    def __init__(self, job_moves: Moves, tc_moves: Moves, options: StoreOptions) -> None:
        self._options = options
        self._job_moves = frozenset((str(source), str(target)) for source, target in job_moves)
        self._tc_moves = frozenset((str(source), str(target)) for source, target in tc_moves)
        self._id = options.new_id()
        self._writes = self._seq = 0
        self._tcs: dict[str, TcRow] = {}
        self._tc_reports: dict[str, list[VerificationReport]] = {}
        self._windows: dict[str, ReplayWindow] = {}
        self._jobs: dict[str, JobRow] = {}
        self._outbox: dict[int, OutboxEntry] = {}
        self._events: list[OutboxEntry] = []
        self._settings: dict[str, str] = {}
        self._outgoing: dict[str, OutgoingRow] = {}
        self._accepted = self._rejected = self._given_way = 0

    # --- telecommands ---

    def find_tc(self, request_id: str) -> TcRow | None:
        """Return the journal's row of a telecommand."""
        return self._tcs.get(request_id)

    def tc_reports(self, request_id: str) -> list[VerificationReport]:
        """Return every report of a telecommand in order: the answer to a repeated request."""
        return list(self._tc_reports.get(request_id, ()))

    def replay_window(self, key_id: str) -> ReplayWindow:
        """Return the anti-replay window of a key; (0, 0) for one never used."""
        return self._windows.get(key_id, ReplayWindow(0, 0))

    def accept_tc(self, row: TcRow, window: ReplayWindow, reports: Sequence[VerificationReport]) -> bool:
        """Commit the row, the new window and the reports at once; False when the id is already there."""
        if row.request_id in self._tcs:
            return False
        self._refuse_if_full()
        self._about_to_write()
        self._tcs[row.request_id] = row
        self._windows[row.key_id] = window
        for report in reports:
            self._tc_reports.setdefault(report.request_id, []).append(report)
        self._accepted += 1
        if len(self._tcs) > self._options.bounds.tc_rows:
            ended = next((tc.request_id for tc in self._tcs.values() if tc.stage in FINAL_STAGES), None)
            if ended is not None:
                del self._tcs[ended]
                self._tc_reports.pop(ended, None)
        self._written(self._put(reports))
        return True

    def reject_tc(self, report: VerificationReport, window: tuple[str, ReplayWindow] | None) -> None:
        """Commit the report of a refusal, and the key's window when the number was authentic and so is spent."""
        self._refuse_if_full()
        self._about_to_write()
        if window is not None:
            self._windows[window[0]] = window[1]
        self._rejected += 1
        self._written(self._put((report,)))

    def advance_tc(self, request_id: str, stage: Stage, report: VerificationReport) -> bool:
        """Move a telecommand on and commit the report with it; False when it has already reached a final stage."""
        row = self._tcs.get(request_id)
        if row is None or row.stage in FINAL_STAGES:
            return False
        if (row.stage.value, stage.value) not in self._tc_moves:
            raise InvariantError(f"telecommand {request_id} may not go from {row.stage} to {stage}")
        self._about_to_write()
        self._tcs[request_id] = replace(row, stage=stage, step=report.step)
        self._tc_reports.setdefault(report.request_id, []).append(report)
        self._written(self._put((report,)))
        return True

    def resend_tc_reports(self, request_id: str) -> int:
        """Put every report of a telecommand into the outbox once more (a repeated request); return how many."""
        reports = self._tc_reports.get(request_id, [])
        self._about_to_write()
        self._put(reports)
        self._written([])
        return len(reports)

    def open_tcs(self) -> list[TcRow]:
        """Return telecommands that were accepted and have not ended, oldest first."""
        return [row for row in self._tcs.values() if row.stage not in FINAL_STAGES]

    def tc_counts(self) -> tuple[int, int]:
        """Return how many telecommands were accepted and how many rejected."""
        return self._accepted, self._rejected

    # --- jobs ---

    def add_job(self, row: JobRow, reports: Sequence[JobReport]) -> bool:
        """Commit a new job with its reports; False when a job of that id is already there."""
        if row.spec.job_id in self._jobs:
            return False
        self._refuse_if_full()
        self._about_to_write()
        self._jobs[row.spec.job_id] = row
        if len(self._jobs) > self._options.bounds.job_rows:
            ended = next((job.spec.job_id for job in self._jobs.values() if job.state in TERMINAL_STATES), None)
            if ended is not None:
                del self._jobs[ended]
        self._written(self._put(reports))
        return True

    def find_job(self, job_id: str) -> JobRow | None:
        """Return a job, ended or not."""
        return self._jobs.get(job_id)

    def live_jobs(self) -> list[JobRow]:
        """Return every job that has not ended, in order of submission."""
        return [row for row in self._jobs.values() if row.state not in TERMINAL_STATES]

    def ended_jobs(self, limit: int) -> list[str]:
        """Return the ids of up to `limit` jobs that have ended, the last submitted first."""
        ended = [job_id for job_id, row in self._jobs.items() if row.state in TERMINAL_STATES]
        return ended[::-1][:limit]

    def move_job(self, job_id: str, source: JobState, target: JobState, change: JobMove, report: JobReport) -> bool:
        """Move a job along an edge of the table and commit the report with it; False when it is not in `source`."""
        row = self._jobs.get(job_id)
        if row is None or row.state is not source:
            return False
        if (source.value, target.value) not in self._job_moves:
            raise InvariantError(f"job {job_id} may not go from {source} to {target}")
        self._about_to_write()
        self._jobs[job_id] = replace(row, state=target, **_changes(change))
        self._written(self._put((report,)))
        return True

    def note_job(self, job_id: str, state: JobState, change: JobMove, report: JobReport | None) -> bool:
        """Change columns of a job that stays in its state (progress, a checkpoint); False when it is not in `state`."""
        row = self._jobs.get(job_id)
        if row is None or row.state is not state:
            return False
        self._about_to_write()
        self._jobs[job_id] = replace(row, **_changes(change))
        self._written(self._put(() if report is None else (report,)))
        return True

    # --- outbox, events ---

    def outbox_id(self) -> str:
        """Return the 16 hex digits that name this store's numbering."""
        return self._id

    def take_outbox(self, limit: int, after_seq: int) -> list[OutboxItem]:
        """Return up to `limit` reports above a number, verification first, then jobs, then events by severity."""
        waiting = sorted((entry.priority, seq) for seq, entry in self._outbox.items() if seq > after_seq)
        found = [(seq, self._outbox[seq]) for _, seq in waiting[:limit]]
        return [OutboxItem.model_validate({"seq": seq, "kind": e.kind, "body": _plain(e.body)}) for seq, e in found]

    def ack_outbox(self, seqs: Sequence[int]) -> int:
        """Forget reports that the ground has committed; return how many were there."""
        self._about_to_write()
        gone = sum(self._outbox.pop(seq, None) is not None for seq in seqs)
        self._written([])
        return gone

    def outbox_rows(self) -> int:
        """Return how many reports wait."""
        return len(self._outbox)

    def events_given_way(self) -> int:
        """Return how many events left the outbox unsent since the store was new."""
        return self._given_way

    def append_event(self, report: EventReport) -> None:
        """Commit an event and its copy for the ground. Past the bound, the oldest INFO event gives way."""
        self._about_to_write()
        entries = self._put((report,))
        self._events += entries
        if len(self._events) > self._options.bounds.event_rows:
            oldest = next((n for n, entry in enumerate(self._events) if entry.priority == INFO_PRIORITY), 0)
            del self._events[oldest]
        self._written(entries)

    def event_rows(self) -> int:
        """Return how many events the on-board log holds."""
        return len(self._events)

    # --- settings, transfers ---

    def setting(self, name: str) -> str | None:
        """Return a setting, or None when it was never set."""
        return self._settings.get(name)

    def set_setting(self, name: str, value: str) -> None:
        """Commit a setting."""
        self._about_to_write()
        self._settings[name] = value
        self._written([])

    def add_outgoing(self, row: OutgoingRow) -> bool:
        """Commit a file to send; False when it is already there."""
        self._about_to_write()
        added = row.transfer_id not in self._outgoing
        self._outgoing.setdefault(row.transfer_id, row)
        self._written([])
        return added

    def outgoing(self) -> list[OutgoingRow]:
        """Return the files to send, oldest first."""
        return list(self._outgoing.values())

    def end_outgoing(self, transfer_id: str) -> bool:
        """Forget a file that the ground has, or has refused."""
        self._about_to_write()
        gone = self._outgoing.pop(transfer_id, None) is not None
        self._written([])
        return gone

    # --- one durable write ---

    def _about_to_write(self) -> None:
        if self._options.before_write is not None:
            self._options.before_write(self._writes + 1)
        self._writes += 1

    def _written(self, entries: list[OutboxEntry]) -> None:
        announce(self._options, entries)
        if self._options.after_write is not None:
            self._options.after_write(self._writes)

    def _put(self, reports: Sequence[Report]) -> list[OutboxEntry]:
        entries = [entry_of(report) for report in reports]
        for entry in entries:
            self._seq += 1
            self._outbox[self._seq] = entry
            if len(self._outbox) > self._options.bounds.outbox_rows:
                self._give_way()
        return entries

    def _give_way(self) -> None:
        for priority in GIVE_WAY:
            oldest = next((seq for seq, entry in self._outbox.items() if entry.priority == priority), None)
            if oldest is not None:
                del self._outbox[oldest]
                self._given_way += 1
                return

    def _refuse_if_full(self) -> None:
        bound = self._options.bounds.outbox_rows
        if len(self._outbox) >= bound and not any(e.priority >= GIVE_WAY[-1] for e in self._outbox.values()):
            raise StorageError(StorageFault.FULL, f"{bound} reports wait for the ground and none may be dropped")


def _changes(change: JobMove) -> dict[str, Any]:
    values = {field.name: getattr(change, field.name) for field in fields(change)}
    return {name: value for name, value in values.items() if value is not None}


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body as it comes back from a disk: texts for members of enumerations."""
    return {name: str(value) if isinstance(value, str) else value for name, value in body.items()}
