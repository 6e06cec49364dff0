"""Outbox batches in: every report checked, all of a batch committed with their numbers at once, then acknowledged."""

from ground.desk import Desk
from ground.jobs import Jobs
from ground.verificator import Verificator
from icd.dictionary import render
from icd.events import EventReport, OutboxAck, OutboxBatch, OutboxItem
from icd.jobs import JobReport
from icd.verification import VerificationReport


class Reports:
    """Takes the nodes' durable reports, each exactly once however often it comes."""

    def __init__(self, desk: Desk, jobs: Jobs, verificator: Verificator) -> None:
        self._desk = desk
        self._jobs = jobs
        self._verificator = verificator

    def on_batch(self, node: str, batch: OutboxBatch) -> None:
        """Commit a batch and acknowledge it. What is no legal report is noted, counted and acknowledged too.

        Raises:
            ArchiveError: nothing was committed and nothing acknowledged, so the node sends it again.
        """
        refused: list[str] = []
        with self._desk.archive.transaction():
            for item in batch.items:
                if not self._desk.archive.telemetry.take_report(node, batch.outbox_id, item.seq):
                    continue
                why = self._take(node, item)
                if why is not None:
                    refused.append(f"report {item.seq}: {why}")
            for why in refused:
                self._desk.notices.reject(f"dl/{node}/report", why)
        seqs = tuple(item.seq for item in batch.items)
        self._desk.send(node, "ack", OutboxAck(outbox_id=batch.outbox_id, seqs=seqs), qos=0)

    def _take(self, node: str, item: OutboxItem) -> str | None:
        """Take one report; return why it was not taken."""
        try:
            report = item.report()
        except ValueError as error:  # pydantic's ValidationError is one
            return f"not a {item.kind} report: {_first_line(error)}"
        match report:
            case VerificationReport():
                known = self._verificator.on_report(node, report)
                return None if known else f"no telecommand {report.request_id} was sent to {node}"
            case JobReport():
                known = self._jobs.on_report(node, item.seq, report)
                return None if known else f"no job {report.job_id} was sent to {node}"
            case EventReport():
                self._desk.archive.telemetry.add_event(node, report, render(report))
                self._desk.feed.touch()
                return None


def _first_line(error: ValueError) -> str:
    lines = str(error).splitlines()
    return " ".join(line.strip() for line in lines[1:3]) if len(lines) > 1 else str(error)
