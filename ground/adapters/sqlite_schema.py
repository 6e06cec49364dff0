"""The tables of the ground's archive. One wide row for each housekeeping sample; facts by their natural keys."""

from dataclasses import fields

from icd.hk import HkSample

SCHEMA_VERSION = 1

HK_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(HkSample))

_OPEN = "state NOT IN ('SUCCEEDED', 'FAILED', 'CANCELLED')"
SCHEMA: tuple[str, ...] = (
    "CREATE TABLE counter (name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID",
    f"CREATE TABLE hk (node TEXT, at INTEGER, {', '.join(HK_COLUMNS)}, PRIMARY KEY (node, at)) WITHOUT ROWID",
    "CREATE TABLE report (node TEXT, outbox_id TEXT, seq INTEGER, PRIMARY KEY (node, outbox_id, seq)) WITHOUT ROWID",
    """CREATE TABLE event (
        number INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, at INTEGER NOT NULL, severity TEXT NOT NULL,
        event_id TEXT NOT NULL, app TEXT NOT NULL, fields TEXT NOT NULL, text TEXT NOT NULL)""",
    "CREATE INDEX event_kind ON event (node, event_id, at)",
    "CREATE INDEX event_severity ON event (severity)",
    """CREATE TABLE tc (
        number INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL UNIQUE, node TEXT NOT NULL,
        key_id TEXT NOT NULL, sequence INTEGER NOT NULL, user TEXT NOT NULL, command TEXT NOT NULL, job_id TEXT,
        issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, signed BLOB NOT NULL, sent INTEGER NOT NULL,
        stage TEXT NOT NULL, reason TEXT, detail TEXT NOT NULL, updated_at INTEGER NOT NULL,
        UNIQUE (key_id, node, sequence))""",
    "CREATE INDEX tc_unanswered ON tc (number) WHERE stage IN ('ISSUED', 'RECEIVED')",
    "CREATE INDEX tc_expired ON tc (expires_at) WHERE stage = 'EXPIRED'",
    """CREATE TABLE tc_stage (
        request_id TEXT NOT NULL REFERENCES tc (request_id), stage TEXT, step INTEGER, at INTEGER NOT NULL,
        reason TEXT, detail TEXT NOT NULL, PRIMARY KEY (request_id, stage, step)) WITHOUT ROWID""",
    """CREATE TABLE job (
        number INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL UNIQUE, spec TEXT NOT NULL,
        digest TEXT NOT NULL, state TEXT NOT NULL, node TEXT, wanted_node TEXT, request_id TEXT, cancel_id TEXT,
        cancel_wanted INTEGER NOT NULL, placements INTEGER NOT NULL, not_before INTEGER, reason TEXT,
        detail TEXT NOT NULL, attempt INTEGER NOT NULL, progress_frac REAL, energy_wh REAL NOT NULL,
        result_state TEXT NOT NULL, result_sha256 TEXT, result_bytes INTEGER, submitted_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL, report_at INTEGER NOT NULL, report_seq INTEGER NOT NULL, work_s REAL NOT NULL)""",
    f"CREATE INDEX job_open ON job (state, number) WHERE {_OPEN}",
    f"CREATE INDEX job_to_cancel ON job (number) WHERE {_OPEN} AND cancel_wanted AND cancel_id IS NULL",
    # What has ended never moves again, whatever asks for it.
    """CREATE TRIGGER job_end_is_final BEFORE UPDATE OF state ON job
        WHEN OLD.state IN ('SUCCEEDED', 'FAILED', 'CANCELLED') AND NEW.state != OLD.state
        BEGIN SELECT RAISE(ABORT, 'an ended job does not move'); END""",
    """CREATE TABLE job_report (
        number INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL REFERENCES job (job_id), node TEXT NOT NULL,
        seq INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL)""",
    "CREATE INDEX job_report_job ON job_report (job_id, at, seq)",
    "CREATE INDEX job_report_node ON job_report (node, at)",
    """CREATE TABLE file (
        number INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, transfer_id TEXT NOT NULL, kind TEXT NOT NULL,
        job_id TEXT NOT NULL REFERENCES job (job_id), sha256 TEXT NOT NULL, total_bytes INTEGER NOT NULL,
        UNIQUE (node, transfer_id))""",
    "CREATE INDEX file_job ON file (job_id, kind)",
)
