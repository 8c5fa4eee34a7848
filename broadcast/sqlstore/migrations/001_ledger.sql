-- +goose Up
-- Times are Unix milliseconds, 0 for none. Only what SQLite and PostgreSQL
-- share is used.
CREATE TABLE checks (
    id         BIGINT PRIMARY KEY,
    kind       TEXT   NOT NULL,
    start_key  TEXT   NOT NULL UNIQUE,
    question   TEXT   NOT NULL,
    started_by TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    deadline   BIGINT NOT NULL,
    closed_at  BIGINT NOT NULL DEFAULT 0,
    closed_by  TEXT   NOT NULL DEFAULT '',
    ladder     TEXT   NOT NULL,
    next_rung  BIGINT NOT NULL,
    next_due   BIGINT NOT NULL
);

-- The roster as it was when the check began.
CREATE TABLE check_members (
    check_id  BIGINT NOT NULL,
    position  BIGINT NOT NULL,
    member_id TEXT   NOT NULL,
    member    TEXT   NOT NULL,
    PRIMARY KEY (check_id, member_id)
);

CREATE TABLE deliveries (
    id             BIGINT PRIMARY KEY,
    check_id       BIGINT NOT NULL,
    member_id      TEXT   NOT NULL,
    channel        TEXT   NOT NULL,
    step           TEXT   NOT NULL,
    address        TEXT   NOT NULL,
    purpose        TEXT   NOT NULL,
    answer_carrier TEXT   NOT NULL,
    about_id       TEXT   NOT NULL,
    body           TEXT   NOT NULL,
    reference      TEXT   NOT NULL,
    state          TEXT   NOT NULL,
    due_at         BIGINT NOT NULL,
    attempt        BIGINT NOT NULL DEFAULT 0,
    doubt          BIGINT NOT NULL DEFAULT 0,
    maybe_twice    BIGINT NOT NULL DEFAULT 0,
    reason         TEXT   NOT NULL,
    room           TEXT   NOT NULL DEFAULT '',
    message_id     BIGINT NOT NULL DEFAULT 0,
    sent_at        BIGINT NOT NULL DEFAULT 0,
    seen_at        BIGINT NOT NULL DEFAULT 0,
    UNIQUE (check_id, member_id, channel, step, address)
);
CREATE INDEX deliveries_waiting ON deliveries (channel, due_at) WHERE state IN ('due', 'sending');
CREATE INDEX deliveries_reference ON deliveries (reference);
CREATE INDEX deliveries_message ON deliveries (room, message_id) WHERE message_id <> 0;

CREATE TABLE answers (
    id          BIGINT PRIMARY KEY,
    check_id    BIGINT NOT NULL,
    member_id   TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    place       TEXT   NOT NULL,
    source      TEXT   NOT NULL,
    carrier     TEXT   NOT NULL,
    reported_by TEXT   NOT NULL,
    answered_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    UNIQUE (carrier, check_id, member_id)
);
CREATE INDEX answers_of_check ON answers (check_id, member_id);

-- Up to which message each room was read.
CREATE TABLE cursors (
    room       TEXT   PRIMARY KEY,
    last_given BIGINT NOT NULL
);

-- Small things kept whole under a name, such as the last good roster.
CREATE TABLE documents (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
);

-- +goose Down
DROP TABLE documents;
DROP TABLE cursors;
DROP TABLE answers;
DROP TABLE deliveries;
DROP TABLE check_members;
DROP TABLE checks;
