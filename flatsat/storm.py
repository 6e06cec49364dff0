"""Does to a table what a schedule says, and lets its operator put things right when the storm is over."""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from flatsat.fly import BENCH_USER, SUBMIT_RETRY_S, Scenario
from flatsat.mission import Mission
from flatsat.swarm import Attack, Breakage, Cancellation, GroundCrash, Hostility, NodeReset, Order, Schedule, Work
from flatsat.virtual import Meddling, Table
from flatsat.workload import Submission
from ground.errors import Refused, RefusedError
from ground.tables import TcRequest
from icd.codec import encode
from icd.faults import FaultOrder
from icd.ids import JobId, TenantId
from icd.tc import Command, LeaveSafe, Ping, PowerMode, SetComputeCap, SetIslEnabled, Telecommand, sign
from icd.timebase import MissionTime, after
from node.adapters.virtual_runner import Mishap
from node.ports.runner import JobStart
from runtime.link import PAYLOAD_BYTES_MAX
from runtime.pipe import NO_FAULTS

STRANGER_WAITS_S = 20.0  # mission time until a stranger tries again to reach a node without a path
OVERHEARD_MAX = 8  # messages of one topic that a stranger remembers
MEND_EVERY_S = 300.0  # mission time between two rounds of the operator in the calm
MEND_FOR_S = 6000.0  # mission time from the storm's end to the last round
FORGED_SEQUENCE = 1_000_000
_TOPICS = ("ul/+/+", "dl/+/+")


def scenario_of(schedule: Schedule) -> Scenario:
    """Return the scenario that flies a schedule."""
    jobs = {deed.job_id: deed for deed in schedule.deeds if isinstance(deed, Work)}

    def script(order: JobStart) -> Mishap | None:
        befalls = jobs[order.spec.job_id].mishaps if order.spec.job_id in jobs else ()
        return befalls[order.attempt - 1] if order.attempt <= len(befalls) else None

    def workload(mission: Mission, until: MissionTime) -> list[Submission]:
        return [_submission(mission, work) for work in jobs.values()]

    return Scenario(workload, lambda table: Storm(table, schedule).arm(), Meddling(script))


class Storm:
    """One schedule on one table."""

    def __init__(self, table: Table, schedule: Schedule) -> None:
        self._table = table
        self._schedule = schedule
        self._overheard: dict[str, deque[bytes]] = {}
        self._over = False
        self._stranger = table.broker.link("stranger", _TOPICS)

    def arm(self) -> None:
        """Set a timer for every deed, and for the end of the storm."""
        table, schedule = self._table, self._schedule
        table.spawn(self._stranger.run(self._overhear, lambda up: None), "stranger")
        for client, faults in schedule.links.items():
            table.broker.set_faults(client, faults)
        for deed in schedule.deeds:
            match deed:
                case NodeReset():
                    do: Callable[[], None] = partial(table.reset, deed.node)
                case GroundCrash():
                    do = table.reset_ground
                case Breakage():
                    do = partial(self._break, deed.order)
                case Order():
                    do = partial(self._send, deed.node, deed.command, deed.expires_after_s)
                case Attack():
                    do = partial(self._attack, deed)
                case Cancellation():
                    do = partial(self._take_back, deed.job_id)
                case Work():
                    continue  # the flight hands in its workload
            table.timers.after_s(deed.at_s, do)
        table.timers.after_s(schedule.storm_s, self._calm)

    def _overhear(self, topic: str, payload: bytes) -> None:
        self._overheard.setdefault(topic, deque(maxlen=OVERHEARD_MAX)).append(payload)

    def _break(self, order: FaultOrder) -> None:
        self._stranger.publish("sim/fault", encode(order), qos=1)

    def _send(self, node: str, command: Command, expires_after_s: float) -> None:
        table = self._table
        if not table.ground_up:
            table.timers.after_s(SUBMIT_RETRY_S, partial(self._send, node, command, expires_after_s))
            return
        request = TcRequest(node=node, command=command, expires_after_s=expires_after_s)
        try:
            table.ground.service.send_tc(request, BENCH_USER)
        except RefusedError as refused:
            if refused.kind is not Refused.BUSY:
                raise

    def _take_back(self, job_id: str) -> None:
        table = self._table
        if not table.ground_up or table.ground.archive.jobs.find(job_id) is None:
            table.timers.after_s(SUBMIT_RETRY_S, partial(self._take_back, job_id))
            return
        table.ground.service.cancel_job(job_id, BENCH_USER)

    def _attack(self, attack: Attack) -> None:
        tree, node, _ = attack.topic.split("/") if attack.topic.count("/") == 2 else ("", "", "")
        if tree == "ul" and self._table.hwsim.world.spaces.get(node) is None and not self._over:
            self._table.timers.after_s(STRANGER_WAITS_S, partial(self._attack, attack))  # for a node that listens
            return
        for payload in self._payloads(attack):
            self._stranger.publish(attack.topic, payload[:PAYLOAD_BYTES_MAX], qos=1)

    def _payloads(self, attack: Attack) -> Sequence[bytes]:
        heard = tuple(self._overheard.get(attack.topic, ()))
        match attack.what:
            case Hostility.GARBAGE | Hostility.OVERSIZED:
                return (attack.content,)
            case Hostility.REPLAY:
                return heard
            case Hostility.TRUNCATED:
                return tuple(payload[: len(payload) // 2] for payload in heard)
            case Hostility.MISROUTED:
                tree, node, channel = attack.topic.split("/")
                others = [f"{tree}/{other}/{channel}" for other in self._table.mission.node_ids if other != node]
                return tuple(payload for topic in others for payload in self._overheard.get(topic, ()))
            case Hostility.FORGED:
                return (self._forged(attack.topic.split("/")[1]),)

    def _forged(self, node: str) -> bytes:
        """Return a telecommand in the operator's name under a key that is the scheduler's."""
        now = self._table.clock.now()
        telecommand = Telecommand(
            request_id=f"tc-forged-{now}",
            node=node,
            sequence=FORGED_SEQUENCE,
            issued_at=now,
            expires_at=after(now, 60.0),
            command=Ping(),
        )
        stolen = self._table.ground.service.secrets.scheduler.key
        return encode(sign(encode(telecommand), "operator", stolen))

    # --- the calm ---

    def _calm(self) -> None:
        """Heal everything that heals by itself, then let the operator do the rest."""
        table = self._table
        self._over = True
        table.history.write(table.clock.now(), "bench", "calm")
        for client in self._schedule.links:
            table.broker.set_faults(client, NO_FAULTS)
        for node in table.mission.node_ids:
            self._send(node, SetComputeCap(cap_w=None), MEND_FOR_S)
        self._mend(0.0)

    def _mend(self, at_s: float) -> None:
        """Look at each node as an operator does: call those in SAFE back, and free the lasers."""
        table = self._table
        if table.ground_up:
            for node in table.mission.node_ids:
                latest = table.ground.service.watch.latest(node)
                if latest is not None and latest.sample.mode == PowerMode.SAFE:
                    self._send(node, LeaveSafe(), MEND_EVERY_S)
                elif at_s > 0.0:
                    self._send(node, SetIslEnabled(enabled=True), MEND_EVERY_S)
        if at_s < MEND_FOR_S:
            table.timers.after_s(MEND_EVERY_S, partial(self._mend, at_s + MEND_EVERY_S))


def _submission(mission: Mission, work: Work) -> Submission:
    workload = next(one for one in mission.workload if one.table.name == work.bundle)
    at = after(mission.epoch, work.at_s)
    deadline = None if work.deadline_after_s is None else after(at, work.deadline_after_s)
    tenant = TenantId(workload.table.tenant)
    return Submission(at, workload.bundle.spec(JobId(work.job_id), tenant, deadline, **work.changes), workload.bundle)
