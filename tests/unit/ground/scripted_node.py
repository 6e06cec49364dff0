"""The far end of the space link, played by the book: takes telecommands once, keeps an outbox, carries files."""

import hashlib

from icd.codec import decode, encode
from icd.envelope import Message
from icd.events import OutboxAck, OutboxBatch
from icd.hk import pack
from icd.jobs import JobState
from icd.tc import CancelJob, SignedTelecommand, SubmitJob, Telecommand
from icd.topics import downlink, uplink
from icd.transfer import CHUNK_BYTES, Chunk, ChunkAck, TransferKind
from icd.verification import Stage, VerificationReport
from runtime.chunks import ChunkReceiver, ChunkSender, Placement
from tests.unit.ground.bench import OUTBOX, Bench, Report, item, job_report, sample

RESULT = b"result " * 30_000


class ScriptedNode:
    """Acts on what the ground sent since the last step, and sends again what is not acknowledged."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: dict[str, bytes] = {}  # every telecommand taken, once
        self.executed: list[str] = []
        self.bundles: dict[str, bytes] = {}
        self._outbox: dict[int, Report] = {}
        self._seq = 0
        self._counter = 0
        self._coming: dict[str, tuple[ChunkReceiver, bytearray]] = {}
        self._leaving: dict[str, ChunkSender] = {}

    @property
    def is_idle(self) -> bool:
        return not self._outbox and not self._leaving

    def step(self, bench: Bench) -> None:
        """Take what came up, answer, and send what waits."""
        for payload in bench.link.take(uplink(self.name, "tc")):
            self._on_tc(bench, payload)
        for payload in bench.link.take(uplink(self.name, "ack")):
            for seq in decode(payload, OutboxAck).seqs:
                self._outbox.pop(seq, None)
        for payload in bench.link.take(uplink(self.name, "xfer")):
            message = decode(payload, Chunk, ChunkAck)
            if isinstance(message, Chunk):
                self._on_chunk(bench, message)
            elif isinstance(message, ChunkAck):
                self._on_ack(message)
        self._send(bench)

    def _on_tc(self, bench: Bench, payload: bytes) -> None:
        signed = decode(payload, SignedTelecommand)
        telecommand = decode(signed.body, Telecommand)
        if telecommand.request_id in self.seen:
            assert self.seen[telecommand.request_id] == signed.body, "an id stands for one command for ever"
            return
        self.seen[telecommand.request_id] = signed.body
        self.executed.append(telecommand.request_id)
        for stage in (Stage.ACCEPTED, Stage.STARTED, Stage.COMPLETED):
            self._report(
                VerificationReport(
                    request_id=telecommand.request_id, stage=stage, step=0, at=bench.clock.now(), reason=None, detail=""
                )
            )
        match telecommand.command:
            case SubmitJob(spec=spec):
                self._report(job_report(spec.job_id, JobState.STAGING, bench.clock.now()))
            case CancelJob(job_id=job_id):
                self._report(job_report(job_id, JobState.CANCELLED, bench.clock.now()))
            case _:
                pass

    def _on_chunk(self, bench: Bench, chunk: Chunk) -> None:
        receiver, content = self._coming.setdefault(chunk.transfer_id, (ChunkReceiver(chunk.total_bytes), bytearray()))
        if receiver.place(chunk.total_bytes, chunk.offset, len(chunk.content)) is Placement.APPEND:
            content += chunk.content
            receiver.appended(len(content))
        if receiver.whole and chunk.job_id not in self.bundles:
            assert hashlib.sha256(content).hexdigest() == chunk.sha256
            self.bundles[chunk.job_id] = bytes(content)
            self._run(bench, chunk.job_id)
        self._message(
            bench,
            "xfer",
            ChunkAck(
                transfer_id=chunk.transfer_id, next_offset=receiver.next_offset, done=receiver.whole, refused=None
            ),
        )

    def _run(self, bench: Bench, job_id: str) -> None:
        sha = hashlib.sha256(RESULT).hexdigest()
        now = bench.clock.now()
        for state in (JobState.QUEUED, JobState.STARTING, JobState.RUNNING, JobState.VERIFYING):
            self._report(job_report(job_id, state, now))
        self._report(
            job_report(job_id, JobState.SUCCEEDED, now, result_sha256=sha, result_bytes=len(RESULT), energy_wh=4.0)
        )
        self._leaving[f"down-{job_id}"] = ChunkSender(len(RESULT), CHUNK_BYTES)

    def _on_ack(self, ack: ChunkAck) -> None:
        sender = self._leaving.get(ack.transfer_id)
        if sender is not None:
            assert ack.refused is None, ack.refused
            sender.on_ack(ack.next_offset, ack.done)
            if sender.done:
                del self._leaving[ack.transfer_id]

    def _report(self, report: Report) -> None:
        self._seq += 1
        self._outbox[self._seq] = report

    def _send(self, bench: Bench) -> None:
        self._counter += 1
        self._message(bench, "hk", pack(self.name, self._counter, bench.clock.now(), sample()))
        waiting = [item(seq, report) for seq, report in self._outbox.items()]
        if waiting:
            self._message(bench, "report", OutboxBatch(node=self.name, outbox_id=OUTBOX, items=tuple(waiting[:64])))
        for transfer_id, sender in list(self._leaving.items()):
            sender.rewind()
            while (span := sender.next_span()) is not None:
                sender.sent(span)
                chunk = Chunk(
                    transfer_id=transfer_id,
                    kind=TransferKind.RESULT,
                    job_id=transfer_id.removeprefix("down-"),
                    total_bytes=len(RESULT),
                    sha256=hashlib.sha256(RESULT).hexdigest(),
                    offset=span.offset,
                    content=RESULT[span.offset : span.end],
                )
                self._message(bench, "xfer", chunk)

    def _message(self, bench: Bench, channel: str, message: Message) -> None:
        bench.ground.on_message(downlink(self.name, channel), encode(message))
