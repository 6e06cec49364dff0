"""The ground service: all that the ground does, driven by callbacks, with no socket, thread or loop of its own."""

import hashlib
from collections.abc import Callable, Mapping

from ground import tables
from ground.commanding import Commanding, Order
from ground.config import GroundConfig
from ground.desk import Desk, Stores
from ground.dispatch import Dispatch
from ground.errors import ArchiveError
from ground.feed import Feed
from ground.fleet import FleetWatch
from ground.jobs import Jobs, Submission
from ground.notices import Notices
from ground.passes import Passes
from ground.ports.archive import HkRow
from ground.reader import Reader
from ground.reports import Reports
from ground.secrets import Secrets
from ground.tables import JobRequest, TcRequest
from ground.transfer import Downlinks, Uplinks
from ground.users import User
from ground.verificator import Verificator
from ground.views import JobDetailView, TcView
from icd.codec import DecodeError, decode
from icd.events import OutboxBatch
from icd.hk import Hk
from icd.jobs import JobSpec
from icd.tc import Role
from icd.timebase import MissionTime, after
from icd.topics import Topic, parse
from icd.transfer import Chunk, ChunkAck
from runtime.clock import MissionClock
from runtime.link import Link
from runtime.timers import TimerHandle, Timers

SUBSCRIPTIONS = ("dl/+/hk", "dl/+/report", "dl/+/xfer")
TICK_S = 5.0  # mission time
TICK_WALL_S = 0.5  # and at least this much wall time
LOOK_S = 60.0  # mission time between two looks for work when none was left
HK_BATCH_MAX = 64  # samples that wait for one commit; housekeeping may be lost, a tick's worth at most


class GroundService:
    """Ground control of one fleet."""

    def __init__(
        self, config: GroundConfig, clock: MissionClock, timers: Timers, link: Link, stores: Stores, secrets: Secrets
    ) -> None:
        self.config = config
        self.secrets = secrets
        self.feed = Feed()
        self.watch = FleetWatch(config.fleet, clock)
        self.notices = Notices(stores.archive, clock, self.feed)
        self._timers = timers
        self._desk = Desk(clock, link, stores.archive, stores.files, self.watch, self.feed, self.notices)
        passes = Passes(config.fleet)
        self.reader = Reader(self._desk, passes)
        self._commanding = Commanding(self._desk, secrets, lambda row: self._jobs.on_tc(row))
        self._jobs = Jobs(self._desk, self._commanding)
        self._reports = Reports(self._desk, self._jobs, Verificator(self._desk, self._jobs.on_tc))
        self._dispatch = Dispatch(self._desk, self._jobs, self._commanding, passes)
        self._uplinks = Uplinks(self._desk)
        self._downlinks = Downlinks(self._desk, self._jobs)
        self._hk_waiting: list[HkRow] = []
        self._tick_timer: TimerHandle | None = None
        self._pumped_work = -1  # what the feed counted when nothing was left to move
        self._look_at = clock.now()
        self._received: dict[str, int] = {"hk": 0, "report": 0, "xfer": 0}

    def start(self) -> None:
        """Recover what the archive knows and begin to work.

        Raises:
            ArchiveError: the archive cannot be read.
        """
        for row in self._desk.archive.telemetry.latest_hk():
            self.watch.remember(row)
        self._set_tick()

    def stop(self) -> None:
        """Stop working; what was taken is durable."""
        self.halt()
        self._guarded(self._flush_hk)

    def halt(self) -> None:
        """End at once, as in a crash: nothing more is written, and housekeeping that waits is lost."""
        if self._tick_timer is not None:
            self._tick_timer.cancel()
            self._tick_timer = None

    def on_state(self, up: bool) -> None:
        """Hear that the broker answers, or no longer does: what waits goes out as nodes are heard again."""
        self.feed.touch()
        if up:
            self._guarded(self._pump)

    def on_message(self, topic: str, payload: bytes) -> None:
        """Take a message from the broker. Whatever it holds, it raises nothing."""
        place = parse(topic)
        if place is None or place.tree != "dl" or not self.watch.knows(place.node):
            self._guarded(lambda: self.notices.reject(topic, "not a topic of this fleet's downlink"))
            return
        handler = {"hk": self._on_hk, "report": self._on_report, "xfer": self._on_xfer}[place.channel]
        self._received[place.channel] += 1
        try:
            handler(place, payload)
        except DecodeError as error:
            why = str(error)
            self._guarded(lambda: self.notices.reject(topic, why))
        except ArchiveError as error:
            self.notices.storage_failed(error)

    def submit_job(self, request: JobRequest, user: User) -> tuple[JobDetailView, bool]:
        """Take a job in, durably; return it, and whether it is new.

        Raises:
            RefusedError: a field breaks a rule, the id is taken, or the user may not act for the tenant.
            ArchiveError: it could not be kept.
        """
        user.require_tenant(request.tenant)
        bundle = request.bundle()
        row, is_new = self._jobs.submit(Submission(self._spec(request, bundle), request.node, bundle))
        self._guarded(self._pump)
        return self.reader.job(row.job_id), is_new

    def cancel_job(self, job_id: str, user: User) -> JobDetailView:
        """End a job, or ask its node to.

        Raises:
            RefusedError: no such job, or the user may not act for its tenant.
            ArchiveError: it could not be kept.
        """
        user.require_tenant(self.reader.job_row(job_id).spec.tenant)
        self._jobs.cancel(job_id)
        self._guarded(self._pump)
        return self.reader.job(job_id)

    def send_tc(self, request: TcRequest, user: User) -> TcView:
        """Issue an operator's telecommand.

        Raises:
            RefusedError: the user is no operator, the node is unknown, or too much waits for it.
            ArchiveError: it could not be kept.
        """
        user.require_operator()
        order = Order(request.node, request.command, user.name, Role.OPERATOR, request.expires_after_s, None)
        row = self._commanding.issue(order)
        self._guarded(self._pump)
        return self.reader.tc(row.request_id)

    def counters(self) -> Mapping[str, int]:
        """Return what the service has done since it was made."""
        link = self._desk.link.counters
        received = {f"received_{channel}": count for channel, count in self._received.items()}
        links = {"link_sent": link.sent, "link_refused": link.refused, "link_connects": link.connects}
        return {**received, **links, **self.notices.counts}

    def flush(self) -> None:
        """Write the housekeeping that waits, so that a question about the past sees it.

        Raises:
            ArchiveError: it could not be written.
        """
        self._flush_hk()

    @property
    def link_up(self) -> bool:
        """Whether the broker answers."""
        return self._desk.link.connected

    def _on_hk(self, place: Topic, payload: bytes) -> None:
        packet = decode(payload, Hk)
        _require_same(place, packet.node)
        row = self.watch.take_hk(packet)
        self._hk_waiting.append(row)
        self.feed.touch()
        self._heard(place.node)
        if len(self._hk_waiting) >= HK_BATCH_MAX:
            self._flush_hk()

    def _on_report(self, place: Topic, payload: bytes) -> None:
        batch = decode(payload, OutboxBatch)
        _require_same(place, batch.node)
        self._heard(place.node)
        self._reports.on_batch(place.node, batch)
        self._pump()

    def _on_xfer(self, place: Topic, payload: bytes) -> None:
        message = decode(payload, Chunk, ChunkAck)
        self._heard(place.node)
        match message:
            case Chunk():
                self._downlinks.on_chunk(place.node, message)
            case ChunkAck():
                self._uplinks.on_ack(place.node, message)

    def _heard(self, node: str) -> None:
        if self.watch.note_heard(node):
            self.feed.touch()
            self._pump()

    def _pump(self) -> None:
        """Move everything that can move. With nothing waiting and nothing changed since, there is no need to look."""
        now = self._desk.clock.now()
        if self._pumped_work == self.feed.work and now < self._look_at:
            return
        self._pumped_work = -1
        waits = [pump() for pump in (self._dispatch.pump, self._commanding.pump, self._uplinks.pump)]
        self._look_at = now if any(waits) else after(now, LOOK_S)
        self._pumped_work = self.feed.work

    def _tick(self) -> None:
        self._set_tick()
        self._guarded(self._flush_hk)
        self._guarded(self._pump)

    def _set_tick(self) -> None:
        delay_s = max(TICK_S, TICK_WALL_S * self._desk.clock.rate)
        self._tick_timer = self._timers.after_s(delay_s, self._tick)

    def _flush_hk(self) -> None:
        waiting, self._hk_waiting = self._hk_waiting, []
        if waiting:
            self._desk.archive.telemetry.add_hk(waiting)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do what may fail for want of storage; a failure is counted and said, and the next tick tries again."""
        try:
            work()
        except ArchiveError as error:
            self.notices.storage_failed(error)

    def _spec(self, request: JobRequest, bundle: bytes) -> JobSpec:
        values: dict[str, object] = request.model_dump(exclude={"deadline_s", "node", "bundle_base64"})
        deadline: MissionTime | None = None
        if request.deadline_s is not None:
            deadline = after(MissionTime(self.config.fleet.epoch), request.deadline_s)
        values |= {
            "bundle_sha256": hashlib.sha256(bundle).hexdigest(),
            "bundle_bytes": len(bundle),
            "deadline": deadline,
        }
        return tables.build(JobSpec, values)


def _require_same(place: Topic, node: str) -> None:
    if node != place.node:
        raise DecodeError(f"names node {node} on the topic of {place.node}")
