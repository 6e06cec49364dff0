"""Files over the space link: bundles up while their jobs stage, results and logs down."""

from dataclasses import dataclass, field

from ground.desk import Desk
from ground.jobs import Jobs
from ground.ports.archive import FileRow, GroundJobState, JobRow, ResultState
from icd.timebase import MissionTime, after
from icd.transfer import CHUNK_BYTES, Chunk, ChunkAck, TransferKind, bundle_transfer
from runtime.chunks import RESEND_WALL_S, AckEffect, ChunkReceiver, ChunkSender, Placement

RECEIVERS_MAX = 256  # files coming down at once, of all nodes; the one untouched longest starts again
ASK_AGAIN_S = 60.0  # mission time after a whole or refused bundle before it is offered again, if the job still stages
OFFERS_MAX = 4096


@dataclass(slots=True)
class _Uplink:
    """A bundle on its way up."""

    transfer_id: str
    job: JobRow
    content: bytes
    sender: ChunkSender
    moved_at: MissionTime = field(default=MissionTime(0))


class Uplinks:
    """Sends bundles, one at a time to each node, oldest job first."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._active: dict[str, _Uplink] = {}
        self._not_before: dict[str, MissionTime] = {}  # by job

    def pump(self) -> bool:
        """Send what the windows allow, start what is wanted, drop what is not; return whether anything waits."""
        staging: dict[str, list[JobRow]] = {}
        for row in self._desk.archive.jobs.in_states((GroundJobState.STAGING,)):
            if row.node is not None:
                staging.setdefault(row.node, []).append(row)
        for node in self._desk.watch.nodes:
            wanted = staging.get(node, [])
            active = self._active.get(node)
            if active is not None and all(row.job_id != active.job.job_id for row in wanted):
                del self._active[node]
                active = None
            if not self._desk.can_send(node):
                if active is not None:
                    active.sender.rewind()
                continue
            if active is None and wanted:
                self._start(node, wanted)
            self._send(node)
        return bool(staging)

    def on_ack(self, node: str, ack: ChunkAck) -> None:
        """Take a node's word on a bundle."""
        active = self._active.get(node)
        if active is None or active.transfer_id != ack.transfer_id:
            return
        effect = active.sender.on_ack(ack.next_offset, ack.done)
        if ack.refused is not None:
            self._desk.notices.say("TRANSFER_REFUSED", transfer_id=ack.transfer_id, why=ack.refused)
        if effect is AckEffect.DONE or ack.refused is not None:
            self._rest(active.job.job_id)
            del self._active[node]
            self.pump()
            return
        if effect is not AckEffect.OUTSIDE:
            active.moved_at = self._desk.clock.now()
        self._send(node)

    def _start(self, node: str, wanted: list[JobRow]) -> None:
        now = self._desk.clock.now()
        for row in wanted:
            if self._not_before.get(row.job_id, now) > now:
                continue
            content = self._desk.files.read(row.spec.bundle_sha256)
            if content is None or len(content) != row.spec.bundle_bytes:
                self._desk.notices.say("TRANSFER_REFUSED", transfer_id=row.job_id, why="bundle missing on the ground")
                self._rest(row.job_id)
                continue
            transfer_id = bundle_transfer(row.job_id)
            self._active[node] = _Uplink(transfer_id, row, content, ChunkSender(len(content), CHUNK_BYTES), now)
            return

    def _send(self, node: str) -> None:
        active = self._active.get(node)
        if active is None:
            return
        now = self._desk.clock.now()
        if active.sender.waiting and now >= after(active.moved_at, RESEND_WALL_S * self._desk.clock.rate):
            active.sender.rewind()
            active.moved_at = now
        while (span := active.sender.next_span()) is not None:
            chunk = Chunk(
                transfer_id=active.transfer_id,
                kind=TransferKind.BUNDLE,
                job_id=active.job.job_id,
                total_bytes=len(active.content),
                sha256=active.job.spec.bundle_sha256,
                offset=span.offset,
                content=active.content[span.offset : span.end],
            )
            if not self._desk.send(node, "xfer", chunk, qos=1):
                return
            if not active.sender.waiting:
                active.moved_at = now
            active.sender.sent(span)

    def _rest(self, job_id: str) -> None:
        if len(self._not_before) >= OFFERS_MAX:
            del self._not_before[next(iter(self._not_before))]
        self._not_before[job_id] = after(self._desk.clock.now(), ASK_AGAIN_S)


class Downlinks:
    """Receives results and logs, keeps what is whole and right, and answers every chunk."""

    def __init__(self, desk: Desk, jobs: Jobs) -> None:
        self._desk = desk
        self._jobs = jobs
        self._receivers: dict[str, ChunkReceiver] = {}

    def on_chunk(self, node: str, chunk: Chunk) -> None:
        """Take a chunk and answer it.

        Raises:
            ArchiveError: it could not be kept; no answer goes up, so the node sends it again.
        """
        kept = self._desk.archive.jobs.find_file(node, chunk.transfer_id)
        if kept is not None and kept.sha256 == chunk.sha256:
            self._answer(node, chunk, kept.total_bytes, done=True, refused=None)
            return
        job = self._desk.archive.jobs.find(chunk.job_id)
        why = _refusal(node, chunk, job, kept)
        if why is not None or job is None:
            self._desk.notices.reject(f"dl/{node}/xfer", f"{chunk.transfer_id}: {why}")
            self._answer(node, chunk, 0, done=False, refused=why)
            return
        if chunk.kind is TransferKind.RESULT and job.result_state is ResultState.NONE:
            with self._desk.archive.transaction():
                job = self._jobs.set_result(job, ResultState.DOWNLINKING)
        self._take(node, chunk, job)

    def _take(self, node: str, chunk: Chunk, job: JobRow) -> None:
        name = f"{node}.{chunk.transfer_id}.{chunk.sha256[:16]}"
        receiver = self._receiver(name, chunk.total_bytes)
        match receiver.place(chunk.total_bytes, chunk.offset, len(chunk.content)):
            case Placement.OUTSIDE:
                self._answer(node, chunk, 0, done=False, refused="chunk outside the file")
                return
            case Placement.APPEND:
                # Should the write fail half way, the next chunk starts from what the disk then holds.
                del self._receivers[name]
                self._desk.files.append_part(name, chunk.content)
                self._receivers[name] = receiver
                receiver.appended(chunk.offset + len(chunk.content))
            case Placement.HELD | Placement.AHEAD:
                pass
        if not receiver.whole:
            self._answer(node, chunk, receiver.next_offset, done=False, refused=None)
        elif self._desk.files.finish_part(name, chunk.sha256):
            self._keep(node, chunk, job)
            del self._receivers[name]
            self._answer(node, chunk, chunk.total_bytes, done=True, refused=None)
        else:
            receiver.mismatched()
            self._desk.notices.reject(f"dl/{node}/xfer", f"{chunk.transfer_id}: SHA-256 differs")
            refused = "SHA-256 differs again and again" if receiver.given_up else None
            if receiver.given_up:
                del self._receivers[name]
            self._answer(node, chunk, 0, done=False, refused=refused)

    def _keep(self, node: str, chunk: Chunk, job: JobRow) -> None:
        row = FileRow(node, chunk.transfer_id, chunk.kind.value, chunk.job_id, chunk.sha256, chunk.total_bytes)
        with self._desk.archive.transaction():
            self._desk.archive.jobs.add_file(row)
            if chunk.kind is TransferKind.RESULT:
                self._jobs.set_result(job, ResultState.READY)

    def _receiver(self, name: str, total_bytes: int) -> ChunkReceiver:
        receiver = self._receivers.pop(name, None)
        if receiver is None:
            receiver = ChunkReceiver(total_bytes, self._desk.files.part_bytes(name))
            if len(self._receivers) >= RECEIVERS_MAX:
                oldest = next(iter(self._receivers))
                del self._receivers[oldest]
                self._desk.files.drop_part(oldest)
        self._receivers[name] = receiver
        return receiver

    def _answer(self, node: str, chunk: Chunk, next_offset: int, *, done: bool, refused: str | None) -> None:
        ack = ChunkAck(transfer_id=chunk.transfer_id, next_offset=next_offset, done=done, refused=refused)
        if self._desk.can_send(node):
            self._desk.send(node, "xfer", ack, qos=1)


def _refusal(node: str, chunk: Chunk, job: JobRow | None, kept: FileRow | None) -> str | None:
    """Return why a chunk is not wanted, or None."""
    if chunk.kind is TransferKind.BUNDLE:
        return "bundles go up, not down"
    if job is None or job.node != node:
        return "no such job on this node"
    if kept is not None:
        return "this transfer came with other content before"
    promised = job.result_sha256
    if chunk.kind is TransferKind.RESULT and promised is not None and promised != chunk.sha256:
        return "not the result that the job's report promised"
    return None
