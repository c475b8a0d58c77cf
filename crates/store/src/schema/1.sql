CREATE TABLE format (version INTEGER NOT NULL);
INSERT INTO format (version) VALUES (1);

-- The last number given to a domain and to an account; numbers are never reused.
CREATE TABLE counter (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('domain', 0), ('account', 0);

CREATE TABLE domain (
    domain_id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE account (
    account_id INTEGER NOT NULL PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    domain_id INTEGER NOT NULL,
    password TEXT NOT NULL,
    scram TEXT,
    quota_bytes INTEGER,
    used_bytes INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    last_message_id INTEGER NOT NULL,
    last_mailbox_id INTEGER NOT NULL,
    last_uidvalidity INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
);
CREATE INDEX account_by_domain ON account (domain_id, account_id);

CREATE TABLE alias (
    address TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (address, target)
) WITHOUT ROWID;

CREATE TABLE mailbox (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    special_use TEXT,
    uidvalidity INTEGER NOT NULL,
    uidnext INTEGER NOT NULL,
    recent_uid INTEGER NOT NULL,
    exists_count INTEGER NOT NULL,
    unseen_count INTEGER NOT NULL,
    deleted_count INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    highest_modseq INTEGER NOT NULL,
    tombstone_floor_modseq INTEGER NOT NULL,
    PRIMARY KEY (account_id, mailbox_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX mailbox_by_name ON mailbox (account_id, name);

CREATE TABLE subscription (
    account_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account_id, name)
) WITHOUT ROWID;

CREATE TABLE keyword (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, name)
) WITHOUT ROWID;

-- Counting references touches only narrow rows; the content lies apart, in order of arrival.
CREATE TABLE blob (
    digest BLOB NOT NULL PRIMARY KEY,
    blob_id INTEGER NOT NULL,
    refs INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL
) WITHOUT ROWID;

-- Exactly one of data and file (the name of a file) is set. What they hold is zstd, or, in its own
-- length, the content as it is.
CREATE TABLE content (
    blob_id INTEGER NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    file TEXT,
    data BLOB
);

-- With row ids, unlike the other tables: rows of 1 KB and more would each take an overflow page, and
-- appending in order of arrival writes a third less per delivery.
CREATE TABLE message (
    account_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    trace_id INTEGER NOT NULL,
    prefix BLOB NOT NULL,
    overview BLOB NOT NULL,
    PRIMARY KEY (account_id, message_id)
);

CREATE TABLE placement (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    keywords TEXT,
    received_ms INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    saved_ms INTEGER NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, uid)
) WITHOUT ROWID;
CREATE INDEX placement_by_modseq ON placement (account_id, mailbox_id, modseq);
CREATE INDEX placement_by_message ON placement (account_id, message_id);

-- A row stands for the UIDs uid to last_uid, expunged at modseq.
CREATE TABLE tombstone (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    last_uid INTEGER NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, modseq, uid)
) WITHOUT ROWID;

CREATE TABLE queue (
    queue_id INTEGER NOT NULL PRIMARY KEY,
    blob_id INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    prefix BLOB NOT NULL,
    sender TEXT NOT NULL,
    options TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    trace_id INTEGER NOT NULL
);

-- Whoever claims a recipient sets next_attempt_ms to when the claim ends.
CREATE TABLE queue_recipient (
    queue_id INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    options TEXT NOT NULL,
    next_attempt_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    claimed_by TEXT,
    last_reply TEXT,
    PRIMARY KEY (queue_id, recipient)
) WITHOUT ROWID;
CREATE INDEX queue_recipient_by_time ON queue_recipient (next_attempt_ms);

CREATE TABLE trace_event (
    trace_id INTEGER NOT NULL,
    n INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    recipient TEXT,
    kind INTEGER NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (trace_id, n)
) WITHOUT ROWID;

CREATE TABLE trace_key (
    name TEXT NOT NULL,
    trace_id INTEGER NOT NULL,
    PRIMARY KEY (name, trace_id)
) WITHOUT ROWID;
CREATE INDEX trace_key_by_trace ON trace_key (trace_id);

-- Old traces are found by their first event.
CREATE INDEX trace_event_by_time ON trace_event (at_ms) WHERE n = 0;
