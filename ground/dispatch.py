"""Jobs on their way up: each gets a node, its telecommand, and where wanted the telecommand that cancels it."""

from dataclasses import replace

from ground.commanding import Commanding, Order
from ground.desk import Desk
from ground.jobs import PLACEMENTS_MAX, Jobs
from ground.passes import Passes
from ground.placement import Choice, Standing, choose
from ground.ports.archive import GroundJobState, JobRow, TcStage
from icd.jobs import EndReason
from icd.tc import CancelJob, PowerMode, Role, SubmitJob

SCHEDULER = "scheduler"  # the user in whose name jobs go up
PLACED_PER_PUMP_MAX = 16  # new telecommands at once; the next pump goes on
EXPIRES_AFTER_S = 3600.0
_S = GroundJobState
_WAITING = (_S.SUBMITTED, _S.PLACED, _S.UPLINKING)
_MODES = {mode.value: mode for mode in PowerMode}


class Dispatch:
    """Places jobs among the nodes that are heard and issues their telecommands."""

    def __init__(self, desk: Desk, jobs: Jobs, commanding: Commanding, passes: Passes) -> None:
        self._desk = desk
        self._jobs = jobs
        self._commanding = commanding
        self._passes = passes

    def pump(self) -> bool:
        """Place what can be placed and cancel what shall be cancelled; return whether anything waits.

        Raises:
            ArchiveError: the archive refused; the job stays as it was.
        """
        placed = 0
        standings: list[Standing] | None = None
        waiting = self._desk.archive.jobs.in_states(_WAITING)
        for row in waiting:
            if self._over(row) or (row.state is _S.UPLINKING and row.request_id is not None):
                continue
            if row.not_before is not None and self._desk.clock.now() < row.not_before:
                continue
            standings = self._standings() if standings is None else standings
            if self._place(row, standings):
                placed, standings = placed + 1, None
            if placed >= PLACED_PER_PUMP_MAX:
                break
        return self._cancel() or bool(waiting)

    def _over(self, row: JobRow) -> bool:
        """End a job that is not with a node yet and has passed its deadline."""
        deadline = row.spec.deadline
        if row.state not in (_S.SUBMITTED, _S.PLACED) or deadline is None or self._desk.clock.now() < deadline:
            return False
        with self._desk.archive.transaction():
            self._jobs.end(row, _S.FAILED, EndReason.DEADLINE.value, "Its deadline passed before it could go up.")
        return True

    def _place(self, row: JobRow, standings: list[Standing]) -> bool:
        pinned = row.node if row.state is _S.UPLINKING else row.wanted_node  # in doubt: the same node or none
        choice = choose(row.spec, pinned, [_without(row, standing) for standing in standings])
        if choice is None:
            return False
        if not choice.heard:
            self._note_waiting(row, choice)
            return False
        if row.placements >= PLACEMENTS_MAX:
            with self._desk.archive.transaction():
                self._jobs.end(row, _S.FAILED, "REFUSED", f"Given up after {row.placements} placements: {row.detail}")
            return False
        command = SubmitJob(spec=row.spec)
        with self._desk.archive.transaction():
            order = Order(choice.node, command, SCHEDULER, Role.SCHEDULER, EXPIRES_AFTER_S, row.job_id)
            tc = self._commanding.issue(order)
            self._jobs.uplink(row, choice.node, tc.request_id, f"{choice.node}: {choice.why}")
        return True

    def _note_waiting(self, row: JobRow, choice: Choice) -> None:
        if row.state is _S.UPLINKING or (row.state is _S.PLACED and row.node == choice.node):
            return
        with self._desk.archive.transaction():
            self._jobs.place(row, choice.node, f"Waits for {choice.node}: {choice.why}.")

    def _cancel(self) -> bool:
        waiting = self._desk.archive.jobs.to_cancel()
        for row in waiting:
            if row.node is None or not self._taken(row):
                continue
            if self._desk.watch.heard(row.node) and self._commanding.has_room(row.node):
                command = CancelJob(job_id=row.job_id)
                with self._desk.archive.transaction():
                    order = Order(row.node, command, SCHEDULER, Role.SCHEDULER, EXPIRES_AFTER_S, row.job_id)
                    self._jobs.cancelling(row, self._commanding.issue(order).request_id)
        return bool(waiting)

    def _taken(self, row: JobRow) -> bool:
        """Return whether the node has said that it took the job's telecommand: a cancel must not overtake it."""
        if row.state is not _S.UPLINKING:
            return True
        tc = None if row.request_id is None else self._desk.archive.tcs.find(row.request_id)
        return tc is not None and tc.stage in (TcStage.ACCEPTED, TcStage.STARTED, TcStage.PROGRESS, TcStage.COMPLETED)

    def _standings(self) -> list[Standing]:
        backlog = self._desk.archive.jobs.backlog()
        anyone = any(self._desk.watch.heard(node) for node in self._desk.watch.nodes)
        return [self._standing(node, backlog.get(node, (0, 0.0))[1], anyone) for node in self._desk.watch.nodes]

    def _standing(self, node: str, backlog_s: float, anyone_heard: bool) -> Standing:
        watch, latest = self._desk.watch, self._desk.watch.latest(node)
        heard = watch.heard(node)
        # Contacts are worth computing only when nobody is heard: a node that is heard goes first anyway.
        contact_in_s = None if heard or anyone_heard else self._passes.contact_in_s(node, self._desk.clock.now())
        return Standing(
            node=node,
            heard=heard,
            contact_in_s=contact_in_s,
            mode=None if latest is None else _MODES.get(latest.sample.mode),
            soc_frac=None if latest is None else latest.sample.soc_frac,
            backlog_s=backlog_s,
            has_room=self._commanding.has_room(node),
            slots=watch.fleet.profile.compute.slots,
        )


def _without(row: JobRow, standing: Standing) -> Standing:
    """Return a node's standing without the job itself, which must not wait for its own work."""
    if row.node != standing.node:
        return standing
    left_s = row.spec.work_s * (1.0 - (row.progress_frac or 0.0))
    return replace(standing, backlog_s=max(0.0, standing.backlog_s - left_s))
