"""Commanding: the only door for orders from the ground, and the keeper of what became of each."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from icd.codec import DecodeError, decode
from icd.tc import PowerMode, PublicKey, Telecommand
from icd.timebase import MissionTime, after, seconds_between
from icd.verification import FINAL_STAGES, Refusal, Stage, VerificationReport
from node.apps.commanding.checks import Opened, Refused, clip, is_expired, open_tc, refusal_of
from node.apps.commanding.lifecycle import TC_TABLE, triggers_to
from node.apps.commanding.routes import REPEATABLE, message_for
from node.apps.commanding.window import is_fresh, spend
from node.kernel.app import App, Kernel, handles, on_timer
from node.kernel.errors import IllegalTransitionError, StorageError
from node.kernel.pace import Allowance, Pace
from node.messages import PowerBudgetChanged, PowerModeChanged, TcAnswered, TcCounted, UplinkReceived
from node.ports.store import TcRow, TcStore

ANSWER_S_MAX = 600.0  # mission time without a word from the target app after which a telecommand has failed
OPEN_TCS_MAX = 128  # telecommands accepted and not ended
STORE_RETRY_S = 30.0  # mission time until an answer that could not be stored is tried again
UNSTORED_ANSWERS_MAX = 8  # per telecommand
GARBAGE_EVENT_S = 60.0  # mission time between two events on garbage of one kind
STORAGE_EVENT_S = 60.0  # mission time between two events on a disk that refuses
# Answers to repeated and replayed telecommands are durable rows: whoever repeats for ever must not fill the outbox.
REPEATS_BURST = 64
REPEATS_PER_S = 0.2  # of mission time
REFUSED_KEPT = 128  # telecommands refused since boot, remembered to give a repeated one the same answer


@dataclass(slots=True)
class _Open:
    """A telecommand that was accepted and has not ended."""

    tc: Telecommand
    stage: Stage
    step: int
    deadline: MissionTime
    unstored: list[TcAnswered] = field(default_factory=list)


class CommandingApp(App):
    """Takes telecommands in, answers for each stage of each, exactly once, through resets and full disks."""

    name = "commanding"

    def __init__(self, kernel: Kernel, node: str, keys: Iterable[PublicKey], store: TcStore) -> None:
        super().__init__(kernel)
        self._node = node
        self._keys = {key.key_id: key for key in keys}
        self._store = store
        self._mode: PowerMode | None = None
        self._open: dict[str, _Open] = {}
        self._to_dispatch: list[str] = []
        self._refused: dict[str, tuple[str, VerificationReport]] = {}  # digest and answer, by request id
        self._repeats = Allowance(REPEATS_BURST, REPEATS_PER_S)
        self._storage_pace = Pace(STORAGE_EVENT_S)
        self._garbage: dict[Refusal, int] = {}
        self._unreported: dict[Refusal, str] = {}
        self._watching_garbage: set[Refusal] = set()
        self._accepted, self._rejected = 0, 0

    @property
    def garbage(self) -> int:
        """How many messages on the telecommand channel were no authentic telecommand, since boot."""
        return sum(self._garbage.values())

    # --- life ---

    def recover(self) -> None:
        """Take up the telecommands that had not ended: repeat what may be repeated, close the rest with a reason."""
        self._open.clear()
        self._to_dispatch.clear()
        self._unreported.clear()
        self._watching_garbage.clear()
        self._accepted, self._rejected = self._store.tc_counts()
        for row in self._store.open_tcs():
            self._take_up(row)
        # Through a timer, so that every app has recovered before the first command reaches it.
        self.kernel.set_timer("dispatch", 0.0)

    def start(self) -> None:
        """Tell the counts."""
        self._publish_counts()

    # --- from the bus ---

    @handles(UplinkReceived)
    def on_uplink(self, uplink: UplinkReceived) -> None:
        """Take in what came on the telecommand channel."""
        if uplink.channel != "tc":
            return
        opened = open_tc(uplink.payload, self._keys)
        if isinstance(opened, Refused):
            self._count_garbage(opened)
            return
        try:
            self._take_in(opened)
        except StorageError as error:
            self._report_storage(error)

    @handles(TcAnswered)
    def on_answer(self, answer: TcAnswered) -> None:
        """Move a telecommand on by its app's word."""
        known = self._open.get(answer.request_id)
        if known is None:
            return
        if known.unstored:  # stages must reach the store in order
            self._keep(known, answer)
            return
        self._apply(known, answer)

    @handles(PowerModeChanged)
    def on_mode(self, changed: PowerModeChanged) -> None:
        """Note which commands the mode allows."""
        self._mode = changed.target

    @handles(PowerBudgetChanged)
    def on_budget(self, budget: PowerBudgetChanged) -> None:
        """Note the mode: it is said here again and again, so that a restarted app hears of it."""
        self._mode = budget.mode

    @on_timer("answers")
    def on_answers_due(self) -> None:
        """Fail telecommands whose app has been silent too long; store what could not be stored before."""
        for known in list(self._open.values()):
            answers, known.unstored = known.unstored, []
            for answer in answers:
                if known.unstored:
                    known.unstored.append(answer)
                else:
                    self._apply(known, answer)
            if known.stage not in FINAL_STAGES and not known.unstored and self.kernel.now >= known.deadline:
                detail = f"no answer in {ANSWER_S_MAX:.0f} s"
                self._apply(known, TcAnswered(known.tc.request_id, Stage.FAILED, Refusal.TIMED_OUT, detail))
        self._await_answers()

    @on_timer("dispatch")
    def on_dispatch(self) -> None:
        """Hand recovered telecommands to their apps."""
        waiting, self._to_dispatch = self._to_dispatch, []
        for request_id in waiting:
            if request_id in self._open:
                self._dispatch(self._open[request_id])
        self._await_answers()

    @on_timer("garbage")
    def on_garbage_counted(self) -> None:
        """Report garbage that came after the last event on it."""
        unreported, self._unreported = self._unreported, {}
        self._watching_garbage.clear()
        for reason, detail in unreported.items():
            self._report_garbage(reason, detail)

    # --- taking in ---

    def _take_in(self, opened: Opened) -> None:
        tc = opened.tc
        if tc.node != self._node:
            # Another node answers for this id: a report from here would contradict its history.
            self._report_rejected(tc.request_id, Refused(Refusal.WRONG_NODE, f"it is for {tc.node}"))
            return
        row = self._store.find_tc(tc.request_id)
        if row is not None:
            self._answer_again(row, opened)
            return
        window = self._store.replay_window(opened.key.key_id)
        if not is_fresh(window, tc.sequence):
            self._refuse_again(opened)
            return
        refused = refusal_of(opened, self._mode, self.kernel.now)
        if refused is None and len(self._open) >= OPEN_TCS_MAX:
            refused = Refused(Refusal.QUEUE_FULL, f"{OPEN_TCS_MAX} telecommands are open")
        if refused is None:
            self._accept(opened)
        else:
            self._reject(opened, refused, spent=True)

    def _answer_again(self, row: TcRow, opened: Opened) -> None:
        if row.digest != opened.digest:
            # The id's history belongs to the first telecommand that bore it: an event, and no report.
            self._report_rejected(row.request_id, Refused(Refusal.ID_REUSED, "another telecommand has this id"))
        elif self._repeats.spend(self.kernel.now):
            self._store.resend_tc_reports(row.request_id)

    def _refuse_again(self, opened: Opened) -> None:
        """Answer a telecommand whose number is spent: as before if it was refused before, and else as a replay."""
        if not self._repeats.spend(self.kernel.now):
            return
        digest, report = self._refused.get(opened.tc.request_id, ("", None))
        if report is not None and digest == opened.digest:
            self._store.reject_tc(report, None)
            self._rejected += 1
            self._publish_counts()
        else:
            self._reject(opened, Refused(Refusal.REPLAYED, f"sequence {opened.tc.sequence}"), spent=False)

    def _accept(self, opened: Opened) -> None:
        tc, now = opened.tc, self.kernel.now
        window = spend(self._store.replay_window(opened.key.key_id), tc.sequence)
        row = TcRow(
            request_id=tc.request_id,
            digest=opened.digest,
            key_id=opened.key.key_id,
            sequence=tc.sequence,
            body=opened.body,
            accepted_at=now,
            stage=Stage.ACCEPTED,
            step=0,
        )
        reports = (self._word(tc.request_id, Stage.RECEIVED), self._word(tc.request_id, Stage.ACCEPTED))
        try:
            if not self._store.accept_tc(row, window, reports):
                return
        except StorageError as error:
            self._report_storage(error)
            self._reject(opened, Refused(Refusal.STORAGE_FULL, clip(error)), spent=True)
            return
        self._accepted += 1
        self._publish_counts()
        known = _Open(tc, Stage.ACCEPTED, 0, after(now, ANSWER_S_MAX))
        self._open[tc.request_id] = known
        self._dispatch(known)
        self._await_answers()

    def _reject(self, opened: Opened, refused: Refused, *, spent: bool) -> None:
        tc, key_id = opened.tc, opened.key.key_id
        report = self._word(tc.request_id, Stage.FAILED, refused.reason, refused.detail)
        window = (key_id, spend(self._store.replay_window(key_id), tc.sequence)) if spent else None
        self._store.reject_tc(report, window)
        self._refused[tc.request_id] = (opened.digest, report)
        if len(self._refused) > REFUSED_KEPT:
            del self._refused[next(iter(self._refused))]
        self._rejected += 1
        self._publish_counts()
        self._report_rejected(tc.request_id, refused)

    def _dispatch(self, known: _Open) -> None:
        if not self.kernel.publish(message_for(known.tc)):
            detail = "the app's queue is full; send a new telecommand"
            self._apply(known, TcAnswered(known.tc.request_id, Stage.FAILED, Refusal.QUEUE_FULL, detail))

    # --- moving on ---

    def _apply(self, known: _Open, answer: TcAnswered) -> None:
        """Walk the table to the answered stage, one commit a stage; keep the answer when the disk refuses."""
        known.deadline = after(self.kernel.now, ANSWER_S_MAX)
        if answer.stage is Stage.FAILED and answer.reason is None:
            answer = replace(answer, reason=Refusal.APP_FAILED)
        for trigger in triggers_to(known.stage, answer.stage):
            target = TC_TABLE.target(known.stage, trigger)
            if target is None:
                raise IllegalTransitionError(f"telecommand: {trigger} is not legal in {known.stage}")
            step = known.step + 1 if target is Stage.PROGRESS else known.step
            told = (answer.reason, answer.detail) if target is answer.stage else (None, "")
            report = self._word(known.tc.request_id, target, *told, step=step if target is Stage.PROGRESS else 0)
            try:
                moved = self._store.advance_tc(known.tc.request_id, target, report)
            except StorageError as error:
                self._report_storage(error)
                self._keep(known, answer)
                return
            known.stage, known.step = (target, step) if moved else (Stage.FAILED, known.step)
            if not moved:
                break
        if known.stage in FINAL_STAGES:
            self._open.pop(known.tc.request_id, None)

    def _keep(self, known: _Open, answer: TcAnswered) -> None:
        if len(known.unstored) >= UNSTORED_ANSWERS_MAX:
            known.unstored.pop()  # the newest word says most: it takes the place of the one before
        known.unstored.append(answer)
        self._await_answers()

    def _await_answers(self) -> None:
        if not self._open:
            self.kernel.cancel_timer("answers")
            return
        due_s = min(seconds_between(self.kernel.now, known.deadline) for known in self._open.values())
        if any(known.unstored for known in self._open.values()):
            due_s = min(due_s, STORE_RETRY_S)
        self.kernel.set_timer("answers", max(0.0, due_s))

    def _take_up(self, row: TcRow) -> None:
        try:
            tc = decode(row.body, Telecommand)
        except DecodeError as error:
            # Another version of this software accepted it.
            report = self._word(row.request_id, Stage.FAILED, Refusal.INTERRUPTED, clip(error))
            try:
                self._store.advance_tc(row.request_id, Stage.FAILED, report)
            except StorageError as fault:
                self._report_storage(fault)
            return
        known = _Open(tc, row.stage, row.step, after(self.kernel.now, ANSWER_S_MAX))
        self._open[row.request_id] = known
        if is_expired(tc, self.kernel.now):
            detail = "its life time ended before the processor was back"
            self._apply(known, TcAnswered(row.request_id, Stage.FAILED, Refusal.EXPIRED, detail))
        elif tc.command.name not in REPEATABLE:
            detail = "the processor was reset, and it may not be carried out twice"
            self._apply(known, TcAnswered(row.request_id, Stage.FAILED, Refusal.INTERRUPTED, detail))
        else:
            self._to_dispatch.append(row.request_id)

    # --- telling ---

    def _word(
        self, request_id: str, stage: Stage, reason: Refusal | None = None, detail: str = "", *, step: int = 0
    ) -> VerificationReport:
        return VerificationReport(
            request_id=request_id, stage=stage, step=step, at=self.kernel.now, reason=reason, detail=clip(detail)
        )

    def _publish_counts(self) -> None:
        self.kernel.publish(TcCounted(self._accepted, self._rejected))

    def _report_rejected(self, request_id: str, refused: Refused) -> None:
        self.kernel.report("TC_REJECTED", request_id=request_id, reason=refused.reason.value, detail=refused.detail)

    def _report_storage(self, error: StorageError) -> None:
        if self._storage_pace.allows(self.kernel.now):
            self.kernel.report("STORAGE_FAILED", detail=clip(error))

    def _count_garbage(self, refused: Refused) -> None:
        self._garbage[refused.reason] = self._garbage.get(refused.reason, 0) + 1
        if refused.reason in self._watching_garbage:
            self._unreported[refused.reason] = refused.detail
        else:
            self._report_garbage(refused.reason, refused.detail)

    def _report_garbage(self, reason: Refusal, detail: str) -> None:
        """Report one kind of garbage, with its count since boot, and then keep quiet of it for a while."""
        self.kernel.report("TC_GARBAGE", reason=reason.value, detail=detail, count=self._garbage[reason])
        if not self._watching_garbage:
            self.kernel.set_timer("garbage", GARBAGE_EVENT_S)
        self._watching_garbage.add(reason)
