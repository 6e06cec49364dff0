-- Version 1: everything a node must not forget.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counter VALUES ('tc_accepted', 0), ('tc_rejected', 0), ('events_given_way', 0);

-- The legal moves of each state machine, filled at every start from the transition tables.
CREATE TABLE edge (
    machine TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (machine, source, target)
) WITHOUT ROWID;

CREATE TABLE tc (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sequence TEXT NOT NULL, -- a number of up to 64 bits, unsigned: more than SQLite's own
    body BLOB NOT NULL,
    accepted_at INTEGER NOT NULL,
    stage TEXT NOT NULL,
    step INTEGER NOT NULL
);
CREATE INDEX tc_stage ON tc (stage, ordinal);

CREATE TABLE tc_report (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX tc_report_request ON tc_report (request_id, ordinal);

CREATE TABLE replay_window (
    key_id TEXT PRIMARY KEY,
    highest TEXT NOT NULL,
    mask TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE job (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL,
    spec BLOB NOT NULL,
    state TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    restarts INTEGER NOT NULL,
    not_before INTEGER,
    checkpoint TEXT,
    progress_frac REAL,
    reason TEXT,
    result_sha256 TEXT,
    result_bytes INTEGER,
    energy_wh REAL NOT NULL
);
CREATE INDEX job_state ON job (state, ordinal);

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX outbox_order ON outbox (priority, seq);

CREATE TABLE event (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    priority INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX event_order ON event (priority, ordinal);

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE outgoing (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    transfer_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    job_id TEXT NOT NULL,
    file TEXT NOT NULL,
    total_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL
);

CREATE TRIGGER job_move BEFORE UPDATE OF state ON job
WHEN NOT EXISTS (SELECT 1 FROM edge WHERE machine = 'job' AND source = OLD.state AND target = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'illegal move of a job');
END;

CREATE TRIGGER tc_move BEFORE UPDATE OF stage ON tc
WHEN NOT EXISTS (SELECT 1 FROM edge WHERE machine = 'telecommand' AND source = OLD.stage AND target = NEW.stage)
BEGIN
    SELECT RAISE(ABORT, 'illegal move of a telecommand');
END;
