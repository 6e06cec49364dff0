"""Telecommands out: numbered, signed and durable before the first byte leaves, then sent until the node answers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ground.desk import Desk
from ground.errors import Refused, RefusedError
from ground.ports.archive import TcRow, TcStage
from ground.secrets import Secrets, Signer
from icd.codec import encode
from icd.tc import ROLE_COMMANDS, Command, Role, Telecommand
from icd.timebase import MissionTime, after
from icd.topics import uplink

EXPIRES_AFTER_S = 3600.0  # mission time
RESEND_S = 5.0  # mission time between two sendings while no answer has come
RESEND_WALL_S = 0.5  # and at least this much wall time: the answer needs time to come
ASK_EXPIRED_S = 60.0  # an expired telecommand is sent on, seldom: the node's refusal proves that it was not taken
ASK_EXPIRED_FOR_S = 86_400.0
OPEN_MAX = 32  # unanswered telecommands towards one node: half of its 64-wide anti-replay window


@dataclass(frozen=True, slots=True)
class Order:
    """What someone wants a node to do."""

    node: str
    command: Command
    user: str
    role: Role
    expires_after_s: float
    job_id: str | None


class Commanding:
    """Issues telecommands and sends each one's identical bytes until its node has answered."""

    def __init__(self, desk: Desk, secrets: Secrets, on_expired: Callable[[TcRow], None]) -> None:
        self._desk = desk
        self._signers: dict[Role, Signer] = {Role.OPERATOR: secrets.operator, Role.SCHEDULER: secrets.scheduler}
        self._on_expired = on_expired
        self._due: dict[str, MissionTime] = {}
        self._ask_at = desk.clock.now()

    def has_room(self, node: str) -> bool:
        """Return whether one more telecommand may wait for this node's answer."""
        return self._desk.archive.tcs.open_count(node) < OPEN_MAX

    def issue(self, order: Order) -> TcRow:
        """Number, sign and keep a telecommand; it is sent by the next pump.

        Raises:
            RefusedError: unknown node, role not allowed, too large, or too many wait for this node already.
            ArchiveError: it could not be kept, and so was not issued.
        """
        self._check(order)
        tcs, now = self._desk.archive.tcs, self._desk.clock.now()
        signer = self._signers[order.role]
        with self._desk.archive.transaction():
            request_id = f"tc-{tcs.next_number():06d}"
            telecommand = Telecommand(
                request_id=request_id,
                node=order.node,
                sequence=tcs.next_sequence(signer.key_id, order.node),
                issued_at=now,
                expires_at=after(now, order.expires_after_s),
                command=order.command,
            )
            row = _row_of(telecommand, order, signer)
            tcs.add(row)
        self._desk.feed.tc(request_id)
        return row

    def withdraw(self, row: TcRow, detail: str) -> bool:
        """Give up a telecommand that has not left the ground; False when it may have."""
        if row.sent or row.stage is not TcStage.ISSUED:
            return False
        self._expire(row, detail)
        return True

    def pump(self) -> bool:
        """Send what is due, and let expire what is over; return whether anything waits for an answer.

        Raises:
            ArchiveError: the archive refused; what was not marked was not sent.
        """
        now = self._desk.clock.now()
        waiting = self._desk.archive.tcs.unanswered()
        for row in waiting:
            if now >= row.expires_at:
                with self._desk.archive.transaction():
                    self._on_expired(
                        self._expire(row, "Its life time ended and the node has not said that it took it.")
                    )
            elif self._desk.can_send(row.node) and now >= self._due.get(row.request_id, now):
                self._send(row, now)
        if self._due:
            names = {row.request_id for row in waiting}
            self._due = {name: due for name, due in self._due.items() if name in names}
        if now >= self._ask_at:
            self._ask_at = after(now, ASK_EXPIRED_S)
            self._ask(now)
        return bool(waiting)

    def _send(self, row: TcRow, now: MissionTime) -> None:
        if not row.sent:
            with self._desk.archive.transaction():
                self._desk.archive.tcs.mark_sent(row.request_id)
        if self._desk.link.publish(uplink(row.node, "tc"), row.signed, qos=1):
            self._due[row.request_id] = after(now, max(RESEND_S, RESEND_WALL_S * self._desk.clock.rate))

    def _ask(self, now: MissionTime) -> None:
        """Send expired telecommands that may have been taken once more: the node answers what became of each."""
        for row in self._desk.archive.tcs.in_doubt(after(now, -ASK_EXPIRED_FOR_S)):
            if self._desk.can_send(row.node):
                self._desk.link.publish(uplink(row.node, "tc"), row.signed, qos=1)

    def _expire(self, row: TcRow, detail: str) -> TcRow:
        now = self._desk.clock.now()
        self._desk.archive.tcs.move(row.request_id, TcStage.EXPIRED, "EXPIRED", detail, now)
        self._desk.feed.tc(row.request_id)
        return replace(row, stage=TcStage.EXPIRED, reason="EXPIRED", detail=detail, updated_at=now)

    def _check(self, order: Order) -> None:
        if not self._desk.watch.knows(order.node):
            raise RefusedError(Refused.UNKNOWN, f"no node {order.node!r} in this fleet", "node")
        if order.command.name not in ROLE_COMMANDS[order.role]:
            raise RefusedError(Refused.FORBIDDEN, f"role {order.role} may not send {order.command.name}", "command")
        if not self.has_room(order.node):
            raise RefusedError(Refused.BUSY, f"{OPEN_MAX} telecommands wait for {order.node} already; try later")


def _row_of(telecommand: Telecommand, order: Order, signer: Signer) -> TcRow:
    try:
        signed = encode(signer.sign(encode(telecommand)))
    except ValueError as error:
        raise RefusedError(Refused.INVALID, f"command: {error}", "command") from error
    return TcRow(
        request_id=telecommand.request_id,
        node=order.node,
        key_id=signer.key_id,
        sequence=telecommand.sequence,
        user=order.user,
        command=order.command.model_dump_json(),
        job_id=order.job_id,
        issued_at=MissionTime(telecommand.issued_at),
        expires_at=MissionTime(telecommand.expires_at),
        signed=signed,
        sent=False,
        stage=TcStage.ISSUED,
        reason=None,
        detail="",
        updated_at=MissionTime(telecommand.issued_at),
    )
