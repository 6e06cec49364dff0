"""Transfer: job bundles up, results and logs down, in chunks that survive loss, resets and long silences."""

from icd.codec import DecodeError, decode, encode
from icd.jobs import JobState
from icd.transfer import Chunk, ChunkAck, TransferKind, log_transfer, result_transfer
from node.apps.transfer.bundles import Objection, Wanted, objection_to
from node.apps.transfer.deliveries import Deliveries
from node.kernel.app import App, Kernel, handles, on_timer
from node.kernel.errors import StorageError
from node.kernel.pace import Pace
from node.messages import BundleReady, BundleWanted, JobEnded, LinkChanged, UplinkReceived
from node.ports.files import Files, bundle_file, log_file, result_file
from node.ports.link import SpaceLink
from node.ports.store import OutgoingRow, TransferStore
from runtime.chunks import RESEND_WALL_S, AckEffect, Placement, Span

DETAIL_CHARS_MAX = 200
EVENT_S = 60.0  # mission time between two events on the same refused transfer, or on a disk that refuses
ADOPT_RETRY_S = 60.0  # mission time until files that could not be queued durably are tried again
ENDED_JOBS_LOOKED_AT = 256  # how far back a recovery looks for files that were not queued


class TransferApp(App):
    """Receives what jobs wait for, and delivers what they leave."""

    name = "transfer"
    critical = False

    def __init__(self, kernel: Kernel, link: SpaceLink, files: Files, store: TransferStore) -> None:
        super().__init__(kernel)
        self._link = link
        self._files = files
        self._store = store
        self._wanted: dict[str, Wanted] = {}
        self._deliveries = Deliveries()
        self._awaiting_ack = False  # the resend timer runs
        self._refused_pace = Pace(EVENT_S)
        self._storage_pace = Pace(EVENT_S)

    # --- life ---

    def recover(self) -> None:
        """Take up what had not gone down, and what a reset kept from being queued. The jobs app asks for bundles."""
        self._deliveries = Deliveries()
        self._awaiting_ack = False
        for row in self._store.outgoing():
            self._deliveries.add(row)
        self._adopt()

    def start(self) -> None:
        """Go on sending, if the link is up already."""
        self._pump()

    # --- from the bus ---

    @handles(BundleWanted)
    def on_wanted(self, wanted: BundleWanted) -> None:
        """Expect a job's bundle; what is already on disk need not come again."""
        try:
            if self._is_whole(wanted):
                self.kernel.publish(BundleReady(wanted.job_id))
                return
            expected = Wanted(wanted.job_id, wanted.sha256, wanted.total_bytes)
            expected.begin(self._files.part_size(bundle_file(wanted.job_id)))
            self._wanted[wanted.job_id] = expected
        except StorageError as error:
            self._report_storage(error)
            self._wanted[wanted.job_id] = Wanted(wanted.job_id, wanted.sha256, wanted.total_bytes)

    @handles(JobEnded)
    def on_job_ended(self, ended: JobEnded) -> None:
        """Queue what the job leaves, and forget its bundle."""
        self._wanted.pop(ended.job_id, None)
        try:
            self._files.remove(bundle_file(ended.job_id))
            if ended.state is not JobState.SUCCEEDED:
                self._files.remove(result_file(ended.job_id))
            self._queue_files_of(ended.job_id)
        except StorageError as error:
            self._report_storage(error)
            self.kernel.set_timer("adopt", ADOPT_RETRY_S)
        self._pump()

    @handles(LinkChanged)
    def on_link(self, changed: LinkChanged) -> None:
        """Ask the ground where it stands when the link comes; wait when it goes."""
        self._stop_awaiting()
        if changed.up:
            self._deliveries.rewind()
            self._pump()

    @handles(UplinkReceived)
    def on_uplink(self, uplink: UplinkReceived) -> None:
        """Take a chunk of a bundle, or an answer to a chunk of ours."""
        if uplink.channel != "xfer":
            return
        try:
            message = decode(uplink.payload, Chunk, ChunkAck)
        except DecodeError as error:
            self.kernel.report("UPLINK_REJECTED", channel="xfer", detail=str(error)[:DETAIL_CHARS_MAX])
            return
        try:
            if isinstance(message, Chunk):
                self._take_chunk(message)
            elif isinstance(message, ChunkAck):
                self._take_ack(message)
        except StorageError as error:
            self._report_storage(error)

    @on_timer("resend")
    def on_silence(self) -> None:
        """Send again from where the ground stood: no answer has come."""
        self._awaiting_ack = False
        self._deliveries.on_silence()
        self._pump()

    @on_timer("adopt")
    def on_adopt(self) -> None:
        """Try again to queue what the disk refused."""
        self._adopt()
        self._pump()

    # --- up ---

    def _take_chunk(self, chunk: Chunk) -> None:
        wanted = self._wanted.get(chunk.job_id)
        objection = objection_to(chunk, wanted)
        if objection is Objection.UNKNOWN_JOB and self._files.stat(bundle_file(chunk.job_id)) == (
            chunk.total_bytes,
            chunk.sha256,
        ):
            self._answer(chunk.transfer_id, chunk.total_bytes, done=True)  # whole already: our answer was lost
        elif objection is not None or wanted is None:
            self._refuse(chunk.transfer_id, objection or Objection.UNKNOWN_JOB)
        else:
            self._place(chunk, wanted)

    def _place(self, chunk: Chunk, wanted: Wanted) -> None:
        name, receiver = bundle_file(wanted.job_id), wanted.receiver
        match receiver.place(chunk.total_bytes, chunk.offset, len(chunk.content)):
            case Placement.OUTSIDE:
                self._refuse(chunk.transfer_id, Objection.PLACE)
                return
            case Placement.APPEND:
                try:
                    receiver.appended(self._files.append_part(name, chunk.offset, chunk.content))
                except StorageError as error:
                    self._report_storage(error)  # the answer below asks for the same bytes again
            case Placement.HELD | Placement.AHEAD:
                pass
        if receiver.whole:
            self._finish(chunk.transfer_id, wanted)
        else:
            self._answer(chunk.transfer_id, receiver.next_offset)

    def _finish(self, transfer_id: str, wanted: Wanted) -> None:
        job_id = wanted.job_id
        if self._files.finish_part(bundle_file(job_id), wanted.sha256):
            del self._wanted[job_id]
            self._answer(transfer_id, wanted.total_bytes, done=True)
            self.kernel.report("BUNDLE_RECEIVED", job_id=job_id, total_bytes=wanted.total_bytes)
            self.kernel.publish(BundleReady(job_id))
            return
        self.kernel.report("BUNDLE_CORRUPT", job_id=job_id)
        wanted.receiver.mismatched()
        if wanted.receiver.given_up:
            wanted.begin(0)
            self._refuse(transfer_id, Objection.MISMATCH)
        else:
            self._answer(transfer_id, 0)

    def _answer(self, transfer_id: str, next_offset: int, *, done: bool = False, refused: str | None = None) -> None:
        ack = ChunkAck(transfer_id=transfer_id, next_offset=next_offset, done=done, refused=refused)
        self._link.send("xfer", encode(ack))  # lost with the link: the ground asks again

    def _refuse(self, transfer_id: str, objection: Objection) -> None:
        self._answer(transfer_id, 0, refused=objection.value)
        if self._refused_pace.allows(self.kernel.now, transfer_id):
            self.kernel.report("TRANSFER_REFUSED", transfer_id=transfer_id, why=objection.value)

    def _is_whole(self, wanted: BundleWanted) -> bool:
        name = bundle_file(wanted.job_id)
        found = self._files.stat(name)
        if found is not None and found != (wanted.total_bytes, wanted.sha256):
            self._files.remove(name)  # left by an earlier job of this id
            return False
        return found is not None

    # --- down ---

    def _adopt(self) -> None:
        """Queue the files of ended jobs that are on disk and not queued; a reset or a full disk came between."""
        try:
            for job_id in reversed(self._store.ended_jobs(ENDED_JOBS_LOOKED_AT)):
                self._queue_files_of(job_id)
        except StorageError as error:
            self._report_storage(error)
            self.kernel.set_timer("adopt", ADOPT_RETRY_S)

    def _queue_files_of(self, job_id: str) -> None:
        for transfer_id, kind, name in (
            (result_transfer(job_id), TransferKind.RESULT, result_file(job_id)),
            (log_transfer(job_id), TransferKind.LOG, log_file(job_id)),
        ):
            found = self._files.stat(name)
            if found is None or self._deliveries.holds(transfer_id):
                continue
            row = OutgoingRow(transfer_id, kind.value, job_id, name, *found)
            self._store.add_outgoing(row)
            self._deliveries.add(row)

    def _pump(self) -> None:
        """Send what the window of the current file lets go."""
        try:
            while self._link.up and (current := self._deliveries.current()) is not None:
                row, sender = current
                span = sender.next_span()
                if span is None:
                    break
                if span.offset == 0 and self._files.stat(row.file) != (row.total_bytes, row.sha256):
                    self._drop_changed(row)
                    continue
                if not self._link.send("xfer", encode(self._chunk(row, span))):
                    break
                sender.sent(span)
        except StorageError as error:
            self._report_storage(error)
        if self._link.up and len(self._deliveries) and not self._awaiting_ack:
            self._awaiting_ack = True
            self.kernel.set_wall_timer("resend", RESEND_WALL_S)

    def _chunk(self, row: OutgoingRow, span: Span) -> Chunk:
        return Chunk(
            transfer_id=row.transfer_id,
            kind=TransferKind(row.kind),
            job_id=row.job_id,
            total_bytes=row.total_bytes,
            sha256=row.sha256,
            offset=span.offset,
            content=self._files.read(row.file, span.offset, span.length),
        )

    def _drop_changed(self, row: OutgoingRow) -> None:
        """Forget a row whose file is not what it says, and queue what is there instead, if anything."""
        self._store.end_outgoing(row.transfer_id)
        self._deliveries.remove(row.transfer_id)
        self.kernel.report("TRANSFER_REFUSED", transfer_id=row.transfer_id, why="its file is gone or was changed")
        self._queue_files_of(row.job_id)

    def _take_ack(self, ack: ChunkAck) -> None:
        row = self._deliveries.find(ack.transfer_id)
        if row is None:
            return  # of a file that ended meanwhile
        if ack.refused is not None:
            self._end(row, f"the ground says: {ack.refused}")
            self._stop_awaiting()
        else:
            match self._deliveries.on_ack(ack.transfer_id, ack.next_offset, ack.done):
                case AckEffect.DONE:
                    self._end(row, None)
                    self._stop_awaiting()
                case AckEffect.MOVED | AckEffect.WENT_BACK:
                    self._stop_awaiting()
                case AckEffect.SAME | AckEffect.OUTSIDE:
                    pass  # no progress: the time to send again goes on
        self._pump()

    def _end(self, row: OutgoingRow, why_not: str | None) -> None:
        """Forget a file: first the row, so that a reset in between sends it once more rather than never."""
        self._store.end_outgoing(row.transfer_id)
        self._deliveries.remove(row.transfer_id)
        self._files.remove(row.file)
        if why_not is not None:
            self.kernel.report("TRANSFER_REFUSED", transfer_id=row.transfer_id, why=why_not[:DETAIL_CHARS_MAX])
        elif row.kind == TransferKind.RESULT:
            self.kernel.report("RESULT_SENT", job_id=row.job_id, total_bytes=row.total_bytes)

    def _stop_awaiting(self) -> None:
        self._awaiting_ack = False
        self.kernel.cancel_timer("resend")

    def _report_storage(self, error: StorageError) -> None:
        if self._storage_pace.allows(self.kernel.now):
            self.kernel.report("STORAGE_FAILED", detail=str(error)[:DETAIL_CHARS_MAX])
